"""Maps of arrays that act on the last axes, those before being independent of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import EllipsisType

from splitkit.arguments import check_integer
from splitkit.backend import Shape, Space
from splitkit.linear.base import LinearOperator
from splitkit.operators.freedom import Freedom


class LastAxesMap(LinearOperator):
    """Base of the maps from arrays of shape (…, *domain_shape) to those of (…, *range_shape)."""

    domain_shape: Shape
    range_shape: Shape

    @property
    def is_square(self) -> bool:
        """Whether it maps a space into itself."""
        return self.domain_shape == self.range_shape

    def check_kind(self, space: Space, name: str) -> None:
        """Raise, naming the argument, unless points have the kind of the map's arrays."""

    def freedom(self, space: Space) -> tuple[Freedom, ...]:
        shows = type(self).squares is not LinearOperator.squares
        return (Freedom.EACH if shows and space.shapes == (self.domain_shape,) else Freedom.OWN,)

    def check_space(self, space: Space, name: str = "L") -> None:
        self._batch(space, self.domain_shape, name)

    def range_space(self, space: Space) -> Space:
        batch = self._batch(space, self.domain_shape, "L")
        return replace(space, shapes=((*batch, *self.range_shape),))

    def domain_space(self, space: Space) -> Space:
        batch = self._batch(space, self.range_shape, "the transpose of L")
        return replace(space, shapes=((*batch, *self.domain_shape),))

    def _batch(self, space: Space, wanted: Shape, name: str) -> Shape:
        """The axes before those that are wanted; raises, naming the argument, without these."""
        self.check_kind(space, name)
        shape = space.shapes[0]
        batch = shape[: len(shape) - len(wanted)]
        if space.is_tuple or shape != (*batch, *wanted):
            length = f"axis must have length {wanted[0]}"
            last = length if len(wanted) == 1 else f"axes must be {wanted}"
            raise ValueError(
                f"{name} = {self!r} acts on arrays whose last {last}, got shape {space.shapes}"
            )
        return batch


def negative_axes(axes: int | Sequence[int]) -> tuple[int, ...]:
    """Axes counted from the end, so that leading batch axes may be there or not; raises if one is
    not, or comes twice.
    """
    several = axes if isinstance(axes, Sequence) else (axes,)
    found = tuple(check_integer("axes", a, remedy="give integers") for a in several)
    if not found or any(a >= 0 for a in found) or len({*found}) < len(found):
        raise ValueError(f"axes = {axes}: give different negative ones, such as (-2, -1)")
    return found


def part(axis: int, start: int | None, stop: int | None) -> tuple[slice | EllipsisType, ...]:
    """The index of the entries from start to stop along a negative axis."""
    return (..., slice(start, stop), *(slice(None),) * (-axis - 1))
