"""The simplex with what lies beneath it, {x ≥ 0, Σxᵢ ≤ r}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, clip, namespace
from splitkit.functions.base import Function, Indicator, as_vectors, at_greatest, entries, parameter
from splitkit.functions.sets.simplex import onto_simplex, to_total


class SolidSimplex(Indicator):
    """{x: xᵢ ≥ 0, Σxᵢ ≤ r}, over all axes that are not batch.

    The projection is max(y, 0) if its sum is at most r, else that onto the simplex {x ≥ 0,
    Σxᵢ = r}.

    Its support function is r max(maxᵢ uᵢ, 0). Source: Duchi, Shalev-Shwartz, Singer, Chandra,
    *Efficient projections onto the ℓ1-ball for learning in high dimensions* (2008), §4.

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.SolidSimplex()
    >>> print(C.project(np.array([0.3, -1.0, 0.5])), C.project(np.array([3.0, -1.0, 0.5])))
    [0.3 0.  0.5] [1. 0. 0.]
    """

    formula = r"\{x \geq 0, \sum x_i \leq <radius>\}"
    bounded = True
    polyhedral = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = entries

    def project(self, x: Point) -> Point:
        xp, y = namespace(x), as_vectors(x, self.batch_ndim)
        inside, radius = clip(y, 0.0), align(self.radius, y)
        beyond = xp.sum(inside, axis=-1, keepdims=True) > radius
        return xp.reshape(xp.where(beyond, onto_simplex(y, radius), inside), x.shape)

    def kl_project(self, r: Point) -> Point:
        xp, y = namespace(r), clip(as_vectors(r, self.batch_ndim), 0.0)
        beyond = xp.sum(y, axis=-1, keepdims=True) > align(self.radius, y)
        scaled = as_vectors(to_total(r, self.radius, self.batch_ndim), self.batch_ndim)
        return xp.reshape(xp.where(beyond, scaled, y), r.shape)

    def support_point(self, v: Point) -> Point:
        xp, y = namespace(v), as_vectors(v, self.batch_ndim)
        found = xp.where(y > 0, align(self.radius, y) * at_greatest(y), 0.0)
        return xp.reshape(found, v.shape)

    def conjugate_value(self, u: Point) -> Array:
        axes = tuple(range(self.batch_ndim, u.ndim))
        return self.radius * clip(namespace(u).max(u, axis=axes), 0.0)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), batch_ndim=1), (2, 3))]
