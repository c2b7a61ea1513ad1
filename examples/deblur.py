"""Deblur a photograph: minimize ½‖Hx − y‖² + λ Σ‖(Dx)ᵢⱼ‖ over images with values in [0, 1].

H is a convolution, applied by the fast Fourier transform; its least gain is 1e-7, so that without
the total variation the noise would be all that is seen. The fit is evaluated, the bounds are taken
by their projection, the norm by its proximal map and D by its products: a primal-dual method for
three operators. How far its answer is above the minimum at most, its dual variables tell.
"""

from pathlib import Path

import numpy as np
from pictures import excess, panels, photograph, rms, run, save

import splitkit as sk
from splitkit.functions import Box, GroupL2Norm, SquaredL2
from splitkit.linear import Convolution, Gradient

NOISE, WEIGHT = 0.005, 5e-4


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Blur, deblur, draw; return by how much the value can exceed the least, relatively."""
    original = photograph(side)
    bell = np.exp(-(np.arange(-4.0, 5.0) ** 2) / (2 * 1.5**2))
    H = Convolution(np.outer(bell, bell) / bell.sum() ** 2, original.shape)
    y = H(original) + NOISE * np.random.default_rng(0).normal(size=original.shape)

    fit = SquaredL2(center=y) @ H
    f = fit + Box(0.0, 1.0) + GroupL2Norm(WEIGHT) @ Gradient(shape=y.shape)
    # τ is nearly the longest, 2/‖H‖², as the fit hardly changes in most directions
    solution = sk.minimize(f, np.clip(y, 0, 1), sk.PD3O(tau=1.9), tol=1e-7)
    x, (_, u) = solution.x, solution.u

    print(solution.message)
    print(f"mean error {rms(y - original):.4f} blurred, {rms(x - original):.4f} deblurred")
    save(panels(original=original, blurred=y, deblurred=x), "deblur", picture)
    return {"value": excess(fit, WEIGHT, x, u)}


if __name__ == "__main__":
    run(main, __doc__)
