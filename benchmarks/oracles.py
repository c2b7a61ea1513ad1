"""Evaluations of ∇f that methods take for min f + g beside the textbook's FISTA.

    python benchmarks/oracles.py
    python benchmarks/oracles.py --restarts

Counted are whole evaluations, of parts by their share, until an explicit element of ∇f + ∂g is at
most TOL times ‖∇f(x₀)‖; what is computed to tell that is not counted. FISTA by hand has no
restarts, t⁺ = (1 + √(1 + 4t²))/2. A dash: not there after LIMIT iterations, not guaranteed, or
stochastic with few rows.

With ``--restarts`` FISTA, which restarts, stands beside the one by hand of the same step: how far
the objective is above the least after 400 steps of deconvolutions of 64² and 128² pixels, and the
steps that each problem of tests/collection takes which FISTA is guaranteed on.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import splitkit as sk
from splitkit.backend import Space, add, lincomb, scale, solving, subtract
from splitkit.solvers.explain import Option
from splitkit.solvers.terms import Maps
from tests.collection.problems import PROBLEMS, guaranteed
from tests.solvers.test_fista import deconvolution, textbook as by_hand

TOL, LIMIT = 1e-6, 20_000
FEW = 20  # rows for each coefficient, with fewer of which nobody would draw them
f = sk.functions
Problem = tuple[Any, Any, np.ndarray]


class Counting(Maps):
    """Counts evaluations."""

    def __init__(self) -> None:
        self.count = 0.0

    def counted(self, g: Callable[[Any], Any], share: float = 1.0) -> Callable[[Any], Any]:
        """g, each call of which counts this much."""

        def apply(x: Any) -> Any:
            self.count += share
            return g(x)

        return apply

    def evaluation(self, A: Any) -> Any:
        return self.counted(super().evaluation(A))

    def valued(self, term: Any) -> Any:
        return self.counted(super().valued(term))


def spent(method: sk.Method, problem: Problem) -> float:
    """Evaluations until the tolerance is met; inf: it was not, nan: it is not guaranteed."""
    F, G, x0 = sk.Subdifferential(problem[0]), sk.Subdifferential(problem[1]), problem[2]
    maps = Counting()
    terms = [term.seen_by(maps) for term in method.terms(F, G)]
    method = method.chosen(*terms)
    if not method.guarantee(*terms).holds:
        return math.nan
    iteration: Any = method.iteration(*terms)
    if hasattr(iteration, "total"):
        parts = iteration.total.parts
        if len(parts) < FEW * len(x0):
            return math.nan
        counted = [
            dataclasses.replace(part, slope=maps.counted(part.slope, 1 / len(parts)))
            for part in parts
        ]
        iteration.total = dataclasses.replace(iteration.total, parts=tuple(counted))
    target = TOL * np.linalg.norm(F(x0))
    with solving(x0):
        state = iteration.begin(x0, Space.of(x0))
        for _ in range(LIMIT):
            state, trace = iteration.advance(state)
            count = maps.count
            if np.linalg.norm(sum(iteration.read(trace).terms)) <= target:
                return count
            maps.count = count
    return math.inf


def textbook(problem: Problem) -> float:
    """FISTA by hand."""
    fit, g, x0 = problem
    alpha = 1 / fit.smoothness
    target = TOL * np.linalg.norm(fit.gradient(x0))
    x = y = x0
    t = 1.0
    for k in range(1, LIMIT + 1):
        slope = fit.gradient(y)
        after = g.prox(y - alpha * slope, alpha)
        r = (y - after) / alpha - slope + fit.gradient(after)
        if np.linalg.norm(r) <= target:
            return k
        longer = (1 + math.sqrt(1 + 4 * t * t)) / 2
        x, y, t = after, after + (t - 1) / longer * (after - x), longer
    return math.inf


def problems() -> dict[str, Problem]:
    """Fits of condition 10⁴ and more, and of many rows."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 100)) @ np.diag(np.logspace(0, -2, 100))
    b = rng.normal(size=60)
    most = float(np.abs(A.T @ b).max())
    steps = np.tril(np.ones((80, 80)))
    X = rng.normal(size=(4000, 20)) * np.logspace(0, -1, 20)
    y = np.sign(X @ np.ones(20) + rng.normal(size=4000))
    signs = np.sign(b)[:, None]
    fit, zero = f.LeastSquares(A, b), np.zeros(100)
    return {
        "lasso, a tenth": (fit, f.L1Norm(0.1 * most), zero),
        "lasso, a thousandth": (fit, f.L1Norm(1e-3 * most), zero),
        "non-negative least squares": (f.LeastSquares(A[:, :50], b), f.NonNegative(), np.ones(50)),
        "logistic, wide": (f.Logistic() @ (signs * A), f.L1Norm(1e-3 * most), zero),
        "jumps of a signal": (
            f.LeastSquares(steps, rng.normal(size=80)), f.L1Norm(0.1), np.zeros(80),
        ),
        "logistic, 4,000 rows": (
            f.Logistic(y) @ X + f.SquaredL2(1.0), f.L1Norm(2.0), np.zeros(20),
        ),
        "hard thresholds": (fit, f.L0Norm(0.01), zero),
    }  # fmt: skip


