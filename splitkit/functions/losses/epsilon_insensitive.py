"""f(x) = Σ wᵢ(|xᵢ| − εᵢ)₊; prox_{αf}(y): y inside |y| ≤ ε, else ε sign(y) or y − αw sign(y),
whichever is larger in size.

f*(u) = Σ εᵢ|uᵢ| on |uᵢ| ≤ wᵢ. Source: Vapnik, *The Nature of Statistical Learning Theory* (1995),
ch. 6.
"""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_parameter
from splitkit.backend import Array, Point, Scalar, align, clip, sum_of
from splitkit.functions.base import Function, zero_or_inf
from splitkit.functions.declared import show


class EpsilonInsensitive(Function):
    """Σ wᵢ(|xᵢ| − εᵢ)₊.

    Parameters
    ----------
    epsilon : float or array, default 1
        Non-negative and finite.
    weight : float or array, default 1
        Likewise. Arrays have dtype and device of x and broadcast to it.
    batch_ndim : int
        Leading batch axes.
    """

    parameters = ("epsilon", "weight")
    elementwise = True

    def __init__(self, epsilon: Scalar = 1.0, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        self.epsilon = check_parameter("epsilon", epsilon, NON_NEGATIVE)
        self.weight = check_parameter("weight", weight, NON_NEGATIVE)
        self.batch_ndim = batch_ndim

    def _excess(self, x: Array) -> Array:
        return x - clip(x, -self.epsilon, self.epsilon)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(self._excess(x)), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight
        return x - clip(self._excess(x), -t, t)

    def conjugate_value(self, u: Point) -> Array:
        size = abs(u)
        outside = sum_of(clip(size - self.weight, 0.0), self.batch_ndim)
        value = sum_of(self.epsilon * size, self.batch_ndim)
        return value + zero_or_inf(outside, sum_of(size, self.batch_ndim))

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.epsilon
        return clip(x - clip(x, -t, t), -self.weight, self.weight)

    def __repr__(self) -> str:
        return f"EpsilonInsensitive({show(epsilon=self.epsilon, weight=self.weight)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.3, 0.7), (3,)),
            (cls(asarray([0.5, 0.0, 2.0]), asarray([1.0, 0.1, 0.0]), batch_ndim=1), (2, 3)),
        ]
