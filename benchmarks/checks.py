"""How long solves run on after their end, because the tolerance is looked at now and then only.

    python benchmarks/checks.py [--problems lasso,transport] [--max-iter 5000] [--times 1,100,1e4]

For each problem of the collection and each method that is guaranteed on it: the iterations taken by
``solve``, and those needed, at which the tolerance is first met if every iteration is looked at, to
the tolerance of the problem and to multiples of it. A line is printed where more were taken than
needed + 20 + needed/10; then how many solves there were, the greatest excess, and the geometric
mean of taken/needed. Nothing is timed.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np

import splitkit as sk

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.collection.judge import left_open
from tests.collection.problem import Problem
from tests.collection.problems import PROBLEMS, asarray, guaranteed, inclusion, start


def counts(
    problem: Problem, method: sk.Method, times: float, max_iter: int
) -> tuple[int, int] | None:
    """Iterations taken and needed to a multiple of the tolerance; None: it is not met."""
    A, x0 = inclusion(problem), start(problem, asarray())
    planned = sk.plan(A, x0, left_open(method))
    options = {"tol": times * problem.tol, "max_iter": max_iter}
    solution = planned.solve(on_failure="return", **options)
    if not solution.converged:
        return None
    return int(np.max(solution.iterations)), sum(1 for _ in planned.iterate(**options))


def main() -> None:
    """Print what was taken for too long, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--problems", default="", help="parts of their names, by commas")
    parser.add_argument("--max-iter", type=int, default=5000)
    parser.add_argument("--times", default="1", help="multiples of the tolerance, by commas")
    options = parser.parse_args()
    parts = options.problems.split(",")
    multiples = [float(each) for each in options.times.split(",")]
    found = []
    for problem in PROBLEMS:
        if problem.reference is None or not any(part in problem.name for part in parts):
            continue
        for option, times in product(guaranteed(problem), multiples):
            pair = counts(problem, option.method, times, options.max_iter)
            if pair is None:
                continue
            found.append(pair)
            taken, needed = pair
            if taken > needed + 20 + needed / 10:
                print(
                    f"{problem.name:<42}{option.method.label:<32}{times:>7g}{taken:>7}{needed:>7}"
                )
    taken, needed = np.array(found, dtype=float).T
    excess = np.max(taken - needed - needed / 10)
    print(
        f"{len(found)} solves: at most {excess:.0f} iterations beyond 1.1 times those needed, "
        f"taken/needed {np.exp(np.mean(np.log(taken / needed))):.3f} in the geometric mean, "
        f"{np.max(taken / needed):.2f} at most"
    )


if __name__ == "__main__":
    main()