def above(fit: Any, g: Any, side: int, steps: int = 400) -> tuple[float, float]:
    """How far both are above the least value that the one by hand finds in ten times the steps."""
    value, x0 = fit + g, np.zeros((side, side))
    options = {"tol": 0, "max_iter": steps, "on_failure": "return"}
    x = sk.minimize(value, x0, sk.FISTA(alpha=1.0), **options).x
    least, there, here = (
        value.value(z, feasibility_tol=1e-9)
        for z in (by_hand(fit, g, 10 * steps, side), by_hand(fit, g, steps, side), x)
    )
    return float(there - least), float(here - least)


def steps_of(option: Option, x0: Any, *, restarts: bool) -> float:
    """Steps until ‖r‖ ≤ TOL ‖F x₀‖; inf: it is not there after LIMIT."""
    F, G = option.terms or ()
    alpha: Any = option.method.alpha
    with solving(x0):
        space, R = Space.of(x0), G.resolve(alpha)
        target = TOL * float(space.norm(F.evaluate(x0)))
        if restarts:
            iteration = option.method.iteration(F, G)
            state = iteration.begin(x0, space)
            for k in range(1, LIMIT + 1):
                state, trace = iteration.advance(state)
                r = add(*iteration.read(trace).terms)
                if float(space.norm(r)) <= target:
                    return k
            return math.inf
        x, y, t = x0, x0, 1.0
        for k in range(1, LIMIT + 1):
            slope = F.evaluate(y)
            after = R(lincomb(1.0, y, -alpha, slope))
            of_G = subtract(scale(1 / alpha, subtract(y, after)), slope)
            if float(space.norm(add(of_G, F.evaluate(after)))) <= target:
                return k
            longer = (1 + math.sqrt(1 + 4 * t * t)) / 2
            moved = subtract(after, x)
            x, y, t = after, lincomb(1.0, after, (t - 1) / longer, moved), longer
    return math.inf


def compare_restarts() -> None:
    """Print both tables."""
    print(f"{'after 400 steps':<46}{'by hand':>10}{'FISTA':>10}{'ratio':>8}")
    for side in (64, 128):
        for g in (f.Box(0.0, 1.0), f.L1Norm(1e-4)):
            there, here = above(deconvolution(0, side), g, side)
            name = f"deconvolution of {side}² pixels, {type(g).__name__}"
            print(f"{name:<46}{there:>10.2e}{here:>10.2e}{here / there:>8.2f}")
    print(f"{'steps to ' + format(TOL, 'g'):<46}{'by hand':>10}{'FISTA':>10}{'ratio':>8}")
    for problem in PROBLEMS:
        option = next((o for o in guaranteed(problem) if type(o.method) is sk.FISTA), None)
        if option is None or problem.reference is None:
            continue
        there, here = (steps_of(option, problem.x0, restarts=each) for each in (False, True))
        ratio = here / there if there < math.inf else 0.0
        print(f"{problem.name:<46}{there:>10.0f}{here:>10.0f}{ratio:>8.2f}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--restarts", action="store_true")
    if parser.parse_args().restarts:
        compare_restarts()
        return
    methods = {
        "FISTA": sk.FISTA(),
        "PANOC": sk.PANOC(),
        "SAGA": sk.SAGA(batch=1),
        "loopless SVRG": sk.LooplessSVRG(batch=1),
    }
    print(f"{'problem':<28}{'by hand':>10}" + "".join(f"{name:>15}" for name in methods))
    for name, problem in problems().items():
        by_hand = textbook(problem) if problem[1].convex else math.nan
        counts = [by_hand, *(spent(method, problem) for method in methods.values())]
        cells = [f"{n:.0f}" if n < math.inf else "–" for n in counts]
        print(f"{name:<28}{cells[0]:>10}" + "".join(f"{cell:>15}" for cell in cells[1:]))


if __name__ == "__main__":
    main()
