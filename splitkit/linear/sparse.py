"""A sparse matrix M acting on the last axis, with (I + αM)⁻¹ by a sparse LU factorization."""

from __future__ import annotations

import math
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    from_numpy,
    is_array,
    to_numpy,
    with_adjoint,
)
from splitkit.linear.base import LinearOperator, factors, kept_for_last_step, least_in_metric
from splitkit.linear.certified import Banded
from splitkit.linear.dense import EXACT_SIZE, DenseMatrix
from splitkit.linear.iterative import Iterative
from splitkit.linear.last_axes import LastAxesMap
from splitkit.properties import Properties

FULL = 64  # entries of MᵀM, for each of M, beyond which it is not formed for a constant


class Sparse(LastAxesMap):
    """x ↦ Mx over the last axis of x.

    A sparse matrix M acting on the last axis, with (I + αM)⁻¹ by a sparse LU factorization.

    Constants are those of the dense matrix up to ``EXACT_SIZE`` rows and columns; beyond, bounds
    that hold: certified ones where the entries lie in a narrow band (``certified``), else ‖M‖ ≤
    min(‖M‖_F, √(‖M‖₁‖M‖_∞)), and Gershgorin's for m: the least of sᵢᵢ − Σ_{j≠i}|sᵢⱼ| over the rows
    of S = (M + Mᵀ)/2. Source for both: Horn, Johnson, *Matrix Analysis* (2013), §5.6, §6.1.

    Parameters
    ----------
    matrix : SciPy sparse array or matrix, shape (rows, columns)
        float64 or float32, which points must have too, or complex of these parts, as of complex
        points. It is not changed; don't change it either.
    strong_monotonicity, lipschitz : float, optional
        Known constants, believed instead of being computed.
    name : str
        Of the matrix, in messages.

    Notes
    -----
    SciPy computes. Points of other libraries pass through NumPy, those on another device through
    the host, at every application.

    Raises
    ------
    TypeError, ValueError
        ``matrix`` is no such matrix, or holds NaN or Inf.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> L = sk.linear.Sparse(csr_array(np.array([[1.0, 2.0], [0.0, 1.0]])))
    >>> x = np.array([1.0, -1.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [-1. -1.] [-1. -3.]
    """

    formula = "M"
    acts_on_complex = True

    def __init__(
        self,
        matrix: Any,
        *,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        name: str = "matrix",
    ) -> None:
        if not scipy.sparse.issparse(matrix) or matrix.ndim != 2:
            raise TypeError(
                f"{name} is a {type(matrix).__module__}.{type(matrix).__name__}: give a sparse "
                "array of scipy.sparse with two axes, or use DenseMatrix"
            )
        if matrix.dtype not in (np.float64, np.float32, np.complex128, np.complex64):
            raise TypeError(f"{name} has dtype {matrix.dtype}: convert it to float64 or float32")
        self.matrix = scipy.sparse.csr_array(matrix)
        if not np.isfinite(self.matrix.data).all():
            raise ValueError(f"{name} has entries that are NaN or infinite: give finite ones")
        self._declared = strong_monotonicity, lipschitz
        self._transposed = hermitian(self.matrix).tocsr()
        rows, columns = map(int, matrix.shape)
        self.domain_shape, self.range_shape = (columns,), (rows,)

    @cached_property
    def has_declared_constants(self) -> bool:
        return self._declared != (None, None)

    @cached_property
    def _dense(self) -> DenseMatrix | None:
        if max(self.matrix.shape) > EXACT_SIZE:
            return None
        m, L = self._declared
        return DenseMatrix(self.matrix.toarray(), strong_monotonicity=m, lipschitz=L)

    def squares(self) -> LinearOperator:
        M = self.matrix
        return Sparse(M.multiply(M) if M.dtype.kind == "f" else abs(M).multiply(abs(M)))

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        e, s = map(factors, (rows, columns))
        if not (is_array(e) or is_array(s)):
            return super().scaled(rows, columns)
        left = _diagonal(e, self.range_shape, self.matrix)
        matrix = left @ self.matrix @ _diagonal(s, self.domain_shape, self.matrix)
        if rows is columns is not None and max(matrix.shape) > EXACT_SIZE:
            return Sparse(matrix, strong_monotonicity=least_in_metric(self, columns))
        return Sparse(matrix)

    @property
    def _held(self) -> tuple[float, float]:
        held = np.finfo(self.matrix.dtype)
        return float(held.smallest_normal), float(held.max)

    @cached_property
    def norm(self) -> float:
        if self._declared[1] is not None:
            return self._declared[1]
        if self._dense is not None:
            return self._dense.norm
        bound = self._bound
        if self._narrow is not None:
            return self._narrow.norm(bound)
        return bound if self._gram is None else math.sqrt(self._gram.greatest(bound**2))

    @cached_property
    def _bound(self) -> float:
        """min(‖M‖_F, √(‖M‖₁‖M‖_∞))."""
        sizes = abs(self.matrix)
        one, infinity = float(sizes.sum(axis=0).max()), float(sizes.sum(axis=1).max())
        return min(float(np.linalg.norm(self.matrix.data)), math.sqrt(one * infinity))

    @cached_property
    def _symmetries(self) -> tuple[bool, bool]:
        """Whether M is symmetric, and whether it is skew."""
        M, Mt = self.matrix, self._transposed
        if not self.is_square:
            return False, False
        symmetric, skew = ((M + sign * Mt).count_nonzero() == 0 for sign in (-1, 1))
        return symmetric, skew

    @cached_property
    def _narrow(self) -> Banded | None:
        """A symmetric M in an order of which it is factored at no great cost."""
        if not self._symmetries[0]:
            return None
        found = Banded(_real(self.matrix))
        return found if found.is_narrow else None

    @cached_property
    def _gram(self) -> Banded | None:
        """MᵀM or MMᵀ, the smaller one, likewise; of other than symmetric M."""
        M = _real(self.matrix).astype(np.float64)
        counts = np.bincount(M.indices) if M.shape[0] < M.shape[1] else np.diff(M.indptr)
        if float(counts @ counts.astype(float)) > FULL * M.nnz:
            return None
        found = Banded(M @ M.T if M.shape[0] < M.shape[1] else M.T @ M)
        return found if found.is_narrow else None

    @cached_property
    def least_gain(self) -> float:
        return 0.0 if self._dense is None else self._dense.least_gain

    @cached_property
    def gram(self) -> float | None:
        return None if self._dense is None else self._dense.gram

    @cached_property
    def properties(self) -> Properties:
        if not self.is_square:
            return Properties(linear=True)
        if self._dense is not None:
            return self._dense.properties
        M, Mt = self.matrix, self._transposed
        m = self._declared[0]
        if m is None and self._narrow is not None:
            m = self._narrow.least(-self._bound)
        if m is None:
            S = (M + Mt) / 2
            diagonal = S.diagonal().real
            m = float((diagonal - (abs(S).sum(axis=1) - abs(diagonal))).min())
        symmetric, skew = self._symmetries
        return self.square_properties(m, symmetric=symmetric, skew=skew)

    def __call__(self, x: Point) -> Point:
        return _on_vectors(self.matrix.__matmul__, self._transposed.__matmul__, x)

    def adjoint(self, y: Point) -> Point:
        return _on_vectors(self._transposed.__matmul__, self.matrix.__matmul__, y)

    @cached_property
    def _entry_sizes(self) -> LinearOperator:
        return Sparse(abs(self.matrix))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self._entry_sizes(abs(x))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self._entry_sizes.adjoint(abs(x))

    @property
    def solver(self) -> str | None:
        return f"sparse LU of {self.matrix.shape[0]} rows"

    def inverted(self) -> LinearOperator:
        remedy = "M is singular to rounding"
        return _SparseInverse(self.matrix, repr(self), remedy)

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        return Iterative(self).shifted_inverse(alpha)

    @kept_for_last_step
    def shifted_inverse(self, alpha: float) -> LinearOperator:
        M = self.matrix
        shifted = scipy.sparse.eye_array(M.shape[0], dtype=M.dtype) + M.dtype.type(alpha) * M
        remedy = "M is not monotone, or badly scaled; check M, or give a smaller alpha"
        return _SparseInverse(shifted, f"I + αM (alpha = {alpha:g})", remedy)

    def check_kind(self, space: Space, name: str) -> None:
        own = getattr(space.xp, str(self.matrix.dtype))
        if own not in (space.dtype, space.real_dtype):
            raise TypeError(
                f"{name} has dtype {self.matrix.dtype}, but x0 has {space.dtype}: convert one"
            )

    def __repr__(self) -> str:
        rows, columns = self.matrix.shape
        return f"Sparse({rows}×{columns}, {self.matrix.nnz} entries)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        def sparse(rows: Any) -> Sparse:
            return cls(scipy.sparse.csr_array(to_numpy(asarray(rows))))

        return [
            (sparse([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]]), (4, 3), (4, 3)),
            (sparse([[1.0, 0.0, 0.5], [0.0, 3.0, 0.0]]), (3,), (2,)),
        ]


