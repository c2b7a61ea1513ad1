"""f(x) = Σ bᵢ log(bᵢ/xᵢ) − bᵢ + xᵢ, the divergence of x ≥ 0 from counts b ≥ 0."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.functions.cones.non_negative import NonNegative
from splitkit.functions.inner.roots import positive_root
from splitkit.functions.sets.box import Box


class KullbackLeibler(Function):
    """Σ bᵢ log(bᵢ/xᵢ) − bᵢ + xᵢ, inf unless x ≥ 0, and x > 0 where b > 0.

    f(x) = Σ bᵢ log(bᵢ/xᵢ) − bᵢ + xᵢ, the divergence of x ≥ 0 from counts b ≥ 0: up to a constant
    the negative log-likelihood of Poisson counts b of mean x.

    prox_{αf}(y) is the positive root of x² − (y − α)x − αb; f*(u) = −Σ bᵢ log(1 − uᵢ) on u < 1,
    where 1 − prox_{αf*}(y) is the positive root of s² − (1 − y)s − αb. Source: Combettes, Pesquet,
    *A Douglas-Rachford splitting approach to nonsmooth convex variational signal recovery* (2007),
    §4.

    Parameters
    ----------
    b : float or array, default 1
        Counts, non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.KullbackLeibler(np.array([2.0, 1.0, 1.0]))
    >>> x = np.array([2.0, 0.5, 1.0])
    >>> print(f(x), f.prox(x))
    0.1931 [2.     0.7808 1.    ]
    """

    formula = r"\mathrm{KL}(<b>, @)"

    b: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = smooth_inside = True

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        b = self.b + xp.zeros_like(x)
        both = (b > 0) & (x > 0)
        logs = b * xp.log(xp.where(both, b, 1.0) / xp.where(both, x, 1.0))
        inside = (x >= 0) & (both | (b == 0))
        return sum_of(xp.where(inside, logs - b + x, float("inf")), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        return positive_root(x - alpha, alpha * self.b)

    def gradient(self, x: Point) -> Point:
        return 1 - self._share(x)

    def curvatures(self, x: Array) -> Array:
        inside = x > 0
        return self._share(x) / namespace(x).where(inside, x, 1.0)

    def _share(self, x: Array) -> Array:
        """b/x; 0 at x = 0 too, where b = 0, NaN outside of the domain."""
        xp = namespace(x)
        inside, zero = x > 0, xp.zeros_like(x)
        b = self.b + zero
        beyond = xp.where((x == 0) & (b == 0), zero, float("nan"))
        return xp.where(inside, b / xp.where(inside, x, 1.0), beyond)

    @property
    def domain(self) -> Indicator:
        return NonNegative(batch_ndim=self.batch_ndim)

    @property
    def slopes(self) -> Indicator:
        return Box(-math.inf, 1.0, batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        rounding = xp.finfo(u.dtype).eps
        terms = -self.b * xp.log(clip(1 - u, rounding / 2))
        return sum_of(xp.where(u > 1 + 64 * rounding, float("inf"), terms), self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return 1 - positive_root(1 - x, align(alpha, x) * self.b)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 0.0, 3.0]), batch_ndim=1), (2, 3))]
