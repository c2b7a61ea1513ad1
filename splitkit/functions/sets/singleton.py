"""The set {c} of one point."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, Scalar, namespace, products, sum_of
from splitkit.functions.base import Function, Indicator, parameter


class Singleton(Indicator):
    """{c}: pins entries to given values.

    The set {c} of one point: projection c; support function ⟨c, u⟩.

    Parameters
    ----------
    point : float or array
        c, finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> C = sk.functions.Singleton(np.array([1.0, 2.0, 3.0]))
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [1. 2. 3.]
    """

    formula = r"\{<point>\}"
    bounded = True

    point: Scalar = parameter()

    elementwise = True
    polyhedral = True
    acts_on_complex = True

    def pinned(self) -> bool:
        return True

    def project(self, x: Point) -> Point:
        return self.point + namespace(x).zeros_like(x)

    def conjugate_value(self, u: Point) -> Array:
        return sum_of(products(self.point, u), self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([1.0, -2.0, 0.5]), batch_ndim=1), (4, 3))]
