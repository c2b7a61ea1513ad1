"""The functions of a sum Σ fᵢ(Lᵢx) whose subdifferentials the terms of an inclusion are: its value,
which is the objective, and their conjugates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from splitkit.backend import Array, Point
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.operators.pullback import Pullback
from splitkit.solvers.potentials import SlopeAlone, nearby_value, potential
from splitkit.solvers.rewrites import as_composition, flatten
from splitkit.solvers.terms import Term, columns


class NoValueError(TypeError):
    """A function has no value, or no conjugate, that is known."""


@dataclass(frozen=True)
class Summand:
    """f(Lx) of the sum; L None: the identity."""

    f: Function
    L: LinearOperator | None
    smooth: bool
    dual: bool = False  # whether the method's dual point is its y
    block: int | None = None  # or that block of it

    def at(self, x: Point) -> Point:
        """Lx."""
        return x if self.L is None else self.L(x)

    def pulled(self, y: Point) -> Point:
        """Lᵀy."""
        return y if self.L is None else self.L.adjoint(y)

    def value(self, z: Point, size: Array | None, batch_ndim: int) -> tuple[Array, Array]:
        """f(z), z = Lx, and how far the nearest point is at which it has that value, beside x of
        this size, or beside z alone.
        """
        gain = 1.0 if self.L is None or size is None else self.L.norm
        beside = None if size is None or gain == math.inf else gain * size
        try:
            return nearby_value(self.f, z, batch_ndim, beside)
        except (NotImplementedError, TypeError) as error:
            raise NoValueError(f"the value of {self.f!r}: {error}") from error

    def conjugate(
        self, y: Point, batch_ndim: int, size: Array | None = None
    ) -> tuple[Array, Array]:
        """f*(y), and how far the nearest point is at which it has that value, beside y, or beside
        what y is made of, of this size.
        """
        try:
            return nearby_value(self.f.conjugate, y, batch_ndim, size)
        except (NotImplementedError, TypeError) as error:
            raise NoValueError(f"the conjugate of {self.f!r}, or its gradient: {error}") from error

    def absorbs(self, y: Point, batch_ndim: int) -> bool:
        """Whether y may be what others leave: L is the identity, and f* has a value."""
        if self.L is not None or isinstance(self.f, SlopeAlone):
            return False
        try:
            nearby_value(self.f.conjugate, y, batch_ndim)
        except (NotImplementedError, TypeError):
            return False
        return True


def summands(terms: Sequence[Term], convex: bool = True) -> list[Summand]:
    """The functions whose subdifferentials the terms are, all of them convex unless they need not
    be.
    """
    found: list[Summand] = []
    for term in terms:
        if term.is_zero:
            continue
        if term.of is not None:
            found += _composed(term.operator, term.of, convex)
            continue
        for A in flatten(term.operator)[0]:
            composed = as_composition(A) if A.has_evaluation else None
            if composed is None:
                found.append(Summand(potential(A, convex), None, A.has_evaluation))
            else:
                found.append(Summand(potential(composed[0], convex), composed[1], smooth=True))
    return found


def _composed(B: Operator, L: LinearOperator, convex: bool) -> list[Summand]:
    """Of LᵀBL; of a column each row, whose constraints have sizes of their own."""
    parts = columns(Pullback(B, L))
    if len(parts) == 1:
        return [Summand(potential(B, convex), L, smooth=False, dual=True)]
    return [
        Summand(
            potential(B, convex), None if L.multiple == 1 else L, smooth=False, dual=True, block=i
        )
        for i, (B, L) in enumerate(parts)
    ]
