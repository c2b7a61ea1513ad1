"""The second-order cone {(t, w): ‖w‖₂ ≤ t}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Point, clip, lengths, namespace, norm
from splitkit.functions.base import Function, vectors
from splitkit.functions.cones.cone import SelfDualCone


class SecondOrderCone(SelfDualCone):
    """{x: ‖(x₂, …, xₙ)‖₂ ≤ x₁} along the last axis, one cone for each vector; self-dual.

    The second-order cone {(t, w): ‖w‖₂ ≤ t}: projection ½(t + ‖w‖)₊ (1, w/‖w‖) outside.

    Source: Bauschke, Combettes (2017), Exercise 29.11; Parikh, Boyd, *Proximal Algorithms* (2014),
    §6.3.2.

    Examples
    --------
    >>> C = sk.functions.SecondOrderCone()
    >>> print(C.project(np.array([0.0, 3.0, 4.0])))
    [2.5 1.5 2. ]
    """

    formula = r"\{\|w\| \leq t\}"
    check_axes = vectors(least=2)

    def project(self, x: Point) -> Point:
        return onto_second_order_cone(x)

    def violation(self, x: Point) -> Array:
        over = clip(lengths(x[..., 1:], (-1,), keepdims=True) - x[..., :1], 0.0)
        return norm(over, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(), (3,)), (cls(batch_ndim=1), (2, 2, 3))]


def onto_second_order_cone(x: Array) -> Array:
    """The projection of the vectors along the last axis."""
    xp = namespace(x)
    t, w = x[..., :1], x[..., 1:]
    size = lengths(w, (-1,), keepdims=True)
    middle = (t + size) / 2
    direction = w / xp.where(size > 0, size, 1.0)
    nearest = clip(middle, 0.0) * xp.concat([xp.ones_like(t), direction], axis=-1)
    return xp.where(size <= t, x, nearest)
