"""A look at an iteration as one compiled function, of whose values the host reads a few numbers, in
one transfer: what ``engine`` does step by step where nothing is compiled.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial, reduce
from operator import and_, or_
from typing import Any, NamedTuple

import numpy as np

from splitkit.backend import (
    Array,
    Point,
    Space,
    blocks,
    finite_part,
    greatest,
    scale,
    to_numpy,
    where,
)
from splitkit.inductor import NoCompilerError
from splitkit.operators.base import Operator
from splitkit.solvers.compiled import Compiled, blame, refusal
from splitkit.solvers.engine import (
    DOUBTFUL,
    NEARLY,
    Look,
    Run,
    Taken,
    Task,
    in_doubt,
    measure,
    of_fit,
    read_anew,
    recalled,
    residuals_of,
)
from splitkit.solvers.iteration import Carry, Iteration, Reading
from splitkit.solvers.steepness import may_vary
from splitkit.solvers.stopping import Measurement
from splitkit.solvers.watch import Call, Pair, are_consistent
from splitkit.tracing import Untraceable

Nearby = tuple[Point, list[Array], Array]


class Measured(NamedTuple):
    """An iteration, and what is measured of it."""

    after: Carry
    x: Point
    reading: Reading
    measurement: Measurement
    ratio: Array
    doubt: Array
    nearby: Nearby | None


def measured(
    iteration: Iteration, task: Task, state: Carry, nearby: Nearby | None, remember: Any
) -> Measured:
    """One iteration, measured, the calls of its operators in the watch."""
    after, trace = iteration.advance(state)
    reading = iteration.read(trace)
    if reading.again is not None:
        reading = read_anew(reading, iteration.governing(after), task.space)
    before = Run(state, nearby=nearby)
    found = measure(reading, before, task, remember)
    if task.fit is not None:
        found = of_fit(reading, found, task)
    ratio = task.stopping.ratio(found, task.space)
    x = reading.x if reading.outward is None else reading.outward.point(reading.x)
    return Measured(after, x, reading, found, ratio, in_doubt(found, task), before.nearby)


class Sight(NamedTuple):
    """What a look returns; numbers are the least and the greatest ratio, the greatest of elements
    that were open, and of those that still are, and of those that rounding keeps open, 1 where
    every length is exact, and 1 where no pairs contradict what is declared.
    """

    after: Carry
    x: Point
    moved: Point
    length: Array
    residual: Array
    ratio: Array
    floor: Array
    nearby: Nearby
    taken: Taken
    elements: tuple[Point | None, ...]
    pairs: list[tuple[Pair, Pair]]
    numbers: Array


class Glance:
    """Looks at the iteration of a plan, compiled until that cannot be."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self._bound: dict[Hashable, Any] = {}

    def __call__(self, run: Run, task: Task, k: int) -> Look | None:
        """The iteration after ``run``, the k-th, measured; None: it is to be done as it stands."""
        compiled = self.compiled
        if compiled.turn(k, k + 1) > k or compiled.blind or 0 in task.space.batch_shape:
            return None
        try:
            free = task.iteration.free(run.live)
            if free is None or (run.any_done and free[0] is not task.iteration):
                return None
            return self._look(run, task, k, *free)
        except Untraceable as error:
            cause = error.__cause__
            compiled.blind = str(error) if cause is None else blame(cause)
        except NoCompilerError as error:
            raise refusal(error) from error
        except np.linalg.LinAlgError:  # what the iteration does of it, it does as it stands
            pass
        return None

    def _look(
        self, run: Run, task: Task, k: int, iteration: Iteration, state: Carry, back: Any
    ) -> Look | None:
        if not task.stopping.is_pure:
            raise Untraceable(f"{task.stopping!r} compares looks of the host")
        tracer = self.compiled.tracer
        state, earlier = tracer.of_arrays(state), ()
        if run.any_done:
            earlier = tracer.of_arrays((run.x, run.kept, run.residual, run.iterations, run.done))
        watch = task.watch
        key = iteration, repr(task.stopping), tracer.kind_of((state, earlier))
        number = tracer.whole_number(k, blocks(iteration.governing(state))[0])
        if key not in self._bound:
            nothing, none_before = tracer.of_arrays(_nothing(iteration, task, state))
            kinds: list[tuple[Operator, bool]] = []
            see = partial(_seen, iteration, task, kinds, tracer)
            compiled = tracer.once(see, (state, nothing, number, earlier, none_before))
            self._bound[key] = compiled, list(kinds), nothing, none_before
        compiled, calls, nothing, none_before = self._bound[key]
        last = tracer.of_arrays(_in_turn([A for A, _ in calls], watch.last_pairs))
        known = tracer.kind_of(last) == tracer.kind_of(none_before)
        last = last if known else none_before
        found: Sight = compiled((state, run.nearby or nothing, number, earlier, last))
        numbers = to_numpy(found.numbers).tolist()
        least, most, worst, left, level, exact, consistent = numbers
        if not exact or (least <= 1.0 and any(may_vary(A) for A, _ in calls)):
            return None
        run.nearby = found.nearby
        taken = found.taken._replace(kept=back(found.taken.kept)), worst, left
        watch.calls = _calls(calls, found.pairs)
        if consistent and (known or not watch.last_pairs):
            watch.consistent = watch.calls
        return Look(
            back(found.after),
            found.x,
            found.moved,
            found.length,
            Measurement(found.residual, (), None),
            found.ratio,
            (least, most),
            lambda: found.elements,
            lambda done: (level, lambda: (found.floor <= 1.0) & ~done),
            taken,
        )


