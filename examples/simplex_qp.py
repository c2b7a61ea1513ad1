"""A quadratic program over the simplex: minimize ½xᵀPx + qᵀx, x ≥ 0, Σx = 1, against Clarabel."""

import clarabel
import numpy as np
from scipy import sparse

import splitkit as sk
from splitkit.functions import Quadratic, Simplex


def peer(P: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The same program for an interior-point method: Gx + s = h with s in a product of cones."""
    n = len(q)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    G = sparse.csc_matrix(np.vstack([np.ones((1, n)), -np.eye(n)]))
    h = np.concatenate([[1.0], np.zeros(n)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(n)]
    solver = clarabel.DefaultSolver(sparse.triu(P, format="csc"), q, G, h, cones, settings)
    return np.array(solver.solve().x)


def main() -> dict[str, float]:
    """Solve, compare, report; return the differences."""
    rng = np.random.default_rng(1)
    S, q = rng.normal(size=(20, 20)), rng.normal(size=20)
    P = S @ S.T / 20 + 0.1 * np.eye(20)

    f = Quadratic(P, q)
    solution = sk.minimize(f + Simplex(), np.full(20, 0.05), tol=1e-13)
    x = peer(P, q)

    print(solution.message)
    print(f"guaranteed rate {solution.rate:.4f}, certified error {solution.error_bound:.1e}")
    return {
        "point": float(np.max(np.abs(solution.x - x))),
        "value": float(abs(f(solution.x) - f(x))),
    }


if __name__ == "__main__":
    print(main())
