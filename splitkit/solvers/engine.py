"""The only loop: it advances an iteration until every batch element meets its tolerance.

Between checks it does nothing but step. At a check each batch element is measured by itself; one
that meets the tolerance keeps the values that it has then. The host reads a few numbers a check
(the worst ratio before all), and places the next check where the observed decrease predicts the
end, ``SHORT`` iterations or a tenth of those made ahead at most, so that no solve runs on for long
after its end. One that is not to end by its tolerance is looked at whenever its count doubles.

A residual that swings meets its tolerance for a few iterations, long before it stays below. Where
it is near, a *peek* follows each check: ‖r‖ beside the sizes of the last check, which costs a
fifth of one. If r does not fall as steadily as between the checks, peeks go on, and where two of
them lead to 1 the next one is.

Where a measurement costs more than an iteration, the length of the step decides whether there is
one: it falls as ‖r‖ does, so that, beside what both were when last measured, it predicts ‖r‖.
Before the first measurement ‖u⁺ − u‖/‖u⁺‖ stands for the relative residual. If the first look is
at the second step, that has a decrease to predict from.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import cycle
from operator import or_
from typing import Any, NamedTuple

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    blocks,
    chosen,
    extremes,
    greatest,
    is_traced,
    keeping_layout,
    laid_out,
    scale,
    shapes_of,
    subtract,
    where,
)
from splitkit.operators.base import Operator
from splitkit.solvers.certificate import Certificate, certified
from splitkit.solvers.compiled import Compiled
from splitkit.solvers.displacement import Drift
from splitkit.solvers.iteration import Carry, Iteration, Reading
from splitkit.solvers.row_groups import Groups, norms_of_rows
from splitkit.solvers.solution import History, Status
from splitkit.solvers.steepness import may_vary, variation
from splitkit.solvers.stopping import Measurement, Stopping
from splitkit.solvers.terms import PLAIN, Role, Term
from splitkit.solvers.watch import Pair, Watch

ROUNDING = 16  # errors of one rounding, that r may have beside what it is made of
DOUBTFUL = 10 * ROUNDING  # parts of its bound that rounding may well have
LOST = 16.0  # times as large as x, points whose difference it is leave few of its digits
NEARLY = 0.1  # part of what cancels; where r is larger, it does not cancel yet
STEEP = 10.0  # times as much as it is seen to, an operator may vary
LEAST_STEPS, PART = 8, 32  # to correct a certificate: as many, or that part of the iterations
SHORT = 20  # iterations between checks that count as few
LINGER = 10  # iterations for which rounding is watched
FAR = 1.25  # times its tolerance, what is predicted is not worth a measurement
NEAR = 30.0  # times its tolerance, a residual that swings is peeked at
UNEVEN = 1.25  # what falls so many times as fast as it did, or as slowly, swings
SPACING, SWINGS = 4, 120  # iterations between two peeks, or that part of all


@dataclass
class Schedule:
    """When to look next: where the observed decrease of the ratio predicts 1."""

    next_check: int = 1
    last: tuple[int, float] | None = None
    next_peek: int | None = None
    seen: tuple[int, float] = (0, math.inf)  # at the latest check or peek
    pace: float = 0.0  # at which the logarithm fell between checks; 0: r swings
    swung: bool = False  # near the end, so that it may again while it falls

    @property
    def due(self) -> int:
        """The iteration of the next check or peek."""
        return min(self.next_check, self.next_peek or self.next_check)

    def stalled(self, ratio: float) -> bool:
        """Whether the ratio, above 1, has not halved since the last check."""
        return self.last is not None and ratio > max(1.0, 0.5 * self.last[1])

    def plan(self, k: int, ratio: float, *, endless: bool = False, peeks: bool = False) -> None:
        """Place the check after k, at which the worst ratio was this, and the first peek."""
        longest = k if endless else max(SHORT, k // 10)
        wait = max(1, k // 4)
        self.pace = 0.0
        if self.last is not None and 0 < ratio < self.last[1]:
            k0, ratio0 = self.last
            self.pace = math.log(ratio0 / ratio) / (k - k0)
            # a quarter of an iteration more: to look one too early costs more than one iteration
            wait = math.ceil(math.log(max(ratio, 1.0)) / self.pace + 0.25)
            wait = max(1, min(k, wait))
        elif self.last is not None and self.last[1] < NEAR:
            self.swung = True
        self.last = self.seen = (k, ratio)
        self.next_check = k + min(wait, longest)
        self.next_peek = k + 1 if peeks and 1.0 < ratio < NEAR else None

    def peeked(self, k: int, ratio: float) -> None:
        """Place the peek after that at k, where the worst ratio was this, above 1."""
        k0, ratio0 = self.seen
        self.next_peek, self.seen = None, (k, ratio)
        pace = math.log(ratio0 / ratio) / (k - k0)
        if self.pace / UNEVEN < pace < UNEVEN * self.pace and not self.swung:
            return
        self.pace = 0.0
        wait = max(SPACING, k // SWINGS)
        if ratio < ratio0:  # the line through both
            wait = max(1, min(wait, math.floor((ratio - 1.0) * (k - k0) / (ratio0 - ratio))))
        self.next_peek = k + wait


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
    measured : tuple of arrays
        The ratio, or what stood for it, and the length of the step when last measured.
    sizes : list of arrays
        What each part of the residual was compared with then.
    nearby : tuple
        A place, the sizes of what cancels that were measured near it, and the largest ‖x‖ there.
    settling : tuple
        Since when the residual has been rounding, and the ratio then.
    floor : float or None
        The ratio of elements that are as exact as they get.
    any_done : bool
        Whether the host knows of an element that is done.
    checkpoint : Run or None
        What a resumed run begins with, if not this.
    """

    live: Carry
    kept: Carry = None
    checked: Carry = None
    measured: tuple[Array, Array] | None = None
    sizes: list[Array] = field(default_factory=list)
    checkpoint: Run | None = None
    x: Point | None = None
    latest: Point | None = None
    residual: Array = None
    iterations: Array = None
    done: Array = None
    any_done: bool = False
    worst: float = math.inf
    failed: bool = False
    certificate: Certificate | None = None
    floor: float | None = None
    nearby: tuple[Point, list[Array], Array] | None = None
    settling: tuple[int, float] | None = None
    displacement: Point | None = None
    status: Status = Status.ITERATION_LIMIT
    detail: str = ""
    iteration: int = 0
    history: History = field(default_factory=History)
    schedule: Schedule = field(default_factory=Schedule)
    drift: Drift = field(default_factory=Drift)

    def __getstate__(self) -> dict[str, Any]:
        return {name: keeping_layout(value) for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: laid_out(value) for name, value in state.items()})

    def resumed(self) -> Run:
        """A run that goes on from here, and leaves this one as it is."""
        again = copy.copy(self)
        again.checkpoint = None
        history = self.history
        again.history = History(
            list(history.iteration),
            list(history.residual),
            list(history.fixed_point_residual),
            list(history.objective),
            list(history.restarts),
        )
        again.schedule = copy.copy(self.schedule)
        again.drift = copy.copy(self.drift)
        again.status, again.detail = Status.ITERATION_LIMIT, ""
        return again


