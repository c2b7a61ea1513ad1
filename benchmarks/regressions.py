"""Regressions beside scikit-learn, by default and to stricter tolerances, on its own data.

    python benchmarks/regressions.py

Multinomial logistic regression of the handwritten digits (C = 1), and quantile regression of the
diabetes table. A line each: how far the objective is above the least that any of them found, beside
that, and processor seconds in one thread. Tolerances mean something else in each, so that lines
of the same accuracy are to be compared.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn import datasets, exceptions, linear_model

from splitkit import functions as f
from splitkit.estimators import Classifier, Regressor

ITERATIONS = 100_000
Model = Any  # an estimator of scikit-learn's kind
Makers = dict[str, Callable[[], Model]]


def logistic() -> tuple[str, Any, Any, Callable[[Model], float], Makers]:
    """min over W, b of the mean loss + ‖W‖²/(2n)."""
    X, y = datasets.load_digits(return_X_y=True)
    n = len(y)

    def objective(model: Model) -> float:
        η = X @ model.coef_.T + model.intercept_
        losses = logsumexp(η, axis=1) - η[np.arange(n), y]
        return float(losses.mean() + (model.coef_**2).sum() / (2 * n))

    def peer(tol: float) -> Model:
        return linear_model.LogisticRegression(C=1.0, tol=tol, max_iter=ITERATIONS)

    def ours(tol: float) -> Model:
        return Classifier(alpha=1 / n, tol=tol, max_iter=ITERATIONS)

    makers: Makers = {f"scikit-learn, {t:g}": lambda t=t: peer(t) for t in (1e-4, 1e-6, 1e-8)}
    makers |= {f"splitkit, {t:g}": lambda t=t: ours(t) for t in (1e-4, 1e-6, 1e-8)}
    return "digits, logistic", X, y, objective, makers


def quantile(q: float, alpha: float) -> tuple[str, Any, Any, Callable[[Model], float], Makers]:
    """min over w, b of the mean pinball loss of level q + α‖w‖₁."""
    X, y = datasets.load_diabetes(return_X_y=True)

    def objective(model: Model) -> float:
        r = y - X @ model.coef_ - model.intercept_
        return float(np.maximum(q * r, (q - 1) * r).mean() + alpha * abs(model.coef_).sum())

    def ours(tol: float) -> Model:
        return Regressor(f.Quantile(q), "l1", alpha, tol=tol, max_iter=ITERATIONS)

    makers: Makers = {
        "scikit-learn, HiGHS": lambda: linear_model.QuantileRegressor(quantile=q, alpha=alpha)
    }
    makers |= {f"splitkit, {t:g}": lambda t=t: ours(t) for t in (1e-4, 1e-8)}
    return f"diabetes, quantile {q:g}, α = {alpha:g}", X, y, objective, makers


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
    print("| model | by, tolerance | above the least | seconds |\n|---|---|---|---|")
    for name, X, y, objective, makers in (
        logistic(),
        quantile(0.5, 0.01),
        quantile(0.9, 0.01),
        quantile(0.5, 0.0),
    ):
        found = {}
        for label, make in makers.items():
            began = time.process_time()
            model = make().fit(X, y)
            found[label] = objective(model), time.process_time() - began
        least = min(value for value, _ in found.values())
        for label, (value, seconds) in found.items():
            print(f"| {name} | {label} | {value / least - 1:.1e} | {seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
