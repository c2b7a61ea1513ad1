"""From the solver's floating-point multipliers to multipliers that prove, in rational numbers.

S = tB − C − Σ λᵢQᵢ − Σ νⱼEⱼ − Σ ⟨Λₖ, Mₖ⟩ is formed and shown to be positive semidefinite without
rounding, for a t that is greater than the solver's by a relative margin. Where S has an interior
there, the solver's multipliers, or those at the centre of what is allowed, do it.

It has none where points that are solutions too are compared with the solution: all that vanishes
between solutions then spans the range of S, and S must vanish on what is orthogonal to it. The
range is found among the vectors of the claim, and the multipliers are moved, by exact elimination,
to where S vanishes there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.proofs.exact import (
    ZERO,
    Budget,
    BudgetEndedError,
    Echelon,
    Matrix,
    is_semidefinite,
    solve_near,
)
from splitkit.proofs.program import Answer, Claim, least_value, order_one, shortened
from splitkit.proofs.quadratic import Quadratic, exact_sum, whole_sum
from splitkit.proofs.runs import Row

MARGINS = (3e-8, 1e-6, 4e-6, 1e-5)  # of t
TRIED = 3  # gaps between eigenvalues at which S may vanish
WIDE = 0.1  # of t, at which faces are looked for
FACES = 4
COARSE = (
    (1, 2e-2),
    (8, 3e-3),
    (60, 1e-3),
    (1000, 1e-5),
)  # denominators, and how near they are to be
INTERIOR = 1e-7  # of the largest eigenvalue: those below it are those of a face
VANISHED = 1e-6  # of the claim's size: then S is taken to be 0
OUTSIDE = 0.03  # of a vector's length: then it is not taken to be in the range of S
NEGLIGIBLE = (1e-6, 1e-4, 1e-3)  # of the largest multiplier: then it may be 0
WORK = 500_000  # entries that are changed until multipliers are moved: some seconds
NOTHING = 1e-13  # a multiplier below it, beside what it cancels, is rounding


@dataclass(frozen=True, eq=False)
class Program:
    """A claim in rational numbers; the attributes are those of ``Claim``.

    Attributes
    ----------
    size : int
        The number of free vectors, those that stand for values among them.
    values : int
        The number of these, which are the last.
    spanning : callable
        Vectors of the claim and of the operators' pairs.
    """

    size: int
    B: Quadratic
    C: Quadratic
    inequalities: tuple[Quadratic, ...]
    equalities: tuple[Quadratic, ...]
    families: tuple[tuple[tuple[Quadratic, ...], ...], ...]
    least: float
    spanning: Callable[[], Iterable[Row]]
    values: int = 0

    @cached_property
    def vectors(self) -> tuple[Row, ...]:
        """Those that may span the range of S, once each."""
        first = (row for row in self.spanning() if all(i < self.dimension for i in row))
        return tuple(dict(row) for row in {tuple(sorted(row.items())): None for row in first})

    @property
    def dimension(self) -> int:
        """The number of free vectors without those that stand for values."""
        return self.size - self.values

    def claim(self) -> Claim:
        """The same in floating point."""
        n = self.size

        def many(given: Sequence[Quadratic]) -> tuple[Any, ...]:
            return tuple(Q.matrix(n) for Q in given)

        return Claim(
            self.B.matrix(n),
            self.C.matrix(n),
            many(self.inequalities),
            many(self.equalities),
            tuple(np.array([many(row) for row in M]) for M in self.families),
            self.least,
            self.values,
        )


@dataclass(frozen=True, eq=False)
class Multipliers:
    """t, λ, ν and Λ with λ ≥ 0, Λ ⪰ 0 and S ⪰ 0 exactly."""

    value: Fraction
    inequalities: tuple[Fraction, ...]
    equalities: tuple[Fraction, ...]
    families: tuple[Matrix, ...]

    def divided_by(self, c: Fraction) -> Multipliers:
        """Those of a claim without C, at the same t, if its B is divided by c > 0."""
        return Multipliers(
            self.value,
            tuple(λ / c for λ in self.inequalities),
            tuple(ν / c for ν in self.equalities),
            tuple([[v / c for v in row] for row in Λ] for Λ in self.families),
        )


def certified(program: Program, claim: Claim, answer: Answer) -> Multipliers | None:
    """Multipliers that prove the claim at a t near the least one; None: none were found. Raises
    ``BudgetEndedError`` if none were, also of what needs no elimination, or a short one.
    """
    budget, ended = Budget(WORK), None
    if not np.isfinite(answer.value):
        return None

    def tried(
        way: Callable[..., Multipliers | None], given: Answer, at: float
    ) -> Multipliers | None:
        nonlocal ended
        try:
            return way(program, claim, given, at, budget)
        except BudgetEndedError as error:
            ended = error
            return None

    size_B, size_C = (_size(answer, M) for M in (claim.B, claim.C))
    unit = size_C / size_B if size_B and size_C else 1.0
    ways = (_direct, _on_a_face) if claim.least == 0 else (_on_a_face, _direct)
    for margin in MARGINS:
        t = answer.value + margin * max(abs(answer.value), 1e-3 * unit)
        found = tried(_direct, answer, t)  # an interior-point method ends inside
        if found is not None:
            return found
        inner = _centre(claim, answer, t)
        if not inner.is_finite:
            continue
        for way in ways:
            found = tried(way, inner, t)
            if found is not None:
                return found
    if ended is not None:
        raise ended
    # where a metric is sought as well, its exact elimination would not end
    return None if program.families else _inside_of_a_face(program, claim, answer, unit, budget)


def _inside_of_a_face(
    program: Program, claim: Claim, answer: Answer, unit: float, budget: Budget
) -> Multipliers | None:
    """As above, where S vanishes somewhere at every t: that is seen far from the least t, and S is
    made as positive as it can be elsewhere.
    """
    off: list[Row] = []
    for _ in range(FACES):
        t = answer.value + WIDE * max(abs(answer.value), 1e-3 * unit)
        wide = _centre(claim, answer, t, off)
        if not wide.is_finite or wide.is_impossible:
            return None
        further = _vanishing_at(program, claim, wide, t, off)
        if not further:
            break
        off += further
    if not off:
        return None
    for margin in MARGINS:
        t = answer.value + margin * max(abs(answer.value), 1e-3 * unit)
        inner = _centre(claim, answer, t, off)
        found = _moved(program, inner, answer.units, t, off, budget) if inner.is_finite else None
        if found is not None:
            return found
    return None


def _vanishing_at(
    program: Program, claim: Claim, answer: Answer, t: float, off: list[Row]
) -> list[Row]:
    """Small fractions z with Sz = 0, beside those that are known."""
    n = program.dimension
    leading = _leading(off)
    kept = [i for i in range(n) if i not in leading]
    if not kept:
        return []
    units = answer.units[kept]
    S = _slack_in_floats(claim, answer, t)[np.ix_(kept, kept)]
    eigenvalues, vectors = np.linalg.eigh(np.outer(units, units) * S)
    null = vectors[:, eigenvalues <= INTERIOR * max(eigenvalues[-1], 0.0)]
    if not null.shape[1]:
        return []
    all_null = np.zeros((n, len(off) + null.shape[1]))
    for k, z in enumerate(off):
        all_null[list(z), k] = [float(c) for c in z.values()] / answer.units[list(z)]
    all_null[kept, len(off) :] = null
    found = _orthogonal(program, answer.units, np.linalg.qr(all_null)[0])
    if found is not None:
        space = Echelon()
        for z in off:
            space.add(z)
        return [z for z in found if space.add(z)]
    rational = _rational(null, units)
    return [{kept[i]: c for i, c in z.items()} for z in rational or []]


def _slack_in_floats(claim: Claim, answer: Answer, t: float) -> Any:
    S = t * claim.B - claim.C
    for value, Q in zip(answer.multipliers, claim.inequalities, strict=True):
        S = S - value * Q
    for value, E in zip(answer.free, claim.equalities, strict=True):
        S = S - value * E
    for metric, M in zip(answer.metrics, claim.families, strict=True):
        S = S - np.einsum("ij,ijkl->kl", metric, M)
    return S


def _centre(claim: Claim, answer: Answer, t: float, off: Sequence[Row] = ()) -> Answer:
    """Multipliers for which S at t is as positive as it can be, and Sz = 0 for the z in ``off``."""
    units = answer.units
    size = max(_size(answer, claim.C), abs(t) * _size(answer, claim.B))
    n = len(units) - claim.values
    moved = Claim(
        np.diag(np.where(np.arange(len(units)) < n, size / units**2, 0.0)),
        _rest(claim, units, t),
        claim.inequalities,
        claim.equalities,
        claim.families,
        -1.0,
        claim.values,
    )
    if not off:
        return least_value(moved, units)
    return replace(least_value(*_reduced(moved, units, off)), units=units)


def _rest(claim: Claim, units: Any, t: float) -> Any:
    """C − tB, of numbers that are the same in all units."""
    D = np.outer(units, units)
    (C, c), (B, b) = (order_one(D * M) for M in (claim.C, claim.B))
    return c / D * (C - shortened(t * b / c) * B)


def _leading(off: Sequence[Row]) -> set[int]:
    """A coordinate for each z, such that S is positive semidefinite if it is on the others."""
    space = Echelon()
    for z in off:
        space.add(z)
    return set(space.rows)


def _reduced(claim: Claim, units: Any, off: Sequence[Row]) -> tuple[Claim, Any]:
    """The claim without a coordinate for each z, where the entries of Sz, which are to be 0, are
    written as those of values are; and the units.
    """
    size, n = len(units), len(units) - claim.values
    Z = np.zeros((len(off), size))
    for k, z in enumerate(off):
        Z[k, list(z)] = [float(c) for c in z.values()]
    leading = _leading(off)
    kept = [i for i in range(n) if i not in leading]
    order = [*kept, *range(n, size)]
    added = len(off) * n
    of_z = np.sqrt(np.outer(1 / np.linalg.norm(Z / units, axis=1), units[:n]).ravel())

    def reduced(M: Any) -> Any:
        out = np.zeros((*M.shape[:-2], len(order) + added, len(order) + added))
        out[..., : len(order), : len(order)] = M[..., order, :][..., :, order]
        along = np.einsum("...ij,kj->...ki", M, Z)[..., :n].reshape(*M.shape[:-2], added)
        at = np.arange(len(order), len(order) + added)
        out[..., at, at] = along
        return out

    new = Claim(
        reduced(np.where(np.eye(size, dtype=bool), claim.B, 0.0)) * _mask(len(order), added),
        reduced(claim.C),
        tuple(map(reduced, claim.inequalities)),
        tuple(map(reduced, claim.equalities)),
        tuple(map(reduced, claim.families)),
        claim.least,
        claim.values + added,
    )
    return new, np.concatenate([units[order], of_z])


def _mask(kept: int, added: int) -> Any:
    """The identity part of a centre's B stays where nothing must vanish."""
    return np.outer(*[np.concatenate([np.ones(kept), np.zeros(added)])] * 2)


