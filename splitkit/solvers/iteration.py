"""A method bound to a problem: how its state begins, how it advances, how a solution is read off.

The state is a point, or a tuple of points and arrays of batch shape. ``advance`` returns the next
state and what it computed on the way; ``read`` makes of that an approximate solution x and elements
a, b, … of the terms of the inclusion, whose sum r is an element of (A₁ + … + Aₙ)(x).

The same code runs on numbers in the engine and on symbols in ``splitkit.proofs``: it may only take
linear combinations and apply the operators.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from splitkit.backend import Array, Point, Scalar, Space, scale, shapes_of, subtract
from splitkit.operators.base import Operator, PointMap

if TYPE_CHECKING:
    from splitkit.solvers.terms import Term

Carry: TypeAlias = (
    Any  # what is carried from step to step: a point, or a tuple of points and arrays
)
Trace: TypeAlias = tuple[Any, ...]  # what a step computed on the way
# (step, state, n) ↦ the state after n steps in which the host takes no decision
Loop: TypeAlias = Callable[[Callable[[Carry], Carry], Carry, int], Carry]
# an iteration, its state, and its next state ↦ that of the iteration that it was freed of
Freed: TypeAlias = "tuple[Iteration, Carry, Callable[[Carry], Carry]]"


@dataclass(frozen=True)
class Outward:
    """From the units of an iteration to those of x0.

    Attributes
    ----------
    point, element : callable
        Of an approximate solution, and of a residual.
    slope, dual : callable
        Of an element at x, and of the y of a composed term.
    """

    point: PointMap
    element: PointMap
    slope: PointMap
    dual: PointMap


@dataclass(slots=True)
class Reading:
    """An approximate solution.

    Attributes
    ----------
    x : point
    terms : tuple of points
        Elements of the inclusion's terms at x; their sum is the residual r.
    rounding : callable
        () ↦ points whose rounding r has, beside its terms': x/α of what is made by (y − x)/α.
    sizes : tuple of points
        Further points that cancel in r where it is 0, as what a term adds up by itself.
    bounds : callable, or None
        space ↦ of each block of r what bounds the sizes that cancel within Lᵀy or Lx.
    apart : float, array of batch shape, or None
        α if the terms' elements are known at two points only that are αr apart.
    dual : point or None
        y of a composed term, where the governing point does not show it.
    outward : Outward or None
        How to leave the units in which all these points are, and are to be judged.
    again : callable, or None
        A mask of batch shape ↦ the same, but for x where the mask is set: there it is found anew,
        and no difference of governing points, which may be its rounding.

    Examples
    --------
    >>> F = sk.Affine(2.0 * np.eye(1), np.array([2.0]))
    >>> iteration = sk.ForwardBackward(alpha=0.25).bind(F, sk.Zero())
    >>> after, trace = iteration.advance(np.array([3.0]))
    >>> reading = iteration.read(trace)
    >>> print(reading.x, reading.terms)
    [2.] (array([2.]), array([0.]))
    """

    x: Point
    terms: tuple[Point, ...]
    rounding: Callable[[], tuple[Point, ...]] = tuple
    sizes: tuple[Point, ...] = ()
    bounds: Callable[[Space], tuple[Array, ...]] | None = None
    apart: Scalar | None = None
    dual: Point | None = None
    outward: Outward | None = None
    again: Callable[[Array], Reading] | None = None


class Iteration:
    """Base of the iterations; a subclass gives ``advance`` and ``read``.

    Attributes
    ----------
    space : Space
        That of x0, from ``enter`` on: for iterations whose steps depend on norms.
    counts_restarts : bool
        Whether ``restarts`` counts.

    Examples
    --------
    >>> class Descent(sk.solvers.Iteration):  # for 0 = 2x, by steps of 1/4
    ...     def advance(self, x):
    ...         return x - 0.25 * (2 * x), (x,)
    ...     def read(self, trace):
    ...         return sk.solvers.Reading(trace[0], (2 * trace[0],))
    >>> print(Descent().step(np.array([4.0])))
    [2.]
    """

    space: Space
    counts_restarts: bool = False

    def begin(self, x0: Point, space: Space, dual: Point | None = None) -> Carry:
        """The state at x0, a point of this space, with y of a composed term where one is known."""
        self.enter(space)
        return self.init(x0) if dual is None else self.init_at(x0, dual)

    def enter(self, space: Space) -> None:
        """Learn the space of the points, before ``init`` or where a state is at hand."""
        self.space = space

    def init(self, x0: Point) -> Carry:
        """The state at the start."""
        return x0

    def init_at(self, x0: Point, dual: Point) -> Carry:
        """The state at the start, where y ∈ B(Lx) of a term LᵀBL is known, about."""
        return self.init(x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        """One iteration: the next state, and what ``read`` needs."""
        raise NotImplementedError

    def read(self, trace: Trace) -> Reading:
        """The approximate solution after the step that left this trace."""
        raise NotImplementedError

    def step(self, state: Carry) -> Carry:
        """One iteration, where nothing is read off it."""
        return self.advance(state)[0]

    def run(self, state: Carry, n: int, loop: Loop) -> Carry:
        """n iterations where nothing is read off; see ``Loop``."""
        if self.free(state) is None:
            state, n = self.step(state), n - 1
        return loop(self.step, state, n) if n else state

    def free(self, state: Carry) -> Freed | None:
        """What makes the next step, and those after it, without a decision of the host; None: the
        host has its part in the next one.
        """
        return self, state, _itself

    def governing(self, state: Carry) -> Point:
        """The governing sequence's point of a state."""
        return state

    def moved(self, before: Carry, after: Carry) -> Point:
        """The difference of the governing points of two states."""
        return subtract(self.governing(after), self.governing(before))

    def outward(self, u: Point) -> Point:
        """A governing point, in the units of x0."""
        return u

    def taken_over(self, state: Carry, earlier: Any) -> Carry:
        """A state of the same iteration with other steps, from which this one is to go on."""
        return state

    def taken_on(self, state: Carry, left: Trace, earlier: Any) -> Carry:
        """``taken_over``, where the trace of the step that led to the state is at hand."""
        return self.taken_over(state, earlier)

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        """The state at the start, where an earlier solve of the same form ended in another one:
        that one, as far as x does not tell it, or its steps.
        """
        return state

    def restarts(self, state: Carry) -> Array:
        """How many restarts led to a state, of batch shape, if it ``counts_restarts``."""
        raise NotImplementedError

    def displaced(self, step: Point) -> Point | None:
        """A step of governing points, in the units of x0; None: it is of other points."""
        return self.outward(step)

    def as_map(self) -> Iteration:
        """The same iteration as a map of its governing point alone: what accelerators wrap."""
        return self

    @property
    def plain(self) -> Iteration:
        """The iteration whose fixed points this one approaches: without what it remembers, its
        state is the governing point.
        """
        return self

    def product(self, a: Point, b: Point) -> Array:
        """⟨a, b⟩ of governing points in the metric in which that map is averaged."""
        return self.space.inner(a, b)

    def length(self, r: Point) -> Array:
        """‖r‖ in that metric."""
        return self.space.norm(r)

    def rough_product(self, a: Point, b: Point) -> Array:
        """One that is equivalent to ``product``, and takes no map of a term."""
        return self.product(a, b)

    def rough_length(self, r: Point) -> Array:
        """‖r‖ in the metric of ``rough_product``."""
        return self.length(r)

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        """An element of each term in the units of x0, of those of operators by their identities."""
        return tuple(of.get(id(term.operator)) for term in terms)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array | None:
        """What the theorem promises not to grow, of a state and the one before it, given the limit
        of the states; None: the theorem is of something else.
        """
        return None

    def nonfinite(self, state: Carry) -> str | None:
        """What is NaN or Inf at a state beside what operators return there, as a value."""
        return None

    def contradiction(self, state: Carry) -> str | None:
        """What shows near a state, from which steps get nowhere, that a term is not what it is
        said to be.
        """
        return None

    def square(self, x: Point) -> Array:
        """‖x‖², of batch shape, for points of any space with the batch axes of x0's."""
        return Space.of(x, self.space.batch_ndim).inner(x, x)


