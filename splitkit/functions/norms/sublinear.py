"""Sublinear f, f(tx) = tf(x) for t ≥ 0, is the support function of C = ∂f(0)."""

from __future__ import annotations

from typing import Any, ClassVar

from splitkit.backend import Array, Point, Space, subtract, with_derivative
from splitkit.functions.base import Function, Indicator, Modified


class Sublinear(Function):
    """A convex function with f(tx) = tf(x) for t ≥ 0, such as a norm.

    Attributes
    ----------
    finite : bool
        Known to be finite everywhere.
    """

    finite: ClassVar[bool] = True
    sublinear = True

    @property
    def conjugate(self) -> Function:
        return SupportedSet(self)

    def conjugate_value(self, u: Point) -> Array:
        return self.conjugate(u)


class SupportedSet(Modified, Indicator):
    """C = {u: ⟨u, x⟩ ≤ f(x) for all x}, the set that f is the support function of.

    Sublinear f, f(tx) = tf(x) for t ≥ 0, is the support function of C = ∂f(0); f* is C's indicator.

    P_C(x) = x − prox_f(x) (Moreau), so that ‖prox_f(x)‖ is the distance to C.
    Source: Bauschke, Combettes (2017), Prop. 16.18 and Thm. 14.3; Rockafellar, *Convex Analysis*
    (1970), Thm. 13.2.

    Parameters
    ----------
    f : Function
        Known to be sublinear, with a prox; the projection is as accurate.

    Raises
    ------
    TypeError
        f is not known to be sublinear, or has no prox.

    Examples
    --------
    >>> C = sk.functions.L1Norm().conjugate
    >>> C, C.project(np.array([2.0, 0.5]))
    (Box(lower=-1, upper=1), array([1. , 0.5]))
    """

    formula = r"\partial (<f>)(0)"
    acts_on_complex = True

    def __init__(self, f: Function) -> None:
        if not isinstance(f, Function) or not (f.convex and f.sublinear):
            raise TypeError(
                f"f = {f!r} is not known to be sublinear: its conjugate, f.conjugate, may be no set"
            )
        if not f.has_prox:
            raise TypeError(
                f"f = {f!r} has no proximal map in closed form: the projection is x − prox_f(x)"
            )
        super().__init__(f)
        if isinstance(f, Sublinear):
            self.bounded = f.finite  # type: ignore[misc]
        elif isinstance(known := f.conjugate, Indicator):
            self.bounded = known.bounded  # type: ignore[misc]

    def project(self, x: Point) -> Point:
        near = subtract(x, self.f.prox(x))
        # the second projection takes out the rounding of x, which may be large beside the first
        found = subtract(near, self.f.prox(near))
        return with_derivative(found, (x,), lambda: near)

    def violation(self, x: Point) -> Array:
        return Space.of(x, self.batch_ndim, name="x").norm(self.f.prox(x))

    @property
    def conjugate(self) -> Function:
        return self.f

    def conjugate_value(self, u: Point) -> Array:
        return self.f(u)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        from splitkit.functions.norms.sorted_l1 import SortedL1  # which imports this file

        return [(cls(SortedL1(asarray([2.0, 0.7, 0.0]), batch_ndim=1)), (2, 3))]
