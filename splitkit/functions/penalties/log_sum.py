"""f(x) = Σ wᵢ log(1 + |xᵢ|/ε)."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_number, option
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, signs, sizes, sum_of
from splitkit.functions.base import Function, extremes, parameter
from splitkit.functions.penalties.unweighted import identity_where_zero


class LogSum(Function):
    """Σ wᵢ log(1 + |xᵢ|/ε); weakly convex.

    f(x) = Σ wᵢ log(1 + |xᵢ|/ε); prox_{αf}(y) = sign(y) x with x = 0 or, if that is lower, the
    larger root of (x − |y|)(x + ε) + αw = 0.

    Not convex; f + (ρ/2)‖·‖² is for ρ = max w/ε². For αρ < 1 the prox is continuous; else it jumps,
    and 0 is taken where both points minimize. Source: Candès, Wakin, Boyd, *Enhancing sparsity by
    reweighted ℓ1 minimization* (2008), §2.3.

    Parameters
    ----------
    epsilon : float, default 1
        Positive and finite.
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.LogSum(weight=1.0)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    2.4849 [2.7321 0.     0.    ]
    """

    formula = r"<weight*>\sum\log(1 + |@|/<epsilon>)"

    epsilon: float = option(1.0, check_number, within=POSITIVE)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity = -extremes(self.weight)[1] / self.epsilon**2

    def __call__(self, x: Point) -> Array:
        terms = self.weight * namespace(x).log1p(abs(x) / self.epsilon)
        return sum_of(terms, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), sizes(x)
        t = align(alpha, x) * self.weight + xp.zeros_like(x)
        middle = (y + self.epsilon) / 2
        # of the middle where there is a root; no square overflows, and no root is taken of 0, where
        # it has no derivative
        least = _root(t)
        spread = _root(middle - least) * xp.sqrt(middle + least)
        root = middle - self.epsilon + spread
        # continuous where f + ‖· − y‖²/(2α) is convex; else it has a minimum at 0 and at the root
        lower = t * xp.log1p(clip(root, 0.0) / self.epsilon) < root * (y - root / 2)
        kept = (root > 0) & ((t < self.epsilon**2) | ((middle > least) & lower))
        found = xp.where(kept | xp.isnan(x), signs(x) * root, 0.0)
        return identity_where_zero(self.weight, x, found)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.8, asarray([0.5, 0.0, 2.0]), batch_ndim=1), (2, 3))]


def _root(x: Array) -> Array:
    """√x, 0 where x < 0."""
    xp = namespace(x)
    return xp.where(x > 0, xp.sqrt(xp.where(x > 0, x, xp.ones_like(x))), 0.0)
