"""Sparse group lasso: ½‖Ax − b‖² + λ‖x‖₁ + w Σ‖x_g‖, groups of features that come and go together.

Checked by the optimality conditions, group by group, with the correlations c = Aᵀ(b − Ax): a group
is 0 if ‖S(c_g, λ)‖ ≤ w, S the soft threshold; else an entry is 0 if |c| ≤ λ, and where it is not,
c = λ sign(x) + w x/‖x_g‖.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import SparseGroupNorm, SquaredL2

GROUPS, SIZE, SAMPLES = 12, 5, 80


def violation(c: np.ndarray, x: np.ndarray, weight: float, group_weight: float) -> float:
    """By how much the conditions fail."""
    soft = np.sign(c) * np.clip(np.abs(c) - weight, 0, None)
    size = np.linalg.norm(x, axis=-1, keepdims=True)
    of_zero = np.clip(np.linalg.norm(soft, axis=-1) - group_weight, 0, None)[size[:, 0] == 0]
    slope = weight * np.sign(x) + group_weight * x / np.where(size > 0, size, 1)
    entries = np.where(x != 0, np.abs(c - slope), np.clip(np.abs(c) - weight, 0, None))
    return float(max(of_zero.max(initial=0), entries[size[:, 0] > 0].max(initial=0)))


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, check, draw; return the violation."""
    rng = np.random.default_rng(3)
    truth = np.zeros((GROUPS, SIZE))
    truth[[1, 4, 9], :3] = rng.normal(scale=2.0, size=(3, 3))
    A = rng.normal(size=(SAMPLES, GROUPS * SIZE))
    b = A @ truth.ravel() + 0.5 * rng.normal(size=SAMPLES)
    weight, group_weight = 8.0, 12.0

    on_groups = sk.linear.MatrixFree(  # A of the entries, which stand group by group
        lambda x: x.reshape(*x.shape[:-2], -1) @ A.T,
        lambda y: (y @ A).reshape(*y.shape[:-1], GROUPS, SIZE),
        (GROUPS, SIZE),
        (SAMPLES,),
        norm=float(np.linalg.norm(A, 2)),
    )
    f = SquaredL2(center=b) @ on_groups + SparseGroupNorm(weight, group_weight)
    solution = sk.minimize(f, np.zeros((GROUPS, SIZE)), tol=1e-12)
    x = solution.x
    c = on_groups.T(b - on_groups(x))

    print(solution.message)
    print(f"groups: {np.flatnonzero(np.any(x, axis=1)).tolist()}, of truth: [1, 4, 9]")
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    axes.stem(truth.ravel(), linefmt="C7-", markerfmt="C7o", basefmt=" ", label="truth")
    axes.stem(x.ravel(), linefmt="C0-", markerfmt="C0.", basefmt=" ", label="found")
    for edge in range(0, GROUPS * SIZE + 1, SIZE):
        axes.axvline(edge - 0.5, color="0.9", zorder=0)
    axes.set(xlabel="features, in groups", ylabel="weight")
    axes.legend()
    save(figure, "sparse_group_lasso", picture)
    return {"optimality conditions": violation(c, x, weight, group_weight)}


if __name__ == "__main__":
    run(main, __doc__)
