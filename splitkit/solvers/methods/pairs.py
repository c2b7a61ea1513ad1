"""What methods share whose governing point is a pair (x, y) with y ∈ B(Lx)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from splitkit.backend import Array, Point, Space
from splitkit.linear.base import LinearOperator
from splitkit.solvers.method import Method
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class OfPairs(Method):
    """Base of the methods that iterate (x, y)."""

    def dual(self, u: Point) -> Point:
        return u[1]

    def moved(self, u: Point, S: LinearOperator, E: LinearOperator) -> Point:
        x, y = u
        return S(x), E(y)

    def exact_element(self, *terms: Term) -> bool:
        return False


def coupling_bounds(
    L: LinearOperator, x: Point, y: Point, Lx: Point, LTy: Point
) -> Callable[[Space], tuple[Array, ...]]:
    """Of the coupling at (x, y), see ``Reading``."""
    norm = L.norm
    return lambda space: space.coupling_bounds(norm, x, y, Lx, LTy)
