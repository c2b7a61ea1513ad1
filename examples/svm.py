"""A support vector machine on breast cancer data: minimize ½‖w‖² + C Σ (1 − yᵢ⟨xᵢ, w⟩)₊.

The hinge is not smooth and X no multiple of an isometry: a primal-dual method takes the hinge by
its proximal map and X by its products. The dual variables −C ≤ yᵢuᵢ ≤ 0 of its answer bound the
minimum from below by −Σyᵢuᵢ − ½‖Xᵀu‖². The peer is liblinear's coordinate descent.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC

import splitkit as sk
from splitkit.functions import Hinge, SquaredL2, duality_gap

C = 0.05


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Train, compare, draw; return the differences."""
    features, labels = load_breast_cancer(return_X_y=True)
    X = np.c_[scale(features), np.ones(len(features))]  # the last weight is the intercept
    y = np.where(labels == 1, 1.0, -1.0)

    norm, loss = SquaredL2(), Hinge(y, C)
    f = norm + loss @ X
    solution = sk.minimize(f, np.zeros(X.shape[1]), tol=1e-11, max_iter=100_000)
    w, u = solution.x, solution.dual

    peer = LinearSVC(loss="hinge", C=C, tol=1e-9, max_iter=1_000_000, random_state=0)
    peer.fit(X[:, :-1], labels)
    expected = np.r_[peer.coef_[0], peer.intercept_]

    margins = y * (X @ w)
    print(solution.message)
    print(f"{np.mean(margins > 0):.1%} classified rightly, {np.sum(margins < 1 + 1e-6)} supports")
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    classes = [(X @ w)[y == 1], (X @ w)[y == -1]]
    style = {"histtype": "stepfilled", "alpha": 0.6, "label": ["benign", "malignant"]}
    axes.hist(classes, bins=60, **style)
    for edge in (-1, 0, 1):
        axes.axvline(edge, color="k", lw=0.8, ls="-" if edge == 0 else ":")
    axes.set(xlabel="⟨x, w⟩", ylabel="tumours")
    axes.legend()
    save(figure, "svm", picture)
    return {
        "weights": float(np.max(np.abs(w - expected))),
        "value": float(abs(f(w) - f(expected))),
        "duality gap": float(duality_gap(norm, loss, w, u, sk.DenseMatrix(X))),
    }


if __name__ == "__main__":
    run(main, __doc__)
