"""f(x) = −Σ wᵢ log xᵢ on x > 0."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.functions.cones.non_negative import NonNegative
from splitkit.functions.cones.non_positive import NonPositive
from splitkit.functions.entropies.negative_entropy import positive
from splitkit.functions.inner.roots import positive_root


class LogBarrier(Function):
    """−Σ wᵢ log xᵢ, inf unless x > 0.

    f(x) = −Σ wᵢ log xᵢ on x > 0; prox_{αf}(y) = (y + √(y² + 4αw))/2.

    f*(u) = f(−u) + Σ wᵢ(log wᵢ − 1). Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.3.

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.LogBarrier()
    >>> x = np.array([2.0, 0.5, 1.0])
    >>> print(f(x), f.prox(x))
    0.0 [2.4142 1.2808 1.618 ]
    """

    formula = r"-<weight*>\sum\log(@)"

    weight: Scalar = parameter(POSITIVE, default=1.0)

    elementwise = smooth_inside = True

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        inside = x > 0
        terms = xp.where(inside, -self.weight * xp.log(xp.where(inside, x, 1.0)), float("inf"))
        return sum_of(terms, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return positive_root(x, align(alpha, x) * self.weight)

    def gradient(self, x: Point) -> Point:
        return -self.weight / positive(x)

    def curvatures(self, x: Array) -> Array:
        within = positive(x)
        return self.weight / within / within

    @property
    def domain(self) -> Indicator:
        return NonNegative(batch_ndim=self.batch_ndim)

    @property
    def slopes(self) -> Indicator:
        return NonPositive(batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        w = self.weight + 0.0 * u
        return self(-u) + sum_of(w * (namespace(u).log(w) - 1), self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return -self.prox(-x, alpha)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 1.0, 2.0]), batch_ndim=1), (2, 3))]
