"""An operator A at a case (x, y, α, β): the maps A, R = (I + αA)⁻¹ and C = 2R − I, measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, TypeAlias

from splitkit.operators.base import Operator
from splitkit.testing._at import At, NamedMap, Places
from splitkit.testing._measured import Measured, Rows
from splitkit.testing._suite import Case

MeasuredMap: TypeAlias = Callable[[Measured], Measured]

SEARCHED_STEP = 1.0  # the step size at which the search looks at resolvents


class AtOperator(At):
    """A at a case; the values of its maps are computed once."""

    def __init__(self, thing: Any, places: Places, case: Case, A: Operator | None = None) -> None:
        super().__init__(thing, places, case)
        self.A: Operator = thing if A is None else A  # what stands for the thing
        self.gain = 1.0 if self.A.lipschitz is None else self.A.lipschitz

    @cached_property
    def F(self) -> MeasuredMap:
        """x ↦ A(x), for x as it is: its rounding reaches the value L times."""
        return cache(lambda z: Measured.of(self.place, self.A(z.value), self.gain * z.size))

    @cached_property
    def R(self) -> MeasuredMap:
        """R_{αA}."""
        return cache(self.resolvent(self.alpha))

    @cached_property
    def C(self) -> MeasuredMap:
        """C_{αA}."""
        return cache(self.through(self.place.cayley(self.A, self.alpha), self.offset(self.alpha)))

    def resolvent(self, step: float) -> MeasuredMap:
        """R_{step A}."""
        return self.through(self.place.resolvent(self.A, step), self.offset(step))

    def through(self, B: Operator, offset: Rows | float = 0.0) -> MeasuredMap:
        """B, a resolvent or its like, which keeps the rounding of its argument."""
        return lambda z: Measured.of(self.place, B(z.value), z.terms + offset)

    def offset(self, step: float) -> Rows:
        """What a resolvent adds to its argument, whose rounding stays where it cancels."""
        return self.place.once(("offset", id(self.A), step), lambda: self._offset(step))

    def _offset(self, step: float) -> Rows:
        place, A = self.place, self.A
        at_zero = Measured.of(place, place.resolvent(A, step)(place.zero)).size
        if not A.has_evaluation:
            return at_zero
        return at_zero + step * Measured.of(place, A(place.zero)).size

    def maps(self, thing: Any) -> list[NamedMap]:
        """A and R, where they are known."""
        found: list[NamedMap] = []
        if thing.has_evaluation:
            found.append(("A(x)", thing, self.x, self.place))
        if thing.has_resolvent:
            found.append(("R_{αA}x", thing.resolvent(self.alpha), self.x, self.place))
        return found
