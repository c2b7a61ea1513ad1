"""c f with c > 0."""

from __future__ import annotations

from splitkit.arguments import NONZERO, POSITIVE, check_number
from splitkit.backend import Array, Point, scale
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.rescaled import Rescaled
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import PRODUCT, Style


class Scaled(Derived):
    """x ↦ c f(x).

    c f with c > 0; the conjugate is c f*(·/c).

    Where ∇f is affine, f = (ρ/2)‖·‖² + ⟨a, ·⟩ + const, c may be negative: c f then has a gradient,
    and constants, of its own.

    Examples
    --------
    >>> f = 2.0 * sk.functions.L1Norm()
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    9.0 [1. 0. 0.]
    """

    binding = PRODUCT
    acts_on_complex = True

    def __init__(self, c: float, f: Function) -> None:
        within = NONZERO if f.has_affine_gradient else POSITIVE
        self.f, self.c = f, check_number("c", c, within)
        super().__init__(self.c * Subdifferential(f), f)
        self.sublinear = f.sublinear and self.c > 0
        self.supercoercive = f.supercoercive
        self.convex = f.convex if self.c > 0 else self.strong_convexity >= 0

    def __call__(self, x: Point) -> Array:
        return self.c * self.f(x)

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        value, slope = self.f.value_and_gradient(x)
        return self.c * value, scale(self.c, slope)

    def make_hessian(self, x: Point) -> LinearOperator:
        return self.c * self.f.make_hessian(x)

    @property
    def conjugate(self) -> Function:
        if self.c < 0:
            return super().conjugate
        return Scaled(self.c, Rescaled(self.f.conjugate, 1 / self.c))

    def write(self, s: Style) -> str:
        return s.multiple(self.c, s(self.f, PRODUCT))
