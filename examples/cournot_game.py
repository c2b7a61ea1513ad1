"""Cournot's oligopoly, n firms that choose quantities, against its equilibrium in closed form.

Firm i sells xᵢ at the price a − b Σxⱼ and pays cᵢ for a unit. Its marginal loss
b(xᵢ + Σxⱼ) + cᵢ − a is the i-th part of the pseudo-gradient, with the matrix b(I + 11ᵀ). While all
produce, xᵢ = (a − (n+1)cᵢ + Σcⱼ)/((n+1)b). With a common capacity Σxᵢ ≤ k that binds, all pay the
same price λ for it: xᵢ + k = (a − cᵢ − λ)/b, so that λ = a − (n+1)bk/n − Σcⱼ/n.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import NonNegative

A, B = 20.0, 0.5
COSTS = np.array([2.0, 3.0, 2.5, 4.0])


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw the quantities; return the differences."""
    n, one = len(COSTS), np.array([[1.0]])
    Q = [[(2 * B if i == j else B) * one for j in range(n)] for i in range(n)]
    F = sk.PseudoGradient.quadratic(Q, [np.array([c - A]) for c in COSTS])
    quantities = [NonNegative()] * n

    game = sk.NashGame(F, quantities)
    solution = sk.solve(game, (np.zeros(1),) * n, tol=1e-13)
    x = np.concatenate(solution.x)
    expected = (A - (n + 1) * COSTS + COSTS.sum()) / ((n + 1) * B)

    capacity = 20.0
    limited = sk.GeneralizedNashGame(F, quantities, [one] * n, np.array([capacity]))
    shared = sk.solve(limited, (np.zeros(1),) * (n + 1), tol=1e-13)
    *y, price = map(float, np.concatenate(shared.x))
    expected_price = A - (n + 1) * B * capacity / n - COSTS.sum() / n
    expected_y = (A - COSTS - expected_price) / B - capacity

    print(solution.message)
    print(f"price of the good {A - B * x.sum():.4f}, of capacity {price:.4f}")
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes, firms = figure.subplots(), np.arange(n)
    axes.bar(firms, x, 0.4, label=f"free: {x.sum():.1f} in all")
    axes.bar(firms + 0.4, y, 0.4, label=f"shared capacity of {capacity:.0f}")
    axes.set(
        xticks=firms + 0.2,
        xticklabels=[f"unit cost {c:g}" for c in COSTS],
        ylabel="quantity",
        ylim=(0, 11),
    )
    axes.legend()
    save(figure, "cournot", picture)
    return {
        "quantities": float(np.max(np.abs(x - expected))),
        "natural residual": float(game.natural_residual(solution.x)),
        "quantities within capacity": float(np.max(np.abs(y - expected_y))),
        "price of capacity": abs(price - expected_price),
    }


if __name__ == "__main__":
    run(main, __doc__)
