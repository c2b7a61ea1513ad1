"""Second derivatives as symmetric linear maps, with what f says of them: mI ⪯ ∇²f(x) ⪯ LI.

Of φ(|z|), even in each entry of complex z = |z|e, over the pairs (Re, Im),

    d ↦ φ′(|z|)/|z| · d + (φ″(|z|) − φ′(|z|)/|z|) Re(ēd) e,

with φ″(0) for φ′(|z|)/|z| at 0.
"""

from __future__ import annotations

import math
from functools import cached_property

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    extremes as entry_extremes,
    namespace,
    products,
)
from splitkit.linear.base import LinearOperator, SymmetricMap, require_number
from splitkit.operators.base import PointMap
from splitkit.properties import Properties


class SecondDerivative(SymmetricMap):
    """d ↦ ∇²f(x)d, of a function known to be m-strongly convex (or weakly, m < 0) and L-smooth."""

    acts_on_complex = True

    def __init__(self, product: PointMap, space: Space, m: float, L: float | None) -> None:
        self.product, self.shapes = product, space.shapes
        self.norm = math.inf if L is None else max(L, -m)
        self.properties = Properties.of(
            strong_monotonicity=None if m == -math.inf else m,
            lipschitz=None if self.norm == math.inf else self.norm,
            gradient=True,
            linear=True,
        )

    def __call__(self, x: Point) -> Point:
        return self.product(x)

    def check_space(self, space: Space, name: str = "L") -> None:
        if space.shapes != self.shapes:
            raise ValueError(
                f"{name} = {self!r} is taken at a point of shapes {self.shapes}: it acts on "
                f"directions like it, got {space.shapes}"
            )

    def __repr__(self) -> str:
        return "∇²f(x)"


class OfModuli(SymmetricMap):
    """That of an even f at complex points, of φ″ and φ′/|z|; its inverses are of its kind."""

    acts_on_complex = True
    solver = "entry by entry"

    def __init__(self, along: Array, across: Array, unit: Array) -> None:
        self.along, self.across, self.unit = along, across, unit

    @cached_property
    def _range(self) -> tuple[float, float]:
        ends = [end for each in (self.along, self.across) for end in entry_extremes(each)]
        return min(ends), max(ends)

    @cached_property
    def norm(self) -> float:
        return max(map(abs, self._range))

    @cached_property
    def properties(self) -> Properties:
        return self.square_properties(self._range[0], symmetric=True)

    def __call__(self, x: Point) -> Point:
        radial = (self.along - self.across) * products(self.unit, x)
        return self.across * x + radial * self.unit

    def inverted(self) -> LinearOperator:
        return OfModuli(1 / self.along, 1 / self.across, self.unit)

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        require_number(alpha, self)
        return OfModuli(1 / (1 + alpha * self.along), 1 / (1 + alpha * self.across), self.unit)

    def __repr__(self) -> str:
        return "∇²f(x)"


def of_moduli(curvature: Array, slope: Array, size: Array, x: Array) -> LinearOperator:
    """That of φ″ = curvature and φ′ = slope at the moduli of x."""
    xp = namespace(x)
    away = size > 0
    safe = xp.where(away, size, 1.0)
    unit = xp.where(away, x / safe, xp.ones_like(x))
    return OfModuli(curvature, xp.where(away, slope / safe, curvature), unit)
