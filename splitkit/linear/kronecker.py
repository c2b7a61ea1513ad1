"""The Kronecker product A ⊗ B on matrices."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.combined import CombinedMaps, all_known
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.wrapped import wrap
from splitkit.notation import FACTOR, PRODUCT, Style
from splitkit.properties import Properties


class Kronecker(CombinedMaps):
    """X ↦ A X Bᵀ on the last two axes of x.

    The Kronecker product A ⊗ B on matrices: X ↦ A X Bᵀ; (A ⊗ B)vec X by rows.

    Its singular values are the products of those of A and B, and so are its eigenvalues. For
    symmetric matrices A = U diag(λ) Uᵀ and B = V diag(μ) Vᵀ the shifted inverse is closed: (I + αA
    ⊗ B)⁻¹X = U[(UᵀXV) / (1 + αλμᵀ)]Vᵀ. Source: Horn, Johnson, *Topics in Matrix Analysis* (1991),
    Thm. 4.2.12, 4.2.15.

    Parameters
    ----------
    A, B : array, or what ``wrap`` takes, on the last axis
        A acts on the columns of X, B on its rows.

    Raises
    ------
    TypeError, ValueError
        A or B is no matrix and no linear map.

    Examples
    --------
    >>> L = sk.linear.Kronecker(np.array([[1.0, 1.0]]), np.array([[1.0, 2.0]]))
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [[3.]] [[3. 6.]
     [3. 6.]]
    """

    binding = PRODUCT
    acts_on_complex = True

    def __init__(self, A: Array | LinearOperator, B: Array | LinearOperator) -> None:
        self.A, self.B = wrap(A, argument="A"), wrap(B, argument="B")
        super().__init__((self.A, self.B))

    @cached_property
    def norm(self) -> float:
        return self.A.norm * self.B.norm

    @cached_property
    def least_gain(self) -> float:
        return self.A.least_gain * self.B.least_gain

    @cached_property
    def gram(self) -> float | None:
        grams = all_known(L.gram for L in self.maps)
        return None if grams is None else math.prod(grams)

    @cached_property
    def properties(self) -> Properties:
        a, b = self.A.properties, self.B.properties
        symmetric = a.gradient and b.gradient
        m = None
        if symmetric and a.monotone and b.monotone:
            m = (a.strong_monotonicity or 0.0) * (b.strong_monotonicity or 0.0)
        if a.lipschitz is None or b.lipschitz is None:
            return Properties(linear=True)  # not known to be square
        skew = (a.gradient and b.skew) or (a.skew and b.gradient)
        return self.square_properties(m, symmetric=symmetric, skew=skew)

    def __call__(self, x: Point) -> Point:
        return _on_columns(self.A, self.B(x))

    def adjoint(self, y: Point) -> Point:
        return _on_columns(self.A.T, self.B.adjoint(y))

    @cached_property
    def _eigen(self) -> tuple[Array, Array, Array] | None:
        """U, V and λμᵀ, 0 where it is rounding of it, for symmetric matrices."""
        if not (isinstance(self.A, DenseMatrix) and isinstance(self.B, DenseMatrix)):
            return None
        if not (self.A.properties.gradient and self.B.properties.gradient):
            return None
        (a, U), (b, V) = (L.xp.linalg.eigh(L.matrix) for L in (self.A, self.B))
        xp, products = self.A.xp, a[:, None] * b[None, :]
        largest = xp.max(xp.abs(products))
        rounding = 4 * sum(products.shape) * float(xp.finfo(products.dtype).eps) * largest
        return U, V, xp.where(xp.abs(products) > rounding, products, 0.0)

    def make_merged(self) -> LinearOperator:
        A, B = self.A.merged, self.B.merged
        return self if A is self.A and B is self.B else Kronecker(A, B)

    @property
    def solver(self) -> str | None:
        factors = [L.merged for L in self.maps]
        symmetric = all(isinstance(L, DenseMatrix) and L.is_symmetric for L in factors)
        return "eigenvectors of both factors" if symmetric else None

    def inverted(self) -> LinearOperator:
        return Kronecker(self.A.inverted(), self.B.inverted())

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        if self._eigen is None:
            return super().shifted_inverse(alpha)
        U, V, products = self._eigen
        basis = Kronecker(U, V)
        return basis @ Diagonal(products).shifted_inverse(alpha) @ basis.T

    def range_space(self, space: Space) -> Space:
        self._check(space)
        return _swapped(self.A.range_space(_swapped(self.B.range_space(space))))

    def domain_space(self, space: Space) -> Space:
        self._check(space)
        return _swapped(self.A.domain_space(_swapped(self.B.domain_space(space))))

    def _check(self, space: Space) -> None:
        if space.is_tuple or len(space.shapes[0]) < 2:
            raise ValueError(f"{self!r} acts on matrices: give two axes, got {space.shapes}")

    def write(self, s: Style) -> str:
        return s(self.A, FACTOR) + s.kron + s(self.B, FACTOR)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        K = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        P, Q = asarray([[2.0, 1.0], [1.0, 2.0]]), asarray([[1.0, 0.5], [0.5, 3.0]])
        S = asarray([[0.0, 1.0], [-1.0, 0.0]])
        return [
            (cls(K, P), (3, 2), (2, 2)),
            (cls(P, Q), (3, 2, 2), (3, 2, 2)),
            (cls(P, S), (2, 2), (2, 2)),
        ]


def _on_columns(L: LinearOperator, x: Array) -> Array:
    transpose = namespace(x).matrix_transpose
    return transpose(L(transpose(x)))


def _swapped(space: Space) -> Space:
    *batch, rows, columns = space.shapes[0]
    return replace(space, shapes=((*batch, columns, rows),))
