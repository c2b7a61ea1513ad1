"""The set {x ≥ 0: Σxᵢ = r, at most k entries are not 0}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import POSITIVE, check_integer
from splitkit.backend import Array, Point, Scalar, align, namespace
from splitkit.functions.base import (
    Function,
    Indicator,
    as_vectors,
    at_greatest,
    entries,
    parameter,
    required,
)
from splitkit.functions.norms.max_entry import Max
from splitkit.functions.sets.simplex import onto_simplex


class SparseSimplex(Indicator):
    """{x: xᵢ ≥ 0, Σxᵢ = r, ‖x‖₀ ≤ k}, over all axes that are not batch; not convex.

    Projection: that of the k greatest entries onto the simplex, 0 elsewhere; of equal entries the
    first ones are kept. It is one of several where entries are equal, and no method is guaranteed
    with it. The support function is the simplex's, r max uᵢ.

    Source: Kyrillidis, Becker, Cevher, Koch, *Sparse projections onto the simplex* (2013), Thm. 1.

    Parameters
    ----------
    count : int
        k ≥ 1.
    radius : float or array, default 1
        r, positive and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.SparseSimplex(2)
    >>> print(C.project(np.array([0.6, 0.5, 0.2])))
    [0.55 0.45 0.  ]
    """

    formula = r"\{x \geq 0, \sum x_i = <radius>, \|x\|_0 \leq <count>\}"
    bounded = True

    count: int = required(check_integer, least=1)
    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)

    convex = False
    strong_convexity = -math.inf
    check_axes = entries

    def project(self, x: Point) -> Point:
        xp, y = namespace(x), as_vectors(x, self.batch_ndim)
        radius = align(self.radius, y)
        order = xp.argsort(y, axis=-1, descending=True, stable=True)
        kept = xp.argsort(order, axis=-1) < self.count
        moved = y - xp.max(y, axis=-1, keepdims=True)
        # the level of the projection is at most r below the greatest entry
        found = onto_simplex(xp.where(kept, moved, -2.0 * radius), radius)
        return xp.reshape(found, x.shape)

    def support_point(self, v: Point) -> Point:
        y = as_vectors(v, self.batch_ndim)
        return namespace(v).reshape(align(self.radius, y) * at_greatest(y), v.shape)

    def conjugate_value(self, u: Point) -> Array:
        return self.radius * namespace(u).max(u, axis=tuple(range(self.batch_ndim, u.ndim)))

    @property
    def conjugate(self) -> Function:
        return Max(self.radius, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(2, asarray([0.5, 1.0, 2.0, 4.0]), batch_ndim=1), (4, 3))]
