"""f(x) = ½xᵀPx + qᵀx; ∇f(x) = Px + q; prox_{αf}(y) = (I + αP)⁻¹(y − αq), one matrix for each α.

f*(u) = ½(u − q)ᵀP⁺(u − q) if u − q is in the range of P, else inf, P⁺ the pseudo-inverse.

Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, align, is_array, namespace, sum_of
from splitkit.functions.base import Function, check_parameter, is_finite, zero_or_inf
from splitkit.linear.affine import Affine
from splitkit.linear.dense import DenseMatrix
from splitkit.properties import Properties


class Quadratic(Function):
    """½xᵀPx + qᵀx over the last axis of x, summed over the other axes that are not batch.

    Parameters
    ----------
    P : array, shape (n, n)
        Symmetric positive semidefinite up to rounding; dtype and device of x.
    q : array, optional
        Finite, of P's dtype and device; broadcasts to x; None: zero.
    batch_ndim : int
        Leading batch axes.

    Raises
    ------
    TypeError, ValueError
        P is no real floating square matrix, or not symmetric positive semidefinite.

    Notes
    -----
    The constants are P's extreme eigenvalues. An array of α, and the conjugate, use P's
    eigenvectors, computed once.
    """

    parameters = ("q",)

    def __init__(self, P: Array, q: Array | None = None, *, batch_ndim: int = 0) -> None:
        space = Space.of(P, name="P")
        if P.ndim != 2 or P.shape[0] != P.shape[1] or P.shape[0] == 0:
            raise ValueError(f"P has shape {tuple(P.shape)}: give a square matrix")
        if q is not None:
            q = check_parameter("q", q, is_finite, "give finite numbers")
        xp = namespace(P)
        rounding = 4 * P.shape[0] * float(xp.finfo(space.dtype).eps)
        skew = float(xp.max(abs(P - P.T)))
        if skew > rounding * float(xp.max(abs(P))):
            raise ValueError(
                f"P is not symmetric, max |P − Pᵀ| = {skew:.2g}: give (P + Pᵀ)/2, which has the "
                "same ½xᵀPx"
            )
        if skew > 0:
            P = (P + P.T) / 2
        eigenvalues = xp.linalg.eigvalsh(P)
        least, greatest = float(eigenvalues[0]), float(eigenvalues[-1])
        size = rounding * max(abs(least), abs(greatest))
        if least < -size:
            raise ValueError(
                f"P has the eigenvalue {least:.3g}: f is convex only if P is positive semidefinite"
            )
        # eigenvalues are exact to rounding: what is 0 in exact arithmetic counts as 0
        self.strong_convexity = 0.0 if least <= size else least
        self.smoothness, self._rounding = max(greatest, 0.0), size
        self.q, self.batch_ndim = q, batch_ndim
        self._matrix = DenseMatrix(
            P, strong_monotonicity=self.strong_convexity, lipschitz=self.smoothness
        )
        self.operator = Affine(self._matrix, None if q is None else -q)

    @property
    def P(self) -> Array:
        """The matrix, symmetric."""
        return self._matrix.matrix

    @property
    def properties(self) -> Properties:
        return Properties.of(
            strong_monotonicity=self.strong_convexity,
            lipschitz=self.smoothness,
            gradient=True,
            linear=True,
        )

    def __call__(self, x: Point) -> Array:
        slope = self._matrix(x) / 2
        return sum_of(x * (slope if self.q is None else slope + self.q), self.batch_ndim)

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues, 0 where they are rounding, and eigenvectors."""
        xp = namespace(self.P)
        eigenvalues, vectors = xp.linalg.eigh(self.P)
        return xp.where(eigenvalues > self._rounding, eigenvalues, 0.0), vectors

    def _less_q(self, x: Array, alpha: Scalar = 1.0) -> Array:
        return x if self.q is None else x - alpha * self.q

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        if not is_array(alpha):
            return self._matrix.shifted_inverse(alpha)(self._less_q(x, alpha))
        (eigenvalues, vectors), alpha = self._spectrum, align(alpha, x)
        return ((self._less_q(x, alpha) @ vectors) / (1 + alpha * eigenvalues)) @ vectors.T

    def gradient(self, x: Point) -> Point:
        Px = self._matrix(x)
        return Px if self.q is None else Px + self.q

    def conjugate_value(self, u: Point) -> Array:
        (eigenvalues, vectors), xp = self._spectrum, namespace(u)
        v, curved = self._less_q(u) @ vectors, eigenvalues > 0
        terms = xp.where(curved, v * v / xp.where(curved, eigenvalues, 1.0), 0.0)
        beyond = sum_of(abs(xp.where(curved, 0.0, v)), self.batch_ndim)
        size = sum_of(abs(u) + abs(v), self.batch_ndim)
        return sum_of(terms, self.batch_ndim) / 2 + zero_or_inf(beyond, size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # λ/(λ + α) along each eigenvector, from q
        eigenvalues, vectors = self._spectrum
        share = eigenvalues / (eigenvalues + align(alpha, x))
        moved = ((self._less_q(x) @ vectors) * share) @ vectors.T
        return moved if self.q is None else moved + self.q

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        self._matrix.check_space(space, f"P of {self!r}")
        if len(space.shapes[0]) <= self.batch_ndim:
            raise ValueError(
                f"{self!r} acts on the last axis, which must be no batch axis: x0 has shape "
                f"{space.shapes[0]}, batch_ndim = {self.batch_ndim}"
            )

    def __repr__(self) -> str:
        return f"Quadratic({self.P.shape[0]}×{self.P.shape[1]})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        """(function, shape of its points) for the checks."""
        definite = asarray([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 3.0]])
        singular = asarray([[1.0, -1.0], [-1.0, 1.0]])
        return [
            (cls(definite, asarray([1.0, -2.0, 0.5])), (3,)),
            (cls(singular), (2, 2)),
            (cls(definite, asarray([1.0, -2.0, 0.5]), batch_ndim=1), (4, 3)),
        ]
