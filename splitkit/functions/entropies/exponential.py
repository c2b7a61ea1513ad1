"""f(x) = Σ wᵢ exp xᵢ."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter, zero_or_inf
from splitkit.functions.cones.non_negative import NonNegative
from splitkit.functions.entropies.negative_entropy import x_log_x
from splitkit.functions.inner.omega import exponential_prox, omega


class Exponential(Function):
    """Σ wᵢ exp xᵢ; the prox is accurate to rounding.

    f(x) = Σ wᵢ exp xᵢ; prox_{αf}(y) = y − ω(y + log αw) with Wright's ω.

    f*(u) = Σ uᵢ log(uᵢ/wᵢ) − uᵢ on u ≥ 0. Source: Corless, Jeffrey, *The Wright ω function* (2002).

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.Exponential()
    >>> x = np.array([0.0, 1.0])
    >>> print(f(x), f.prox(np.array([1.0, 1.0 + np.e])))
    3.7183 [0. 1.]
    """

    formula = r"<weight*>\sum e^{@}"

    weight: Scalar = parameter(POSITIVE, default=1.0)

    elementwise = smooth_inside = True

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * namespace(x).exp(x), self.batch_ndim)

    def gradient(self, x: Point) -> Point:
        """NaN where eˣ is no number."""
        xp = namespace(x)
        grown = self.weight * xp.exp(x)
        return xp.where(grown < math.inf, grown, math.nan)

    def curvatures(self, x: Array) -> Array:
        return self.gradient(x)

    @property
    def slopes(self) -> Indicator:
        return NonNegative(batch_ndim=self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        shift = xp.log(align(alpha, x) * self.weight + xp.zeros_like(x))
        return exponential_prox(x, shift)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """u + α log(u/w) = x: u = αω(x/α + log(w/α))."""
        xp = namespace(x)
        a = align(alpha, x) + xp.zeros_like(x)
        return a * omega(x / a + xp.log(self.weight / a))[0]

    def conjugate_value(self, u: Point) -> Array:
        inside = clip(u, 0.0)
        value = self.weight * x_log_x(inside / self.weight) - inside
        outside = sum_of(inside - u, self.batch_ndim)
        size = sum_of(abs(u), self.batch_ndim)
        return sum_of(value, self.batch_ndim) + zero_or_inf(outside, size)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), batch_ndim=1), (2, 2))]
