"""x ↦ s A(s x), the pullback by sI, with resolvent R_{αB}(y) = R_{αs²A}(sy)/s."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.arguments import NONZERO, check_number
from splitkit.backend import Point, Scalar, Space, scale
from splitkit.notation import ATOM, PRODUCT, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.parts import OfOne
from splitkit.operators.pullback import in_metric
from splitkit.properties import Properties


def scale_argument(A: Operator, s: float) -> Operator:
    """The simplest operator equal to x ↦ s A(s x).

    Raises
    ------
    TypeError, ValueError
        s is no finite number other than 0.
    """
    s = check_number("s", s, NONZERO)
    if isinstance(A, ScaledArgument):
        s, A = s * A.s, A.A
    return A if s == 1 else ScaledArgument(A, s)


class ScaledArgument(OfOne):
    """x ↦ s A(s x) with s ≠ 0.

    x ↦ s A(s x), the pullback by sI, with resolvent R_{αB}(y) = R_{αs²A}(sy)/s.

    Its graph is {(x/s, su): (x, u) ∈ A}, so its constants follow exactly: s²m, s²L, β/s².
    Source: Bauschke, Combettes (2017), Cor. 23.26, for LLᵀ = s²I.

    Examples
    --------
    >>> A = sk.operators.ScaledArgument(sk.Subdifferential(sk.functions.L1Norm()), 2.0)
    >>> print(A.resolvent(1.0)(np.array([3.0, 0.5])))
    [1. 0.]
    """

    binding = PRODUCT

    def __init__(self, A: Operator, s: float) -> None:
        super().__init__(A)
        self.s = s

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties.argument_scaled(self.s)

    @property
    def polyhedral(self) -> bool:
        return self.A.polyhedral

    def __call__(self, x: Point) -> Point:
        return scale(self.s, self.A(scale(self.s, x)))

    def make_evaluation(self) -> PointMap:
        A, s = self.A.make_evaluation(), self.s
        return lambda x: scale(s, A(scale(s, x)))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return self._rescaled(self.A.make_resolvent(alpha * self.s**2))

    def make_cayley(self, alpha: Scalar) -> PointMap:
        return self._rescaled(self.A.make_cayley(alpha * self.s**2))

    def _rescaled(self, f: PointMap) -> PointMap:
        s = self.s
        return lambda y: scale(1 / s, f(scale(s, y)))

    def in_metric(self, S: Any) -> Operator:
        return scale_argument(in_metric(self.A, S), self.s)

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self.A.freedom(space)

    def make_variance(self) -> PointMap | None:
        inner, square = self.A.make_variance(), self.s**4
        return None if inner is None else lambda v: scale(square, inner(v))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point | None:
        inner = self.A.magnitudes(scale(self.s, x), batch_ndim)
        return None if inner is None else scale(abs(self.s), inner)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        s = self.s
        return self.A.graph_support(scale(1 / s, v), scale(s, d), space).scaled(s, 1 / s)

    def write(self, s: Style) -> str:
        return s.multiple(self.s, f"{s(self.A, ATOM)}({s.multiple(self.s, s.dot)})")
