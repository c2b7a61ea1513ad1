"""The small semidefinite program behind a proof, and its dual: a worst configuration of points.

With the Gram matrix G of the free vectors, every known inequality is linear, tr(Qᵢ G) ≥ 0. The
claim tr((tB − C) G) ≥ 0 holds for all points of all spaces if, and in dimension ≥ n only if,

    S = tB − C − Σ λᵢQᵢ − Σ νⱼEⱼ − Σ ⟨Λₖ, Mₖ⟩ ⪰ 0   for some λᵢ ≥ 0, νⱼ, Λₖ ⪰ 0,

and the least t is a semidefinite program. Its dual variable is a Gram matrix that attains it:
points that satisfy every inequality and for which no smaller t is true.

It is solved in other units: the free vectors are multiplied by numbers, and each matrix divided by
its size, so that no entry of any matrix is far from 1 if that can be. Constants of operators and
step sizes together fix these units, and the solver is given 40 binary digits of each entry: in
whatever units a step is written, it is mostly given the same numbers, bit by bit.

Source: Ryu, Taylor, Bergeling, Giselsson, *Operator splitting performance estimation* (2020).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from splitkit.progress import tell

TOLERANCE = 1e-10  # the solver's
TINY = 1e-200  # beside the entries of a Gram matrix
DIGITS = 2.0**40  # of the numbers that the solver is given
PROGRAMS = "programs of a proof"  # what a bar counts
FAR = 2.0**20  # between what is claimed and what is given: they have other units
NEAR = 256.0  # between the entries of all matrices: they may stay as they are
# the solver's, where it is near what it seeks
ENDED = ("Solved", "AlmostSolved", "InsufficientProgress")


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
    values : int
        How many of the last free vectors stand for numbers of any sign: f is the entry of G on the
        diagonal, no other entry in its row occurs, and S must be 0 there.
    """

    B: Any
    C: Any
    inequalities: tuple[Any, ...]
    equalities: tuple[Any, ...] = ()
    families: tuple[Any, ...] = ()
    least: float = 0.0
    values: int = 0


@dataclass(frozen=True)
class Answer:
    """What the solver says of a program.

    Attributes
    ----------
    value : float
        The least t; inf if no t will do.
    status : str
        The solver's.
    multipliers, free : array
        λ ≥ 0, one for each inequality; ν, one for each equality.
    metrics : tuple of arrays (k, k)
        Λ ⪰ 0, one for each family.
    gram : array (n, n)
        A worst Gram matrix, with tr(BG) = 1 where tr(BG) ≠ 0.
    units : array (n,)
        What the free vectors were multiplied by.
    """

    value: float
    status: str
    multipliers: Any
    free: Any
    metrics: tuple[Any, ...]
    gram: Any
    units: Any

    @property
    def is_solved(self) -> bool:
        """Whether the solver met its tolerances."""
        return self.status == "Solved"

    @property
    def is_near(self) -> bool:
        """Whether it met its tolerances, or its reduced ones."""
        return self.status in ("Solved", "AlmostSolved")

    @property
    def is_finite(self) -> bool:
        """Whether all multipliers are numbers."""
        known = (self.multipliers, self.free, *self.metrics)
        return all(bool(np.isfinite(each).all()) for each in known)

    @property
    def is_impossible(self) -> bool:
        """Whether no t will do; ``gram`` shows why."""
        return self.status == "PrimalInfeasible"


