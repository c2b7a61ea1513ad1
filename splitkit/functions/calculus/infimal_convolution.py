"""(f □ g)(x) = min_z f(z) + g(x − z), with conjugate f* + g*."""

from __future__ import annotations

from splitkit.backend import Array, Point, is_array
from splitkit.functions.base import Function
from splitkit.functions.calculus.derived import Derived
from splitkit.functions.calculus.moreau_envelope import MoreauEnvelope
from splitkit.functions.losses.squared_l2 import SquaredL2
from splitkit.functions.subdifferential import Subdifferential
from splitkit.notation import PRODUCT, SUM, Style


class InfimalConvolution(Derived):
    """f □ g, known through its conjugate; make it with ``InfimalConvolution.of``.

    To minimize it, minimize f(z) + g(x − z) over x and z.

    (f □ g)(x) = min_z f(z) + g(x − z), with conjugate f* + g*.

    It is as smooth as the smoother of the two. Value and prox have no formula in general; where one
    of the two is (w/2)‖·‖² it is the envelope of the other. Source: Bauschke, Combettes (2017),
    Prop. 12.14, 13.24, 18.7.

    Examples
    --------
    >>> f, g = sk.functions.L1Norm(), sk.functions.SquaredL2()
    >>> h = sk.functions.InfimalConvolution.of(f, g)  # Huber's
    >>> x = np.array([3.0, 0.5])
    >>> print(h(x), h.gradient(x))
    2.625 [1.  0.5]
    """

    binding = SUM
    acts_on_complex = True

    smooth_inside = False

    def __init__(self, f: Function, g: Function) -> None:
        for part in (f, g):
            if not part.convex:
                raise TypeError(f"{part!r} is not convex: the conjugate of f □ g would be wrong")
        self.f, self.g = f, g
        super().__init__(Subdifferential(f).parallel(Subdifferential(g)), f, g)

    @classmethod
    def of(cls, f: Function, g: Function) -> Function:
        """f □ g in its simplest form.

        Raises
        ------
        TypeError
            f or g is not convex.
        """
        for quadratic, other in ((f, g), (g, f)):
            if _is_square(quadratic) and other.has_prox:
                return MoreauEnvelope(other, 1 / quadratic.strong_convexity)
        return cls(f, g)

    def __call__(self, x: Point) -> Array:
        raise TypeError(f"the value of {self!r} has no formula: minimize f(z) + g(x − z) over z")

    @property
    def conjugate(self) -> Function:
        return self.f.conjugate + self.g.conjugate

    def write(self, s: Style) -> str:
        return s(self.f, PRODUCT) + s.parallel + s(self.g, PRODUCT)


def _is_square(f: Function) -> bool:
    return (
        isinstance(f, SquaredL2)
        and f.center is None
        and not is_array(f.weight)
        and f.strong_convexity > 0
    )
