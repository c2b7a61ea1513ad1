"""Anderson acceleration beside the plain method, to 1e-8, over tests/collection.

    python benchmarks/anderson.py

For each problem, the averaged maps among its guaranteed methods that are built of resolvents
(METHODS below), the one that ``solve`` would prefer first. Iterations of both; a solve that needs
more than LIMIT counts as LIMIT. Problems that are solved by primal-dual methods and ADMM have none.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import splitkit as sk
from tests.collection.problem import Problem
from tests.collection.problems import PROBLEMS, guaranteed, inclusion

METHODS = (sk.DouglasRachford, sk.DavisYin, sk.Ryu, sk.MalitskyTam, sk.ProductSpace)
LIMIT = 50_000


def iterations(problem: Problem, method: sk.Method) -> int:
    """How many it takes to 1e-8, at most LIMIT."""
    solution = sk.solve(
        inclusion(problem),
        problem.x0,
        method,
        tol=1e-8,
        max_iter=LIMIT,
        on_failure="return",
        progress=False,
    )
    return int(solution.iterations) if solution.converged else LIMIT


def main() -> None:
    """Print the table, the share of problems with fewer iterations, and the geometric mean."""
    print(f"{'problem':<46}{'method':<20}{'plain':>8}{'Anderson':>10}{'ratio':>8}")
    wins, logs, first = [], [], []
    for problem in PROBLEMS:
        if problem.reference is None:
            continue
        options = [o for o in guaranteed(problem) if isinstance(o.method, METHODS)]
        for option in options:
            plain = iterations(problem, option.method)
            fast = iterations(problem, sk.Anderson(option.method))
            wins.append(fast < plain)
            logs.append(math.log(fast / plain))
            if option is options[0]:
                first.append(fast < plain)
            name = f"{problem.name:<46}{option.method.label:<20}"
            print(f"{name}{plain:>8}{fast:>10}{fast / plain:>8.2f}")
    mean = math.exp(sum(logs) / len(logs))
    print(f"fewer in {sum(wins)} of {len(wins)} pairs, {mean:.2f} of the iterations in the mean;")
    print(f"by the first method of each problem in {sum(first)} of {len(first)} problems")


if __name__ == "__main__":
    main()
