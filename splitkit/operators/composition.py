"""A B."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, reduce
from operator import methodcaller

from splitkit.backend import Point
from splitkit.notation import PRODUCT, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.parts import OfMany
from splitkit.properties import Properties, composition_properties


class Composition(OfMany):
    """A₁ A₂ … Aₙ of single-valued operators, the last applied first.

    A B: x ↦ A(B(x)).

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.NonNegative())
    >>> N = A.cayley(1.0) @ A.cayley(1.0)
    >>> print(N(np.array([3.0, -0.5])), N.lipschitz)
    [3.  0.5] 1.0
    """

    binding = PRODUCT

    @property
    def factors(self) -> tuple[Operator, ...]:
        """A₁, …, Aₙ."""
        return self.parts

    @classmethod
    def of(cls, A: Operator, B: Operator) -> Composition:
        """A B, without nesting."""
        left = A.factors if isinstance(A, Composition) else (A,)
        right = B.factors if isinstance(B, Composition) else (B,)
        return cls(left + right)

    @cached_property
    def properties(self) -> Properties:
        return composition_properties(factor.properties for factor in self.factors)

    def __call__(self, x: Point) -> Point:
        for factor in reversed(self.factors):
            x = factor(x)
        return x

    def make_evaluation(self) -> PointMap:
        def composed(outer: PointMap, inner: PointMap) -> PointMap:
            return lambda x: outer(inner(x))

        maps: Iterable[PointMap] = map(methodcaller("make_evaluation"), self.parts)
        return reduce(composed, maps)

    def trace(self, x: Point) -> tuple[Point, tuple[Point, ...]]:
        values: list[Point] = []
        for factor in reversed(self.parts):
            x = factor.traced(x)
            values.append(x)
        return x, tuple(values)

    def write(self, s: Style) -> str:
        return s.product(self.factors)
