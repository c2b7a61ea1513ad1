"""The rotated second-order cone {2x₁x₂ ≥ ‖w‖₂², x₁, x₂ ≥ 0}, w = (x₃, …, xₙ)."""

from __future__ import annotations

import math
from typing import Any

from splitkit.backend import Array, Point, namespace
from splitkit.functions.base import Function, vectors
from splitkit.functions.cones.cone import SelfDualCone
from splitkit.functions.cones.second_order_cone import SecondOrderCone, onto_second_order_cone


class RotatedSecondOrderCone(SelfDualCone):
    """{x: 2x₁x₂ ≥ x₃² + … + xₙ², x₁ ≥ 0, x₂ ≥ 0} along the last axis; self-dual.

    The rotated second-order cone {2x₁x₂ ≥ ‖w‖₂², x₁, x₂ ≥ 0}, w = (x₃, …, xₙ).

    It is the second-order cone in the orthonormal coordinates ((x₁ + x₂)/√2, (x₁ − x₂)/√2, w).

    Source: Alizadeh, Goldfarb, *Second-order cone programming* (2003), §2.

    Examples
    --------
    >>> C = sk.functions.RotatedSecondOrderCone()
    >>> print(C.project(np.array([1.0, 0.0, 2.0])))
    [1.3333 0.6667 1.3333]
    """

    formula = r"\{\|w\|^2 \leq 2 x_1 x_2\}"
    check_axes = vectors(least=3)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._straight = SecondOrderCone(batch_ndim=self.batch_ndim)

    def project(self, x: Point) -> Point:
        return _rotated(onto_second_order_cone(_rotated(x)))

    def violation(self, x: Point) -> Array:
        return self._straight.violation(_rotated(x))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(batch_ndim=1), (4, 4))]


def _rotated(x: Array) -> Array:
    """The reflection that exchanges the two cones; it is its own inverse."""
    a, b, s = x[..., :1], x[..., 1:2], math.sqrt(0.5)
    return namespace(x).concat([s * a + s * b, s * a - s * b, x[..., 2:]], axis=-1)
