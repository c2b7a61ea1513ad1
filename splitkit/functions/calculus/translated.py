"""x ↦ f(x − v)."""

from __future__ import annotations

from splitkit.backend import Array, Point, norm, subtract
from splitkit.functions.base import ROUNDINGS, Function, Indicator
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.tilted import Tilted
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import ATOM, FACTOR, Style


class Translated(Derived):
    """x ↦ f(x − v); the conjugate is u ↦ f*(u) + ⟨v, u⟩.

    Examples
    --------
    >>> f = sk.functions.L1Norm().translate(np.array([1.0, 1.0]))
    >>> x = np.array([3.0, 0.5])
    >>> print(f(x), f.prox(x))
    2.5 [2. 1.]
    """

    binding = FACTOR
    parameters = ("v",)
    acts_on_complex = True

    def __init__(self, f: Function, v: Point) -> None:
        self.f, self.v = f, v
        super().__init__(Subdifferential(f).translate(v), f)
        self.supercoercive = f.supercoercive

    def __call__(self, x: Point) -> Array:
        moved = subtract(x, self.v)
        if isinstance(self.f, Indicator):  # whose constraints see the rounding of x and v
            return self.f.within(moved, ROUNDINGS, norm(x, self.batch_ndim))
        return self.f(moved)

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        return self.f.value_and_gradient(subtract(x, self.v))

    def make_hessian(self, x: Point) -> LinearOperator:
        return self.f.make_hessian(subtract(x, self.v))

    @property
    def conjugate(self) -> Function:
        return Tilted(self.f.conjugate, self.v)

    def write(self, s: Style) -> str:
        moved = self.f.at(r"(\cdot - v)") if s.is_latex else None
        if moved is not None:
            return moved
        return f"{s(self.f, ATOM)}({s.dot} {s.minus} v)"
