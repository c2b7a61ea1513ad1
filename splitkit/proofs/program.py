"""The small semidefinite program behind a proof, and its dual: a worst configuration of points.

With the Gram matrix G of the free vectors, every known inequality is linear, tr(Qᵢ G) ≥ 0. The
claim tr((tB − C) G) ≥ 0 holds for all points of all spaces if, and in dimension ≥ n only if,

    S = tB − C − Σ λᵢQᵢ − Σ νⱼEⱼ − Σ ⟨Λₖ, Mₖ⟩ ⪰ 0   for some λᵢ ≥ 0, νⱼ, Λₖ ⪰ 0,

and the least t is a semidefinite program. Its dual variable is a Gram matrix that attains it:
points that satisfy every inequality and for which no smaller t is true.

Source: Ryu, Taylor, Bergeling, Giselsson, *Operator splitting performance estimation* (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse


@dataclass(frozen=True)
class Claim:
    """min t subject to tB − C − Σ λᵢQᵢ − … ⪰ 0, all matrices symmetric of one size.

    Attributes
    ----------
    B, C : array (n, n)
    inequalities, equalities : tuples of arrays (n, n)
        Q with tr(QG) ≥ 0, E with tr(EG) = 0.
    families : tuple of arrays (k, k, n, n)
        M with the matrix (tr(Mᵢⱼ G))ᵢⱼ ⪰ 0.
    least : float
        A lower bound of t that keeps the program bounded.
    """

    B: Any
    C: Any
    inequalities: tuple[Any, ...]
    equalities: tuple[Any, ...] = ()
    families: tuple[Any, ...] = ()
    least: float = 0.0


@dataclass(frozen=True)
class Answer:
    """The solution of a program.

    Attributes
    ----------
    value : float
        The least t; inf if no t will do.
    multipliers, free : array
        λ ≥ 0, one for each inequality; ν, one for each equality.
    families : array (n, n)
        Σ ⟨Λₖ, Mₖ⟩ with Λₖ ⪰ 0.
    slack : array (n, n)
        S, positive semidefinite up to the solver's accuracy.
    gram : array (n, n)
        A worst Gram matrix, with tr(BG) = 1.
    """

    value: float
    multipliers: Any
    free: Any
    families: Any
    slack: Any
    gram: Any


def least_value(claim: Claim) -> Answer:
    """Solve the program; equal programs are solved once."""
    key = tuple(
        np.asarray(m, dtype=float).tobytes()
        for m in (claim.B, claim.C, *claim.inequalities, *claim.equalities, *claim.families)
    )
    return _solve(_Keyed(claim, (key, claim.least)))


@dataclass(frozen=True, eq=False)
class _Keyed:
    """A claim that hashes by its numbers."""

    claim: Claim
    key: tuple[Any, ...]

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.key == self.key


@lru_cache(maxsize=4096)
def _solve(keyed: _Keyed) -> Answer:
    clarabel = _clarabel()
    claim = keyed.claim
    n = len(claim.B)
    scales = [1 / max(float(np.linalg.norm(Q)), 1e-300) for Q in claim.inequalities]
    columns = [_svec(claim.B)]
    columns += [-s * _svec(Q) for s, Q in zip(scales, claim.inequalities, strict=True)]
    units = [1 / max(float(np.linalg.norm(E)), 1e-300) for E in claim.equalities]
    columns += [-s * _svec(E) for s, E in zip(units, claim.equalities, strict=True)]
    sizes = [len(M) for M in claim.families]
    for M in claim.families:
        columns += [-_svec(f * M[i, j]) for i, j, f in _entries(len(M))]
    count, families = len(columns), sum(k * (k + 1) // 2 for k in sizes)
    bounded = 1 + len(scales)  # t and λ
    A = np.zeros((bounded + len(columns[0]) + families, count))
    b = np.zeros(len(A))
    A[:bounded, :bounded] = -np.eye(bounded)
    b[0] = -claim.least
    A[bounded : bounded + len(columns[0])] = -np.stack(columns, axis=1)
    b[bounded : bounded + len(columns[0])] = -_svec(claim.C)
    if families:
        A[-families:, -families:] = -np.eye(families)
    cones = [clarabel.NonnegativeConeT(bounded), clarabel.PSDTriangleConeT(n)]
    cones += [clarabel.PSDTriangleConeT(k) for k in sizes]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    cost = np.zeros(count)
    cost[0] = 1.0
    P = scipy.sparse.csc_matrix((count, count))
    solver = clarabel.DefaultSolver(P, cost, scipy.sparse.csc_matrix(A), b, cones, settings)
    found = solver.solve()
    x, z = np.asarray(found.x), np.asarray(found.z)
    solved = str(found.status) in ("Solved", "AlmostSolved")
    gram = _smat(z[bounded : bounded + len(columns[0])], n)
    rest = bounded + len(units)
    return Answer(
        value=float(x[0]) if solved else np.inf,
        multipliers=x[1:bounded] * np.asarray(scales),
        free=x[bounded:rest] * np.asarray(units),
        families=-_smat(np.stack([*columns[rest:], 0 * columns[0]], axis=1) @ [*x[rest:], 0.0], n),
        slack=_smat(np.stack(columns, axis=1) @ x - _svec(claim.C), n),
        gram=gram / max(np.trace(claim.B @ gram), 1e-300) if solved else gram,
    )


def _clarabel() -> Any:
    try:
        import clarabel  # optional
    except ImportError as error:
        raise ImportError(
            "proofs are found by a semidefinite program: pip install clarabel (or splitkit[proofs])"
        ) from error
    return clarabel


def _entries(k: int) -> list[tuple[int, int, float]]:
    """Upper triangle of a k×k matrix, column by column, with √2 off the diagonal."""
    return [(i, j, 1.0 if i == j else 2**0.5) for j in range(k) for i in range(j + 1)]


def _svec(M: Any) -> Any:
    return np.array([f * M[i, j] for i, j, f in _entries(len(M))])


def _smat(v: Any, n: int) -> Any:
    M = np.zeros((n, n))
    for value, (i, j, f) in zip(v, _entries(n), strict=True):
        M[i, j] = M[j, i] = value / f
    return M
