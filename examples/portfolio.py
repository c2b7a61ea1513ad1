"""The efficient frontier: least variance ½xᵀΣx for each return μᵀx ≥ r, against Clarabel.

Weights x lie in the simplex: nothing is sold short. Σ = BBᵀ + diag(d) comes from a few factors that
move all assets. The targets r are one batch: each is a problem of its own, and all are solved at
once, by a method for three operators that ``solve`` takes.
"""

from pathlib import Path

import clarabel
import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy import sparse

import splitkit as sk
from splitkit.functions import HalfSpace, Quadratic, Simplex

ASSETS, FACTORS, TARGETS = 20, 3, 25


def peer(covariance: np.ndarray, mu: np.ndarray, r: float) -> np.ndarray:
    """One target for an interior-point method: Gx + s = h with s in a product of cones."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    G = sparse.csc_matrix(np.vstack([np.ones(ASSETS), -mu, -np.eye(ASSETS)]))
    h = np.r_[1.0, -r, np.zeros(ASSETS)]
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(1 + ASSETS)]
    P = sparse.triu(covariance, format="csc")
    solver = clarabel.DefaultSolver(P, np.zeros(ASSETS), G, h, cones, settings)
    return np.array(solver.solve().x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw; return the differences."""
    rng = np.random.default_rng(5)
    B = 0.1 * rng.normal(size=(ASSETS, FACTORS))
    covariance = B @ B.T + np.diag(rng.uniform(0.05, 0.25, ASSETS) ** 2)
    mu = 0.02 + 0.08 * rng.random(ASSETS) + 0.2 * np.abs(B[:, 0])
    r = np.linspace(mu.min(), mu.max(), TARGETS + 2)[1:-1]

    variance = Quadratic(covariance, batch_ndim=1)
    program = variance + HalfSpace(-mu, -r, batch_ndim=1) + Simplex(batch_ndim=1)
    start = np.full((TARGETS, ASSETS), 1 / ASSETS)
    solution = sk.minimize(program, start, tol=1e-11, batch_ndim=1)
    x = solution.x
    expected = np.stack([peer(covariance, mu, target) for target in r])

    risk = np.sqrt(2 * variance(x))
    print(solution.message)
    print(f"least risk {risk[0]:.4f} at a return of {mu @ x[0]:.4f}")
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(risk, x @ mu, ".-", label="efficient frontier")
    left.plot(np.sqrt(np.diag(covariance)), mu, "x", label="single assets")
    left.set(xlabel="risk √(xᵀΣx)", ylabel="return μᵀx")
    left.legend()
    right.stackplot(r, x.T)
    right.set(xlabel="target r", ylabel="weights", xlim=(r[0], r[-1]), ylim=(0, 1))
    save(figure, "portfolio", picture)
    return {
        "weights": float(np.max(np.abs(x - expected))),
        "variance": float(np.max(np.abs(variance(x) - variance(expected)))),
        "return short of its target": float(np.max(np.clip(r - x @ mu, 0, None))),
    }


if __name__ == "__main__":
    run(main, __doc__)