def _size(answer: Answer, M: Any) -> float:
    return float(np.linalg.norm(np.outer(answer.units, answer.units) * M))


def _direct(
    program: Program, claim: Claim, answer: Answer, t: float, budget: Budget
) -> Multipliers | None:
    """The solver's multipliers, made to have their signs, at t."""
    size = max(_size(answer, claim.C), abs(t) * _size(answer, claim.B))
    weights = [
        value * _size(answer, Q)
        for value, Q in zip(answer.multipliers, claim.inequalities, strict=True)
    ]
    λ = [
        Fraction(float(value)) if weight > NOTHING * size else ZERO
        for value, weight in zip(answer.multipliers, weights, strict=True)
    ]
    ν = [Fraction(float(value)) for value in answer.free]
    if program.values:
        found = _balanced(program, Fraction(t), λ, ν, weights, budget)
        if found is None:
            return None
        λ, ν = found
    Λ = [nearest_semidefinite(metric) for metric in answer.metrics]
    given = Multipliers(Fraction(t), tuple(λ), tuple(ν), tuple(Λ))
    return given if verifies(program, given) else None


def verifies(program: Program, given: Multipliers) -> bool:
    """λ ≥ 0, Λ ⪰ 0, S ⪰ 0, and S = 0 at values."""
    (_, S), n = whole_sum(program.size, _parts(program, given)), program.dimension
    return (
        all(value >= 0 for value in given.inequalities)
        and not any(any(row) for row in S[n:])
        and all(map(is_semidefinite, given.families))
        and is_semidefinite([row[:n] for row in S[:n]])
    )


