"""Block diagonal."""

from __future__ import annotations

from functools import cached_property, partial, reduce
from typing import Any

from splitkit.backend import Point, Scalar, Space, add, scale
from splitkit.notation import PRODUCT, Style
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.graph_support import GraphSupport
from splitkit.operators.parts import OfMany
from splitkit.operators.pullback import in_metric
from splitkit.operators.solvable import Solvable
from splitkit.properties import Properties, block_properties


class BlockDiagonal(OfMany):
    """A₁ × … × Aₙ; resolvent and evaluation are taken block by block.

    Block diagonal: (x₁, …, xₙ) ↦ A₁x₁ × … × Aₙxₙ on tuples of arrays.

    Parameters
    ----------
    operators : sequence of Operator
        One for each block of the point.

    Raises
    ------
    TypeError
        There is none, or another thing among them.

    Examples
    --------
    >>> A = sk.BlockDiagonal((sk.Identity(), sk.NormalCone(sk.functions.NonNegative())))
    >>> A.resolvent(1.0)((np.array([2.0]), np.array([-1.0, 1.0])))
    (array([1.]), array([0., 1.]))
    """

    def __init__(self, operators: tuple[Operator, ...] | list[Operator]) -> None:
        super().__init__(tuple(operators))
        if not self.parts or not all(isinstance(A, Operator) for A in self.parts):
            raise TypeError(f"operators = {operators!r}: give a non-empty sequence of operators")

    @property
    def operators(self) -> tuple[Operator, ...]:
        """A₁, …, Aₙ."""
        return self.parts

    @cached_property
    def properties(self) -> Properties:
        return block_properties(A.properties for A in self.operators)

    @property
    def polyhedral(self) -> bool:
        return all(A.polyhedral for A in self.parts)

    @property
    def has_resolvent(self) -> bool:
        return all(A.has_resolvent for A in self.operators)

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        once, each = zip(*(A.resolvent_effort for A in self.operators), strict=True)
        return max(once), max(each)

    def __call__(self, x: Point) -> Point:
        return tuple(A(block) for A, block in zip(self.operators, x, strict=True))

    def make_evaluation(self) -> PointMap:
        return _blockwise([A.make_evaluation() for A in self.operators])

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        return _blockwise([A.make_resolvent(alpha) for A in self.operators])

    def make_inverse_resolvent(self, alpha: Scalar) -> PointMap:
        return _blockwise([A.make_inverse_resolvent(alpha) for A in self.operators])

    def make_cayley(self, alpha: Scalar) -> PointMap:
        return _blockwise([A.make_cayley(alpha) for A in self.operators])

    def solvable_with(self, H: Any) -> Solvable | None:
        blocks = H.merged.diagonal_blocks(len(self.operators))
        if blocks is None:
            return super().solvable_with(H)
        found = [A.solvable_with(D) for A, D in zip(self.operators, blocks, strict=True)]
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            return None
        how = dict.fromkeys(each.how for each in known)
        return Solvable(
            f"block by block: {', '.join(how)}",
            lambda: _blockwise([s.make() for s in known]),
            iterative=any(s.iterative for s in known),
        )

    def in_metric(self, S: Any) -> Operator:
        parts = zip(self.operators, S.on_blocks(len(self.operators)), strict=True)
        return BlockDiagonal([in_metric(A, s) for A, s in parts])

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        parts = zip(self.operators, space.block_spaces(), strict=True)
        return tuple(max(Freedom.OWN, *A.freedom(block)) for A, block in parts)

    def make_variance(self) -> PointMap | None:
        maps = [A.make_variance() for A in self.operators]
        if all(f is None for f in maps):
            return None
        return _blockwise([partial(scale, 0.0) if f is None else f for f in maps])

    def offset(self, x: Point) -> Point | None:
        known = [A.offset(block) for A, block in zip(self.operators, x, strict=True)]
        if all(q is None for q in known):
            return None
        return tuple(scale(0.0, b) if q is None else q for q, b in zip(known, x, strict=True))

    def data(self) -> Point:
        return tuple(A.data() for A in self.operators)

    def place(self) -> Point:
        return tuple(A.place() for A in self.operators)

    def pinned(self) -> Any:
        return tuple(A.pinned() for A in self.operators)

    def graph_support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        each = zip(self.operators, v, d, space.block_spaces(), strict=True)
        known = [A.graph_support(*rest) for A, *rest in each]
        value = reduce(add, (k.value for k in known))
        names = ("v", "d", "v_size", "d_size")

        def lift(e: Point) -> Point:
            pairs = zip(known, e, strict=True)
            return tuple(scale(0.0, b) if k.lift is None else k.lift(b) for k, b in pairs)

        return GraphSupport(
            value=value,
            lift=None if all(k.lift is None for k in known) else lift,
            **{name: tuple(getattr(k, name) for k in known) for name in names},
        )

    def check_space(self, space: Space) -> None:
        if not space.is_tuple or len(space.shapes) != len(self.operators):
            raise TypeError(
                f"{self!r} acts on tuples of {len(self.operators)} arrays: give x0 as such a tuple"
            )
        for A, block_space in zip(self.operators, space.block_spaces(), strict=True):
            A.check_space(block_space)

    def write(self, s: Style) -> str:
        return s.grouped(s.times.join(s(A, PRODUCT) for A in self.operators))


def _blockwise(maps: list[PointMap]) -> PointMap:
    return lambda y: tuple(f(block) for f, block in zip(maps, y, strict=True))
