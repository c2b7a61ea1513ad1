"""Clarabel, an interior-point method, as the independent solver of small conic programs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import clarabel
import numpy as np
from scipy import sparse

Rows = tuple[np.ndarray, np.ndarray, str]
CONES = {
    "=": clarabel.ZeroConeT,
    "<": clarabel.NonnegativeConeT,
    "soc": clarabel.SecondOrderConeT,
}


def conic(P: np.ndarray | None, q: np.ndarray, constraints: Sequence[Rows]) -> np.ndarray:
    """The minimizer of ½xᵀPx + qᵀx under (A, b, kind): Ax = b, Ax ≤ b, or b − Ax in the
    second-order cone ("soc"), or in the semidefinite one, as a triangle ("psd").
    """
    n = len(q)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    settings.max_iter = 200
    cones = [
        clarabel.PSDTriangleConeT(math.isqrt(2 * len(b))) if kind == "psd" else CONES[kind](len(b))
        for _, b, kind in constraints
    ]
    solver = clarabel.DefaultSolver(
        sparse.triu(np.zeros((n, n)) if P is None else P, format="csc"),
        np.asarray(q, dtype=float),
        sparse.csc_matrix(np.vstack([A for A, _, _ in constraints])),
        np.concatenate([b for _, b, _ in constraints]).astype(float),
        cones,
        settings,
    )
    solution = solver.solve()
    status = str(solution.status)
    if status not in {"Solved", "AlmostSolved"}:
        raise AssertionError(f"Clarabel ended with the status {status}")
    return np.array(solution.x)


def triangle(n: int) -> np.ndarray:
    """The map of a matrix, its rows in one vector, to its scaled upper triangle by columns, which
    has the same norm for symmetric matrices.
    """
    T = np.zeros((n * (n + 1) // 2, n * n))
    k = 0
    for j in range(n):
        for i in range(j + 1):
            T[k, i * n + j] += 1.0 if i == j else math.sqrt(0.5)
            if i != j:
                T[k, j * n + i] += math.sqrt(0.5)
            k += 1
    return T


def selection(indices: Sequence[int], n: int) -> np.ndarray:
    """Rows of the identity."""
    return np.eye(n)[list(indices)]
