"""f(x) = Σ wᵢ xᵢ log xᵢ on x ≥ 0."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.functions.cones.non_negative import NonNegative
from splitkit.functions.inner.omega import exponential_prox, omega


class NegativeEntropy(Function):
    """Σ wᵢ xᵢ log xᵢ, with 0 log 0 = 0; inf unless x ≥ 0. The prox is accurate to rounding.

    f(x) = Σ wᵢ xᵢ log xᵢ on x ≥ 0; prox_{αf}(y) = t ω(y/t − 1 − log t) with t = αw and Wright's ω.

    x = prox_{αf}(y) solves x + t(log x + 1) = y. f*(u) = Σ wᵢ exp(uᵢ/wᵢ − 1).
    Source: Chaux, Combettes, Pesquet, Wajs, *A variational formulation for frame-based inverse
    problems* (2007), for the equation; Corless, Jeffrey (2002) for ω.

    Parameters
    ----------
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.NegativeEntropy()
    >>> x = np.array([2.0, 0.5, 1.0])
    >>> print(f(x), f.prox(x))
    1.0397 [1.     0.4047 0.5671]
    """

    formula = r"<weight*>\sum @\log(@)"

    weight: Scalar = parameter(POSITIVE, default=1.0)

    elementwise = smooth_inside = supercoercive = True

    def __call__(self, x: Point) -> Array:
        terms = namespace(x).where(x >= 0, self.weight * x_log_x(x), float("inf"))
        return sum_of(terms, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        t = align(alpha, x) * self.weight + xp.zeros_like(x)
        ratio, far = x / t, float(xp.finfo(x.dtype).max) / 4
        held = clip(ratio, -far, far)
        # farther out, x less t log x is x to rounding, and 0 below
        return xp.where(ratio > far, x, t * omega(held - 1 - xp.log(t))[0])

    def gradient(self, x: Point) -> Point:
        return self.weight * (1 + log_inside(x))

    def curvatures(self, x: Array) -> Array:
        return self.weight / positive(x)

    @property
    def domain(self) -> Indicator:
        return NonNegative(batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        terms = self.weight * namespace(u).exp(u / self.weight - 1)
        return sum_of(terms, self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """w times the root v of v + (α/w) exp(v − 1) = x/w."""
        xp, scaled = namespace(x), x / self.weight
        return self.weight * exponential_prox(
            scaled, xp.log(align(alpha, x) / self.weight + xp.zeros_like(x)) - 1
        )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 1.0, 2.0]), batch_ndim=1), (2, 3))]


def positive(x: Array) -> Array:
    """x, and NaN where x ≤ 0."""
    return namespace(x).where(x > 0, x, float("nan"))


def log_inside(x: Array) -> Array:
    """log x, entry by entry; NaN where x ≤ 0."""
    xp, above = namespace(x), x > 0
    return xp.where(above, xp.log(xp.where(above, x, 1.0)), float("nan"))


def x_log_x(x: Array) -> Array:
    """x log x, entry by entry; 0 where x ≤ 0."""
    xp = namespace(x)
    positive = x > 0
    return xp.where(positive, x * xp.log(xp.where(positive, x, 1.0)), 0.0)
