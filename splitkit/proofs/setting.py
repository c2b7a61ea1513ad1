"""What a method does, written out: points, functions, operators, and the worst that can be.

The claim of a setting is final ≤ t · initial, or final ≤ t if what is given bounds it, for all
points, functions and operators (in all spaces) that satisfy what is assumed: the least t is found,
and verified in rational numbers. Where the conditions of the classes interpolate, no smaller t is
true.

    s = Setting()
    f = s.function(Smooth(0.1, 1.0))
    x, y = s.point("x"), f.minimizer()
    s.bound(norm2(x - f.gradient(x) - y), norm2(x - y))

Source: Drori, Teboulle, *Performance of first-order methods* (2014); Taylor, Hendrickx, Glineur,
*Smooth strongly convex interpolation and exact worst-case performance* (2017).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from splitkit.backend import Scalar
from splitkit.operators.base import Operator, PointMap
from splitkit.progress import telling
from splitkit.proofs.attempt import Attempt, Known, bounded, of_linear_map
from splitkit.proofs.exact import Echelon
from splitkit.proofs.interpolation import GraphPoint, Interpolation, Smooth, interpolation_of
from splitkit.proofs.outcome import NotExpressibleError, Outcome
from splitkit.proofs.program import PROGRAMS
from splitkit.proofs.proof import Family, Proof, Template
from splitkit.proofs.quadratic import Quadratic
from splitkit.proofs.quantity import ONE, Quantity
from splitkit.proofs.runs import Row, coincide
from splitkit.proofs.symbols import Leaf, LinearLeaf, Pair, Scene, Vector
from splitkit.properties import Properties

NEARLY = 1e-5  # of L: an m below it may be left out
NAMES = ("x", "u", "f"), ("y", "v", "g")  # of the points that a condition compares


class Declared(Operator):
    """A member of a class."""

    has_evaluation = has_resolvent = True

    def __init__(self, known: Interpolation) -> None:
        self.known = known

    @property
    def properties(self) -> Properties:
        return Properties.of()

    def __repr__(self) -> str:
        return repr(self.known)


class Setting:
    """Points, functions and operators, what is assumed of them, and bounds that follow.

    Examples
    --------
    >>> from splitkit.proofs import Quadratic, Setting, norm2
    >>> s = Setting()
    >>> f, x = s.function(Quadratic(0.1, 1.0)), s.point()
    >>> after = x - f.gradient(x)
    >>> print(s.bound(norm2(f.gradient(after)), norm2(x)).value)  # max λ²(1 − λ)², at ½
    0.0625
    """

    def __init__(self) -> None:
        self.scene = Scene()
        self.zero = Echelon(largest=True)  # what vanishes
        self._members: dict[int, Member] = {}
        self._names = ["1"]  # of the values
        self._assumed: list[Quantity] = []
        self._equal: list[Quantity] = []

    def point(self, label: str = "x") -> Vector:
        """Any point."""
        return self.scene.new(label)

    def function(self, known: Interpolation | Operator) -> Member:
        """A function of a class, or one with a known subdifferential; the same for the same."""
        A = Declared(known) if isinstance(known, Interpolation) else known
        found = self._members.get(id(A))
        if found is None:
            of = known if isinstance(known, Interpolation) else interpolation_of(A.properties)
            found = self._members[id(A)] = Member(self, self.scene.leaf(A), of)
        return found

    operator = function

    def linear(self, L: Any) -> LinearLeaf:
        """A linear map of which a bound of the norm is known."""
        return self.scene.linear_leaf(L)

    def value(self, name: str) -> Quantity:
        """Any number."""
        self._names.append(name)
        return Quantity(self.scene, (), {len(self._names) - 1: Fraction(1)})

    def number(self, c: float) -> Quantity:
        """A known number."""
        return Quantity(self.scene) + c

    def vanish(self, v: Vector) -> None:
        """v = 0."""
        v.check_scene(self.scene)
        self.zero.add(v.coefficients)

    def assume(self, *claims: Quantity) -> None:
        """Comparisons that are true, such as ``norm2(x - y) <= 1``."""
        self._assumed += map(self._own, claims)

    def equal(self, *quantities: Quantity) -> None:
        """Quantities that are 0."""
        self._equal += map(self._own, quantities)

    def _own(self, given: Any) -> Quantity:
        """What is given, if it is a quantity of this setting."""
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return self.number(given)
        if not isinstance(given, Quantity):
            raise TypeError(
                f"{given!r} is no quantity: give sums of norm2(x), inner(x, y), f.value(x) and "
                "numbers, compared by <= or >=; what is 0 is given to ``equal``"
            )
        given.check_scene(self.scene)
        return given

    def minimizer(self, *members: Member, label: str = "x*") -> Vector:
        """A point where elements of all of them add up to 0."""
        x, total = self.point(label), self.scene.zero()
        for member in members:
            if member.setting is not self:
                raise NotExpressibleError(f"{member.leaf!r} is a member of another setting")
        for member in members[:-1]:
            total = total + member.another(x)
        members[-1].passes(x, -total)
        return x

    def least(self, quantities: Iterable[Quantity]) -> Quantity:
        """The least of some quantities, to be bounded."""
        least = self.value("the least")
        self.assume(*(q - least for q in quantities))
        return least

    def bound(
        self,
        final: Quantity,
        initial: Quantity | None = None,
        *,
        least: float = 0.0,
        names: tuple[str, str] = ("final", "initial"),
        progress: bool | None = None,
    ) -> Proof:
        """final ≤ t · initial, or final ≤ t, with the least t ≥ ``least`` that is found;
        ``progress`` shows a bar, by itself after three seconds on a terminal.
        """
        final = self._own(final)
        for leaf in self.scene.leaves.values():
            if isinstance(leaf, Leaf) and id(leaf.A) not in self._members:
                self.function(leaf.A)
        leaves = [member.leaf for member in self._members.values()]
        linear = [leaf for leaf in self.scene.leaves.values() if isinstance(leaf, LinearLeaf)]
        coincide(self.zero, leaves, linear)
        claim = f"{names[0]} ≤ value · {names[1]}" if initial is not None else f"{names[0]} ≤ value"
        given = self.number(1) if initial is None else self._own(initial)
        with telling(progress, PROGRAMS):
            members = list(self._members.values())
            proof = _Written(self, members, final, given).proof(claim, final, given, least)
            merely = [member.merely_convex() for member in members]
            if proof.outcome is not Outcome.FAILED or merely == members:
                return proof
            # where m is nearly 0, what a solver says of it has few digits
            convex = _Written(self, merely, final, given).proof(claim, final, given, least)
            return convex if convex.holds else proof


class Member:
    """A function or an operator of a setting: where it is applied, and its values there."""

    def __init__(self, setting: Setting, leaf: Leaf, known: Interpolation) -> None:
        self.setting, self.leaf, self.known = setting, leaf, known
        self._values: list[tuple[Vector, Quantity]] = []

    def merely_convex(self) -> Member:
        """The same of which m is taken to be 0, if it is far below L."""
        known = self.known
        if not (isinstance(known, Smooth) and 0 < known.m <= NEARLY * known.L < math.inf):
            return self
        found = copy.copy(self)
        found.known = replace(known, m=0.0)
        return found

    def gradient(self, x: Vector) -> Vector:
        """An element of ∂f(x), or A(x)."""
        found = self._pair(x) if self.known.single_valued else None
        return self.leaf(x) if found is None else found.u

    __call__ = gradient

    def resolvent(self, alpha: Scalar) -> PointMap:
        """(I + αA)⁻¹, the proximal map of αf."""
        return self.leaf.make_resolvent(alpha)

    def prox(self, y: Vector, alpha: float) -> Vector:
        """argmin f(x) + ‖x − y‖²/2α."""
        x: Vector = self.resolvent(alpha)(y)
        return x

    def another(self, x: Vector) -> Vector:
        """A further element of ∂f(x), or A(x)."""
        u = self.setting.scene.new(f"{self.leaf.name}({x!r})")
        self.passes(x, u)
        return u

    def passes(self, x: Vector, u: Vector) -> None:
        """u ∈ A(x), or ∂f(x)."""
        for v in (x, u):
            v.check_scene(self.setting.scene)
        self.leaf.pairs.append(Pair(x, u))

    def minimizer(self, label: str = "x*") -> Vector:
        """A point with 0 ∈ A(x), or ∂f(x)."""
        return self.setting.minimizer(self, label=label)

    def value(self, x: Vector) -> Quantity:
        """f(x)."""
        if self._pair(x) is None:
            self.leaf(x)
        return self.value_at(x)

    def value_at(self, x: Vector) -> Quantity:
        """The value that stands for f(x)."""
        x.check_scene(self.setting.scene)
        for at, value in self._values:
            if at.is_same(x):
                return value
        found = self.setting.value(f"f{self.leaf.name[1:]}({x!r})")
        self._values.append((x, found))
        return found

    def _pair(self, x: Vector) -> Pair | None:
        return next((pair for pair in self.leaf.pairs if pair.x.is_same(x)), None)

    def points(self) -> list[GraphPoint]:
        """Where it has been."""
        none = Quantity(self.setting.scene)
        with_values = self.known.has_values
        return [
            GraphPoint(pair.x, pair.u, self.value_at(pair.x) if with_values else none)
            for pair in self.leaf.pairs
        ]


class _Written:
    """The program of a claim: rows of its free vectors, of which values are the last.

    Where all depends on differences of points alone, some point is 0; so is any free vector that
    can be moved to 0 without a change of what is compared.
    """

    def __init__(
        self, setting: Setting, members: list[Member], final: Quantity, initial: Quantity
    ) -> None:
        self.setting, self.scene, self.zero = setting, setting.scene, setting.zero
        self.members = members
        self.points = [_distinct(member, self.zero) for member in self.members]
        claims = (final, initial, *setting._assumed, *setting._equal)
        self.used = {i for q in claims for i in q.values}
        labels = self.scene.labels
        occurring = self._occurring(claims)
        free = [i for i in range(len(labels)) if i in occurring.rows]
        self.place = {i: k for k, i in enumerate(free)}
        self.one = len(free)  # 1 is ‖v‖² for a vector v that is orthogonal to all others
        has_one = ONE in self.used or any(member.known.has_constants for member in self.members)
        self.dimension = len(free) + has_one
        first, *values = setting._names
        self.names = (*(labels[i] for i in free), *([first] if has_one else []), *values)

    def _occurring(self, claims: Sequence[Quantity]) -> Echelon:
        """The space of all vectors that occur; what no row of it leads is 0."""
        space = Echelon(largest=True)

        def occurs(v: Vector) -> None:
            space.add(self.zero.reduced(v.coefficients))

        for member, points in zip(self.members, self.points, strict=True):
            moves, tilts = member.known.moves, member.known.tilts
            if any(i in self.used for p in points for i in p.f.values):
                tilts = False  # f − ⟨u, ·⟩ has other values
            for point in points:
                occurs(point.x - points[0].x if moves else point.x)
                occurs(point.u - points[0].u if tilts else point.u)
        for q in claims:
            for _, p, r in q.terms:
                occurs(p)
                occurs(r)
        for leaf in self.scene.leaves.values():
            if isinstance(leaf, LinearLeaf):
                for pair in (*leaf.applied, *leaf.adjoints):
                    occurs(pair.x)
                    occurs(pair.u)
        return space

    def proof(self, claim: str, final: Quantity, initial: Quantity, least: float) -> Proof:
        inequalities: list[Known] = []
        equalities: list[Known] = []
        families: list[Family] = []
        for member, points in zip(self.members, self.points, strict=True):
            name, known = repr(member.leaf), member.known
            inequalities += self._not_negative(name, known, points)
            equalities += self._vanishing(name, known, points)
            if points and known.semidefinite(points[0], points[0]) is not None:
                families.append(self._family(name, known, points))
        inequalities += [self._assumption(k, q) for k, q in enumerate(self.setting._assumed, 1)]
        first = len(self.setting._assumed) + 1
        given = [self._assumption(k, q) for k, q in enumerate(self.setting._equal, first)]
        equalities += [q for q in given if not q.quadratic.is_zero]
        adjoints: list[Quadratic] = []
        for L in self.scene.leaves.values():
            if isinstance(L, LinearLeaf):
                equal, bounds = of_linear_map(L, self._pairs(L.applied), self._pairs(L.adjoints))
                adjoints += equal
                families += bounds
        attempt = Attempt.of(
            claim, self.names, self.quadratic(initial), self.quadratic(final),
            (inequalities, equalities), adjoints, families,
            least=least, values=len(self.setting._names) - 1,
        )  # fmt: skip
        return bounded(attempt)

    def row(self, v: Vector) -> Row:
        """v in the free vectors."""
        reduced, place = self.zero.reduced(v.coefficients), self.place
        return {place[i]: c for i, c in reduced.items() if i in place}

    def value_row(self, i: int) -> Row:
        """The one that stands for a value."""
        return {self.one if i == ONE else self.dimension + i - 1: Fraction(1)}

    def quadratic(self, q: Quantity) -> Quadratic:
        """A quantity in the free vectors."""
        terms = [(c, self.row(p), self.row(r)) for c, p, r in q.terms]
        terms += [(c, self.value_row(i), self.value_row(i)) for i, c in q.values.items()]
        return Quadratic(tuple(term for term in terms if term[1] and term[2]))

    def _pairs(self, pairs: Sequence[Pair]) -> list[tuple[Row, Row]]:
        found = [(self.row(p.x), self.row(p.u)) for p in pairs]
        return [(x, y) for x, y in found if x or y]

    def _not_negative(
        self, name: str, known: Interpolation, points: Sequence[GraphPoint]
    ) -> Iterable[Known]:
        for i, p in enumerate(points):
            templates = _templates(known, "one", bool(p.u.coefficients), True)
            for q, template in zip(known.one(p), templates, strict=True):
                yield self._known(name, f"pair {i + 1}", q, template, p)
            for j, other in enumerate(points):
                if i == j or (known.symmetric and j > i):
                    continue
                given = (bool(each.u.coefficients) for each in (p, other))
                for q, template in zip(
                    known.two(p, other), _templates(known, "two", *given), strict=True
                ):
                    of = f"pair {i + 1} and pair {j + 1}"
                    yield self._known(name, of, q, template, p, other)

    def _vanishing(
        self, name: str, known: Interpolation, points: Sequence[GraphPoint]
    ) -> Iterable[Known]:
        for i, p in enumerate(points):
            for j, other in enumerate(points[: i + 1]):
                which = "zero" if i != j else "zero at one"
                given = zip(known.zero(p, other), _templates(known, which, True, True), strict=True)
                of = f"pair {i + 1} and pair {j + 1}"
                made = (self._known(name, of, q, template, p, other) for q, template in given)
                yield from (each for each in made if not each.quadratic.is_zero)

    def _known(
        self, name: str, of: str, q: Quantity, template: Template, *points: GraphPoint
    ) -> Known:
        at: dict[str, Row] = {"1": self.value_row(ONE)}
        for letters, point in zip(NAMES, points, strict=False):
            value = next(iter(point.f.values), None)
            of_f = {} if value is None else self.value_row(value)
            at.update(zip(letters, (self.row(point.x), self.row(point.u), of_f), strict=True))
        at = {name: at[name] for name in template.names}
        return Known(name, of, self.quadratic(q), template, at)

    def _assumption(self, k: int, q: Quantity) -> Known:
        Q = self.quadratic(q)
        at: dict[str, Row] = {}
        terms = []
        for c, p, r in Q.terms:
            names = []
            for row in (p, r):
                name = next((n for n, known in at.items() if known == row), f"p{len(at)}")
                at[name] = row
                names.append(name)
            terms.append((c, names[0], names[1]))
        return Known(f"what is assumed, {k}", "", Q, Template(tuple(terms)), at)

    def _family(self, name: str, known: Interpolation, points: Sequence[GraphPoint]) -> Family:
        template = _templates(known, "semidefinite", True, True)[0]
        at = [{"x": self.row(p.x), "u": self.row(p.u)} for p in points]
        return Family(name, template.terms, tuple(at))


def _distinct(member: Member, zero: Echelon) -> list[GraphPoint]:
    """The points of a member without those that are the same."""
    kept: list[GraphPoint] = []
    for point in member.points():
        if not any(
            not zero.reduced((point.x - other.x).coefficients)
            and not zero.reduced((point.u - other.u).coefficients)
            for other in kept
        ):
            kept.append(point)
    return kept


@lru_cache(maxsize=256)
def _templates(known: Interpolation, what: str, first: bool, second: bool) -> tuple[Template, ...]:
    """The conditions of a class on symbols, where u or v is 0 unless it is said to be there."""
    scene = Scene()
    labels = ("x", "u", "y", "v")
    x, u, y, v = (scene.new(label) for label in labels)
    f, g = (Quantity(scene, (), {k: Fraction(1)}) for k in (1, 2))
    p = GraphPoint(x, u if first else scene.zero(), f)
    q = GraphPoint(y, v if second else scene.zero(), g)
    if what == "semidefinite":
        entry = known.semidefinite(p, q)
        assert entry is not None
        found: Sequence[Quantity] = [entry]
        labels = ("x", "u", "x", "u")
    elif what == "one":
        found = known.one(p)
    elif what == "zero at one":
        found = known.zero(p, p)
    else:
        found = (known.zero if what == "zero" else known.two)(p, q)
    zeros = (*(("u",) if not first else ()), *(("v",) if not second else ()))
    return tuple(Template(_terms(each, labels), zeros) for each in found)


def _terms(q: Quantity, labels: Sequence[str]) -> tuple[Any, ...]:
    terms: dict[tuple[int, int], Fraction] = {}
    for c, p, r in q.terms:
        for i, a in p.coefficients.items():
            for j, b in r.coefficients.items():
                key = (min(i, j), max(i, j))
                terms[key] = terms.get(key, Fraction(0)) + c * a * b
    found = [(c, labels[i], labels[j]) for (i, j), c in terms.items() if c]
    names = ("1", "f", "g")
    return (*found, *((c, names[i], names[i]) for i, c in q.values.items()))
