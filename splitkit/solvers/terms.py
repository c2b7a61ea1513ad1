"""A term of an inclusion in the role that a method gives it.

    evaluated   by x ↦ Ax;
    resolved    by its resolvent R_{αA}, or its Cayley operator;
    solved      by (A + H)⁻¹ for linear, symmetric, positive semidefinite H;
    composed    LᵀBL, by L, Lᵀ and the resolvent of B or of B⁻¹; several of them are one of columns,
                LᵀBL + KᵀCK = MᵀDM with Mx = (Lx, Kx) and D = B × C.

A term prepares its maps by a ``Maps``: as its operator does, or seen by what watches or proves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, shapes_of
from splitkit.functions.base import Function
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockColumn
from splitkit.linear.identity import ScaledIdentity
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.identity import Zero
from splitkit.operators.pullback import Pullback
from splitkit.properties import Constants, Properties
from splitkit.solvers.potentials import nearby_value, potential
from splitkit.solvers.rewrites import as_composition


class Role(StrEnum):
    """How a method uses a term.

    Examples
    --------
    >>> sk.FISTA.roles
    (<Role.EVALUATED: 'evaluated'>, <Role.RESOLVED: 'resolved'>)
    """

    EVALUATED = "evaluated"  # by x ↦ Fx
    RESOLVED = "resolved"  # by its resolvent
    SOLVED = "solved"  # by (A + H)⁻¹, H linear
    COMPOSED = "composed"  # LᵀBL, by the resolvent of B (or of B⁻¹), L and Lᵀ


class Maps:
    """How the maps of a term are prepared: here as its operator prepares them."""

    def evaluation(self, A: Operator) -> PointMap:
        """x ↦ Ax."""
        return A.make_evaluation()

    def resolvent(self, A: Operator, alpha: Scalar) -> PointMap:
        """R_{αA}."""
        return A.make_resolvent(alpha)

    def cayley(self, A: Operator, alpha: Scalar) -> PointMap:
        """C_{αA}."""
        return A.make_cayley(alpha)

    def dual_resolvent(self, A: Operator, sigma: Scalar) -> PointMap:
        """R_{σA⁻¹}."""
        return A.inverse.make_resolvent(sigma)

    def solution(self, A: Operator, make: Callable[[], PointMap], H: PointMap) -> PointMap:
        """h ↦ (A + H)⁻¹h, which ``make`` makes."""
        return make()

    def linear(self, L: LinearOperator) -> LinearOperator:
        """L, with its adjoint."""
        return L

    def offset(self, term: Term, x: Point) -> tuple[Point, ...]:
        """(A0,) in the space of x; () where it is not known."""
        key = "offset", shapes_of(x)
        offset: tuple[Point, ...] | None = term.known.get(key)
        if offset is None:
            try:
                found = term.operator.offset(x)
            except (ArithmeticError, ValueError):  # a function need not have a gradient at 0
                found = None
            offset = term.known[key] = () if found is None else (found,)
        return offset

    def valued(self, term: Term) -> Callable[[Point], tuple[Array, Point]]:
        """x ↦ (f(x), ∇f(x)) of A = ∇f."""
        return term.function.value_and_gradient

    def unseen(self, f: PointMap) -> PointMap:
        """One of the above, as it runs where nothing looks at it."""
        return f


PLAIN = Maps()


@dataclass(frozen=True, eq=False)
class Term(Constants):
    """An operator in its role.

    Attributes
    ----------
    operator : Operator
        A; of a composed term LᵀBL it is B, whose constants are those that count.
    role : Role
    of : LinearOperator or None
        L of a composed term; None: the operator is no composition.
    maps : Maps
        How its maps are prepared.
    known : dict
        What methods computed of it, for all that see it.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> term = sk.Term.playing(G, sk.Role.RESOLVED)
    >>> print(term.resolve(0.5)(np.array([3.0, 0.2])))
    [1.  0.2]
    """

    operator: Operator
    role: Role
    of: LinearOperator | None = None
    maps: Maps = field(default=PLAIN, repr=False)
    known: dict[Any, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def playing(cls, A: Operator, role: Role) -> Term:
        """The operator in this role."""
        parts = as_composition(A) if role is Role.COMPOSED else None
        return cls(A, role) if parts is None else cls(parts[0], role, parts[1])

    @classmethod
    def joined(cls, operators: Sequence[Operator]) -> Term:
        """Their sum, composed: LᵀBL + KᵀCK as MᵀDM; one that is no composition has L = I."""
        if len(operators) == 1:
            B, L = as_composition(operators[0]) or (operators[0], ScaledIdentity())
            return cls(B, Role.COMPOSED, L)
        parts = [part for A in operators for part in columns(A)]
        return cls(
            BlockDiagonal([B for B, _ in parts]), Role.COMPOSED, BlockColumn([L for _, L in parts])
        )

    def seen_by(self, maps: Maps) -> Term:
        """The same term, its maps prepared in this way."""
        return Term(self.operator, self.role, self.of, maps, self.known)

    # -- what can be computed of it --------------------------------------------------------------

    @cached_property
    def evaluate(self) -> PointMap:
        """x ↦ Ax, prepared once."""
        return self.maps.evaluation(self.operator)

    @cached_property
    def function(self) -> Function:
        """f with A = ∂f, convex or not.

        Raises
        ------
        NoPotentialError
            None is known.
        """
        known, key = self.known, "function"
        if key not in known:
            known[key] = potential(self.operator, False)
        f: Function = known[key]
        return f

    @cached_property
    def evaluate_with_value(self) -> Callable[[Point], tuple[Array, Point]]:
        """x ↦ (f(x), Ax) of A = ∇f."""
        return self.maps.valued(self)

    def value(self, x: Point, batch_ndim: int) -> Array:
        """f(x) of A = ∂f at a point x that its resolvent returned."""
        return nearby_value(self.function, x, batch_ndim, inside=True)[0]

    def __call__(self, x: Point) -> Point:
        """Ax."""
        return self.evaluate(x)

    def resolve(self, alpha: Scalar) -> PointMap:
        """y ↦ R_{αA}y, prepared for many applications."""
        return self.maps.resolvent(self.operator, alpha)

    def resolve_dual(self, sigma: Scalar) -> PointMap:
        """y ↦ R_{σA⁻¹}y, prepared for many applications."""
        return self.maps.dual_resolvent(self.operator, sigma)

    def solve_with(self, make: Callable[[], PointMap], H: PointMap) -> PointMap:
        """h ↦ (A + H)⁻¹h, which ``make`` makes."""
        return self.maps.solution(self.operator, make, H)

    @cached_property
    def L(self) -> LinearOperator:
        """L of a composed term."""
        assert self.of is not None  # a method whose term has an obstacle is not run
        return self.maps.linear(self.of)

    @cached_property
    def LT(self) -> LinearOperator:
        """Lᵀ of a composed term."""
        return self.L.T

    def offset(self, x: Point) -> tuple[Point, ...]:
        """(A0,), in the space of x, as far as A says it: of the size of what cancels in a zero;
        computed once. () where it is not known, or not finite.
        """
        return self.maps.offset(self, x)

    # -- the same as operators, for expressions --------------------------------------------------

    @property
    def evaluation(self) -> Operator:
        """A."""
        return self._played(lambda: self.operator, lambda: self.evaluate)

    def resolvent(self, alpha: Scalar) -> Operator:
        """R_{αA}."""
        A = self.operator
        return self._played(lambda: A.resolvent(alpha), lambda: self.resolve(alpha))

    def cayley(self, alpha: Scalar) -> Operator:
        """C_{αA}."""
        A = self.operator
        return self._played(lambda: A.cayley(alpha), lambda: self.maps.cayley(A, alpha))

    def _played(self, node: Callable[[], Operator], make: Callable[[], PointMap]) -> Operator:
        return node() if self.maps is PLAIN else _Played(self.maps, node, make)

    # -- what is known of it ---------------------------------------------------------------------

    @cached_property
    def properties(self) -> Properties:
        """Those of the operator: of B, where the term is LᵀBL."""
        return self.operator.properties

    def assume(self, properties: Properties) -> None:
        """Take these constants for the operator's own, which are not computed then: of one that is
        made anew of the same data.
        """
        vars(self)["properties"] = properties

    @cached_property
    def has_evaluation(self) -> bool:
        """Whether Ax can be computed, whatever the role."""
        return self.operator.has_evaluation

    @cached_property
    def expression(self) -> Operator:
        """The term as an operator of x: A, or LᵀBL."""
        return self.operator if self.of is None else Pullback(self.operator, self.of)

    @property
    def is_zero(self) -> bool:
        """Whether nothing is there: a role that no term needs."""
        return isinstance(self.operator, Zero)

    @property
    def affine(self) -> Affine | None:
        """x ↦ Mx − q, if that is what the operator is: for methods that solve with M."""
        return self.operator if isinstance(self.operator, Affine) else None

    def cayley_lipschitz(self, alpha: float) -> float | None:
        """Lip(C_{αA}), computed once for each α: searches for a step size ask again and again."""
        known, key = self.known, ("cayley", alpha)
        if key not in known:
            known[key] = self.operator.cayley_properties(alpha).lipschitz
        L: float | None = known[key]
        return L

    @property
    def is_nothing(self) -> bool:
        """Whether this stands for the composition that an inclusion does not have."""
        return self.of is None or (self.is_zero and self.of.multiple == 1)

    @property
    def obstacle(self) -> str | None:
        """Why the operator cannot play this role, and the remedy; None: it can."""
        A = self.operator
        if self.role is Role.EVALUATED and not A.has_evaluation:
            return f"{A!r} must be evaluated, but it is set-valued; use Douglas-Rachford"
        if self.role is Role.RESOLVED and not A.has_resolvent:
            remedy = "a method that evaluates it" if A.has_evaluation else "another method"
            return f"{A!r} has no resolvent; use {remedy} (sk.explain lists them)"
        if self.role is Role.COMPOSED and (self.is_nothing or not _resolvable(A)):
            which = "none of the terms is a" if self.is_zero else f"{self.expression!r} is no"
            return f"{which} composition LᵀBL of an operator B with a resolvent"
        return None

    def __repr__(self) -> str:
        return repr(self.expression)


def not_maximal(**terms: Term) -> str | None:
    """Which of the terms is not known to be maximal monotone; None: all are."""
    for name, A in terms.items():
        if not A.properties.maximal:
            return f"{name} = {A!r} is not known to be maximal monotone"
    return None


def unknown_norm(L: object) -> str:
    """What a method says that needs ‖L‖."""
    return (
        f"no bound of the norm of L = {L!r} is known: declare it as norm= where L is made, or give "
        'norm="estimate" to sk.linear.wrap'
    )


def columns(A: Operator) -> tuple[tuple[Operator, LinearOperator], ...]:
    """(B, L), … with A = ΣLᵀBL: of a composition with several columns each of them."""
    B, L = as_composition(A) or (A, ScaledIdentity())
    if isinstance(L, BlockColumn) and isinstance(B, BlockDiagonal):
        return tuple(zip(B.operators, L.maps, strict=True))
    return ((B, L),)


def _resolvable(B: Operator) -> bool:
    return B.has_resolvent or B.inverse.has_resolvent


class _Played(Operator, at_known_points=True):
    """An operator of a term in an expression: its map is prepared as the term says, once."""

    def __init__(
        self, maps: Maps, node: Callable[[], Operator], make: Callable[[], PointMap]
    ) -> None:
        self._maps, self._make_node, self._make_map = maps, node, make

    @cached_property
    def node(self) -> Operator:
        """What it is in an expression."""
        return self._make_node()

    @cached_property
    def traced(self) -> PointMap:
        return self._make_map()

    @property
    def properties(self) -> Properties:
        return self.node.properties

    def __call__(self, x: Point) -> Point:
        return self.traced(x)

    def make_evaluation(self) -> PointMap:
        return self._maps.unseen(self.traced)

    def check_space(self, space: Space) -> None:
        self.node.check_space(space)

    def __repr__(self) -> str:
        return repr(self.node)
