"""Do these sets meet? A point of all of them, or a certificate that there is none.

Two discs and a half-plane: where they meet, Malitsky-Tam's method finds a point; where they do not,
the solve ends with vectors that prove it, and the picture shows the line that parts the discs.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from pictures import run, save

import splitkit as sk
from splitkit.functions import HalfSpace, L2Ball

LEFT, RIGHT = np.array([-1.0, 0.0]), np.array([1.5, 1.0])


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Solve, check, draw; return by how much a point fails, and a gap."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    differences = {}
    for axes, radius in zip(figure.subplots(1, 2), (1.5, 1.0), strict=True):
        discs = L2Ball(radius, LEFT), L2Ball(radius, RIGHT)
        below = HalfSpace(np.array([0.0, 1.0]), 0.6)
        inclusion = sk.NormalCone(discs[0]) + sk.NormalCone(discs[1]) + sk.NormalCone(below)
        found = sk.solve(inclusion, np.zeros(2), tol=1e-11, on_failure="return")
        print(f"radius {radius}: {found.message}")
        for centre, colour in ((LEFT, "C0"), (RIGHT, "C1")):
            axes.add_patch(Circle(centre, radius, color=colour, alpha=0.3))
        axes.axhspan(-2, 0.6, color="C2", alpha=0.1)
        axes.set(xlim=(-3, 4), ylim=(-2, 3), aspect="equal", title=f"{found.status}")
        if found.converged:
            axes.plot(*found.x, "ko")
            outside = [np.linalg.norm(found.x - c) - radius for c in (LEFT, RIGHT)]
            differences["outside of the sets"] = max(0.0, *outside, found.x[1] - 0.6)
            continue
        normal = found.certificate.normals[0]
        normal = normal / np.linalg.norm(normal)
        # the farthest points of the first disc, and the nearest of the second, along the normal
        first, second = normal @ LEFT + radius, normal @ RIGHT - radius
        differences["not parted"] = max(0.0, first - second)
        foot, along = normal * (first + second) / 2, np.array([-normal[1], normal[0]])
        axes.plot(*np.stack([foot - 3 * along, foot + 3 * along]).T, "k--")
        print(f"parted by a strip of width {second - first:.4f}")
    save(figure, "feasibility", picture)
    return {name: float(value) for name, value in differences.items()}


if __name__ == "__main__":
    run(main, __doc__)
