"""f(x) = ½ Σ wᵢ(1 − sᵢ)₊² of the margins s = yx."""

from __future__ import annotations

import math

from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Indicator, extremes, zero_or_inf
from splitkit.functions.losses.margin import WeightedMarginLoss


class SquaredHinge(WeightedMarginLoss):
    """½ Σ wᵢ(1 − yᵢxᵢ)₊², max w-smooth; y and w as of ``WeightedMarginLoss``.

    f(x) = ½ Σ wᵢ(1 − sᵢ)₊² of the margins s = yx; with v = yu, f*(u) = Σ vᵢ + vᵢ²/(2wᵢ) on v ≤ 0.

    prox_{αf} takes a margin s < 1 to (s + αw)/(1 + αw). Source: Chang, Hsieh, Lin, *Coordinate
    descent method for large-scale L2-loss linear support vector machines* (2008).

    Examples
    --------
    >>> f = sk.functions.SquaredHinge(np.array([1.0, -1.0, 1.0]))
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    0.125 [ 3.   -1.    0.75]
    """

    formula = r"\frac{<weight>}{2}\sum(1 - ⟦<y>\,⟧@)_+^2"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.smoothness = extremes(self.weight)[1]

    def _short(self, x: Array) -> Array:
        """(1 − s)₊, by how much the margins fall short."""
        return clip(1 - self._signed(x), 0.0)

    def __call__(self, x: Point) -> Array:
        short = self._short(x)
        return sum_of(self.weight * short * short, self.batch_ndim) / 2

    def gradient(self, x: Point) -> Point:
        return self._signed(-self.weight * self._short(x))

    def curvatures(self, x: Array) -> Scalar:
        return self.weight * namespace(x).astype(self._short(x) > 0, x.dtype)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        t = align(alpha, x) * self.weight
        return x + self._signed(t / (1 + t) * self._short(x))

    @property
    def slopes(self) -> Indicator:
        return self._interval(-math.inf)

    def conjugate_value(self, u: Point) -> Array:
        v = self._signed(u)
        size = sum_of(abs(v), self.batch_ndim)
        value = sum_of(v + v * v / (2 * self.weight), self.batch_ndim)
        return value + zero_or_inf(sum_of(clip(v, 0.0), self.batch_ndim), size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        v = (self._signed(x) - alpha) / (1 + alpha / self.weight)
        return self._signed(clip(v, None, 0.0))
