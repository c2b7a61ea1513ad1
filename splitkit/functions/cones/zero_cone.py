"""The cone {0}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point, namespace
from splitkit.functions.base import Function
from splitkit.functions.cones.cone import Subspace


class ZeroCone(Subspace):
    """The cone {0}: projection 0; its polar and its dual are the whole space.

    Examples
    --------
    >>> C = sk.functions.ZeroCone()
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [0. 0. 0.]
    """

    formula = r"\{0\}"
    elementwise = True
    polyhedral = True
    acts_on_complex = True

    def pinned(self) -> bool:
        return True

    def project(self, x: Point) -> Point:
        return namespace(x).zeros_like(x)

    def reflect(self, x: Point) -> Point:
        """2 project(x) − x."""
        return -x

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (4, 3))]
