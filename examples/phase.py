"""Phase retrieval: find z, up to its sign, of bᵢ = ⟨aᵢ, z⟩², the intensities that detectors see.

The intensities are linear in X = zzᵀ: minimize tr X over X ⪰ 0 with ⟨aᵢaᵢᵀ, X⟩ = bᵢ. With enough
of them that is the only point. Source: Candès, Strohmer, Voroninski, *PhaseLift* (2013).
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pictures import run, save

import splitkit as sk
from splitkit.functions import AffineSet, PositiveSemidefinite, Tilted

SIZE, COUNT = 10, 50


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Measure, lift, solve, draw; return by how much the signal differs, relatively."""
    rng = np.random.default_rng(0)
    z = np.sin(np.arange(SIZE)) + rng.normal(size=SIZE) / 4
    a = rng.normal(size=(COUNT, SIZE)) / np.sqrt(SIZE)
    b = (a @ z) ** 2

    lifted = np.einsum("ki,kj->kij", a, a).reshape(COUNT, -1)
    seen = AffineSet(lifted, b) @ sk.linear.Reshape((SIZE, SIZE), (SIZE * SIZE,))
    trace = Tilted(PositiveSemidefinite(), np.eye(SIZE))  # tr X on X ⪰ 0
    solution = sk.minimize(trace + seen, np.zeros((SIZE, SIZE)), tol=1e-10, max_iter=50_000)
    values, vectors = np.linalg.eigh(solution.x)
    found = np.sqrt(values[-1]) * vectors[:, -1]
    found = found if found @ z > 0 else -found

    print(solution.message)
    print(f"second eigenvalue of X beside the first: {values[-2] / values[-1]:.1e}")
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.stem(b)
    left.set(title="intensities", xlabel="detector")
    right.plot(z, "o", markersize=9, markerfacecolor="none", label="signal")
    right.plot(found, "x-", label="found")
    right.legend()
    save(figure, "phase", picture)
    return {"signal": float(np.linalg.norm(found - z) / np.linalg.norm(z))}


if __name__ == "__main__":
    run(main, __doc__)
