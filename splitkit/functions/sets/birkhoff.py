"""The Birkhoff polytope of doubly stochastic matrices {X ≥ 0: X1 = 1, Xᵀ1 = 1}."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from splitkit.backend import Array, Point, device, from_numpy, namespace, sum_of, to_numpy
from splitkit.functions.base import Function, Indicator, matrices
from splitkit.functions.inner.accuracy import Inexact
from splitkit.functions.sets.transport_polytope import (
    kl_onto_transport_polytope,
    misfit,
    onto_transport_polytope,
)


class Birkhoff(Inexact, Indicator):
    """{X ≥ 0 with row and column sums 1}, for each square matrix in the last two axes.

    The Birkhoff polytope of doubly stochastic matrices {X ≥ 0: X1 = 1, Xᵀ1 = 1}.

    The projection is that of the transport polytope with all marginals 1. The vertices are the
    permutations (Birkhoff, von Neumann), so that the support function is an assignment problem.

    Source: Li, Sun, Toh, *On the efficient computation of a projector over the Birkhoff polytope*
    (2020).

    Parameters
    ----------
    accuracy : float, optional, keyword
        X̃ is the projection onto the polytope of its own marginals, which differ from 1 by at most
        accuracy · (‖Y‖ + n) for n×n matrices; None: to rounding.

    Raises
    ------
    ArithmeticError
        From ``project``: the accuracy was not reached.

    Examples
    --------
    >>> C = sk.functions.Birkhoff()
    >>> print(C.project(np.array([[3.0, 0.0], [1.0, 0.0]])))
    [[1. 0.]
     [0. 1.]]
    """

    formula = r"\{X \geq 0, X 1 = 1, X^\top 1 = 1\}"
    bounded = True
    polyhedral = True

    check_axes = matrices(square=True)

    @staticmethod
    def _ones(x: Array) -> Array:
        xp = namespace(x)
        return xp.ones((x.shape[-1],), dtype=x.dtype, device=device(x))

    def project(self, x: Point) -> Point:
        return onto_transport_polytope(x, self._ones(x), self._ones(x), self.accuracy, repr(self))

    def kl_project(self, r: Point) -> Point:
        ones = self._ones(r)
        return kl_onto_transport_polytope(r, ones, ones, self.accuracy, repr(self))

    def violation(self, x: Point) -> Array:
        return misfit(x, self._ones(x), self._ones(x), self.batch_ndim)

    def support_point(self, v: Point) -> Point:
        *_, n, _ = v.shape
        found = np.zeros(v.shape)
        for P, U in zip(found.reshape(-1, n, n), to_numpy(v).reshape(-1, n, n), strict=True):
            P[linear_sum_assignment(U, maximize=True)] = 1.0
        return from_numpy(found, v)

    def conjugate_value(self, u: Point) -> Array:
        *lead, n, _ = u.shape
        matrices = to_numpy(u).reshape(-1, n, n)
        values = [U[linear_sum_assignment(U, maximize=True)].sum() for U in matrices]
        return sum_of(from_numpy(np.reshape(values, lead), u), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (2, 3, 3))]
