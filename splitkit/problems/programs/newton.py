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
from scipy.sparse import block_array, csc_array, csr_array, diags_array, vstack
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
        counts = np.diff(self.A.indptr)
        self._single = counts == 1
        first = np.minimum(self.A.indptr[:-1], max(self.A.nnz - 1, 0))
        self._column = np.where(self._single, self.A.indices[first], 0) if self.A.nnz else counts
        self._entry = np.where(self._single, self.A.data[first], 0.0) if self.A.nnz else counts
        self._key: tuple[Any, ...] | None = None

    def knows(self, slope: Slope, sigma: Vector, gamma: float) -> bool:
        """Whether this factorization is at hand."""
        return self._key == (slope.key, sigma.tobytes(), gamma)

    def factor(self, slope: Slope, sigma: Vector, gamma: float) -> None:
        """Make this factorization, unless it is at hand."""
        if self.knows(slope, sigma, gamma):
            return
        n = self.P.shape[0]
        alone = np.flatnonzero(slope.single & self._single)
        others = np.flatnonzero(slope.single & ~self._single)
        diagonal = np.full(n, 1 / gamma)
        np.add.at(diagonal, self._column[alone], sigma[alone] * self._entry[alone] ** 2)
        blocks = [self.A[others]] if others.size else []
        weights = [1 / sigma[others]] if others.size else []
        if slope.others is not None:
            blocks.append(csr_array(slope.others.T @ self.A))
            weights.append(1 / sigma[slope.of])
        H = csc_array(self.P + diags_array(diagonal))
        if blocks:
            B = vstack(blocks) if len(blocks) > 1 else blocks[0]
            H = block_array([[H, B.T], [B, diags_array(-np.concatenate(weights))]], format="csc")
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
