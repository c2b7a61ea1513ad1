"""A complex image from a third of its frequencies: minimize ½‖SFz − y‖² + λ Σ‖(Dz)ᵢⱼ‖ over complex
images z, F the unitary Fourier transform.

A scanner's image has a phase, which its fields turn from place to place. Points are complex arrays
here: ⟨·, ·⟩ is the real part of the complex inner product, and ‖(Dz)ᵢⱼ‖ is the length of the two
complex differences at a pixel, so that edges of modulus and phase are one.
"""

from pathlib import Path

import numpy as np
from pictures import panels, photograph, rms, run, save

import splitkit as sk
from splitkit.functions import GroupL2Norm, SquaredL2
from splitkit.linear import Fourier, Gradient, Mask

SEEN, NOISE, WEIGHT = 0.35, 0.005, 0.003


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Measure, reconstruct, draw; return by how much the value can exceed the least, relatively."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(*[np.linspace(-1.0, 1.0, side)] * 2)
    original = photograph(side) * np.exp(1.5j * (across + down**2))
    frequency = np.abs(np.fft.fftfreq(side)) * side
    lines = (frequency <= side / 16) | (rng.random(side) < SEEN - 1 / 8)
    A = Mask(np.broadcast_to(lines[:, None], (side, side)).copy()) @ Fourier(2)
    y = A(original)
    y = y + NOISE * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))

    fit, variation = SquaredL2(center=y) @ A, GroupL2Norm(WEIGHT)
    D, z0 = Gradient(shape=original.shape), np.zeros_like(original)
    solution = sk.minimize(fit + variation @ D, z0, tol=1e-8, max_iter=50_000)
    z = solution.x

    print(solution.message)
    print(f"{lines.sum()} of {side} lines, mean error {rms(abs(z - original)):.4f}")
    turn = (np.angle(z) + np.pi) / (2 * np.pi)
    shown = {"original": abs(original), "zeros": abs(A.T(y)), "modulus": abs(z), "phase": turn}
    save(panels(**shown), "mri_phase", picture)
    u = solution.dual / max(1.0, float(np.linalg.norm(solution.dual, axis=-1).max()) / WEIGHT)
    r = fit.gradient(z) + D.T(u)  # F(z) − F(w) ≤ λ Σ‖(Dz)ᵢⱼ‖ − ⟨u, Dz⟩ + ⟨r, z − w⟩
    slack = variation(D(z)) - np.vdot(u, D(z)).real + np.vdot(r, z).real
    gap = float(slack + abs(r).sum())  # at most, for w of moduli up to 1
    return {"value": gap / (float(fit(z) + variation(D(z))) - gap)}


if __name__ == "__main__":
    run(main, __doc__)