def _nothing(iteration: Iteration, task: Task, state: Carry) -> tuple[Nearby, list[Pair]]:
    """What is known where nothing was seen near x: no x is near it; and pairs of this state, which
    stand for those of the last check where there was none.
    """
    watch, space = task.watch, task.space
    watch.calls, watch.recording = [], True
    try:
        reading = iteration.read(iteration.advance(state)[1])
        if reading.again is not None:
            reading.again(space.norm(reading.x) >= 0)
        pairs = [read(y, value) for _, read, y, value in watch.compared()]
    finally:
        watch.calls, watch.recording = [], False
    residual, residuals = residuals_of(reading, task)
    sizes = [0.0 * r for r in residuals]
    nearby = finite_part(scale(0.0, reading.x)), sizes, 0.0 * residual + math.inf
    return nearby, pairs


def _in_turn(operators: list[Operator], pairs: dict[int, list[Pair]]) -> list[Pair]:
    """The pairs of operators in the order in which they are called, if each has one a call."""
    left = {key: list(each) for key, each in pairs.items()}
    found = [left[id(A)].pop(0) for A in operators if left.get(id(A))]
    return [] if any(left.values()) else found


class _Lengths:
    """‖·‖ of a space by sums of squares alone, and whether none of those was out of range: the
    short way, which is compiled in a third of the time.
    """

    def __init__(self, space: Space) -> None:
        self.space = copy.copy(space)
        self._squares: list[Array] = []
        self._vanish: list[Array] = []
        vars(self.space)["norm"] = self

    def __call__(self, x: Point) -> Array:
        space, xp = self.space, self.space.xp
        square = space.inner(x, x)
        self._squares.append(square)
        self._vanish.append(reduce(and_, [xp.all(block == 0) for block in blocks(x)]))
        return xp.sqrt(square)

    def are_exact(self) -> Array:
        """Whether all that were asked for are, by one comparison of all."""
        space, xp = self.space, self.space.xp
        squares = xp.stack(self._squares)
        of_batch = (squares > space.least / space.eps**2) & (squares < math.inf)
        for _ in range(squares.ndim - 1):
            of_batch = xp.all(of_batch, axis=-1)
        return xp.all(of_batch | xp.stack(self._vanish))


