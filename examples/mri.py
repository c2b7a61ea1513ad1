"""Magnetic resonance imaging from a third of the frequencies: minimize
½‖SFx − y‖² + λ Σ‖(Dx)ᵢⱼ‖ over images with values in [0, 1], F the unitary Fourier transform.

Complex numbers are pairs (real part, imaginary part), in which ⟨·, ·⟩ is the real part of the
complex inner product; x is real, y is complex. The scanner saw whole lines of frequencies, many of
the low ones; zeros in the place of the others fold the image over itself.
"""

from pathlib import Path

import numpy as np
from pictures import excess, panels, photograph, rms, run, save

import splitkit as sk
from splitkit.functions import Box, GroupL2Norm, SeparableSum, SquaredL2
from splitkit.linear import BlockColumn, BlockDiagonalMap, Fourier, Gradient, Mask, ScaledIdentity

SEEN, NOISE, WEIGHT = 0.35, 0.005, 0.003


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Measure, reconstruct, draw; return by how much the value can exceed the least, relatively."""
    original, rng = photograph(side), np.random.default_rng(0)
    frequency = np.abs(np.fft.fftfreq(side)) * side
    lines = (frequency <= side / 16) | (rng.random(side) < SEEN - 1 / 8)
    S = Mask(np.broadcast_to(lines[:, None], (side, side)).copy())
    F = Fourier(2) @ BlockColumn((ScaledIdentity(), ScaledIdentity(0.0)))  # of real images
    A = BlockDiagonalMap((S, S)) @ F
    y = tuple(part + NOISE * rng.normal(size=part.shape) for part in A(original))

    fit = SeparableSum(tuple(SquaredL2(center=part) for part in y)) @ A
    D, variation = Gradient(shape=original.shape), GroupL2Norm(WEIGHT)
    x0 = np.zeros_like(original)
    solution = sk.minimize(fit + Box(0.0, 1.0) + variation @ D, x0, tol=1e-8, max_iter=50_000)
    x, u = solution.x, solution.dual

    print(solution.message)
    print(f"{lines.sum()} of {side} lines, mean error {rms(x - original):.4f}")
    folded, seen = A.T(y), np.fft.fftshift(np.broadcast_to(lines[:, None], (side, side)))
    save(panels(original=original, seen=seen, zeros=folded, reconstructed=x), "mri", picture)
    return {"value": excess(fit, WEIGHT, x, u)}


if __name__ == "__main__":
    run(main, __doc__)
