"""The set C of a program's rows, Ax ∈ C: an interval for each row, or cones for groups of them.

What the proximal method of multipliers needs of C is the projection P, and for Newton's method an
element V of the generalized Jacobian of I − P, as its nonzero part V = QQᵀ: a row of the identity
for each interval that is met, some columns for each group of rows that a cone couples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.problems.programs.scalings import Barriers, Orthant, Vector as Vector


@dataclass(frozen=True)
class Slope:
    """V = QQᵀ: the identity of the rows in ``single``, beside Q = ``others``, sparse or None, each
    of whose columns belongs to the cone of the row in ``of``.

    ``key`` tells one from another.
    """

    single: Any
    others: Any = None
    of: Any = None

    @property
    def key(self) -> bytes:
        if self.others is None:
            return bytes(self.single.tobytes())
        parts = self.single, self.others.data, self.others.indices
        return b"".join(part.tobytes() for part in parts)


class Rows:
    """Base of the sets of rows."""

    def project(self, w: Vector) -> Vector:
        """P(w)."""
        raise NotImplementedError

    @cached_property
    def nearest(self) -> Vector:
        """P(0)."""
        return self.project(np.zeros(self.alone.size))

    def slope(self, w: Vector) -> Slope:
        """V at w."""
        raise NotImplementedError

    def breaks(self, w: Vector, v: Vector) -> Vector | None:
        """The t > 0 at which P(w + tv) bends; None: it is not piecewise linear."""
        return None

    def support(self, y: Vector, beyond: Vector | None = None) -> tuple[float, float]:
        """sup {⟨z, y⟩: z ∈ C} for the nearest y at which it is finite, and the sum of the sizes of
        what it adds up; ``beyond`` is that of y where it is known.
        """
        raise NotImplementedError

    def beyond(self, y: Vector) -> Vector:
        """What is to be taken off y, so that the support function is finite there."""
        raise NotImplementedError

    def outside(self, d: Vector) -> Vector:
        """How far d is, row by row, from the directions in which C is unbounded."""
        raise NotImplementedError

    @property
    def order(self) -> int:
        """How many rows a cone couples at most."""
        return 1

    def endless(self, more: int) -> Rows:
        """C's recession cone, beside so many rows more that are to be 0."""
        raise NotImplementedError

    def scaled(self, e: Vector) -> Rows:
        """diag(e)C."""
        raise NotImplementedError

    @property
    def sides(self) -> Vector:
        """The numbers that limit the rows."""
        raise NotImplementedError

    def barriers(self, far: float = np.inf) -> Barriers:
        """What an interior-point method needs, without inequalities that are so far from 0."""
        raise NotImplementedError

    def tied(self, e: Vector) -> Vector:
        """e, made equal where rows belong to one cone."""
        return e

    def kept(self, e: Vector) -> Vector:
        """Positive numbers by which rows can be divided while cones stay what they are, near e,
        which is 0 where any will do.
        """
        return or_one(e)

    @property
    def alone(self) -> Any:
        """The rows that no cone couples with others."""
        raise NotImplementedError


class Intervals(Rows):
    """{z: lower ≤ z ≤ upper}, with infinite bounds for free sides."""

    def __init__(self, lower: Vector, upper: Vector) -> None:
        self.lower, self.upper = lower, upper

    def project(self, w: Vector) -> Vector:
        return np.minimum(np.maximum(w, self.lower), self.upper)

    def slope(self, w: Vector) -> Slope:
        return Slope((w <= self.lower) | (w >= self.upper))

    def breaks(self, w: Vector, v: Vector) -> Vector:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.concatenate([(self.lower - w) / v, (self.upper - w) / v])
        return np.sort(t[np.isfinite(t) & (t > 0)])

    def support(self, y: Vector, beyond: Vector | None = None) -> tuple[float, float]:
        y = y - (self.beyond(y) if beyond is None else beyond)
        at = np.where(y > 0, self.upper, np.where(y < 0, self.lower, 0.0))
        terms = at * y
        return float(terms.sum()), float(abs(terms).sum())

    def beyond(self, y: Vector) -> Vector:
        free = ((y > 0) & (self.upper == np.inf)) | ((y < 0) & (self.lower == -np.inf))
        return np.where(free, y, 0.0)

    def outside(self, d: Vector) -> Vector:
        low = np.where(self.lower == -np.inf, 0.0, np.minimum(d, 0.0))
        high = np.where(self.upper == np.inf, 0.0, np.maximum(d, 0.0))
        return abs(low) + high

    def endless(self, more: int) -> Intervals:
        none = np.zeros(more)
        low, high = (np.where(np.isfinite(b), 0.0, b) for b in (self.lower, self.upper))
        return Intervals(np.concatenate((low, none)), np.concatenate((high, none)))

    def scaled(self, e: Vector) -> Intervals:
        return Intervals(e * self.lower, e * self.upper)

    @property
    def sides(self) -> Vector:
        sides = np.concatenate((self.lower, self.upper))
        return sides[np.isfinite(sides)]

    def barriers(self, far: float = np.inf) -> Barriers:
        equal = self.lower == self.upper
        parts = [equal, ~equal & (self.upper < far), ~equal & (self.lower > -far)]
        rows = [np.flatnonzero(part) for part in parts]
        count = rows[1].size + rows[2].size
        signs = np.repeat([1.0, 1.0, -1.0], [each.size for each in rows])
        sides = np.concatenate((self.upper[np.concatenate(rows[:2])], self.lower[rows[2]]))
        e = rows[0].size
        cones = [Orthant(slice(e, e + count), count)] if count else []
        return Barriers(np.concatenate(rows), signs, sides, e, cones)

    @property
    def alone(self) -> Any:
        return np.full(self.lower.shape, True)


def or_one(sizes: Vector) -> Vector:
    """1 in the place of 0."""
    return np.where(sizes > 0, sizes, 1.0)
