"""Matrix completion: a matrix of which two entries of five are seen. Minimize ½‖P(X) − y‖² + λ‖X‖*,
P the selection of what is seen.

The nuclear norm, the sum of the singular values, takes few of them. Source: Candès, Recht, *Exact
matrix completion via convex optimization* (2009). Of any X with residual r = P(X) − y the point
−tr, t = min(1, λ/‖Pᵀr‖), is one of the dual problem: how far the value is above the least.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import NuclearNorm, SquaredL2
from splitkit.linear import Mask

SIZE, RANK, SEEN, WEIGHT = 40, 2, 0.4, 0.01


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Hide, complete, draw; return by how much the value can exceed the least, relatively."""
    rng = np.random.default_rng(0)
    M = rng.normal(size=(SIZE, RANK)) @ rng.normal(size=(RANK, SIZE)) / np.sqrt(RANK)
    P = Mask(rng.random(M.shape) < SEEN)
    y = P(M)

    fit, norm = SquaredL2(center=y) @ P, NuclearNorm(WEIGHT)
    solution = sk.minimize(fit + norm, np.zeros_like(M), tol=1e-11)
    X = solution.x
    r = P(X) - y
    s = -min(1.0, WEIGHT / np.linalg.norm(P.T(r), 2)) * r
    value, dual = fit(X) + norm(X), s @ y - s @ s / 2

    print(solution.message)
    rank = np.linalg.matrix_rank(X, tol=1e-6)
    error = np.linalg.norm(X - M) / np.linalg.norm(M)
    print(f"{P.count} of {M.size} entries seen, rank {rank}, error {error:.3f} by λ's bias")
    figure = Figure(figsize=(12, 3.3), layout="constrained")
    *images, last = figure.subplots(1, 4)
    shown = {"matrix": M, "seen": P.T(y), "completed": X}
    for axes, (title, image) in zip(images, shown.items(), strict=True):
        axes.imshow(image, cmap="RdBu", vmin=-2, vmax=2)
        axes.set(title=title, xticks=[], yticks=[])
    last.plot(np.linalg.svd(M, compute_uv=False)[:12], "o-", label="matrix")
    last.plot(np.linalg.svd(X, compute_uv=False)[:12], "x-", label="completed")
    last.set_title("singular values")
    last.legend()
    save(figure, "completion", picture)
    return {"value": float((value - dual) / value)}


if __name__ == "__main__":
    run(main, __doc__)
