"""Wardrop's equilibrium on Braess's network with costs that interact, against every support.

Links 1: s→u, 2: s→v, 3: u→t, 4: v→t, 5: u→v, and three paths 1-3, 2-4, 1-5-4. Path flows h ≥ 0
carry the demand Σh = d, v = Δh are the link flows, and traffic on one link delays others: c(v) =
Nv + t with N not symmetric. Nobody gains by another path if h solves the variational inequality of
Δᵀc(Δh) on the simplex; there is no potential to minimize. With link 5 all travel longer: the
paradox.
"""

import itertools
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import Simplex

PATHS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], dtype=float)
DELAYS = np.array([[10.0, 1.0, 0.0, 0.0, 0.5],
                   [0.5, 1.0, 0.0, 0.0, 0.0],
                   [0.0, 0.0, 1.0, 0.2, 0.0],
                   [0.0, 0.0, 1.0, 10.0, 0.5],
                   [0.0, 0.0, 0.3, 0.0, 1.0]])  # fmt: skip
FREE = np.array([0.0, 50.0, 50.0, 0.0, 10.0])
DEMAND = 6.0


def by_supports(M: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Flows whose used paths cost the same, and the others no less, by trying what is used."""
    n = len(q)
    for size in range(1, n + 1):
        for used in map(list, itertools.combinations(range(n), size)):
            rows = np.block([[M[np.ix_(used, used)], -np.ones((size, 1))], [np.ones((1, size)), 0]])
            *flow, cost = np.linalg.solve(rows, np.r_[-q[used], DEMAND])
            h = np.zeros(n)
            h[used] = flow
            if h.min() >= 0 and (M @ h + q).min() >= cost - 1e-9:
                return h
    raise AssertionError("the equilibrium of a monotone network exists")


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw the flow and the cost of each path; return the differences."""
    links = sk.Affine(DELAYS, -FREE)
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    differences, travel = {}, {}
    for name, paths in (("without link 5", PATHS[:, :2]), ("with link 5", PATHS)):
        costs = links.pullback(sk.DenseMatrix(paths.copy()))
        problem = sk.VI(costs, Simplex(DEMAND))
        start = np.full(paths.shape[1], DEMAND / paths.shape[1])
        solution = sk.solve(problem, start, tol=1e-13, max_iter=100_000)
        expected = by_supports(paths.T @ DELAYS @ paths, paths.T @ FREE)
        travel[name] = float(costs(solution.x).min())
        print(f"{name}: {solution.message}; flows {solution.x}, each travels {travel[name]:.4f}")
        which = np.arange(paths.shape[1]) + 0.4 * (name == "with link 5")
        left.bar(which, solution.x, 0.4, label=name)
        right.bar(which, costs(solution.x), 0.4, label=name)
        differences[name] = float(np.max(np.abs(solution.x - expected)))
    assert travel["with link 5"] > travel["without link 5"]
    for axes, title in ((left, "flow"), (right, "travel time")):
        axes.set(title=title, xticks=[0.2, 1.2, 2.2], xticklabels=["1-3", "2-4", "1-5-4"])
    left.legend(loc="upper right")
    left.set(ylim=(0, 5))
    save(figure, "traffic", picture)
    return differences


if __name__ == "__main__":
    run(main, __doc__)