class Taken(NamedTuple):
    """What each batch element is to be taken for: x, state, ‖r‖ and iterations of those that are
    done as they were then.
    """

    x: Point
    kept: Carry
    residual: Array
    iterations: Array
    done: Array


class Look(NamedTuple):
    """An iteration, measured.

    Attributes
    ----------
    after : state
    x : point
        The approximate solution.
    moved, length
        By how much the governing point did.
    measured : Measurement
    ratio : array
    bounds : tuple of float
        The least and the greatest ratio.
    elements : callable
        () ↦ an element of each term.
    settled : callable
        Elements that are done ↦ the greatest ratio of the others that rounding may keep open, and
        what marks them.
    taken : tuple, or None
        With the worst ratio of elements that were open, and of those that still are; None: they
        are to be found.
    """

    after: Carry
    x: Point
    moved: Point
    length: Array
    measured: Measurement
    ratio: Array
    bounds: tuple[float, float]
    elements: Callable[[], tuple[Point | None, ...]]
    settled: Callable[[Array], tuple[float, Callable[[], Array]]]
    taken: tuple[Taken, float, float] | None = None


Seen = tuple[Operator, Point, Point, Array]  # A, x′, A(x′), and whether x′ is near
Remember = Callable[["Run", Reading, list[Array], list[Array], "Task"], list[Array]]


