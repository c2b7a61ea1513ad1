"""f(x) = Σ wᵢ|xᵢ|; prox_{αf}(y) = sign(y) max(|y| − αw, 0), the soft threshold.

Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.2.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, check_parameter


class L1Norm(Function):
    """Σ wᵢ|xᵢ|.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative; an array broadcasts to x.
    batch_ndim : int
        Leading batch axes.
    """

    elementwise = True

    def __init__(self, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        check_parameter("weight", weight, lambda w: w >= 0, "give non-negative weights")
        self.weight, self.batch_ndim = weight, batch_ndim

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(x), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        threshold = align(alpha, x) * self.weight
        return x - xp.clip(x, -threshold, threshold)

    def __repr__(self) -> str:
        return f"L1Norm({self.weight})" if isinstance(self.weight, (int, float)) else "L1Norm(w)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        """(function, shape of its points) for the checks."""
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.0, 2.0])), (3,)),
            (cls(0.3, batch_ndim=1), (4, 3)),
        ]
