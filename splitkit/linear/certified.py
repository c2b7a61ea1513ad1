"""Bounds of the extreme eigenvalues of a symmetric matrix that hold: an estimate, confirmed.

Lanczos' method estimates λ_max(M) by a Ritz value, which is never above it. That c bounds it is
confirmed by Cholesky's factorization: where that of T = cI − M runs through in floating point,

    λ_min(T) ≥ −γ tr T,   γ = (k + 3)ε/(1 − (k + 3)ε),   so that   λ_max(M) ≤ c + γ tr T,

with k the greatest number of entries in a row of the factor. The least eigenvalue of a positive
definite M is estimated on M⁻¹, and confirmed on M − cI. What the factorization refuses is tried
again with more room, as far as a bound that is known anyway. A dense matrix is factored as it is, a
sparse one where Cuthill and McKee's order leaves a band that is filled at no great cost.

Sources: Rump, *Verification of positive definiteness* (2006), Thm. 2.3; Demmel, *On floating point
errors in Cholesky* (1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from splitkit.backend import Array, from_numpy, namespace, real_matrix
from splitkit.linear.factor import inverse, is_positive

STEPS = 80  # of Lanczos' method at most
ACCURACY = 1e-6  # relative, of a Ritz value that is taken for the eigenvalue
FIRST, WIDER = 1e-7, 8.0  # what is added to it, and what that is multiplied by when it fails
BAND_WORK, BAND_ENTRIES = 2e10, 5e7  # what a sparse matrix' factorization may cost

Solve = Callable[[Array], Array]


class Definite:
    """A symmetric matrix M, in double precision, whose shifts are factored."""

    def __init__(self, M: Array) -> None:
        xp = namespace(M)
        M = real_matrix(M)
        self.M = self.like = xp.astype(M, xp.float64)
        self.width = int(M.shape[0])
        self.diagonal = xp.linalg.diagonal(self.M)
        self.eps = float(xp.finfo(M.dtype).eps)  # of the numbers that are given

    def apply(self, v: Array) -> Array:
        """Mv."""
        return v @ self.M

    def rounding(self, c: float = 0.0, sign: float = 1.0) -> float:
        """γ tr(cI + sign·M), and what rounding moves its diagonal by."""
        xp = namespace(self.diagonal)
        unit = (self.width + 3) * 2.0**-52
        size = xp.abs(c + sign * self.diagonal)
        return float(xp.sum(size)) * unit / (1 - unit) + 2.0**-52 * float(xp.max(size))

    @cached_property
    def forgiven(self) -> float:
        """By how much λ_min(M) may be below 0 for the rounding of M itself, and of what follows."""
        if self.eps == 2.0**-52:
            return self.rounding()
        value, _ = ritz(self.apply, self.like)
        return max(self.rounding(), 4 * int(self.diagonal.shape[0]) * self.eps * value)

    def is_positive(self, c: float, sign: float) -> bool:
        """Whether cI + sign·M has Cholesky's factorization."""
        n = int(self.M.shape[0])
        return is_positive(c * from_numpy(np.eye(n), self.M) + sign * self.M)

    def solver(self) -> Solve | None:
        """v ↦ M⁻¹v; None: M is not positive definite, up to rounding."""
        try:
            if isinstance(self.M, np.ndarray):
                factor = scipy.linalg.cho_factor(self.M, lower=True)
                return lambda v: np.asarray(scipy.linalg.cho_solve(factor, v))
            V, _ = inverse(self.M)
        except np.linalg.LinAlgError:
            return None
        return lambda v: v @ V

    def greatest(self, bound: float, sign: float = 1.0) -> float:
        """An upper bound of λ_max(sign·M), no larger than the one that is known."""
        value, off = ritz(lambda v: sign * self.apply(v), self.like)
        room = max(off, FIRST * abs(value), 2.0**-52 * abs(bound))
        while value + room < bound:
            c = value + room
            if self.is_positive(c, -sign):
                return min(c + self.rounding(c, -sign), bound)
            room *= WIDER
        return bound

    def is_semidefinite(self) -> bool:
        """Whether λ_min(M) ≥ 0, but for rounding."""
        return self.is_positive(self.forgiven, 1.0)

    def least(self, bound: float) -> float:
        """A lower bound of λ_min(M), no smaller than the one that is known; 0 if it is so but for
        rounding.
        """
        solve = self.solver()
        if solve is None and not self.is_semidefinite():
            return max(bound, -self.greatest(-bound, -1.0))
        if solve is not None:
            value, off = ritz(solve, self.like)
            room = max(off, FIRST * value)
            while value > 0 and 1 / (value + room) > self.forgiven:
                c = 1 / (value + room)
                if self.is_positive(-c, 1.0):
                    return max(bound, c - self.rounding(-c, 1.0))
                room *= WIDER
        return max(0.0, bound)

    def norm(self, bound: float) -> float:
        """An upper bound of ‖M‖, no larger than the one that is known."""
        greatest = self.greatest(bound)
        if self.is_positive(greatest, 1.0):  # −λ_min is no larger
            return greatest
        return max(greatest, self.greatest(bound, -1.0))


