"""An affine variational inequality, find x in a box with ⟨Mx − q, y − x⟩ ≥ 0 for all y in it.

M is not symmetric: nothing is minimized. The answer is checked by the projection equation
x = P(x − (Mx − q)), which needs no solver.
"""

import numpy as np

import splitkit as sk
from splitkit.functions import Box


def main() -> dict[str, float]:
    """Solve, check, report; return the violation of the projection equation."""
    rng = np.random.default_rng(4)
    S = rng.normal(size=(15, 15))
    M, q = 0.2 * np.eye(15) + S - S.T, rng.normal(size=15)

    inclusion = sk.Affine(M, q) + sk.NormalCone(Box(-1.0, 1.0))
    print(sk.explain(inclusion))
    solution = sk.solve(inclusion, np.zeros(15), tol=1e-13)

    x = solution.x
    print(solution.message)
    return {"projection": float(np.max(np.abs(x - np.clip(x - (M @ x - q), -1, 1))))}


if __name__ == "__main__":
    print(main())
