"""The orthant {x ≥ 0}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point, clip
from splitkit.functions.base import Function
from splitkit.functions.cones.cone import Cone, SelfDualCone


class NonNegative(SelfDualCone):
    """{x: xᵢ ≥ 0 for all i}; self-dual, with the polar {x ≤ 0}.

    The orthant {x ≥ 0}: projection [y]₊; its Cayley operator is 2[y]₊ − y = |y|, whatever α.

    Examples
    --------
    >>> C = sk.functions.NonNegative()
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [3.  0.  0.5]
    """

    formula = r"\{x \geq 0\}"
    elementwise = True
    polyhedral = True

    @property
    def negative(self) -> Cone:
        from splitkit.functions.cones.non_positive import NonPositive  # which imports this file

        return NonPositive(batch_ndim=self.batch_ndim)

    def project(self, x: Point) -> Point:
        return clip(x, 0.0)

    def reflect(self, x: Point) -> Point:
        """2 project(x) − x."""
        return abs(x)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(), (3,)), (cls(batch_ndim=1), (4, 3))]
