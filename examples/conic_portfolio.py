"""A portfolio as a conic program: return against risk, errors of the model, and costs of trading.

    maximize μᵀx − ρ‖Bᵀx‖ − κ Σ|xᵢ − hᵢ|  over x ≥ 0, Σx = 1, ‖Fᵀx‖ ≤ σ:

a second-order cone for what the estimated returns may be wrong by, another for the risk of factors,
inequalities for the amounts that are traded from the holdings h. Other limits σ are updates of b.
Clarabel solves the same programs.
"""

import time
from pathlib import Path

import clarabel
import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy import sparse

from splitkit.problems import ConicProgram

ASSETS, FACTORS, RHO, KAPPA = 30, 5, 0.3, 0.02


def peer(c: np.ndarray, A: sparse.csr_array, b: np.ndarray) -> np.ndarray:
    """By an interior-point method, whose cones are the same in the same order."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(3 * ASSETS)]
    cones += [clarabel.SecondOrderConeT(1 + FACTORS)] * 2
    P = sparse.csc_matrix((c.size, c.size))
    solver = clarabel.DefaultSolver(P, c, sparse.csc_matrix(A), b, cones, settings)
    return np.array(solver.solve().x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve for each limit of risk, compare, draw; return the differences."""
    rng = np.random.default_rng(2)
    F, B = (size * rng.normal(size=(ASSETS, FACTORS)) for size in (0.2, 0.05))
    mu = 0.03 + 0.3 * np.abs(F[:, 0]) + 0.02 * rng.random(ASSETS)
    held, eye, none = np.full(ASSETS, 1 / ASSETS), np.eye(ASSETS), np.zeros((ASSETS, 1))
    limits = np.linspace(0.04, 0.25, 8)
    # variables x, t ≥ |x − h| and r ≥ ‖Bᵀx‖; rows Σx, x, t − x + h, t + x − h, (r, Bᵀx), (σ, Fᵀx)
    some, of_t = np.zeros((1 + FACTORS, ASSETS)), np.zeros((1 + FACTORS, ASSETS + 1))
    of_r = of_t.copy()
    of_r[0, -1] = -1.0
    errors, risk = some.copy(), some.copy()
    errors[1:], risk[1:] = -B.T, -F.T
    A = sparse.csr_array(np.block([
        [np.ones((1, ASSETS)), np.zeros((1, ASSETS + 1))], [-eye, 0 * eye, none],
        [eye, -eye, none], [-eye, -eye, none], [errors, of_r], [risk, of_t],
    ]))  # fmt: skip
    c = np.concatenate((-mu, np.full(ASSETS, KAPPA), [RHO]))
    b = np.concatenate(([1.0], 0 * held, held, -held, np.zeros(2 + 2 * FACTORS)))
    cones = [("zero", 1), ("nonnegative", 3 * ASSETS), *[("second-order", 1 + FACTORS)] * 2]
    problem, found, off = ConicProgram(None, c, A, b, cones), [], []
    start = time.perf_counter()
    for limit in limits:
        b[-1 - FACTORS] = limit
        problem.update(b=b)
        solution = problem.solve(tol=1e-10)
        found.append(solution.x)
    print(f"{len(limits)} programs in {time.perf_counter() - start:.2f} s; {solution.message}")
    for limit, x in zip(limits, found, strict=True):
        b[-1 - FACTORS] = limit
        off.append(float(abs(c @ x - c @ peer(c, A, b))))
    X = np.stack(found)[:, :ASSETS]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(np.linalg.norm(X @ F, axis=1), X @ mu, ".-")
    left.set(xlabel="risk ‖Fᵀx‖", ylabel="return μᵀx")
    right.stackplot(limits, X.T)
    right.set(xlabel="limit of risk", ylabel="weights", xlim=(limits[0], limits[-1]), ylim=(0, 1))
    save(figure, "conic_portfolio", picture)
    beyond = np.clip(np.linalg.norm(X @ F, axis=1) - limits, 0, None)
    return {"objective": max(off), "risk beyond its limit": float(beyond.max())}


if __name__ == "__main__":
    run(main, __doc__)
