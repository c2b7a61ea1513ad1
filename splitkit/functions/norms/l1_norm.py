"""f(x) = Σ wᵢ|xᵢ|; prox_{αf}(y) = sign(y) max(|y| − αw, 0), the soft threshold.

Its conjugate is the indicator of the box {|uᵢ| ≤ wᵢ}.

Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.2.
"""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import Array, Point, Scalar, align, clip, sum_of
from splitkit.functions.base import Function, show


class L1Norm(Function):
    """Σ wᵢ|xᵢ|.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative; an array broadcasts to x.
    batch_ndim : int
        Leading batch axes.
    """

    parameters = ("weight",)
    elementwise = True

    def __init__(self, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        self.weight = check_parameter("weight", weight, NON_NEGATIVE)
        self.batch_ndim = batch_ndim

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(x), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        threshold = align(alpha, x) * self.weight
        return x - clip(x, -threshold, threshold)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return clip(x, -self.weight, self.weight)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.sets.box import Box

        return Box(-self.weight, self.weight, batch_ndim=self.batch_ndim)

    def __repr__(self) -> str:
        return f"L1Norm({show(weight=self.weight)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.0, 2.0])), (3,)),
            (cls(0.3, batch_ndim=1), (4, 3)),
        ]
