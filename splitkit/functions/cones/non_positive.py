"""The orthant {x ≤ 0}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point, clip
from splitkit.functions.base import Function
from splitkit.functions.cones.cone import Cone, SelfDualCone
from splitkit.functions.cones.non_negative import NonNegative


class NonPositive(SelfDualCone):
    """{x: xᵢ ≤ 0 for all i}; self-dual, with the polar {x ≥ 0}.

    The orthant {x ≤ 0}: projection min(y, 0); its Cayley operator is −|y|, whatever α.

    Examples
    --------
    >>> C = sk.functions.NonPositive()
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 0. -1.  0.]
    """

    formula = r"\{x \leq 0\}"
    elementwise = True
    polyhedral = True

    @property
    def negative(self) -> Cone:
        return NonNegative(batch_ndim=self.batch_ndim)

    def project(self, x: Point) -> Point:
        return clip(x, None, 0.0)

    def reflect(self, x: Point) -> Point:
        """2 project(x) − x."""
        return -abs(x)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (4, 3))]
