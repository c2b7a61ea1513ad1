"""A matrix M acting on the last axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import (
    COMPLEX,
    Array,
    Point,
    Scalar,
    Space,
    adjoint_of,
    align,
    conjugated,
    device,
    differentiating,
    folding,
    holds,
    is_array,
    is_traced,
    like,
    namespace,
    products,
    times,
)
from splitkit.linear.base import (
    KRYLOV_STEPS,
    LinearOperator,
    SymmetricMap,
    factors,
    kept_for_last_step,
    least_in_metric,
    rounded,
)
from splitkit.linear.certified import Definite, smaller_gram
from splitkit.linear.factor import balanced_condition, inverse, is_symmetric
from splitkit.linear.iterative import Iterative
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.multiplier import SamplewiseInverse
from splitkit.linear.refined import Refined, verified
from splitkit.meshes import constant, cut_along, is_scattered
from splitkit.properties import DeferredProperties, Properties

EXACT_SIZE = 1024  # an eigenvalue decomposition of this size takes about a second
WIDE_SIZE = 64  # rows of a matrix with more columns from which its norm is its Gram matrix'
EXACT_ENTRIES = 4 * EXACT_SIZE**2  # singular values of larger ones are those of the Gram matrix
CERTIFIED_WORK = 4e11  # operations, some seconds; beyond, constants are bounds by sums of entries
OFTEN = 12  # inverses, which cost as much as the eigenvectors
# α‖M‖ up to which eigenvalues, whose rounding is that of the largest, leave (I + αλ)⁻¹ its digits;
# beyond, elimination keeps those of rows in units of their own
EVEN = 1e4
REFLECTED_EXACT_SIZE = 256  # one singular value decomposition for each α that is tried


class DenseMatrix(LastAxesMap):
    """x ↦ Mx over the last axis of x.

    A matrix M acting on the last axis: x ↦ xMᵀ, that is M x for each vector of a batch. Lᵀ is that
    of Mᴴ where M is complex.

    Constants come from its eigenvalues and singular values up to ``EXACT_SIZE`` rows; beyond, they
    are bounds that hold, of its symmetric part or the smaller one of MᵀM and MMᵀ; see
    ``certified``.

    Parameters
    ----------
    matrix : array, shape (rows, columns)
        Any library, dtype and device; points must share them. It is not copied: don't change it.
    strong_monotonicity, lipschitz : float, optional
        Known constants, believed instead of being computed.
    name : str
        Of the matrix, in messages.

    Raises
    ------
    TypeError, ValueError
        ``matrix`` is no floating 2-D array of finite numbers.

    Examples
    --------
    >>> L = sk.linear.DenseMatrix(np.array([[1.0, 2.0], [0.0, 1.0]]))
    >>> x = np.array([1.0, -1.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [-1. -1.] [-1. -3.]
    >>> print(L.norm, L.least_gain)
    2.4142 0.4142
    """

    formula = "M"
    acts_on_complex = True

    def __init__(
        self,
        matrix: Array,
        *,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
        name: str = "matrix",
    ) -> None:
        Space.of(matrix, name=name)
        if matrix.ndim != 2:
            raise ValueError(f"{name} has shape {tuple(matrix.shape)}: give a 2-D array")
        self._set(matrix, strong_monotonicity, lipschitz)

    def _set(self, matrix: Array, m: float | None = None, lipschitz: float | None = None) -> None:
        self.matrix = matrix
        self._declared = m, lipschitz
        self._steps = 0  # for which it was inverted
        self._kept_sizes: Array | None = None
        rows, columns = map(int, matrix.shape)
        self.domain_shape, self.range_shape = (columns,), (rows,)

    @staticmethod
    def of_finite(matrix: Array) -> DenseMatrix:
        """A matrix that needs no check."""
        L = DenseMatrix.__new__(DenseMatrix)
        L._set(matrix)
        return L

    @staticmethod
    def of_semidefinite(matrix: Array) -> DenseMatrix:
        """A symmetric, positive semidefinite matrix of which there is no more to know: it is
        traced.
        """
        L = DenseMatrix.__new__(DenseMatrix)
        L._set(matrix, 0.0)
        vars(L)["is_symmetric"] = True
        return L

    @constant
    def has_declared_constants(self) -> bool:
        return self._declared != (None, None)

    @property
    def xp(self) -> Any:
        """The namespace of the matrix."""
        return namespace(self.matrix)

    def __call__(self, x: Point) -> Point:
        M = self.matrix
        return x @ M.T if x.dtype == M.dtype else times(x, M.T)

    def adjoint(self, y: Point) -> Point:
        M = self.matrix
        if COMPLEX[M.dtype]:
            return self.xp.conj(times(self.xp.conj(y), M))
        return y @ M if y.dtype == M.dtype else times(y, M)

    def squares(self) -> LinearOperator:
        return self.of_finite(products(self.matrix, self.matrix))

    def scaled(
        self, rows: LinearOperator | None = None, columns: LinearOperator | None = None
    ) -> LinearOperator:
        e, s = map(factors, (rows, columns))
        if not (is_array(e) or is_array(s)):
            return super().scaled(rows, columns)
        if is_array(e):
            e = e[:, None]
        # (s sᵀ) ⊙ M is symmetric, to the last bit, where M is
        scaled = self.of_finite(self.matrix * (e * s))
        if rows is columns is not None and self.matrix.shape[0] > EXACT_SIZE:
            scaled._declared = least_in_metric(self, columns), None
        return scaled

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return abs(x) @ self._entry_sizes.T

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return abs(x) @ self._entry_sizes

    @property
    def _entry_sizes(self) -> Array:
        """|M|, kept unless JAX traces it: a look at each check of a solve asks for it."""
        if self._kept_sizes is None:
            sizes = abs(self.matrix)
            if is_traced(sizes):
                return sizes
            self._kept_sizes = sizes
        return self._kept_sizes

    @constant
    def _singular_values(self) -> Array:
        return self.xp.linalg.svdvals(self.matrix) if self._has_entries else self.xp.zeros(1)

    @constant
    def _gram_values(self) -> tuple[Array, float]:
        """The eigenvalues of MᵀM or MMᵀ, ascending, and its rounding."""
        G, rounding = smaller_gram(self.matrix)
        return namespace(G).linalg.eigvalsh(G), rounding

    @constant
    def _eigenvalues(self) -> Array:
        """Of the symmetric part, ascending."""
        M = self.matrix
        if not self._has_entries:
            return self.xp.zeros(1)
        return self.xp.linalg.eigvalsh(M if self.is_symmetric else (M + adjoint_of(M)) / 2)

    @property
    def _has_entries(self) -> bool:
        return 0 not in self.matrix.shape

    @property
    def _is_cheap(self) -> bool:
        """Whether singular values are computed."""
        rows, columns = map(int, self.matrix.shape)
        fits = min(rows, columns) <= EXACT_SIZE and rows * columns <= EXACT_ENTRIES
        return fits and not is_scattered(self.matrix)

    @property
    def _is_wide(self) -> bool:
        """Whether of singular values, of which none says how little is gained, the greatest is
        found several times as fast by the Gram matrix.
        """
        rows, columns = map(int, self.matrix.shape)
        return WIDE_SIZE <= rows < columns

    @property
    def _is_huge(self) -> bool:
        """Whether only bounds by sums of entries are computed."""
        rows, columns = map(int, self.matrix.shape)
        small = rows != columns and min(rows, columns) <= EXACT_SIZE
        if is_scattered(self.matrix) and not small:
            return True
        return rows * columns * min(rows, columns) > CERTIFIED_WORK

    @constant
    def _gram_matrix(self) -> tuple[Definite, float]:
        """MᵀM or MMᵀ, the smaller one, and its rounding."""
        rows, columns = self.matrix.shape
        # a sum over processes, which no matrix needs to be gathered for
        G, rounding = smaller_gram(cut_along(self.matrix, int(rows < columns)))
        return Definite(G), rounding

    @constant
    def _is_unknown(self) -> bool:
        """Whether its entries have no values, so that only what is declared is known."""
        return is_traced(self.matrix)

    @property
    def _held(self) -> tuple[float, float]:
        held = namespace(self.matrix).finfo(self.matrix.dtype)
        return float(held.smallest_normal), float(held.max)

    @constant
    def norm(self) -> float:
        if self._declared[1] is not None:
            return self._declared[1]
        if self._is_unknown:
            return math.inf
        if self.is_symmetric and self._is_cheap:
            return max(abs(float(self._eigenvalues[0])), abs(float(self._eigenvalues[-1])))
        if self._is_cheap and self._is_wide:
            values, rounding = self._gram_values
            return math.sqrt(float(values[-1]) + rounding)
        if self._is_cheap:
            return float(self._singular_values[0])
        if self._is_huge:
            return self._bound
        if self.is_symmetric:
            return Definite(self.matrix).norm(self._bound)
        G, rounding = self._gram_matrix
        return math.sqrt(min(G.greatest(self._bound**2) + rounding, self._bound**2))

    @constant
    def _bound(self) -> float:
        """min(‖M‖_F, √(‖M‖₁‖M‖_∞))."""
        with folding(self.matrix):
            sizes = self.xp.abs(self.matrix)
            frobenius = float(self.xp.sqrt(self.xp.sum(sizes * sizes)))
            one = float(self.xp.max(self.xp.sum(sizes, axis=0)))
            infinity = float(self.xp.max(self.xp.sum(sizes, axis=1)))
        return float(min(frobenius, (one * infinity) ** 0.5))

    @constant
    def least_gain(self) -> float:
        rows, columns = self.matrix.shape
        if rows < columns or self._is_huge or self._is_unknown:
            return 0.0
        if self._is_cheap:
            values, eps = self._singular_values, float(self.xp.finfo(self.matrix.dtype).eps)
            return rounded(float(values[-1]), eps * rows * float(values[0]))
        G, rounding = self._gram_matrix
        return math.sqrt(max(0.0, G.least(0.0) - rounding))

    @constant
    def gram(self) -> float | None:
        rows, columns = self.matrix.shape
        if rows > columns or not self._is_cheap or self._is_unknown:
            return None
        rounding = 8 * rows * float(self.xp.finfo(self.matrix.dtype).eps)
        if self._is_wide:
            squares, of_squares = self._gram_values
            low, high = (max(float(squares[i]), 0.0) ** 0.5 for i in (0, -1))
            apart = (float(squares[-1]) - float(squares[0]) - 2 * of_squares) / (high or 1.0)
        else:
            values = self._singular_values
            low, high = float(values[-1]), float(values[0])
            apart = high - low
        return high * low if apart <= rounding * high else None

    @property
    def properties(self) -> Properties:
        large = self.is_symmetric and not (self._is_cheap or self._is_huge or self._is_unknown)
        if large and self.is_semidefinite:
            # not held, which would hold the matrix
            return DeferredProperties(self._least_of_large, self._norm_of_large, linear=True)
        return self._known_properties

    @constant
    def is_semidefinite(self) -> bool:
        """Whether a symmetric M is known to be positive semidefinite, but for rounding."""
        m = self._declared[0]
        return Definite(self.matrix).is_semidefinite() if m is None else m >= 0

    def _least_of_large(self) -> float:
        return max(0.0, self._m or 0.0)

    def _norm_of_large(self) -> float:
        return self.norm

    @constant
    def _m(self) -> float | None:
        return self._least()

    @constant
    def _known_properties(self) -> Properties:
        if not self.is_square:
            return Properties(linear=True)
        M, xp = self.matrix, self.xp
        if self._is_unknown:
            return self._declared_properties
        skew = bool(xp.all(M == -adjoint_of(M)))
        return self.square_properties(self._m, symmetric=self.is_symmetric, skew=skew)

    @property
    def _declared_properties(self) -> Properties:
        m, L = self._declared
        return Properties.of(
            strong_monotonicity=m, lipschitz=L, gradient=self.is_symmetric, linear=True
        )

    def _least(self) -> float | None:
        """m: the declared one, or the least eigenvalue of the symmetric part, or a bound of it."""
        M, m = self.matrix, self._declared[0]
        if m is not None:
            return m
        if self._is_cheap:
            return rounded(float(self._eigenvalues[0]), self.rounding)
        if self._is_huge:
            return None
        if bool(self.xp.all(M == -adjoint_of(M))):
            return 0.0
        return Definite((M + adjoint_of(M)) / 2).least(-self._bound)

    @property
    def rounding(self) -> float:
        """How far rounding may move an eigenvalue of a square matrix."""
        eps = float(self.xp.finfo(self.matrix.dtype).eps)
        return float(4 * self.matrix.shape[0] * eps * self.norm)

    def _identity(self) -> Array:
        return self.xp.eye(self.range_shape[0], dtype=self.matrix.dtype, device=device(self.matrix))

    @property
    def solver(self) -> str | None:
        if is_scattered(self.matrix):  # which only multiplies
            return None
        return f"{'Cholesky' if self.is_symmetric else 'LU'} of {self.matrix.shape[0]} rows"

    @constant
    def is_symmetric(self) -> bool:
        """Whether M is its transpose, to the last bit."""
        return is_symmetric(self.matrix)

    def inverted(self) -> LinearOperator:
        if is_scattered(self.matrix):
            return Iterative(self).inverted()
        V, needs_refinement = inverse(self.matrix)
        found = self.of_finite(V)
        if is_traced(V):
            return Refined(self, found)
        if not needs_refinement:
            return found
        return verified(self, found, self.domain_shape, V)

    @property
    def inverse_effort(self) -> tuple[float, float]:
        if is_scattered(self.matrix):
            return 0.0, KRYLOV_STEPS
        # the inverse and its check are 4n³ operations, ten times as fast as the 2n² of an Mx
        return self.range_shape[0] / 5, 1.0

    @constant
    def eigen(self) -> tuple[Array, Array]:
        """Eigenvalues, 0 where they are rounding of it, and eigenvectors of a symmetric matrix."""
        values, vectors = self.xp.linalg.eigh(self.matrix)
        size = float(self.xp.max(self.xp.abs(values)))
        rounding = 4 * self.matrix.shape[0] * float(self.xp.finfo(values.dtype).eps) * size
        return self.xp.where(self.xp.abs(values) > rounding, values, 0.0), vectors

    def _shows_its_kernel_at(self, alpha: Scalar) -> bool:
        """``_shows_its_kernel``, where neither α is unknown nor M's derivatives are asked for."""
        return not (is_traced(alpha) or differentiating(self.matrix)) and self._shows_its_kernel

    @constant
    def _shows_its_kernel(self) -> bool:
        """Whether M is singular, symmetric and positive semidefinite, and what its eigenvectors of
        eigenvalue 0 leave of it is rounding in each row; not so of rows that are small in units of
        their own, beside the rounding of others.
        """
        if not (self.is_symmetric and self._is_cheap) or self._is_unknown:
            return False
        if self.properties.strong_monotonicity != 0.0:
            return False
        (values, vectors), xp = self.eigen, self.xp
        eps, greatest = float(xp.finfo(values.dtype).eps), float(xp.max(values))
        least = float(xp.min(xp.where(values > 0, values, greatest)))
        if not math.sqrt(eps) * greatest <= least:
            return False
        rounding = 4 * self.matrix.shape[0] * eps * (greatest / (least or 1.0))
        left = abs(self.matrix @ vectors) <= rounding * (self._entry_sizes @ abs(vectors))
        return holds(left | (values > 0))

    def _in_eigenbasis(self, alpha: float) -> LinearOperator:
        values, vectors = self.eigen
        return _InEigenbasis(1 / (1 + alpha * values), vectors)

    def _is_even(self, alpha: Scalar) -> bool:
        """Whether M is symmetric and monotone, and α so small that eigenvectors invert I + αM."""
        if not (self.is_symmetric and self.properties.monotone):
            return False
        largest = alpha * self.xp.max(self.eigen[0])
        return holds(largest <= EVEN)

    def samplewise_inverse(self, alpha: Scalar) -> LinearOperator:
        if not self._is_even(alpha):
            if self._shows_its_kernel_at(alpha):
                return InverseBesideKernel(alpha, *self.eigen)
            return _SamplewiseLU(self, alpha)
        values, vectors = self.eigen
        return SamplewiseInverse(lambda d: _InEigenbasis(d, vectors), values, alpha)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        """(I + αM)⁻¹ by a factorization, verified; of a large matrix that is cut over processes by
        conjugate gradients, which only multiply.
        """
        if is_scattered(self.matrix):  # not kept, as it would hold the map that holds it
            return Iterative(self).shifted_inverse(alpha)
        return self._factored(alpha)

    @kept_for_last_step
    def _factored(self, alpha: float) -> LinearOperator:
        """(I + αM)⁻¹ by LU, verified: ‖(I + αM)V − I‖_max; of a symmetric matrix, once ``OFTEN``
        step sizes have been asked for, or where αM leaves nothing of I, by its eigenvectors.
        """
        self._steps += 1
        if self._steps > OFTEN and self._is_even(alpha):
            return self._in_eigenbasis(alpha)
        xp, M, identity = self.xp, self.matrix, self._identity()
        shifted = identity + alpha * M
        size = xp.max(xp.sum(xp.abs(shifted), axis=1))
        if holds(size > EVEN) and self._shows_its_kernel_at(alpha):
            return InverseBesideKernel(alpha, *self.eigen)
        V = self._inverse_of(shifted, size)
        if V is None and self.is_symmetric and self.properties.monotone:
            return self._in_eigenbasis(alpha)
        if V is None:
            raise np.linalg.LinAlgError(
                f"I + αM is singular to rounding (alpha = {alpha:g}, n = {M.shape[0]}): M is not "
                "monotone, or so large that I is lost beside αM; check M, or give a smaller alpha"
            )
        residual = xp.max(xp.abs(shifted @ V - identity))
        # backward stability: residual ≲ n eps ‖I + αM‖ ‖V‖, and ‖V‖ ≤ 1 for monotone M
        allowed = 100 * M.shape[0] * float(xp.finfo(M.dtype).eps) * size
        if not holds(residual <= allowed):
            raise np.linalg.LinAlgError(
                f"the inverse of I + αM (alpha = {alpha:g}, n = {M.shape[0]}) has residual "
                f"{float(residual):.2g}, above {float(allowed):.2g}: M is not monotone, or the "
                f"factorization of {xp.__name__} failed; check M, or give a smaller alpha"
            )
        return self.of_finite(V)

    def _inverse_of(self, shifted: Array, size: Array) -> Array | None:
        """The inverse of I + αM, of this ‖·‖_∞, or None where rounding leaves it no digit, in the
        best units.
        """
        xp = self.xp
        try:
            V = xp.linalg.inv(shifted)
        except (ArithmeticError, RuntimeError, ValueError):  # each library's own
            return None
        least = 1 / (shifted.shape[0] * float(xp.finfo(shifted.dtype).eps))
        condition = size * xp.max(xp.sum(xp.abs(V), axis=1))
        known = holds(condition < least) or balanced_condition(shifted, V) < least
        return V if known else None

    @kept_for_last_step
    def reflected_inverse(self, alpha: float) -> LinearOperator | None:
        V = self.shifted_inverse(alpha)
        if not isinstance(V, DenseMatrix):  # a subclass inverts in a way of its own
            return None
        return self.of_finite(2 * V.matrix - self._identity())

    def reflected_norm(self, alpha: float) -> float | None:
        if self.matrix.shape[0] > REFLECTED_EXACT_SIZE or None not in self._declared:
            return None
        if self._is_unknown or is_scattered(self.matrix):
            return None
        xp, scaled, identity = self.xp, alpha * self.matrix, self._kept_identity
        reflected = xp.linalg.solve(identity + scaled, identity - scaled)
        return float(xp.linalg.svdvals(reflected)[0])

    @constant
    def _kept_identity(self) -> Array:
        """Of a small matrix, for a search over step sizes."""
        return self._identity()

    def check_kind(self, space: Space, name: str) -> None:
        space.check_array(self.matrix, name)

    def __repr__(self) -> str:
        return f"DenseMatrix({self.matrix.shape[0]}×{self.matrix.shape[1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [
            (cls(asarray([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])), (3,), (3,)),
            (cls(asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])), (4, 3), (4, 2)),
        ]


