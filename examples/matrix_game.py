"""A two-player matrix game, min over x and max over y of yᵀKx on two simplices, against HiGHS.

Its equilibria are the zeros of (N_Δ × N_Δ) + [0 Kᵀ; −K 0]: maximal monotone, skew, no minimization.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy.optimize import linprog

import splitkit as sk
from splitkit.functions import Simplex


def game_value(K: np.ndarray) -> float:
    """The least v with Kx ≤ v for some x in the simplex."""
    rows, columns = K.shape
    program = linprog(
        c=np.r_[np.zeros(columns), 1.0],
        A_ub=np.c_[K, -np.ones(rows)],
        b_ub=np.zeros(rows),
        A_eq=np.r_[np.ones(columns), 0.0][None],
        b_eq=[1.0],
        bounds=[(0, None)] * columns + [(None, None)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return float(program.fun)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw the payoffs and both mixtures; return the differences."""
    rng = np.random.default_rng(2)
    K = rng.normal(size=(8, 6))

    game = sk.Saddle(sk.NormalCone(Simplex()), sk.NormalCone(Simplex()), K)
    start = (np.full(6, 1 / 6), np.full(8, 1 / 8))
    solution = sk.solve(game, start, tol=1e-12, max_iter=200_000)
    x, y = solution.x

    print(solution.message)
    print(f"value of the game: {y @ K @ x:.10f}")
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    grid = figure.subplots(
        2, 2, gridspec_kw={"width_ratios": (5, 1), "height_ratios": (1, 4)}, squeeze=False
    )
    grid[0, 0].bar(range(6), x, color="C0")
    grid[0, 0].set(title="x: what the columns' player mixes", xticks=range(6), xlim=(-0.5, 5.5))
    grid[1, 1].barh(range(8), y, color="C1")
    grid[1, 1].set(title="y: the rows'", yticks=range(8), ylim=(7.5, -0.5))
    shown = grid[1, 0].imshow(K, cmap="RdBu", vmin=-3, vmax=3, aspect="auto")
    grid[1, 0].set(xlabel=f"K; the value of the game is {y @ K @ x:.3f}", xticks=[], yticks=[])
    figure.colorbar(shown, ax=grid[1, 0], location="left")
    grid[0, 1].set_axis_off()
    save(figure, "matrix-game", picture)
    return {
        "value": abs(float(y @ K @ x) - game_value(K)),
        "gain by deviating": float(np.max(K @ x) - np.min(K.T @ y)),
    }


if __name__ == "__main__":
    run(main, __doc__)
