"""Maps of arrays that act on the last axes, those before being independent of each other."""

from __future__ import annotations

from dataclasses import replace

from splitkit.backend import Shape, Space
from splitkit.linear.base import LinearOperator


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

    def check_space(self, space: Space, name: str = "L") -> None:
        self._moved(space, self.domain_shape, self.domain_shape, name)

    def range_space(self, space: Space) -> Space:
        return self._moved(space, self.domain_shape, self.range_shape, "L")

    def domain_space(self, space: Space) -> Space:
        return self._moved(space, self.range_shape, self.domain_shape, "the transpose of L")

    def _moved(self, space: Space, old: Shape, new: Shape, name: str) -> Space:
        self.check_kind(space, name)
        shape = space.shapes[0]
        batch = shape[: len(shape) - len(old)]
        if space.is_tuple or shape != (*batch, *old):
            wanted = f"axis must have length {old[0]}" if len(old) == 1 else f"axes must be {old}"
            raise ValueError(
                f"{name} = {self!r} acts on arrays whose last {wanted}, got shape {space.shapes}"
            )
        return replace(space, shapes=((*batch, *new),))
