"""f(x) = Σ wᵢ min(|xᵢ|, θ)."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_number, option
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, signs, sizes, sum_of
from splitkit.functions.base import Function, parameter
from splitkit.functions.penalties.unweighted import identity_where_zero


class CappedL1(Function):
    """Σ wᵢ min(|xᵢ|, θ); not convex.

    prox_{αf}(y) with t = αw is y where |y| > θ + t/2, and soft(y, t) up to there; for t > 2θ it is
    y where |y| > √(2tθ), and 0 up to there.

    Not convex, nor weakly convex. At a tie the smaller point is taken. Source: Zhang, *Analysis of
    multi-stage convex relaxation for sparse regularization* (2010).

    Parameters
    ----------
    theta : float, default 1
        θ, from where on an entry costs w; positive and finite.
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.CappedL1(theta=2.0)
    >>> x = np.array([3.0, -1.5, 0.5])
    >>> print(f(x), f.prox(x))
    4.0 [ 3.  -0.5  0. ]
    """

    formula = r"<weight*>\sum\min(|@|, <theta>)"

    theta: float = option(1.0, check_number, within=POSITIVE)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    strong_convexity = -math.inf
    of_moduli = acts_on_complex = True
    elementwise = True

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * clip(abs(x), None, self.theta), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), sizes(x)
        t = align(alpha, x) * self.weight + xp.zeros_like(x)
        jumps = t > 2 * self.theta
        far = (2 * self.theta) ** 0.5 * xp.sqrt(xp.where(jumps, t, 1.0))
        keep_from = xp.where(jumps, far, self.theta + t / 2)
        size = xp.where(y > keep_from, y, xp.where(jumps, 0.0, clip(y - t, 0.0)))
        size = xp.where(xp.isnan(y), y, size)
        return identity_where_zero(self.weight, x, signs(x) * size)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.8, asarray([0.5, 0.0, 2.0]), batch_ndim=1), (2, 3))]