@dataclass(slots=True)
class Task:
    """What does not change in a run.

    Attributes
    ----------
    error_factor : float or None
        1/m if ‖r‖/m bounds the distance to the solution.
    apart : float, array or None
        α if the elements that make up r are known at points only that are α‖r‖ apart.
    terms : tuple of Term
        Those of the inclusion, to tell that it has no solution; none where no look is wanted.
    groups : tuple
        The rows that are judged by themselves, see ``row_groups``.
    least_sizes : list of arrays
        Of each block and group of rows, what cancels there at least: the terms' constants.
    sizes_without : callable
        Identities of operators ↦ those of the other terms alone.
    fit : Term or None
        The one composed term LᵀBL, if B is single-valued and rows are judged by themselves.
    objective : callable or None
        x ↦ its value, to be recorded.
    sparing : bool
        Whether to measure only where the length of the step promises the end, and not at every
        check.
    compiled : Compiled or None
        What compiles steps between checks.
    peeks : bool
        Whether ‖r‖ alone shows an end, and costs less than to measure it.
    glance : callable or None
        (run, task, k) ↦ the k-th iteration, measured by a compiled function; None: by none.
    """

    iteration: Iteration
    space: Space
    stopping: Stopping
    watch: Watch
    error_factor: float | None
    apart: Scalar
    terms: tuple[Term, ...]
    sparing: bool = False
    groups: Groups = ()
    least_sizes: Sequence[Array] = ()
    sizes_without: Callable[[Container[int]], Sequence[Array]] = lambda others: ()
    fit: Term | None = None
    compiled: Compiled | None = None
    peeks: bool = False
    glance: Callable[[Run, Task, int], Look | None] | None = None
    objective: Callable[[Point], Array] | None = None

    def norms(self, x: Point) -> list[Array]:
        """‖·‖ of each block and group of rows, of what begins with the blocks of x."""
        return norms_of_rows(x, self.groups, self.space)

    def spread(self, of_blocks: Sequence[Array]) -> list[Array]:
        """What bounds a block as a whole; 0 for each of its groups, of which it says nothing."""
        counts = [max(1, len(masks)) for masks in self.groups or ((),)]
        bounds = zip(of_blocks, cycle(counts))
        return [each if n == 1 else 0.0 * each for each, n in bounds for _ in range(n)]


def advance(run: Run, task: Task, *, max_iter: int, every: bool) -> Iterator[Run]:
    """Iterate from ``run``, yielding it after each check: at every iteration, or where the schedule
    looks. Ends when all batch elements are done, an operator is at fault, or after max_iter more
    iterations. After an interruption the run can be continued from the last whole iteration.
    """
    step, k = task.iteration.step, run.iteration
    last, run.checked = k + max_iter, run.live
    compiled = None if every else task.compiled
    glance = None if every else task.glance
    try:
        while k < last:
            following = k + 1
            due = run.schedule.due if task.peeks else run.schedule.next_check
            look = following if every else max(following, min(due, last))
            turn = look if compiled is None else compiled.turn(following, look)
            for k in range(following, turn):  # noqa: B007 (an interruption asks where it was)
                run.live = step(run.live)
            if compiled is not None and turn < look:
                k = turn
                run.live = compiled.run(run.live, look - turn)
            k = look
            peek = task.peeks and not every and k == due < run.schedule.next_check
            if peek and _leads_on(run, task, k, final=k == last):
                continue
            unplanned = not every and k < run.schedule.next_check
            before = run.resumed() if unplanned else None
            sparing = task.sparing and not every and k < last
            known, seen = run.iteration, None if glance is None else glance(run, task, k)
            if seen is None:
                seen = _look(run, task, k, sparing=sparing)
            if compiled is not None:
                run.history.eager = compiled.reason or compiled.blind
            if seen is None:
                continue
            _judge(run, seen, task, k, known)
            if before is not None:
                # the last iteration is measured, but a resumed run goes on as if it were not
                if compiled is None or compiled.turn(k, k + 1) > k:
                    before.live = run.live
                else:
                    before.live = compiled.run(before.live, 1)
                before.iteration = k
            run.checkpoint = before
            yield run
            if run.status is not Status.ITERATION_LIMIT:
                return
    except KeyboardInterrupt:
        run.iteration, run.checkpoint = k - 1, None
        raise


def _leads_on(run: Run, task: Task, k: int, *, final: bool) -> bool:
    """Whether the iteration was taken, and ‖r‖ alone says that it is not the last."""
    schedule, stopping = run.schedule, task.stopping
    after, trace = task.iteration.advance(run.live)
    residual, residuals = residuals_of(task.iteration.read(trace), task)
    # as if what cancels were as large as at the last check
    ratio = stopping.ratio(_compared(residual, residuals, run.sizes, list, task), task.space)
    worst = _worst(task.space.xp.where(run.done, 0.0 * ratio, ratio), task.space)
    if not worst > 1.0:
        schedule.next_check = k
        return False
    schedule.peeked(k, worst)
    if not final:
        run.live = after
    return not final


