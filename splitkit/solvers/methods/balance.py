"""Primal and dual steps in balance: τ ← cτ, σ ← σ/c while a ratio q is not about 1.

Where a change is cheap, q is that of how far x and y have moved since the last look, each in its
part of the metric in which the iteration is averaged,

    q = (‖Δx‖/√τ) / (‖Δy‖/√σ).

It has no units, and a τ that is too short lets y move more. Where q is not within ``apart`` of 1,
c = √q, but at the k-th change 1 − aₖ ≤ c ≤ 1/(1 − aₖ) with aₖ = 0.8 · 0.94ᵏ: Σ aₖ < ∞, so that
steps converge. They are changed ``changes`` times at most, and kept within the theorem of the
method, which so holds from the last change on. All elements of a batch share their steps. q is
taken every ``first`` iterations, and later after a part of those that were made. A start from a
solution goes on with its steps, and as late in aₖ: there x and y move by little but chance.

Where a change costs a factorization, there are ``FEW``, each by a power of 2, and none after one
for which the matrix cannot be factored, or solved with, which is taken back. Of ADMM then q =
‖r_x‖/‖r_y‖ for r = (r_x, r_y) ∈ (A x + Lᵀy + C x) × (B⁻¹y − Lx), each beside the size of what
cancels in it: they have units of their own, and a long τ makes r_x small and r_y large. Of two
resolvents, u = x + αb with x = R_{αG}u and b ∈ Gx, it is that of movements with τ = α, σ = 1/α, and
y = b, every 20 iterations at first.

Source: Goldstein, Li, Yuan, *Adaptive primal-dual splitting methods for statistical learning and
image processing* (2015), §3, for residuals and changes; Applegate et al., *Practical large-scale
linear programming using primal-dual hybrid gradient* (2021), §3.3, for movements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import NamedTuple

import numpy as np

from splitkit.backend import Array, Point, Space, add, inner, subtract
from splitkit.solvers.iteration import Carry, Freed, Iteration, Loop, Reading, Trace
from splitkit.solvers.methods.primal_dual_steps import Steps
from splitkit.solvers.terms import Term

AT_ONCE = 4  # by more no residual is balanced: one that is rounding alone would ask for it
WIDEST = 128.0  # by more no step moves from its first value: b may be 0 at the solution, or x be x₀


class Pace(NamedTuple):
    """How often steps are changed.

    Attributes
    ----------
    apart : float
        What q may be apart from 1.
    first : int
        Iterations between the first looks.
    changes : int
        The most changes that are made.
    later : int
        The part of the iterations made after which q is taken again.
    whole : bool
        Whether a change is by a power of 2, of at most ±``AT_ONCE``.
    """

    apart: float = 1.3
    first: int = 15
    changes: int = 60
    later: int = 8
    whole: bool = False


OFTEN = Pace()
FEW = Pace(apart=3.0, first=10, changes=16, later=4, whole=True)
SELDOM = FEW._replace(first=20)
CLOSELY = Pace(first=2)


class Balance(NamedTuple):
    """The state of the steps: themselves, when to look next, the iterations made, changes made, the
    steps before the last of them, and x and y at the last look, where their movement counts.
    """

    steps: Steps
    next_look: int
    made: int = 0
    changes: int = 0
    earlier: Steps | None = None
    seen: tuple[Point, Point] | None = None


class Balanced(Iteration):
    """The iteration of a primal-dual method, with its steps balanced.

    Parameters
    ----------
    steps : Steps
        Those at the start.
    at : callable
        The iteration with these steps.
    within : callable
        τ ↦ the steps of the theorem whose τ is nearest to this one.
    norm : float
        ‖L‖.
    pace : Pace
    """

    _entered: Space | None

    def __init__(
        self,
        steps: Steps,
        at: Callable[[Steps], Iteration],
        within: Callable[[float], Steps],
        norm: float,
        pace: Pace = OFTEN,
    ) -> None:
        self.steps, self.at, self.within, self.norm, self.pace = steps, at, within, norm, pace
        self.bound, self._entered = (steps, at(steps)), None

    def _with(self, steps: Steps) -> Iteration:
        """The iteration, its resolvents built once for steps that stay."""
        if self.bound[0] != steps:
            self.bound = steps, self.at(steps)
            if self._entered is not None:
                self.bound[1].enter(self._entered)
        return self.bound[1]

    def init(self, x0: Point) -> Carry:
        return self._with(self.steps).init(x0), Balance(self.steps, self.pace.first)

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return self._with(self.steps).init_at(x0, dual), Balance(self.steps, self.pace.first)

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        pair, now = state
        known = earlier[-1] if isinstance(earlier, tuple) else None
        if not isinstance(known, Balance):
            return state
        before, steps = self._with(now.steps), self.within(known.steps.tau)
        try:
            pair = self._with(steps).taken_over(pair, before)
        except np.linalg.LinAlgError:  # of other data, with whose matrix they are no steps
            return state
        return pair, known._replace(steps=steps, earlier=now.steps, seen=None)

    def step(self, state: Carry) -> Carry:
        pair, now = state
        if now.made + 1 == now.next_look:
            return self.advance(state)[0]
        try:
            return self._with(now.steps).step(pair), now._replace(made=now.made + 1)
        except np.linalg.LinAlgError as error:
            return self.step(self._taken_back(state, error))

    def _taken_back(self, state: Carry, error: np.linalg.LinAlgError) -> Carry:
        """The state with the steps before the last change, after which there are no more, as those
        of the change fail by an error that is raised where there was none. So does Krylov's method,
        which is slow at extreme steps.
        """
        pair, now = state
        if now.earlier is None:
            raise error
        failing = self._with(now.steps)
        kept = now._replace(steps=now.earlier, earlier=None, changes=self.pace.changes)
        return self._with(kept.steps).taken_over(pair, failing), kept

    def run(self, state: Carry, n: int, loop: Loop) -> Carry:
        while n > 0:
            pair, now = state
            free = min(n, now.next_look - 1 - now.made) if now.made < now.next_look else n
            if free > 0:
                try:
                    pair = loop(self._with(now.steps).step, pair, free)
                except np.linalg.LinAlgError as error:
                    state = self._taken_back(state, error)
                    continue
                state, n = (pair, now._replace(made=now.made + free)), n - free
            else:
                state, n = self.advance(state)[0], n - 1
        return state

    def free(self, state: Carry) -> Freed | None:
        pair, now = state
        if now.made + 1 == now.next_look:
            return None
        after = now._replace(made=now.made + 1)
        return self._with(now.steps), pair, lambda pair: (pair, after)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        pair, now = state
        iteration = self._with(now.steps)
        try:
            after, left = iteration.advance(pair)
        except np.linalg.LinAlgError as error:
            return self.advance(self._taken_back(state, error))
        later = now._replace(made=now.made + 1)
        if later.made == later.next_look and later.changes < self.pace.changes:
            pair = iteration.outward(iteration.governing(after))
            later = self._looked(later, iteration, left, pair)
            if later.steps != now.steps:
                try:
                    after = self._with(later.steps).taken_on(after, left, iteration)
                except np.linalg.LinAlgError:  # no matrix is factored there: the steps stay
                    later = later._replace(steps=now.steps, changes=self.pace.changes)
        return (after, later), (iteration, left)

    def _looked(self, now: Balance, iteration: Iteration, left: Trace, pair: Point) -> Balance:
        """The steps for the iterations that follow."""
        now = now._replace(next_look=now.made + max(self.pace.first, now.made // self.pace.later))
        ratio, now = self._quotient(now, iteration, left, pair)
        if ratio is None or 1 / self.pace.apart <= ratio <= self.pace.apart:
            return now
        factor = ratio**0.5
        if self.pace.whole:
            factor = 2.0 ** min(max(round(math.log2(factor)), -AT_ONCE), AT_ONCE)
        else:
            least = 1 - 0.8 * 0.94**now.changes
            factor = min(max(factor, least), 1 / least)
        steps = self.within(factor * now.steps.tau)
        return now._replace(steps=steps, changes=now.changes + 1, earlier=now.steps)

    def _quotient(
        self, now: Balance, iteration: Iteration, left: Trace, pair: Point
    ) -> tuple[float | None, Balance]:
        """q, None where it says nothing, and what is kept for the next look."""
        seen = pair[0], pair[-1]
        return _of_movements(now, seen), now._replace(seen=seen)

    def read(self, trace: Trace) -> Reading:
        iteration, left = trace
        reading: Reading = iteration.read(left)
        return reading

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        return self.bound[1].elements_of(terms, of)

    def enter(self, space: Space) -> None:
        super().enter(space)
        self._entered = space
        self.bound[1].enter(space)

    def outward(self, u: Point) -> Point:
        return self.bound[1].outward(u)

    def displaced(self, step: Point) -> Point | None:
        return self.bound[1].displaced(step)

    def governing(self, state: Carry) -> Point:
        return self.bound[1].governing(state[0])

    @property
    def counts_restarts(self) -> bool:  # type: ignore[override]
        return self.bound[1].counts_restarts

    def restarts(self, state: Carry) -> Array:
        return self.bound[1].restarts(state[0])


class BalancedPenalty(Balanced):
    """That of ADMM, a few times, by the residuals."""

    def __init__(self, rho: float, at: Callable[[Steps], Iteration], norm: float) -> None:
        super().__init__(Steps(1 / rho, rho), at, lambda tau: Steps(tau, 1 / tau), norm, FEW)

    def _quotient(
        self, now: Balance, iteration: Iteration, left: Trace, pair: Point
    ) -> tuple[float | None, Balance]:
        """‖r_x‖/‖r_y‖, each relative; None: one says nothing."""
        reading = iteration.read(left)
        r = reduce(add, reading.terms)
        primal, dual = (self._relative(i, r[i], reading, pair[-1 if i == 0 else 0]) for i in (0, 1))
        return _ratio(primal, dual), now

    def _relative(self, i: int, r: Point, reading: Reading, other: Point) -> float:
        """‖rᵢ‖ beside the largest part of it; beside ‖L‖‖y‖, or ‖L‖‖x‖, where none cancels. At
        least the rounding of that, which is there or not as units have it.
        """
        length = _size(r)
        size = max(_size(part[i]) for part in (*reading.terms, *reading.sizes))
        if size < 2 * length and self.norm < math.inf:
            size = self.norm * _size(other)
        elif size < 2 * length and reading.bounds is not None:
            size = _size(reading.bounds(self.space)[-i])
        return max(length / size, self.space.eps) if size > 0 else 0.0


class BalancedStep(Balanced):
    """That of two resolvents, a few times, by no more than ``WIDEST`` in all; a state goes from u =
    x + αb to x + α⁺b.
    """

    def __init__(self, alpha: float, at: Callable[[Steps], Iteration], pace: Pace = SELDOM) -> None:
        def within(tau: float) -> Steps:
            tau = min(max(tau, alpha / WIDEST), alpha * WIDEST)
            return Steps(tau, 1 / tau)

        super().__init__(within(alpha), at, within, 1.0, pace)

    def _quotient(
        self, now: Balance, iteration: Iteration, left: Trace, pair: Point
    ) -> tuple[float | None, Balance]:
        reading = iteration.read(left)
        seen = reading.x, reading.terms[-1]
        return _of_movements(now, seen), now._replace(seen=seen)

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        pair, now = super().continued(state, earlier)
        if now.steps is not state[1].steps:
            pair = self._with(now.steps).continued(pair, earlier[0])
        return pair, now


def _of_movements(now: Balance, seen: tuple[Point, Point]) -> float | None:
    """(‖Δx‖/√τ)/(‖Δy‖/√σ) since the last look; None: there was none, or one stands still."""
    if now.seen is None:
        return None
    dx, dy = (_size(subtract(new, old)) for new, old in zip(seen, now.seen, strict=True))
    return _ratio(dx * now.steps.sigma**0.5, dy * now.steps.tau**0.5)


def _ratio(a: float, b: float) -> float | None:
    return a / b if 0 < a < math.inf and 0 < b < math.inf else None


def _size(x: Point) -> float:
    """‖x‖, over a whole batch."""
    return math.sqrt(float(inner(x, x, 0)))