def least_value(claim: Claim, units: Any = None) -> Answer:
    """Solve the program, in these units of the free vectors if they are given."""
    n, m = len(claim.B) - claim.values, claim.values
    units = balanced_units(claim) if units is None else units
    D = np.outer(units, units)
    stack = np.array([claim.C, claim.B, *claim.inequalities, *claim.equalities]) * D
    stack, largest = order_one(stack)
    norms = np.sqrt(np.sum(stack * stack, axis=(1, 2)))
    norms = np.where(norms > 0, norms, 1.0)
    right, *columns = _parts(stack / norms[:, None, None], n)
    size_C, size_B, *_ = norms = norms * largest[:, 0, 0]
    if not np.any(right):  # t in the units of C/B; if C is 0, in those of 1
        size_C = size_B
    of_known = 1 / norms[2:]
    of_M = [_family_units(M, D) for M in claim.families]
    sizes = [len(M) for M in claim.families]
    for M, f in zip(claim.families, of_M, strict=True):
        i, j, k = _triangle(len(M))
        parts = shortened((f[i] * f[j])[:, None, None] * (D * M[i, j]))
        columns += [*_parts(k[:, None, None] * parts, n)]
    count, families = len(columns), sum(k * (k + 1) // 2 for k in sizes)
    bounded = 1 + len(claim.inequalities)  # t and λ
    end = bounded + len(right)
    A = np.zeros((end + families, count))
    b = np.zeros(len(A))
    A[:bounded, :bounded] = -np.eye(bounded)
    b[0] = -shortened(claim.least * size_B / size_C)
    A[bounded:end] = np.array(columns).T
    A[bounded:end, 0] *= -1.0  # S = tB − C − …
    b[bounded:end] = -right
    if families:
        A[-families:, -families:] = -np.eye(families)
    found = _solver(A, b, (bounded, m), (n, *sizes))
    status, x, z = found
    gram = np.zeros_like(D)
    gram[range(n, n + m), range(n, n + m)] = z[bounded : bounded + m]
    gram[:n, :n] = _smat(z[bounded + m : end], n)
    gram *= D
    weight = float(np.sum(claim.B * gram))
    has_weight = weight > TINY * float(np.abs(gram).max())
    rest = bounded + len(claim.equalities)
    metrics, at = [], rest
    for k, f in zip(sizes, of_M, strict=True):
        metrics.append(_smat(x[at : at + k * (k + 1) // 2], k) * np.outer(f, f) * size_C)
        at += k * (k + 1) // 2
    return Answer(
        value=np.inf if status == "PrimalInfeasible" else float(x[0] * size_C / size_B),
        status=status,
        multipliers=x[1:bounded] * of_known[: bounded - 1] * size_C,
        free=x[bounded:rest] * of_known[bounded - 1 :] * size_C,
        metrics=tuple(metrics),
        gram=gram / weight if has_weight and status != "PrimalInfeasible" else gram,
        units=units,
    )


class Conic:
    """min x₀ subject to x₀ + c ≥ 0, Mx + c ≥ 0, and Σ Mᵢxᵢ + C ⪰ 0."""

    def __init__(self, count: int, c: float) -> None:
        self.rows = [np.eye(1, count)]
        self.right = [shortened(np.array([c]))]
        self.inside = [np.zeros(1)]
        self.bounded = 1
        self.sizes: list[int] = []

    def not_negative(self, M: Any, c: Any) -> None:
        """Mx + c ≥ 0."""
        self._add(M, c, np.ones(len(c)))
        self.bounded += len(c)

    def semidefinite(self, M: Any, C: Any) -> None:
        """Σ Mᵢxᵢ + C ⪰ 0, after all that is not negative."""
        if len(C):
            self._add(_svec(M).T, _svec(C), _svec(np.eye(len(C))))
            self.sizes.append(len(C))

    def _add(self, M: Any, c: Any, inside: Any) -> None:
        self.rows.append(shortened(M))
        self.right.append(shortened(c))
        self.inside.append(inside)

    def minimum(self, inside: float) -> Any:
        """x where what is not to be negative is at least this, to no less than that; None: the
        solver finds none.
        """
        A, b = -np.concatenate(self.rows), np.concatenate(self.right)
        b = b - inside * np.concatenate(self.inside)
        found = _solver(A, b, (self.bounded, 0), self.sizes, max(inside, TOLERANCE))
        return found.x if found.status in ENDED and np.isfinite(found.x).all() else None


def _solver(
    A: Any, b: Any, linear: tuple[int, int], sizes: Sequence[int], tolerance: float = TOLERANCE
) -> _Ended:
    """min x₀ subject to b − Ax in so many inequalities, equations, and cones of these sizes; equal
    programs are solved once.
    """
    key = (A.shape, A.tobytes(), b.tobytes(), linear, tuple(sizes), tolerance)
    return _solve(_Keyed(A, b, key))


def order_one(M: Any) -> tuple[Any, Any]:
    """A matrix, or each of several, divided by its largest entry, and that, which is 1 for 0."""
    largest = np.abs(M).max(axis=(-2, -1), keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    return shortened(M / largest), largest


def shortened(M: Any) -> Any:
    """The numbers to so many digits: those of a program in other units, which are rounded in their
    last ones, become the same.
    """
    parts, powers = np.frexp(M)
    return np.ldexp(np.rint(parts * DIGITS), powers) / DIGITS + 0.0


class _Ended(NamedTuple):
    """How the solver ended, and at what."""

    status: str
    x: Any
    z: Any


@dataclass(frozen=True, eq=False)
class _Keyed:
    """A program that hashes by its numbers."""

    A: Any
    b: Any
    key: tuple[Any, ...]

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.key == self.key


@lru_cache(maxsize=4096)
def _solve(keyed: _Keyed) -> _Ended:
    clarabel = load_clarabel()
    A, (shape, *_, (bounded, equal), sizes, tolerance) = keyed.A, keyed.key
    cones = [clarabel.NonnegativeConeT(bounded)]
    cones += [clarabel.ZeroConeT(equal)] if equal else []
    cones += [clarabel.PSDTriangleConeT(k) for k in sizes]
    cost = np.zeros(shape[1])
    cost[0] = 1.0
    solver = clarabel.DefaultSolver(
        _empty((shape[1], shape[1])), cost, _sparse(A), keyed.b, cones, _settings(tolerance)
    )
    try:
        found = solver.solve()
    except BaseException as error:  # of a matrix without eigenvalues it makes no Exception
        if type(error).__name__ != "PanicException":
            raise
        nowhere = np.full(sum(A.shape), np.nan)
        return _Ended("Panic", nowhere[: shape[1]], nowhere[: shape[0]])
    tell(PROGRAMS)
    return _Ended(str(found.status), np.asarray(found.x), np.asarray(found.z))


@lru_cache(maxsize=8)
def _settings(tolerance: float) -> Any:
    settings = load_clarabel().DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    return settings


@lru_cache(maxsize=64)
def _empty(shape: tuple[int, int]) -> Any:
    return scipy.sparse.csc_matrix(shape)


def _sparse(A: Any) -> Any:
    """By its columns; SciPy's own way looks at more."""
    j, i = np.nonzero(A.T)
    first = np.searchsorted(j, np.arange(A.shape[1] + 1))
    made = copy.copy(_empty(A.shape))
    made.data, made.indices, made.indptr = A[i, j], i.astype(np.int32), first.astype(np.int32)
    return made


def balanced_units(claim: Claim) -> Any:
    """Numbers by which the free vectors are multiplied, so that the entries of each matrix differ
    little: units of their own, times powers of 2, those d for which log|Qᵢⱼ| + dᵢ + dⱼ varies least
    within the Q, the least entries counting least.
    """
    n = len(claim.B)
    known = [claim.B, claim.C, *claim.inequalities, *claim.equalities]
    known += [M[i, i] for M in claim.families for i in range(len(M))]
    stack = np.abs(known)
    own = own_units(stack)
    stack *= np.outer(own, own)
    # t has units of its own where numbers, or a residual, are compared with squares of points
    ratio = float(stack[1].max() / (stack[0].max() or 1.0))
    apart = claim.values or claim.least < 0 or not 1 / FAR < ratio < FAR
    g = np.arange(len(stack))  # what has the units of one number
    if not apart:
        g[1] = 0
    k, i, j = np.nonzero(stack * np.tri(n).T)
    entries = stack[k, i, j]
    sizes = np.zeros(len(g))
    np.maximum.at(sizes, g[k], entries)
    entries /= sizes[g[k]]
    if not len(k) or NEAR * entries.min() >= 1:
        return own
    logs = np.log2(entries)
    A = np.zeros((len(k), n + len(g)))
    each = np.arange(len(k))
    A[each, i] += 1.0
    A[each, j] += 1.0
    A[each, n + g[k]] -= 1.0
    weights = np.ones(len(k))
    for _ in range(2):
        scaled = weights[:, None] * A
        normal = scaled.T @ scaled + 1e-9 * np.eye(A.shape[1])  # what is left open stays small
        found = np.linalg.solve(normal, -scaled.T @ (weights * logs))
        weights = np.exp2(np.clip(A @ found + logs, -20.0, 0.0) / 4)
    return own * np.exp2(np.round(found[:n]))


def own_units(stack: Any) -> Any:
    """Units of the free vectors in those of the first one: in the first of the matrices that
    connects one with those that are known, entries on the diagonal have one size.

    They depend on where entries are, and on ratios of them, so that a program in other units is the
    same one in these.
    """
    n = stack.shape[-1]
    squares = np.diagonal(stack, axis1=1, axis2=2)
    units, known, unknown = [1.0] * n, {0}, set(range(1, n))
    left = [(k, {*np.nonzero(row)[0].tolist()}) for k, row in enumerate(squares)]
    while unknown:
        rest = []
        for k, places in left:
            new = places & unknown
            if not new:
                continue
            first = min(places & known, default=None)
            if first is None:
                rest.append((k, places))
                continue
            for i in new:
                units[i] = units[first] * math.sqrt(squares[k, first] / squares[k, i])
            known |= new
            unknown -= new
        if len(rest) == len(left):
            i = min(unknown)  # by a product with one that is known, or by nothing
            for j in sorted(known):
                at = np.nonzero(stack[:, i, j] * squares[:, j])[0]
                if len(at):
                    units[i] = units[j] * float(squares[at[0], j] / stack[at[0], i, j])
                    break
            known.add(i)
            unknown.remove(i)
        left = rest
    return np.array(units)


def _family_units(M: Any, D: Any) -> Any:
    """f such that the fᵢ²Mᵢᵢ, in the units D, have norm 1."""
    sizes = np.array([float(np.linalg.norm(D * M[i, i])) for i in range(len(M))])
    return np.where(sizes > 0, sizes, 1.0) ** -0.5


def load_clarabel() -> Any:
    """The solver, an optional package."""
    try:
        import clarabel  # optional
    except ImportError as error:
        raise ImportError(
            "a proof needs clarabel, for its program: pip install 'splitkit[proofs]'"
        ) from error
    return clarabel


def _parts(M: Any, n: int) -> Any:
    """The entries of values on the diagonal, and the first n rows and columns."""
    return np.concatenate(
        [np.diagonal(M, axis1=-2, axis2=-1)[..., n:], _svec(M[..., :n, :n])], axis=-1
    )


def _svec(M: Any) -> Any:
    """Upper triangles of k×k matrices, column by column, with √2 off the diagonal."""
    i, j, f = _triangle(M.shape[-1])
    return M[..., i, j] * f


def _smat(v: Any, n: int) -> Any:
    M = np.zeros((n, n))
    i, j, f = _triangle(n)
    M[i, j] = M[j, i] = v / f
    return M


@lru_cache(maxsize=64)
def _triangle(k: int) -> tuple[Any, Any, Any]:
    j, i = np.tril_indices(k)
    return i, j, np.where(i == j, 1.0, 2**0.5)
