"""What ``solve`` chooses beside the best guaranteed method, over tests/collection.

    python benchmarks/choice.py

The cost of a solve is iterations × operators applied in an iteration (``method.cost``), to the
default tolerance. A method that does not get there within LIMIT iterations is left out.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import splitkit as sk
from splitkit.solvers.explain import Option
from tests.collection.problem import Problem
from tests.collection.problems import PROBLEMS, guaranteed, inclusion

LIMIT = 50_000


def iterations(problem: Problem, option: Option) -> float:
    """How many it takes; inf: it did not get there."""
    solution = sk.solve(
        inclusion(problem),
        problem.x0,
        option.method,
        max_iter=LIMIT,
        on_failure="return",
        progress=False,
    )
    done = solution.converged or (problem.reference is None and solution.status == "infeasible")
    return float(solution.iterations) if done else math.inf


def main() -> None:
    """Print the table and the geometric mean."""
    head = f"{'problem':<46}{'chosen':<28}{'iterations':>10}  {'best':<28}{'iterations':>10}"
    print(f"{head}{'ratio':>8}")
    ratios = []
    for problem in PROBLEMS:
        options = guaranteed(problem)
        counts = [iterations(problem, option) for option in options]
        costs = [k * o.method.cost for k, o in zip(counts, options, strict=True)]
        best = min(range(len(costs)), key=costs.__getitem__)
        ratio = costs[0] / costs[best]
        ratios.append(ratio)
        chosen = f"{options[0].method.label:<28}{counts[0]:>10.0f}"
        print(
            f"{problem.name:<46}{chosen}  {options[best].method.label:<28}{counts[best]:>10.0f}"
            f"{ratio:>8.2f}{'  *' if ratio > 2 else ''}"
        )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    above = sum(ratio > 2 for ratio in ratios)
    print(f"geometric mean {mean:.3f} over {len(ratios)} problems; {above} above 2")


if __name__ == "__main__":
    main()
