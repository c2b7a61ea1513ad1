"""Search for the pair of a graph that violates a quadratic inequality most.

A random pair of points sees an average of an operator's gains, so a constant that is 1 % off goes
unnoticed in dimension 10. Here the differences of the graph around a point are tabulated in every
direction, Δu = J Δx, and the form a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖² becomes dᵀQd with
Q = aI + b(J + Jᵀ) + cJᵀJ: its least eigenvector is the worst direction. The base point moves
about, and the least value is kept; the neighbours on a ray that come nearest to a violation are
base points too, so that no range of sizes is left out. In a space of more than ``DIRECTIONS``
dimensions the table is made on a subspace, which is turned towards the directions found so far and
their images (Krylov).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from splitkit.backend import Point, blocks, to_numpy
from splitkit.properties import Form
from splitkit.testing.strategies import PointShape, block_shapes, is_blocks, make_array

PointMap = Callable[[Point], Point]

DIRECTIONS = 24
RADII = (1.0, 1e-2)
RAY = (-2.0, 8.0)  # log2 of the entries between which rays are walked along
CLEAR = 0.05  # a form whose least value is this part of its size is not near violation


class Flat:
    """Points as vectors of float64, for the search's linear algebra."""

    def __init__(self, shape: PointShape, xp: Any, dtype: Any, device: Any) -> None:
        self.shapes, self.is_tuple = block_shapes(shape), is_blocks(shape)
        self.xp, self.dtype, self.device = xp, dtype, device
        self.sizes = [int(np.prod(s, dtype=int)) for s in self.shapes]
        self.size = sum(self.sizes)

    def point(self, v: Any) -> Point:
        """The point with these entries."""
        parts = np.split(v, np.cumsum(self.sizes)[:-1]) if self.is_tuple else [v]
        arrays = tuple(
            make_array(part.reshape(shape), self.xp, self.dtype, self.device)
            for part, shape in zip(parts, self.shapes, strict=True)
        )
        return arrays if self.is_tuple else arrays[0]

    def vector(self, x: Point) -> Any:
        """The entries of a point."""
        parts = [np.ravel(to_numpy(a)).astype(np.float64) for a in blocks(x)]
        return np.concatenate(parts) if self.is_tuple else parts[0]

    def slopes(self, graph: PointMap, base: Any, h: float, directions: Any) -> Any:
        """(graph(base + hd) − graph(base))/h for the columns d."""
        u0 = self.vector(graph(self.point(base)))
        columns = [self.vector(graph(self.point(base + h * d))) - u0 for d in directions.T]
        return np.stack(columns, axis=1) / h


def worst_pairs(
    graph: PointMap,
    forms: list[Form],
    flat: Flat,
    *,
    seed: int = 0,
    effort: int = 4,
) -> Iterator[tuple[Point, Point]]:
    """Pairs of arguments x, y at which each form of (x − y, graph(x) − graph(y)) is likely to be
    least.
    """
    rng, forms = np.random.default_rng(seed), list(dict.fromkeys(forms))
    n = flat.size
    count = min(n, DIRECTIONS)
    if not (n and forms):
        return

    def some_basis(*vectors: Any) -> Any:
        if count == n:
            return np.eye(n)
        filled = np.column_stack([*vectors, rng.standard_normal((n, count))])
        return np.linalg.qr(filled[:, :count])[0]

    def least(U: Any, basis: Any, form: Form) -> tuple[float, Any]:
        a, b, c = form
        J = basis.T @ U
        Q = a * np.eye(count) + b * (J + J.T) + c * (U.T @ U)
        if not np.isfinite(Q).all():
            return np.inf, np.zeros(n)
        eigenvalues, vectors = np.linalg.eigh(Q)
        d = vectors[:, 0]
        size = abs(a) + 2 * abs(b * (d @ J @ d)) + abs(c) * float((U @ d) @ (U @ d))
        return (float(eigenvalues[0]) / size if size > 0 else np.inf), basis @ d

    def pairs(found: list[tuple[float, Any, Any]], radius: float) -> Iterator[tuple[Point, Point]]:
        for d, base in distinct([(d, base) for _, d, base in found]):
            for length in (radius, -radius):
                yield flat.point(base), flat.point(base + length * d)

    bases = [np.zeros(n)]
    bases += [s * rng.standard_normal(n) for s in (1.0, 0.1, 10.0)[: 1 + effort // 2]]
    for k, start in enumerate(bases):
        for radius in RADII if effort > 1 else RADII[k : k + 1]:
            basis = some_basis()
            found: dict[int, tuple[float, Any, Any]] = {}
            for step in range(effort + 1):
                reach = 0.0 if step == 0 else radius * 3.0 ** (2 - step)
                base = start + reach * rng.standard_normal(n)
                U = flat.slopes(graph, base, radius, basis)
                for k, form in enumerate(forms):
                    value, d = least(U, basis, form)
                    if k not in found or value < found[k][0]:
                        found[k] = (value, d, base)
                if count < n and np.isfinite(U).all():
                    basis = some_basis(*(d for _, d, _ in found.values()), U[:, : count // 2])
            yield from pairs([each for each in found.values() if each[0] <= CLEAR], radius)
    for direction in (np.ones(n), rng.standard_normal(n)):
        for x, y in least_on_ray(graph, forms, flat, direction, rng, effort):
            yield flat.point(x), flat.point(y)
            basis, radius = some_basis(y - x), float(np.linalg.norm(y - x)) / 2
            U = flat.slopes(graph, x, radius, basis)
            ways = [(*least(U, basis, form), x) for form in forms]
            yield from pairs([each for each in ways if each[0] <= CLEAR], radius)


def least_on_ray(
    graph: PointMap,
    forms: list[Form],
    flat: Flat,
    direction: Any,
    rng: Any,
    effort: int,
) -> Iterator[tuple[Any, Any]]:
    """The neighbours on the ray, and on its opposite, between which a form is least in proportion
    to |a|‖Δx‖² + 2|b|‖Δx‖‖Δu‖ + |c|‖Δu‖².
    """
    low, high = RAY
    count = int(3 * (effort - 1) * (high - low))
    if count <= 0:
        return
    sizes = 2 ** (low + (high - low) * (np.arange(count) + rng.random()) / count)
    for sign in (1, -1):
        X = sign * sizes[:, None] * direction
        U = np.stack([flat.vector(graph(flat.point(x))) for x in X])
        dx, du = np.diff(X, axis=0), np.diff(U, axis=0)
        xx, xu, uu = (np.sum(v * w, axis=1) for v, w in ((dx, dx), (dx, du), (du, du)))
        found = set()
        for a, b, c in forms:
            size = abs(a) * xx + 2 * abs(b) * np.sqrt(xx * uu) + abs(c) * uu
            with np.errstate(all="ignore"):
                values = (a * xx + 2 * b * xu + c * uu) / size
            if not np.isnan(values).all():
                found.add(int(np.nanargmin(values)))
        yield from ((X[k], X[k + 1]) for k in sorted(found))


def distinct(lines: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The lines (direction, base) without those that are nearly another one."""
    kept: list[tuple[Any, Any]] = []
    for d, base in lines:
        if not any(base is other and abs(d @ e) > 1 - 1e-9 for e, other in kept):
            kept.append((d, base))
    return kept
