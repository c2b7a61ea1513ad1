"""The affine operator F(x) = Mx − q, with M a linear map whose symmetric part is positive
semidefinite if F is to be monotone.
"""

from __future__ import annotations

from typing import Any

from splitkit.arguments import check_broadcast
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    lincomb,
    pairing,
    scale,
    subtract,
)
from splitkit.linear.base import LinearOperator
from splitkit.linear.coupling import Coupling
from splitkit.linear.dense import InverseBesideKernel
from splitkit.linear.last_axes import LastAxesMap
from splitkit.linear.wrapped import wrap
from splitkit.notation import FACTOR, LATEX, SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, magnitude
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties


class Affine(Operator):
    """x ↦ Mx − q: q is subtracted (``Quadratic(P, q)`` and ``LCP(M, q)`` add theirs).

    The affine operator F(x) = Mx − q, with M a linear map whose symmetric part is positive
    semidefinite if F is to be monotone.

    Its resolvent solves (I + αM)x = y + αq; its Cayley operator is affine again: u ↦ Cu + c with C
    = 2(I + αM)⁻¹ − I and c = 2α(I + αM)⁻¹q, so that one step of Peaceman-Rachford is one linear
    map.

    Parameters
    ----------
    M : array of shape (n, n), or what ``wrap`` takes
        A matrix acts on the last axis of x.
    q : point, optional
        Like x, or of a shape that broadcasts to x's; None: zero.
    strong_monotonicity, lipschitz : float, optional
        Known constants of a matrix M, believed instead of being computed.

    Raises
    ------
    TypeError, ValueError
        M is no square array or linear map; q is not finite.

    Examples
    --------
    >>> F = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 1.0]))
    >>> print(F(np.zeros(2)), F.resolvent(1.0)(np.zeros(2)))
    [-1. -1.] [0.25 0.25]
    >>> print(F.strong_monotonicity, F.lipschitz)
    1.0 3.0
    """

    acts_on_complex = True

    def __init__(
        self,
        M: Array | LinearOperator,
        q: Point | None = None,
        *,
        strong_monotonicity: float | None = None,
        lipschitz: float | None = None,
    ) -> None:
        declared = {"strong_monotonicity": strong_monotonicity, "lipschitz": lipschitz}
        M = wrap(M, argument="M", **{name: c for name, c in declared.items() if c is not None})
        if isinstance(M, LastAxesMap) and not M.is_square:
            raise ValueError(
                f"M = {M!r} has shape {(*M.range_shape, *M.domain_shape)}: give a square one"
            )
        if q is not None:
            Space.of(q, name="q")
            _check_fits(M, q)
        self.M: LinearOperator = M
        self.q: Point = q
        self.binding = M.binding if q is None else SUM

    @staticmethod
    def of_finite(M: LinearOperator, q: Point | None = None) -> Affine:
        """x ↦ Mx − q of what needs no check."""
        F = Affine.__new__(Affine)
        F.M, F.q, F.binding = M, q, M.binding if q is None else SUM
        return F

    @property
    def properties(self) -> Properties:
        return self.M.properties

    def __call__(self, x: Point) -> Point:
        Mx = self.M(x)
        return Mx if self.q is None else subtract(Mx, self.q)

    def make_evaluation(self) -> PointMap:
        M, q = self.M.make_evaluation(), self.q
        return M if q is None else lambda x: subtract(M(x), q)

    def offset(self, x: Point) -> Point | None:
        q = self.q
        if q is None or (not isinstance(x, tuple) and q.shape == x.shape):
            return q
        return add(scale(0.0, x), q)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        inverse, q = self.M.shifted_inverse(alpha), self.q
        V = inverse.make_evaluation()
        if q is None:
            return V
        if isinstance(inverse, InverseBesideKernel):  # y would be lost beside αq, and its rounding
            return lambda y: V(y) + inverse.times_step(q, y)
        return lambda y: V(lincomb(1.0, y, alpha, q))

    def make_cayley(self, alpha: Scalar) -> PointMap:
        reflected = self.M.reflected_inverse(alpha)
        if reflected is None:
            return super().make_cayley(alpha)
        C = reflected.make_evaluation()
        if self.q is None:
            return C
        q = scale(alpha, self.q)
        if reflected.costly:  # c = (C + I)αq would be one more application
            return lambda u: add(C(add(u, q)), q)
        c = add(C(q), q)
        return (lambda u: add(C(u), c)) if isinstance(c, tuple) else (lambda u: C(u) + c)

    @property
    def resolved_by(self) -> str | None:
        return self.M.solver or "Krylov's method"

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        whole, q = self.M + H, self.q
        how = whole.solver
        if how is None and not (whole.properties.strong_monotonicity or 0.0) > 0:
            return super().solvable_with(H)

        def make() -> PointMap:
            V = whole.inverted()
            return V if q is None else lambda h: V(add(h, q))

        return Solvable(how or "Krylov's method", make, iterative=how is None)

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        return self.M.inverse_effort

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """−⟨q, d⟩ at v = −Mᵀd."""
        zero = space.inner(scale(0.0, d), d)
        return GraphSupport(
            v=scale(-1.0, self.M.adjoint(d)),
            d=d,
            value=zero if self.q is None else zero - pairing(self.q, d, space.batch_ndim),
            v_size=self.M.adjoint_magnitudes(d, space.batch_ndim),
            d_size=magnitude(d),
            lift=self.M,
        )

    def in_metric(self, S: Any) -> Operator:
        """x ↦ SMSx − Sq, with its exact constants where M is a matrix."""
        return Affine(self.M.scaled(S, S), None if self.q is None else S.times(self.q))

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self.M.freedom(space)

    def make_variance(self) -> PointMap | None:
        return self.M.squares() or super().make_variance()

    def data(self) -> Point | None:
        return self.q

    def cayley_properties(self, alpha: float) -> Properties:
        known = self.properties
        if known.skew or not known.monotone:  # skew: C is an isometry, without rounding
            return known.cayley(alpha)
        exact = self.M.reflected_norm(alpha)
        return known.cayley(alpha, 1.0 if exact is None else exact)

    def check_space(self, space: Space) -> None:
        self.M.check_space(space, "M")
        values = self.M.range_space(space).shapes
        if values != space.shapes:
            raise ValueError(
                f"M = {self.M!r} maps shape {space.shapes} to {values}: an operator needs a map of "
                "a space into itself"
            )
        if self.q is not None:
            check_broadcast("q", self.q, space)

    def at(self, argument: str) -> str:
        """Mx − q there, in LaTeX."""
        return rf"{LATEX(self.M, FACTOR)}\,{argument}" + ("" if self.q is None else " - q")

    def write(self, s: Style) -> str:
        return s(self.M) + ("" if self.q is None else f" {s.minus} q")

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Operator, Any]]:
        general = asarray([[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 3.0]])
        symmetric = asarray([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 3.0]])
        skew = asarray([[0.0, 1.0], [-1.0, 0.0]])
        return [
            (cls(general, asarray([1.0, -2.0, 0.5])), (3,)),
            (cls(symmetric), (4, 3)),
            (cls(skew, asarray([0.5, 1.0])), (2,)),
        ]