def _itself(state: Carry) -> Carry:
    return state


def after_backward(alpha: Scalar, y: Point, x: Point, Fx: Point) -> Reading:
    """x = R_{αG}y, (y − x)/α ∈ G(x) and F x."""
    of_G = scale(1 / alpha, subtract(y, x))
    return Reading(x, (of_G, Fx), lambda: (scale(1 / alpha, x),))


class ForwardBackwardIteration(Iteration):
    """Base of those whose steps end with x⁺ = R_{αG}y, and whose looks evaluate F at x⁺: the carry
    begins with x⁺, and a trace is (y, x⁺).
    """

    alpha: Scalar
    F: PointMap

    def read(self, trace: Trace) -> Reading:
        y, x = trace
        return after_backward(self.alpha, y, x, self.F(x))

    def governing(self, state: Carry) -> Point:
        return state[0]


class Around(Iteration):
    """Base of iterations that are ``inner`` in other variables, and have its metric."""

    inner: Iteration
    # what the inner one frees, and this around it
    _freed: tuple[Iteration, Iteration] | None = None

    def as_map(self) -> Iteration:
        return self._around(self.inner.as_map())

    @property
    def plain(self) -> Iteration:
        inner = self.inner.plain
        return self if inner is self.inner else self._around(inner)

    def _around(self, inner: Iteration) -> Iteration:
        same = copy.copy(self)
        same.inner = inner
        return same

    def free(self, state: Carry) -> Freed | None:
        found = self.inner.free(state)
        if found is None or found[0] is self.inner:
            return found and (self, *found[1:])
        inner, *rest = found
        if self._freed is None or self._freed[0] is not inner:
            self._freed = inner, self._around(inner)
        return self._freed[1], *rest

    def enter(self, space: Space) -> None:
        super().enter(space)
        self.inner.enter(space)

    def run(self, state: Carry, n: int, loop: Loop) -> Carry:
        return self.inner.run(state, n, loop)

    def outward(self, u: Point) -> Point:
        return self.inner.outward(u)

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return self.inner.continued(state, earlier)

    def displaced(self, step: Point) -> Point | None:
        return self.inner.displaced(step)

    @property
    def counts_restarts(self) -> bool:  # type: ignore[override]
        return self.inner.counts_restarts

    def restarts(self, state: Carry) -> Array:
        return self.inner.restarts(state)

    def product(self, a: Point, b: Point) -> Array:
        return self.inner.product(a, b)

    def length(self, r: Point) -> Array:
        return self.inner.length(r)

    def rough_product(self, a: Point, b: Point) -> Array:
        return self.inner.rough_product(a, b)

    def rough_length(self, r: Point) -> Array:
        return self.inner.rough_length(r)


class MapIteration(Iteration):
    """u ↦ T(u) for an operator expression T, from x₀ or what ``start`` makes of it; what the
    factors of T return is the trace.
    """

    def __init__(self, T: Operator, read: Any, start: PointMap | None = None) -> None:
        self.T, self._read, self._start = T, read, start

    def init(self, x0: Point) -> Carry:
        return x0 if self._start is None else self._start(x0)

    @cached_property
    def step(self) -> PointMap:
        return self.T.make_evaluation()

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u_next, factors = self.T.trace(state)
        return u_next, (state, u_next, *factors)

    def read(self, trace: Trace) -> Reading:
        reading: Reading = self._read(*trace)
        return reading

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return earlier if shapes_of(earlier) == shapes_of(state) else state

    def moved(self, before: Carry, after: Carry) -> Point:
        return subtract(after, before)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖u − u*‖²: T is nonexpansive wherever a theorem holds."""
        return self.square(subtract(state, limit))