class _InEigenbasis(SymmetricMap):
    """x ↦ Q(d ⊙ Qᵀx), Q orthogonal or unitary."""

    acts_on_complex = True

    def __init__(self, d: Array, Q: Array) -> None:
        self.d, self.Q, self._conjugate = d, Q, conjugated(Q)

    def __call__(self, x: Point) -> Point:
        return times(self.d * times(x, self._conjugate), self.Q.T)


class InverseBesideKernel(SymmetricMap):
    """(I + αM)⁻¹ of a singular M, which leaves the kernel as it is for every α.

    α(I + αM)⁻¹q grows with α by the part of q in the kernel: that is 0 where it is rounding of q.
    """

    acts_on_complex = True

    def __init__(self, alpha: Scalar, values: Array, Q: Array) -> None:
        self.alpha, self.values, self.Q, self._conjugate = alpha, values, Q, conjugated(Q)

    def _steps(self, x: Array) -> tuple[Array, Array]:
        """1/α, and α/(1 + αλ) where no number overflows."""
        inverse = 1 / align(self.alpha, x)
        return inverse, 1 / (inverse + self.values)

    def __call__(self, x: Point) -> Point:
        inverse, steps = self._steps(x)
        return times(inverse * steps * times(x, self._conjugate), self.Q.T)

    def times_step(self, q: Array, x: Array) -> Array:
        """α(I + αM)⁻¹q for the α of each sample of x."""
        xp, eps = namespace(q), float(namespace(q).finfo(q.dtype).eps)
        along, sizes = times(q, self._conjugate), times(abs(q), abs(self.Q))
        kept = (abs(along) > 4 * self.Q.shape[0] * eps * sizes) | (self.values > 0)
        return times(self._steps(x)[1] * xp.where(kept, along, 0.0), self.Q.T)


class _SamplewiseLU(LinearOperator):
    """(I + αM)⁻¹ for an α of batch shape, by elimination in each sample."""

    norm = 1.0
    acts_on_complex = True

    def __init__(self, M: DenseMatrix, alpha: Array) -> None:
        self.M, self.alpha = M, alpha

    def __call__(self, x: Point) -> Point:
        return self._solved(self.M.matrix, x)

    def adjoint(self, y: Point) -> Point:
        return self._solved(adjoint_of(self.M.matrix), y)

    def _solved(self, matrix: Array, x: Array) -> Array:
        xp, n = self.M.xp, matrix.shape[0]
        each = xp.broadcast_to(align(self.alpha, x), (*x.shape[:-1], 1))[..., None]
        shifted = xp.eye(n, dtype=matrix.dtype, device=device(matrix)) + each * matrix
        return xp.linalg.solve(like(shifted, x), x[..., None])[..., 0]
