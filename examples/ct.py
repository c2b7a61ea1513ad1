"""Computed tomography of few views: minimize ½‖Rx − y‖² + λ Σ‖(Dx)ᵢⱼ‖ over images with values in
[0, 1], R the Radon transform.

Each measurement is the integral along a ray. Backprojection Rᵀy smears it over the ray; the total
variation takes, of the images that fit, one with short edges.
"""

from pathlib import Path

import numpy as np
from pictures import excess, panels, rms, run, save

import splitkit as sk
from splitkit.functions import Box, GroupL2Norm, SquaredL2
from splitkit.linear import Gradient, Radon

SIDE, VIEWS, NOISE, WEIGHT = 32, 12, 0.1, 0.1
ELLIPSES = ((0.0, 0.0, 0.9, 0.7, 0.4), (0.2, 0.3, 0.2, 0.3, 0.5), (-0.35, -0.2, 0.3, 0.15, -0.3))


def phantom() -> np.ndarray:
    """A body with two organs: of each ellipse centre, half axes and what it adds."""
    t = np.linspace(-1, 1, SIDE)
    inside = [((t[:, None] - a) / h) ** 2 + ((t - b) / w) ** 2 < 1 for a, b, h, w, _ in ELLIPSES]
    return sum(e[-1] * each for e, each in zip(ELLIPSES, inside, strict=True))


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Measure, reconstruct, draw; return by how much the value can exceed the least, relatively."""
    original = phantom()
    R = Radon(original.shape, np.pi * np.arange(VIEWS) / VIEWS)
    clean = R(original)
    y = clean + NOISE * np.random.default_rng(0).normal(size=clean.shape)

    fit, variation = SquaredL2(center=y) @ R, GroupL2Norm(WEIGHT)
    D = Gradient(shape=original.shape)
    x0 = np.zeros_like(original)
    solution = sk.minimize(fit + Box(0.0, 1.0) + variation @ D, x0, tol=3e-8, max_iter=50_000)
    x, u = solution.x, solution.dual

    print(solution.message)
    print(f"{y.size} integrals, {original.size} pixels, mean error {rms(x - original):.4f}")
    smeared = R.T(y)
    images = {"original": original, "measured": y / y.max()}
    images |= {"backprojection": smeared / smeared.max(), "reconstructed": x}
    save(panels(**images), "ct", picture)
    return {"value": excess(fit, WEIGHT, x, u)}


if __name__ == "__main__":
    run(main, __doc__)
