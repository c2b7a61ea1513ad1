"""x ↦ f(x) + c for a number c, with the proximal map and the gradient of f."""

from __future__ import annotations

from splitkit.arguments import check_number
from splitkit.backend import Array, Point
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.sums import SumOfFunctions
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import SUM, Style


class Raised(Derived):
    """x ↦ f(x) + c for a number c, with the proximal map and the gradient of f; conjugate f* − c.

    Examples
    --------
    >>> f = sk.functions.L1Norm() + 2.0
    >>> print(f(np.array([1.0, -1.0])))
    4.0
    """

    binding = SUM
    acts_on_complex = True

    def __init__(self, f: Function, c: float) -> None:
        self.f, self.c = f, check_number("c", c)
        super().__init__(Subdifferential(f), f)

    @classmethod
    def of(cls, f: Function, c: float) -> Function:
        """f + c, without nesting; the terms of a sum stay its terms."""
        if isinstance(f, SumOfFunctions):
            return SumOfFunctions((*f.terms[:-1], cls.of(f.terms[-1], c)))
        if isinstance(f, Raised):
            c, f = f.c + c, f.f
        return f if c == 0 else cls(f, c)

    def __call__(self, x: Point) -> Array:
        return self.f(x) + self.c

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        value, slope = self.f.value_and_gradient(x)
        return value + self.c, slope

    def make_hessian(self, x: Point) -> LinearOperator:
        return self.f.make_hessian(x)

    @property
    def conjugate(self) -> Function:
        return Raised.of(self.f.conjugate, -self.c)

    def write(self, s: Style) -> str:
        return s.total([s(self.f), (s.minus if self.c < 0 else "") + s.number(abs(self.c))])
