"""Sparse regressions beside scikit-learn, celer, skglm and PyProximal.

    pip install scikit-learn celer skglm pyproximal
    python benchmarks/sparse.py

The lasso and ℓ₁-penalized logistic regression of data made here from fixed seeds, without an
intercept, at a tenth and a hundredth of the least α whose coefficients are all 0. A line each: how
far the objective is above the least that any of them found, beside that, and the least processor
seconds of ``--repeats`` fits in one thread; the first, in which Numba compiles, is not counted.
Tolerances mean something else in each, so that lines of the same accuracy are to be compared. A
peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets, linear_model

sys.path.insert(0, str(Path(__file__).parent.parent))

from splitkit.estimators import Classifier, Regressor

MOST = 100_000
TOLERANCES = (1e-4, 1e-8)
Fit = Callable[[float], Any]  # tol ↦ the coefficients
Problem = tuple[str, Callable[[Any], float], dict[str, Fit]]


def installed(fits: dict[str, Fit]) -> dict[str, Fit]:
    """Those of packages that there are."""
    module = {"scikit-learn": "sklearn", "PyProximal": "pyproximal"}
    return {name: fit for name, fit in fits.items() if find_spec(module.get(name, name))}


def coefficients(model: Any, X: Any, y: Any) -> Any:
    """Of a fitted estimator."""
    return model.fit(X, y).coef_.ravel()


def lasso(part: float) -> Problem:
    """min ‖y − Xw‖²/2n + α‖w‖₁."""
    X, y = datasets.make_regression(500, 2000, n_informative=30, noise=5.0, random_state=0)
    n = len(y)
    α = part * float(np.abs(X.T @ y).max()) / n

    def objective(w: Any) -> float:
        r = y - X @ w
        return float(r @ r / (2 * n) + α * np.abs(w).sum())

    def proximal(tol: float) -> Any:
        pyproximal, pylops = import_module("pyproximal"), import_module("pylops")
        f = pyproximal.L2(Op=pylops.MatrixMult(X / n**0.5), b=y / n**0.5)
        step = n / np.linalg.norm(X, 2) ** 2
        options = {"tau": step, "x0": np.zeros(X.shape[1]), "niter": MOST, "acceleration": "fista"}
        solver = pyproximal.optimization.primal.ProximalGradient
        return solver(f, pyproximal.L1(sigma=α), tol=tol, show=False, **options)

    same = {"fit_intercept": False, "max_iter": MOST}
    fits: dict[str, Fit] = {
        "splitkit": lambda t: coefficients(Regressor("squared", "l1", α, tol=t, **same), X, y),
        "scikit-learn": lambda t: coefficients(linear_model.Lasso(α, tol=t, **same), X, y),
        "celer": lambda t: coefficients(
            import_module("celer").Lasso(α, tol=t, fit_intercept=False), X, y
        ),
        "skglm": lambda t: coefficients(
            import_module("skglm").Lasso(α, tol=t, fit_intercept=False), X, y
        ),
        "PyProximal": proximal,
    }
    return f"lasso, α/{1 / part:g}", objective, installed(fits)


def logistic(part: float) -> Problem:
    """min over w of the mean of log(1 + exp(−s⟨x, w⟩)) + α‖w‖₁."""
    X, y = datasets.make_classification(400, 1000, n_informative=20, random_state=0)
    X, s, n = (X - X.mean(axis=0)) / X.std(axis=0), 2.0 * y - 1, len(y)
    α = part * float(np.abs(X.T @ s).max()) / (2 * n)

    def objective(w: Any) -> float:
        return float(np.logaddexp(0.0, -s * (X @ w)).mean() + α * np.abs(w).sum())

    def liblinear(t: float) -> Any:
        options = {"l1_ratio": 1.0, "solver": "liblinear", "random_state": 0, "max_iter": MOST}
        return linear_model.LogisticRegression(C=1 / (n * α), tol=t, fit_intercept=False, **options)

    fits: dict[str, Fit] = {
        "splitkit": lambda t: coefficients(
            Classifier(penalty="l1", alpha=α, tol=t, fit_intercept=False, max_iter=MOST), X, y
        ),
        "scikit-learn": lambda t: coefficients(liblinear(t), X, y),
        "celer": lambda t: coefficients(
            import_module("celer").LogisticRegression(C=1 / (n * α), tol=t, fit_intercept=False),
            X, y,
        ),
        "skglm": lambda t: coefficients(
            import_module("skglm").SparseLogisticRegression(α, tol=t, fit_intercept=False), X, y
        ),
    }  # fmt: skip
    return f"logistic, α/{1 / part:g}", objective, installed(fits)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    print("| model | by, tolerance | above the least | seconds |\n|---|---|---|---|")
    for name, objective, fits in (lasso(0.1), lasso(0.01), logistic(0.1), logistic(0.01)):
        found: dict[str, tuple[float, float]] = {}
        for label, fit in fits.items():
            for tol in TOLERANCES:
                value, least = objective(fit(tol)), np.inf
                for _ in range(repeats):
                    began = time.process_time()
                    fit(tol)
                    least = min(least, time.process_time() - began)
                found[f"{label}, {tol:g}"] = value, least
        best = min(value for value, _ in found.values())
        for label, (value, seconds) in found.items():
            print(f"| {name} | {label} | {value / best - 1:.1e} | {seconds:.3f} |", flush=True)


if __name__ == "__main__":
    main()
