"""x ↦ A(x) − v and x ↦ A(x − v), with resolvents R_{αA}(x + αv) and v + R_{αA}(x − v).

Differences of pairs do not change, so neither does any constant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from splitkit.arguments import check_broadcast
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    blocks,
    is_array,
    lincomb,
    pairing,
    scale,
    subtract,
)
from splitkit.notation import ATOM, FACTOR, SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.parts import OfOne
from splitkit.operators.pullback import in_metric
from splitkit.operators.solvable import Solvable


class _Moved(OfOne):
    def __init__(self, A: Operator, v: Point) -> None:
        super().__init__(A)
        if not all(map(is_array, blocks(v))):
            raise TypeError(
                f"v is a {type(v).__name__}: give an array like x, or a tuple of arrays"
            )
        self.v = v

    @property
    def polyhedral(self) -> bool:
        return self.A.polyhedral

    def pinned(self) -> Any:
        return self.A.pinned()

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return self.A.freedom(space)

    def make_variance(self) -> PointMap | None:
        return self.A.make_variance()

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        check_broadcast(f"v of {self!r}", self.v, space)
        if not space.isfinite(self.v):
            raise ValueError(f"v of {self!r} has entries that are NaN or infinite")


class Shift(_Moved):
    """x ↦ A(x) − v.

    Examples
    --------
    >>> A = sk.Identity().shift(np.array([1.0, 2.0]))  # x ↦ x − v
    >>> print(A(np.zeros(2)))
    [-1. -2.]
    """

    binding = SUM

    def solvable_with(self, H: Any) -> Solvable | None:
        inner = self.A.solvable_with(H)
        return None if inner is None else inner.between(lambda h: add(h, self.v), lambda x: x)

    def in_metric(self, S: Any) -> Operator:
        return in_metric(self.A, S).shift(S.times(self.v))

    def offset(self, x: Point) -> Point:
        known = self.A.offset(x)
        return subtract(scale(0.0, x) if known is None else known, self.v)

    def data(self) -> Point:
        return self.v

    def place(self) -> Point | None:
        return self.A.place()

    def __call__(self, x: Point) -> Point:
        return subtract(self.A(x), self.v)

    def make_evaluation(self) -> PointMap:
        A, v = self.A.make_evaluation(), self.v
        return lambda x: subtract(A(x), v)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        resolvent, v = self.A.make_resolvent(alpha), self.v
        return lambda y: resolvent(lincomb(1.0, y, alpha, v))

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        known = self.A.graph_support(v, d, space)
        return replace(known, value=known.value - pairing(self.v, known.d, space.batch_ndim))

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        self._pair_space(x, u, batch_ndim)
        return self.A.graph_residual(x, add(u, self.v), alpha=alpha, batch_ndim=batch_ndim)

    def write(self, s: Style) -> str:
        return f"{s(self.A)} {s.minus} v"


class Translation(_Moved):
    """x ↦ A(x − v).

    Examples
    --------
    >>> N = sk.NormalCone(sk.functions.NonNegative())
    >>> A = sk.operators.Translation(N, np.array([1.0, 2.0]))
    >>> print(A.resolvent(1.0)(np.zeros(2)))
    [1. 2.]
    """

    binding = FACTOR

    def solvable_with(self, H: Any) -> Solvable | None:
        inner, v = self.A.solvable_with(H), self.v  # A(y) + Hy ∋ h − Hv at y = x − v
        if inner is None:
            return None
        return inner.between(lambda h: subtract(h, H(add(scale(0.0, h), v))), lambda y: add(y, v))

    def in_metric(self, S: Any) -> Operator:
        return in_metric(self.A, S).translate(S.reciprocal().times(self.v))

    def data(self) -> Point | None:
        return self.A.data()

    def place(self) -> Point:
        return self.v

    def magnitudes(self, x: Point, batch_ndim: int) -> Point | None:
        return self.A.magnitudes(subtract(x, self.v), batch_ndim)

    def __call__(self, x: Point) -> Point:
        return self.A(subtract(x, self.v))

    def make_evaluation(self) -> PointMap:
        A, v = self.A.make_evaluation(), self.v
        return lambda x: A(subtract(x, v))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        resolvent, v = self.A.make_resolvent(alpha), self.v
        return lambda y: add(v, resolvent(subtract(y, v)))

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        dual, v = self.A.make_inverse_resolvent(alpha), self.v  # A(· − v)⁻¹ = A⁻¹ + v
        return lambda y: dual(lincomb(1.0, y, -alpha, v))

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        known = self.A.graph_support(v, d, space)
        return replace(known, value=known.value + pairing(self.v, known.v, space.batch_ndim))

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        self._pair_space(x, u, batch_ndim)
        return self.A.graph_residual(subtract(x, self.v), u, alpha=alpha, batch_ndim=batch_ndim)

    def write(self, s: Style) -> str:
        return f"{s(self.A, ATOM)}({s.dot} {s.minus} v)"
