"""The rate of a step, proved by a small semidefinite program, beside the textbook's formula.

Gradient descent I − αF on gradients of m-strongly convex, L-smooth functions contracts by
max(|1 − αm|, |1 − αL|), which is least at α = 2/(m + L). The program knows no such formula: it runs
the step on symbols. And the worst function that it finds is run: its distances fall just so.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk

M, L, STEPS = 1.0, 5.0, 12


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Prove, compare, run, draw; return the differences."""
    F = sk.Operator.from_callable(
        lambda x: x, strong_monotonicity=M, lipschitz=L, gradient=True, name="∇f"
    )
    alphas = np.linspace(0.05, 0.38, 12)
    proved = np.array([sk.prove(sk.Identity() - float(a) * F).rate for a in alphas])
    known = np.maximum(abs(1 - alphas * M), abs(1 - alphas * L))
    best, proof = sk.best_step(lambda a: sk.Identity() - a * F)

    worst = sk.Affine(np.diag([M, L]), np.zeros(2))
    method = sk.ForwardBackward(alpha=best)
    inclusion, x0 = worst + sk.NormalCone(sk.functions.Box(-9.0, 9.0)), np.ones(2)
    states = sk.iterate(inclusion, x0, method, max_iter=STEPS)
    distances = [float(np.linalg.norm(state.x)) for state in states]
    print(sk.solve(inclusion, x0, method, tol=sk.Absolute(1e-9)).message)
    print(
        f"best step {best:.6f}, rate {proof.rate:.6f}: {2 / (M + L):.6f}, {(L - M) / (L + M):.6f}"
    )

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(alphas, known, label="max(|1 − αm|, |1 − αL|)")
    left.plot(alphas, proved, "o", label="proved")
    left.set(xlabel="step α", ylabel="rate")
    left.legend()
    k = np.arange(1, STEPS + 1)
    right.semilogy(k, 2**0.5 * proof.rate**k, label="guaranteed")
    right.semilogy(k, distances, ".", label="run")
    right.set(xlabel="iterations", ylabel="distance to the solution")
    right.legend()
    save(figure, "prove_a_rate", picture)
    return {
        "rates": float(np.max(np.abs(proved - known))),
        "best rate": abs(proof.rate - (L - M) / (L + M)),
        "attained": float(np.max(np.abs(distances / (2**0.5 * proof.rate**k) - 1))),
    }


if __name__ == "__main__":
    run(main, __doc__)
