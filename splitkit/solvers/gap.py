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
from typing import TYPE_CHECKING

from splitkit.arguments import NON_NEGATIVE, Range, check_number
from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    inner,
    namespace,
    norm,
    scale,
    shapes_of,
    subtract,
)
from splitkit.functions.base import ROUNDINGS, Indicator, infinite_where
from splitkit.operators.base import Operator
from splitkit.problems.natural import Judged, judged
from splitkit.solvers.iteration import Reading
from splitkit.solvers.potentials import NoPotentialError, nearby_value
from splitkit.solvers.rewrites import flatten
from splitkit.solvers.stopping import Measurement, Stopping, _quotient
from splitkit.solvers.summands import NoValueError, Summand, summands
from splitkit.solvers.terms import Term

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

    Examples
    --------
    >>> f = sk.functions.SquaredL2(center=np.array([3.0, 0.5])) + sk.functions.L1Norm()
    >>> solution = sk.minimize(f, np.zeros(2), tol=sk.Gap(1e-6))
    >>> print(solution.duality_gap <= 1e-6 * solution.objective)
    True
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
            return _DualityGap(self, Duality(method, terms))
        except NoPotentialError as error:
            reason = error
        operators = tuple(A for term in terms for A in flatten(term.expression)[0])
        return _NaturalGap(self, operators, reason)

    def beside(self, gap: Array, size: Array, space: Space) -> Array:
        """|gap| beside what is allowed, of batch shape."""
        allowed = self.tol * size + 0.0 * gap
        allowed = space.xp.maximum(allowed, self.absolute + 0.0 * gap)
        return _quotient(abs(gap), allowed + space.least, space)  # of two sets all values are 0

    def unmet(self, violation: Array, space: Space) -> Array:
        """A relative violation beside tol, or rounding, of batch shape."""
        least = ROUNDINGS * float(space.xp.finfo(space.dtype).eps)
        return _quotient(violation, max(self.tol, least) + 0.0 * violation, space)


class _Prepared(Stopping):
    """A ``Gap`` of given terms, which looks at what the method reads."""

    measures = "gap"
    x: Point  # in the units of x0
    reading: Reading
    u: Point

    def __init__(self, rule: Gap) -> None:
        self.rule, self.endless = rule, rule.endless

    def see(self, reading: Reading, u: Point) -> None:
        self.reading, self.u, outward = reading, u, reading.outward
        self.x = reading.x if outward is None else outward.point(reading.x)

    def __repr__(self) -> str:
        return repr(self.rule)


# -- functions ------------------------------------------------------------------------------------


class _DualityGap(_Prepared):
    def __init__(self, rule: Gap, duality: Duality) -> None:
        super().__init__(rule)
        self.duality = duality

    def ratio(self, measured: Measurement, space: Space) -> Array:
        xp = space.xp
        try:
            primal, beyond = self.duality.primal(self.x, space)
            found = 1e30 + 0.0 * beyond
            for dual, far, outside in self.duality.duals(self.reading, self.u, space):
                dual = -infinite_where(outside > ROUNDINGS * space.eps, -dual)
                gap = self.rule.beside(primal - dual, xp.maximum(abs(primal), abs(dual)), space)
                ratio = xp.maximum(gap, self.rule.unmet(xp.maximum(beyond, far), space))
                found = xp.where(ratio < found, ratio, found)
        except NoValueError as error:
            raise TypeError(f"tol = Gap(…) needs {error}") from error
        return xp.where(xp.isnan(primal), primal, found)


