"""Quantile and robust regression: lines below which 10, 50 and 90 % of the points lie, and Huber's.

Σ max(τr, (τ − 1)r) of the residuals r = y − Xβ is a linear program, which HiGHS solves too; Huber's
loss, which a few wrong points hardly move, is checked by Xᵀ max(min(r, δ), −δ) = 0.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from scipy.optimize import linprog

import splitkit as sk
from splitkit.functions import Huber, Quantile

TAUS, POINTS, DELTA = (0.1, 0.5, 0.9), 60, 0.5


def by_linear_program(X: np.ndarray, y: np.ndarray, tau: float) -> float:
    """The least loss: r = r⁺ − r⁻, both non-negative."""
    n, eye = len(y), np.eye(len(y))
    costs = np.r_[np.zeros(X.shape[1]), np.full(n, tau), np.full(n, 1 - tau)]
    bounds = [(None, None)] * X.shape[1] + [(0, None)] * (2 * n)
    return float(linprog(costs, A_eq=np.hstack([X, eye, -eye]), b_eq=y, bounds=bounds).fun)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw; return the differences."""
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(0, 3, POINTS))
    y = 1 + 2 * t + (0.3 + 0.5 * t) * rng.normal(size=POINTS)
    y[[5, 50]] += np.array([15.0, -15.0])  # wrong ones
    X = np.stack([np.ones(POINTS), t], axis=-1)

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(t, y, ".", color="0.5")
    differences = {}
    for tau in TAUS:  # of Xβ − y the quantile is that of 1 − τ
        loss = Quantile(1 - tau).translate(y) @ X
        found = sk.minimize(loss, np.zeros(2), sk.Restarted(sk.ADMM()), tol=1e-12)
        value = float(loss(found.x))
        differences[f"loss at {tau}"] = abs(value / by_linear_program(X, y, tau) - 1)
        axes.plot(t, X @ found.x, label=f"{tau:.0%} below")
        print(f"τ = {tau}: {found.message}")
    robust = sk.minimize(Huber(DELTA).translate(y) @ X, np.zeros(2), tol=1e-13)
    axes.plot(t, X @ robust.x, "k--", label="Huber")
    axes.set(xlabel="t", ylabel="y")
    axes.legend()
    save(figure, "quantile_regression", picture)
    slope = X.T @ np.clip(X @ robust.x - y, -DELTA, DELTA)
    return {**differences, "slope of Huber's": float(np.max(np.abs(slope)))}


if __name__ == "__main__":
    run(main, __doc__)
