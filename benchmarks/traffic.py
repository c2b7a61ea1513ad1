"""Traffic networks: equilibria by default, beside Frank and Wolfe's method.

    python benchmarks/traffic.py FOLDER
    python benchmarks/traffic.py FOLDER --only SiouxFalls Anaheim --seconds 20

FOLDER holds files NAME_net.tntp and NAME_trips.tntp, as in
github.com/bstabler/TransportationNetworks. Both sides are given the same network and the same
shortest paths (SciPy's Dijkstra), and are judged by the same relative gap (Σ t v − Σ d κ)/Σ t v, of
which a file's demands and link flows are all that enters. Frank and Wolfe's method loads all
demands on shortest paths and goes there as far as ∫t falls; the conjugate one (Mitradjieva,
Lindberg 2013) towards a combination with where it went before. They stop at 1e-4, or after so many
seconds. Times are of the processor, in one thread, without reading the files.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.problems import TrafficEquilibrium, read_tntp

Vector = Any  # a NumPy array
HALVINGS = 30  # of the interval in which a step is sought
FARTHEST = 0.99  # of what a conjugate target keeps of the one before


def loaded(problem: TrafficEquilibrium, t: Vector) -> tuple[Vector, float]:
    """All demands on paths that are shortest at the times t, and what they take."""
    found = problem._shortest(t)
    v = np.bincount(found.link, problem.fixed[found.path], len(t))
    return v, float(problem.fixed @ found.lengths)


def frank_wolfe(problem: TrafficEquilibrium, *, conjugate: bool) -> Iterator[tuple[float, Vector]]:
    """Relative gaps and link flows, iteration after iteration."""
    value, slope = problem.costs.value, problem.costs.slope
    v, before = loaded(problem, value(np.zeros(len(problem.tails))))[0], None
    while True:
        t = value(v)
        target, least = loaded(problem, t)
        yield float((t @ v - least) / (t @ v)), v
        if conjugate and before is not None:
            # orthogonal to the last direction in the metric of the second derivatives
            weight, last, now = slope(v), before - v, target - v
            numerator = float(last * weight @ now)
            denominator = float(last * weight @ (target - before))
            share = numerator / denominator if denominator else 0.0
            share = min(max(share, 0.0), FARTHEST)
            target = share * before + (1 - share) * target
        step = target - v
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            falls = value(v + middle * step) @ step < 0
            low, high = (middle, high) if falls else (low, middle)
        v, before = v + high * step, target


def timed(problem: TrafficEquilibrium, tol: float, seconds: float, *, conjugate: bool) -> str:
    """How long it takes to the tolerance, or how far it comes."""
    began = time.process_time()
    gap, spent, count = 1.0, 0.0, -1
    for gap, _ in frank_wolfe(problem, conjugate=conjugate):
        spent, count = time.process_time() - began, count + 1
        if gap <= tol or spent > seconds:
            break
    return f"{spent:.2f} s ({count})" if gap <= tol else f"{gap:.1e} in {spent:.0f} s ({count})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each other method")
    options = parser.parse_args()
    nets = sorted(options.folder.glob("*_net.tntp"), key=lambda path: path.stat().st_size)
    if not nets:
        parser.error(f"{options.folder} holds no *_net.tntp")
    print("| network | links, pairs | default: relative gap, time | to 1e-4 | Frank-Wolfe to 1e-4 "
          "| conjugate |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for net in nets:
        name = net.name.removesuffix("_net.tntp")
        if options.only and name not in options.only:
            continue
        problem = read_tntp(net, net.with_name(f"{name}_trips.tntp"))
        times, gaps = [], []
        for tol in (1e-6, 1e-4):
            began = time.process_time()
            found = problem.solve(tol)
            times.append(time.process_time() - began)
            gaps.append(problem.relative_gap(found.link_flows, problem.fixed))
        others = [timed(problem, 1e-4, options.seconds, conjugate=c) for c in (False, True)]
        size = f"{len(problem.tails)}, {len(problem.pairs)}"
        ours = f"{gaps[0]:.1e}, {times[0]:.2f} s | {times[1]:.2f} s"
        print(f"| {name} | {size} | {ours} | {' | '.join(others)} |", flush=True)


if __name__ == "__main__":
    main()
