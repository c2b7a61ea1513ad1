"""A⁻¹ = {(u, x): (x, u) ∈ A}, with Moreau's identity R_{αA⁻¹}(y) = y − α R_{α⁻¹A}(y/α).

The identity holds for A maximal monotone. Source: Bauschke, Combettes (2017), Prop. 23.20.
"""

from __future__ import annotations

from functools import cached_property

from splitkit.backend import Array, Point, Scalar, Space
from splitkit.notation import ATOM, FACTOR, latex, text
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties


class Inverse(Operator):
    """A⁻¹; it has no evaluation, only a resolvent."""

    binding = FACTOR

    def __init__(self, A: Operator) -> None:
        self.A = A

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        return self.A.properties.inverse()

    @property
    def inverse(self) -> Operator:
        return self.A

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return self.A.make_inverse_resolvent(alpha)

    def graph_residual(
        self, x: Point, u: Point, *, alpha: float = 1.0, batch_ndim: int = 0
    ) -> Array:
        return alpha * self.A.graph_residual(u, x, alpha=1 / alpha, batch_ndim=batch_ndim)

    def check_space(self, space: Space) -> None:
        self.A.check_space(space)

    def __repr__(self) -> str:
        return f"{text(self.A, ATOM)}⁻¹"

    def latex(self) -> str:
        return f"{latex(self.A, ATOM)}^{{-1}}"
