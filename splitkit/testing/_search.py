"""Search for the pair of a graph that violates a quadratic inequality most.

A random pair of points sees an average of an operator's gains, so a constant that is 1 % off goes
unnoticed in dimension 10. Here the differences of the graph around a point are tabulated in every
direction, [Δx; Δu] = J d, and the form a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖² becomes dᵀQd: its least
eigenvector is the worst direction. The base point moves about, and the least value is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from splitkit.backend import Point, blocks, to_numpy
from splitkit.properties import Form
from splitkit.testing.strategies import PointShape, block_shapes, is_blocks, make_array

GraphMap = Callable[[Point], tuple[Point, Point]]  # a parameter ↦ a pair (x, u) of the graph
DIRECTIONS = 24
RADII = (1.0, 1e-2)


class Flat:
    """Points as vectors of float64, for the search's linear algebra."""

    def __init__(self, shape: PointShape, xp: Any, dtype: Any, device: Any) -> None:
        self.shapes, self.is_tuple = block_shapes(shape), is_blocks(shape)
        self.xp, self.dtype, self.device = xp, dtype, device
        self.sizes = [int(np.prod(s, dtype=int)) for s in self.shapes]
        self.size = sum(self.sizes)

    def point(self, v: Any) -> Point:
        """The point with these entries."""
        parts = np.split(v, np.cumsum(self.sizes)[:-1])
        arrays = tuple(
            make_array(part.reshape(shape), self.xp, self.dtype, self.device)
            for part, shape in zip(parts, self.shapes, strict=True)
        )
        return arrays if self.is_tuple else arrays[0]

    def vector(self, x: Point) -> Any:
        """The entries of a point."""
        return np.concatenate([np.ravel(to_numpy(a)).astype(np.float64) for a in blocks(x)])


def worst_pairs(
    graph: GraphMap,
    forms: list[Form],
    flat: Flat,
    *,
    seed: int = 0,
    effort: int = 4,
) -> Iterator[tuple[Point, Point]]:
    """Pairs of parameters at which each form is likely to be least, the likeliest last."""
    rng = np.random.default_rng(seed)
    count = min(flat.size, DIRECTIONS)
    basis = np.eye(flat.size)
    if count < flat.size:
        basis = np.linalg.qr(rng.standard_normal((flat.size, count)))[0]

    def table(base: Any, radius: float) -> tuple[Any, Any]:
        x0, u0 = map(flat.vector, graph(flat.point(base)))
        columns = [
            tuple(map(flat.vector, graph(flat.point(base + radius * basis[:, i]))))
            for i in range(count)
        ]
        X = np.stack([x - x0 for x, _ in columns], axis=1) / radius
        U = np.stack([u - u0 for _, u in columns], axis=1) / radius
        return X, U

    def least(X: Any, U: Any, form: Form) -> tuple[float, Any]:
        a, b, c = form
        cross = X.T @ U
        Q = a * (X.T @ X) + b * (cross + cross.T) + c * (U.T @ U)
        size = abs(a) * (X * X).sum() + abs(c) * (U * U).sum() + abs(b) * abs(cross).sum()
        if not (np.isfinite(Q).all() and size > 0):
            return np.inf, np.zeros(count)
        eigenvalues, vectors = np.linalg.eigh(Q)
        return float(eigenvalues[0] / size), vectors[:, 0]

    bases = [np.zeros(flat.size)]
    bases += [s * rng.standard_normal(flat.size) for s in (1.0, 0.1, 10.0)[: 1 + effort // 2]]
    for start in bases:
        for radius in RADII:
            found = {}
            X, U = table(start, radius)
            for k, form in enumerate(forms):
                found[k] = (*least(X, U, form), start)
            for step in range(effort):
                moved = start + radius * 3.0 ** (1 - step) * rng.standard_normal(flat.size)
                X, U = table(moved, radius)
                for k, form in enumerate(forms):
                    value, d = least(X, U, form)
                    if value < found[k][0]:
                        found[k] = (value, d, moved)
            for _, d, base in found.values():
                for length in (radius, -radius):
                    yield flat.point(base), flat.point(base + length * (basis @ d))
