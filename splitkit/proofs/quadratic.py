"""Quadratic functions of the free vectors: symmetric matrices of rational numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.proofs.exact import Matrix
from splitkit.proofs.runs import Row

Term = tuple[Fraction, Row, Row]


@dataclass(frozen=True, eq=False)
class Quadratic:
    """Σ c⟨p, q⟩ over its terms (c, p, q)."""

    terms: tuple[Term, ...]

    @property
    def is_zero(self) -> bool:
        """Whether it vanishes for all vectors."""
        own = [(p, q) for c, p, q in self.terms if c and p and q]
        if len(own) <= 1:  # a product of two linear functions
            return not own
        return not self.integers[1]

    @cached_property
    def integers(self) -> tuple[int, dict[tuple[int, int], int]]:
        """d > 0 and the entries of dQ on and above the diagonal that are not 0: whole numbers."""
        rows: dict[int, tuple[int, list[tuple[int, int]]]] = {}
        weighted = []
        for c, p, q in self.terms:
            for row in (p, q):
                if id(row) not in rows:
                    rows[id(row)] = whole_row(row)
            (d, left), (e, right) = rows[id(p)], rows[id(q)]
            weighted.append((c.numerator, c.denominator * d * e, left, right))
        common = 2 * math.lcm(*(d for _, d, _, _ in weighted))
        found: dict[tuple[int, int], int] = {}
        for weight, d, left, right in weighted:
            half = weight * (common // (2 * d))
            for i, a in left:
                for j, b in right:
                    if i == j:
                        found[i, i] = found.get((i, i), 0) + 2 * half * a * b
                    else:
                        key = (i, j) if i < j else (j, i)
                        found[key] = found.get(key, 0) + half * a * b
        return common, {key: value for key, value in found.items() if value}

    @cached_property
    def entries(self) -> dict[tuple[int, int], Fraction]:
        """Those on and above the diagonal that are not 0."""
        common, found = self.integers
        return {key: Fraction(value, common) for key, value in found.items()}

    def matrix(self, n: int) -> Any:
        """In floating point, each entry rounded once."""
        M = np.zeros((n, n))
        common, found = self.integers
        for (i, j), value in found.items():
            M[i, j] = M[j, i] = value / common
        return M


def whole_row(row: Row) -> tuple[int, list[tuple[int, int]]]:
    """d and the entries of d times the row, whole numbers."""
    d = math.lcm(*(v.denominator for v in row.values()))
    return d, [(i, v.numerator * (d // v.denominator)) for i, v in row.items()]


def square(vectors: Sequence[Row], metric: Any = None) -> Quadratic:
    """Σ Pᵢⱼ⟨vᵢ, vⱼ⟩ for a metric P, or Σ‖vᵢ‖²."""
    if metric is None:
        return Quadratic(tuple((Fraction(1), v, v) for v in vectors))
    return Quadratic(
        tuple(
            (Fraction(float(metric[i, j])), p, q)
            for i, p in enumerate(vectors)
            for j, q in enumerate(vectors)
            if metric[i, j]
        )
    )


def whole_sum(n: int, parts: Sequence[tuple[Fraction, Quadratic]]) -> tuple[int, list[list[int]]]:
    """d > 0 and dΣcQ, a matrix of whole numbers."""
    used = [(c, *Q.integers) for c, Q in parts if c]
    common = math.lcm(*(c.denominator * d for c, d, _ in used))
    S = [[0] * n for _ in range(n)]
    for c, d, entries in used:
        factor = c.numerator * (common // (c.denominator * d))
        for (i, j), value in entries.items():
            S[i][j] += factor * value
    for i in range(n):
        for j in range(i):
            S[i][j] = S[j][i]
    return common, S


def exact_sum(n: int, parts: Sequence[tuple[Fraction, Quadratic]]) -> Matrix:
    """Σ cQ, as a matrix."""
    common, S = whole_sum(n, parts)
    return [[Fraction(value, common) for value in row] for row in S]
