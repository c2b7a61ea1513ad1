"""f₁ + … + fₙ; the conjugate is the closure of f₁* □ … □ fₙ*."""

from __future__ import annotations

from functools import reduce

from splitkit.backend import Array, Point
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.infimal_convolution import InfimalConvolution
from splitkit.functions.subdifferential import Subdifferential
from splitkit.notation import SUM, Style
from splitkit.operators.sum import Sum


class SumOfFunctions(Derived):
    """f₁ + … + fₙ; it has a gradient if all terms have, and no prox of its own.

    The conjugate has a value where ``InfimalConvolution.of`` finds one.
    """

    binding = SUM

    def __init__(self, terms: tuple[Function, ...]) -> None:
        self.terms = terms
        super().__init__(Sum(tuple(Subdifferential(f) for f in terms)), *terms)
        self.convex = self.convex or self.strong_convexity >= 0

    @classmethod
    def of(cls, f: Function, g: Function) -> SumOfFunctions:
        """f + g, without nesting."""
        left = f.terms if isinstance(f, SumOfFunctions) else (f,)
        right = g.terms if isinstance(g, SumOfFunctions) else (g,)
        return cls(left + right)

    def __call__(self, x: Point) -> Array:
        return sum((f(x) for f in self.terms[1:]), start=self.terms[0](x))

    @property
    def conjugate(self) -> Function:
        return reduce(InfimalConvolution.of, (f.conjugate for f in self.terms))

    def write(self, s: Style) -> str:
        return s.total(map(s, self.terms))
