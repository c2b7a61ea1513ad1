"""A linear complementarity problem, z ≥ 0, Mz + q ≥ 0, zᵀ(Mz + q) = 0, against Lemke's method.

M is positive definite but not symmetric, as it is for a quadratic program beside a game. Lemke's
pivoting ends at a vertex: its answer is exact to rounding.
"""

import numpy as np

import splitkit as sk


def lemke(M: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Complementary pivoting on w − Mz − 1·z₀ = q, until z₀ leaves the basis."""
    n = len(q)
    table = np.c_[np.eye(n), -M, -np.ones(n), q]  # columns: w, z, z₀, right-hand side
    basis = list(range(n))
    row, entering = int(np.argmin(q)), 2 * n
    while q.min() < 0:
        leaving, basis[row] = basis[row], entering
        table[row] /= table[row, entering]
        others = np.arange(n) != row
        table[others] -= np.outer(table[others, entering], table[row])
        if leaving == 2 * n:
            break
        entering = leaving + n if leaving < n else leaving - n  # the complement of what left
        column = table[:, entering]
        ratios = np.where(column > 1e-12, table[:, -1] / np.maximum(column, 1e-12), np.inf)
        row = int(np.argmin(ratios))
    solution = np.zeros(2 * n + 1)
    solution[basis] = table[:, -1]
    return solution[n : 2 * n]


def main() -> dict[str, float]:
    """Solve, compare, report; return the differences."""
    rng = np.random.default_rng(6)
    S = rng.normal(size=(20, 20))
    M, q = S @ S.T / 20 + 0.1 * np.eye(20) + (S - S.T) / 2, rng.normal(size=20)

    problem = sk.LCP(M, q)
    solution = sk.solve(problem, np.zeros(20), tol=1e-13)
    z = solution.x

    print(solution.message)
    print(f"complementary pairs with z > 0: {np.count_nonzero(z > 1e-9)} of 20")
    print(f"certified distance to the solution: {float(problem.error_bound(z)):.1e}")
    return {
        "point": float(np.max(np.abs(z - lemke(M, q)))),
        "natural residual": float(problem.natural_residual(z)),
        **{name: float(value) for name, value in problem.violations(z).items()},
    }


if __name__ == "__main__":
    print(main())
