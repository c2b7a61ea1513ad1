"""Free variables of a linear mixed complementarity problem, eliminated: with x = (u, v), u free,

    Au + Cv = a,     Du + Bv − b ∈ −N_{[l, u]}(v)

is u = A⁻¹(a − Cv) and the problem of (B − DA⁻¹C)v − (b − DA⁻¹a), where A is invertible. It can be
monotone where that of x is not: the Schur complement of a positive semidefinite matrix is so, but
the rows of equations may have any sign.

Source: Cottle, Pang, Stone, *The Linear Complementarity Problem* (1992), §1.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from splitkit.backend import Array, blocks, from_numpy, is_array, to_numpy
from splitkit.functions import Box
from splitkit.linear import Affine, DenseMatrix, Sparse
from splitkit.operators.solvable import as_affine

if TYPE_CHECKING:
    from splitkit.problems.complementarity import MixedComplementarity


@dataclass(frozen=True)
class Eliminated:
    """What is left of a problem without its free variables.

    Attributes
    ----------
    problem : MixedComplementarity
        Of the entries that have a bound.
    bounded : array of bool
        Which these are.
    """

    problem: MixedComplementarity
    bounded: Any
    _inverse: Any  # u = offset − map v
    _offset: Any

    def bounded_part(self, x: Array) -> Array:
        """v, of points (..., n)."""
        return from_numpy(to_numpy(x)[..., self.bounded], x)

    def restore(self, v: Array) -> Array:
        """x of v: the free entries from their equations."""
        given = to_numpy(v)
        x = np.empty((*given.shape[:-1], self.bounded.size))
        x[..., self.bounded] = given
        x[..., ~self.bounded] = self._offset - given @ self._inverse.T
        return from_numpy(x, v)


def eliminated(problem: MixedComplementarity) -> Eliminated:
    """See ``MixedComplementarity.eliminated``."""
    from splitkit.problems.complementarity import MixedComplementarity  # which imports this file

    F, box = as_affine(problem.F), problem.C
    assert isinstance(box, Box)
    L = None if F is None else F.M.merged
    if F is None or not isinstance(L, DenseMatrix | Sparse):
        raise TypeError(
            f"F = {problem.F!r}: free variables are eliminated of Affine(M, q) with a matrix M"
        )
    like = L.matrix if isinstance(L, DenseMatrix) else blocks(F.q)[0]
    M = to_numpy(like) if isinstance(L, DenseMatrix) else L.matrix.toarray()
    n = M.shape[-1]
    if M.shape != (n, n):
        raise TypeError(f"M has shape {M.shape}: give one matrix for all samples")
    q = np.zeros(n) if F.q is None else to_numpy(F.q)
    low, high = (to_numpy(b) if is_array(b) else np.asarray(b) for b in (box.lower, box.upper))
    has_bound = np.asarray((low > -np.inf) | (high < np.inf))
    bounded = np.broadcast_to(has_bound, (*has_bound.shape[:-1], n)).reshape(-1, n).any(axis=0)
    free = ~bounded
    A = M[np.ix_(free, free)]
    scales = np.linalg.norm(A, axis=1)
    smallest = np.linalg.svd(A / np.where(scales > 0, scales, 1)[:, None], compute_uv=False)
    if smallest.size and smallest[-1] <= n * np.finfo(float).eps:
        raise ValueError(
            f"M of the {int(free.sum())} free variables is singular: their equations leave some of "
            "them open, so that they cannot be eliminated"
        )
    D, C = M[np.ix_(bounded, free)], M[np.ix_(free, bounded)]
    inverse = np.linalg.solve(A, C)
    offset = np.linalg.solve(A, q[..., free, None])[..., 0]
    reduced = M[np.ix_(bounded, bounded)] - D @ inverse
    right = q[..., bounded] - offset @ D.T
    low, high = (
        from_numpy(np.broadcast_to(b, (*b.shape[:-1], n))[..., bounded], like) for b in (low, high)
    )
    return Eliminated(
        MixedComplementarity(
            Affine(from_numpy(reduced, like), from_numpy(right, like)),
            low,
            high,
            batch_ndim=box.batch_ndim,
        ),
        bounded,
        inverse,
        offset,
    )
