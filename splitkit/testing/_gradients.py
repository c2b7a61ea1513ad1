"""Is a map affine, and is an operator that is called a gradient one?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from splitkit.backend import lincomb, subtract
from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, At
from splitkit.testing._forms import asymmetry_plane
from splitkit.testing._place import ROUNDINGS, Place
from splitkit.testing._suite import Case

CYCLE = 48  # points of a closed path about which a gradient does no work


def affine(at: At) -> None:
    """A(2x − y) = 2Ax − Ay."""
    place = at.place
    combined, apart = at.A(lincomb(2.0, at.x, -1.0, at.y)), lincomb(2.0, at.Ax, -1.0, at.Ay)
    terms = sum(map(place.size, (at.Ax, at.Ay))) + at.gain * sum(map(place.size, (at.x, at.y)))
    place.equal("affine", "A(2x − y) = 2Ax − Ay", combined, apart, terms, x=at.x, y=at.y)


def symmetric(at: At) -> None:
    """⟨Ax − A0, y⟩ = ⟨x, Ay − A0⟩: an affine gradient has a symmetric matrix."""
    place, x, y = at.place, at.x, at.y
    at_zero = at.A(place.zero)
    left = place.space.inner(subtract(at.Ax, at_zero), y)
    right = place.space.inner(x, subtract(at.Ay, at_zero))
    sizes = place.size(x) * place.size(y) * at.gain
    sizes = sizes + place.size(at.Ax) * place.size(y) + place.size(at.Ay) * place.size(x)
    sizes = sizes + place.size(at_zero) * (place.size(x) + place.size(y))
    formula = "⟨A(x) − A(0), y⟩ = ⟨x, A(y) − A(0)⟩: A is affine and a gradient"
    limit = ROUNDINGS * place.eps * sizes
    place.at_most("gradient", formula, abs(left - right), limit, left, right, x=x, y=y)


def cyclic(at: At) -> None:
    """Σ⟨uₖ, xₖ₊₁ − xₖ⟩ ≤ 0 about a closed path: the gradient of a convex function (Rockafellar)."""
    A, flat = at.A, at.place.flat
    d, e = flat.vector(at.x), flat.vector(at.y)
    angles = 2 * np.pi * np.arange(CYCLE) / CYCLE
    path = [np.cos(t) * d + np.sin(t) * e for t in angles]
    if A.has_evaluation:
        pairs = [(point, flat.vector(A(flat.point(point)))) for point in path]
        largest = 0.0
    else:
        values = [flat.vector(at.R(flat.point(point))) for point in path]
        pairs = [(r, (p - r) / at.alpha) for p, r in zip(path, values, strict=True)]
        # of which r and u = (p − r)/α keep the rounding
        largest = max(float(np.linalg.norm(p)) for p in path)
    for turn in (1, -1):
        total = size = 0.0
        for (x, u), (y, _) in pairwise([*pairs, pairs[0]][::turn]):
            total += float(u @ (y - x))
            lengths = np.linalg.norm(x) + np.linalg.norm(y) + largest
            size += float((np.linalg.norm(u) + largest / at.alpha) * lengths)
        formula = (
            f"Σ⟨uₖ, xₖ₊₁ − xₖ⟩ ≤ 0, uₖ ∈ A(xₖ), {CYCLE} points about the ellipse "
            "cos(t)x + sin(t)y: A is the gradient of a convex function"
        )
        limit = np.asarray(ROUNDINGS * at.place.eps * size)
        at.place.at_most(
            "gradient", formula, at.place.array(total), at.place.array(limit),
            total, 0.0, x=at.x, y=at.y, turn=turn,
        )  # fmt: skip


def turning_planes(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Ellipses in the plane in which the Jacobian of A (of R) at the origin is least symmetric."""
    graph = A if A.has_evaluation else place.resolvent(A, SEARCHED_STEP)
    flat, n = place.flat, place.flat.size
    if n == 0:
        return
    rng = np.random.default_rng(seed)
    directions = np.eye(n) if n <= 24 else np.linalg.qr(rng.standard_normal((n, 24)))[0]
    h, base = 1e-2, rng.standard_normal(n)
    u0 = flat.vector(graph(flat.point(base)))
    columns = [flat.vector(graph(flat.point(base + h * d))) - u0 for d in directions.T]
    J = directions.T @ np.stack(columns, axis=1) / h
    plane, turning = asymmetry_plane(J)
    if not turning > 1e-3 * max(1e-12, float(np.linalg.norm(J))):
        plane = np.eye(J.shape[0], 2)
    for radius in (1.0, 10.0)[: 1 + effort // 2]:
        d, e = (radius * directions @ plane).T
        yield flat.point(d), flat.point(e), SEARCHED_STEP, 0.3
