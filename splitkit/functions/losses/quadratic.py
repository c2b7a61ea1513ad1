"""f(x) = ½xᵀPx + qᵀx."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scipy.sparse import csr_array

from splitkit.arguments import check_broadcast, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    adjoint_of,
    align,
    are_values_at_hand,
    blocks,
    conjugated,
    folding,
    inner,
    is_complex,
    is_traced,
    isfinite,
    lincomb,
    namespace,
    norm,
    pairing,
    power_of_two,
    products,
    real_matrix,
    scale,
    sum_of,
    times,
    to_numpy,
)
from splitkit.functions.base import Function, vectors, zero_or_inf
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator
from splitkit.linear.certified import ritz
from splitkit.linear.dense import EXACT_SIZE, DenseMatrix, InverseBesideKernel
from splitkit.linear.iterative import inverse_of
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.wrapped import wrap
from splitkit.meshes import constant
from splitkit.operators.graph_support import GraphSupport
from splitkit.properties import Properties


class Quadratic(Function):
    """½xᵀPx + qᵀx, a matrix over the last axis of x, summed over all axes that are not batch.

    f(x) = ½xᵀPx + qᵀx; ∇f(x) = Px + q; prox_{αf}(y) = (I + αP)⁻¹(y − αq), one matrix for each α.

    f*(u) = ½(u − q)ᵀP⁺(u − q) if u − q is in the range of P, else inf, P⁺ the pseudo-inverse.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.1.1.

    Parameters
    ----------
    P : array of shape (n, n), sparse array, LinearOperator, or what ``linear.wrap`` takes
        Symmetric positive semidefinite, an array up to rounding; it has dtype and device of x.
    q : point, optional
        Finite, of P's dtype and device; broadcasts to x; None: zero.

    Raises
    ------
    TypeError, ValueError
        P is no floating square matrix, or not (known to be) symmetric positive semidefinite.

    Notes
    -----
    Of an array the constants are the extreme eigenvalues; an array of α, and the conjugate, use its
    eigenvectors, computed once. Of another map they are its own, and the prox is its shifted
    inverse; the value of the conjugate is not known.

    Examples
    --------
    >>> f = sk.functions.Quadratic(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([-1.0, 0.0]))
    >>> x = np.array([1.0, 2.0])
    >>> print(f(x), f.prox(x))
    2.0 [0.6667 1.    ]
    """

    slope = r"P\,@⟦ + <q>⟧"
    formula = r"\frac{1}{2}\langle @, P\,@\rangle⟦ + \langle <q>, @\rangle⟧"
    parameters = ("q",)
    acts_on_complex = True

    def __init__(self, P: Any, q: Point | None = None, *, batch_ndim: int = 0) -> None:
        self.q, self.batch_ndim = q, batch_ndim
        for block in () if q is None else blocks(q):
            check_parameter("q", block)
        self._map: LinearOperator = wrap(P, argument="P")
        self._is_matrix = isinstance(self._map, DenseMatrix)
        if isinstance(self._map, DenseMatrix):
            with folding(self._map.matrix):
                self._map = self._decomposed(self._map.matrix)
        with folding():
            known = self._map.properties
        if not (known.gradient and known.monotone):
            raise ValueError(
                f"P = {self._map!r} is not known to be symmetric positive semidefinite: declare it "
                "(linear.wrap(P, …) takes what is known)"
            )
        self.operator: Affine = Affine(self._map, None if q is None else scale(-1.0, q))

    def _decomposed(self, P: Array) -> DenseMatrix:
        """P with its eigenvalues, symmetric to the last bit; it is believed if it is traced."""
        if P.shape[0] != P.shape[1] or P.shape[0] == 0:
            raise ValueError(f"P has shape {tuple(P.shape)}: give a square matrix")
        if is_traced(P):
            return DenseMatrix.of_semidefinite((P + adjoint_of(P)) / 2)
        xp = namespace(P)
        rounding = 4 * P.shape[0] * float(xp.finfo(P.dtype).eps)
        skew = float(xp.max(abs(P - adjoint_of(P))))
        if skew > rounding * float(xp.max(abs(P))):
            kind, t = ("Hermitian", "ᴴ") if is_complex(P) else ("symmetric", "ᵀ")
            raise ValueError(
                f"P is not {kind}, max |P − P{t}| = {skew:.2g}: give (P + P{t})/2, which has the "
                "same ½⟨x, Px⟩"
            )
        if skew > 0:
            P = (P + adjoint_of(P)) / 2
        if P.shape[0] > EXACT_SIZE:
            return self._large(P)
        eigenvalues = xp.linalg.eigvalsh(P)
        least, greatest = float(eigenvalues[0]), float(eigenvalues[-1])
        size = rounding * max(abs(least), abs(greatest))
        if least < -size:
            raise ValueError(
                f"P has the eigenvalue {least:.3g}: f is convex only if P is positive semidefinite"
            )
        # eigenvalues are exact to rounding: what is 0 in exact arithmetic counts as 0
        m = 0.0 if least <= size else least
        return DenseMatrix(P, strong_monotonicity=m, lipschitz=max(greatest, 0.0))

    def _large(self, P: Array) -> DenseMatrix:
        """P, found to be positive semidefinite by a factorization."""
        found = DenseMatrix(P)
        if not found.is_semidefinite:
            R = real_matrix(P)
            least = -ritz(lambda v: -(v @ R), R)[0]
            raise ValueError(
                f"P has an eigenvalue of {least:.3g} or below: f is convex only if P is positive "
                "semidefinite"
            )
        return found

    @constant
    def strong_convexity(self) -> float:  # type: ignore[override]
        return self.properties.strong_monotonicity or 0.0

    @constant
    def smoothness(self) -> float | None:  # type: ignore[override]
        return self.properties.lipschitz

    @property
    def P(self) -> Any:
        """The matrix, symmetric, or the linear map."""
        return self._map.matrix if isinstance(self._map, DenseMatrix) else self._map

    @property
    def properties(self) -> Properties:
        return self._map.properties

    def __call__(self, x: Point) -> Array:
        slope = scale(0.5, self._map(x))
        slope = slope if self.q is None else add(slope, self.q)
        value = inner(x, slope, self.batch_ndim)
        if not are_values_at_hand(value) or isfinite(value):
            return value
        # products overflow that may cancel: f(sv) = s(s ½vᵀPv + qᵀv)
        s = power_of_two(norm(scale(0.1, x), self.batch_ndim))
        v = scale(1 / s, x)
        curved = inner(v, scale(0.5, self._map(v)), self.batch_ndim)
        return s * (s * curved + (0.0 if self.q is None else pairing(self.q, v, self.batch_ndim)))

    @constant
    def _spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues, 0 where they are rounding or below, and eigenvectors."""
        dense: Any = self._map
        values, vectors = dense.eigen
        return namespace(values).where(values > 0, values, 0.0), vectors

    def _less_q(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return x if self.q is None else lincomb(1.0, x, -alpha, self.q)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        V = inverse_of(self._map, alpha, self.batch_ndim)
        if self.q is not None and isinstance(V, InverseBesideKernel):
            return V(x) - V.times_step(self.q, x)
        return V(self._less_q(x, alpha))

    def gradient(self, x: Point) -> Point:
        Px = self._map(x)
        return Px if self.q is None else add(Px, self.q)

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        slope = self.gradient(x)
        value = inner(x, slope, self.batch_ndim)
        if self.q is not None:
            value = value + pairing(self.q, x, self.batch_ndim)
        return value / 2, slope

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        return self.operator.graph_support(v, d, space)

    def conjugate_value(self, u: Point) -> Array:
        if not self._is_matrix:
            return super().conjugate_value(u)
        (eigenvalues, vectors), xp = self._spectrum, namespace(u)
        v, curved = times(self._less_q(u), conjugated(vectors)), eigenvalues > 0
        terms = xp.where(curved, products(v, v) / xp.where(curved, eigenvalues, 1.0), 0.0)
        beyond = sum_of(abs(xp.where(curved, 0.0, v)), self.batch_ndim)
        size = sum_of(abs(u) + abs(v), self.batch_ndim)
        return sum_of(terms, self.batch_ndim) / 2 + zero_or_inf(beyond, size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        if not self._is_matrix:
            return super().conjugate_prox(x, alpha)
        # λ/(λ + α) along each eigenvector, from q
        eigenvalues, vectors = self._spectrum
        share = eigenvalues / (eigenvalues + align(alpha, x))
        moved = times(times(self._less_q(x), conjugated(vectors)) * share, vectors.T)
        return moved if self.q is None else moved + self.q

    def check_space(self, space: Space) -> None:
        takes_arrays = isinstance(self._map, LastAxesMap)
        super().check_space(space if takes_arrays else replace(space, is_tuple=False))
        if takes_arrays:
            vectors()(self, space)
        self._map.check_space(space, f"P of {self!r}")
        if self.q is not None:
            check_broadcast(f"q of {self!r}", self.q, space)

    def __repr__(self) -> str:
        sizes = "×".join(map(str, self.P.shape)) if self._is_matrix else repr(self._map)
        return f"Quadratic({sizes})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        definite = asarray([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 3.0]])
        singular = asarray([[1.0, -1.0], [-1.0, 1.0]])
        return [
            (cls(definite, asarray([1.0, -2.0, 0.5])), (3,)),
            (cls(singular), (2, 2)),
            (cls(definite, asarray([1.0, -2.0, 0.5]), batch_ndim=1), (4, 3)),
            (cls(csr_array(to_numpy(singular)), asarray([1.0, -2.0])), (4, 2)),
        ]
