"""An operator at a case (x, y, α, β), with the values that checks ask for; cases of every scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.backend import Array, Point
from splitkit.operators.base import Operator
from splitkit.testing._place import Place
from splitkit.testing._suite import Case
from splitkit.testing.strategies import STEPS, scales

SEARCHED_STEP = 1.0  # the step size at which the search looks at resolvents


@dataclass(frozen=True)
class At:
    """A at a case; values are computed once, and only if a check asks for them."""

    A: Operator
    place: Place
    x: Point
    y: Point
    alpha: float
    beta: float

    @classmethod
    def of(cls, A: Operator, place: Place, case: Case) -> At:
        """A at the case (x, y, α, β)."""
        return cls(A, place, *case)

    @property
    def R(self) -> Operator:
        """R_{αA}."""
        return self.place.resolvent(self.A, self.alpha)

    @property
    def C(self) -> Operator:
        """C_{αA}."""
        return self.place.cayley(self.A, self.alpha)

    @cached_property
    def p(self) -> Point:
        """R x."""
        return self.R(self.x)

    @cached_property
    def q(self) -> Point:
        """R y."""
        return self.R(self.y)

    @cached_property
    def Cx(self) -> Point:
        """C x."""
        return self.C(self.x)

    @cached_property
    def Cy(self) -> Point:
        """C y."""
        return self.C(self.y)

    @cached_property
    def Ax(self) -> Point:
        """A x."""
        return self.A(self.x)

    @cached_property
    def Ay(self) -> Point:
        """A y."""
        return self.A(self.y)

    @cached_property
    def sizes(self) -> Array:
        """‖x‖ + ‖Rx‖."""
        return self.place.size(self.x) + self.place.size(self.p)

    @cached_property
    def gain(self) -> float:
        """L, 1 if it is unknown."""
        return known(self.A.lipschitz)

    def offset(self, alpha: float) -> Array:
        """What a resolvent adds to its argument, whose rounding stays where it cancels."""
        place, A = self.place, self.A
        at_zero = place.size(place.resolvent(A, alpha)(place.zero))
        return at_zero + alpha * place.size(A(place.zero)) if A.has_evaluation else at_zero


def known(constant: float | None) -> float:
    """The constant, 1 if it is unknown."""
    return 1.0 if constant is None else constant


def fixed_case(place: Place, effort: int, seed: int) -> Iterator[Case]:
    """One case, for what need not be looked at twice."""
    yield from spread(place, 1, seed)


def spread(place: Place, count: int, seed: int) -> Iterator[Case]:
    """Random cases that take every scale and every step size in turn."""
    rng, sizes = np.random.default_rng(seed), scales(place.is_double)
    for k in range(count):
        x, y = sizes[k % len(sizes)] * rng.standard_normal((2, place.flat.size))
        yield place.flat.point(x), place.flat.point(y), *two_step_sizes(k)


def two_step_sizes(k: int) -> tuple[float, float]:
    """The k-th pair of different step sizes."""
    return STEPS[k % len(STEPS)], STEPS[(k + 1 + k // len(STEPS)) % len(STEPS)]


def replay_options(place: Place, batch_ndim: int) -> dict[str, Any]:
    """The options of ``replay`` that are not the default."""
    found: dict[str, Any] = {} if place.is_double else {"dtype": place.dtype}
    if place.device is not None:
        found["device"] = place.device
    return found | ({"batch_ndim": batch_ndim} if batch_ndim else {})
