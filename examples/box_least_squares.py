"""Least squares in a box: minimize ½‖Ax − b‖², l ≤ x ≤ u, against SciPy's active-set method."""

import numpy as np
from scipy.optimize import lsq_linear

import splitkit as sk
from splitkit.functions import Box, SquaredL2


def main() -> dict[str, float]:
    """Solve, compare, report; return the differences."""
    rng = np.random.default_rng(3)
    A, b = rng.normal(size=(40, 12)), rng.normal(size=40)
    lower, upper = np.full(12, -0.1), np.full(12, 0.15)

    f = SquaredL2(center=b) @ A
    solution = sk.minimize(f + Box(lower, upper), np.zeros(12), tol=1e-13)
    x = lsq_linear(A, b, (lower, upper), method="bvls", tol=1e-15).x

    print(solution.message)
    print(f"bounds that bind: {np.sum((solution.x == lower) | (solution.x == upper))} of 12")
    return {
        "point": float(np.max(np.abs(solution.x - x))),
        "value": float(abs(f(solution.x) - f(x))),
    }


if __name__ == "__main__":
    print(main())
