"""The Kronecker product A ⊗ B on matrices: X ↦ A X Bᵀ; (A ⊗ B)vec X by rows.

Its singular values are the products of those of A and B, and so are its eigenvalues. Source: Horn,
Johnson, *Topics in Matrix Analysis* (1991), Thm. 4.2.12, 4.2.15.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

from splitkit.backend import Array, Point, Space, is_array, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.properties import Properties


class Kronecker(LinearOperator):
    """X ↦ A X Bᵀ on the last two axes of x.

    Parameters
    ----------
    A, B : matrix, or LinearOperator on the last axis
        A acts on the columns of X, B on its rows.
    """

    def __init__(self, A: Array | LinearOperator, B: Array | LinearOperator) -> None:
        self.A, self.B = _factor("A", A), _factor("B", B)

    @cached_property
    def norm(self) -> float:  # type: ignore[override]
        return self.A.norm * self.B.norm

    @cached_property
    def least_gain(self) -> float:  # type: ignore[override]
        return self.A.least_gain * self.B.least_gain

    @cached_property
    def gram(self) -> float | None:  # type: ignore[override]
        a, b = self.A.gram, self.B.gram
        return None if a is None or b is None else a * b

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        a, b = self.A.properties, self.B.properties
        symmetric = a.gradient and b.gradient
        m = None
        if symmetric and a.monotone and b.monotone:
            m = (a.strong_monotonicity or 0.0) * (b.strong_monotonicity or 0.0)
        if a.lipschitz is None or b.lipschitz is None:
            return Properties(linear=True)  # not known to be square
        return Properties.of(
            strong_monotonicity=m,
            lipschitz=self.norm,
            skew=(a.gradient and b.skew) or (a.skew and b.gradient),
            gradient=symmetric,
            linear=True,
        )

    def __call__(self, x: Point) -> Point:
        return _on_columns(self.A, self.B(x))

    def adjoint(self, y: Point) -> Point:
        return _on_columns(self.A.T, self.B.adjoint(y))

    def check_space(self, space: Space, name: str = "A ⊗ B") -> None:
        self.range_space(space)

    def range_space(self, space: Space) -> Space:
        self._check(space)
        return _swapped(self.A.range_space(_swapped(self.B.range_space(space))))

    def domain_space(self, space: Space) -> Space:
        self._check(space)
        return _swapped(self.A.domain_space(_swapped(self.B.domain_space(space))))

    def _check(self, space: Space) -> None:
        if space.is_tuple or len(space.shapes[0]) < 2:
            raise ValueError(f"{self!r} acts on matrices: give two axes, got {space.shapes}")

    def __repr__(self) -> str:
        return f"{self.A!r} ⊗ {self.B!r}"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        P, Q = asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([[1.0, 0.5], [0.5, 3.0]])
        S = asarray([[0.0, 1.0], [-1.0, 0.0]])
        return [
            (cls(K, P), (3, 2), (2, 2)),
            (cls(P, Q), (3, 2, 2), (3, 2, 2)),
            (cls(P, S), (2, 2), (2, 2)),
        ]


def _factor(name: str, L: Any) -> LinearOperator:
    if is_array(L):
        return DenseMatrix(L)
    if not isinstance(L, LinearOperator):
        raise TypeError(f"{name} = {L!r}: give a matrix or a splitkit.LinearOperator")
    return L


def _on_columns(L: LinearOperator, x: Array) -> Array:
    transpose = namespace(x).matrix_transpose
    return transpose(L(transpose(x)))


def _swapped(space: Space) -> Space:
    *batch, rows, columns = space.shapes[0]
    return replace(space, shapes=((*batch, columns, rows),))