class _SparseInverse(LinearOperator):
    """M⁻¹ by SuperLU, M balanced by powers of two on both sides; verified by the residual of three
    systems. Of a symmetric M, which is positive definite or nearly so, the pivots are those of its
    diagonal; where these do not do, of largest size.
    """

    acts_on_complex = True

    def __init__(self, M: Any, name: str, remedy: str) -> None:
        self.M, self.name, self.remedy = M, name, remedy
        d = np.sqrt(np.abs(M.diagonal()))
        s = np.exp2(-np.floor(np.log2(np.where(d > 0, d, 1.0)))).astype(M.data.real.dtype)
        S = scipy.sparse.diags_array(s)
        scaled = scipy.sparse.csc_array(S @ M @ S)
        self._s = s[:, None]
        of_diagonal = {
            "permc_spec": "MMD_AT_PLUS_A",
            "diag_pivot_thresh": 0.0,
            "options": {"SymmetricMode": True},
        }
        symmetric = (M - hermitian(M)).count_nonzero() == 0
        for options in ([of_diagonal] if symmetric else []) + [{}]:
            try:
                self._lu = scipy.sparse.linalg.splu(scaled, **options)
                failure = self._failure(scaled)
            except RuntimeError as error:
                failure = f"failed: {error}"
            if failure is None:
                return
        raise np.linalg.LinAlgError(
            f"the sparse LU of {name} (n = {M.shape[0]}) {failure}; {remedy}"
        )

    def _failure(self, scaled: Any) -> str | None:
        """What is wrong with the factor of SMS."""
        n, dtype = self.M.shape[0], self.M.dtype
        b = np.random.default_rng(0).standard_normal((n, 3)).astype(dtype)
        x = self._lu.solve(b)
        eps = float(np.finfo(dtype).eps)
        size = float(abs(scaled).sum(axis=1).max()) * float(abs(x).max()) + float(abs(b).max())
        residual = float(abs(scaled @ x - b).max()) / size
        if not residual <= 100 * n * eps:
            return f"has relative residual {residual:.2g}, above {100 * n * eps:.2g}"
        # ‖M‖‖M⁻¹‖ is about this large, whatever the units of the rows
        large = not n * eps * size <= float(abs(b).max())
        return f"has a condition number of about {size:.2g}" if large else None

    def __reduce__(self) -> tuple[Any, ...]:
        # a factor of SuperLU is made again in a copy
        return type(self), (self.M, self.name, self.remedy)

    def __call__(self, x: Point) -> Point:
        return _on_vectors(self._solve, self._solve_transposed, x)

    def adjoint(self, y: Point) -> Point:
        return _on_vectors(self._solve_transposed, self._solve, y)

    def _solve(self, columns: Any, trans: str = "N") -> Any:
        if columns.dtype.kind == "c" and self.M.dtype.kind == "f":
            real, imaginary = columns.real.copy(), columns.imag.copy()
            return self._solve(real, trans) + 1j * self._solve(imaginary, trans)
        return self._s * self._lu.solve(self._s * columns, trans=trans)

    def _solve_transposed(self, columns: Any) -> Any:
        return self._solve(columns, "T" if self.M.dtype.kind == "f" else "H")


