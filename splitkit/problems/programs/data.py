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
from scipy.sparse import csc_array, csr_array

from splitkit.problems.programs.rows import Rows, Vector

ROUNDS = 12


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

    @cached_property
    def curved(self) -> bool:
        """Whether P is not 0."""
        return bool(self.P.nnz)


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
        P, A = (csc_array(abs(M)) for M in (data.P, data.A))
        for _ in range(ROUNDS):
            S, T = _times(e, A, d), _times(d, P, d)
            across = np.sqrt(_or_one(np.maximum(_most(S, 0), _most(T, 0))))
            along = np.sqrt(_or_one(data.rows.tied(_most(S, 1))))
            d, e = d / across, e / along
        curvature = float(np.mean(_most(_times(d, P, d), 0))) if n else 0.0
        slope = float(np.max(abs(d * data.q), initial=0.0))
        return cls(d, e, 1 / (max(curvature, slope) or 1.0))

    def applied(self, data: Data) -> Data:
        """The data in these units."""
        d, e, k = self.columns, self.rows, self.objective
        P, A = (csr_array(_times(*each)) for each in ((k * d, data.P, d), (e, data.A, d)))
        return Data(P, k * d * data.q, A, data.rows.scaled(e))

    def moved(self, data: Data, scaled: Data) -> Data:
        """The data in these units, of which the matrices are those of ``scaled``."""
        q = self.objective * self.columns * data.q
        changed = replace(scaled, q=q, rows=data.rows.scaled(self.rows))
        for name in ("AT", "sizes", "curved"):
            if name in vars(scaled):
                vars(changed)[name] = vars(scaled)[name]
        return changed

    def inward(self, x: Vector, y: Vector) -> tuple[Vector, Vector]:
        """x̂ and ŷ."""
        return x / self.columns, self.objective * y / self.rows

    def outward(self, x: Vector, y: Vector) -> tuple[Vector, Vector]:
        """x and y."""
        return self.columns * x, self.rows * y / self.objective


def _times(rows: Vector, M: Any, columns: Vector) -> Any:
    """diag(rows) M diag(columns), in M's format."""
    coo = M.tocoo()
    i, j = coo.coords
    return type(M)((coo.data * rows[i] * columns[j], (i, j)), shape=M.shape)


def _most(M: Any, axis: int) -> Vector:
    """The largest entries of a matrix without signs, by columns or by rows."""
    if 0 in M.shape or M.nnz == 0:
        return np.zeros(M.shape[1 - axis])
    return M.max(axis=axis).toarray().ravel()


def _or_one(sizes: Vector) -> Vector:
    return np.where(sizes > 0, sizes, 1.0)