def _check_fits(M: LinearOperator, q: Point) -> None:
    """Raise ValueError if Mx and q are of no common shape, whatever x."""
    if not isinstance(M, LastAxesMap) or isinstance(q, tuple):
        return
    pairs = zip(reversed(q.shape), reversed(M.range_shape), strict=False)
    if any(own not in (1, wanted) for own, wanted in pairs):
        raise ValueError(
            f"q has shape {tuple(q.shape)}, which does not broadcast to Mx for M = {M!r}: give one "
            f"whose last axes are {tuple(M.range_shape)}"
        )


def Saddle(A: Operator, B: Operator, K: Array | LinearOperator) -> Operator:
    """The saddle operator (x, y) ↦ (Ax + Kᵀy) × (By − Kx) on pairs of arrays.

    For min over x, max over y of f(x) + ⟨Kx, y⟩ − g*(y), take A = ∂f and B = ∂g*. It is the sum of
    a block diagonal and a skew term, each with its own resolvent: ``solve`` takes it as it is.

    Parameters
    ----------
    A, B : Operator
        On x and on y.
    K : array of shape (rows, columns), or what ``wrap`` takes
        From the space of x to that of y.

    Examples
    --------
    >>> F = sk.Saddle(sk.Identity(), sk.Zero(), np.array([[1.0, 2.0]]))
    >>> F((np.array([1.0, 1.0]), np.array([2.0])))
    (array([3., 5.]), array([-3.]))
    """
    return Affine(Coupling(K)) + BlockDiagonal((A, B))
