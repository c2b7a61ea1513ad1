"""A + B + …."""

from __future__ import annotations

from functools import cached_property, reduce
from operator import and_
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, add, scale, subtract
from splitkit.notation import SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.combination import Combination, combine
from splitkit.operators.freedom import Freedom, least
from splitkit.operators.graph_support import GraphSupport, agree, magnitude
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.parts import OfMany
from splitkit.operators.pullback import in_metric
from splitkit.operators.solvable import Solvable, as_affine
from splitkit.properties import Properties, sum_properties


def add_operators(A: Operator, B: Operator) -> Operator:
    """A + B, with multiples of the identity gathered: aI + bC stays one node."""
    terms = [t for t in (*terms_of(A), *terms_of(B)) if not isinstance(t, Zero)]
    multiple = 0.0
    others = []
    for term in terms:
        if isinstance(term, Identity):
            multiple += 1.0
        elif isinstance(term, Combination) and isinstance(term.A, Identity):
            multiple += term.b
        else:
            others.append(term)
    if not others:
        return combine(multiple, 0.0, Zero())
    rest = others[0] if len(others) == 1 else Sum(tuple(others))
    return combine(multiple, 1.0, rest) if multiple else rest


def terms_of(A: Operator) -> tuple[Operator, ...]:
    """The terms of a sum; A itself if it is none."""
    return A.terms if isinstance(A, Sum) else (A,)


class Sum(OfMany):
    """A₁ + … + Aₙ, n ≥ 2.

    A + B + …: the terms are kept, so that ``solve`` can give each its role.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.zeros(2))
    >>> A = sk.Identity() + F + sk.NormalCone(sk.functions.NonNegative())
    >>> A.strong_monotonicity, A
    (2.0, I + (DenseMatrix(2×2) − q) + N_NonNegative)
    """

    binding = SUM

    @property
    def terms(self) -> tuple[Operator, ...]:
        """A₁, …, Aₙ."""
        return self.parts

    @cached_property
    def properties(self) -> Properties:
        return sum_properties(term.properties for term in self.terms)

    @property
    def polyhedral(self) -> bool:
        return all(A.polyhedral for A in self.parts)

    @property
    def has_resolvent(self) -> bool:
        return False  # a sum's resolvent is what splitting methods are for

    def __call__(self, x: Point) -> Point:
        return reduce(add, (term(x) for term in self.terms))

    def make_evaluation(self) -> PointMap:
        maps = [term.make_evaluation() for term in self.terms]
        return lambda x: reduce(add, [term(x) for term in maps])

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        """Of all terms together."""
        sizes = [term.magnitudes(x, batch_ndim) for term in self.terms]
        return reduce(
            add,
            [
                magnitude(term(x)) if size is None else size
                for term, size in zip(self.terms, sizes, strict=True)
            ],
        )

    def offset(self, x: Point) -> Point | None:
        known = [found for term in self.terms if (found := term.offset(x)) is not None]
        return reduce(add, known) if known else None

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        raise TypeError(
            f"the resolvent of the sum {self!r} has no formula: give the sum to splitkit.solve, "
            "or use the resolvents of its terms"
        )

    def solvable_with(self, H: Any) -> Solvable | None:
        return super().solvable_with(H) or self._solvable_apart(H)

    def _solvable_apart(self, H: Any) -> Solvable | None:
        """Of one term A and others x ↦ Mx − q, M symmetric unless A takes others, too: (A + (H +
        M))x ∋ h + q.
        """
        affine = [(A, as_affine(A)) for A in self.terms]
        rest = [A for A, F in affine if F is None]
        parts = [F for _, F in affine if F is not None]
        if len(rest) != 1 or not all(F.properties.monotone for F in parts):
            return None
        if not (rest[0].solves_with_matrices or all(F.properties.gradient for F in parts)):
            return None
        inner = rest[0].solvable_with(reduce(lambda L, F: L + F.M, parts, H))
        qs = [F.q for F in parts if F.q is not None]
        return None if inner is None else inner.between(lambda h: reduce(add, qs, h), lambda x: x)

    def in_metric(self, S: Any) -> Operator:
        return Sum(tuple(in_metric(term, S) for term in self.terms))

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return tuple(map(least, zip(*(term.freedom(space) for term in self.terms), strict=True)))

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        # one term takes v: the first without evaluation, whose domain may be less than all
        host = next((A for A in self.terms if not A.has_evaluation), self.terms[0])
        zero = scale(0.0, v)
        known = [A.graph_support(v if A is host else zero, d, space) for A in self.terms]
        lifts = [k.lift for k in known if k.lift is not None]
        whole = GraphSupport(
            v=reduce(add, (k.v for k in known)),
            d=d,
            value=reduce(add, (k.value for k in known)),
            v_size=reduce(add, (k.v_size for k in known)),
            d_size=reduce(add, (k.d_size for k in known)),
            lift=(lambda e: reduce(add, [lift(e) for lift in lifts])) if lifts else None,
        )
        alike = (agree(k.d, d, k.d_size, space) for k in known)
        return whole.where(reduce(and_, alike))

    def _element_size(self, x: Point, space: Space) -> Array:
        return reduce(space.xp.maximum, (A._element_size(x, space) for A in self.terms))

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        """At one set-valued term B, the others evaluated: how far u − A(x) − … is from B(x)."""
        rest = [term for term in self.terms if not term.has_evaluation]
        if len(rest) != 1:
            return super()._graph_distance(x, u, alpha, batch_ndim)
        self._pair_space(x, u, batch_ndim)
        for term in self.terms:
            if term is not rest[0]:
                u = subtract(u, term(x))
        return rest[0].graph_residual(x, u, alpha=alpha, batch_ndim=batch_ndim)

    def write(self, s: Style) -> str:
        return s.total(map(s, self.terms))