def hermitian(M: Any) -> Any:
    """Mᴴ; Mᵀ of a real one."""
    return M.T if M.dtype.kind == "f" else M.conj().T


def _real(M: Any) -> Any:
    """A complex matrix as that of (Re x, Im x); see ``backend.real_matrix``."""
    if M.dtype.kind == "f":
        return M
    real, imaginary = M.real, M.imag
    return scipy.sparse.block_array([[real, -imaginary], [imaginary, real]], format="csr")


def _diagonal(d: Any, shape: tuple[int, ...], like: Any) -> Any:
    values = np.broadcast_to(to_numpy(d) if is_array(d) else d, shape)
    return scipy.sparse.diags_array(values.astype(like.dtype))


def _on_vectors(apply: Any, transposed: Any, x: Array) -> Array:
    """A map of matrices of columns, applied to the vectors along the last axis of x."""

    def through(apply: Any, x: Array) -> Array:
        columns = to_numpy(x).reshape(math.prod(x.shape[:-1]), x.shape[-1]).T
        values = np.ascontiguousarray(apply(np.ascontiguousarray(columns)).T)
        return from_numpy(values.reshape(*x.shape[:-1], values.shape[-1]), x)

    return with_adjoint(partial(through, apply), partial(_on_vectors, transposed, apply), x)
