"""f(x) = Σ wᵢ[xᵢ ≠ 0], the weighted count of entries."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, parameter
from splitkit.functions.penalties.unweighted import identity_where_zero


class L0Norm(Function):
    """Σ wᵢ[xᵢ ≠ 0]; not convex.

    f(x) = Σ wᵢ[xᵢ ≠ 0], the weighted count of entries; prox_{αf}(y) keeps yᵢ if |yᵢ| > √(2αwᵢ).

    Not convex, nor weakly convex. At |yᵢ| = √(2αwᵢ) both 0 and yᵢ minimize; 0 is taken.
    Source: Blumensath, Davies, *Iterative thresholding for sparse approximations* (2008), §2.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.L0Norm(weight=0.5)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    1.5 [3. 0. 0.]
    """

    formula = r"<weight*>\|@\|_0"

    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    strong_convexity = -math.inf
    elementwise = True
    of_moduli = acts_on_complex = True

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        counted = xp.where(xp.isnan(x), x, xp.astype(x != 0, x.dtype))
        return sum_of(self.weight * counted, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        threshold = (2 * align(alpha, x) * self.weight) ** 0.5
        found = namespace(x).where(abs(x) <= threshold, 0.0, x)
        return identity_where_zero(self.weight, x, found)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.7, 0.0, 2.3]), batch_ndim=1), (2, 3))]
