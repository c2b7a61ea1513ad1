"""The simplex {x ≥ 0, Σxᵢ = r}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    device,
    namespace,
    with_derivative,
)
from splitkit.functions.base import Function, Indicator, as_vectors, at_greatest, entries, parameter
from splitkit.functions.norms.max_entry import Max


class Simplex(Indicator):
    """{x: xᵢ ≥ 0, Σxᵢ = r}, over all axes that are not batch.

    The simplex {x ≥ 0, Σxᵢ = r}: projection [y − τ]₊ with τ = max_j (y₍₁₎ + … + y₍ⱼ₎ − r)/j, where
    y₍₁₎ ≥ y₍₂₎ ≥ … are the sorted entries.

    That in the Kullback-Leibler divergence is r y/Σyᵢ.

    The quotient grows in j as long as the next entry exceeds it, then falls: its maximum is the τ
    of the sorting method. Source: Held, Wolfe, Crowder, *Validation of subgradient optimization*
    (1974).

    Parameters
    ----------
    radius : float or array, default 1
        r, positive and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.Simplex()
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [1. 0. 0.]
    """

    formula = r"\{x \geq 0, \sum x_i = <radius>\}"
    bounded = True
    polyhedral = True

    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)

    check_axes = entries

    def project(self, x: Point) -> Point:
        y = as_vectors(x, self.batch_ndim)
        return namespace(x).reshape(onto_simplex(y, align(self.radius, y)), x.shape)

    def kl_project(self, r: Point) -> Point:
        return to_total(r, self.radius, self.batch_ndim)

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
        return [
            (cls(), (3,)),
            (cls(2.5), (2, 3)),
            (cls(asarray([0.5, 1.0, 2.0, 4.0]), batch_ndim=1), (4, 3)),
        ]


def onto_simplex(y: Array, radius: Scalar) -> Array:
    """The projection of the vectors along the last axis; a radius array has that axis of length 1.

    Radius 0 gives 0.
    """
    xp = namespace(y)
    moved = y - xp.max(y, axis=-1, keepdims=True)  # a shift moves τ only; 0 is the greatest
    found = clip(moved - simplex_level(moved, radius), 0.0)

    def on_face() -> Array:
        active = found > 0
        count = clip(xp.sum(xp.astype(active, y.dtype), axis=-1, keepdims=True), 1.0)
        total = xp.sum(xp.where(active, y, 0.0), axis=-1, keepdims=True)
        return xp.where(active, y - (total - radius) / count, 0.0)

    return with_derivative(found, (y, radius), on_face)


def simplex_level(y: Array, radius: Scalar) -> Array:
    """τ with Σ(yᵢ − τ)₊ = r along the last axis, which is kept with length 1."""
    xp = namespace(y)
    count = xp.arange(1, y.shape[-1] + 1, dtype=y.dtype, device=device(y))
    sums = xp.cumulative_sum(xp.sort(y, axis=-1, descending=True), axis=-1)
    tau = xp.max((sums - radius) / count, axis=-1, keepdims=True)
    # one Newton step on Σ[y − τ]₊ = r takes the rounding of the long sums out
    above = clip(y - tau, 0.0)
    active = xp.sum(xp.astype(above > 0, y.dtype), axis=-1, keepdims=True)
    return tau + (xp.sum(above, axis=-1, keepdims=True) - radius) / clip(active, 1.0)


def to_total(y: Array, total: Scalar, batch_ndim: int) -> Array:
    """max(y, 0) in each sample scaled to a total; NaN where that is 0."""
    xp, rows = namespace(y), clip(as_vectors(y, batch_ndim), 0.0)
    # in units of the greatest entry, no sum overflows
    rows = rows / clip(
        xp.max(rows, axis=-1, keepdims=True), float(xp.finfo(y.dtype).smallest_normal)
    )
    sums = xp.sum(rows, axis=-1, keepdims=True)
    some = sums > 0
    scaled = rows * (align(total, rows) / xp.where(some, sums, 1.0))
    return xp.reshape(xp.where(some, scaled, math.nan), y.shape)