def _look(run: Run, task: Task, k: int, *, sparing: bool) -> Look | None:
    """One iteration, measured; None if it was not, because it seems to be far from the end."""
    space, watch = task.space, task.watch
    before, known = run.live, run.iteration
    watch.calls, watch.recording = [], True
    try:
        after, trace = task.iteration.advance(before)
        seen = 0
        if not sparing or run.schedule.last is None:
            watch.require_same_kind(k)
            seen = len(watch.calls)
        moved = task.iteration.moved(before, after)
        length = space.norm(moved)
        if sparing:
            expected = _expected(run, length, after, task)
            if FAR < expected < math.inf:
                run.live = after
                if k == 2 and run.schedule.last is None:
                    run.schedule.last = 1, expected / _first_factor(run, length, after, task)
                run.schedule.plan(k, expected, endless=task.stopping.endless)
                return None
        governing = task.iteration.governing(after)
        if not space.has_dtype(governing):  # since the last check
            raise ValueError(_other_kind(run, known, k, task))
        reading = task.iteration.read(trace)
        if reading.again is not None and not task.sparing:
            reading = read_anew(reading, governing, space)
    finally:
        watch.recording = False
    watch.require_same_kind(k, since=seen)
    measured = measure(reading, run, task)
    measured.iteration = k
    task.stopping.see(reading, governing)
    ratio = task.stopping.ratio(measured, space)
    bounds = _extremes(ratio, space)
    if bounds[0] <= 1.0 and task.sparing and reading.again is not None:
        anew = read_anew(reading, governing, space)
        if anew is not reading:
            reading, measured = anew, measure(anew, run, task)
            measured.iteration = k
            ratio = task.stopping.ratio(measured, space)
            bounds = _extremes(ratio, space)
    if bounds[0] <= 1.0 and not task.sparing:
        if run.nearby is not None or task.least_sizes:
            measured = believed(reading, run, measured, task)
            ratio = task.stopping.ratio(measured, space)
        if task.fit is not None:
            measured = of_fit(reading, measured, task)
            ratio = task.stopping.ratio(measured, space)
        ratio = greatest([ratio, in_doubt(measured, task)])
        bounds = _extremes(ratio, space)
    x = reading.x if reading.outward is None else reading.outward.point(reading.x)

    def settled(done: Array) -> tuple[float, Callable[[], Array]]:
        mask = (task.stopping.floor(measured, space) <= 1.0) & ~done
        return _worst(space.xp.where(mask, ratio, 0.0 * ratio), space), lambda: mask

    def elements() -> tuple[Point | None, ...]:
        return task.iteration.elements_of(task.terms, watch.elements())

    return Look(after, x, moved, length, measured, ratio, bounds, elements, settled)


def _judge(run: Run, look: Look, task: Task, k: int, known: int) -> None:
    """What follows of a look for the run; the one before was at iteration ``known``."""
    space, measured = task.space, look.measured
    run.live, run.latest, run.measured = look.after, look.x, (look.ratio, look.length)
    if task.peeks:
        run.sizes = [size for _, size in measured.parts]
    run.iteration = k
    run.history.iteration.append(k)
    run.history.residual.append(measured.residual)
    run.worst = _record(run, k, look, space) if look.taken is None else _taken(run, k, look, space)
    run.history.fixed_point_residual.append(look.length)
    if task.iteration.counts_restarts:
        run.history.restarts.append(task.iteration.restarts(look.after))
    if task.objective is not None:
        run.history.objective.append(task.objective(look.x))
    if run.failed and not run.detail:
        run.detail = _blame(run.checked, known, k, task)
    run.checked = look.after
    if k >= run.schedule.next_check and not run.failed:
        if task.terms and run.drift.is_due(k):
            _give_up_hopeless(run, k, look, task)
        if run.schedule.stalled(run.worst) and not task.stopping.endless:
            _give_up_at_floor(run, k, look, task)
        run.detail = run.detail or task.watch.contradiction(space) or ""
        if run.detail:
            run.status = Status.CONTRADICTED
            return
    run.schedule.plan(k, run.worst, endless=task.stopping.endless, peeks=task.peeks)
    if run.worst <= 1.0:
        run.status = _status(run)
        if run.status in (Status.NONFINITE, Status.PRECISION):
            _doubt(run, task)
    else:
        exhausted = task.stopping.exhausted(measured)
        if exhausted if space.mesh is None else space.on_any(exhausted, run.latest):
            run.status = Status.TIME_LIMIT


def _other_kind(run: Run, known: int, k: int, task: Task) -> str:
    """Repeat the iterations known + 1 … k, and say which operator changed the point's kind."""
    watch, state = task.watch, run.checked
    for j in range(known + 1, k + 1):
        watch.calls = []
        state = task.iteration.advance(state)[0]
        try:
            watch.require_same_kind(j)
        except ValueError as error:
            return str(error)
    dtype = blocks(task.iteration.governing(run.live))[0].dtype
    return (
        f"an operator changed the point: at iteration {k} it is of {dtype}, x0 of "
        f"{task.space.dtype}"
    )


