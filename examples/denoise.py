"""Denoise a photograph: minimize ½‖x − y‖² + λ Σ‖(Dx)ᵢⱼ‖, D the differences to the next pixels.

The total variation is a group norm composed with D: a primal-dual method takes the two apart. Its
dual variables ‖uᵢⱼ‖ ≤ λ bound the minimum from below by ½‖y‖² − ½‖y − Dᵀu‖², and as the objective
is 1-strongly convex, the squared distance to the minimizer is at most twice the difference. The
peer is the proximal map of ``TotalVariation2D``, by accelerated projected gradients. Source: Rudin,
Osher, Fatemi, *Nonlinear total variation based noise removal algorithms* (1992).
"""

import sys
from pathlib import Path

import numpy as np
from pictures import panels, photograph, rms, save

import splitkit as sk
from splitkit.functions import GroupL2Norm, SquaredL2, TotalVariation2D
from splitkit.linear import Gradient

NOISE, WEIGHT = 0.1, 0.08


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Add noise, take it away, compare, draw; return the differences for each pixel."""
    original = photograph(side)
    y = original + NOISE * np.random.default_rng(0).normal(size=original.shape)

    D = Gradient(shape=y.shape)
    f = SquaredL2(center=y) + GroupL2Norm(WEIGHT) @ D
    # f is 1-strongly convex: τ is short, as it becomes in the accelerated method, σ = 1/(τ‖D‖²)
    solution = sk.minimize(f, y, sk.ChambollePock(tau=0.01), tol=1e-9)
    x, (_, u) = solution.x, solution.u
    gap = f(x) - (np.sum(y**2) - np.sum((y - D.T(u)) ** 2)) / 2
    expected = TotalVariation2D(WEIGHT, accuracy=1e-5).prox(y)

    print(solution.message)
    print(f"mean error {rms(y - original):.4f} with noise, {rms(x - original):.4f} without")
    save(panels(original=original, noisy=y, denoised=x), "denoise", picture)
    return {"image": rms(x - expected), "certified distance": float(np.sqrt(2 * gap / y.size))}


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
