"""The stopping rule ``Gap``: how much better than x anything can be, certified by a dual point.

For min Σ fᵢ(Lᵢx), yᵢ with Σ Lᵢᵀyᵢ = 0, and by Fenchel-Young

    primal   Σ fᵢ(Lᵢx),     dual   −Σ fᵢ*(yᵢ) ≤ min ≤ primal.

yᵢ = ∇fᵢ(Lᵢx) where fᵢ has a gradient, so that fᵢ*(yᵢ) = ⟨yᵢ, Lᵢx⟩ − fᵢ(Lᵢx) needs no formula; else
it is the element of ∂fᵢ that the method reads, or its dual point. One yₖ with Lₖ = I is what the
others leave, or none is and the sum is small. Of several such choices the best counts; constraints,
and that sum, as met within tol.

Without a function, the gap of a variational inequality sup_{y∈C} ⟨F(x), x − y⟩, player by player,
where C is bounded, else its natural residual.

Source: Bauschke, Combettes (2017), Def. 15.19, Thm. 15.23; Facchinei, Pang (2003), §1.5, §2.3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from splitkit.arguments import NON_NEGATIVE, Range, check_number
from splitkit.backend import Array, Point, Space, add, inner, namespace, norm, scale, subtract
from splitkit.functions.base import ROUNDINGS, Function, Indicator, infinite_where
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.operators.pullback import Pullback
from splitkit.problems.natural import Judged, judged
from splitkit.solvers.iteration import Reading
from splitkit.solvers.potentials import NoPotentialError, SlopeAlone, nearby_value, potential
from splitkit.solvers.rewrites import as_composition, flatten
from splitkit.solvers.stopping import Measurement, Stopping, _quotient
from splitkit.solvers.terms import Term, columns

if TYPE_CHECKING:
    from splitkit.solvers.method import Method

MOST = 2  # terms without a gradient whose elements are sought in every order


@dataclass(frozen=True)
class Gap(Stopping):
    """primal − dual ≤ tol · max(|primal|, |dual|), or ≤ absolute.

    Of functions it is the duality gap, in the units of their values: f(x) is no farther from the
    least value. Constraints, and what cancels in the dual, count as met within tol of their sizes.
    Of a game or a variational inequality on a bounded set it is what each player could gain, beside
    what is added up in ⟨F(x), x⟩; of others, and of KKT operators, the natural residual, as of
    ``is_solution``.

    Parameters
    ----------
    tol : float
        Non-negative and below 1; 0 leaves ``absolute`` alone.
    absolute : float, default 0
        A gap, in the units of the values, that is small enough: where the least value is 0.

    Raises
    ------
    TypeError
        At the solve: a term has no value or no conjugate, and is none of a variational inequality.
    """

    tol: float
    absolute: float = 0.0

    def __post_init__(self) -> None:
        remedy = "give a number in [0, 1)"
        object.__setattr__(
            self, "tol", check_number("tol", self.tol, Range(0.0, 1.0, "[)"), remedy)
        )
        object.__setattr__(self, "absolute", check_number("absolute", self.absolute, NON_NEGATIVE))

    @property
    def endless(self) -> bool:  # type: ignore[override]
        return self.tol == 0 and self.absolute == 0

    def prepared(self, method: Method, terms: Sequence[Term]) -> Stopping:
        try:
            return _DualityGap(self, method, _summands(terms))
        except NoPotentialError as error:
            reason = error
        operators = tuple(A for term in terms for A in flatten(term.expression)[0])
        return _NaturalGap(self, operators, reason)

    def beside(self, gap: Array, size: Array, space: Space) -> Array:
        """|gap| beside what is allowed, of batch shape."""
        allowed = self.tol * size + 0.0 * gap
        allowed = space.xp.maximum(allowed, self.absolute + 0.0 * gap)
        return _quotient(abs(gap), allowed, space)

    def unmet(self, violation: Array, space: Space) -> Array:
        """A relative violation beside tol, or rounding, of batch shape."""
        least = ROUNDINGS * float(space.xp.finfo(space.dtype).eps)
        return _quotient(violation, max(self.tol, least) + 0.0 * violation, space)


class _Prepared(Stopping):
    """A ``Gap`` of given terms, which looks at what the method reads."""

    x: Point
    reading: Reading
    u: Point

    def __init__(self, rule: Gap) -> None:
        self.rule, self.endless = rule, rule.endless

    def see(self, reading: Reading, u: Point) -> None:
        self.x, self.reading, self.u = reading.x, reading, u

    def __repr__(self) -> str:
        return repr(self.rule)


# -- functions ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summand:
    """f(Lx) of the sum; L None: the identity."""

    f: Function
    L: LinearOperator | None
    smooth: bool
    dual: bool = False  # whether the method's dual point is its y
    block: int | None = None  # or that block of it

    def at(self, x: Point) -> Point:
        """Lx."""
        return x if self.L is None else self.L(x)

    def pulled(self, y: Point) -> Point:
        """Lᵀy."""
        return y if self.L is None else self.L.adjoint(y)

    def value(self, z: Point, size: Array, batch_ndim: int) -> tuple[Array, Array]:
        """f(z), z = Lx, and how far the nearest point is at which it has that value, beside x of
        this size.
        """
        gain = 1.0 if self.L is None else self.L.norm
        try:
            return nearby_value(self.f, z, batch_ndim, gain * size if gain < math.inf else None)
        except (NotImplementedError, TypeError) as error:
            raise TypeError(f"tol = Gap(…) needs the value of {self.f!r}: {error}") from error

    def conjugate(self, y: Point, batch_ndim: int, size: Array | None = None) -> Array:
        """f*(y); inf outside of its domain, but for rounding beside y, or beside what y is made of,
        of this size.
        """
        try:
            value, far = nearby_value(self.f.conjugate, y, batch_ndim, size)
            return infinite_where(far > ROUNDINGS * namespace(far).finfo(far.dtype).eps, value)
        except (NotImplementedError, TypeError) as error:
            raise TypeError(
                f"tol = Gap(…) needs the conjugate of {self.f!r}, or its gradient: {error}"
            ) from error

    def absorbs(self, y: Point, batch_ndim: int) -> bool:
        """Whether y may be what others leave: L is the identity, and f* has a value."""
        if self.L is not None or isinstance(self.f, SlopeAlone):
            return False
        try:
            nearby_value(self.f.conjugate, y, batch_ndim)
        except (NotImplementedError, TypeError):
            return False
        return True


def _summands(terms: Sequence[Term]) -> list[Summand]:
    """The functions whose subdifferentials the terms are."""
    found = []
    for term in terms:
        if term.is_zero:
            continue
        if term.of is not None:
            found += _composed(term.operator, term.of)
            continue
        for A in flatten(term.operator)[0]:
            composed = as_composition(A) if A.has_evaluation else None
            if composed is None:
                found.append(Summand(potential(A), None, A.has_evaluation))
            else:
                found.append(Summand(potential(composed[0]), composed[1], smooth=True))
    return found


def _composed(B: Operator, L: LinearOperator) -> list[Summand]:
    """Of LᵀBL; of a column each row, whose constraints have sizes of their own."""
    parts = columns(Pullback(B, L))
    if len(parts) == 1:
        return [Summand(potential(B), L, smooth=False, dual=True)]
    return [
        Summand(potential(B), None if L.multiple == 1 else L, smooth=False, dual=True, block=i)
        for i, (B, L) in enumerate(parts)
    ]


class _DualityGap(_Prepared):
    def __init__(self, rule: Gap, method: Method, summands: list[Summand]) -> None:
        super().__init__(rule)
        self.method, self.summands = method, summands
        self.read = [s for s in summands if not s.smooth and not s.dual]
        self.absorbing: list[Summand] | None = None

    def ratio(self, measured: Measurement, space: Space) -> Array:
        xp, points = space.xp, [s.at(self.x) for s in self.summands]
        if self.absorbing is None:
            self.absorbing = [s for s in self.summands if s.absorbs(self.x, space.batch_ndim)]
        size, batch = space.norm(self.x), space.batch_ndim
        values = [s.value(z, size, batch) for s, z in zip(self.summands, points, strict=True)]
        primal = reduce(add, [value for value, _ in values])
        beyond = reduce(xp.maximum, [far for _, far in values])
        found = 1e30 + 0.0 * beyond
        for far, dual in self._duals(points, [value for value, _ in values], space):
            gap = self.rule.beside(primal - dual, xp.maximum(abs(primal), abs(dual)), space)
            ratio = xp.maximum(gap, self.rule.unmet(xp.maximum(beyond, far), space))
            found = xp.where(ratio < found, ratio, found)
        return xp.where(xp.isnan(primal), primal, found)

    def _duals(
        self, points: list[Point], values: list[Array], space: Space
    ) -> Iterator[tuple[Array, Array]]:
        """How far Σ Lᵀy is from 0, and −Σ f*(y), of one choice of the y after another."""
        batch, known = space.batch_ndim, {}
        for s, z, value in zip(self.summands, points, values, strict=True):
            if s.smooth:
                y = s.f.gradient(z)
                known[id(s)] = y, inner(y, z, batch) - value
            elif s.dual:
                of_map = self.reading.dual
                y = self.method.dual(self.u) if of_map is None else of_map
                if s.block is not None:
                    assert y is not None  # a method that takes compositions has one
                    y = y[s.block]
                known[id(s)] = y, s.conjugate(y, batch)
        gradients = [s.pulled(known[id(s)][0]) for s in self.summands if s.smooth]
        pool = self._elements(gradients)
        rounded = _like(self.x, self.reading.rounding())
        made_of = [space.norm(y) for y in (*gradients, *pool, *rounded)]
        around = reduce(space.xp.maximum, made_of) if made_of else None
        choices = list(_choices(len(self.read), pool))
        if (
            self.read
        ):  # 0 is an element of each where all are least at once, as of constraints alone
            choices.append((scale(0.0, self.x),) * len(self.read))
        for elements in choices:
            chosen = dict(known)
            for s, y in zip(self.read, elements, strict=True):
                chosen[id(s)] = y, s.conjugate(y, batch, around)
            pulled = [s.pulled(chosen[id(s)][0]) for s in self.summands]
            total = reduce(add, pulled)
            size = reduce(space.xp.maximum, map(space.norm, pulled))
            first = self.summands[0]
            if len(pulled) == 1 and first.L is not None and first.L.norm < math.inf:
                size = first.L.norm * norm(chosen[id(first)][0], batch)  # Lᵀy alone, which vanishes
            dual = -reduce(add, [value for _, value in chosen.values()])
            yield _quotient(space.norm(total), size, space), dual
            for s in self.absorbing or ():
                y, _ = chosen[id(s)]
                rest = [value for key, (_, value) in chosen.items() if key != id(s)]
                left = s.conjugate(subtract(y, total), batch, size)
                yield 0.0 * size, -reduce(add, rest, left)

    def _elements(self, gradients: list[Point]) -> list[Point]:
        """What the method reads that may be an element: some add the gradients to one of them."""
        if not self.read:
            return []
        pool = list(_like(self.x, self.reading.terms + self.reading.sizes))
        if gradients:
            slope = reduce(add, gradients)
            pool += [subtract(y, slope) for y in _like(self.x, self.reading.terms)]
        return pool


def _choices(count: int, pool: list[Point]) -> Iterator[tuple[Point, ...]]:
    """Elements for so many terms: of few in every order, of more as they were read."""
    if count <= MOST:
        yield from itertools.permutations(pool, count)
        return
    for start in range(len(pool) - count + 1):
        run = pool[start : start + count]
        yield tuple(run)
        yield tuple(reversed(run))


def _like(x: Point, points: tuple[Point, ...]) -> Iterator[Point]:
    """Those of some points that lie where x does, or the first of their blocks that does."""
    for point in points:
        if _shape(point) == _shape(x):
            yield point
        elif isinstance(point, tuple):
            yield from itertools.islice(_like(x, point), 1)


def _shape(x: Any) -> Any:
    return tuple(map(_shape, x)) if isinstance(x, tuple) else ("array", tuple(x.shape))


# -- variational inequalities ----------------------------------------------------------------------


class _NaturalGap(_Prepared):
    def __init__(self, rule: Gap, operators: tuple[Operator, ...], reason: Exception) -> None:
        super().__init__(rule)
        self.operators, self.reason = operators, reason

    def ratio(self, measured: Measurement, space: Space) -> Array:
        try:
            groups = judged(self.operators, self.x, space)
        except TypeError as error:
            raise TypeError(
                f"tol = Gap(…) needs functions, or a variational inequality: {self.reason}; {error}"
            ) from error
        return reduce(space.xp.maximum, [self._of(group, space) for group in groups])

    def _of(self, at: Judged, space: Space) -> Array:
        """What a player could gain, or the natural residual, beside what is allowed."""
        C = getattr(at.group.operator, "f", None)
        if len(at.x) > 1 or not isinstance(C, Indicator) or not _is_bounded(C, at.x[0]):
            return self.rule.unmet(at.residual(space), space)
        (x,), (slope,), (size,), batch = at.x, at.values, at.sizes, space.batch_ndim
        gain = inner(slope, x, batch) + C.conjugate(scale(-1.0, slope))
        _, far = nearby_value(C, x, batch)
        gain = self.rule.beside(gain, inner(size, abs(x), batch), space)
        return space.xp.maximum(gain, self.rule.unmet(far, space))


def _is_bounded(C: Indicator, x: Array) -> bool:
    """Whether C is known to be bounded along all axes: its support function is finite there."""
    xp = namespace(x)
    try:
        ends = [C.conjugate(sign * xp.ones_like(x)) for sign in (1.0, -1.0)]
    except (NotImplementedError, TypeError):
        return False
    return all(bool(xp.all(xp.isfinite(end))) for end in ends)