def _expected(run: Run, length: Array, after: Carry, task: Task) -> float:
    """The worst ratio that the length of the latest step predicts; 0 of an empty batch."""
    space = task.space
    if 0 in length.shape:
        return 0.0
    if run.measured is None:
        size = space.norm(task.iteration.governing(after))
        stand_in = Measurement(length, ((length, size),), None)
        run.measured = task.stopping.ratio(stand_in, space), length
    ratio, before = run.measured
    return float(space.xp.max(ratio * length / (before + space.least)))


def _first_factor(run: Run, length: Array, after: Carry, task: Task) -> float:
    """By which the second of two steps is shorter, if they have one direction: of lengths 1 and ρ,
    that of the second is ρ/(1 + ρ) of both.
    """
    space = task.space
    both = space.norm(task.iteration.moved(run.checked, after))
    part = min(float(space.xp.max(length / (both + space.least))), 0.5)
    return part / (1 - part) if part > 0 else 1.0


def measure(
    reading: Reading, run: Run, task: Task, remember: Remember | None = None
) -> Measurement:
    """‖r‖ and what it is to be compared with."""
    space, apart = task.space, reading.apart
    residual, residuals = residuals_of(reading, task)
    elements = sizes = _largest(reading.terms, task)
    if reading.sizes:
        sizes = _joined(sizes, _largest(reading.sizes, task))
    if task.least_sizes:
        sizes = _joined(sizes, task.least_sizes)
    if apart is not None:  # the points' distance, beside the points
        beside = [space.norm(reading.x)]
        if len(sizes) > 1:  # a block of x may be 0: then beside a step along what cancels there
            pairs = zip(_largest((reading.x,), task), sizes, strict=True)
            beside += [space.xp.maximum(x, NEARLY * apart * size) for x, size in pairs]
        sizes = sizes + beside
    if not task.sparing:
        sizes = (remember or _remembered)(run, reading, residuals, sizes, task)

    def noises() -> list[Array]:
        more = reading.rounding()
        found = _joined(elements, _largest(more, task)) if more else elements
        found = [ROUNDING * space.eps * noise for noise in found]
        if apart is None:
            return found
        whole = [greatest(found)] if len(found) > 1 else []
        return found + [apart * noise for noise in (*whole, *found)]

    return _compared(residual, residuals, sizes, noises, task)


def residuals_of(reading: Reading, task: Task) -> tuple[Array, list[Array]]:
    """‖r‖ in the units of x0; and of each block and group of rows, then how far apart the points
    are at which the terms' elements are known.
    """
    space, apart = task.space, reading.apart
    r = reduce(add, reading.terms)
    found = _largest((r,), task)
    residual = found[0] if len(found) == 1 else space.norm(r)
    if apart is not None:
        parts = [residual] if len(found) == 1 else [residual, *found]
        found = found + [apart * part for part in parts]
    if reading.outward is not None:
        residual = space.norm(reading.outward.element(r))
    return residual, found


def _compared(
    residual: Array,
    residuals: list[Array],
    sizes: list[Array],
    noises: Callable[[], list[Array]],
    task: Task,
) -> Measurement:
    """What a stopping rule sees of these."""
    bound = None if task.error_factor is None else task.error_factor * residual
    distance = None if task.apart is None else task.apart * residual
    parts = tuple(zip(residuals, sizes, strict=True))
    return Measurement(residual, parts, bound, distance, noises)


def read_anew(reading: Reading, governing: Point, space: Space) -> Reading:
    """The reading, with x found anew where governing points leave few digits of their difference;
    of what is traced it is found, and taken where it must.
    """
    assert reading.again is not None
    lost = space.norm(governing) > LOST * space.norm(reading.x)
    if not is_traced(lost) and not space.any(lost):
        return reading
    return replace(reading.again(lost), outward=reading.outward)


def of_fit(reading: Reading, measured: Measurement, task: Task) -> Measurement:
    """With r_x + Lᵀ(B(Lx) − y) in the rows of x, where r ∈ (A x + Lᵀy) × (B⁻¹y − Lx) with B
    single-valued, so that y = B(Lx + r_y): columns of L may be shorter than others by more than
    r_y is small.
    """
    r = reduce(add, reading.terms)
    if task.fit is None or not isinstance(r, tuple) or len(r) != 2:
        return measured
    of_x, of_y = r
    if isinstance(reading.x, tuple) != isinstance(of_x, tuple):  # blocks of x, and no y
        return measured
    B, L = task.fit.operator, task.fit.of
    assert L is not None
    Lx = L(reading.x)
    norms = task.norms(add(of_x, L.adjoint(subtract(B(Lx), B(add(Lx, of_y))))))
    first, others = measured.parts[: len(norms)], measured.parts[len(norms) :]
    seen = [(greatest([r, n]), size) for (r, size), n in zip(first, norms, strict=True)]
    return replace(measured, parts=(*seen, *others))


