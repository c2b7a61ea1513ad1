"""Points and numbers with the size of the terms that were added up in them, which rounding is
relative to: ``2 * Rx - x`` has twice those of Rx and those of x. So a law is written as its
formula, and its sides may differ by ``ROUNDINGS`` rounding errors of the terms of both.

A map runs in its library and dtype; what it returned is compared in NumPy's double precision, which
adds no rounding of its own to that of single precision, and cannot be in error with the library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from splitkit.backend import Array, Point, lengths
from splitkit.testing._place import ROUNDINGS, Place
from splitkit.testing._report import OBSERVED, require

Rows = Any  # NumPy's float64: of a point (elements of the batch, entries), of numbers (elements,)


class Measured:
    """A point, with the size of its terms for each element of the batch."""

    def __init__(
        self, place: Place, entries: Rows, terms: Rows, value: Point | None = None
    ) -> None:
        self.place, self.entries, self.terms = place, entries, terms
        if value is not None:
            self.__dict__["value"] = value

    @classmethod
    def of(cls, place: Place, x: Point, *terms: Rows) -> Self:
        """A point to which nothing but these terms was added."""
        made = cls(place, place.entries(x), 0.0, x)
        made.terms = sum(terms, start=made.size)
        return made

    @cached_property
    def value(self) -> Any:
        """The point in its library and dtype, as maps take it."""
        return self.place.point(self.entries)

    @cached_property
    def squares(self) -> Rows:
        """‖x‖² as a bare array."""
        return np.vecdot(self.entries, self.entries)

    @cached_property
    def size(self) -> Rows:
        """‖x‖."""
        if max(self.squares.tolist(), default=0.0) == np.inf:
            return lengths(self.entries, (1,), squares=self.squares)
        return np.sqrt(self.squares)

    def made(self, entries: Rows, terms: Rows) -> Self:
        """One of the same kind, of these."""
        return type(self)(self.place, entries, terms)

    def __add__(self, other: Self) -> Self:
        return self.made(self.entries + other.entries, self.terms + other.terms)

    def __sub__(self, other: Self) -> Self:
        return self.made(self.entries - other.entries, self.terms + other.terms)

    def __rmul__(self, c: float) -> Self:
        return self.made(c * self.entries, abs(c) * self.terms)

    def __truediv__(self, c: float) -> Self:
        return (1 / c) * self

    def __matmul__(self, other: Measured) -> Number:
        """⟨x, y⟩, which changes by the terms of one times the size of the other."""
        product = self.squares if other is self else np.vecdot(self.entries, other.entries)
        both = ROUNDINGS * self.place.eps * self.terms * other.terms
        return Number(self.place, product, self.terms * other.size + self.size * other.terms + both)

    @property
    def square(self) -> Number:
        """‖x‖²."""
        return self @ self

    def __abs__(self) -> Number:
        """‖x‖."""
        return Number(self.place, self.size, self.terms)

    def widened(self, terms: Rows) -> Self:
        """The same with more terms."""
        return type(self)(self.place, self.entries, self.terms + terms, vars(self).get("value"))

    def equals(self, other: Self) -> Claim:
        """self = other."""
        gap = self - other
        return Claim(self.place, self, other, gap.size, gap.terms)


class Number(Measured):
    """A number for each element of the batch; one that is infinite has finite terms."""

    @cached_property
    def value(self) -> Array:
        """The numbers, of batch shape."""
        return self.entries.reshape(self.place.space.batch_shape)

    @cached_property
    def size(self) -> Rows:
        """Its absolute value."""
        return abs(self.entries)

    @cached_property
    def isfinite(self) -> Rows:
        """Where it is finite."""
        return np.isfinite(self.entries)

    @property
    def finite(self) -> Rows:
        """The numbers, 0 in the place of what is infinite."""
        return np.where(self.isfinite, self.entries, 0.0)

    def __ge__(self, other: Number) -> Claim:
        """self ≥ other: holds where the left side is infinite."""
        claim = other <= self
        claim.left, claim.right = self, other
        return claim

    def __le__(self, other: Number) -> Claim:
        """self ≤ other: holds where the right side is infinite."""
        bounded = other.isfinite
        gap = np.where(bounded, self.entries, 0.0) - np.where(bounded, other.entries, 0.0)
        return Claim(self.place, self, other, gap, self.terms + other.terms)


@dataclass
class Claim:
    """That no gap between two sides is longer than the rounding of their terms, in any element of
    the batch.
    """

    place: Place
    left: object
    right: object
    gap: Rows
    terms: Rows
    where: dict[str, object] = field(default_factory=dict)

    def at(self, **where: object) -> Claim:
        """The same, found at these points and numbers."""
        return replace(self, where=where)

    def unless(self, missed: Rows) -> Claim:
        """The same, where nothing is claimed of some elements of the batch."""
        return replace(self, gap=np.where(missed, 0.0, self.gap))

    def within(self, error: Rows) -> Claim:
        """The same up to an error that has another cause than rounding."""
        return replace(self, gap=self.gap - error)

    def require(self, name: str, formula: str, **where: object) -> None:
        """Raise Violation if it does not hold."""
        slack = ROUNDINGS * self.place.eps * self.terms
        observed = OBSERVED.get()
        if observed is not None:
            observed[name] = max(observed.get(name, -1.0), self._closeness(slack))
        if bool((self.gap <= slack).all()):
            return
        found = {key: shown(each) for key, each in (where | self.where).items()}
        require(False, name, formula, shown(self.left), shown(self.right), **found)

    def _closeness(self, slack: Rows) -> float:
        """How near a violation is, in [−1, 1]."""
        with np.errstate(all="ignore"):
            ratio = (self.gap - slack) / (abs(self.gap) + abs(slack) + self.place.eps)
        finite = ratio[np.isfinite(ratio)]
        return float(finite.max()) if finite.size else -1.0


def shown(side: object) -> object:
    """What a violation says of a side, or of a point."""
    return side.value if isinstance(side, Measured) else side