class Banded(Definite):
    """A sparse matrix, its rows and columns in an order that leaves a narrow band."""

    def __init__(self, M: Any) -> None:
        order = reverse_cuthill_mckee(scipy.sparse.csr_matrix(M), symmetric_mode=True)
        self.sparse = scipy.sparse.csr_array(M.astype(np.float64)[order][:, order])
        entries = self.sparse.tocoo()
        below = entries.row >= entries.col
        i, j = entries.row[below], entries.col[below]
        self.diagonal, self.like = self.sparse.diagonal(), np.empty(M.shape[0])
        self.eps = float(np.finfo(M.dtype).eps)
        self.width = 1 + int(np.max(i - j, initial=0))
        self.entries = i - j, j, entries.data[below]

    @property
    def is_narrow(self) -> bool:
        """Whether a factorization costs little."""
        size = float(self.width * len(self.diagonal))
        return size <= BAND_ENTRIES and size * self.width <= BAND_WORK

    def apply(self, v: Array) -> Array:
        return self.sparse @ v

    def _factor(self, c: float, sign: float) -> Any:
        band = np.zeros((self.width, len(self.diagonal)))
        below, column, data = self.entries
        band[below, column] = sign * data
        band[0] += c
        try:
            return scipy.linalg.cholesky_banded(band, lower=True, overwrite_ab=True)
        except np.linalg.LinAlgError:
            return None

    def is_positive(self, c: float, sign: float) -> bool:
        return self._factor(c, sign) is not None

    def solver(self) -> Solve | None:
        factor = self._factor(0.0, 1.0)
        if factor is None:
            return None
        return lambda v: np.asarray(scipy.linalg.cho_solve_banded((factor, True), v))


def ritz(apply: Solve, like: Array) -> tuple[float, float]:
    """The greatest Ritz value of a symmetric map of vectors, and the residual of its vector."""
    xp, n = namespace(like), int(like.shape[-1])
    start = np.random.default_rng(0).standard_normal(n)
    v = from_numpy(start / np.linalg.norm(start), like)
    basis: list[Array] = [v]
    diagonal: list[float] = []
    beside: list[float] = []
    value = off = 0.0
    for k in range(1, min(STEPS, n) + 1):
        w = apply(v)
        diagonal.append(float(xp.sum(w * v)))
        B = xp.stack(basis)
        for _ in range(2):  # once leaves rounding, twice is enough
            w = w - (w @ B.T) @ B
        beta = math.sqrt(max(0.0, float(xp.sum(w * w))))
        T = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        values, vectors = np.linalg.eigh(T)
        value, off = float(values[-1]), beta * abs(float(vectors[-1, -1]))
        size = max(abs(float(values[0])), abs(value))
        if off <= ACCURACY * abs(value) or beta <= 1e-14 * size or k == n:
            break
        beside.append(beta)
        v = w / beta
        basis.append(v)
    return value, off


def smaller_gram(M: Array) -> tuple[Array, float]:
    """MᵀM or MMᵀ, whichever has fewer rows, and what rounding may have moved its eigenvalues."""
    M = real_matrix(M)
    xp, (rows, columns) = namespace(M), M.shape
    M = xp.astype(M, xp.float64)
    G: Any = M @ M.T if rows < columns else M.T @ M
    trace = float(xp.sum(xp.linalg.diagonal(G)))
    return (G + G.T) / 2, max(rows, columns) * 2.0**-52 * trace
