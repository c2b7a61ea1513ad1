"""Lasso: minimize ½‖Ax − b‖² + λ‖x‖₁, against coordinate descent."""

import numpy as np
from sklearn.linear_model import Lasso

import splitkit as sk
from splitkit.functions import L1Norm, SquaredL2


def main() -> dict[str, float]:
    """Solve, compare, report; return the differences."""
    rng = np.random.default_rng(0)
    A, b, weight = rng.normal(size=(60, 30)), rng.normal(size=60), 8.0

    f = SquaredL2(center=b) @ A
    g = L1Norm(weight)
    solution = sk.minimize(f + g, np.zeros(30), tol=1e-13)

    # scikit-learn minimizes ‖Ax − b‖²/(2n) + a‖x‖₁
    peer = Lasso(alpha=weight / 60, fit_intercept=False, tol=1e-15, max_iter=1_000_000)
    x = peer.fit(A, b).coef_

    print(solution.message)
    print(f"non-zero entries: {np.count_nonzero(solution.x)} of 30")
    print(f"certified distance to the minimizer: {solution.error_bound:.1e}")
    return {
        "point": float(np.max(np.abs(solution.x - x))),
        "value": float(abs((f + g)(solution.x) - (f + g)(x))),
    }


if __name__ == "__main__":
    print(main())
