"""f(x) = Σ wᵢ max(τxᵢ, (τ − 1)xᵢ), the pinball loss."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, parameter
from splitkit.functions.sets.box import Box


class Quantile(Function):
    """Σ wᵢ max(τxᵢ, (τ − 1)xᵢ); τ = ½ is half the ℓ1 norm.

    f(x) = Σ wᵢ max(τxᵢ, (τ − 1)xᵢ), the pinball loss.

    prox_{αf}(y) = y − min(max(y, αw(τ − 1)), αwτ). Its conjugate is the indicator of the box
    {w(τ − 1) ≤ u ≤ wτ}.
    Source: Koenker, Bassett, *Regression quantiles* (1978).

    Parameters
    ----------
    tau : float or array, default 0.5
        τ, in [0, 1].
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.Quantile(tau=0.9)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.25 [ 2.1 -0.9  0. ]
    """

    formula = r"<weight*>\sum\max(<tau>\,@, (<tau> - 1)\,@)"

    tau: Scalar = parameter(Range(0.0, 1.0, "[]"), default=0.5)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    polyhedral = True
    sublinear = True

    def _box(self) -> tuple[Scalar, Scalar]:
        return self.weight * (self.tau - 1), self.weight * self.tau

    def __call__(self, x: Point) -> Array:
        low, high = self._box()
        return sum_of(namespace(x).maximum(low * x, high * x), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        low, high = self._box()
        alpha = align(alpha, x)
        return x - clip(x, alpha * low, alpha * high)

    @property
    def conjugate(self) -> Function:
        return Box(*self._box(), batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.2), (3,)),
            (cls(asarray([0.1, 0.0, 0.9]), asarray([0.5, 1.0, 2.0]), batch_ndim=1), (2, 3)),
        ]
