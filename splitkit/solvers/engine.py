"""The only loop: it drives an iteration u ↦ T(u) until every batch element meets its tolerance.

Between checks it does nothing but apply T. At a check each batch element is measured by itself; one
that meets the tolerance keeps the values that it has then. The host reads one number a check (the
worst ratio), and places the next check where the observed decrease predicts the end, at most
doubling the iteration count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from splitkit.backend import Array, Point, Space, subtract, where
from splitkit.solvers.solution import History, State, Status
from splitkit.solvers.stopping import Measurement, Stopping


@dataclass(frozen=True)
class Inspection:
    """An approximate solution x, an element r of (F + G)(x), and the size of r's terms."""

    x: Point
    r: Point
    scale: Array


class Iteration(Protocol):
    """A method bound to a problem: a map T, and how to read the solution off a step of it."""

    error_factor: float | None

    def step(self, u: Point) -> Point:
        """T(u)."""
        ...

    def inspect(self, u: Point) -> tuple[Point, Inspection]:
        """T(u), and the approximate solution that this step yields."""
        ...


Callback = Callable[[State], object]


@dataclass
class Run:
    """Where a run stands; ``run`` updates it."""

    u: Point
    x: Point | None = None
    residual: Array = None
    iterations: Array = None
    done: Array = None
    worst: float = math.inf
    failed: bool = False
    status: Status = Status.ITERATION_LIMIT
    iteration: int = 0
    history: History = field(default_factory=History)


def run(
    iteration: Iteration,
    u0: Point,
    space: Space,
    stopping: Stopping,
    *,
    max_iter: int,
    callback: Callback | None = None,
    progress: Any = None,
) -> Run:
    """Iterate from u0 until all batch elements are done, the callback stops, or max_iter."""
    state = Run(u0)
    schedule = Schedule()
    every = callback is not None
    u = u0
    for k in range(1, max_iter + 1):
        if not every and k < schedule.next_check and k < max_iter:
            u = iteration.step(u)
            continue
        u_next, seen = iteration.inspect(u)
        if k == 1:
            space.check_point(u_next, "the value of the iteration (an operator changed the point)")
        residual = space.norm(seen.r)
        bound = None if iteration.error_factor is None else iteration.error_factor * residual
        ratio = stopping.ratio(Measurement(residual, seen.scale, bound), space)
        worst = state.worst = _record(state, k, u_next, seen.x, residual, ratio, space)
        state.history.fixed_point_residual.append(space.norm(subtract(u_next, u)))
        schedule.plan(k, worst)
        u = u_next
        if progress is not None:
            progress(k, worst)
        stopped = callback is not None and callback(State(k, seen.x, u, residual, bound))
        if worst <= 1.0:
            state.status = Status.NONFINITE if state.failed else Status.CONVERGED
            break
        if stopped:
            state.status = Status.STOPPED
            break
    if state.failed and state.status is Status.ITERATION_LIMIT:
        state.status = Status.NONFINITE
    return state


def _record(
    state: Run, k: int, u: Point, x: Point, residual: Array, ratio: Array, space: Space
) -> float:
    """Take over the values of elements that are not done yet; return their worst ratio."""
    xp = space.xp
    if state.x is None or space.batch_ndim == 0:
        state.x, state.u, state.residual = x, u, residual
        state.done = ratio <= 1.0
        count = xp.ones(residual.shape, dtype=xp.int64, device=space.device) * k
        state.iterations = count
        open_ratio = ratio
    else:
        done = state.done
        state.x, state.u = where(done, state.x, x), where(done, state.u, u)
        state.residual = where(done, state.residual, residual)
        state.iterations = xp.where(done, state.iterations, 0 * state.iterations + k)
        open_ratio = xp.where(done, xp.zeros_like(ratio), ratio)
        state.done = done | (ratio <= 1.0)
    state.iteration = k
    state.history.iteration.append(k)
    state.history.residual.append(residual)
    worst = float(xp.max(open_ratio)) if math.prod(residual.shape) else 0.0
    if math.isfinite(worst):
        return worst
    # A non-finite element cannot recover: it is given up, the others go on.
    finite = xp.isfinite(ratio) | state.done
    state.failed = True
    state.done = state.done | ~finite
    return float(xp.max(xp.where(state.done, xp.zeros_like(ratio), ratio)))


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
