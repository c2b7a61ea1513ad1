"""The permutahedron of a vector: the convex hull of its permutations."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import FINITE, check_parameter
from splitkit.backend import Array, Point, Space, is_array, namespace
from splitkit.functions.base import Function, Indicator, required, vectors
from splitkit.functions.inner.taut_string import taut_string


class Permutahedron(Indicator):
    """conv{(w_{π(1)}, …, w_{π(n)}): π a permutation}, along the last axis; the projection is exact.

    The points x with Σ_{i≤k} x₍ᵢ₎ ≤ Σ_{i≤k} w₍ᵢ₎ for all k, and equal sums (Rado): x₍₁₎ ≥ x₍₂₎ ≥ ….
    The projection sorts y and w downwards, takes from y the nearest decreasing vector to y − w, and
    undoes the order. With w = (n, …, 1) it is a soft rank of y, with y = w a soft sort.

    Source: Rado, *An inequality* (1952); Blondel, Teboul, Berthet, Djolonga, *Fast differentiable
    sorting and ranking* (2020), Props. 3, 4; Lim, Wright, *Efficient Bregman projections onto the
    permutahedron and related polytopes* (2016).

    Parameters
    ----------
    weights : array, shape (n,)
        w, finite, in any order; dtype and device of x.

    Notes
    -----
    O(n log n).

    Examples
    --------
    >>> C = sk.functions.Permutahedron(np.array([3.0, 2.0, 1.0]))
    >>> print(C.project(np.array([0.1, 9.0, 0.1])))
    [1.5 3.  1.5]
    >>> print(C.support_point(np.array([0.1, 9.0, 0.2])))
    [1. 3. 2.]
    """

    formula = r"\mathrm{conv}\{w_\pi\}"
    bounded = True
    polyhedral = True
    subtracts = True

    weights: Array = required(check_parameter, within=FINITE)

    def __post_init__(self) -> None:
        if not is_array(self.weights) or self.weights.ndim != 1 or 0 in self.weights.shape:
            raise TypeError(f"weights = {self.weights!r}: give a vector, one for each entry")
        super().__post_init__()

    @property
    def _sorted(self) -> Array:
        """w, the greatest first."""
        return namespace(self.weights).sort(self.weights, descending=True)

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        order = xp.argsort(x, axis=-1, descending=True)
        y = xp.take_along_axis(x, order, axis=-1)
        free = xp.zeros_like(y[..., :1])
        fitted = taut_string(y - self._sorted, free, free + float("inf"))
        back = xp.argsort(order, axis=-1)
        return xp.take_along_axis(y - fitted, back, axis=-1)

    def support_point(self, v: Point) -> Point:
        xp = namespace(v)
        ranks = xp.argsort(xp.argsort(v, axis=-1, descending=True), axis=-1)
        return xp.reshape(xp.take(self._sorted, xp.reshape(ranks, (-1,)), axis=0), v.shape)

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        values = xp.sum(xp.sort(u, axis=-1, descending=True) * self._sorted, axis=-1)
        others = tuple(range(self.batch_ndim, values.ndim))
        return xp.sum(values, axis=others) if others else values

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        vectors(int(self.weights.shape[0]))(self, space)
        space.check_array(self.weights, f"weights of {self!r}")

    def __repr__(self) -> str:
        return f"Permutahedron({self.weights.shape[0]} weights)"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        w = asarray([3.0, -1.0, 0.5])
        return [(cls(w), (3,)), (cls(w, batch_ndim=1), (2, 3))]