def in_doubt(measured: Measurement, task: Task) -> Array:
    """The ratio, if r were as large as its rounding may well be: above 1, a small r says nothing.
    Where nothing cancels, but for one rounding, and there are no constants, all that is known is
    that r is 0; so little cancels also where it is too small for any step to move x by it.
    """
    scarce = task.space.eps * math.pow(task.space.xp.finfo(task.space.dtype).max, -0.7)
    known = [*task.least_sizes, *(0.0 * r for r, _ in measured.parts[len(task.least_sizes) :])]
    triples = zip(measured.parts, measured.noises(), known, strict=True)
    doubts = []
    for (_, size), noise, q in triples:
        cancels = (size > noise / ROUNDING) | (q > 0) | ((size > 0) & (size < scarce))
        doubts.append((chosen(cancels, noise / DOUBTFUL, 0.0 * noise), size))
    m = measured
    doubtful = Measurement(
        m.residual, tuple(doubts), m.error_bound, m.distance, m.noises, m.iteration
    )
    return task.stopping.ratio(doubtful, task.space)


def believed(reading: Reading, run: Run, measured: Measurement, task: Task) -> Measurement:
    """With sizes that were seen elsewhere no larger than single-valued operators vary about x: a
    value at x₀, or at 0, may be larger than all that is near a solution.
    """
    called = {id(A): A for A, *_ in task.watch.calls}
    varying = {key for key, A in called.items() if may_vary(A)}
    if not varying:
        return measured
    space, xp, x = task.space, task.space.xp, reading.x
    at: dict[int, tuple[Operator, Point, list[Pair]]] = {}
    for A, point, value, _ in _values_near(x, task):
        if id(A) in varying:
            at.setdefault(id(A), (A, A(x), []))[2].append((point, value))
    if not at:
        return measured

    def here(
        run: Run, reading: Reading, residuals: list[Array], sizes: list[Array], task: Task
    ) -> list[Array]:
        seen = [(A, x, value, residuals[0] >= 0) for A, value, _ in at.values()]
        return _joined(sizes, _cancelled(reading, residuals, seen, task))

    sure = measure(reading, run, replace(task, least_sizes=task.sizes_without(at)), here)
    relies = (task.stopping.ratio(measured, space) <= 1.0) & ~(
        task.stopping.ratio(sure, space) <= 1.0
    )
    if not is_traced(relies) and not space.any(relies):
        return measured
    varies = 0.0 * measured.residual
    for A, value, pairs in at.values():
        if run.nearby is not None:
            pairs.append((run.nearby[0], A(run.nearby[0])))
        if offset := PLAIN.offset(Term(A, Role.EVALUATED), x):
            pairs.append((scale(0.0, x), *offset))
        varies = varies + greatest([variation(A, x, value, *pair, space) for pair in pairs])
    most = chosen(varies > 0, STEEP * varies, math.inf + varies)
    parts = [
        (r, xp.minimum(remembered, xp.maximum(known, most)))
        for (r, remembered), (_, known) in zip(measured.parts, sure.parts, strict=True)
    ]
    return replace(measured, parts=tuple(parts))


def _largest(points: tuple[Point, ...], task: Task) -> list[Array]:
    """Of each block and group of rows, the largest norm that it has in one of the points."""
    if not isinstance(points[0], tuple) and not task.groups:
        norm = task.space.norm
        return [norm(points[0]) if len(points) == 1 else greatest([*map(norm, points)])]
    return [greatest(each) for each in zip(*map(task.norms, points), strict=True)]


def _joined(sizes: list[Array], more: Sequence[Array]) -> list[Array]:
    """The larger ones, of which the first may have more."""
    if len(sizes) == len(more) == 1:
        return [greatest((sizes[0], more[0]))]
    both = [greatest(pair) for pair in zip(sizes, more, strict=False)]
    return both + sizes[len(both) :]


