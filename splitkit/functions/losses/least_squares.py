"""f(x) = ½‖Ax − b‖²; ∇f(x) = Aᵀ(Ax − b); prox_{αf}(y) = (I + αAᵀA)⁻¹(y + αAᵀb).

With A = U diag(s) Vᵀ, made once, prox_{αf}(y) = y + V(w − Vᵀy), w = (Vᵀy + αs·Uᵀb)/(1 + αs²): one
factorization for every α, so that each sample may have its own. It is Vw where VVᵀ = I, without
the rounding of y, which may be large beside Vw.
f*(u) = ½‖v‖² + ⟨v, Uᵀb⟩ − min f, where sv = Vᵀu, if u is in the range of Aᵀ, else inf.

Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.
"""

from __future__ import annotations

from typing import Any

from splitkit.arguments import check_broadcast
from splitkit.backend import Array, Point, Scalar, Space, align, namespace, sum_of
from splitkit.functions.base import (
    Function,
    check_parameter,
    check_vectors,
    is_finite,
    zero_or_inf,
)
from splitkit.linear.dense import DenseMatrix


class LeastSquares(Function):
    """½‖Ax − b‖² over the last axis of x, summed over the other axes that are not batch.

    Parameters
    ----------
    A : array, shape (m, n)
        Of any rank; dtype and device of x. It is not copied: don't change it.
    b : array, shape (m,) or (..., m), optional
        Finite, of A's dtype and device; broadcasts to Ax; None: zero.
    batch_ndim : int
        Leading batch axes.

    Raises
    ------
    TypeError, ValueError
        A is no real floating matrix, or b does not fit it.

    Notes
    -----
    The constants are the squares of A's extreme singular values. The factorization costs
    O(mn min(m, n)), an application of the prox O(n min(m, n)).
    """

    def __init__(self, A: Array, b: Array | None = None, *, batch_ndim: int = 0) -> None:
        self._matrix = DenseMatrix(A)
        rows, columns = A.shape
        if b is not None:
            b = check_parameter("b", b, is_finite, "give finite numbers")
            if not hasattr(b, "shape") or b.ndim == 0 or b.shape[-1] != rows:
                raise ValueError(
                    f"b = {b}: its last axis must have length {rows}, one entry for each row of A"
                )
        xp = namespace(A)
        U, self._s, Vt = xp.linalg.svd(A, full_matrices=False)
        self._V = Vt.T
        self._b, self.batch_ndim = b, batch_ndim
        greatest, least = float(self._s[0]), float(self._s[-1])
        # singular values are exact to rounding: what is 0 in exact arithmetic counts as 0
        rounding = 4 * max(rows, columns) * float(xp.finfo(A.dtype).eps) * greatest
        self._positive = self._s > rounding
        full = rows >= columns and least > rounding
        if b is not None:
            self._c = xp.where(self._positive, b @ U, 0.0)
            rest = b - self._c @ U.T
            self._least = xp.sum(rest * rest, axis=-1, keepdims=True) / 2
        self.strong_convexity = least**2 if full else 0.0
        self.smoothness = greatest**2

    @property
    def A(self) -> Array:
        """The matrix."""
        return self._matrix.matrix

    @property
    def b(self) -> Array | None:
        """What Ax should be."""
        return self._b

    def _residual(self, x: Array) -> Array:
        Ax = self._matrix(x)
        return Ax if self._b is None else Ax - self._b

    def __call__(self, x: Point) -> Array:
        r = self._residual(x)
        return sum_of(r * r, self.batch_ndim) / 2

    def gradient(self, x: Point) -> Point:
        return self._matrix.adjoint(self._residual(x))

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        s, alpha, w = self._s, align(alpha, x), x @ self._V
        moved = w if self._b is None else w + alpha * s * self._c
        moved = moved / (1 + alpha * s * s)
        rows, columns = self.A.shape
        return moved @ self._V.T if rows >= columns else x + (moved - w) @ self._V.T

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        w = xp.where(self._positive, u @ self._V, 0.0)
        beyond = sum_of(abs(u - w @ self._V.T), self.batch_ndim)
        v = w / xp.where(self._positive, self._s, 1.0)
        value = sum_of(v * v, self.batch_ndim) / 2 + zero_or_inf(
            beyond, sum_of(abs(u), self.batch_ndim)
        )
        if self._b is None:
            return value
        least = self._least + 0.0 * u[..., :1]
        return value + sum_of(v * self._c, self.batch_ndim) - sum_of(least, self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        s, alpha, w = self._s, align(alpha, x), self._s * (x @ self._V)
        if self._b is not None:
            w = w - alpha * self._c
        return (s / (s * s + alpha) * w) @ self._V.T

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_vectors(self, space)
        self._matrix.check_space(space, f"A of {self!r}")
        if self._b is not None:
            space.check_array(self._b, f"b of {self!r}")
            values = self._matrix.range_space(space).shapes[0]
            check_broadcast(f"b of {self!r}", self._b, values)

    def __repr__(self) -> str:
        return f"LeastSquares({self.A.shape[0]}×{self.A.shape[1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        """(function, shape of its points) for the checks."""
        wide = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        tall = asarray([[1.0, 0.5], [-2.0, 1.0], [0.0, 3.0]])
        return [
            (cls(wide, asarray([1.0, -1.0])), (3,)),
            (cls(tall, asarray([[1.0, -1.0, 2.0], [0.0, 2.0, 0.5]]), batch_ndim=1), (2, 2)),
        ]
