"""The gauges behind the greatest singular value and eigenvalue: w max|xᵢ| and w max xᵢ.

By Moreau's identity their prox is y − P(y), P the projection onto {Σ|uᵢ| ≤ αw}, and onto the
simplex {u ≥ 0, Σuᵢ = αw}. Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.4.1, §6.5.2.
"""

from __future__ import annotations

from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, check_parameter, is_positive, show
from splitkit.functions.simplex import Simplex


class _Extreme(Function):
    def __init__(self, weight: float = 1.0, *, batch_ndim: int = 0) -> None:
        self.weight = check_parameter("weight", weight, is_positive, "give a positive weight")
        self.batch_ndim = batch_ndim

    def _onto_simplex(self, x: Array, alpha: Scalar) -> Array:
        """Each vector along the last axis, onto {u ≥ 0, Σuᵢ = αw}."""
        return Simplex(alpha * self.weight, batch_ndim=x.ndim - 1).project(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({show(weight=self.weight)})"


class LargestEntry(_Extreme):
    """w maxᵢ xᵢ over the last axis, summed over the others that are not batch."""

    def __call__(self, x: Point) -> Array:
        return self.weight * sum_of(namespace(x).max(x, axis=-1), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return x - self._onto_simplex(x, alpha)


class LargestMagnitude(_Extreme):
    """w maxᵢ|xᵢ| over the last axis, summed over the others that are not batch."""

    def __call__(self, x: Point) -> Array:
        return self.weight * sum_of(namespace(x).max(abs(x), axis=-1), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, sizes = namespace(x), abs(x)
        mass = align(alpha, x) * self.weight
        outside = xp.sum(sizes, axis=-1, keepdims=True) > mass
        left = x - xp.sign(x) * self._onto_simplex(sizes, alpha)
        return xp.where(outside, left, 0.0)
