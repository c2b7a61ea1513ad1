"""The matrices of rank k at most."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, device, namespace, norm
from splitkit.functions.base import Function, Indicator, matrices, required, spectral_roundings
from splitkit.functions.cones.zero_cone import ZeroCone
from splitkit.functions.inner.spectra import of_singular_values

AT_LEAST_ONE = "give the greatest rank, at least 1 (ZeroCone() has rank 0)"


class RankBall(Indicator):
    """{X: rank X ≤ k}, for each matrix in the last two axes; not convex.

    The projection keeps the k greatest singular values, the first ones of equal ones.

    It is not convex: the projection is one of several where singular values are equal, and no
    method is guaranteed with it. Source: Eckart, Young, *The approximation of one matrix by another
    of lower rank* (1936).

    Parameters
    ----------
    count : int
        k ≥ 1.

    Notes
    -----
    One singular value decomposition.

    Examples
    --------
    >>> C = sk.functions.RankBall(1)
    >>> print(C.project(np.diag([3.0, 0.5])))
    [[3. 0.]
     [0. 0.]]
    """

    formula = r"\{\mathrm{rank}\,X \leq <count>\}"

    count: int = required(check_integer, least=1, remedy=AT_LEAST_ONE)

    convex = False
    strong_convexity = -math.inf
    check_axes = matrices()
    acts_on_complex = True

    def project(self, x: Point) -> Point:
        def kept(sigma: Array) -> Array:
            xp = namespace(sigma)
            place = xp.arange(sigma.shape[-1], device=device(sigma))
            return xp.where(place < self.count, sigma, 0.0)

        return of_singular_values(x, kept)

    def violation(self, x: Point) -> Array:
        return norm(namespace(x).linalg.svdvals(x)[..., self.count :], self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return self.within(x, spectral_roundings(x))

    @property
    def conjugate(self) -> Function:
        """The indicator of {0}: the set holds a line through every matrix of rank 1."""
        return ZeroCone(batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(1, batch_ndim=1), (2, 3, 2))]
