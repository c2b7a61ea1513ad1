"""The set {x: at most k entries are not 0}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Array, Point, namespace
from splitkit.functions.base import Function, Indicator, as_vectors, required
from splitkit.functions.cones.zero_cone import ZeroCone

AT_LEAST_ONE = "give the number of entries that may be nonzero, at least 1 (ZeroCone() has none)"


class L0Ball(Indicator):
    """{x: ‖x‖₀ ≤ k}, over all axes that are not batch; not convex.

    Of entries of equal size, the first ones are kept.

    The set {x: at most k entries are not 0}: projection keeps the k entries of greatest size.

    It is not convex: the projection is one of several where sizes are equal, and no method is
    guaranteed with it. Source: Blumensath, Davies, *Iterative hard thresholding for compressed
    sensing* (2009), §2.

    Parameters
    ----------
    count : int
        k ≥ 1.

    Examples
    --------
    >>> C = sk.functions.L0Ball(2)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 3. -1.  0.]
    """

    formula = r"\{\|x\|_0 \leq <count>\}"

    count: int = required(check_integer, least=1, remedy=AT_LEAST_ONE)

    convex = False
    strong_convexity = -math.inf
    of_moduli = acts_on_complex = True

    def _ranks(self, x: Array) -> tuple[Array, Array]:
        """The entries of each sample in a row, and the place of each by falling size."""
        xp = namespace(x)
        y = as_vectors(x, self.batch_ndim)
        order = xp.argsort(abs(y), axis=-1, descending=True, stable=True)
        return y, xp.argsort(order, axis=-1)

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        y, ranks = self._ranks(x)
        return xp.reshape(xp.where(ranks < self.count, y, 0.0), x.shape)

    @property
    def conjugate(self) -> Function:
        """The indicator of {0}: the set holds a line in every direction of an entry."""
        return ZeroCone(batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(2, batch_ndim=1), (4, 3))]
