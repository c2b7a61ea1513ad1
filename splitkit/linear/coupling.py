"""The skew map (x, y) ↦ (Kᵀy, −Kx) of a bilinear saddle function ⟨Kx, y⟩.

With S = (I + α²KKᵀ)⁻¹ the shifted system (I + αM)(x, y) = (a, b) reads
y = S(b + αKa), x = a − αKᵀy; the adjoint is the same with −K. S is a matrix if K is, and
1/(1 + α²ν) if KKᵀ = νI; otherwise it is what KKᵀ has, a Krylov method if nothing better.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, scale
from splitkit.linear.base import LinearOperator, require_number
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.wrapped import wrap
from splitkit.operators.base import PointMap
from splitkit.properties import Properties


class Coupling(LinearOperator):
    """(x, y) ↦ (Kᵀy, −Kx) on pairs of arrays.

    Parameters
    ----------
    K : array of shape (rows, columns), or what ``wrap`` takes
        A matrix acts on the last axis of x. A linear map takes arrays to arrays.
    """

    def __init__(self, K: Array | LinearOperator) -> None:
        self.K = wrap(K, argument="K")
        self.norm = self.K.norm
        self.properties = Properties.of(skew=True, lipschitz=self.norm, linear=True)

    def __call__(self, x: Point) -> Point:
        p, q = x
        return self.K.adjoint(q), -self.K(p)

    def adjoint(self, y: Point) -> Point:
        p, q = y
        return -self.K.adjoint(q), self.K(p)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        require_number(alpha, self)
        K, square = self.K, alpha * alpha
        if K.gram is not None:
            shrink = 1 / (1 + square * K.gram)
            return _CouplingInverse(K, alpha, lambda y: scale(shrink, y))
        # KKᵀ is positive semidefinite, so its shifted inverse exists for every α
        KKt = DenseMatrix(K.matrix @ K.matrix.T) if isinstance(K, DenseMatrix) else K @ K.T
        return _CouplingInverse(K, alpha, KKt.shifted_inverse(square))

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

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        shapes = ((3,), (2,))
        return [
            (cls(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])), shapes, shapes),
            (cls(asarray([[1.2, 1.6, 0.0], [0.0, 0.0, 2.0]])), shapes, shapes),
        ]


class _CouplingInverse(LinearOperator):
    """(I + αM)⁻¹ for the coupling's M; sign −1 gives its adjoint."""

    norm = 1.0

    def __init__(self, K: LinearOperator, alpha: float, S: PointMap) -> None:
        self.K, self.alpha, self.S = K, alpha, S

    def _solve(self, a: Array, b: Array, alpha: float) -> Point:
        y = self.S(b + alpha * self.K(a))
        return a - alpha * self.K.adjoint(y), y

    def __call__(self, x: Point) -> Point:
        a, b = x
        return self._solve(a, b, self.alpha)

    def adjoint(self, y: Point) -> Point:
        a, b = y
        return self._solve(a, b, -self.alpha)
