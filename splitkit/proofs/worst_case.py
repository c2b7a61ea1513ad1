"""Points in few dimensions from the Gram matrix of a worst case.

A Gram matrix G = VVᵀ of rank r gives points in r dimensions. As long as r(r+1)/2 exceeds the number
of linear functions of G that are to be kept, there is a symmetric D ≠ 0 with
tr(Mₖ VDVᵀ) = 0 for all of them, and G + sVDVᵀ at the s where it loses rank is another worst case
(Barvinok 1995, Pataki 1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np

NEGLIGIBLE = 1e-6  # of the largest eigenvalue


def low_rank_points(G: Any, kept: list[Any]) -> Any:
    """Rows: one point for each vector; ``kept`` are the matrices whose inner product with the Gram
    matrix is not to change.
    """
    V = _factor(G)
    while V.shape[1] > 1:
        r = V.shape[1]
        upper = np.triu_indices(r)
        weights = np.where(upper[0] == upper[1], 1.0, 2.0)
        rows = np.stack([weights * (V.T @ M @ V)[upper] for M in kept])
        directions = _null_space(rows)
        if not len(directions):
            break
        D = np.zeros((r, r))
        D[upper] = D.T[upper] = directions[0]
        eigenvalues = np.linalg.eigvalsh(D)
        s = -1 / eigenvalues[np.argmax(np.abs(eigenvalues))]
        V = _factor(V @ (np.eye(r) + s * D) @ V.T)
    return V


def _null_space(rows: Any) -> Any:
    _, values, vectors = np.linalg.svd(rows)
    return vectors[int(np.sum(values > 1e-9 * values[0])) :]


def _factor(G: Any) -> Any:
    eigenvalues, vectors = np.linalg.eigh((G + G.T) / 2)
    large = eigenvalues > NEGLIGIBLE * max(eigenvalues[-1], 0.0)
    return vectors[:, large] * np.sqrt(eigenvalues[large])
