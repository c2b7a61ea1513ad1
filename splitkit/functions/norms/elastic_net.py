"""f(x) = Σ wᵢ|xᵢ| + (μᵢ/2)xᵢ²."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, sum_of
from splitkit.functions.base import Function, extremes, parameter, zero_or_inf
from splitkit.linear.base import factors


class ElasticNet(Function):
    """Σ wᵢ|xᵢ| + (μᵢ/2)xᵢ²; min μ-strongly convex.

    f(x) = Σ wᵢ|xᵢ| + (μᵢ/2)xᵢ²; prox_{αf}(y) = soft(y, αw)/(1 + αμ); f*(u) = Σ (|uᵢ| − wᵢ)₊²/(2μᵢ),
    with |uᵢ| ≤ wᵢ where μᵢ = 0.

    Source: Zou, Hastie, *Regularization and variable selection via the elastic net* (2005); Parikh,
    Boyd, *Proximal Algorithms* (2014), §6.5.3.

    Parameters
    ----------
    l1_weight : float or array, default 1
        w, non-negative and finite.
    l2_weight : float or array, default 1
        μ, likewise. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.ElasticNet(1.0, 0.5)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    7.0625 [1.3333 0.     0.    ]
    """

    formula = r"<l1_weight*>\|@\|_1 + \frac{<l2_weight>}{2}\|@\|^2"

    l1_weight: Scalar = parameter(NON_NEGATIVE, default=1.0)
    l2_weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity = extremes(self.l2_weight)[0]

    def in_metric(self, S: Any) -> Function:
        s = abs(factors(S))
        return ElasticNet(s * self.l1_weight, s * s * self.l2_weight, batch_ndim=self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.l1_weight * abs(x) + (self.l2_weight / 2) * x * x, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)
        threshold = alpha * self.l1_weight
        return (x - clip(x, -threshold, threshold)) / (1 + alpha * self.l2_weight)

    def conjugate_value(self, u: Point) -> Array:
        xp, mu = namespace(u), self.l2_weight + 0.0 * u
        above, curved = clip(abs(u) - self.l1_weight, 0.0), mu > 0
        terms = xp.where(curved, above * above / xp.where(curved, mu, 1.0), 0.0)
        outside = sum_of(xp.where(curved, 0.0, above), self.batch_ndim)
        return sum_of(terms, self.batch_ndim) / 2 + zero_or_inf(
            outside, sum_of(abs(u), self.batch_ndim)
        )

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        inside = clip(x, -self.l1_weight, self.l1_weight)
        return inside + self.l2_weight / (self.l2_weight + align(alpha, x)) * (x - inside)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.7, 0.3), (3,)),
            (cls(asarray([0.5, 0.0, 2.0]), asarray([1.0, 0.1, 0.0]), batch_ndim=1), (2, 3)),
        ]
