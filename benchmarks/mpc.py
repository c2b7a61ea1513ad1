"""Model predictive control beside OSQP: warm solves, one after another, of changing equations.

    python benchmarks/mpc.py
    python benchmarks/mpc.py --bound 0.15

A state of 12 numbers and 4 forces over 187 steps are 2,992 sparse variables. At each of 100
instants the state moves on by the first force of the plan, and by a disturbance; only the
right-hand sides of the equations change. Both solvers start from their last solution, both to the
tolerance 1e-6 (OSQP's are absolute and relative). Times are of the processor, in one thread, in
turns. A bound of 0.5 on the forces is hardly ever met, one of 0.15 by some fifty entries at first.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.problems import QP

STATE, FORCES, STEPS, INSTANTS = 12, 4, 187, 100


def program(rng: Any, bound: float) -> tuple[Any, Any, Any, Any, Any, Any]:
    """P, A, the maps of state and force, and the limits of states and forces."""
    A = np.eye(STATE) + 0.2 * rng.normal(size=(STATE, STATE)) / np.sqrt(STATE)
    A *= 1.02 / np.abs(np.linalg.eigvals(A)).max()
    B = 0.3 * rng.normal(size=(STATE, FORCES))
    x = sp.kron(sp.eye_array(STEPS, k=-1), A) - sp.eye_array(STEPS * STATE)
    P = sp.diags_array(np.repeat([1.0, 0.1], [STEPS * STATE, STEPS * FORCES]))
    rows = sp.hstack((x, sp.kron(sp.eye_array(STEPS), B)))
    rows = sp.vstack((rows, sp.eye_array(rows.shape[1])))
    limits = np.repeat([4.0, bound], [STEPS * STATE, STEPS * FORCES])
    return sp.csc_array(P), sp.csc_array(rows), A, B, limits, np.zeros(STEPS * STATE)


def main() -> None:
    """See the module's docstring."""
    import osqp

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bound", type=float, default=0.5, help="of each force")
    parser.add_argument("--instants", type=int, default=INSTANTS)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    P, rows, A, B, limits, right = program(rng, options.bound)
    x = rng.normal(size=STATE)
    mine, peer, solution = None, osqp.OSQP(), None
    seconds: list[tuple[float, float]] = []
    steps: list[tuple[int, int, int]] = []
    apart = 0.0
    for _ in range(options.instants + 1):
        right[:STATE] = -A @ x
        low, high = np.concatenate((right, -limits)), np.concatenate((right, limits))
        start = time.process_time()
        if mine is None:
            mine = QP(P, np.zeros(P.shape[0]), rows, low, high)
        else:
            mine.update(l=low, u=high)
        solution = mine.solve(solution, tol=1e-6)
        middle = time.process_time()
        if not seconds:
            peer.setup(sp.csc_matrix(P), np.zeros(P.shape[0]), sp.csc_matrix(rows), low, high,
                       verbose=False, eps_abs=1e-6, eps_rel=1e-6, max_iter=10_000)  # fmt: skip
        else:
            peer.update(l=low, u=high)
        found = peer.solve()
        seconds.append((middle - start, time.process_time() - middle))
        steps.append((solution.iterations, solution.factorizations, found.info.iter))
        apart = max(apart, float(np.abs(solution.x - found.x).max()))
        force = solution.x[STEPS * STATE : STEPS * STATE + FORCES]
        x = A @ x + B @ force + 0.05 * rng.normal(size=STATE)
    (first, of_peer), warm = seconds[0], 1e3 * np.mean(seconds[1:], axis=0)
    counts = np.mean(steps[1:], axis=0)
    print(f"cold: {1e3 * first:.1f} ms, OSQP {1e3 * of_peer:.1f} ms")
    ratio = warm[0] / warm[1]
    print(f"warm: {warm[0]:.2f} ms, OSQP {warm[1]:.2f} ms: {ratio:.2f} × its time")
    print(
        f"{counts[0]:.1f} Newton steps, {counts[1]:.2f} factorizations; {counts[2]:.1f} iterations"
    )
    print(f"solutions differ by {apart:.1g} at most")


if __name__ == "__main__":
    main()
