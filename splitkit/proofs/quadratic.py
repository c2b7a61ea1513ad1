"""Quadratic functions of the free vectors: symmetric matrices of rational numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.proofs.exact import ZERO, Matrix
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
        return not self.entries

    @cached_property
    def entries(self) -> dict[tuple[int, int], Fraction]:
        """Those on and above the diagonal that are not 0."""
        found: dict[tuple[int, int], Fraction] = {}
        for c, p, q in self.terms:
            for i, a in p.items():
                ca = c * a
                for j, b in q.items():
                    if i == j:
                        found[i, i] = found.get((i, i), ZERO) + ca * b
                    else:
                        key = (i, j) if i < j else (j, i)
                        found[key] = found.get(key, ZERO) + ca * b / 2
        return {key: value for key, value in found.items() if value}

    def matrix(self, n: int) -> Any:
        """In floating point, each entry rounded once."""
        M = np.zeros((n, n))
        for (i, j), value in self.entries.items():
            M[i, j] = M[j, i] = float(value)
        return M


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


def exact_sum(n: int, parts: Sequence[tuple[Fraction, Quadratic]]) -> Matrix:
    """Σ cQ, as a matrix."""
    S = [[ZERO] * n for _ in range(n)]
    for c, Q in parts:
        if c:
            for (i, j), value in Q.entries.items():
                S[i][j] += c * value
    for i in range(n):
        for j in range(i):
            S[i][j] = S[j][i]
    return S
