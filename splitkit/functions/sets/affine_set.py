"""The affine set {Ax = b}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    adjoint_of,
    align,
    conjugated,
    folding,
    integer_dtype,
    is_complex,
    is_traced,
    namespace,
    norm,
    products,
    sum_of,
    times,
)
from splitkit.functions.base import ROUNDINGS, Function, infinite_where
from splitkit.functions.sets.rows import OfRows
from splitkit.linear.base import LinearOperator, acted_on_by
from splitkit.linear.dense import DenseMatrix
from splitkit.linear.low_rank import PlusLowRank
from splitkit.operators.base import PointMap
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties


class AffineSet(OfRows):
    """{x: Ax = b} over the last axis of x.

    The affine set {Ax = b}: projection y − A⁺(Ay − b).

    With Aᵀ = QR, made once, the set is {Qᵀx = c} for c = R⁻ᵀb, and the projection y − Q(Qᵀy − c):
    the condition of A enters only c. Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.2.2.

    Parameters
    ----------
    A : array, shape (m, n)
        Dtype and device of x; rows may depend on each other, if b agrees. Of a sparse array, or of
        a map known by its products, it is ``SolutionSet``.
    b : array, shape (m,) or (..., m)
        Finite, of A's dtype and device; broadcasts to Ax.

    Raises
    ------
    TypeError, ValueError
        A is no real floating matrix, its sizes do not fit b, or no x has Ax = b.

    Examples
    --------
    >>> C = sk.functions.AffineSet(np.array([[1.0, 1.0]]), np.array([1.0]))
    >>> print(C.project(np.array([3.0, 0.0])))
    [ 2. -1.]
    """

    formula = r"\{A x = b\}"
    acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        with folding(self.A):
            self._decompose()

    def _decompose(self) -> None:
        xp, b = namespace(self.A, self.b), self.b
        A = xp.astype(self.A, b.dtype) if is_complex(b) else self.A
        rows, columns = A.shape
        singular = xp.linalg.svdvals(A)
        relative = max(rows, columns) * float(xp.finfo(A.dtype).eps)
        large = singular > relative * singular[0]
        # traced rows are taken to be independent
        rank = rows if is_traced(large) else int(xp.sum(xp.astype(large, integer_dtype(large))))
        if rank < rows:
            U, _, Vt = xp.linalg.svd(A, full_matrices=False)
            self._of_dependent_rows(b, U[:, :rank], singular[:rank], Vt[:rank, :], relative)
            return
        self._Q, R = xp.linalg.qr(A.T)
        flat = xp.linalg.solve(R.T, xp.reshape(b, (-1, rows)).T).T
        self._c, self._Qt = xp.reshape(flat, b.shape), adjoint_of(self._Q)

    def _of_dependent_rows(self, b: Array, U: Array, s: Array, Vt: Array, relative: float) -> None:
        """The same from A = U diag(s) Vᵀ, whose range must hold b."""
        xp = namespace(U)
        inside = times(b, conjugated(U))
        beyond = norm(b - times(inside, U.T), b.ndim - 1)
        if bool(xp.any(beyond > ROUNDINGS * relative * norm(b, b.ndim - 1))):
            raise ValueError(
                f"A has {U.shape[0]} rows but rank {U.shape[1]}, and b is off the range of A by "
                f"{float(xp.max(beyond)):.2g}: no x has Ax = b; remove or correct dependent rows"
            )
        self._Q, self._c = Vt.T, inside / s
        self._Qt = adjoint_of(self._Q)

    @property
    def properties(self) -> Properties:
        return replace(super().properties, linear=True)  # {Ax = b} × ran Aᵀ

    subtracts = True
    solves_with_matrices = True

    def _residual(self, x: Array) -> Array:
        return times(x, self._Q) - self._c

    def project(self, x: Point) -> Point:
        return x - times(self._residual(x), self._Qt)

    def violation(self, x: Point) -> Array:
        residual = self._residual(x)
        return norm(residual, self.batch_ndim)

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        """Hx − h ∈ ran Q and Qᵀx = c, for a symmetric H the least of ½⟨x, Hx⟩ − ⟨h, x⟩ there: with
        V = (H + κQQᵀ)⁻¹, which may be regular where H is not, and S = QᵀVQ,

            x = x₀ − VQS⁻¹(Qᵀx₀ − c),   x₀ = V(h + κQc).

        Source: Boyd, Vandenberghe, *Convex Optimization* (2004), §10.1.1, §C.4.
        """
        Q, Qt, c = acted_on_by(H, self._Q.T).T, acted_on_by(H, self._Qt), self._c
        along = norm(H(Qt), 1)
        xp, size = namespace(Q), namespace(Q).max(along)
        kappa = xp.where(size > 0, size, 1.0) if is_traced(size) else float(size) or 1.0
        whole = (H + PlusLowRank(0.0, kappa**0.5 * Q.T)).merged
        if whole.solver is None:
            return None
        symmetric = H.properties.gradient

        def make() -> PointMap:
            V = whole.inverted()
            W = V(Qt)
            G = W @ Q
            G = (G + adjoint_of(G)) / 2 if symmetric else G
            S = DenseMatrix(G.T).inverted()

            def solve(h: Point) -> Point:
                x = V(h + kappa * times(c, Qt))
                return self.project(x - times(S(times(x, Q) - c), W))

            return solve

        return Solvable(f"{whole.solver}, and Cholesky of {Q.shape[1]} rows", make)

    def recession(self, d: Point) -> Point:
        return d - times(times(d, self._Q), self._Qt)

    def conjugate_value(self, u: Point) -> Array:
        # ⟨u, x⟩ is bounded on the set only if u = Qv, and is then ⟨c, v⟩
        space = Space.of(u, self.batch_ndim, name="u")
        v = times(u, self._Q)
        rounding = 64 * float(space.xp.finfo(space.dtype).eps) * space.norm(u)
        return infinite_where(
            space.norm(u - times(v, self._Qt)) > rounding,
            sum_of(products(self._c, v), self.batch_ndim),
        )

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        v = times(x, self._Q)
        return times(v - align(alpha, v) * self._c, self._Qt)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        A = asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
        return [
            (cls(A, asarray([1.0, -1.0])), (3,)),
            (cls(A, asarray([[1.0, -1.0], [0.0, 2.0]])), (2, 3)),
            (cls(A, asarray([1.0, -1.0]), batch_ndim=1), (4, 3)),
        ]
