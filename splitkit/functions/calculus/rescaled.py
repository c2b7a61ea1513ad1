"""x ↦ f(sx), s ≠ 0."""

from __future__ import annotations

from splitkit.arguments import NONZERO, check_parameter
from splitkit.backend import Array, Point, Scalar, is_array, scale
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.linear.diagonal import Diagonal
from splitkit.notation import ATOM, FACTOR, Style


class Rescaled(Derived):
    """x ↦ f(sx), or f(s ⊙ x) for an array s and a function of each entry by itself.

    x ↦ f(sx), s ≠ 0; the conjugate is f*(·/s). Source: Bauschke, Combettes (2017), Prop. 24.8(v).

    Parameters
    ----------
    f : Function
    s : float or array
        Finite, no entry 0. An array has dtype and device of x and broadcasts to it; f must then be
        elementwise.

    Raises
    ------
    TypeError, ValueError
        s is no such number or array, or f couples entries that s scales differently.

    Examples
    --------
    >>> f = sk.functions.Rescaled(sk.functions.L1Norm(), 2.0)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    9.0 [1. 0. 0.]
    """

    binding = FACTOR
    parameters = ("s",)
    acts_on_complex = True

    def __init__(self, f: Function, s: Scalar) -> None:
        self.f, self.s = f, check_parameter("s", s, NONZERO)
        A = Subdifferential(f)
        if not is_array(self.s):
            super().__init__(A.scale_argument(self.s), f)
        elif f.elementwise:
            super().__init__(A.pullback(Diagonal(self.s)), f)
        else:
            raise ValueError(f"s is an array, but {f!r} couples entries: give a number")

    def __call__(self, x: Point) -> Array:
        return self.f(self.s * x if is_array(self.s) else scale(self.s, x))

    def make_hessian(self, x: Point) -> LinearOperator:
        s = self.s
        if not is_array(s):
            return float(s * s) * self.f.make_hessian(scale(s, x))
        D = Diagonal(s)
        return D @ self.f.make_hessian(s * x) @ D

    @property
    def conjugate(self) -> Function:
        return Rescaled(self.f.conjugate, 1 / self.s)

    def write(self, s: Style) -> str:
        factor = "s" if is_array(self.s) else s.number(self.s)
        return f"{s(self.f, ATOM)}({factor}{s.space}{s.dot})"
