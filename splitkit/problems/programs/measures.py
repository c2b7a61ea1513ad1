"""How far x and y are from solving a program, without units; and proofs that nothing does.

    primal    ‖Ax − P_C(Ax)‖∞ beside max(‖Ax‖∞, ‖P_C(Ax)‖∞)
    dual      ‖Px + q + Aᵀy‖∞ beside max(‖Px‖∞, ‖q‖∞, ‖Aᵀy‖∞)
    gap       ⟨x, Px⟩ + ⟨q, x⟩ + sup {⟨z, y⟩: z ∈ C} beside the largest of its three terms

Where these sizes nearly vanish, ``WITHIN`` of what cancels in them, such as ‖|A||x|‖, counts; where
that vanishes too, a small part of what was seen to cancel on the way.

A vector v with Aᵀv = 0 and sup {⟨z, v⟩: z ∈ C} < 0 proves that no x has Ax ∈ C; a direction d with
Pd = 0, Ad in C's recession cone and ⟨q, d⟩ < 0 that the objective has no lower bound where there
is such an x. Equations hold up to ``ROUNDING`` beside what cancels in them, so that the first is
proved for all x with ‖x‖₁ ≤ −sup/‖Aᵀv‖∞.

Source: Banjac, Goulart, Stellato, Boyd, *Infeasibility detection in the alternating direction
method of multipliers for convex optimization* (2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csc_array, vstack
from scipy.sparse.linalg import lsqr

from splitkit.problems.programs.data import Data
from splitkit.problems.programs.rows import Vector

EPS = float(np.finfo(np.float64).eps)
ROUNDING = 1e-8
COUNTS = 100 * ROUNDING
WITHIN = 0.01
NEARLY = 1e-3
PURGED = 1e-9


@dataclass(frozen=True)
class Measures:
    """At x and y, see the module's docstring.

    Attributes
    ----------
    primal, dual, gap : float
        Relative.
    objective, dual_objective : float
    sizes : tuple of three floats
        What the first three are beside.
    plain : float
        The largest of the three beside what is in the first table alone: large multipliers that
        cancel among themselves are no excuse.
    """

    primal: float
    dual: float
    gap: float
    objective: float
    dual_objective: float
    sizes: tuple[float, float, float]
    plain: float

    @classmethod
    def of(
        cls,
        data: Data,
        x: Vector,
        y: Vector,
        least: Sequence[float] = (0.0,) * 3,
        near: Vector | None = None,
    ) -> Measures:
        """Those of x and y, beside the given sizes at least; or bounds of them, by a point of C
        near Ax, where the support function is finite at y.
        """
        Ax, Px, pull = data.A @ x, data.P @ x, data.AT @ y
        z = data.rows.project(Ax) if near is None else near
        quadratic, linear = float(x @ Px), float(data.q @ x)
        beyond = data.rows.beyond(y) if near is None else np.zeros(y.size)
        support, supported = data.rows.support(y, beyond)
        objective, dual = quadratic / 2 + linear, -quadratic / 2 - support
        P, A, AT = data.sizes
        in_P, in_A, in_AT = P @ abs(x), A @ abs(x), AT @ abs(y)
        missed = max(largest(Px + data.q + pull), largest(beyond))
        within = float(abs(x) @ in_P), float(abs(data.q) @ abs(x)), supported
        plain = (
            max(largest(Ax), largest(z)),
            max(map(largest, (Px, data.q, pull))),
            max(quadratic, abs(linear), abs(support)),
        )
        sizes = (
            max(plain[0], WITHIN * largest(in_A)),
            max(plain[1], WITHIN * largest(in_P), WITHIN * largest(in_AT)),
            max(plain[2], WITHIN * max(within)),
        )
        residuals = largest(Ax - z), missed, abs(objective - dual)
        of_rows, of_slopes, gap = map(_beside, residuals, sizes, least)
        left = float(np.max([_beside(*pair) for pair in zip(residuals, plain, strict=True)]))
        return cls(of_rows, of_slopes, gap, objective, dual, sizes, left)

    @property
    def worst(self) -> float:
        """The largest of the three; NaN if one is."""
        return float(np.max((self.primal, self.dual, self.gap)))


def separates(data: Data, v: Vector) -> Vector | None:
    """v, of largest entry 1, corrected where it can be, if it proves that no x has Ax ∈ C."""
    size = largest(v)
    if not 0 < size < np.inf:
        return None
    v = v / size
    v = v - data.rows.beyond(v)
    v = _absorbed(data, v)
    sizes = data.sizes[2] @ abs(v)
    support, supported = data.rows.support(v)
    balanced = bool(
        np.all(abs(data.AT @ v) <= ROUNDING * np.maximum(sizes, sizes.max(initial=0.0) * ROUNDING))
    )
    if not (balanced and support < -ROUNDING * supported and support < 0):
        return None
    most = data.rows.tied(np.where(_counts(v, data.sizes[2]), 1.0, 0.0))
    without, _ = data.rows.support(np.where(most > 0, v, 0.0))
    return v if without < -ROUNDING * supported else None


def balanced(data: Data, v: Vector) -> Vector:
    """The nearest v with Aᵀv = 0, if v nearly is one, beside what cancels in Aᵀv."""
    sizes = data.sizes[2] @ abs(v)
    left = largest(data.AT @ v)
    if not ROUNDING * largest(sizes) < left < NEARLY * largest(sizes):
        return v
    return _refined(data.A, v)


def purged(data: Data, v: Vector) -> Vector:
    """The nearest v with Aᵀv = 0 of those rows alone whose entries are more than rounding, if v
    nearly is one: beside others nothing cancels that a column could be judged by.
    """
    if largest(data.AT @ v) >= NEARLY * largest(data.sizes[2] @ abs(v)):
        return v
    (rows,) = np.nonzero(abs(v) > PURGED * largest(v))
    left = np.zeros(v.size)
    left[rows] = _refined(data.A[rows], v[rows])
    return left


def levelled(data: Data, d: Vector) -> Vector:
    """The nearest d with Pd = 0 and (Ad)ᵢ = 0 in the rows that are bounded on both sides, if d
    nearly is one, beside what cancels.
    """
    one, (P, A, _) = np.ones(data.A.shape[0]), data.sizes
    held = data.rows.alone & (data.rows.outside(one) > 0) & (data.rows.outside(-one) > 0)
    left = max(largest(data.P @ d), largest((data.A @ d)[held]))
    sizes = max(largest(P @ abs(d)), largest((A @ abs(d))[held]))
    if not ROUNDING * sizes < left < NEARLY * sizes:
        return d
    return _refined(csc_array(vstack((data.P, data.A[held])).T), d)


def _refined(A: Any, v: Vector) -> Vector:
    """The nearest v with Aᵀv = 0."""
    for _ in range(2):  # of which one is refinement
        v = v - A @ lsqr(A, v, atol=EPS, btol=EPS, conlim=0.0)[0]
    return v


def descends(data: Data, d: Vector) -> Vector | None:
    """d, of largest entry 1, if the objective falls along it without bound."""
    size = largest(d)
    if not 0 < size < np.inf:
        return None
    d = d / size
    P, A, _ = data.sizes
    least = -ROUNDING * float(abs(data.q) @ abs(d))
    flat = largest(data.P @ d) <= ROUNDING * largest(P @ abs(d))
    allowed = bool(np.all(data.rows.outside(data.A @ d) <= ROUNDING * (A @ abs(d))))
    if not (flat and allowed and float(data.q @ d) < least):
        return None
    return d if float(data.q @ np.where(_counts(d, P, A), d, 0.0)) < least else None


def _counts(v: Vector, *sizes: Any) -> Any:
    """Where entries of v are more than ``COUNTS`` of what some row of |M||v| adds up, or in no row
    of these |M|: beside equations that hold up to ``ROUNDING`` others say nothing, however large
    the numbers that they are multiplied by elsewhere.
    """
    size, most, none = abs(v), np.zeros(v.size), np.ones(v.size, dtype=bool)
    for M in sizes:
        entries, sums = M.tocoo(), M @ size
        rows, columns = entries.coords
        parts = entries.data * size[columns] / np.where(sums > 0, sums, 1.0)[rows]
        np.maximum.at(most, columns, parts)
        none[columns] = False
    return none | (most > COUNTS)


def _absorbed(data: Data, v: Vector) -> Vector:
    """v, with what is left of Aᵀv taken by rows that have one entry and a bound on that side."""
    counts = np.diff(data.A.indptr)
    (single,) = np.nonzero((counts == 1) & data.rows.alone)
    if not single.size:
        return v
    first = data.A.indptr[single]
    columns, entries = data.A.indices[first], data.A.data[first]
    left = data.AT @ v
    given = np.bincount(columns, minlength=data.A.shape[1])[columns]
    moved = v.copy()
    moved[single] -= np.where(entries != 0, left[columns] / (entries * given), 0.0)
    allowed = data.rows.beyond(moved) == 0
    return np.where(allowed, moved, v)


def _beside(value: float, *sizes: float) -> float:
    largest = max(sizes)
    return value / largest if value and largest else value


def largest(v: Vector) -> float:
    """‖v‖∞, 0 of nothing."""
    return float(np.max(abs(v), initial=0.0))
