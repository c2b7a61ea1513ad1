"""What a solution is worth, computed when it is asked for: Σ fᵢ(Lᵢx), and how much better than that
anything can be (the duality gap of ``gap.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

from splitkit.backend import Array, Point, Space, add, solving
from splitkit.looks import known_points
from splitkit.solvers.gap import Duality
from splitkit.solvers.iteration import Carry, Iteration
from splitkit.solvers.potentials import NoPotentialError
from splitkit.solvers.summands import NoValueError, Summand, summands

if TYPE_CHECKING:
    from splitkit.solvers.method import Method
    from splitkit.solvers.terms import Term


class Values:
    """The values of the terms of a plan, where they have such."""

    def __init__(
        self, method: Method, terms: Sequence[Term], iteration: Iteration, space: Space
    ) -> None:
        self.method, self.terms, self.iteration, self.space = method, terms, iteration, space

    @cached_property
    def _summands(self) -> list[Summand]:
        """The functions, convex or not; of none that has no value."""
        try:
            return summands(self.terms, convex=False)
        except NoPotentialError:
            return []

    @cached_property
    def _duality(self) -> Duality | None:
        try:
            return Duality(self.method, self.terms)
        except NoPotentialError:
            return None

    def objective(self, x: Point) -> Array | None:
        """Σ f(Lx), sets counting as 0; None: a term has no value. In the context of ``solving``."""
        if not self._summands:
            return None
        batch = self.space.batch_ndim
        try:
            values = [s.value(s.at(x), None, batch) for s in self._summands]
        except NoValueError:
            return None
        return reduce(add, [value for value, _ in values])

    def gap(self, x: Point, state: Carry) -> Array | None:
        """The objective at x less the best dual one that the step after ``state`` shows."""
        primal = self.objective(x)
        if primal is None or self._duality is None:
            return None
        xp = self.space.xp
        self.iteration.enter(self.space)
        after, trace = self.iteration.advance(state)
        reading, u = self.iteration.read(trace), self.iteration.governing(after)
        best, found = 0.0 * primal + xp.inf, 0.0 * primal + xp.inf
        try:
            for dual, *missed in self._duality.duals(reading, u, self.space):
                gap, far = primal - dual, xp.maximum(*missed)
                size = xp.maximum(abs(primal), abs(dual)) + self.space.least
                # what proves most counts: both a small gap and duals that are nearly exact
                weight = xp.maximum(abs(gap) / size, far)
                better = (far <= self.space.eps**0.25) & (weight < best)
                best, found = xp.where(better, weight, best), xp.where(better, gap, found)
        except NoValueError:
            return None
        return found


class Worth:
    """What x is worth, and with the state beside it the gap; a pickled copy holds the numbers."""

    def __init__(self, values: Values, x: Point, state: Carry = None) -> None:
        self.values, self.x, self.state = values, x, state

    @cached_property
    def objective(self) -> Array | None:
        with solving(self.x), known_points():
            return self.values.objective(self.x)

    @cached_property
    def gap(self) -> Array | None:
        if self.state is None:
            return None
        with solving(self.x), known_points():
            return self.values.gap(self.x, self.state)

    def __getstate__(self) -> dict[str, Any]:
        return {"objective": self.objective, "gap": self.gap}
