"""The program on the face where it has an interior, by its structure: what a proof tries first.

Between two solutions a claim about what comes nearer to a solution is an equality, and so is every
inequality that its proof adds up: for a Gram matrix G of what two solutions may differ by,
tr(SG) = 0, hence Sz = 0 for all z in its range. These z are known before anything is solved: what
vanishes at a solution is 0 in them, and so is what a sum of the operators' inequalities then forces
to be 0, as ⟨x, a⟩ ≥ 0 and −⟨x, a⟩ ≥ β‖a‖² force a = 0.

The equations Sz = 0 are solved in whole numbers, so that some multipliers are known multiples of
the others. In these the program has an interior; its solution is pushed a little inside, and the
multipliers made of it verify at once. Where the structure does not tell all that vanishes nothing
is found here, and ``certify.py`` looks for it in the solver's numbers. It is pushed further inside
only if the solver does not end: where it ends and nothing verifies, S has mostly no interior there
either, and ``certify.py`` proves what a greater inset would.

Source: Borwein, Wolkowicz, *Regularizing the abstract convex program* (1981): facial reduction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from splitkit.proofs.certify import MARGINS, Multipliers, Program, verifies
from splitkit.proofs.exact import ZERO, Echelon, Matrix, is_semidefinite
from splitkit.proofs.program import DIGITS, Claim, Conic
from splitkit.proofs.quadratic import Quadratic, whole_row
from splitkit.proofs.runs import Row

INSIDE = (
    1e-9,
    1e-8,
)  # of the size of each matrix: how far its multipliers are kept from the border
FEW = 10  # forms, of which sums are tried
CONSTANT = -1  # the key of the right side in a row of equations

Whole = dict[int, int]


def between_solutions(
    n: int,
    vanishing: Iterable[Row],
    conditions: Sequence[Quadratic],
    equalities: Sequence[Quadratic] = (),
    maps: Sequence[Sequence[tuple[Row, Row]]] = (),
) -> list[Row]:
    """A basis of what two solutions may differ by, in the free vectors: what vanishes at a solution
    is 0 there, and what the conditions force to be. ``maps`` are the pairs (x, Lx) of linear maps.
    """
    space = Echelon()
    for row in vanishing:
        space.add(row)
    while True:
        while sum(space.add(image) for pairs in maps for image in _images(space, pairs, n)):
            pass
        off = _complement(space, n)
        if not off or not _forced(space, off, conditions, equalities):
            return off


def _images(space: Echelon, pairs: Sequence[tuple[Row, Row]], n: int) -> list[Row]:
    """Σ cᵢLxᵢ for combinations Σ cᵢxᵢ of a space."""
    found: list[Row] = []
    seen: dict[int, Row] = {}  # by a coordinate: combinations of the x, and of the pairs beyond n
    for k, (x, _) in enumerate(pairs):
        rest: Row = {**space.reduced(x), n + k: Fraction(1)}
        for at, row in seen.items():
            if at in rest:
                factor = rest[at] / row[at]
                rest = {
                    i: value
                    for i in {*rest, *row}
                    if (value := rest.get(i, ZERO) - factor * row.get(i, ZERO))
                }
        at = min(rest)
        if at < n:
            seen[at] = rest
            continue
        image: Row = {}
        for i, c in rest.items():
            for j, value in pairs[i - n][1].items():
                image[j] = image.get(j, ZERO) + c * value
        found.append({j: value for j, value in image.items() if value})
    return found


def _forced(
    space: Echelon,
    off: Sequence[Row],
    conditions: Sequence[Quadratic],
    equalities: Sequence[Quadratic],
) -> bool:
    """Enlarge the space by Wz where W = −ΣQ is positive semidefinite on ``off``: it is 0 there."""
    basis = [whole_row(z) for z in off]
    whole = [dict(entries) for _, entries in basis]

    def on(Q: Quadratic) -> Row:
        products = [_product(Q, z) for z in whole]
        found, d, k = {}, Q.integers[0], 0
        for i, product in enumerate(products):
            for z in whole[: i + 1]:
                value = sum(v * z[j] for j, v in product.items() if j in z) if product else 0
                if value:
                    found[k] = Fraction(value, d)
                k += 1
        return found

    zero = Echelon()
    for E in equalities:
        zero.add(on(E))
    size = len(off)
    forms: dict[tuple[Fraction, ...], None] = {}
    for Q in conditions:
        W = zero.reduced(on(Q))
        if W:
            forms[tuple(W.get(k, ZERO) for k in range(size * (size + 1) // 2))] = None
    few = list(forms)[:FEW]
    numbers, lower = np.array(few, dtype=float), np.tril_indices(size)
    for count in range(1, min(3, len(few)) + 1):
        places = list(combinations(range(len(few)), count))
        sums = np.zeros((len(places), size, size))
        sums[:, lower[0], lower[1]] = numbers[np.array(places)].sum(axis=1)
        sizes = np.abs(sums).max(axis=(1, 2))
        for at in np.nonzero(np.linalg.eigvalsh(sums)[:, -1] <= 1e-12 * sizes)[0]:
            M = [[ZERO] * size for _ in range(size)]
            totals = (-sum(v, ZERO) for v in zip(*(few[p] for p in places[at]), strict=True))
            for i, j, value in zip(*lower, totals, strict=True):
                M[i][j] = M[j][i] = value
            if any(map(any, M)) and is_semidefinite(M):
                free = [next(iter(z)) for z in off]
                for row in M:
                    values = zip(free, row, basis, strict=True)
                    space.add({i: v / d for i, v, (d, _) in values if v})
                return True
    return False


def may_differ(program: Program, vanishing: Iterable[Row], rows: Sequence[Row]) -> bool:
    """Whether all conditions hold for two solutions, where this vanishes, that differ by more than
    0 in one of these rows.
    """
    space = Echelon()
    for row in vanishing:
        space.add(row)
    return any(
        any(sum((c * z[i] for i, c in row.items() if i in z), ZERO) for row in rows)
        and _is_fulfilled(program, z)
        for z in _complement(space, program.size)
    )


def _complement(space: Echelon, n: int) -> list[Row]:
    """A basis of the z with ⟨v, z⟩ = 0 for all v of a space."""
    return [
        {i: Fraction(1), **{p: -row[i] for p, row in space.rows.items() if i in row}}
        for i in range(n)
        if i not in space.rows
    ]


def _is_fulfilled(program: Program, z: Row) -> bool:
    whole = dict(whole_row(z)[1])
    return (
        all(_square(Q, whole) >= 0 for Q in program.inequalities)
        and not any(_square(E, whole) for E in program.equalities)
        and all(is_semidefinite(_at(M, whole)) for M in program.families)
    )


def _at(M: Sequence[Sequence[Quadratic]], z: Whole) -> Matrix:
    return [[Fraction(_square(Q, z), Q.integers[0]) for Q in row] for row in M]


def _square(Q: Quadratic, z: Whole) -> int:
    """d⟨z, Qz⟩, in whole numbers."""
    total = 0
    for (i, j), value in Q.integers[1].items():
        if i in z and j in z:
            total += (1 if i == j else 2) * value * z[i] * z[j]
    return total


def proved_on(program: Program, claim: Claim, off: Sequence[Row], units: Any) -> Multipliers | None:
    """Multipliers that are verified, at a t near the least one, with Sz = 0 for the z of ``off``;
    None: none were found.
    """
    if program.values:
        return None
    if program.C.is_zero and not program.least:  # what is claimed is 0
        return _nothing(program)
    known = _Multiples.of(program, off)
    if known is None:
        return None
    free = _Free(program, claim, known, units)
    for inside in INSIDE:
        found = free.solve(inside)
        if found is not None:
            return next((each for each in free.raised(found) if verifies(program, each)), None)
    return None


def _nothing(program: Program) -> Multipliers:
    """0 · B ⪰ 0."""
    of_families = tuple([[ZERO] * len(M) for _ in M] for M in program.families)
    many = (len(program.inequalities), len(program.equalities))
    λ, ν = ((ZERO,) * k for k in many)
    return Multipliers(ZERO, λ, ν, of_families)


@dataclass(frozen=True)
class _Unknown:
    """A number among the multipliers: λ, ν or an entry of Λ."""

    Q: Quadratic
    kind: int  # 0: ν, 1: Λ off the diagonal, 2: on it, 3: λ
    place: tuple[int, int, int] = (0, 0, 0)  # of Λ: which, and where

    @property
    def is_signed(self) -> bool:
        """Whether it cannot be negative."""
        return self.kind >= 2


class _Multiples:
    """m = m₀ + Ny for the multipliers m, by the equations Sz = 0: some are what the others y say.

    The equations are Σ vₖ qₖ = c in whole numbers, where mₖ = (dₖ/d)vₖ for the denominators dₖ of
    the matrices and d of the claim.
    """

    def __init__(self, program: Program, off: Sequence[Row]) -> None:
        self.unknown = [_Unknown(Q, 3) for Q in program.inequalities]
        self.unknown += [_Unknown(E, 0) for E in program.equalities]
        self.place: dict[tuple[int, int, int], int] = {}
        for f, M in enumerate(program.families):
            for i in range(len(M)):
                for j in range(i, len(M)):
                    self.place[f, i, j] = self.place[f, j, i] = len(self.unknown)
                    twice = M[i][j].terms + (M[j][i].terms if i != j else ())
                    self.unknown.append(_Unknown(Quadratic(twice), 2 if i == j else 1, (f, i, j)))
        self.rows: dict[int, Whole] = {}
        self.null: list[Echelon] = [Echelon() for _ in program.families]
        self.program, self.off = program, list(off)
        self.leading = {next(iter(z)) for z in off}  # coordinates of S that follow from the others

    @classmethod
    def of(cls, program: Program, off: Sequence[Row]) -> _Multiples | None:
        """None: the equations have no solution that is allowed."""
        found = cls(program, off)
        if not all(found._annihilated_by(z) for z in off):
            return None
        return found if found._vanishing() else None

    def _annihilated_by(self, z: Row) -> bool:
        """Sz = 0, for all t."""
        whole = dict(whole_row(z)[1])
        if _product(self.program.B, whole):
            return False
        columns = [_product(each.Q, whole) for each in self.unknown]
        right = _product(self.program.C, whole)
        for i in {i for column in columns for i in column} | set(right):
            row = {k: column[i] for k, column in enumerate(columns) if i in column}
            if i in right:
                row[CONSTANT] = -right[i]
            if not self._add(row):
                return False
        return True

    def _add(self, row: Whole) -> bool:
        """False: it contradicts the others."""
        rest = self._reduced(row)
        free = [k for k in rest if k != CONSTANT]
        if not free:
            return not rest
        pivot = min(free, key=lambda k: (self.unknown[k].kind, k))
        for at, other in self.rows.items():
            if pivot in other:
                self.rows[at] = _without(other, pivot, rest)
        self.rows[pivot] = rest
        return True

    def _reduced(self, row: Whole) -> Whole:
        for pivot in [k for k in row if k in self.rows]:
            row = _without(row, pivot, self.rows[pivot])
        return row

    def _vanishing(self) -> bool:
        """What must be 0 because it cannot be negative; False: something is negative."""
        program = self.program
        for z in self.off:
            if not _is_fulfilled(program, z):
                continue
            whole = dict(whole_row(z)[1])
            for k, Q in enumerate(program.inequalities):
                if _square(Q, whole) and not self._add({k: 1}):
                    return False
            for f, M in enumerate(program.families):
                for row in _at(M, whole):
                    if any(row) and not self._annihilates(f, dict(enumerate(row))):
                        return False
        while True:
            before = len(self.rows)
            if not all(map(self._zero_by_sign, list(self.rows.values()))):
                return False
            if not (self._of_metrics() and self._of_slack()):
                return False
            if len(self.rows) == before:
                return True

    def _of_metrics(self) -> bool:
        """Λy = 0 for the y of ``off`` with ⟨y, Λy⟩ = 0."""
        for f, M in enumerate(self.program.families):
            own = [M[i][i].terms[0][1] for i in range(len(M))]
            for z in self.off:
                made = (sum((c * z[j] for j, c in v.items() if j in z), ZERO) for v in own)
                y = {i: value for i, value in enumerate(made) if value}
                if y and self.null[f].reduced(y) and not self._is_null(f, y):
                    return False
        return True

    def _of_slack(self) -> bool:
        """Se = 0 for the free vectors e with ⟨e, Se⟩ = 0, whatever t is."""
        program = self.program
        fixed = {
            i for Q in (program.B, program.C) for p in Q.integers[1] if p[0] == p[1] for i in p
        }
        for i in range(program.dimension):
            if i in self.leading or i in fixed:
                continue
            row = {
                k: each.Q.integers[1][i, i]
                for k, each in enumerate(self.unknown)
                if (i, i) in each.Q.integers[1]
            }
            left = self._reduced(row)
            if CONSTANT in left or not all(self._is_positive(k, v) for k, v in left.items()):
                continue
            self.leading.add(i)
            if not (all(map(self._is_zero, left)) and self._annihilated_by({i: Fraction(1)})):
                return False
        return True

    def _is_positive(self, k: int, c: int) -> bool:
        """Whether cvₖ cannot be negative."""
        return self.unknown[k].is_signed and c > 0

    def _zero_by_sign(self, row: Whole) -> bool:
        """Σ cₖvₖ = 0 with cₖ ≥ 0, vₖ ≥ 0."""
        if CONSTANT in row or len({v > 0 for v in row.values()}) != 1:
            return True
        if not all(self.unknown[k].is_signed for k in row):
            return True
        return all(self._is_zero(k) for k in list(row))

    def _is_zero(self, k: int) -> bool:
        if self.unknown[k].kind == 2:  # a diagonal entry of Λ ⪰ 0
            f, i, _ = self.unknown[k].place
            return self._annihilates(f, {i: Fraction(1)})
        return self._add({k: 1})

    def _is_null(self, f: int, y: Row) -> bool:
        """Λy = 0 if ⟨y, Λy⟩ is known to be 0."""
        _, entries = whole_row(y)
        row: Whole = {}
        for i, a in entries:
            for j, b in entries:
                k = self.place[f, i, j]
                # Λᵢⱼ = (dₖ/d)vₖ, to a common factor
                row[k] = row.get(k, 0) + a * b * self.unknown[k].Q.integers[0]
        left = self._reduced({k: v for k, v in row.items() if v})
        return self._annihilates(f, y) if not left else True

    def _annihilates(self, f: int, y: Row) -> bool:
        """Λy = 0."""
        entries = [(j, v) for j, v in whole_row(y)[1] if v]
        self.null[f].add({j: Fraction(v) for j, v in entries})
        size = 1 + max(i for g, i, _ in self.place if g == f)
        for i in range(size):
            row: Whole = {}
            for j, v in entries:
                k = self.place[f, i, j]
                row[k] = v * self.unknown[k].Q.integers[0]
            if not self._add(row):
                return False
        return True

    def multiples(self) -> dict[int, Row]:
        """m of each dependent multiplier, in the free ones and a constant."""
        d = self.program.C.integers[0]
        denominators = [each.Q.integers[0] for each in self.unknown]
        found: dict[int, Row] = {}
        for p, row in self.rows.items():
            each = {
                k: Fraction(-denominators[p] * v, denominators[k] * row[p])
                for k, v in row.items()
                if k not in (p, CONSTANT)
            }
            if CONSTANT in row:
                each[CONSTANT] = Fraction(denominators[p] * row[CONSTANT], d * row[p])
            found[p] = each
        return found


def _rounded(sums: Any, sizes: Any) -> Any:
    """Sums without what rounding leaves of them where terms of these sizes cancel."""
    last = np.exp2(np.frexp(sizes)[1]) / DIGITS
    return np.rint(sums / last) * last


def _product(Q: Quadratic, z: Whole) -> Whole:
    """dQz, in whole numbers."""
    product: Whole = {}
    for (i, j), value in Q.integers[1].items():
        if j in z:
            product[i] = product.get(i, 0) + value * z[j]
        if i != j and i in z:
            product[j] = product.get(j, 0) + value * z[i]
    return {i: v for i, v in product.items() if v}


def _without(row: Whole, pivot: int, other: Whole) -> Whole:
    """A positive multiple of the row, minus a multiple of the other, without the pivot."""
    a, b = row[pivot], other[pivot]
    common = math.gcd(a, b) if b > 0 else -math.gcd(a, b)
    a, b = a // common, b // common
    found = {k: v * b for k, v in row.items()}
    for k, v in other.items():
        found[k] = found.get(k, 0) - v * a
    found = {k: v for k, v in found.items() if v}
    common = math.gcd(*found.values()) if found else 1
    return {k: v // common for k, v in found.items()} if common > 1 else found


class _Free:
    """The program in the multipliers that are free, and in units of order one."""

    def __init__(self, program: Program, claim: Claim, known: _Multiples, units: Any) -> None:
        self.program, self.claim, self.known = program, claim, known
        count, n = len(known.unknown), program.dimension
        self.free = [k for k in range(count) if k not in known.rows]
        self.multiples = known.multiples()
        N, start = np.zeros((count, len(self.free))), np.zeros(count)
        column = {k: f for f, k in enumerate(self.free)}
        N[self.free, range(len(self.free))] = 1.0
        for p, each in self.multiples.items():
            for k, v in each.items():
                if k == CONSTANT:
                    start[p] = v
                else:
                    N[p, column[k]] = v
        D = np.outer(units, units)
        own = [each.Q.matrix(n) for each in known.unknown if each.kind in (1, 2)]
        given = np.array([claim.B, claim.C, *claim.inequalities, *claim.equalities, *own])
        stack = (given * D).reshape(count + 2, n * n)
        norms = np.sqrt(np.sum(stack * stack, axis=1))
        norms[1] = norms[1] or norms[0]
        size_B, size_C, *_ = sizes = np.where(norms > 0, norms, 1.0)
        self.sizes, (B, C), Q = sizes[2:], stack[:2], stack[2:]
        weighted = np.abs(N) * self.sizes[:, None]
        of_free = 1 / weighted.max(axis=0, initial=0.0)
        self.units = np.concatenate([[size_C / size_B], of_free * size_C])  # of t and of the free
        self.conic = Conic(1 + len(self.free), -claim.least / self.units[0])
        signed = np.nonzero(weighted[: len(claim.inequalities)].any(axis=1))[0]
        weights = self.sizes[signed]
        of_λ = np.zeros((len(signed), 1 + len(self.free)))
        of_λ[:, 1:] = weights[:, None] * N[signed] * of_free
        self.conic.not_negative(of_λ, weights * start[signed] / size_C)
        of_S = np.empty((2 + len(self.free), n * n))
        at_start = _rounded(C + start @ Q, np.abs(C) + np.abs(start) @ np.abs(Q))
        of_S[0], of_S[1] = -at_start / size_C, B / size_B
        of_S[2:] = -of_free[:, None] * _rounded(N.T @ Q, np.abs(N.T) @ np.abs(Q))
        kept = [i for i in range(n) if i not in known.leading]
        of_start, *of_t_and_free = of_S.reshape(-1, n, n)[:, kept][:, :, kept]
        self.conic.semidefinite(np.array(of_t_and_free), of_start)
        for f, M in enumerate(program.families):
            rest = [i for i in range(len(M)) if i not in known.null[f].rows]
            if rest:
                at = np.array([[known.place[f, i, j] for j in rest] for i in rest])
                root = np.sqrt(self.sizes[np.diag(at)])
                scale = np.outer(root, root)
                of_Λ = np.moveaxis(N[at], -1, 0) * of_free[:, None, None] * scale
                self.conic.semidefinite(
                    np.concatenate([np.zeros((1, *scale.shape)), of_Λ]), start[at] * scale / size_C
                )

    def solve(self, inside: float) -> Multipliers | None:
        """What the solver ends at, if it ends; the dependent multipliers without rounding."""
        found = self.conic.minimum(inside)
        if found is None:
            return None
        program, known = self.program, self.known
        with np.errstate(over="ignore"):
            numbers = found * self.units
        if not np.isfinite(numbers).all():
            return None
        t, *given = map(Fraction, numbers.tolist())
        m = [ZERO] * len(known.unknown)
        for k, value in zip(self.free, given, strict=True):
            m[k] = max(value, ZERO) if known.unknown[k].is_signed else value
        for p, each in self.multiples.items():
            of_others = (v * m[k] for k, v in each.items() if k != CONSTANT)
            m[p] = sum(of_others, each.get(CONSTANT, ZERO))
        i, j = len(program.inequalities), len(program.inequalities) + len(program.equalities)
        Λ = tuple(
            [[m[known.place[f, p, q]] for q in range(len(M))] for p in range(len(M))]
            for f, M in enumerate(program.families)
        )
        least = Fraction(self.claim.least)
        return Multipliers(max(t, least), tuple(m[:i]), tuple(m[i:j]), Λ)

    def raised(self, found: Multipliers) -> Iterator[Multipliers]:
        """The same, and at a t that is greater by a margin: where the solver ends short of its
        tolerances, a multiple of B may be what S lacks.
        """
        yield found
        size = max(abs(float(found.value)), 1e-3 * float(self.units[0]))
        yield replace(found, value=found.value + Fraction(MARGINS[0] * size))
