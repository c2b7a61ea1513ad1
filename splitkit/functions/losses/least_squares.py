"""f(x) = ½‖Ax − b‖²."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from scipy.sparse import csr_array

from splitkit.arguments import check_broadcast, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    adjoint_of,
    align,
    conjugated,
    inner,
    is_array,
    is_traced,
    lincomb,
    namespace,
    pairing,
    products,
    real_part,
    scale,
    subtract,
    sum_of,
    times,
    to_numpy,
)
from splitkit.functions.base import Function, vectors, zero_or_inf
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.iterative import inverse_of
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.mask import Mask
from splitkit.linear.wrapped import wrap
from splitkit.meshes import constant
from splitkit.operators.base import PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, magnitude
from splitkit.properties import DeferredProperties, Properties

SMALL = 1e8  # operations, about, of a singular value decomposition in a tenth of a second


class LeastSquares(Function):
    """½‖Ax − b‖², a matrix over the last axis of x, summed over all axes that are not batch.

    f(x) = ½‖Ax − b‖²; ∇f(x) = Aᵀ(Ax − b); prox_{αf}(y) = (I + αAᵀA)⁻¹(y + αAᵀb).

    With A = U diag(s) Vᵀ, made once, prox_{αf}(y) = y + V(w − Vᵀy), w = (Vᵀy + αs·Uᵀb)/(1 + αs²):
    one factorization for every α, so that each sample may have its own. It is Vw where VVᵀ = I,
    without the rounding of y, which may be large beside Vw. f*(u) = ½‖v‖² + ⟨v, Uᵀb⟩ − min f, where
    sv = Vᵀu, if u is in the range of Aᵀ, else inf. Where A is no matrix of numbers, I + αAᵀA is
    inverted as the linear map can be.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.

    Parameters
    ----------
    A : array of shape (m, n), sparse array, LinearOperator, or what ``linear.wrap`` takes
        Of any rank; an array has dtype and device of x. It is not copied: don't change it.
    b : point, optional
        Finite, of A's dtype and device; it broadcasts to Ax. None: zero.

    Raises
    ------
    TypeError, ValueError
        A is no matrix or linear map, or b does not fit it.

    Notes
    -----
    The constants are the squares of A's extreme singular values, or bounds of them, computed when
    they are asked for. The prox of a small array is that of its singular value decomposition, made
    once; of a large one, and of another map, it is the shifted inverse of AᵀA, by the structure
    that A has (``(A.T @ A).solver`` says which). The value of the conjugate is known of arrays.

    Examples
    --------
    >>> f = sk.functions.LeastSquares(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([2.0, 1.0]))
    >>> x = np.array([0.0, 0.0])
    >>> print(f(x), f.prox(x))
    2.5 [0.6 0.8]
    """

    formula = r"\frac{1}{2}\|A\,@ - b\|^2"
    acts_on_complex = True

    def __init__(self, A: Any, b: Point | None = None, *, batch_ndim: int = 0) -> None:
        self._map, self._b, self.batch_ndim = wrap(A, argument="A"), b, batch_ndim
        self._is_matrix = isinstance(self._map, DenseMatrix)
        if b is not None and isinstance(self._map, DenseMatrix):
            rows = self._map.matrix.shape[0]
            if not (is_array(check_parameter("b", b)) and b.ndim and b.shape[-1] == rows):
                raise ValueError(
                    f"b = {b}: its last axis must have length {rows}, one entry for each row of A"
                )
        elif b is not None:
            Space.of(b, name="b")

    @constant
    def _is_small(self) -> bool:
        """Whether A is a matrix whose singular values take no time worth saving."""
        known = self._is_matrix and not is_traced(self.A)
        return known and math.prod(self.A.shape) * min(self.A.shape) <= SMALL

    @constant
    def strong_convexity(self) -> float:  # type: ignore[override]
        if self._is_small:
            _, s, _, positive = self._factors
            rows, columns = self.A.shape
            return float(s[-1]) ** 2 if rows >= columns and bool(positive[-1]) else 0.0
        return float(self._map.least_gain**2)

    @constant
    def smoothness(self) -> float | None:  # type: ignore[override]
        norm = float(self._factors[1][0]) if self._is_small else self._map.norm
        return self._map.squared_norm("A", norm) if norm < math.inf else None

    @constant
    def _factors(self) -> tuple[Array, Array, Array, Array]:
        """U, s, V of A = U diag(s) Vᵀ, and which of the s are not 0; the conjugates of U and V
        where they are complex: xᵀV is made of the entries of Vᴴx.
        """
        A = self.A
        xp = namespace(A)
        U, s, Vt = xp.linalg.svd(A, full_matrices=False)
        # singular values are exact to rounding: what is 0 in exact arithmetic counts as 0
        rounding = 4 * max(A.shape) * float(xp.finfo(A.dtype).eps) * s[0]
        return conjugated(U), s, Vt.T, s > rounding

    @constant
    def _c(self) -> Array:
        """Uᵀb, of the singular values that are not 0."""
        U, _, _, positive = self._factors
        return namespace(U).where(positive, times(self._b, U), 0.0)

    @constant
    def _least(self) -> Array:
        """The least value of f."""
        U = self._factors[0]
        rest = self._b - times(self._c, adjoint_of(U))
        return namespace(U).sum(products(rest, rest), axis=-1, keepdims=True) / 2

    @constant
    def _back(self) -> Array:
        """What takes the entries along the singular vectors back."""
        return adjoint_of(self._factors[2])

    @property
    def properties(self) -> Properties:
        if self._is_small or self._map.has_declared_constants:
            return super().properties
        return DeferredProperties(
            lambda: self.strong_convexity, lambda: self.smoothness, linear=True
        )

    @property
    def A(self) -> Any:
        """The matrix, or the linear map."""
        return self._map.matrix if isinstance(self._map, DenseMatrix) else self._map

    @property
    def b(self) -> Point | None:
        """What Ax should be."""
        return self._b

    @property
    def prox_by(self) -> str | None:
        return "singular values" if self._is_small else super().prox_by

    @constant
    def affine_gradient(self) -> Affine:
        b = self._b
        return Affine.of_finite(
            self._map.T @ self._map, None if b is None else self._map.adjoint(b)
        )

    def _residual(self, x: Point) -> Point:
        Ax = self._map(x)
        return Ax if self._b is None else subtract(Ax, self._b)

    def __call__(self, x: Point) -> Array:
        r = self._residual(x)
        return inner(r, r, self.batch_ndim) / 2

    def gradient(self, x: Point) -> Point:
        return self._map.adjoint(self._residual(x))

    def gradient_at_zero(self, x: Point) -> Point:
        if self._b is None:
            return scale(0.0, x)
        return lincomb(0.0, x, -1.0, self._map.adjoint_constant(self._b))

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        r = self._residual(x)
        return inner(r, r, self.batch_ndim) / 2, self._map.adjoint(r)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        several = is_array(alpha) and not (is_traced(alpha) and alpha.ndim == 0)
        if self._is_matrix and (self._is_small or several):
            return self._prox_of_factors(x, alpha)
        gram, (M, q) = None if self._is_matrix else self._map.gram, self._normal_equations
        if gram is None and M.solver is not None:
            V = inverse_of(M, alpha, self.batch_ndim)
            return V(x if q is None else lincomb(1.0, x, alpha, q))
        slope = self.gradient(x)
        if gram is not None:  # (I + αAᵀA)⁻¹Aᵀ = Aᵀ/(1 + αν) where AAᵀ = νI
            moved = scale(1 / (1 + alpha * gram), slope)
        else:
            moved = inverse_of(M, alpha, self.batch_ndim)(slope)
        return lincomb(1.0, x, -alpha, moved)

    @property
    def _normal_equations(self) -> tuple[LinearOperator, Point | None]:
        """AᵀA and Aᵀb."""
        known = self.affine_gradient
        return known.M.merged, known.q

    def _prox_of_factors(self, x: Array, alpha: Scalar) -> Array:
        _, s, V, _ = self._factors
        alpha, w = align(alpha, x), times(x, V)
        moved = w if self._b is None else w + alpha * s * self._c
        moved = moved / (1 + alpha * s * s)
        rows, columns = self.A.shape
        return times(moved, self._back) if rows >= columns else x + times(moved - w, self._back)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """−⟨b, Ad⟩ at v = −AᵀAd."""
        A, Ad = self._map, self._map(d)
        sizes = A.adjoint_magnitudes(A.magnitudes(d, space.batch_ndim), space.batch_ndim)
        value = 0.0 * inner(Ad, Ad, space.batch_ndim)
        if self._b is not None:
            value = value - pairing(self._b, Ad, space.batch_ndim)
        v = scale(-1.0, A.adjoint(Ad))
        return GraphSupport(v, d, value, sizes, magnitude(d), lambda e: A.adjoint(A(e)))

    def conjugate_value(self, u: Point) -> Array:
        if not self._is_matrix:
            return super().conjugate_value(u)
        xp, (_, s, V, positive) = namespace(u), self._factors
        w = xp.where(positive, times(u, V), 0.0)
        beyond = sum_of(abs(u - times(w, self._back)), self.batch_ndim)
        v = w / xp.where(positive, s, 1.0)
        value = sum_of(products(v, v), self.batch_ndim) / 2 + zero_or_inf(
            beyond, sum_of(abs(u), self.batch_ndim)
        )
        if self._b is None:
            return value
        least = self._least + real_part(0.0 * u[..., :1])
        return (
            value + sum_of(products(self._c, v), self.batch_ndim) - sum_of(least, self.batch_ndim)
        )

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        if not self._is_matrix:
            return super().conjugate_prox(x, alpha)
        _, s, V, _ = self._factors
        alpha, w = align(alpha, x), s * times(x, V)
        if self._b is not None:
            w = w - alpha * self._c
        return times(s / (s * s + alpha) * w, self._back)

    def in_metric(self, S: Any) -> Function:
        return LeastSquares(self._map.scaled(columns=S), self._b, batch_ndim=self.batch_ndim)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self._map.freedom(space)

    def make_variance(self) -> PointMap | None:
        A = self._map.squares()
        return super().make_variance() if A is None else lambda v: A.adjoint(A(v))

    def check_space(self, space: Space) -> None:
        takes_arrays = isinstance(self._map, LastAxesMap)
        super().check_space(space if takes_arrays else replace(space, is_tuple=False))
        if takes_arrays:
            vectors()(self, space)
        self._map.check_space(space, f"A of {self!r}")
        if self._b is not None:
            check_broadcast(f"b of {self!r}", self._b, self._map.range_space(space))

    def __repr__(self) -> str:
        sizes = "×".join(map(str, self.A.shape)) if self._is_matrix else repr(self._map)
        return f"LeastSquares({sizes})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        wide = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        tall = asarray([[1.0, 0.5], [-2.0, 1.0], [0.0, 3.0]])
        return [
            (cls(wide, asarray([1.0, -1.0])), (3,)),
            (cls(tall, asarray([[1.0, -1.0, 2.0], [0.0, 2.0, 0.5]]), batch_ndim=1), (2, 2)),
            (cls(Mask(asarray([1.0, 0.0, 1.0]) > 0), asarray([1.0, 2.0])), (3,)),
            (cls(csr_array(to_numpy(tall)), asarray([1.0, 0.0, 2.0]), batch_ndim=1), (4, 2)),
        ]
