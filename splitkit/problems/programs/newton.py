"""Newton's step for the proximal method of multipliers, by a factorization that is kept.

With V = QQᵀ of ``Slope`` and B = QᵀA the step d solves (P + I/γ + AᵀΣ½VΣ½A)d = −g, that is

    [ P + I/γ   Bᵀ   ] [d]   [−g]
    [ B        −Σ⁻¹  ] [s] = [ 0 ],

quasi-definite, whose entries do not spread with Σ, by sparse LU (dense, where it is not sparse).
Rows of A with one entry only change the diagonal of P + I/γ.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse import block_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from splitkit.problems.programs.data import Data
from splitkit.problems.programs.rows import Slope, Vector

DENSE = 0.2  # share of entries from which a matrix is not sparse
LARGEST = 4000  # rows of a dense matrix
PIVOT = 1e-3  # part of a column's largest entry that a pivot on the diagonal has at least


class NewtonSystem:
    """The factorization for one P, A, V, Σ and γ, kept until one of them is another.

    Attributes
    ----------
    factorizations : int
        Made since the start.
    """

    def __init__(self, data: Data) -> None:
        self.factorizations = 0
        self.take(data)

    def take(self, data: Data) -> None:
        """The matrices of these data."""
        self.P, self.A = data.P, data.A
        n, counts = self.A.shape[1], np.diff(self.A.indptr)
        single = counts == 1
        (self._single,), (self._others,) = np.nonzero(single), np.nonzero(~single)
        first = self.A.indptr[self._single]
        self._column, self._entry = self.A.indices[first], self.A.data[first]
        # all of the matrix, each entry of its diagonal stored: a part of it is taken for each V
        rows = csr_array(self.A[self._others])
        size = n + self._others.size
        upper, lower = rows.tocoo(), self.P.tocoo()
        (i, j), (g, h) = upper.coords, lower.coords
        whole = csc_array(
            (
                np.concatenate((lower.data, upper.data, upper.data, np.zeros(size))),
                (
                    np.concatenate((g, n + i, j, np.arange(size))),
                    np.concatenate((h, j, n + i, np.arange(size))),
                ),
            ),
            shape=(size, size),
        )
        whole.sum_duplicates()
        self._data, self._rows = whole.data, whole.indices
        self._columns = np.repeat(np.arange(size), np.diff(whole.indptr))
        self._places = np.flatnonzero(self._rows == self._columns)  # of the diagonal
        self._diagonal = whole.data[self._places[:n]]
        self._key: tuple[Any, ...] | None = None

    def knows(self, slope: Slope, sigma: Vector, gamma: float) -> bool:
        """Whether this factorization is at hand."""
        return self._key == (slope.key, sigma.tobytes(), gamma)

    def factor(self, slope: Slope, sigma: Vector, gamma: float) -> None:
        """Make this factorization, unless it is at hand."""
        if self.knows(slope, sigma, gamma):
            return
        n = self.P.shape[0]
        met = slope.single[self._single]
        alone = self._single[met]
        diagonal = self._diagonal + 1 / gamma
        columns, entries = self._column[met], self._entry[met]
        diagonal += np.bincount(columns, weights=sigma[alone] * entries**2, minlength=n)
        H = self._part(slope.single[self._others], diagonal, -1 / sigma[self._others])
        if slope.others is not None:
            B = csr_array(slope.others.T @ self.A)
            B.resize(B.shape[0], H.shape[0])
            H = block_array([[H, B.T], [B, diags_array(-1 / sigma[slope.of])]], format="csc")
        self.matrix = H
        size = H.shape[0]
        if size <= LARGEST and H.nnz > DENSE * size**2:
            factors = lu_factor(H.toarray(), check_finite=False)
            self._solve = partial(lu_solve, factors, check_finite=False)
        else:
            self._solve = splu(
                H,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=PIVOT,
                options={"SymmetricMode": True},
            ).solve
        self.factorizations += 1
        self._key = slope.key, sigma.tobytes(), gamma

    def _part(self, met: Any, diagonal: Vector, below: Vector) -> Any:
        """The rows and columns of x and of the rows that are met, with this diagonal."""
        n = diagonal.size
        data = self._data.copy()
        data[self._places] = np.concatenate((diagonal, below))
        taken = np.concatenate((np.full(n, True), met))
        size = n + int(np.count_nonzero(met))
        if size == taken.size:
            keep: Any = slice(None)
            place = np.arange(size, dtype=np.int32)
        else:
            keep = taken[self._rows] & taken[self._columns]
            place = (np.cumsum(taken) - 1).astype(np.int32)
        counts = np.bincount(place[self._columns[keep]], minlength=size)
        starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
        return csc_array((data[keep], place[self._rows[keep]], starts), shape=(size, size))

    def step(self, g: Vector) -> Vector:
        """d, with one step of refinement."""
        b = np.zeros(self.matrix.shape[0])
        b[: g.size] = -g
        found: Vector = self._refined(b)[: g.size]
        return found

    def _refined(self, b: Vector) -> Vector:
        d = self._solve(b)
        found: Vector = d + self._solve(b - self.matrix @ d)
        return found
