"""The ball {‖x − c‖₂ ≤ r}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    differentiating,
    namespace,
    norm,
    products,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, parameter


class L2Ball(Indicator):
    """{x: ‖x − c‖₂ ≤ r}, the norm over all axes that are not batch.

    The ball {‖x − c‖₂ ≤ r}: projection c + min(1, r/‖y − c‖)(y − c).

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.5.1.

    Parameters
    ----------
    radius : float or array, default 1
        r, non-negative and finite; an array has batch shape, and dtype and device of x.
    center : float or array, optional
        c, finite; an array broadcasts to x; None: zero.

    Examples
    --------
    >>> C = sk.functions.L2Ball(1.0)
    >>> print(C.project(np.array([3.0, 4.0])))
    [0.6 0.8]
    """

    formula = r"\{\|x⟦ - <center>⟧\| \leq <radius>\}"
    bounded = True
    acts_on_complex = True

    radius: Scalar = parameter(NON_NEGATIVE, default=1.0, samplewise=True)
    center: Any = parameter(default=None)

    def project(self, x: Point) -> Point:
        xp = namespace(x)
        d = x if self.center is None else x - self.center
        size = norm(d, self.batch_ndim)
        outside = size > self.radius
        if differentiating(x):  # 0 is on the boundary of the ball {0}
            outside = outside | (self.radius == 0)
        # first the direction: the ratio of the radius to the distance need be no number
        unit = d / align(xp.where(outside & (size > 0), size, 1.0), x)
        nearest = align(self.radius, x) * unit
        if self.center is not None:
            nearest = nearest + self.center
        return xp.where(align(outside, x), nearest, x)

    def cancelling(self, x: Point) -> Array:
        own = super().cancelling(x)
        if self.center is None:
            return own
        return own + norm(self.center + namespace(x).zeros_like(x), self.batch_ndim)

    def support_point(self, v: Point) -> Point:
        xp, size = namespace(v), norm(v, self.batch_ndim)
        found = align(self.radius, v) * (v / align(xp.where(size > 0, size, 1.0), v))
        return found if self.center is None else found + self.center

    def conjugate_value(self, u: Point) -> Array:
        value = self.radius * norm(u, self.batch_ndim)
        if self.center is None:
            return value
        return value + sum_of(products(self.center, u), self.batch_ndim)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.norms.l2_norm import L2Norm  # which imports this file

        if self.center is None:
            return L2Norm(self.radius, batch_ndim=self.batch_ndim)
        return super().conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(), (3,)),
            (cls(0.7, asarray([1.0, -2.0, 0.5])), (2, 3)),
            (cls(asarray([0.5, 0.0, 2.0, 4.0]), batch_ndim=1), (4, 3)),
        ]
