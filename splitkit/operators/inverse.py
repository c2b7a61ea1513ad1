"""A⁻¹ = {(u, x): (x, u) ∈ A}, with Moreau's identity R_{αA⁻¹}(y) = y − α R_{α⁻¹A}(y/α)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space
from splitkit.notation import ATOM, FACTOR, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.parts import OfOne
from splitkit.operators.pullback import in_metric
from splitkit.properties import Properties


class Inverse(OfOne):
    """A⁻¹; it has no evaluation, only a resolvent.

    A⁻¹ = {(u, x): (x, u) ∈ A}, with Moreau's identity R_{αA⁻¹}(y) = y − α R_{α⁻¹A}(y/α).

    The identity holds for A maximal monotone. Source: Bauschke, Combettes (2017), Prop. 23.20.

    Examples
    --------
    >>> A = sk.Subdifferential(sk.functions.L1Norm()).inverse
    >>> print(A.resolvent(1.0)(np.array([3.0, 0.5])))
    [1.  0.5]
    """

    binding = FACTOR

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties.inverse()

    @property
    def polyhedral(self) -> bool:
        return self.A.polyhedral

    @property
    def inverse(self) -> Operator:
        return self.A

    @property
    def has_evaluation(self) -> bool:
        return False

    def in_metric(self, S: Any) -> Operator:
        return in_metric(self.A, S.reciprocal()).inverse

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self.A.freedom(space)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return self.A.make_inverse_resolvent(alpha)

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        return self.A.make_resolvent(alpha)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        return self.A.graph_support(d, v, space).swapped()

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        return alpha * self.A.graph_residual(u, x, alpha=1 / alpha, batch_ndim=batch_ndim)

    def write(self, s: Style) -> str:
        return s(self.A, ATOM) + s.inverse
