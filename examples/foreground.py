"""A moving square before a photograph: robust principal components of the frames of a film.

The columns of M are the frames. What stands still under changing light has rank one, what moves is
sparse: minimize ‖L‖* + λ‖S‖₁ subject to L + S = M, with λ = 1/√max(pixels, frames). Both parts are
found exactly if they are unlike enough, and here they are known. Source: Candès, Li, Ma, Wright,
*Robust principal component analysis?* (2011).
"""

from pathlib import Path

import numpy as np
from pictures import panels, photograph, run, save

import splitkit as sk
from splitkit.functions import L1Norm, NuclearNorm, SeparableSum, Singleton
from splitkit.linear import BlockRow, ScaledIdentity

FRAMES, EDGE = 30, 6


def film(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The frames, and the background before which the square moves, as columns."""
    light = 1 + 0.1 * np.sin(2 * np.pi * np.arange(FRAMES) / FRAMES)
    background = light[:, None, None] * photograph(side) / 1.1
    frames = background.copy()
    for k, frame in enumerate(frames):
        row, column = side // 4 + k // 3, k * (side - EDGE) // (FRAMES - 1)
        frame[row : row + EDGE, column : column + EDGE] = 1.0
    return frames.reshape(FRAMES, -1).T, background.reshape(FRAMES, -1).T


def main(picture: str | Path | None = None, side: int = 32) -> dict[str, float]:
    """Make the film, take it apart, draw; return what is wrong in the parts."""
    M, background = film(side)
    f = SeparableSum((NuclearNorm(), L1Norm(1 / np.sqrt(max(M.shape)))))
    identity = ScaledIdentity()
    equality = Singleton(M) @ BlockRow([identity, identity])  # L + S = M
    solution = sk.minimize(f + equality, (M, np.zeros_like(M)), tol=1e-10)
    L, S = solution.x

    print(solution.message)
    moving = np.abs(S) > 1e-6
    print(f"rank {np.linalg.matrix_rank(L, tol=1e-6)}, {moving.mean():.1%} of the pixels move")
    middle = FRAMES // 2
    parts = {"frame": M, "background": L, "foreground": np.abs(S), "what_moves": moving}
    save(
        panels(**{name: part[:, middle].reshape(side, side) for name, part in parts.items()}),
        "foreground",
        picture,
    )
    return {
        "background": float(np.linalg.norm(L - background) / np.linalg.norm(background)),
        "pixels taken wrongly": float(np.mean(moving != (M != background))),
        "L + S = M": float(np.max(np.abs(L + S - M))),
    }


if __name__ == "__main__":
    run(main, __doc__)
