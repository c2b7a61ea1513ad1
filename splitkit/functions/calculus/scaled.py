"""c f with c > 0; the conjugate is c f*(·/c)."""

from __future__ import annotations

from splitkit.backend import Array, Point
from splitkit.functions.base import Function, check_parameter, is_positive
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.rescaled import Rescaled
from splitkit.functions.subdifferential import Subdifferential
from splitkit.notation import PRODUCT, latex, multiple, text


class Scaled(Derived):
    """x ↦ c f(x)."""

    binding = PRODUCT

    def __init__(self, c: float, f: Function) -> None:
        self.c = check_parameter("c", c, is_positive, "give a positive multiple")
        self.f = f
        super().__init__(self.c * Subdifferential(f), f)

    def __call__(self, x: Point) -> Array:
        return self.c * self.f(x)

    @property
    def conjugate(self) -> Function:
        return Scaled(self.c, Rescaled(self.f.conjugate, 1 / self.c))

    def __repr__(self) -> str:
        return multiple(self.c, text(self.f, PRODUCT))

    def latex(self) -> str:
        return multiple(self.c, latex(self.f, PRODUCT), "latex")
