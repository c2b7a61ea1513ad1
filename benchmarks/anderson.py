"""Anderson acceleration beside the plain method, to 1e-8, over tests/collection.

    python benchmarks/anderson.py

For each problem, the averaged maps among its guaranteed methods that are built of resolvents
(METHODS below), the one that ``solve`` would prefer first. Iterations of both; a solve that needs
more than LIMIT counts as LIMIT. Problems that are solved by primal-dual methods and ADMM have none.
The last column is of processor time, the least of REPEATS.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import splitkit as sk
from tests.collection.problem import Problem
from tests.collection.problems import PROBLEMS, guaranteed, inclusion

METHODS = (sk.DouglasRachford, sk.DavisYin, sk.Ryu, sk.MalitskyTam, sk.ProductSpace)
LIMIT = 50_000
REPEATS = 3


def effort(problem: Problem, method: sk.Method) -> tuple[int, float]:
    """How many iterations it takes to 1e-8, at most LIMIT, and how many seconds."""
    seconds = math.inf
    for _ in range(REPEATS):
        start = time.process_time()
        solution = sk.solve(
            inclusion(problem),
            problem.x0,
            method,
            tol=1e-8,
            max_iter=LIMIT,
            on_failure="return",
            progress=False,
        )
        seconds = min(seconds, time.process_time() - start)
    return int(solution.iterations) if solution.converged else LIMIT, seconds


def main() -> None:
    """Print the table, the share of problems with fewer iterations, and the geometric mean."""
    print(f"{'problem':<46}{'method':<20}{'plain':>8}{'Anderson':>10}{'ratio':>8}{'of time':>9}")
    wins, logs, of_time, first = [], [], [], []
    for problem in PROBLEMS:
        if problem.reference is None:
            continue
        options = [o for o in guaranteed(problem) if isinstance(o.method, METHODS)]
        for option in options:
            plain, seconds = effort(problem, option.method)
            fast, fast_seconds = effort(problem, sk.Anderson(option.method.constant()))
            wins.append(fast < plain)
            logs.append(math.log(fast / plain))
            of_time.append(math.log(fast_seconds / seconds))
            if option is options[0]:
                first.append(fast < plain)
            name = f"{problem.name:<46}{option.method.label:<20}"
            ratios = f"{fast / plain:>8.2f}{fast_seconds / seconds:>9.2f}"
            print(f"{name}{plain:>8}{fast:>10}{ratios}")
    mean, time_mean = (math.exp(sum(each) / len(each)) for each in (logs, of_time))
    print(f"fewer in {sum(wins)} of {len(wins)} pairs, {mean:.2f} of the iterations in the mean,")
    print(f"{time_mean:.2f} of the time; less time in {sum(t < 0 for t in of_time)} pairs;")
    print(f"by the first method of each problem in {sum(first)} of {len(first)} problems")


if __name__ == "__main__":
    main()