class Duality:
    """Both objectives, of the terms as they are, at what a method reads.

    Raises
    ------
    NoPotentialError
        A term is not known to be the subdifferential of a function with a value.
    """

    def __init__(self, method: Method, terms: Sequence[Term]) -> None:
        self.method, self.summands = method, summands(terms)
        self.read = [s for s in self.summands if not s.smooth and not s.dual]
        self.absorbing: list[Summand] | None = None

    def primal(self, x: Point, space: Space) -> tuple[Array, Array]:
        """Σ f(Lx), and how far the nearest point is where all have a value, beside x."""
        size, batch = space.norm(x), space.batch_ndim
        values = [s.value(s.at(x), size, batch) for s in self.summands]
        beyond = reduce(space.xp.maximum, [far for _, far in values])
        return reduce(add, [value for value, _ in values]), beyond

    def duals(
        self, reading: Reading, u: Point, space: Space
    ) -> Iterator[tuple[Array, Array, Array]]:
        """−Σ f*(y), how far Σ Lᵀy is from 0, and how far a y is from where its f* has that value,
        of one choice of the y after another.
        """
        batch, larger, outward = space.batch_ndim, space.xp.maximum, reading.outward
        x = reading.x if outward is None else outward.point(reading.x)
        known: dict[int, tuple[Point, Array, Array]] = {}
        if self.absorbing is None:
            self.absorbing = [s for s in self.summands if s.absorbs(x, batch)]
        for s in self.summands:
            if s.smooth:
                z = s.at(x)
                y = s.f.gradient(z)
                value, _ = s.value(z, space.norm(x), batch)
                known[id(s)] = y, inner(y, z, batch) - value, 0.0 * value
            elif s.dual:
                y = self.method.dual(u) if reading.dual is None else reading.dual
                assert y is not None  # a method that takes compositions has one
                y = y if outward is None else outward.dual(y)
                y = y if s.block is None else y[s.block]
                known[id(s)] = y, *s.conjugate(y, batch)
        gradients = [s.pulled(known[id(s)][0]) for s in self.summands if s.smooth]
        pool = self._elements(reading, gradients)
        rounded = _slopes(reading, reading.rounding())
        made_of = [space.norm(y) for y in (*gradients, *pool, *rounded)]
        around = reduce(larger, made_of) if made_of else None
        choices = [(known, elements) for elements in _choices(len(self.read), pool)]
        zeros = (scale(0.0, x),) * len(self.read)
        if self.read:
            # 0 is an element of each where all are least at once, as of constraints alone
            choices.append((known, zeros))
        if not gradients and known:
            still = [(s, scale(0.0, known[id(s)][0])) for s in self.summands if s.dual]
            at_zero = {id(s): (y, *s.conjugate(y, batch, around)) for s, y in still}
            choices.append((at_zero, zeros))
        for known, elements in choices:
            chosen = dict(known)
            for s, y in zip(self.read, elements, strict=True):
                chosen[id(s)] = y, *s.conjugate(y, batch, around)
            pulled = [s.pulled(chosen[id(s)][0]) for s in self.summands]
            total = reduce(add, pulled)
            size = reduce(larger, map(space.norm, pulled))
            first = self.summands[0]
            if len(pulled) == 1 and first.L is not None and first.L.norm < math.inf:
                size = first.L.norm * norm(chosen[id(first)][0], batch)  # Lᵀy alone, which vanishes
            _, values, outside = zip(*chosen.values(), strict=True)
            missed = _quotient(space.norm(total), size, space)
            yield -reduce(add, values), missed, reduce(larger, outside)
            for s in self.absorbing:
                rest = [each for key, (_, *each) in chosen.items() if key != id(s)]
                left = s.conjugate(subtract(chosen[id(s)][0], total), batch, size)
                values, outside = zip(*rest, left, strict=True)
                yield -reduce(add, values), 0.0 * size, reduce(larger, outside)

    def _elements(self, reading: Reading, gradients: list[Point]) -> list[Point]:
        """What the method reads that may be an element: some add the gradients to one of them."""
        if not self.read:
            return []
        pool = _slopes(reading, reading.terms + reading.sizes)
        if gradients:
            slope = reduce(add, gradients)
            pool += [subtract(y, slope) for y in _slopes(reading, reading.terms)]
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


def _slopes(reading: Reading, points: tuple[Point, ...]) -> list[Point]:
    """Those of what is read that may be elements at x."""
    found = list(_like(reading.x, points))
    return found if reading.outward is None else list(map(reading.outward.slope, found))


def _like(x: Point, points: tuple[Point, ...]) -> Iterator[Point]:
    """Those of some points that lie where x does, or the first of their blocks that does."""
    for point in points:
        if shapes_of(point) == shapes_of(x):
            yield point
        elif isinstance(point, tuple):
            yield from itertools.islice(_like(x, point), 1)


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
