"""What is made of several maps: it acts where they do together, and costs what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TypeVar

from splitkit.backend import Space
from splitkit.linear.base import LinearOperator
from splitkit.notation import Style

Known = TypeVar("Known")


class CombinedMaps(LinearOperator):
    """Base of what is made of several maps; a subclass gives ``range_space`` and ``domain_space``.

    Parameters
    ----------
    maps : sequence of LinearOperator

    Raises
    ------
    TypeError
        There is none, or another thing among them.
    """

    acts_on_complex = True

    def __init__(self, maps: Sequence[LinearOperator]) -> None:
        self.maps = checked_maps("maps", maps)

    @cached_property
    def costly(self) -> bool:
        return any(L.costly for L in self.maps)

    def check_space(self, space: Space, name: str = "L") -> None:
        self.range_space(space)

    def write(self, s: Style) -> str:
        return s.called(self, ", ".join(map(repr, self.maps)))


def checked_maps(name: str, maps: Sequence[LinearOperator]) -> tuple[LinearOperator, ...]:
    """The maps as a tuple; raises unless they are some."""
    found = tuple(maps)
    if not found or not all(isinstance(L, LinearOperator) for L in found):
        raise TypeError(f"{name} = {maps!r}: give a non-empty sequence of splitkit.LinearOperator")
    return found


def common_space(whole: LinearOperator, maps: Sequence[LinearOperator], of: list[Space]) -> Space:
    """The space that the maps of an expression share; raises if they differ."""
    for L, space in zip(maps, of, strict=True):
        if space.shapes != of[0].shapes:
            raise ValueError(
                f"the parts of {whole!r} must give one shape: {maps[0]!r} gives {of[0].shapes}, "
                f"{L!r} gives {space.shapes}"
            )
    return of[0]


def all_known(values: Iterable[Known | None]) -> list[Known] | None:
    """The values; None if one is unknown."""
    found = list(values)
    known = [v for v in found if v is not None]
    return known if len(known) == len(found) else None
