"""Lᵀ A L for a linear map L."""

from __future__ import annotations

from functools import cached_property, singledispatch
from typing import Any

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Shape,
    Space,
    add,
    align,
    lincomb,
    scale,
    subtract,
    zeros,
)
from splitkit.notation import ATOM, FACTOR, PRODUCT, SUM, Style, tightness
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, agree, magnitude
from splitkit.operators.parts import OfOne
from splitkit.operators.solvable import as_affine
from splitkit.properties import Properties


@singledispatch
def as_map(L: Any) -> Any:
    """L as a linear map; what is none becomes one in ``splitkit.linear``, after this room."""
    return L


def pullback(A: Operator, L: Any) -> Operator:
    """LᵀAL; Lᵀ(KᵀAK)L is (KL)ᵀA(KL), and a metric goes to the parts where they have a resolvent."""
    L = as_map(L)
    if L.entrywise is not None and L.least_gain > 0:
        within = A.in_metric(L)
        if within is not None and (within.has_resolvent or type(A) is Pullback):
            return within
    return Pullback(A.A, A.L @ L) if type(A) is Pullback else Pullback(A, L)


def in_metric(A: Operator, S: Any) -> Operator:
    """S A S for an invertible diagonal map S, by A's own rule where it has one."""
    within = A.in_metric(S)
    return pullback(A, S) if within is None else within


