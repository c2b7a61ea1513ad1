"""f₁(x₁) + … + fₙ(xₙ) on tuples."""

from __future__ import annotations

from collections.abc import Sequence

from splitkit.backend import Array, Point
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockDiagonalMap
from splitkit.notation import PRODUCT, Style
from splitkit.operators.block import BlockDiagonal


class SeparableSum(Derived):
    """f₁(x₁) + … + fₙ(xₙ) on tuples of arrays.

    f₁(x₁) + … + fₙ(xₙ) on tuples; the conjugate is f₁*(u₁) + … + fₙ*(uₙ).

    Parameters
    ----------
    *functions : Function, or one sequence of them
        One for each block.

    Examples
    --------
    >>> f = sk.functions.SeparableSum(sk.functions.L1Norm(), sk.functions.NonNegative())
    >>> f.prox((np.array([3.0, 0.5]), np.array([-1.0, 2.0])))
    (array([2., 0.]), array([0., 2.]))
    """

    acts_on_complex = True

    def __init__(self, *functions: Function | Sequence[Function]) -> None:
        given = functions[0] if len(functions) == 1 else functions
        blocks = tuple(given) if isinstance(given, Sequence) else (given,)
        if not blocks or not all(isinstance(f, Function) for f in blocks):
            raise TypeError(f"functions = {given!r}: give a non-empty sequence of functions")
        self.functions: tuple[Function, ...] = blocks  # type: ignore[assignment]
        super().__init__(
            BlockDiagonal([Subdifferential(f) for f in self.functions]), *self.functions
        )
        self.sublinear = all(f.sublinear for f in self.functions)

    def __call__(self, x: Point) -> Array:
        values = [f(block) for f, block in zip(self.functions, x, strict=True)]
        return sum(values[1:], start=values[0])

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        pairs = zip(self.functions, x, strict=True)
        values, slopes = zip(*(f.value_and_gradient(block) for f, block in pairs), strict=True)
        return sum(values[1:], start=values[0]), slopes

    def make_hessian(self, x: Point) -> LinearOperator:
        pairs = zip(self.functions, x, strict=True)
        return BlockDiagonalMap([f.make_hessian(block) for f, block in pairs])

    @property
    def conjugate(self) -> Function:
        return SeparableSum([f.conjugate for f in self.functions])

    def write(self, s: Style) -> str:
        if s.is_latex:
            return s.grouped(r" \oplus ".join(s(f, PRODUCT) for f in self.functions))
        return "SeparableSum" + s.grouped(", ".join(map(s, self.functions)))
