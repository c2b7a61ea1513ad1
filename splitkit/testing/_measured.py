"""Points and numbers with the size of the terms that were added up in them, which rounding is
relative to: ``2 * Rx - x`` has twice those of Rx and those of x. So a law is written as its
formula, and its sides may differ by ``ROUNDINGS`` rounding errors of the terms of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from splitkit.backend import Array, Point, add, scale, subtract
from splitkit.testing._place import ROUNDINGS, Place
from splitkit.testing._report import OBSERVED, copies, require


@dataclass(frozen=True, eq=False)
class Measured:
    """A point, with the size of its terms, of batch shape."""

    place: Place
    value: Point
    terms: Array

    @classmethod
    def of(cls, place: Place, x: Point, *terms: Array) -> Self:
        """A point to which nothing but these terms was added."""
        return cls(place, x, sum(terms, start=place.size(x)))

    @cached_property
    def size(self) -> Array:
        """‖x‖."""
        return self.place.size(self.value)

    def __add__(self, other: Self) -> Self:
        return replace(self, value=add(self.value, other.value), terms=self.terms + other.terms)

    def __sub__(self, other: Self) -> Self:
        value = subtract(self.value, other.value)
        return replace(self, value=value, terms=self.terms + other.terms)

    def __rmul__(self, c: float) -> Self:
        return replace(self, value=scale(c, self.value), terms=abs(c) * self.terms)

    def __truediv__(self, c: float) -> Self:
        return (1 / c) * self

    def __matmul__(self, other: Measured) -> Number:
        """⟨x, y⟩, which changes by the terms of one times the size of the other."""
        product = self.place.space.inner(self.value, other.value)
        both = ROUNDINGS * self.place.eps * self.terms * other.terms
        return Number(self.place, product, self.terms * other.size + self.size * other.terms + both)

    @property
    def square(self) -> Number:
        """‖x‖²."""
        return self @ self

    def __abs__(self) -> Number:
        """‖x‖."""
        return Number(self.place, self.size, self.terms)

    def widened(self, terms: Array) -> Self:
        """The same with more terms."""
        return replace(self, terms=self.terms + terms)

    def equals(self, other: Self) -> Claim:
        """self = other."""
        gap = abs(self - other)
        return Claim(self.place, self.value, other.value, gap.value, gap.terms)


@dataclass(frozen=True, eq=False)
class Number(Measured):
    """A number for each element of the batch; one that is infinite has finite terms."""

    @cached_property
    def size(self) -> Array:
        """Its absolute value."""
        return abs(self.value)

    def __ge__(self, other: Number) -> Claim:
        """self ≥ other: holds where the left side is infinite."""
        claim = other <= self
        return replace(claim, left=self.value, right=other.value)

    def __le__(self, other: Number) -> Claim:
        """self ≤ other: holds where the right side is infinite."""
        xp, terms = self.place.xp, self.terms + other.terms
        bounded, zero = xp.isfinite(other.value), xp.zeros_like(other.value)
        gap = xp.where(bounded, self.value, zero) - xp.where(bounded, other.value, zero)
        return Claim(self.place, self.value, other.value, gap, terms)


@dataclass(frozen=True)
class Claim:
    """That no gap between two sides is longer than the rounding of their terms, in any element of
    the batch.
    """

    place: Place
    left: object
    right: object
    gap: Array
    terms: Array
    where: dict[str, object] = field(default_factory=dict)

    def at(self, **where: object) -> Claim:
        """The same, found at these points and numbers."""
        return replace(self, where=where)

    def unless(self, missed: Array) -> Claim:
        """The same, where nothing is claimed of some elements of the batch."""
        gap = self.place.xp.where(missed, self.place.xp.zeros_like(self.gap), self.gap)
        return replace(self, gap=gap)

    def within(self, error: Array) -> Claim:
        """The same up to an error that has another cause than rounding."""
        return replace(self, gap=self.gap - error)

    def require(self, name: str, formula: str, **where: object) -> None:
        """Raise Violation if it does not hold."""
        slack = ROUNDINGS * self.place.eps * self.terms
        observed = OBSERVED.get()
        if observed is not None:
            observed[name] = max(observed.get(name, -1.0), self._closeness(slack))
        found = {key: getattr(each, "value", each) for key, each in (where | self.where).items()}
        holds = bool(self.place.xp.all(self.gap <= slack))
        require(holds, name, formula, self.left, self.right, **found)

    def _closeness(self, slack: Any) -> float:
        """How near a violation is, in [−1, 1]."""
        with np.errstate(all="ignore"):
            total = abs(self.gap) + abs(slack) + self.place.eps
            ratio = copies((self.gap - slack) / total)[0]
        finite = ratio[np.isfinite(ratio)]
        return float(finite.max()) if finite.size else -1.0