def _balanced(
    program: Program,
    t: Fraction,
    λ: list[Fraction],
    ν: list[Fraction],
    weights: list[float],
    budget: Budget,
) -> tuple[list[Fraction], list[Fraction]] | None:
    """λ and ν near these for which S vanishes at values."""
    equations = _at_values(program, t, (*program.inequalities, *program.equalities))
    largest = max(weights, default=0.0)
    x = solve_near(equations, [*λ, *ν], [*weights, *(largest for _ in ν)], budget)
    return None if x is None else (x[: len(λ)], x[len(λ) :])


def _at_values(
    program: Program, t: Fraction, known: Sequence[Quadratic]
) -> list[tuple[Row, Fraction]]:
    """The equations Σ λᵢQᵢ = tB − C at values."""
    found: list[tuple[Row, Fraction]] = []
    for i in range(program.dimension, program.size):
        row = {k: Q.entries[i, i] for k, Q in enumerate(known) if (i, i) in Q.entries}
        B, C = (Q.entries.get((i, i), ZERO) for Q in (program.B, program.C))
        found.append((row, t * B - C))
    return found


def nearest_semidefinite(metric: Any) -> Matrix:
    """FFᵀ near it, formed in rational numbers."""
    diagonal = np.sqrt(np.maximum(np.diag(metric), 0.0))
    unit = np.where(diagonal > 0, diagonal, 1.0)
    values, vectors = np.linalg.eigh(metric / np.outer(unit, unit))
    F = unit[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
    rows = [[Fraction(float(v)) for v in row] for row in F[:, values > 0]]
    return [[sum((a * b for a, b in zip(p, q, strict=True)), ZERO) for q in rows] for p in rows]


def slack(program: Program, given: Multipliers) -> Matrix:
    """S."""
    return exact_sum(program.size, _parts(program, given))


def _parts(program: Program, given: Multipliers) -> list[tuple[Fraction, Quadratic]]:
    """(c, Q) with the sum S."""
    parts = [(given.value, program.B), (Fraction(-1), program.C)]
    parts += [(-c, Q) for c, Q in zip(given.inequalities, program.inequalities, strict=True)]
    parts += [(-c, Q) for c, Q in zip(given.equalities, program.equalities, strict=True)]
    for metric, M in zip(given.families, program.families, strict=True):
        parts += [(-metric[i][j], M[i][j]) for i in range(len(M)) for j in range(len(M))]
    return parts


def _on_a_face(
    program: Program, claim: Claim, answer: Answer, t: float, budget: Budget
) -> Multipliers | None:
    """The multipliers near the solver's for which S vanishes off its range."""
    units = answer.units
    S = _slack_in_floats(claim, answer, t)
    n = program.dimension
    eigenvalues, vectors = np.linalg.eigh((np.outer(units, units) * S)[:n, :n])
    size = max(_size(answer, claim.C), abs(t) * _size(answer, claim.B))
    gaps = np.maximum(eigenvalues, 1e-13 * abs(eigenvalues[-1]))
    cuts = [int(cut) for cut in np.argsort(-(gaps[1:] / gaps[:-1]))[:TRIED]]
    offs = [_orthogonal(program, units, vectors[:, : cut + 1]) for cut in cuts]
    if abs(eigenvalues[-1]) <= VANISHED * size:  # S is 0
        offs.insert(0, [{i: Fraction(1)} for i in range(n)])
    for off in offs:
        found = None if off is None else _moved(program, answer, units, t, off, budget)
        if found is not None:
            return found
    return None


def _rational(null: Any, units: Any) -> list[Row] | None:
    """The space spanned by these columns, each entry in its unit, in small fractions, if it is."""
    for denominator, tolerance in COARSE:
        rows = list(_simplest(null, denominator, units))
        exact = np.array([[float(c) for c in row] for row in rows]) / units
        left = null - exact.T @ np.linalg.lstsq(exact.T, null, rcond=None)[0]
        if np.linalg.norm(left) <= tolerance * np.linalg.norm(null):
            return [{i: c for i, c in enumerate(row) if c} for row in rows]
    return None


def _orthogonal(program: Program, units: Any, null: Any) -> list[Row] | None:
    """What is orthogonal to the range of S, if vectors of the claim span the range."""
    inside: list[tuple[int, int]] = []
    for k, row in enumerate(program.vectors):
        if row:
            p = np.zeros(program.dimension)
            p[list(row)] = [float(c) for c in row.values()]
            p = p * units[: program.dimension]
            if np.linalg.norm(p @ null) <= OUTSIDE * np.linalg.norm(p):
                digits = sum(c.denominator.bit_length() for c in row.values())
                inside.append((digits, k))
    space, rank = Echelon(), program.dimension - null.shape[1]
    for _, k in sorted(inside):  # those first that rounding in the step has left simple
        space.add(program.vectors[k])
    if len(space.rows) != rank:
        return None
    rest = [i for i in range(program.dimension) if i not in space.rows]
    return [
        {i: Fraction(1), **{p: -row[i] for p, row in space.rows.items() if i in row}} for i in rest
    ]


def _moved(
    program: Program, answer: Answer, units: Any, t: float, off: list[Row], budget: Budget
) -> Multipliers | None:
    """Multipliers near the solver's with Sz = 0 for all z that are off its range, and those that
    are negligible 0. A measure of that by which no more is negligible is not tried again.
    """
    unknown, D = [*_unknown(program, answer)], np.outer(units, units)
    sizes = [abs(value) * float(np.linalg.norm(D * Q.matrix(program.size))) for value, Q in unknown]
    of_values = _at_values(program, Fraction(t), [Q for _, Q in unknown])
    of_range = []
    right = ((Fraction(t), program.B), (Fraction(-1), program.C))
    for z in off:
        columns = [_times(Q, z) for _, Q in unknown]
        b = [(c, _times(Q, z)) for c, Q in right]
        for i in range(program.dimension):
            row = {k: column[i] for k, column in enumerate(columns) if i in column}
            of_range.append((row, sum((c * v.get(i, ZERO) for c, v in b), ZERO)))
    tried: list[Any] = []
    for negligible in (NOTHING, *NEGLIGIBLE):
        least, signed = negligible * max(sizes), len(program.inequalities)
        weights = [0.0 if k < signed and w <= least else w for k, w in enumerate(sizes)]
        of_metrics = _of_metrics(program, answer, D, off, negligible)
        if (weights, of_metrics) in tried:
            continue
        tried.append((weights, of_metrics))
        near = [
            Fraction(float(value)) if weight else ZERO
            for (value, _), weight in zip(unknown, weights, strict=True)
        ]
        x = solve_near([*of_values, *of_metrics, *of_range], near, weights, budget)
        given = None if x is None else _multipliers(program, t, x)
        if given is not None and verifies(program, given):
            return given
    return None


def _of_metrics(
    program: Program, answer: Answer, D: Any, off: list[Row], negligible: float
) -> list[tuple[Row, Fraction]]:
    """The equations of what vanishes of each Λ."""
    equations: list[tuple[Row, Fraction]] = []
    at = len(program.inequalities) + len(program.equalities)
    for metric, M in zip(answer.metrics, program.families, strict=True):
        sizes = [np.linalg.norm(D * M[i][i].matrix(program.size)) for i in range(len(M))]
        size = np.array([s if s else 1.0 for s in sizes]) ** -0.5
        equations += _vanishing(metric, size, off, M, at, negligible)
        at += len(M) * (len(M) + 1) // 2
    return equations


def _multipliers(program: Program, t: float, x: list[Fraction]) -> Multipliers:
    """Those that are numbered so."""
    i, j = len(program.inequalities), len(program.inequalities) + len(program.equalities)
    Λ: list[Matrix] = []
    at = j
    for M in program.families:
        k = len(M)
        metric = [[ZERO] * k for _ in range(k)]
        for p in range(k):
            for q in range(p, k):
                metric[p][q] = metric[q][p] = x[at]
                at += 1
        Λ.append(metric)
    return Multipliers(Fraction(t), tuple(x[:i]), tuple(x[i:j]), tuple(Λ))


def _vanishing(
    metric: Any,
    size: Any,
    off: list[Row],
    M: Sequence[Sequence[Quadratic]],
    at: int,
    negligible: float,
) -> Iterator[tuple[Row, Fraction]]:
    """Λy = 0 for the y at which Λ is negligible: values, at what is off the range of S, of the
    vectors that Λ is a metric for.
    """
    values, vectors = np.linalg.eigh(metric / np.outer(size, size))
    null = vectors[:, values <= max(negligible, 1e-9) * values[-1]] / size[:, None]
    own = [M[i][i].terms[0][1] for i in range(len(M))]
    seen = [[sum((c * z.get(i, ZERO) for i, c in v.items()), ZERO) for v in own] for z in off]
    seen = [y for y in seen if any(y)]
    if not null.shape[1] or not seen:
        return
    k = len(M)
    place = {pair: at + n for n, pair in enumerate((i, j) for i in range(k) for j in range(i, k))}
    for mix in _simplest(np.linalg.lstsq(np.array(seen, dtype=float).T, null, rcond=1e-9)[0]):
        y = [sum((c * each[j] for c, each in zip(mix, seen, strict=True)), ZERO) for j in range(k)]
        for i in range(k):
            row: Row = {}
            for j, value in enumerate(y):
                if value:
                    row[place[min(i, j), max(i, j)]] = value
            yield row, ZERO


def _simplest(null: Any, denominator: int = 8, units: Any = None) -> Iterator[list[Fraction]]:
    """A basis of a space that is known about, in reduced echelon form, of small fractions; entries
    are in these units of their own, in which those that are as small as 0 are told.
    """
    rows = np.array(null.T)
    units = np.ones(rows.shape[1]) if units is None else units
    leading: dict[int, int] = {}
    for k in range(len(rows)):
        column = int(np.argmax(np.abs(rows[k])))
        if not rows[k, column]:
            continue
        leading[k] = column
        rows[k] /= rows[k, column]
        for other in range(len(rows)):
            if other != k:
                rows[other] -= rows[other, column] * rows[k]
    for k, row in enumerate(rows):
        unit = units[leading[k]] if k in leading else 1.0
        yield [
            _small(float(value * own / unit), denominator)
            if abs(value) * denominator > 0.5
            else ZERO
            for value, own in zip(row, units, strict=True)
        ]


def _small(c: float, denominator: int) -> Fraction:
    """A power of 2 times a fraction below 2 with such a denominator."""
    part, power = math.frexp(c)
    return Fraction(2 * part).limit_denominator(denominator) * Fraction(2) ** (power - 1)


def _unknown(program: Program, answer: Answer) -> Iterator[tuple[float, Quadratic]]:
    """(value, its matrix in S) of each number in the multipliers."""
    for value, Q in zip(answer.multipliers, program.inequalities, strict=True):
        yield max(0.0, float(value)), Q
    for value, Q in zip(answer.free, program.equalities, strict=True):
        yield float(value), Q
    for metric, M in zip(answer.metrics, program.families, strict=True):
        for i in range(len(M)):
            for j in range(i, len(M)):
                twice = M[i][j].terms + (M[j][i].terms if i != j else ())
                yield float(metric[i, j]), Quadratic(twice)


def _times(Q: Quadratic, z: Row) -> Row:
    product: Row = {}
    for (i, j), value in Q.entries.items():
        if j in z:
            product[i] = product.get(i, ZERO) + value * z[j]
        if i != j and i in z:
            product[j] = product.get(j, ZERO) + value * z[i]
    return product
