"""The only loop: it advances an iteration until every batch element meets its tolerance.

Between checks it does nothing but step. At a check each batch element is measured by itself; one
that meets the tolerance keeps the values that it has then. The host reads one number a check (the
worst ratio), and places the next check where the observed decrease predicts the end, at most
doubling the iteration count.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce

from splitkit.backend import Array, Point, Scalar, Space, add, subtract, where
from splitkit.solvers.displacement import Displacement, goes_on
from splitkit.solvers.iteration import Iteration, Reading, State
from splitkit.solvers.solution import History, Status
from splitkit.solvers.stopping import Measurement, Stopping
from splitkit.solvers.watch import Watch


@dataclass
class Schedule:
    """When to look next: where the observed decrease of the ratio predicts 1."""

    next_check: int = 1
    last: tuple[int, float] | None = None

    def plan(self, k: int, ratio: float) -> None:
        """Place the check after k, at which the worst ratio was this."""
        wait = max(1, k // 4)
        if self.last is not None and 0 < ratio < self.last[1]:
            k0, ratio0 = self.last
            per_step = math.log(ratio0 / ratio) / (k - k0)
            wait = max(1, min(k, math.ceil(math.log(ratio) / per_step))) if ratio > 1 else 1
        self.last = (k, ratio)
        self.next_check = k + wait


@dataclass
class Run:
    """Where a run stands; ``advance`` updates it. It holds all that is needed to go on.

    Attributes
    ----------
    live : state
        What the iteration continues from.
    kept : state
        The same, but of each batch element that is done what it was then.
    x, latest : point
        The approximate solution, with elements that are done as they were then, and without.
    checked : state
        The live one of the latest check.
    first : tuple of arrays
        ‖r‖ and ‖x‖ at the first check.
    checkpoint : Run or None
        What a resumed run begins with, if not this.
    """

    live: State
    kept: State = None
    checked: State = None
    first: tuple[Array, Array] | None = None
    checkpoint: Run | None = None
    x: Point | None = None
    latest: Point | None = None
    residual: Array = None
    iterations: Array = None
    done: Array = None
    worst: float = math.inf
    failed: bool = False
    infeasible: bool = False
    displacement: Point | None = None
    status: Status = Status.ITERATION_LIMIT
    detail: str = ""
    iteration: int = 0
    history: History = field(default_factory=History)
    schedule: Schedule = field(default_factory=Schedule)
    drift: Displacement = field(default_factory=Displacement)

    def resumed(self) -> Run:
        """A run that goes on from here, and leaves this one as it is."""
        again = copy.copy(self)
        again.checkpoint = None
        history = self.history
        again.history = History(
            list(history.iteration), list(history.residual), list(history.fixed_point_residual)
        )
        again.schedule = copy.copy(self.schedule)
        again.drift = Displacement(list(self.drift.seen))
        again.status, again.detail = Status.ITERATION_LIMIT, ""
        return again


@dataclass(frozen=True)
class Task:
    """What does not change in a run.

    Attributes
    ----------
    error_factor : float or None
        1/m if ‖r‖/m bounds the distance to the solution.
    apart : float, array or None
        α if the elements that make up r are known at points only that are α‖r‖ apart.
    averaged : bool
        Whether the iteration is an averaged map, so that its displacement shows inconsistency.
    """

    iteration: Iteration
    space: Space
    stopping: Stopping
    watch: Watch
    error_factor: float | None
    apart: Scalar
    averaged: bool


def advance(run: Run, task: Task, *, max_iter: int, every: bool) -> Iterator[Run]:
    """Iterate from ``run``, yielding it after each check: at every iteration, or where the schedule
    looks. Ends when all batch elements are done, an operator is at fault, or after max_iter more
    iterations. After an interruption the run can be continued from the last whole iteration.
    """
    step, first = task.iteration.step, run.iteration + 1
    last = run.iteration + max_iter
    k, run.checked = run.iteration, run.live
    try:
        for k in range(first, last + 1):
            if not every and k < run.schedule.next_check and k < last:
                run.live = step(run.live)
                continue
            unplanned = not every and k < run.schedule.next_check
            before = run.resumed() if unplanned else None
            _check(run, task, k)
            if before is not None:
                # the last iteration is measured, but a resumed run goes on as if it were not
                before.live, before.iteration = run.live, k
            run.checkpoint = before
            yield run
            if run.status is not Status.ITERATION_LIMIT:
                return
    except KeyboardInterrupt:
        run.iteration, run.checkpoint = k - 1, None
        raise


def _check(run: Run, task: Task, k: int) -> None:
    """One iteration, measured."""
    space, watch = task.space, task.watch
    before, known = run.live, run.iteration
    watch.calls, watch.recording = [], True
    try:
        after, trace = task.iteration.advance(before)
        reading = task.iteration.read(trace)
    finally:
        watch.recording = False
    changed = watch.changed()
    if changed is not None:
        raise ValueError(f"an operator changed the point at iteration {k}: {changed}")
    measured = measure(reading, task)
    ratio = _unless_diverging(run, task.stopping.ratio(measured, space), measured, reading, space)
    run.live, run.latest = after, reading.x
    run.worst = _record(run, k, reading.x, measured.residual, ratio, space)
    governing = task.iteration.governing(after)
    moved = subtract(governing, task.iteration.governing(before))
    run.history.fixed_point_residual.append(space.norm(moved))
    if run.failed and not run.detail:
        run.detail = _blame(run.checked, known, k, task)
    run.checked = after
    if k >= run.schedule.next_check and not run.failed:
        if task.averaged:
            _give_up_drifting(run, k, governing, moved, ratio, task)
        run.detail = run.detail or watch.contradiction(space) or ""
        if run.detail:
            run.status = Status.CONTRADICTED
            return
    run.schedule.plan(k, run.worst)
    if run.worst <= 1.0:
        run.status = (
            Status.NONFINITE
            if run.failed
            else Status.INFEASIBLE
            if run.infeasible
            else Status.CONVERGED
        )
    elif task.stopping.exhausted(measured):
        run.status = Status.TIME_LIMIT


def _unless_diverging(
    run: Run, ratio: Array, measured: Measurement, reading: Reading, space: Space
) -> Array:
    """The ratio, above 1 where x has grown and the residual has not fallen since the first check:
    beside an x that runs to infinity every residual looks small.
    """
    size = space.norm(reading.x)
    if run.first is None:
        run.first = measured.residual, size
        return ratio
    residual, first_size = run.first
    diverging = (measured.residual >= 0.5 * residual) & (size > 4.0 * first_size)
    return space.xp.where(diverging, space.xp.maximum(ratio, 2.0 + 0.0 * ratio), ratio)


def measure(reading: Reading, task: Task) -> Measurement:
    """‖r‖ and what it is to be compared with."""
    space = task.space
    residual = space.norm(reduce(add, reading.terms))
    size = space.norm(reading.terms[0])
    for point in (*reading.terms[1:], *reading.sizes):
        size = space.xp.maximum(size, space.norm(point))
    bound = None if task.error_factor is None else task.error_factor * residual
    distance = None if task.apart is None else task.apart * residual
    return Measurement(residual, size, bound, distance)


def _record(run: Run, k: int, x: Point, residual: Array, ratio: Array, space: Space) -> float:
    """Take over the values of elements that are not done yet; return their worst ratio."""
    xp = space.xp
    if run.x is None or space.batch_ndim == 0:
        run.x, run.kept, run.residual = x, run.live, residual
        run.done = ratio <= 1.0
        run.iterations = xp.ones(residual.shape, dtype=xp.int64, device=space.device) * k
        open_ratio = ratio
    else:
        done = run.done
        run.x, run.kept = where(done, run.x, x), where(done, run.kept, run.live)
        run.residual = where(done, run.residual, residual)
        run.iterations = xp.where(done, run.iterations, 0 * run.iterations + k)
        open_ratio = xp.where(done, xp.zeros_like(ratio), ratio)
        run.done = done | (ratio <= 1.0)
    run.iteration = k
    run.history.iteration.append(k)
    run.history.residual.append(residual)
    worst = float(xp.max(open_ratio)) if math.prod(residual.shape) else 0.0
    if math.isfinite(worst):
        return worst
    # A non-finite element cannot recover: it is given up, the others go on.
    finite = xp.isfinite(ratio) | run.done
    run.failed = True
    run.done = run.done | ~finite
    return float(xp.max(xp.where(run.done, xp.zeros_like(ratio), ratio)))


def _give_up_drifting(run: Run, k: int, u: Point, step: Point, ratio: Array, task: Task) -> None:
    """Elements whose displacement persists, and far ahead too, are given up; the others go on."""
    space = task.space
    drifting = run.drift.persists(k, u, step, space)
    if drifting is None:
        return
    drifting = drifting & ~run.done
    if bool(space.xp.any(drifting)):
        # of an averaged map the state is the governing point
        drifting = drifting & goes_on(k, u, step, task.iteration.step, space)
    if bool(space.xp.any(drifting)):
        run.infeasible, run.displacement = True, step
        run.done = run.done | drifting
        run.worst = float(space.xp.max(space.xp.where(run.done, 0 * ratio, ratio)))


def _blame(state: State, known: int, k: int, task: Task) -> str:
    """Repeat the iterations known + 1 … k, and say which operator first returned NaN or Inf."""
    watch = task.watch
    for j in range(known + 1, k + 1):
        watch.calls, watch.recording = [], True
        try:
            state, trace = task.iteration.advance(state)
            task.iteration.read(trace)
        finally:
            watch.recording = False
        name = watch.nonfinite(task.space)
        if name is not None:
            return f"{name} returned it at iteration {j}"
    return f"the iteration overflowed by iteration {k}"
