"""f(x) = Σ wᵢ(xᵢ log(xᵢ/rᵢ) − xᵢ + rᵢ) on x ≥ 0."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.functions.cones.non_negative import NonNegative
from splitkit.functions.entropies.negative_entropy import log_inside, positive, x_log_x
from splitkit.functions.inner.omega import exponential_prox, omega


class RelativeEntropy(Function):
    """Σ wᵢ(xᵢ log(xᵢ/rᵢ) − xᵢ + rᵢ), the Kullback-Leibler divergence of x from r; inf unless x ≥ 0.

    prox_{αf}(y) = t ω(y/t + log(r/t)) with t = αw and Wright's ω: x + t log(x/r) = y. f*(u) =
    Σ wᵢrᵢ(exp(uᵢ/wᵢ) − 1). ``KullbackLeibler`` is the divergence of data from x.

    Source: Chaux, Combettes, Pesquet, Wajs, *A variational formulation for frame-based inverse
    problems* (2007), for the equation; Corless, Jeffrey (2002) for ω.

    Parameters
    ----------
    reference : float or array, default 1
        r, positive and finite.
    weight : float or array, default 1
        Positive and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.RelativeEntropy(np.array([1.0, 2.0]))
    >>> x = np.array([np.e, 2.0])
    >>> print(f(x), f.prox(np.array([1.0 + np.e, 2.0])))
    1.0 [2.7183 2.    ]
    """

    formula = r"<weight*>\sum @\log(@/<reference>) - @ + <reference>"

    reference: Scalar = parameter(POSITIVE, default=1.0)
    weight: Scalar = parameter(POSITIVE, default=1.0)

    elementwise = smooth_inside = supercoercive = True

    def __call__(self, x: Point) -> Array:
        xp, r = namespace(x), self.reference
        terms = self.weight * (r * (x_log_x(x / r) + 1) - x)
        return sum_of(xp.where(x >= 0, terms, float("inf")), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp = namespace(x)
        t = align(alpha, x) * self.weight + xp.zeros_like(x)
        ratio, far = x / t, float(xp.finfo(x.dtype).max) / 4
        held = clip(ratio, -far, far)
        # farther out, x less t log(x/q) is x to rounding, and 0 below
        return xp.where(ratio > far, x, t * omega(held + xp.log(self.reference / t))[0])

    def gradient(self, x: Point) -> Point:
        return self.weight * log_inside(x / self.reference)

    def curvatures(self, x: Array) -> Array:
        return self.weight / positive(x)

    @property
    def domain(self) -> Indicator:
        return NonNegative(batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        grown = namespace(u).expm1(u / self.weight)
        return sum_of(self.weight * (self.reference * grown), self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        """w times the root v of v + (αr/w) exp v = x/w."""
        xp, scaled = namespace(x), x / self.weight
        t = align(alpha, x) / self.weight
        return self.weight * exponential_prox(
            scaled, xp.log(t + xp.zeros_like(x)) + xp.log(self.reference + xp.zeros_like(x))
        )

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), 0.7, batch_ndim=1), (2, 2))]
