"""The ball {‖x‖₁ ≤ r}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import Array, Point, Scalar, align, differentiating, namespace
from splitkit.functions.base import Function, Indicator, as_vectors, at_greatest, entries, parameter
from splitkit.functions.norms.linf_norm import LInfNorm
from splitkit.functions.sets.simplex import onto_simplex


class L1Ball(Indicator):
    """{x: ‖x‖₁ ≤ r}, the norm over all axes that are not batch.

    The ball {‖x‖₁ ≤ r}: projection sign(y) P(|y|), P onto the simplex of radius r, if ‖y‖₁ > r.

    Its support function is r‖u‖∞. Source: Duchi, Shalev-Shwartz, Singer, Chandra, *Efficient
    projections onto the ℓ1-ball for learning in high dimensions* (2008), §4.

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.L1Ball(1.0)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 1.  0.  0.]
    """

    formula = r"\{\|x\|_1 \leq <radius>\}"
    bounded = True
    polyhedral = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)

    check_axes = entries
    of_moduli = acts_on_complex = True

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        y = as_vectors(x, self.batch_ndim)
        radius, sizes = align(self.radius, y), abs(y)
        outside = xp.sum(sizes, axis=-1, keepdims=True) > radius
        if differentiating(x):  # 0 is on the boundary of the ball {0}
            outside = outside | (radius == 0)
        nearest = xp.sign(y) * onto_simplex(sizes, radius)
        return xp.reshape(xp.where(outside, nearest, y), x.shape)

    def support_point(self, v: Point) -> Point:
        xp, y = namespace(v), as_vectors(v, self.batch_ndim)
        return xp.reshape(align(self.radius, y) * at_greatest(abs(y)) * xp.sign(y), v.shape)

    def conjugate_value(self, u: Point) -> Array:
        return self.radius * namespace(u).max(abs(u), axis=tuple(range(self.batch_ndim, u.ndim)))

    @property
    def conjugate(self) -> Function:
        return LInfNorm(self.radius, batch_ndim=self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(2.5), (3,)), (cls(asarray([0.5, 0.0, 2.0]), batch_ndim=1), (3, 2, 2))]
