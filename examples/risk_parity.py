"""Risk parity: weights with which every asset has its share of the risk.

The minimizer x of ½xᵀΣx − Σ bᵢ log xᵢ has xᵢ(Σx)ᵢ = bᵢ: its parts of the variance are as b says,
for any Σ. Scaled to sum 1 it is the portfolio; the logarithm is a barrier with a proximal
map in closed form. Checked by the shares, and beside equal weights and least variance.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import LogBarrier, Quadratic
from splitkit.problems import QP

ASSETS = 8


def shares(covariance: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Of the variance."""
    return x * (covariance @ x) / (x @ covariance @ x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw; return the differences."""
    rng = np.random.default_rng(4)
    B = rng.normal(size=(ASSETS, 3)) * np.array([0.2, 0.1, 0.1])
    covariance = B @ B.T + np.diag(rng.uniform(0.05, 0.3, ASSETS) ** 2)
    wanted = np.full(ASSETS, 1 / ASSETS)

    f = Quadratic(covariance) + LogBarrier(wanted)
    solution = sk.minimize(f, np.ones(ASSETS), tol=1e-13)
    parity = solution.x / solution.x.sum()
    ones = np.ones((1, ASSETS))
    least = QP(covariance, np.zeros(ASSETS), A=ones, l=1.0, u=1.0, bounds=(0.0, 1.0)).solve().x

    print(solution.message)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    choices = {"equal weights": wanted, "least variance": least, "risk parity": parity}
    for axes, (name, x) in zip(figure.subplots(1, 3, sharey=True), choices.items(), strict=True):
        places = np.arange(ASSETS)
        axes.bar(places - 0.2, x, 0.4, label="weights")
        axes.bar(places + 0.2, shares(covariance, x), 0.4, label="shares of the risk")
        axes.set(title=f"{name}, risk {np.sqrt(x @ covariance @ x):.3f}", xlabel="asset")
        print(f"{name}: risk {np.sqrt(x @ covariance @ x):.4f}")
    axes.legend()
    save(figure, "risk_parity", picture)
    return {"shares": float(np.max(np.abs(shares(covariance, parity) - wanted)))}


if __name__ == "__main__":
    run(main, __doc__)
