"""Bases of the operators that are made of others: they can do what their parts can."""

from __future__ import annotations

from functools import cached_property

from splitkit.backend import Space
from splitkit.operators.base import Operator
from splitkit.properties import Properties


class OfOne(Operator):
    """An operator made of one other, A, on the points that A acts on, with A's properties unless
    a subclass knows others.
    """

    acts_on_complex = True

    def __init__(self, A: Operator) -> None:
        self.A = A

    @cached_property
    def properties(self) -> Properties:
        return self.A.properties

    @property
    def elementwise(self) -> bool:
        return self.A.elementwise

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent

    @property
    def resolved_by(self) -> str | None:
        return self.A.resolved_by

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        return self.A.resolvent_effort

    def check_space(self, space: Space) -> None:
        self.A.check_space(space)


class OfMany(Operator):
    """An operator made of several others, which can be evaluated if all of them can."""

    acts_on_complex = True

    def __init__(self, parts: tuple[Operator, ...]) -> None:
        self.parts = parts

    @property
    def elementwise(self) -> bool:
        return all(A.elementwise for A in self.parts)

    @property
    def has_evaluation(self) -> bool:
        return all(A.has_evaluation for A in self.parts)

    def check_space(self, space: Space) -> None:
        for A in self.parts:
            A.check_space(space)
