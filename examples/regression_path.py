"""A path of penalties as one batch: min ½‖y − Xw − b‖²/n + λ‖w‖₁ for 20 λ, against scikit-learn's.

X has the ten measurements of 442 diabetics, their squares and their products. Each λ is a problem
of its own and stops by its own tolerance; a step multiplies X by all of them at once.
"""

import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso
from sklearn.preprocessing import PolynomialFeatures

from splitkit.estimators import Regressor

COUNT = 20


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, compare, draw; return the differences."""
    data, y = load_diabetes(return_X_y=True, scaled=False)
    X = PolynomialFeatures(2, include_bias=False).fit_transform(data)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    greatest = float(np.max(np.abs(X.T @ (y - y.mean())))) / len(y)
    lambdas = np.geomspace(greatest, 0.02 * greatest, COUNT)

    began = time.perf_counter()
    model = Regressor(penalty="l1", tol=1e-12, max_iter=100_000)
    path = model.path(X, y, lambdas)
    batch = time.perf_counter() - began
    print(f"{COUNT} λ met the tolerance: {path.converged}, {path.n_iter.max()} iterations at most")

    began = time.perf_counter()
    for λ in lambdas:
        model.set_params(alpha=λ).fit(X, y)
    single = time.perf_counter() - began

    began = time.perf_counter()
    peers = [Lasso(λ, tol=1e-15, max_iter=1_000_000).fit(X, y) for λ in lambdas]
    peer = time.perf_counter() - began
    print(f"one batch {batch:.2f} s, one by one {single:.2f} s, coordinate descent {peer:.2f} s")

    def value(w: np.ndarray, b: float, λ: float) -> float:
        return float(np.mean((y - X @ w - b) ** 2)) / 2 + λ * float(np.abs(w).sum())

    pairs = zip(peers, lambdas, strict=True)
    expected = np.array([value(p.coef_, p.intercept_, λ) for p, λ in pairs])
    triples = zip(path.coef, path.intercept, lambdas, strict=True)
    found = np.array([value(*each) for each in triples])
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogx(lambdas, path.coef, linewidth=1)
    axes.invert_xaxis()
    axes.set(xlabel="λ", ylabel="coefficients, of columns of deviation 1")
    save(figure, "regression_path", picture)
    return {"value": float(np.max(np.abs(found / expected - 1)))}


if __name__ == "__main__":
    run(main, __doc__)
