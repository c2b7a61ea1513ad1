"""The skew map (x, y) ↦ (Kᵀy, −Kx) of a bilinear saddle function ⟨Kx, y⟩."""

from __future__ import annotations

from functools import cached_property
from math import frexp, prod
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, adjoint_of, is_traced, namespace, scale
from splitkit.linear.base import LinearOperator, SymmetricMap
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.wrapped import wrap
from splitkit.notation import ATOM, FACTOR, LATEX, matrix_in_latex
from splitkit.operators.base import PointMap
from splitkit.operators.freedom import Freedom, least
from splitkit.properties import Properties


class Coupling(LinearOperator):
    """(x, y) ↦ (Kᵀy, −Kx) on pairs of arrays.

    The skew map (x, y) ↦ (Kᵀy, −Kx) of a bilinear saddle function ⟨Kx, y⟩.

    With S = (I + α²KKᵀ)⁻¹ the shifted system (I + αM)(x, y) = (a, b) reads y = S(b + αKa), x = a −
    αKᵀy; the adjoint is the same with −K. S is a matrix if K is, and 1/(1 + α²ν) if KKᵀ = νI;
    otherwise it is what KKᵀ has, a Krylov method if nothing better. For K with more rows than
    columns x = (I + α²KᵀK)⁻¹(a − αKᵀb), y = b + αKx is the smaller system.

    Parameters
    ----------
    K : array of shape (rows, columns), or what ``wrap`` takes
        A matrix acts on the last axis of x. A linear map takes arrays to arrays.

    Raises
    ------
    TypeError, ValueError
        K is no matrix and no linear map, or has entries that are not finite.

    Examples
    --------
    >>> L = sk.Coupling(np.array([[1.0, 2.0]]))
    >>> L((np.array([1.0, 1.0]), np.array([2.0])))
    (array([2., 4.]), array([-3.]))
    """

    acts_on_complex = True

    def __init__(self, K: Array | LinearOperator) -> None:
        self.K = wrap(K, argument="K")

    @cached_property
    def norm(self) -> float:
        return self.K.norm

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(0.0, skew=True)

    def __call__(self, x: Point) -> Point:
        p, q = x
        return self.K.adjoint(q), -self.K(p)

    def adjoint(self, y: Point) -> Point:
        p, q = y
        return -self.K.adjoint(q), self.K(p)

    def squares(self) -> LinearOperator | None:
        squares = self.K.squares()
        return None if squares is None else _Exchange(squares)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        x, _ = space.block_spaces()
        return (max(Freedom.OWN, least(self.K.freedom(x))),) * 2

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        if rows is not columns or columns is None:
            return super().scaled(rows, columns)
        x, y = columns.on_blocks(2)
        return Coupling(self.K.scaled(y, x))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        p, q = x
        return self.K.adjoint_magnitudes(q, batch_ndim), self.K.magnitudes(p, batch_ndim)

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.magnitudes(x, batch_ndim)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        K, square = self.K, alpha * alpha
        if K.gram is not None:
            shrink = 1 / (1 + square * K.gram)
            return _CouplingInverse(K, alpha, lambda y: scale(shrink, y))
        # positive semidefinite, so that its shifted inverse exists for every α
        is_tall = isinstance(K, LastAxesMap) and prod(K.range_shape) > prod(K.domain_shape)
        whole = K.T @ K if is_tall else K @ K.T
        if isinstance(K, DenseMatrix):
            M = K.matrix
            unit = 1.0 if is_traced(M) else _unit(K.norm, M)
            if unit != 1.0:
                M, square = M / unit, (alpha * unit) * (alpha * unit)
            whole = DenseMatrix(adjoint_of(M) @ M if is_tall else M @ adjoint_of(M))
        return _CouplingInverse(K, alpha, whole.shifted_inverse(square), on_x=is_tall)

    def check_space(self, space: Space, name: str = "K") -> None:
        if not space.is_tuple or len(space.shapes) != 2:
            raise ValueError(f"{self!r} acts on pairs of arrays, got shapes {space.shapes}")
        x, y = space.block_spaces()
        self.K.check_space(x, name)
        values = self.K.range_space(x).shapes
        if values != y.shapes:
            raise ValueError(
                f"{name} = {self.K!r} takes {x.shapes[0]} to {values[0]}: points must be pairs of "
                f"arrays of these shapes, got {space.shapes}"
            )

    def __repr__(self) -> str:
        return f"Coupling({self.K!r})"

    def latex(self) -> str:
        K = LATEX(self.K, FACTOR)
        return matrix_in_latex([["0", rf"{LATEX(self.K, ATOM)}^\top"], [f"-{K}", "0"]])

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        shapes = ((3,), (2,))
        return [
            (cls(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])), shapes, shapes),
            (cls(asarray([[1.2, 1.6, 0.0], [0.0, 0.0, 2.0]])), shapes, shapes),
        ]


def _unit(size: float, like: Array) -> float:
    """A power of 2 about the norm of a matrix where squares of its entries are no numbers of their
    dtype, or too small to add up; else 1.
    """
    limits = namespace(like).finfo(like.dtype)
    least, most = float(limits.smallest_normal), float(limits.max)
    far = size > most**0.5 / 4 or 0 < size < least**0.25
    return 2.0 ** (frexp(size)[1] - 1) if far else 1.0


class _Exchange(SymmetricMap):
    """(x, y) ↦ (Kᵀy, Kx)."""

    acts_on_complex = True

    def __init__(self, K: LinearOperator) -> None:
        self.K = K

    def __call__(self, x: Point) -> Point:
        p, q = x
        return self.K.adjoint(q), self.K(p)


class _CouplingInverse(LinearOperator):
    """(I + αM)⁻¹ for the coupling's M; sign −1 gives its adjoint."""

    norm = 1.0
    acts_on_complex = True

    def __init__(self, K: LinearOperator, alpha: float, S: PointMap, *, on_x: bool = False) -> None:
        self.K, self.alpha, self.S, self.on_x = K, alpha, S, on_x

    def _solve(self, a: Array, b: Array, alpha: float) -> Point:
        if self.on_x:
            x = self.S(a - alpha * self.K.adjoint(b))
            return x, b + alpha * self.K(x)
        y = self.S(b + alpha * self.K(a))
        return a - alpha * self.K.adjoint(y), y

    def __call__(self, x: Point) -> Point:
        a, b = x
        return self._solve(a, b, self.alpha)

    def adjoint(self, y: Point) -> Point:
        a, b = y
        return self._solve(a, b, -self.alpha)
