"""The sphere {‖x − c‖₂ = r}."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Point, Scalar, align, namespace, norm, where
from splitkit.functions.base import Function, Indicator, entries, parameter
from splitkit.functions.sets.l2_ball import L2Ball


class Sphere(Indicator):
    """{x: ‖x − c‖₂ = r}, the norm over all axes that are not batch; not convex.

    The projection is c + r(y − c)/‖y − c‖, unique but for y = c, whose nearest points are all of
    them: there it is c + r(1, …, 1)/√n.

    It is not convex: no method is guaranteed with it. Its conjugate is that of the ball. Source:
    Bauschke, Combettes (2017), Example 3.14.

    Parameters
    ----------
    radius : float or array, default 1
        r, positive and finite; an array has batch shape, and dtype and device of x.
    center : float or array, optional
        c, finite; an array broadcasts to x; None: zero.

    Examples
    --------
    >>> C = sk.functions.Sphere(1.0)
    >>> print(C.project(np.array([0.3, 0.4])))
    [0.6 0.8]
    """

    formula = r"\{\|x⟦ - <center>⟧\| = <radius>\}"

    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)
    center: Any = parameter(default=None)

    convex = False
    strong_convexity = -math.inf
    check_axes = entries
    acts_on_complex = True

    def _from_center(self, x: Array) -> Array:
        return x if self.center is None else x - self.center

    def project(self, x: Point) -> Point:
        d = self._from_center(x)
        size = norm(d, self.batch_ndim)
        ones, at_center = namespace(x).ones_like(x), size == 0
        d = where(at_center, ones, d)
        size = namespace(x).where(at_center, norm(ones, self.batch_ndim), size)
        nearest = align(self.radius, x) * (d / align(size, x))
        return nearest if self.center is None else nearest + self.center

    def violation(self, x: Point) -> Array:
        return abs(norm(self._from_center(x), self.batch_ndim) - self.radius)

    @property
    def conjugate(self) -> Function:
        return L2Ball(self.radius, self.center, batch_ndim=self.batch_ndim).conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([0.5, 2.0]), asarray([1.0, 0.0, 0.3]), batch_ndim=1), (2, 3))]
