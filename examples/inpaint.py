"""Fill in a photograph of which two pixels of five are seen: minimize ½‖Sx − y‖² + λ Σ‖(Dx)ᵢⱼ‖
over images with values in [0, 1], S the selection of what is seen.

The fit knows nothing of the other pixels; of all images that fit, the total variation takes the one
with the shortest edges. ``minimize`` takes a primal-dual method for these three terms by itself.
How far its answer is above the minimum at most, its dual variables tell.
"""

from pathlib import Path

import numpy as np
from pictures import excess, panels, photograph, rms, run, save

import splitkit as sk
from splitkit.functions import Box, GroupL2Norm, SquaredL2
from splitkit.linear import Gradient, Mask

SEEN, WEIGHT = 0.4, 0.005


def main(picture: str | Path | None = None, side: int = 64) -> dict[str, float]:
    """Hide, fill in, draw; return by how much the value can exceed the least, relatively."""
    original = photograph(side)
    S = Mask(np.random.default_rng(0).random(original.shape) < SEEN)
    y = S(original)

    fit, variation = SquaredL2(center=y) @ S, GroupL2Norm(WEIGHT)
    D = Gradient(shape=original.shape)
    solution = sk.minimize(fit + Box(0.0, 1.0) + variation @ D, S.T(y), tol=1e-7, max_iter=20_000)
    x, u = solution.x, solution.dual

    print(solution.message)
    print(f"{S.count} of {original.size} pixels seen, mean error {rms(x - original):.4f}")
    save(panels(original=original, seen=S.T(y), filled_in=x), "inpaint", picture)
    return {"value": excess(fit, WEIGHT, x, u)}


if __name__ == "__main__":
    run(main, __doc__)
