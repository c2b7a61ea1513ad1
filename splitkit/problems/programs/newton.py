"""Newton's step for the proximal method of multipliers, by a factorization that is kept.

With V = QQᵀ of ``Slope`` and B = QᵀA the step d solves (P + I/γ + AᵀΣ½VΣ½A)d = −g, that is

    [ P + I/γ   Bᵀ   ] [d]   [−g]
    [ B        −Σ⁻¹  ] [s] = [ 0 ],

quasi-definite, whose entries do not spread with Σ, by sparse LU (dense, where it is not sparse).
Rows of A with one entry only change the diagonal of P + I/γ. Where few rows were met or left since
K was factored, K is kept, and bordered: Vz is added to K(d, s), and Vᵀ(d, s) = Dz, with

    V = (aᵢ, 0), D = σᵢ⁻¹ of a row that is met now;  V = (0, eᵢ), D = 0 of one that is left,
    V = (aᵢ, 0), D = −σᵢ⁻¹, if it has one entry.
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
BORDER = 24  # rows at most that border a matrix that is kept
WORTH = 400  # rows from which it is worth it


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
        self._base: tuple[Any, bytes, float] | None = None

    def knows(self, slope: Slope, sigma: Vector, gamma: float) -> bool:
        """Whether this factorization is at hand."""
        return self._key == (slope.key, sigma.tobytes(), gamma)

    def factor(self, slope: Slope, sigma: Vector, gamma: float) -> None:
        """Make this factorization, unless it is at hand."""
        if self.knows(slope, sigma, gamma):
            return
        if self._bordered(slope, sigma, gamma):
            self._key = slope.key, sigma.tobytes(), gamma
            return
        self._base = None
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
        self._V = self._W = np.zeros((size, 0))
        self._D, self._rows_of = np.zeros(0), np.zeros(0, dtype=int)
        self._some: list[int] = []
        if slope.others is None and size >= WORTH:
            self._base = slope.single.copy(), sigma.tobytes(), gamma

    def _bordered(self, slope: Slope, sigma: Vector, gamma: float) -> bool:
        """Whether the matrix at hand, with a border, is that of these rows."""
        if self._base is None or slope.others is not None:
            return False
        met, of_sigma, of_gamma = self._base
        if (of_sigma, of_gamma) != (sigma.tobytes(), gamma):
            return False
        changed = np.flatnonzero(met != slope.single)
        if changed.size > BORDER:
            return False
        known = {int(row): k for k, row in enumerate(self._rows_of)}
        new = [int(row) for row in changed if int(row) not in known]
        V, D = np.zeros((self.matrix.shape[0], len(new))), np.zeros(len(new))
        for k, row in enumerate(new):
            of = slice(self.A.indptr[row], self.A.indptr[row + 1])
            if slope.single[row] or of.stop - of.start == 1:
                V[self.A.indices[of], k] = self.A.data[of]
                D[k] = (1.0 if slope.single[row] else -1.0) / sigma[row]
            else:  # its place among the rows that were met when the matrix was factored
                before = np.searchsorted(self._others, row)
                V[self.P.shape[0] + np.count_nonzero(met[self._others[:before]]), k] = 1.0
        if new:
            self._V = np.concatenate((self._V, V), axis=1)
            self._W = np.concatenate((self._W, self._solve(V)), axis=1)
            self._D = np.concatenate((self._D, D))
            self._rows_of = np.concatenate((self._rows_of, new))
        known = {int(row): k for k, row in enumerate(self._rows_of)}
        self._some = [known[int(row)] for row in changed]
        border = self._V[:, self._some].T @ self._W[:, self._some]
        self._border = border + np.diag(self._D[self._some])
        return True

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
        if not self._some:
            d = self._solve(b)
            found: Vector = d + self._solve(b - self.matrix @ d)
            return found
        V, D = self._V[:, self._some], self._D[self._some]
        d, z = self._once(b, np.zeros(D.size), V)
        more, _ = self._once(b - self.matrix @ d - V @ z, D * z - V.T @ d, V)
        return d + more

    def _once(self, b: Vector, c: Vector, V: Any) -> tuple[Vector, Vector]:
        """d and z of the bordered matrix, Kd + Vz = b and Vᵀd − Dz = c."""
        d = self._solve(b)
        z = np.linalg.solve(self._border, V.T @ d - c)
        return d - self._W[:, self._some] @ z, z
