"""A two-player matrix game, min over x and max over y of yᵀKx on two simplices, against HiGHS.

Its equilibria are the zeros of (N_Δ × N_Δ) + [0 Kᵀ; −K 0]: maximal monotone, skew, no minimization.
"""

import numpy as np
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


def main() -> dict[str, float]:
    """Solve, compare, report; return the differences."""
    rng = np.random.default_rng(2)
    K = rng.normal(size=(8, 6))

    game = sk.Saddle(sk.NormalCone(Simplex()), sk.NormalCone(Simplex()), K)
    start = (np.full(6, 1 / 6), np.full(8, 1 / 8))
    solution = sk.solve(game, start, tol=1e-12, max_iter=200_000)
    x, y = solution.x

    print(solution.message)
    print(f"value of the game: {y @ K @ x:.10f}")
    return {
        "value": abs(float(y @ K @ x) - game_value(K)),
        "gain by deviating": float(np.max(K @ x) - np.min(K.T @ y)),
    }


if __name__ == "__main__":
    print(main())
