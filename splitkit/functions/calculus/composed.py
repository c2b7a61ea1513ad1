"""f∘L."""

from __future__ import annotations

from splitkit.backend import Array, Point, Space, scale, subtract
from splitkit.functions.base import Function, zero_or_inf
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.notation import FACTOR, PRODUCT, Style


class Composed(Derived):
    """x ↦ f(Lx).

    f∘L; if LLᵀ = νI its conjugate at u is f*(ν⁻¹Lu) where u is in the range of Lᵀ, else inf.

    Source: Bauschke, Combettes (2017), Prop. 24.14.

    Examples
    --------
    >>> f = sk.functions.SquaredL2() @ np.array([[1.0, 2.0]])
    >>> x = np.array([1.0, 1.0])
    >>> print(f(x), f.gradient(x), f.smoothness)
    4.5 [3. 6.] 5.
    """

    binding = PRODUCT
    acts_on_complex = True

    def __init__(self, f: Function, L: LinearOperator) -> None:
        self.f, self.L = f, L
        super().__init__(Subdifferential(f).pullback(L), f)
        self.sublinear = f.sublinear

    def with_accuracy(self, accuracy: float | None) -> Function:
        """The same function with a prox for any L, by iteration to this accuracy where there is no
        closed form; see ``InexactComposition``.
        """
        # which imports this file
        from splitkit.functions.calculus.inexact_composition import InexactComposition

        if self.has_prox:
            return self
        return InexactComposition(self.f, self.L, accuracy=accuracy)

    def __call__(self, x: Point) -> Array:
        return self.f(self.L(x))

    def value_and_gradient(self, x: Point) -> tuple[Array, Point]:
        value, slope = self.f.value_and_gradient(self.L(x))
        return value, self.L.adjoint(slope)

    def make_hessian(self, x: Point) -> LinearOperator:
        return self.L.T @ self.f.make_hessian(self.L(x)) @ self.L

    def conjugate_value(self, u: Point) -> Array:
        nu = self.L.gram
        if not nu:
            raise TypeError(
                f"{self!r} has a conjugate in closed form only if LLᵀ = νI with ν > 0: give f and "
                "L to a primal-dual method, by solve or minimize"
            )
        v = scale(1 / nu, self.L(u))
        space = Space.of(u, self.batch_ndim, name="u")
        beyond = space.norm(subtract(u, self.L.adjoint(v)))
        return self.f.conjugate(v) + zero_or_inf(beyond, space.norm(u))

    def write(self, s: Style) -> str:
        within = self.f.at(rf"{s(self.L, FACTOR)}\,\cdot") if s.is_latex else None
        return within or s(self.f, PRODUCT) + s.after + s(self.L, FACTOR)
