"""A program's numbers, and the units in which they are comparable.

    minimize ½⟨x, Px⟩ + ⟨q, x⟩  subject to  Ax ∈ C;
    x = Dx̂,  rows times E,  the objective times k,

with D and E such that the columns of [P̂; Â] and the rows of Â have largest entries near 1. Source:
Ruiz, *A scaling algorithm to equilibrate both rows and columns norms in matrices* (2001); Stellato
et al., *OSQP* (2020), §5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from splitkit.problems.programs.rows import Rows, Vector, or_one

ROUNDS = 12
NOTHING = 1e-10  # part of what another size says, that is rounding
ENDLESS = 1e15  # sides that are meant as infinite, unless all are so large


@dataclass(frozen=True)
class Data:
    """P, q, A and C, in NumPy's float64 and SciPy's CSR."""

    P: Any
    q: Vector
    A: Any
    rows: Rows

    @cached_property
    def AT(self) -> Any:
        """Aᵀ."""
        return csr_array(self.A.T)

    @cached_property
    def sizes(self) -> tuple[Any, Any, Any]:
        """|P|, |A| and |A|ᵀ."""
        return abs(self.P), abs(self.A), abs(self.AT)


@dataclass(frozen=True)
class Units:
    """D and E as vectors, and k."""

    columns: Vector
    rows: Vector
    objective: float

    @classmethod
    def of(cls, data: Data) -> Units:
        """Those in which the data are comparable."""
        n, m = data.q.size, data.A.shape[0]
        d, e = np.ones(n), np.ones(m)
        (P, of_P), (A, of_A) = (_entries(M) for M in (data.P, data.A))
        for _ in range(ROUNDS):
            S, T = A * e[of_A[0]] * d[of_A[1]], P * d[of_P[0]] * d[of_P[1]]
            across, along = np.zeros(n), np.zeros(m)
            np.maximum.at(across, of_A[1], S)
            np.maximum.at(across, of_P[1], T)
            np.maximum.at(along, of_A[0], S)
            d = d / np.sqrt(or_one(across))
            e = e / np.sqrt(data.rows.kept(along))
        most = np.zeros(n)
        np.maximum.at(most, of_P[1], P * d[of_P[0]] * d[of_P[1]])
        curvature = float(np.mean(most))
        slope = float(np.max(abs(d * data.q), initial=0.0))
        return cls(d, e, 1 / (max(curvature, slope) or 1.0))

    def applied(self, data: Data) -> Data:
        """The data in these units."""
        d, e, k = self.columns, self.rows, self.objective
        P, A = _times(k * d, data.P, d), _times(e, data.A, d)
        return Data(P, k * d * data.q, A, data.rows.scaled(e))

    def moved(self, data: Data, scaled: Data) -> Data:
        """The data in these units, of which the matrices are those of ``scaled``."""
        q = self.objective * self.columns * data.q
        changed = replace(scaled, q=q, rows=data.rows.scaled(self.rows))
        for name in ("AT", "sizes"):
            if name in vars(scaled):
                vars(changed)[name] = vars(scaled)[name]
        return changed

    def inward(self, x: Vector, y: Vector) -> tuple[Vector, Vector]:
        """x̂ and ŷ."""
        return x / self.columns, self.objective * y / self.rows

    def outward(self, x: Vector, y: Vector) -> tuple[Vector, Vector]:
        """x and y."""
        return self.columns * x, self.rows * y / self.objective


def sizes(data: Data) -> tuple[float, float]:
    """What x and the multipliers are expected to be about as large as, for entries of A near 1.

    Of x that lies between the largest distance of the rows' sets from 0, where it has to go, and
    the lesser of their sides in the middle and ‖q‖∞/‖P‖, how far it would go; multipliers have to
    balance q and Px. Single sides do not count: they may never be met.
    """
    forced = float(np.max(abs(data.rows.nearest), initial=0.0))
    sides = abs(data.rows.sides)
    sides = sides[sides > 0]
    near = sides[sides < ENDLESS]
    free = float(np.median(near if near.size else sides)) if sides.size else np.inf
    slope = float(np.max(abs(data.q), initial=0.0))
    most = np.zeros(data.q.size)
    P, (rows, _) = _entries(data.P)
    np.maximum.at(most, rows, P)
    curvature = float(np.mean(most))
    pull = slope / curvature if slope and curvature else np.inf
    if free < NOTHING * pull < np.inf:
        free = np.inf
    of_x = min(free, pull)
    if of_x == np.inf:
        of_x = forced or 1.0
    elif forced > NOTHING * of_x:
        of_x = (forced * of_x) ** 0.5
    return of_x, max(slope, curvature * of_x) or 1.0


def _entries(M: Any) -> tuple[Vector, Any]:
    """The entries of a matrix without signs, and where they are."""
    coo = M.tocoo()
    return abs(coo.data), coo.coords


def _times(rows: Vector, M: Any, columns: Vector) -> Any:
    """diag(rows) M diag(columns), for M in CSR."""
    along = np.repeat(rows, np.diff(M.indptr))
    values = M.data * along * columns[M.indices]
    # with indices of its own, as SciPy sorts them in place
    return csr_array((values, M.indices, M.indptr), shape=M.shape, copy=True)
