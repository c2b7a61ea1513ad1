"""f(x) = Σ wᵢ(1 − sᵢ)₊ of the margins s = yx."""

from __future__ import annotations

from splitkit.backend import Array, Point, Scalar, align, clip, sum_of
from splitkit.functions.base import Indicator, zero_or_inf
from splitkit.functions.losses.margin import WeightedMarginLoss


class Hinge(WeightedMarginLoss):
    """Σ wᵢ(1 − yᵢxᵢ)₊, with y and w as of ``WeightedMarginLoss``.

    f(x) = Σ wᵢ(1 − sᵢ)₊ of the margins s = yx; with v = yu, f*(u) = Σ vᵢ on −w ≤ v ≤ 0.

    prox_{αf} takes a margin to s + αw, at most to 1, and leaves s ≥ 1.
    Source: Cortes, Vapnik, *Support-vector networks* (1995).

    Examples
    --------
    >>> f = sk.functions.Hinge(np.array([1.0, -1.0, 1.0]))
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    0.5 [ 3. -1.  1.]
    """

    formula = r"<weight*>\sum(1 - ⟦<y>\,⟧@)_+"
    polyhedral = True

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * clip(1 - self._signed(x), 0.0), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        s = self._signed(x)
        t = align(alpha, x) * self.weight
        return self._signed(s + clip(1 - s, 0.0, t))

    @property
    def slopes(self) -> Indicator:
        return self._interval(-self.weight)

    def conjugate_value(self, u: Point) -> Array:
        v = self._signed(u)
        outside = abs(v - clip(v, -self.weight, 0.0))
        size = sum_of(abs(v), self.batch_ndim)
        return sum_of(v, self.batch_ndim) + zero_or_inf(sum_of(outside, self.batch_ndim), size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self._signed(clip(self._signed(x) - align(alpha, x), -self.weight, 0.0))
