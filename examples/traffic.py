"""A town's rush hour: Wardrop's equilibrium on a grid of streets, checked by shortest paths.

Streets lead both ways between neighbouring crossings, each with the time t₀(1 + 0.15(v/c)⁴) for the
flow v. In the fixed case everyone travels; in the elastic one fewer do, the longer it takes. Paths
are generated, none enumerated. The check: with Bellman and Ford's times κ between all crossings, no
one can save more than the gap Σ t v − Σ d κ, and demands are those at the times κ.
"""

import time

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import bellman_ford

from splitkit.problems import BPR, ElasticDemand, TrafficEquilibrium, TrafficSolution

SIDE, PAIRS, TOL = 8, 60, 1e-9


def streets() -> tuple[np.ndarray, np.ndarray, BPR]:
    """Tails, heads and costs of the streets; every fourth one is wide."""
    rng = np.random.default_rng(0)
    nodes = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    east, south = (nodes[:, :-1], nodes[:, 1:]), (nodes[:-1], nodes[1:])
    one_way = np.concatenate([np.stack([a.ravel(), b.ravel()]) for a, b in (east, south)], axis=1)
    tails, heads = np.concatenate([one_way, one_way[::-1]], axis=1)
    wide = (tails // SIDE % 4 == 1) | (tails % SIDE % 4 == 1)
    return tails, heads, BPR(rng.uniform(1.0, 2.0, len(tails)), np.where(wide, 900.0, 200.0))


def saved(problem: TrafficEquilibrium, found: TrafficSolution) -> tuple[float, np.ndarray]:
    """What all could save by other paths, beside what they travel; and the shortest times."""
    t = problem.costs.value(found.link_flows)
    nodes = int(max(problem.heads)) + 1
    graph = csr_array((t, (problem.tails, problem.heads)), shape=(nodes, nodes))
    kappa = bellman_ford(graph)[tuple(found.pairs.T)]
    travelled = t @ found.link_flows
    return float((travelled - found.demands @ kappa) / travelled), kappa


def main() -> dict[str, float]:
    """Solve both, report; return what is wrong with the answers."""
    tails, heads, costs = streets()
    rng = np.random.default_rng(1)
    table = np.zeros((SIDE * SIDE, SIDE * SIDE))
    for origin, end in rng.choice(SIDE * SIDE, (PAIRS, 2)):
        table[origin, end] = rng.uniform(50, 250) * (origin != end)
    pairs = np.argwhere(table > 0)
    most = table[tuple(pairs.T)]
    elastic = ElasticDemand(
        pairs, lambda k: most * np.exp(-k / 40), lambda k: -most / 40 * np.exp(-k / 40)
    )
    wrong = {}
    for name, demand in (("fixed", table), ("elastic", elastic)):
        problem = TrafficEquilibrium(tails, heads, costs, demand)
        began = time.perf_counter()
        found = problem.solve(TOL)
        spent = 1e3 * (time.perf_counter() - began)
        busiest = int(np.argmax(found.link_flows / costs.capacity))
        print(
            f"{problem}: gap {found.relative_gap:.1e} met the tolerance in {spent:.0f} ms, "
            f"{found.rounds} rounds, {len(found.path_flows)} paths; {np.sum(found.demands):.0f} "
            f"travel {found.times.mean():.1f} minutes on average, most from node {tails[busiest]} "
            f"to {heads[busiest]}"
        )
        gap, kappa = saved(problem, found)
        wrong[f"gap, {name}"] = abs(gap)
        wanted = most if name == "fixed" else elastic.value(kappa)
        wrong[f"demands, {name}"] = float(np.sum(abs(found.demands - wanted)) / np.sum(wanted))
    return wrong


if __name__ == "__main__":
    print(main())
