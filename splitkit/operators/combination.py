"""aI + bA as one node."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from splitkit.backend import Array, Point, Scalar, Space, lincomb, scale
from splitkit.notation import PRODUCT, SUM, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport, magnitude
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.parts import OfOne
from splitkit.operators.pullback import in_metric
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties


def combine(a: float, b: float, A: Operator) -> Operator:
    """The simplest operator equal to aI + bA."""
    if isinstance(A, Combination):
        a, b, A = a + b * A.a, b * A.b, A.A
    if isinstance(A, Identity):
        a, b = a + b, 0.0
    if b == 0 or isinstance(A, Zero):
        return Zero() if a == 0 else Identity() if a == 1 else Combination(0.0, a, Identity())
    return A if (a, b) == (0.0, 1.0) else Combination(a, b, A)


class Combination(OfOne):
    """aI + bA with b ≠ 0.

    aI + bA as one node: 1 − αm, not 1 + αL, is what a forward step I − αA needs.

    Its graph is a linear image of A's, so its constants follow exactly. With a ≥ 0, b > 0,
    R_{α(aI + bA)}(x) = R_{αb/(1+αa) A}(x/(1+αa)).

    Examples
    --------
    >>> A = 1.0 * sk.Identity() - 0.1 * sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.zeros(2))
    >>> type(A).__name__, A
    ('Combination', I − 0.1 (DenseMatrix(2×2) − q))
    """

    def __init__(self, a: float, b: float, A: Operator) -> None:
        super().__init__(A)
        self.a, self.b = a, b
        self.binding = SUM if a else PRODUCT

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties.combined(self.a, self.b)

    @property
    def polyhedral(self) -> bool:
        return self.a == 0 and self.A.polyhedral

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent and self.a >= 0 and self.b > 0

    def __call__(self, x: Point) -> Point:
        value = self.A(x)
        return lincomb(self.a, x, self.b, value) if self.a else scale(self.b, value)

    def make_evaluation(self) -> PointMap:
        a, b, A = self.a, self.b, self.A.make_evaluation()
        if not a:
            return lambda x: scale(b, A(x))
        return lambda x: lincomb(a, x, b, A(x))

    def magnitudes(self, x: Point, batch_ndim: int) -> Point | None:
        """|a||x| + |b| times those of A(x)."""
        inner = self.A.magnitudes(x, batch_ndim)
        if not self.a:
            return None if inner is None else scale(abs(self.b), inner)
        inner = magnitude(self.A(x)) if inner is None else inner
        return lincomb(abs(self.a), magnitude(x), abs(self.b), inner)

    def offset(self, x: Point) -> Point | None:
        found = self.A.offset(x)
        return None if found is None else scale(self.b, found)

    def trace(self, x: Point) -> tuple[Point, tuple[Point, ...]]:
        value, factors = self.A.trace(x)
        return lincomb(self.a, x, self.b, value), (*factors, value)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if not self.has_resolvent:
            return super().make_resolvent(alpha)
        if self.a == 0:
            return self.A.make_resolvent(alpha * self.b)
        shrink = 1 / (1 + alpha * self.a)
        resolvent = self.A.make_resolvent(alpha * self.b * shrink)
        return lambda y: resolvent(scale(shrink, y))

    def solvable_with(self, H: Any) -> Solvable | None:
        found = super().solvable_with(H)
        if found is not None or self.b <= 0 or self.a < 0:
            return found
        inner = self.A.solvable_with((1 / self.b) * H.raised(self.a))
        return None if inner is None else inner.between(partial(scale, 1 / self.b), lambda x: x)

    def in_metric(self, S: Any) -> Operator | None:
        if self.a:
            return super().in_metric(S)
        return combine(0.0, self.b, in_metric(self.A, S))

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        return super().freedom(space) if self.a else self.A.freedom(space)

    def make_variance(self) -> PointMap | None:
        inner = self.A.make_variance()
        if inner is None:
            return partial(scale, self.a**2) if self.a else None
        return lambda v: lincomb(self.a**2, v, self.b**2, inner(v))

    def data(self) -> Point | None:
        inner = self.A.data()
        return None if inner is None else _known(partial(scale, self.b), inner)

    def place(self) -> Point | None:
        return self.A.place()

    def make_cayley(self, alpha: Scalar) -> PointMap:
        if self.a or not self.has_resolvent:
            return super().make_cayley(alpha)
        return self.A.make_cayley(alpha * self.b)

    def cayley_properties(self, alpha: float) -> Properties:
        if self.a or not self.has_resolvent:
            return super().cayley_properties(alpha)
        return self.A.cayley_properties(alpha * self.b)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        if self.a:  # the domain is A's; of the values nothing is known
            d = scale(0.0, d)
        return self.A.graph_support(v, scale(self.b, d), space).scaled(1.0, 1 / self.b)

    def _graph_distance(self, x: Point, u: Point, alpha: Scalar, batch_ndim: int) -> Array:
        self._pair_space(x, u, batch_ndim)
        of_A = lincomb(1 / self.b, u, -self.a / self.b, x)
        return self.A.graph_residual(x, of_A, alpha=alpha * abs(self.b), batch_ndim=batch_ndim)

    def write(self, s: Style) -> str:
        own = [s.multiple(self.a, "I")] if self.a else []
        return s.total([*own, s.multiple(self.b, s(self.A, PRODUCT))])


def _known(change: Callable[[Any], Any], x: Any) -> Any:
    """The change of the blocks that are known."""
    if isinstance(x, tuple):
        return tuple(_known(change, block) for block in x)
    return None if x is None else change(x)
