"""f(x) = Σ wᵢh(xᵢ), h(t) = t²/2 for |t| ≤ δ, δ|t| − δ²/2 beyond."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, Indicator, extremes, parameter, zero_or_inf
from splitkit.functions.sets.box import Box
from splitkit.linear.base import factors
from splitkit.operators.base import PointMap


class Huber(Function):
    """Σ wᵢh(xᵢ); max w-smooth.

    f(x) = Σ wᵢh(xᵢ), h(t) = t²/2 for |t| ≤ δ, δ|t| − δ²/2 beyond.

    prox_{αf}(y) = y/(1 + αw) for |y| ≤ δ(1 + αw), y − αwδ sign(y) beyond: h is the Moreau envelope
    of δ|·|. Source: Beck, *First-Order Methods in Optimization* (2017), Example 6.66.

    Parameters
    ----------
    delta : float or array, default 1
        δ, where the quadratic ends; positive and finite.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.Huber(delta=1.0)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.125 [ 2.   -0.5   0.25]
    """

    formula = r"<weight*>\sum h_{<delta>}(@)"

    delta: Scalar = parameter(POSITIVE, default=1.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.smoothness = extremes(self.weight)[1]

    def in_metric(self, S: Any) -> Function:
        s = abs(factors(S))
        return Huber(self.delta / s, s * s * self.weight, batch_ndim=self.batch_ndim)

    def make_variance(self) -> PointMap:
        return lambda v: self.weight * (self.weight * v)

    def __call__(self, x: Point) -> Array:
        clipped = clip(x, -self.delta, self.delta)
        return sum_of(self.weight * clipped * (x - clipped / 2), self.batch_ndim)

    def curvatures(self, x: Array) -> Scalar:
        xp = namespace(x)
        return self.weight * xp.astype(abs(x) <= self.delta, x.dtype)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        t = align(alpha, x) * self.weight
        shift = t * self.delta
        beyond = x - clip(x, -shift, shift)
        return xp.where(abs(x) <= self.delta + shift, x / (1 + t), beyond)

    def gradient(self, x: Point) -> Point:
        return self.weight * clip(x, -self.delta, self.delta)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """Of Σ u²/(2w) on the box {|u| ≤ wδ}."""
        edge = self.weight * self.delta
        return clip(self.weight * x / (self.weight + align(alpha, x)), -edge, edge)

    @property
    def slopes(self) -> Indicator:
        edge = self.weight * self.delta
        return Box(-edge, edge, batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        xp, weight = namespace(u), self.weight + 0.0 * u
        value = sum_of(u * u / (2 * xp.where(weight > 0, weight, 1.0)), self.batch_ndim)
        beyond = clip(abs(u) - self.weight * self.delta, 0.0)
        return value + zero_or_inf(sum_of(beyond, self.batch_ndim), sum_of(abs(u), self.batch_ndim))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(asarray([0.5, 0.1, 1.0]), asarray([1.0, 2.0, 0.0])), (3,)),
            (cls(0.3, 2.0, batch_ndim=1), (4, 3)),
        ]
