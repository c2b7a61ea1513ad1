"""The skew map (x, y) ↦ (Kᵀy, −Kx) of a bilinear saddle function ⟨Kx, y⟩.

With S = (I + α²KKᵀ)⁻¹ the shifted system (I + αM)(x, y) = (a, b) reads
y = S(b + αKa), x = a − αKᵀy; the adjoint is the same with −K.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, Space
from splitkit.linear.base import LinearOperator, require_number
from splitkit.linear.dense import DenseMatrix
from splitkit.properties import Properties


class Coupling(LinearOperator):
    """(x, y) ↦ (Kᵀy, −Kx) on pairs of arrays.

    Parameters
    ----------
    K : array, shape (rows, columns)
        x has ``columns`` entries in its last axis, y has ``rows``.
    """

    def __init__(self, K: Array | DenseMatrix) -> None:
        self.K = K if isinstance(K, DenseMatrix) else DenseMatrix(K)
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
        return _CouplingInverse(self.K, alpha)

    def check_space(self, space: Space, name: str = "K") -> None:
        space.check_array(self.K.matrix, name)
        rows, columns = self.K.matrix.shape
        lengths = [shape[-1] for shape in space.shapes if shape]
        if not space.is_tuple or lengths != [columns, rows]:
            raise ValueError(
                f"{name} has shape {(rows, columns)}: points must be pairs of arrays whose last "
                f"axes have lengths {columns} and {rows}, got shapes {space.shapes}"
            )

    def __repr__(self) -> str:
        return f"Coupling({self.K!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        shapes = ((3,), (2,))
        return [(cls(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])), shapes, shapes)]


class _CouplingInverse(LinearOperator):
    """(I + αM)⁻¹ for the coupling's M; sign −1 gives its adjoint."""

    norm = 1.0

    def __init__(self, K: DenseMatrix, alpha: float) -> None:
        self.K, self.alpha = K, alpha
        # KKᵀ is positive semidefinite, so its shifted inverse exists for every α
        self.S = DenseMatrix(K.matrix @ K.matrix.T).shifted_inverse(alpha * alpha)

    def _solve(self, a: Array, b: Array, alpha: float) -> Point:
        y = self.S(b + alpha * self.K(a))
        return a - alpha * self.K.adjoint(y), y

    def __call__(self, x: Point) -> Point:
        a, b = x
        return self._solve(a, b, self.alpha)

    def adjoint(self, y: Point) -> Point:
        a, b = y
        return self._solve(a, b, -self.alpha)
