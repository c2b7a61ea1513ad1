"""Linear algebra in rational numbers: what is decided here has no rounding.

A vector is a mapping of positions to the entries that are not 0; a matrix is a list of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from splitkit.progress import tell

Sparse = Mapping[int, Fraction]
Matrix = list[list[Fraction]]
ZERO, ONE = Fraction(0), Fraction(1)
LONGEST = 2000  # bits of a denominator


class BudgetEndedError(Exception):
    """An elimination took more work than it may."""

    def __init__(self) -> None:
        super().__init__(
            "the budget of its elimination in rational numbers ended: take fewer steps or points, "
            "or constants of fewer digits"
        )


class Budget:
    """Entries that eliminations may change together: counted, so that no clock decides."""

    def __init__(self, entries: int) -> None:
        self.left = entries

    def spend(self, entries: int) -> None:
        """Raise ``BudgetEndedError`` if so many are not left."""
        self.left -= entries
        tell("entries", 0)
        if self.left < 0:
            raise BudgetEndedError


class Echelon:
    """A linear space, by rows in reduced echelon form, which the first of their entries leads, in
    whatever units they are, or the ``largest``.
    """

    def __init__(self, *, largest: bool = False) -> None:
        self.largest = largest
        self.rows: dict[int, dict[int, Fraction]] = {}  # by the position of the leading 1

    def reduced(self, v: Sparse) -> dict[int, Fraction]:
        """v without its part in the space: 0 exactly for members."""
        rest = dict(v)
        for position in [p for p in rest if p in self.rows]:
            _subtract(rest, rest.get(position, ZERO), self.rows[position])
        return rest

    def add(self, v: Sparse) -> bool:
        """Enlarge the space by v; False if it was in it."""
        rest = self.reduced(v)
        if not rest:
            return False
        position = min(rest)
        if self.largest:
            position = max(rest, key=lambda p: (abs(rest[p]), -p))
        row = {p: value / rest[position] for p, value in rest.items()}
        for other in self.rows.values():
            _subtract(other, other.get(position, ZERO), row)
        self.rows[position] = row
        return True


def _subtract(v: dict[int, Fraction], factor: Fraction, row: Sparse) -> None:
    if not factor:
        return
    for position, value in row.items():
        left = v.get(position, ZERO) - factor * value
        if left:
            v[position] = left
        else:
            v.pop(position, None)


def is_semidefinite(matrix: Sequence[Sequence[Fraction | int]]) -> bool:
    """Whether a symmetric matrix is positive semidefinite: elimination in whole numbers (Bareiss),
    whose pivots must not be negative, and whose rows must be 0 where they are 0.
    """
    S = whole(matrix)
    n, last = len(S), 1
    for k in range(n):
        first = S[k]
        pivot = first[k]
        if pivot < 0:
            return False
        if pivot == 0:
            if any(first[k + 1 :]):
                return False
            continue
        for i in range(k + 1, n):
            row, factor = S[i], first[i]
            for j in range(i, n):
                row[j] = (row[j] * pivot - factor * first[j]) // last
        last = pivot
    return True


def whole(matrix: Sequence[Sequence[Fraction | int]]) -> list[list[int]]:
    """A positive multiple of a matrix, in whole numbers."""
    common = math.lcm(*(value.denominator for row in matrix for value in row))
    return [[v.numerator * (common // v.denominator) for v in row] for row in matrix]


def solve_near(
    equations: Sequence[tuple[Sparse, Fraction]],
    near: Sequence[Fraction],
    weights: Sequence[float],
    budget: Budget,
) -> list[Fraction] | None:
    """A solution x of Σ aᵢxᵢ = b for all equations, near a given one; None: there is none, or none
    in numbers of a length that is of use. Raises ``BudgetEndedError``.

    Elimination moves those xᵢ whose weight is greatest, and so leaves the ones that are 0.
    """
    n = len(near)
    rows: dict[int, dict[int, Fraction]] = {}
    for a, b in equations:
        rest = {i: v for i, v in a.items() if v}
        if b:
            rest[n] = b
        for position in [p for p in rest if p in rows]:
            budget.spend(len(rows[position]))
            _subtract(rest, rest.get(position, ZERO), rows[position])
        free = [i for i in rest if i != n]
        if not free:
            if rest:
                return None
            continue
        position = max(free, key=lambda i: (weights[i] * abs(float(rest[i])), -i))
        row = {i: v / rest[position] for i, v in rest.items()}
        if max(v.denominator.bit_length() for v in row.values()) > LONGEST:
            return None
        for other in rows.values():
            if position in other:
                budget.spend(len(row))
                _subtract(other, other[position], row)
        rows[position] = row
    x = list(near)
    for position, row in rows.items():
        moved = sum((v * near[i] for i, v in row.items() if i not in (position, n)), ZERO)
        x[position] = row.get(n, ZERO) - moved
    return x
