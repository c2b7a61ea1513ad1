"""Optimal transport: the plan X ≥ 0 with X1 = p, Xᵀ1 = q that carries p to q at the least cost
⟨C, X⟩, here between two distributions on a line, with Cᵢⱼ = (xᵢ − xⱼ)².

The set of plans has its projection, and with it ⟨C, X⟩ plus its indicator has a proximal map: the
proximal point algorithm, which ends on a linear program. On a line the best plan keeps the order:
it fills the matrix from its corner, row by row.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import Tilted, TransportPolytope

SIZE = 18


def in_order(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The plan that keeps the order: of the cumulative sums what each pair has in common."""
    P, Q = np.cumsum(p), np.cumsum(q)
    both = np.minimum(P[:, None], Q) - np.maximum((P - p)[:, None], Q - q)
    return np.maximum(both, 0.0)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Carry, draw; return what the cost differs by, and the sums."""
    t = np.linspace(0.0, 1.0, SIZE)
    p = np.exp(-((t - 0.25) ** 2) / 0.01)
    q = np.exp(-((t - 0.6) ** 2) / 0.01) + 0.5 * np.exp(-((t - 0.9) ** 2) / 0.002)
    p, q = p / p.sum(), q / q.sum()
    C = (t[:, None] - t) ** 2

    method = sk.ProximalPoint(alpha=100.0)  # the longer the step, the fewer projections
    plans = Tilted(TransportPolytope(p, q), C)
    solution = sk.minimize(plans, np.outer(p, q), method, tol=1e-10)
    X = solution.x
    cost = float(np.sum(C * X))
    least = float(np.sum(C * in_order(p, q)))

    print(solution.message)
    print(f"cost {cost:.6f}, of the plan that keeps the order {least:.6f}")
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(t, p, label="p")
    left.plot(t, q, label="q")
    left.legend()
    right.imshow(np.sqrt(X), cmap="Blues", extent=(0, 1, 1, 0))
    right.set(title="plan", xlabel="to", ylabel="from")
    save(figure, "transport", picture)
    return {
        "cost": abs(cost - least) / least,
        "sums": float(max(np.max(np.abs(X.sum(1) - p)), np.max(np.abs(X.sum(0) - q)))),
    }


if __name__ == "__main__":
    run(main, __doc__)
