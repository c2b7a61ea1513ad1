"""f(x) = −w Σ log xᵢ for x > 0; prox_{αf}(y) = (y + √(y² + 4αw))/2.

Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.3.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, check_parameter, is_positive, show


class NegativeLog(Function):
    """−w Σ log xᵢ, inf unless x > 0.

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.
    batch_ndim : int
        Leading batch axes.
    """

    elementwise = True

    def __init__(self, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        self.weight = check_parameter("weight", weight, is_positive, "give positive weights")
        self.batch_ndim = batch_ndim

    def __call__(self, x: Point) -> Array:
        xp, inside = namespace(x), x > 0
        value = xp.where(inside, -xp.log(xp.where(inside, x, 1.0)), float("inf"))
        return sum_of(self.weight * value, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        mass = align(alpha, x) * self.weight + 0.0 * x
        larger = (abs(x) + xp.hypot(x, 2 * xp.sqrt(mass))) / 2
        # the roots of z² − yz − αw have the product −αw: no cancellation for y < 0
        return xp.where(x >= 0, larger, mass / larger)

    def __repr__(self) -> str:
        return f"NegativeLog({show(weight=self.weight)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        """(function, shape of its points) for the checks."""
        return [(cls(asarray([0.5, 1.0, 2.0])), (3,)), (cls(0.3, batch_ndim=1), (4, 3))]
