"""The time of the engine's iterations, by a stopping rule: set-up is left out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import splitkit as sk


def now() -> np.ndarray:
    """CPU and wall clock, in seconds."""
    return np.array((time.process_time(), time.perf_counter()))


class Stopwatch(sk.Stopping):
    """A rule that falls with the residual, as a tolerance does, and is never met (one of 0 can be),
    so that the engine looks as for one of 0; it notes when.
    """

    endless = True

    def start(self) -> None:
        self.readings: list[np.ndarray] = []

    def ratio(self, measured: sk.solvers.stopping.Measurement, space: object) -> Any:
        self.readings.append(now())
        return 2 + measured.residual


def timed(
    inclusion: sk.Operator, x0: Any, method: sk.Method, count: int, batch_ndim: int = 0
) -> np.ndarray:
    """CPU and wall seconds of so many iterations after the first."""
    clock = Stopwatch()
    sk.solve(
        inclusion,
        x0,
        method,
        tol=clock,
        max_iter=count + 1,
        batch_ndim=batch_ndim,
        progress=False,
        on_failure="return",
    )
    return clock.readings[-1] - clock.readings[0]