def _cancelled(
    reading: Reading, residuals: list[Array], seen: list[Seen], task: Task
) -> list[Array]:
    """Of each block, how much of the terms' elements cancels, (Σ‖aᵢ‖ − ‖r‖)/2; where one element
    is alone and no constants are known, what cancels within single-valued ones, or may.
    """
    xp, found = task.space.xp, []
    within = [0.0 * residuals[0]] * len(residuals)
    if reading.bounds is not None:
        within = task.spread(reading.bounds(task.space))
    within = _joined(within, _added_up(seen, residuals, task))
    least = [*task.least_sizes, *(0.0 * each for each in within[len(task.least_sizes) :])]
    inner = _single_valued(seen, residuals, task)
    norms = map(task.norms, reading.terms)
    for r, bound, known, own, *elements in zip(
        residuals, within, least, inner, *norms, strict=False
    ):
        total, largest = reduce(add, elements), greatest(elements)
        alone = (total - largest <= NEARLY * largest) & (known == 0)
        own = xp.maximum(xp.minimum(own, largest), bound)
        found.append(xp.where(alone, own, 0.5 * (total - r)))
    return found


def _added_up(seen: list[Seen], residuals: list[Array], task: Task) -> list[Array]:
    """Of each block, the largest size of what adds up to the latest value of an operator."""
    found = [0.0 * r for r in residuals]
    for A, point, _, near in {id(each[0]): each for each in seen}.values():
        sizes = A.magnitudes(point, task.space.batch_ndim)
        if sizes is not None:
            found = _larger(found, task.norms(sizes), near, task.space)
    return found


def _single_valued(seen: list[Seen], residuals: list[Array], task: Task) -> list[Array]:
    """Of each block, the largest value that a single-valued operator was seen to have near x. An
    element of another may be as large as a step is short.
    """
    found = [0.0 * r for r in residuals]
    for _, _, value, near in seen:
        found = _larger(found, task.norms(value), near, task.space)
    return found


def _values_near(x: Point, task: Task) -> Iterator[Seen]:
    """Of single-valued operators on points like x what was seen: the operator, the point, the
    value, and whether the point is no farther from x than x is large.
    """
    space = task.space
    size = space.norm(x)
    for A, read_pair, argument, value in task.watch.calls:
        if not A.has_evaluation:
            continue
        point, element = read_pair(argument, value)
        if shapes_of(point) == shapes_of(element) == shapes_of(x):
            yield A, point, element, space.norm(subtract(point, x)) <= size


def _larger(known: list[Array], more: list[Array], near: Array, space: Space) -> list[Array]:
    """``known``, or ``more`` where it is larger and near."""
    return _joined(known, [space.xp.where(near, each, space.xp.zeros_like(each)) for each in more])


def _remembered(
    run: Run, reading: Reading, residuals: list[Array], sizes: list[Array], task: Task
) -> list[Array]:
    """The sizes, or more that cancelled where x was no farther away than it is large, at most twice
    and at least half as large, or 0: where all that cancels vanishes with r, that is what r is
    small beside, also where it has vanished down to rounding before r is as small.
    """
    vanishing = [r > NEARLY * S for r, S in zip(residuals, sizes, strict=True)]
    if run.nearby is not None:
        least = DOUBTFUL * task.space.eps
        vanishing += [S <= least * known for S, known in zip(sizes, run.nearby[1], strict=True)]
    if not task.space.any(reduce(or_, vanishing)):
        return sizes
    return recalled(run, reading, residuals, sizes, task)


def recalled(
    run: Run, reading: Reading, residuals: list[Array], sizes: list[Array], task: Task
) -> list[Array]:
    """The same, whether r vanishes or not."""
    space, xp, x = task.space, task.space.xp, reading.x
    found = _cancelled(reading, residuals, list(_values_near(x, task)), task)
    found += sizes[len(found) :]
    size = space.norm(x)
    if run.nearby is None:
        run.nearby = x, found, size
    place, known, largest = run.nearby
    least = space.norm(place)
    near = (space.norm(subtract(x, place)) <= size) & (largest <= 2 * size)
    near = near & ((size <= 2 * least) | (least == 0))
    known = [xp.where(near, xp.maximum(*both), both[0]) for both in zip(found, known, strict=True)]
    largest = xp.where(near, xp.maximum(largest, size), size)
    run.nearby = where(near, place, x), known, largest
    return list(map(xp.maximum, sizes, known))


