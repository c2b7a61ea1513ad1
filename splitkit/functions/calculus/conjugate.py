"""f*(u) = sup_x ⟨u, x⟩ − f(x), with ∂f* = (∂f)⁻¹."""

from __future__ import annotations

from splitkit.backend import Array, Point
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import ATOM, FACTOR, Style


class Conjugate(Derived):
    """f* of a convex function.

    f*(u) = sup_x ⟨u, x⟩ − f(x), with ∂f* = (∂f)⁻¹.

    Source: Bauschke, Combettes (2017), Cor. 16.30.

    Examples
    --------
    >>> f = sk.functions.Logistic().conjugate
    >>> u = np.array([-0.5, -0.25])
    >>> print(f(u), f.prox(u))
    -1.2555 [-0.5    -0.4501]
    """

    binding = FACTOR
    acts_on_complex = True

    smooth_inside = False

    def __init__(self, f: Function) -> None:
        if not f.convex:
            raise TypeError(
                f"{f!r} is not convex: its conjugate is that of its convex hull, and Moreau's "
                "identity fails; use f's own prox"
            )
        self.f = f
        super().__init__(Subdifferential(f).inverse, f)

    @property
    def conjugate(self) -> Function:
        return self.f

    def make_hessian(self, x: Point) -> LinearOperator:
        """∇²f(p)⁻¹ at p = ∇f*(x)."""
        return self.f.make_hessian(self.gradient(x)).inverted()

    def __call__(self, x: Point) -> Array:
        return self.f.conjugate_value(x)

    def write(self, s: Style) -> str:
        return s(self.f, ATOM) + ("^*" if s.is_latex else "*")
