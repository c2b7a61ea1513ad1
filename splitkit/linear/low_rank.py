"""B + UᵀU, a map that is easily inverted plus one of low rank, by the identity of Woodbury."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from splitkit.arguments import check_number
from splitkit.backend import (
    Point,
    Scalar,
    Space,
    add,
    adjoint_of,
    conjugated,
    from_numpy,
    is_array,
    lincomb,
    times,
)
from splitkit.linear.base import LinearOperator, acted_on_by, kept_for_last_step
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.iterative import Iterative
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.refined import verified
from splitkit.linear.sparse import Sparse, hermitian
from splitkit.linear.wrapped import wrap
from splitkit.notation import FACTOR, SUM, Style
from splitkit.properties import Properties


class PlusLowRank(LastAxesMap):
    """x ↦ Bx + UᵀUx on the last axis of x.

    B + UᵀU, a map that is easily inverted plus one of low rank, by the identity of Woodbury:

    (B + UᵀU)⁻¹ = B⁻¹ − B⁻¹Uᵀ (I + UB⁻¹Uᵀ)⁻¹ UB⁻¹,        a system of as many rows as U has.

    Where its rounding is not that of a factorization, as beside a B of numbers far apart, its
    values are refined by residuals. Source: Golub, Van Loan, *Matrix Computations* (2013), §2.1.4.

    Parameters
    ----------
    base : LinearOperator, vector or number
        B, symmetric positive semidefinite; a vector is the diagonal of one.
    U : array of shape (rank, n), or a sparse one
        With weights c, the rows times √c.

    Raises
    ------
    TypeError, ValueError
        U is no matrix, or B has another size.

    Examples
    --------
    >>> L = sk.linear.PlusLowRank(sk.linear.ScaledIdentity(1.0), np.array([[1.0, 1.0]]))
    >>> x = np.array([1.0, 0.0])
    >>> print(L(x), L.shifted_inverse(1.0)(x))
    [2. 1.] [ 0.375 -0.125]
    """

    binding = SUM
    acts_on_complex = True

    def __init__(self, base: Any, U: Any) -> None:
        factor = wrap(U, argument="U")
        if not isinstance(factor, (DenseMatrix, Sparse)):
            raise TypeError(f"U = {U!r}: give a matrix")
        if not isinstance(base, LinearOperator):
            is_vector = is_array(base) and base.ndim > 0
            base = Diagonal(base) if is_vector else ScaledIdentity(check_number("base", base))
        d = base.d if isinstance(base, Diagonal) else None
        if isinstance(factor, Sparse) and is_array(d) and not isinstance(d, np.ndarray):
            factor = DenseMatrix(from_numpy(factor.matrix.toarray(), d))  # solved with beside d
        self.base: LinearOperator = base
        self.U: DenseMatrix | Sparse = factor
        self.domain_shape = self.range_shape = factor.domain_shape
        if getattr(base, "domain_shape", self.domain_shape) != self.domain_shape:
            raise ValueError(f"base = {base!r} and U = {factor!r} act on vectors of other lengths")

    @property
    def rank(self) -> int:
        """The number of U's rows."""
        return int(self.U.range_shape[0])

    @property
    def solver(self) -> str | None:
        if self.base.solver is None:
            return None
        kind = "sparse LU" if isinstance(self.U, Sparse) else "Cholesky"
        return f"Woodbury, {self.base.solver} and {kind} of {self.rank} rows"

    @cached_property
    def costly(self) -> bool:
        return self.base.costly or self.U.costly

    @cached_property
    def norm(self) -> float:
        return self.base.norm + self.U.norm**2

    @cached_property
    def least_gain(self) -> float:
        return max(0.0, self.properties.strong_monotonicity or 0.0)

    @cached_property
    def properties(self) -> Properties:
        known = self.base.properties
        m = known.strong_monotonicity
        m = None if m is None else m + self.U.least_gain**2
        return self.square_properties(m, symmetric=known.gradient)

    def __call__(self, x: Point) -> Point:
        return add(self.base(x), self.U.adjoint(self.U(x)))

    def adjoint(self, y: Point) -> Point:
        return add(self.base.adjoint(y), self.U.adjoint(self.U(y)))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return add(self.base.magnitudes(x, batch_ndim), self._rank_magnitudes(x, batch_ndim))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        of_base = self.base.adjoint_magnitudes(x, batch_ndim)
        return add(of_base, self._rank_magnitudes(x, batch_ndim))

    def _rank_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.U.adjoint_magnitudes(self.U.magnitudes(x, batch_ndim), batch_ndim)

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        if rows is not columns or columns is None or columns.multiple is not None:
            return super().scaled(rows, columns)
        return PlusLowRank(self.base.scaled(rows, columns), self.U.scaled(columns=columns))

    def check_kind(self, space: Space, name: str) -> None:
        self.U.check_kind(space, name)

    def check_space(self, space: Space, name: str = "L") -> None:
        super().check_space(space, name)
        self.base.check_space(space, name)

    # -- its inverses -----------------------------------------------------------------------------

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        return Iterative(self).shifted_inverse(alpha)

    @kept_for_last_step
    def shifted_inverse(self, alpha: float) -> LinearOperator:
        V = self._woodbury(self.base.shifted_inverse(alpha), alpha)
        return self._verified(_Raised(self, alpha), V, nonexpansive=True)

    def inverted(self) -> LinearOperator:
        try:
            base = self.base.inverted()
        except np.linalg.LinAlgError:  # B + UᵀU may be regular all the same
            return self.as_matrix().inverted()
        return self._verified(self, self._woodbury(base, 1.0))

    def as_matrix(self) -> LinearOperator:
        """The same map as a matrix of n rows, dense unless both parts are sparse."""
        U, n = self.U.matrix, self.domain_shape[0]
        if isinstance(self.U, Sparse):
            if isinstance(self.base, Sparse):
                return Sparse(self.base.matrix + hermitian(U) @ U)
            if self.base.entrywise is not None or self.base.multiple is not None:
                d = self.base(np.ones(n, dtype=U.dtype))
                return Sparse(scipy.sparse.diags_array(d) + hermitian(U) @ U)
            U = U.toarray()
        eye = acted_on_by(self.base, from_numpy(np.eye(n), U))
        rows = conjugated(self.base.adjoint(eye))  # of B: they are Bᵀeᵢ
        whole = rows + adjoint_of(U) @ U
        symmetric = self.base.properties.gradient
        return DenseMatrix((whole + adjoint_of(whole)) / 2 if symmetric else whole)

    def _woodbury(self, B: LinearOperator, alpha: float) -> LinearOperator:
        """(B⁻¹ + αUᵀU)⁻¹ for the inverse B."""
        U = self.U.matrix
        is_sparse = isinstance(self.U, Sparse)
        if is_sparse and (B.entrywise is not None or B.multiple is not None):
            b = B(np.ones(self.domain_shape, dtype=U.dtype))
            root = U @ scipy.sparse.diags_array(np.sqrt(U.dtype.type(alpha) * b))
            eye = scipy.sparse.eye_array(self.rank, dtype=U.dtype)
            small: LinearOperator = Sparse(eye + root @ hermitian(root))
        else:  # B is applied to the rows of U
            rows = acted_on_by(self.base, U.toarray() if is_sparse else U)
            G = alpha * times(rows, B(conjugated(rows)).T)
            G = (G + adjoint_of(G)) / 2 if self.base.properties.gradient else G
            small = DenseMatrix(from_numpy(np.eye(self.rank), rows) + G)
        return _Woodbury(B, self.U, small.inverted(), alpha)

    def _verified(
        self, A: LinearOperator, V: LinearOperator, *, nonexpansive: bool = False
    ) -> LinearOperator:
        matrix = self.U.matrix
        shape = (0, *self.domain_shape)
        like = np.empty(shape, dtype=matrix.dtype) if isinstance(self.U, Sparse) else matrix
        like = acted_on_by(self.base, like)
        return verified(A, V, self.domain_shape, like, nonexpansive=nonexpansive)

    def write(self, s: Style) -> str:
        transposed = s(self.U, FACTOR) + s.transpose
        return s.total([s(self.base), transposed + s.after + s(self.U, FACTOR)])

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        U = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        return [
            (cls(asarray([2.0, 0.0, 0.5]), U), (4, 3), (4, 3)),
            (cls(0.5, asarray([[1.0, -2.0, 0.5]])), (3,), (3,)),
        ]