def _give_up_at_floor(run: Run, k: int, look: Look, task: Task) -> None:
    """Elements whose residual is rounding, and has not fallen for long, are as exact as they get;
    the others go on.
    """
    worst, settled = look.settled(run.done)
    if worst == 0.0:
        run.settling = None
    elif run.settling is None or worst < 0.5 * run.settling[1]:
        run.settling = k, worst
    elif k >= run.settling[0] + max(LINGER, run.settling[0] // 4):
        run.floor, run.any_done = worst, True
        run.done = run.done | settled()
        ratio = look.ratio
        run.worst = _worst(task.space.xp.where(run.done, 0.0 * ratio, ratio), task.space)


def _record(run: Run, k: int, look: Look, space: Space) -> float:
    """Take over the values of elements that are not done yet; return their worst ratio."""
    xp, x, ratio, residual = space.xp, look.x, look.ratio, look.measured.residual
    best, worst = look.bounds
    if space.batch_ndim == 0 or not run.any_done:
        run.x, run.kept, run.residual = x, run.live, residual
        run.done = ratio <= 1.0
        run.iterations = k
        if space.batch_ndim:
            run.iterations = xp.full(residual.shape, k, device=space.device)
        if best > 1.0 and math.isfinite(worst):
            return worst
        open_ratio = ratio
    else:
        done = run.done
        run.x, run.kept = where(done, run.x, x), where(done, run.kept, run.live)
        run.residual = where(done, run.residual, residual)
        run.iterations = xp.where(done, run.iterations, 0 * run.iterations + k)
        open_ratio = xp.where(done, xp.zeros_like(ratio), ratio)
        run.done = done | (ratio <= 1.0)
    run.any_done = True
    worst = worst if open_ratio is ratio else _worst(open_ratio, space)
    if math.isfinite(worst):
        return worst
    # A non-finite element cannot recover: it is given up, the others go on.
    finite = xp.isfinite(ratio) | run.done
    run.failed = True
    run.done = run.done | ~finite
    return _worst(xp.where(run.done, xp.zeros_like(ratio), ratio), space)


def _taken(run: Run, k: int, look: Look, space: Space) -> float:
    """``_record``, where the look says what each element is to be taken for."""
    assert look.taken is not None
    taken, worst, left = look.taken
    run.x, run.kept, run.residual, run.iterations, run.done = taken
    if space.batch_ndim == 0:
        run.iterations = k
    if look.bounds[0] > 1.0 and math.isfinite(worst):
        return worst
    run.any_done = True
    if math.isfinite(worst):
        return worst
    run.failed = True
    return left


def _extremes(ratio: Array, space: Space) -> tuple[float, float]:
    """The least and the greatest ratio, read by the host; 0 of an empty batch, NaN if any is."""
    if space.batch_ndim == 0:
        return float(ratio), float(ratio)
    if 0 in ratio.shape:
        return 0.0, 0.0
    return extremes(ratio)


def _worst(ratio: Array, space: Space) -> float:
    """The greatest ratio, read by the host; 0 of an empty batch."""
    return 0.0 if 0 in ratio.shape else float(space.xp.max(ratio))


def _give_up_hopeless(run: Run, k: int, look: Look, task: Task) -> None:
    """Elements that have no solution, as what drifts proves, are given up; the others go on."""
    space = task.space
    if not run.drift.look(k, run.latest, look.elements(), space.batch_ndim):
        return
    assert run.drift.pace is not None
    found = certified(task.terms, run.latest, *run.drift.pace, space, max(LEAST_STEPS, k // PART))
    if found is None:
        return
    hopeless = found.holds & ~run.done
    if space.any(hopeless):
        run.certificate, run.displacement = found.merged(run.certificate, space), look.moved
        run.done, run.any_done = run.done | hopeless, True
        ratio = look.ratio
        run.worst = float(space.xp.max(space.xp.where(run.done, 0 * ratio, ratio)))


def _status(run: Run) -> Status:
    """How a run ended whose batch elements are all done."""
    if run.failed:
        return Status.NONFINITE
    if run.certificate is not None:
        return Status.UNBOUNDED if run.certificate.unbounded else Status.INFEASIBLE
    return Status.CONVERGED if run.floor is None else Status.PRECISION


def _doubt(run: Run, task: Task) -> None:
    """Where steps get nowhere, the iteration may see at the state that a term is at fault."""
    wrong = task.iteration.contradiction(run.live)
    if wrong is not None:
        run.status, run.detail = Status.CONTRADICTED, wrong
    elif run.status is Status.PRECISION:
        value = task.iteration.nonfinite(run.live)
        if value is not None:
            run.status, run.detail = Status.NONFINITE, value


def _blame(state: Carry, known: int, k: int, task: Task) -> str:
    """Repeat the iterations known + 1 … k, and say which operator first returned NaN or Inf."""
    watch = task.watch
    for j in range(known + 1, k + 1):
        watch.calls, watch.recording, before = [], True, state
        try:
            state, trace = task.iteration.advance(state)
            task.iteration.read(trace)
        finally:
            watch.recording = False
        name = watch.nonfinite(task.space)
        if name is not None:
            return f"{name} returned it at iteration {j}"
        value = task.iteration.nonfinite(before)
        if value is not None:
            return f"{value} at iteration {j}"
    value = task.iteration.nonfinite(state)
    return value or f"the iteration overflowed by iteration {k}"
