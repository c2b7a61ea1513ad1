"""The Moreau envelope f_γ(x) = min_y f(y) + ‖x − y‖²/(2γ), smooth with the minimizers of f."""

from __future__ import annotations

from splitkit.backend import Array, Point, Space, subtract
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.tilted import Tilted
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.base import LinearOperator
from splitkit.linear.identity import ScaledIdentity
from splitkit.notation import ATOM, FACTOR, Style


class MoreauEnvelope(Derived):
    """The Moreau envelope f_γ(x) = min_y f(y) + ‖x − y‖²/(2γ), smooth with the minimizers of f.

    With p = prox_{γf}(x): f_γ(x) = f(p) + ‖x − p‖²/(2γ), ∇f_γ(x) = (x − p)/γ, the Yosida
    approximation of ∂f. It is 1/γ-smooth, and m/(1 + γm)-strongly convex if f is m-strongly convex.
    The envelope of a set is its squared distance over 2γ. Its conjugate is f* + (γ/2)‖·‖². Source:
    Bauschke, Combettes (2017), §12.4, Props. 12.30, 13.24 and 24.8.

    Parameters
    ----------
    f : Function
        With a proximal map, and a value if that of f_γ is wanted.
    gamma : float, default 1
        γ, positive and finite.

    Raises
    ------
    TypeError, ValueError
        f is no convex function with a proximal map; gamma is out of range.

    Examples
    --------
    >>> f = sk.functions.MoreauEnvelope(sk.functions.L1Norm(), gamma=0.5)
    >>> x = np.array([3.0, 0.2])
    >>> print(f(x), f.gradient(x), f.prox(x))
    2.79 [1.  0.4] [2.     0.0667]
    """

    binding = FACTOR
    acts_on_complex = True

    def __init__(self, f: Function, gamma: float = 1.0) -> None:
        if not (isinstance(f, Function) and f.has_prox and f.convex):
            raise TypeError(f"f = {f!r}: give a convex function of splitkit.functions with a prox")
        super().__init__(Subdifferential(f).yosida(gamma), f)
        self.f, self.gamma = f, float(gamma)

    def __call__(self, x: Point) -> Array:
        p = self.f.prox(x, self.gamma)
        space, moved = Space.of(x, self.batch_ndim, name="x"), subtract(x, p)
        return self.f(p) + space.inner(moved, moved) / (2 * self.gamma)

    def make_hessian(self, x: Point) -> LinearOperator:
        """(I − (I + γ∇²f(p))⁻¹)/γ at p = prox_{γf}(x)."""
        H = self.f.make_hessian(self.f.prox(x, self.gamma))
        return (1 / self.gamma) * (ScaledIdentity() - H.shifted_inverse(self.gamma))

    @property
    def conjugate(self) -> Function:
        return Tilted(self.f.conjugate, rho=self.gamma)

    def write(self, s: Style) -> str:
        return s.indexed(s(self.f, ATOM), s.number(self.gamma))
