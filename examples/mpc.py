"""Model predictive control with a receding horizon: masses on springs, pushed by bounded forces.

At each instant the forces u of the next steps minimize Σ ½‖xₜ‖² + 1/20 ‖uₜ‖² subject to
xₜ₊₁ = Axₜ + Buₜ, |x| ≤ 4, |u| ≤ ½; the first is applied, the state moves on, with disturbances, and
the program is solved again from the solution before: an update of its equations, factorizations
kept. Clarabel solves the last of them too.
"""

import time
from pathlib import Path

import clarabel
import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy import sparse
from scipy.linalg import expm

from splitkit.problems import QP

MASSES, HORIZON, INSTANTS = 6, 30, 60


def springs() -> tuple[np.ndarray, np.ndarray]:
    """A and B of a chain between walls, a force at every other mass, half a second a step."""
    n = MASSES
    K, eye = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1), np.eye(n)
    flow = np.block([[0 * K, eye, 0 * K[:, ::2]], [-K, -0.02 * eye, eye[:, ::2]]])
    after = expm(0.5 * np.vstack((flow, np.zeros((n // 2, flow.shape[1])))))
    return after[: 2 * n, : 2 * n], after[: 2 * n, 2 * n :]


def peer(P, q: np.ndarray, rows, right: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """By an interior-point method: rows x = right, ± x ≤ bound."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    eye = sparse.eye_array(q.size)
    G, P = sparse.csc_matrix(sparse.vstack((rows, eye, -eye))), sparse.csc_matrix(P)
    cones = [clarabel.ZeroConeT(right.size), clarabel.NonnegativeConeT(2 * q.size)]
    h = np.concatenate((right, bound, bound))
    return np.array(clarabel.DefaultSolver(P, q, G, h, cones, settings).solve().x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Control the chain, compare, draw; return the differences."""
    A, B = springs()
    n, m = B.shape
    P = sparse.block_diag((sparse.eye_array(HORIZON * n), 0.1 * sparse.eye_array(HORIZON * m)))
    ahead = sparse.kron(sparse.eye_array(HORIZON, k=-1), A) - sparse.eye_array(HORIZON * n)
    dynamics = sparse.csc_array(sparse.hstack((ahead, sparse.kron(sparse.eye_array(HORIZON), B))))
    bound = np.concatenate((np.full(HORIZON * n, 4.0), np.full(HORIZON * m, 0.5)))
    right, q = np.zeros(HORIZON * n), np.zeros(HORIZON * (n + m))
    rng = np.random.default_rng(1)
    x, solution, states, forces, seconds = rng.uniform(-1, 1, n), None, [], [], []
    problem = QP(sparse.csc_array(P), q, dynamics, right, right, bounds=(-bound, bound))
    for _ in range(INSTANTS):
        start = time.perf_counter()
        right[:n] = -A @ x
        problem.update(l=right, u=right)
        solution = problem.solve(solution, tol=1e-9)
        seconds.append(time.perf_counter() - start)
        u = solution.x[HORIZON * n : HORIZON * n + m]
        states.append(x)
        forces.append(u)
        x = A @ x + B @ u + 0.02 * rng.normal(size=n)
    print(f"{1e3 * seconds[0]:.0f} ms, then {1e3 * np.median(seconds):.1f}; {solution.message}")

    expected = peer(P, q, dynamics, right, bound)
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, what, title in zip(figure.subplots(1, 2), (states, forces), ("x", "u"), strict=True):
        axes.step(np.arange(INSTANTS), np.stack(what))
        axes.set(title=title, xlabel="instant")
    save(figure, "mpc", picture)
    beyond = max(float(np.max(np.abs(forces))) - 0.5, 0.0)
    return {"plan": float(np.max(np.abs(solution.x - expected))), "forces beyond ½": beyond}


if __name__ == "__main__":
    run(main, __doc__)
