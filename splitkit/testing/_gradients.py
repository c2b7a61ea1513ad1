"""Is a map affine, and is an operator that is called a gradient one?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np

from splitkit.operators.base import Operator
from splitkit.testing._at_operator import SEARCHED_STEP, AtOperator
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Number
from splitkit.testing._place import Place
from splitkit.testing._suite import Case, Property

CYCLE = 48  # points of a closed path about which a gradient does no work
DIRECTIONS = 24  # in which a Jacobian is looked at
CLOSED = (
    f"Σ⟨uₖ, xₖ₊₁ − xₖ⟩ ≤ 0, uₖ ∈ A(xₖ), {CYCLE} points about the ellipse cos(t)x + sin(t)y: A is "
    "the gradient of a convex function"
)


def laws(A: Operator, place: Place) -> Iterator[Property]:
    """What is known of an affine operator and of a gradient."""
    stated = A.properties
    if stated.linear and A.has_evaluation:
        yield law(
            "affine", "A(2x − y) = 2Ax − Ay",
            lambda at: at.F(2 * at.x - at.y).equals(2 * at.F(at.x) - at.F(at.y)), "x y",
        )  # fmt: skip
        if stated.gradient:
            formula = "⟨A(x) − A(0), y⟩ = ⟨x, A(y) − A(0)⟩: A is affine and a gradient"
            yield law("gradient", formula, symmetric, "x y")
    elif stated.gradient and stated.monotone and (A.has_evaluation or A.has_resolvent):
        planes = partial(turning_planes, A, place)
        yield law("gradient", CLOSED, cyclic, "x y", planes, drawn=False, always=False)


def symmetric(at: AtOperator) -> Claim:
    """Of the matrix of an affine map."""
    F, zero = at.F, 0 * at.x
    return ((F(at.x) - F(zero)) @ at.y).equals(at.x @ (F(at.y) - F(zero)))


def cyclic(at: AtOperator) -> Iterator[Claim]:
    """Rockafellar's condition on a closed path, in both directions."""
    place, flat = at.place, at.place.flat
    d, e = flat.vector(at.x.value), flat.vector(at.y.value)
    path = [np.cos(t) * d + np.sin(t) * e for t in 2 * np.pi * np.arange(CYCLE) / CYCLE]
    graph = at.A if at.A.has_evaluation else place.resolvent(at.A, at.alpha)
    pairs = [(point, flat.vector(graph(flat.point(point)))) for point in path]
    largest = 0.0
    if not at.A.has_evaluation:  # p and (r − p)/α ∈ A(p) for p = R r, with the rounding of r
        pairs = [(p, (r - p) / at.alpha) for r, p in pairs]
        largest = max(float(np.linalg.norm(r)) for r in path)
    for turn in (1, -1):
        total = size = 0.0
        for (x, u), (y, _) in pairwise([*pairs, pairs[0]][::turn]):
            total += float(u @ (y - x))
            lengths = np.linalg.norm(x) + np.linalg.norm(y) + largest
            size += float((np.linalg.norm(u) + largest / at.alpha) * lengths)
        work, zero = (Number(place, *np.asarray([[v], [size]])) for v in (total, 0.0))
        yield (work <= zero).at(turn=turn)


def turning_planes(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Ellipses in the plane in which the Jacobian of A (of R) at a point is least symmetric: that
    of the first singular vectors of J − Jᵀ.
    """
    graph = A if A.has_evaluation else place.resolvent(A, SEARCHED_STEP)
    flat, n = place.flat, place.flat.size
    if n == 0:
        return
    rng = np.random.default_rng(seed)
    many = n > DIRECTIONS
    directions = np.linalg.qr(rng.standard_normal((n, DIRECTIONS)))[0] if many else np.eye(n)
    J = directions.T @ flat.slopes(graph, rng.standard_normal(n), 1e-2, directions)
    U, values, _ = np.linalg.svd(J - J.T)
    turns = values[0] / 2 > 1e-3 * max(1e-12, float(np.linalg.norm(J)))
    plane = U[:, :2] if turns else np.eye(J.shape[0], 2)
    for radius in (1.0, 10.0)[: 1 + effort // 2]:
        d, e = (radius * directions @ plane).T
        yield flat.point(d), flat.point(e), SEARCHED_STEP, 0.3
