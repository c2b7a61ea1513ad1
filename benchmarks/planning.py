"""What of a small solve is planning, and what a plan saves: times and calls of

    sk.solve(Affine(n×n) + NormalCone(Box), zeros(n)).

    python benchmarks/planning.py [--sizes 5 100 1000] [--repeats 50]

"bare" are the same iterations without the engine: its steps, called one after another. Times are
the least of all repeats, in milliseconds of wall time, of a call among as many in a row as take
some 3 ms; calls are those of functions in ``explain``.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from collections.abc import Callable
from time import perf_counter

import numpy as np

import splitkit as sk
from splitkit.looks import known_points


def problem(n: int) -> sk.Operator:
    """A strongly monotone affine operator on a box."""
    rng = np.random.default_rng(0)
    S = rng.standard_normal((n, n)) / np.sqrt(n)
    M = S @ S.T + np.eye(n) + S - S.T
    return sk.Affine(M, rng.standard_normal(n)) + sk.NormalCone(sk.functions.Box(0, 1))


def least_times(*ways: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each, interleaved."""
    best = [float("inf")] * len(ways)
    for _ in range(repeats):
        for i, way in enumerate(ways):
            row = max(1, min(20, round(3 / best[i])))
            start = perf_counter()
            for _ in range(row):
                way()
            best[i] = min(best[i], 1e3 * (perf_counter() - start) / row)
    return best


def calls(way: Callable[[], object]) -> int:
    """Python functions that are called."""
    profile = cProfile.Profile()
    profile.runcall(way)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def row(n: int, repeats: int) -> str:
    """The times of one size."""
    x0 = np.zeros(n)
    planned = sk.plan(problem(n), x0)
    count = planned.solve().iterations
    iteration = planned.method.bind(*planned.terms)

    def bare() -> None:
        with known_points():
            state = iteration.begin(x0, planned.space)
            for _ in range(count):
                state = iteration.step(state)

    repeats = repeats if n < 500 else max(2, repeats // 10)
    explain, solve, plan = least_times(
        lambda: sk.explain(problem(n)),
        lambda: sk.solve(problem(n), x0),
        lambda: sk.plan(problem(n), x0),
        repeats=repeats,
    )
    again, alone = least_times(planned.solve, bare, repeats=repeats)
    called = calls(lambda: sk.explain(problem(n)))
    return (
        f"{n:>6}{explain:>9.2f}{solve:>9.2f}{plan:>9.2f}{plan / solve:>7.2f}{again:>9.2f}"
        f"{alone:>9.2f}{again / alone:>12.2f}{count:>12}{called:>8}"
    )


def main() -> None:
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 100, 1000])
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    print(
        f"{'n':>6}{'explain':>9}{'solve':>9}{'plan':>9}{'share':>7}{'again':>9}{'bare':>9}"
        f"{'again/bare':>12}{'iterations':>12}{'calls':>8}"
    )
    for n in options.sizes:
        print(row(n, options.repeats))


if __name__ == "__main__":
    main()