class Pullback(OfOne):
    """x ↦ Lᵀ A(Lx) for a linear map L: what it is, ``norm``, ``least_gain``, ``gram`` and
    ``entrywise`` say.

    Lᵀ A L for a linear map L; closed-form resolvents when LLᵀ = νI:

    R_{αB}(x) = x + ν⁻¹ Lᵀ(R_{ανA}(Lx) − Lx),        (Bauschke, Combettes 2017, Prop. 23.25)
    R_{αB⁻¹}(u) = Lᵀ R_{α/ν A⁻¹}(ν⁻¹Lu).

    For L = S = diag(s), A in the metric of S⁻², and an elementwise A it is R_{αB}(y) =
    S⁻¹R_{αS²A}(Sy), with the step αsᵢ² in the i-th entry (Becker, Fadili, *A quasi-Newton proximal
    splitting method*, 2012, §2).

    Examples
    --------
    >>> A = sk.Subdifferential(sk.functions.SquaredL2()).pullback(np.array([[1.0, 2.0]]))
    >>> print(A(np.array([1.0, 1.0])), A.lipschitz)
    [3. 6.] 5.
    """

    binding = PRODUCT

    def __init__(self, A: Operator, L: Any) -> None:
        super().__init__(A)
        self.L = L

    @property
    def _is_metric(self) -> bool:
        """Whether L is an invertible diagonal matrix."""
        return self.L.entrywise is not None and self.L.least_gain > 0

    @cached_property
    def properties(self) -> Properties:
        self.L.squared_norm("L")
        result = self.A.properties.pulled_back(self.L.least_gain, self.L.norm)
        onto = bool(self.L.gram) or self._is_metric
        full_domain = self.A.properties.lipschitz is not None
        return (
            result.as_maximal() if self.A.properties.maximal and (onto or full_domain) else result
        )

    @property
    def elementwise(self) -> bool:
        return self.A.elementwise and self._is_metric

    @property
    def polyhedral(self) -> bool:
        return self.A.polyhedral

    @cached_property
    def _quadratic(self) -> Any:
        """x ↦ LᵀMLx − Lᵀq, if A is x ↦ Mx − q and I + αLᵀML is factored for what L is."""
        known = self.A.properties
        found = as_affine(self) if known.gradient and known.monotone else None
        return found if found is not None and found.M.is_direct else None

    @property
    def _is_closed(self) -> bool:
        """Whether the formulas of the module hold."""
        return self.A.has_resolvent and (bool(self.L.gram) or self.elementwise)

    @property
    def has_resolvent(self) -> bool:
        return self._is_closed or self._quadratic is not None

    @property
    def resolved_by(self) -> str | None:
        if self._is_closed or self._quadratic is None:
            return super().resolved_by
        by: str | None = self._quadratic.resolved_by
        return by

    def in_metric(self, S: Any) -> Operator | None:
        if type(self) is not Pullback:  # one with a resolvent of its own
            return super().in_metric(S)
        return Pullback(self.A, self.L.scaled(columns=S))

    def pinned(self) -> Any:
        return self.A.pinned() if self._is_metric else super().pinned()

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        resolved = self._is_closed or type(self) is not Pullback
        return super().freedom(space) if resolved else self.L.freedom(space)

    def magnitudes(self, x: Point, batch_ndim: int) -> Point | None:
        """|Lᵀ| times those of A(Lx), where L's entries are at hand."""
        if not self.L.knows_entries:
            return None
        y = self.L(x)
        inner = self.A.magnitudes(y, batch_ndim)
        if inner is None and self._is_metric:
            return None
        return self.L.adjoint_magnitudes(self.A(y) if inner is None else inner, batch_ndim)

    def make_variance(self) -> PointMap | None:
        inner, L = self.A.make_variance(), self.L.squares()
        if L is None:
            return super().make_variance()
        return None if inner is None else lambda v: L.adjoint(inner(L(v)))

    def __call__(self, x: Point) -> Point:
        return self.L.adjoint(self.A(self.L(x)))

    def make_evaluation(self) -> PointMap:
        A, L, LT = (each.make_evaluation() for each in (self.A, self.L, self.L.T))
        return lambda x: LT(A(L(x)))

    def offset(self, x: Point) -> Point | None:
        found = self.A.offset(self.L(x))
        return None if found is None else self.L.adjoint_constant(found)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if not self.has_resolvent:
            raise TypeError(
                f"{self!r} has a closed-form resolvent only if A = {self.A!r} has one and LLᵀ = νI "
                "with ν > 0: give the sum to splitkit.solve, whose primal-dual methods take A and "
                "L apart; 0 ∈ B(x) + LᵀA(Lx) is 0 ∈ splitkit.Saddle(B, A.inverse, L) in (x, y); or "
                "take with_accuracy, whose resolvent is iterative"
            )
        if self.elementwise:
            return self._entrywise(alpha)
        if not self._is_closed:
            solve: PointMap = self._quadratic.make_resolvent(alpha)
            return solve
        L, LT, nu = self.L, self.L.adjoint, self.L.gram
        resolvent = self.A.make_resolvent(alpha * nu)

        def closed_form(y: Point) -> Point:
            Ly = L(y)
            return lincomb(1.0, y, 1 / nu, LT(subtract(resolvent(Ly), Ly)))

        return closed_form

    def _entrywise(self, alpha: Scalar) -> PointMap:
        A, s = self.A, self.L.entrywise
        prepared: dict[Shape, PointMap] = {}  # a step for each entry of a point of this shape

        def metric(y: Array) -> Array:
            shape = tuple(y.shape)
            if shape not in prepared:
                prepared[shape] = A.make_resolvent(align(alpha, y) * s**2 + zeros(shape, y))
            return prepared[shape](s * y) / s

        return metric

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        if self.elementwise or not self._is_closed:
            return super().make_inverse_resolvent(alpha)
        L, LT, nu = self.L, self.L.adjoint, self.L.gram
        dual = self.A.make_inverse_resolvent(alpha / nu)
        return lambda u: LT(dual(scale(1 / nu, L(u))))

    def with_accuracy(self, accuracy: float | None, *, batch_ndim: int = 0) -> Pullback:
        """The same operator with a resolvent for every L, by iteration to this accuracy where there
        is no closed form; see ``InexactPullback``.
        """
        from splitkit.operators.inexact_pullback import InexactPullback  # it is a Pullback

        if self.has_resolvent:
            return self
        return InexactPullback(self.A, self.L, accuracy=accuracy, batch_ndim=batch_ndim)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        """With w such that Lᵀw = v, where one is known; else w = 0."""
        L = self.L
        if self._is_metric:
            w = v / L.entrywise
        elif L.gram:
            w = scale(1 / L.gram, L(v))
        else:
            w = scale(0.0, L(v))
        return self.pulled_back(w, d, space)

    def pulled_back(self, w: Point, d: Point, space: Space) -> GraphSupport:
        """S_{LᵀAL}(Lᵀw, d) ≤ S_A(w, Ld)."""
        L, values, Ld = self.L, self.L.range_space(space), self.L(d)
        known = self.A.graph_support(w, Ld, values)
        size, lift = add(known.d_size, L.magnitudes(d, space.batch_ndim)), known.lift
        return GraphSupport(
            v=L.adjoint(known.v),
            d=d,
            value=known.value,
            v_size=L.adjoint_magnitudes(known.v_size, space.batch_ndim),
            d_size=magnitude(d),
            lift=None if lift is None else lambda e: L.adjoint(lift(L(e))),
            w=known.v,
        ).where(agree(known.d, Ld, size, values))

    def check_space(self, space: Space) -> None:
        self.A.check_space(self.L.range_space(space))

    def write(self, s: Style) -> str:
        if s.is_latex:
            inner = self.A.at(rf"{s(self.L, FACTOR)}\,\cdot")
            if inner is not None:
                inner = inner if tightness(inner) > SUM else s.grouped(inner)
                return s.apply.join([s(self.L, ATOM) + s.transpose, inner])
        return s.apply.join([s(self.L, ATOM) + s.transpose, s(self.A, FACTOR), s(self.L, FACTOR)])