def _seen(
    iteration: Iteration,
    task: Task,
    calls: list[tuple[Operator, bool]],
    tracer: Any,
    given: Any,
) -> Sight:
    """The look itself, a function of arrays; ``calls`` is told of whom its pairs are, and whether
    they are evaluations.
    """
    state, nearby, k, earlier, last = given
    lengths, of_pairs = _Lengths(task.space), _Lengths(task.space)
    task = replace(task, space=lengths.space)
    space, watch, xp = task.space, task.watch, task.space.xp
    watch.calls, watch.recording = [], True
    try:
        remember = partial(_remembered, tracer.chosen_of)
        found = measured(iteration, task, state, nearby, remember)
        watch.require_same_kind(0)
        elements: tuple[Point | None, ...] = ()
        if task.terms:
            elements = iteration.elements_of(task.terms, watch.elements())
        judged = watch.compared()
        pairs = [(read(y, value), (y, value)) for _, read, y, value in judged]
        before: dict[int, list[Pair]] = {}
        for call, pair in zip(judged, last, strict=False):
            before.setdefault(id(call[0]), []).append(pair)
        consistent = are_consistent(judged, before, of_pairs.space)
        calls[:] = [
            (call[0], pair[0] is y) for call, (pair, (y, _)) in zip(judged, pairs, strict=True)
        ]
    finally:
        watch.calls, watch.recording = [], False
    if not space.has_dtype(iteration.governing(found.after)):
        raise Untraceable("an operator changed the point")
    moved = iteration.moved(state, found.after)
    ratio = found.ratio
    near_end = xp.min(ratio) <= 1.0
    ratio = xp.where(near_end, greatest([ratio, found.doubt]), ratio)
    floor = task.stopping.floor(found.measurement, space)
    iterations = k + xp.zeros_like(ratio, dtype=k.dtype)
    now: tuple[Any, ...] = found.x, found.after, found.measurement.residual, iterations
    done = ratio < -1.0
    if earlier:
        *kept, done = earlier
        now = tuple(where(done, *both) for both in zip(kept, now, strict=True))
    open_ratio = xp.where(done, 0.0 * ratio, ratio)
    done = done | (ratio <= 1.0) | ~xp.isfinite(ratio)
    x, state, residual, iterations = now
    taken = Taken(x, state, residual, iterations, done)
    left = xp.where(done, 0.0, ratio)
    level = xp.where((floor <= 1.0) & ~done, ratio, 0.0)
    length = space.norm(moved)
    numbers = [xp.min(ratio), *map(xp.max, (ratio, open_ratio, left, level))]
    numbers += [xp.astype(each, ratio.dtype) for each in (lengths.are_exact(), consistent)]
    assert found.nearby is not None
    return Sight(
        found.after, found.x, moved, length, found.measurement.residual, ratio, floor, found.nearby,
        taken, elements, pairs, xp.stack(numbers),
    )  # fmt: skip


def _remembered(
    chosen_of: Any,
    run: Run,
    reading: Reading,
    residuals: list[Array],
    sizes: list[Array],
    task: Task,
) -> list[Array]:
    """``engine``'s, without a decision of the host."""
    xp, known = task.space.xp, run.nearby
    assert known is not None
    pairs = zip(residuals, sizes, strict=True)
    vanishing = reduce(or_, [xp.any(r > NEARLY * S) for r, S in pairs])
    least = DOUBTFUL * task.space.eps
    for S, before in zip(sizes, known[1], strict=True):
        vanishing = vanishing | xp.any(S <= least * before)
    more = recalled(run, reading, residuals, sizes, task)
    run.nearby = chosen_of(vanishing, run.nearby, known)
    return [xp.where(vanishing, *both) for both in zip(more, sizes, strict=True)]


def _calls(kinds: list[tuple[Operator, bool]], pairs: list[tuple[Pair, Pair]]) -> list[Call]:
    """The calls that were seen when the function was traced, with the values of this time; of an
    evaluation the argument is the point of its pair.
    """

    def reading(pair: Pair) -> Callable[[Point, Point], Pair]:
        return lambda y, value: pair

    return [
        (A, reading(pair), pair[0] if is_evaluation else y, value)
        for (A, is_evaluation), (pair, (y, value)) in zip(kinds, pairs, strict=True)
    ]
