"""The permutation matrices."""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, norm, subtract
from splitkit.functions.base import Function, Indicator, matrices
from splitkit.functions.sets.birkhoff import Birkhoff


class PermutationMatrices(Indicator):
    """{X of 0 and 1, with one 1 in each row and column}, for each square matrix in the last two
    axes; not convex.

    The projection of Y is the permutation P of greatest ⟨Y, P⟩, as all have ‖P‖² = n: an assignment
    problem, solved on the host. Its convex hull is ``Birkhoff``, of which it has the conjugate. No
    method is guaranteed with it but those that promise stationary points.

    Source: Birkhoff, *Three observations on linear algebra* (1946); Crouse, *On implementing 2D
    rectangular assignment algorithms* (2016).

    Notes
    -----
    O(n³) for each matrix.

    Examples
    --------
    >>> C = sk.functions.PermutationMatrices()
    >>> print(C.project(np.array([[0.9, 0.8], [0.7, 0.1]])))
    [[0. 1.]
     [1. 0.]]
    """

    formula = r"\{P_\pi\}"
    bounded = True
    convex = False
    strong_convexity = -math.inf
    check_axes = matrices(square=True)

    @property
    def _hull(self) -> Birkhoff:
        return Birkhoff(batch_ndim=self.batch_ndim)

    def project(self, x: Point) -> Point:
        return self._hull.support_point(x)

    def violation(self, x: Point) -> Array:
        return norm(subtract(x, self.project(x)), self.batch_ndim)

    @property
    def conjugate(self) -> Function:
        return self._hull.conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 3, 3))]
