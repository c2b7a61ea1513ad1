"""``python -m splitkit``: versions, then one problem by every method that a theorem allows; all
must come to the same point.
"""

from __future__ import annotations

import sys

import numpy as np

import splitkit as sk


def main() -> int:
    """Print it; 0 if all methods agree."""
    sk.show_versions()
    rng = np.random.default_rng(0)
    S = rng.normal(size=(50, 50))
    F = sk.Affine(np.eye(50) + S - S.T, rng.normal(size=50))  # no gradient
    G = sk.NormalCone(sk.functions.Box(-0.1, 0.1))
    print("\nfind x with 0 ∈ Mx − q + N_C(x), M = I + S − Sᵀ of 50 rows, C = [−.1, .1]⁵⁰\n")
    print(f"{sk.explain(F + G)}\n")
    compared = sk.compare(F + G, np.zeros(50), max_iter=100_000)
    print(compared)
    points = [solution.x for solution in compared.solutions.values() if solution.converged]
    apart = max(float(np.linalg.norm(x - points[0])) for x in points)
    agree = len(points) == len(compared.solutions) and apart < 1e-6 * np.linalg.norm(points[0])
    print(f"\nsolutions are at most {apart:.2g} apart: {'as they should be' if agree else 'WRONG'}")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
