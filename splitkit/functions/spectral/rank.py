"""f(X) = w rank X."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_number, option
from splitkit.backend import Array, Point, Scalar, align, namespace, sum_of
from splitkit.functions.base import Function, matrices
from splitkit.functions.inner.spectra import of_singular_values


class Rank(Function):
    """w rank X, summed over the matrices in the last two axes; not convex.

    f(X) = w rank X; prox_{αf}(Y) keeps the singular values above √(2αw) (Eckart, Young 1936).

    Not convex, nor weakly convex. At σ = √(2αw) both 0 and σ minimize; 0 is taken. Source: Beck,
    *First-Order Methods in Optimization* (2017), Example 6.10, lifted as in ``Spectral``.

    Parameters
    ----------
    weight : float, default 1
        Non-negative.

    Notes
    -----
    The value counts the singular values above max(rows, columns) rounding units of the greatest.

    Examples
    --------
    >>> f = sk.functions.Rank(weight=0.5)
    >>> x = np.diag([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    1.0 [[3. 0.]
     [0. 0.]]
    """

    formula = r"<weight*>\mathrm{rank}(@)"

    weight: float = option(1.0, check_number, within=NON_NEGATIVE)

    convex = False
    strong_convexity = -math.inf
    check_axes = matrices()
    acts_on_complex = True

    def __call__(self, x: Point) -> Array:
        xp = namespace(x)
        sigma = xp.linalg.svdvals(x)
        rounding = max(x.shape[-2:]) * xp.finfo(x.dtype).eps * sigma[..., :1]
        counted = xp.where(xp.isnan(sigma), sigma, xp.astype(sigma > rounding, sigma.dtype))
        return self.weight * sum_of(counted, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        def kept(sigma: Array) -> Array:
            above = sigma * sigma > 2 * align(alpha, sigma) * self.weight
            return namespace(x).where(above, sigma, 0.0)

        return of_singular_values(x, kept)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.7, batch_ndim=1), (4, 3, 2))]