class _Raised(LinearOperator):
    """I + αL."""

    acts_on_complex = True

    def __init__(self, L: LinearOperator, alpha: float) -> None:
        self.L, self.alpha = L, alpha

    def __call__(self, x: Point) -> Point:
        return lincomb(1.0, x, self.alpha, self.L(x))

    def adjoint(self, y: Point) -> Point:
        return lincomb(1.0, y, self.alpha, self.L.adjoint(y))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return lincomb(1.0, abs(x), self.alpha, self.L.magnitudes(x, batch_ndim))

    def __repr__(self) -> str:
        return f"I + {self.alpha:.3g}·({self.L!r})"


class _Woodbury(LinearOperator):
    """B − αBUᵀSUB."""

    acts_on_complex = True

    def __init__(self, B: LinearOperator, U: LinearOperator, S: LinearOperator, alpha: float):
        self.B, self.U, self.S, self.alpha = B, U, S, alpha

    def __call__(self, x: Point) -> Point:
        Bx = self.B(x)
        back = self.U.adjoint(self.S(self.U(Bx)))
        return lincomb(1.0, Bx, -self.alpha, self.B(back))

    def adjoint(self, y: Point) -> Point:
        By = self.B.adjoint(y)
        back = self.U.adjoint(self.S.adjoint(self.U(By)))
        return lincomb(1.0, By, -self.alpha, self.B.adjoint(back))
