"""Denoise a photograph: minimize ½‖x − y‖² + λ Σ‖(Dx)ᵢⱼ‖, D the differences to the next pixels.

The total variation is a group norm composed with D: a primal-dual method takes the two apart. Its
dual variables ‖uᵢⱼ‖ ≤ λ bound the minimum from below by ½‖y‖² − ½‖y − Dᵀu‖², and the objective is
1-strongly convex, so that the squared distance to the minimizer is at most twice the gap. The peer
is the proximal map of ``TotalVariation2D``, by accelerated projected gradients. Source: Rudin,
Osher, Fatemi, *Nonlinear total variation based noise removal algorithms* (1992).
"""

from pathlib import Path

import numpy as np
from pictures import panels, photograph, rms, run, save

import splitkit as sk
from splitkit.functions import GroupL2Norm, SquaredL2, TotalVariation2D, duality_gap
from splitkit.linear import Gradient

NOISE, WEIGHT = 0.1, 0.08


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Add noise, take it away, compare, draw; return the differences for each pixel."""
    original = photograph(side)
    y = original + NOISE * np.random.default_rng(0).normal(size=original.shape)

    D = Gradient(shape=y.shape)
    fit, variation = SquaredL2(center=y), GroupL2Norm(WEIGHT)
    solution = sk.minimize(fit + variation @ D, y, sk.ChambollePock(), tol=1e-7)
    x, (_, u) = solution.x, solution.u
    gap = duality_gap(fit, variation, x, u, D)  # at least ½‖x − minimizer‖²
    expected = TotalVariation2D(WEIGHT, accuracy=1e-5).prox(y)

    print(solution.message)
    print(f"mean error {rms(y - original):.4f} with noise, {rms(x - original):.4f} without")
    save(panels(original=original, noisy=y, denoised=x), "denoise", picture)
    return {"image": rms(x - expected), "certified distance": float(np.sqrt(2 * gap / y.size))}


if __name__ == "__main__":
    run(main, __doc__)
