"""f(x) = Σ exp xᵢ − yᵢxᵢ: of counts y with means exp x, less their log-likelihood and a constant.

x = prox_{αf}(v) solves x + αeˣ = v + αy, so that αeˣ = ω(v + αy + log α) for Wright's ω.
f*(u) = Σ sᵢ log sᵢ − sᵢ with s = u + y ≥ 0. Means beyond ``GREATEST`` are no longer told
apart: it is no function of ``splitkit.functions``, which are right at every size.
"""

from __future__ import annotations

import math

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, is_array, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter, zero_or_inf
from splitkit.functions.entropies.negative_entropy import x_log_x
from splitkit.functions.inner.omega import omega
from splitkit.functions.sets.box import Box

GREATEST = 300.0  # the logarithm of a mean


class Poisson(Function):
    """Σ exp xᵢ − yᵢxᵢ.

    Parameters
    ----------
    y : float or array, default 0
        Counts, non-negative and finite; an array has dtype and device of x and broadcasts to it.
    """

    y: Scalar = parameter(NON_NEGATIVE, default=0.0)

    elementwise = True
    prox_effort = 10.0

    def __call__(self, x: Point) -> Array:
        return sum_of(self._mean(x) - self.y * x, self.batch_ndim)

    def _mean(self, x: Array) -> Array:
        return namespace(x).exp(clip(x, None, GREATEST))

    def gradient(self, x: Point) -> Point:
        return self._mean(x) - self.y

    def _grown(self, v: Array, alpha: Scalar) -> Array:
        """αeˣ where x + αeˣ = v."""
        log = namespace(v).log(alpha) if is_array(alpha) else math.log(alpha)
        return omega(v + log)[0]

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        v = x + alpha * self.y
        return v - self._grown(v, alpha)

    @property
    def slopes(self) -> Indicator:
        return Box(-self.y, math.inf, batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        s = u + self.y
        inside = clip(s, 0.0)
        value = sum_of(x_log_x(inside) - inside, self.batch_ndim)
        size = sum_of(abs(u) + self.y, self.batch_ndim)
        return value + zero_or_inf(sum_of(inside - s, self.batch_ndim), size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        return alpha * self._grown((x + self.y) / alpha, 1 / alpha) - self.y
