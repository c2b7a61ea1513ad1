"""An operator made of a user's functions."""

from __future__ import annotations

from collections.abc import Callable

from splitkit.backend import Point, Scalar
from splitkit.notation import Style
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties


class CallableOperator(Operator):
    """x ↦ f(x), with resolvent (y, α) ↦ r(y, α); see ``Operator.from_callable``.

    An operator made of a user's functions.

    Examples
    --------
    >>> A = sk.Operator.from_callable(lambda x: x**3, monotone=True)
    >>> print(A(np.array([2.0, -1.0])), A.properties.monotone)
    [ 8. -1.] True
    """

    acts_on_complex = True

    properties: Properties

    def __init__(
        self,
        f: PointMap | None,
        resolvent: Callable[[Point, Scalar], Point] | None,
        properties: Properties,
        name: str,
    ) -> None:
        if f is None and resolvent is None:
            raise TypeError("from_callable needs a function f, a resolvent, or both")
        for argument, value in (("f", f), ("resolvent", resolvent)):
            if value is not None and not callable(value):
                raise TypeError(f"{argument} = {value!r} is not callable")
        self.f, self.r, self.properties = f, resolvent, properties
        self.name = name

    @property
    def has_evaluation(self) -> bool:
        return self.f is not None

    @property
    def has_resolvent(self) -> bool:
        return self.r is not None

    def __call__(self, x: Point) -> Point:
        return super().__call__(x) if self.f is None else self.f(x)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        r = self.r
        return super().make_resolvent(alpha) if r is None else lambda y: r(y, alpha)

    def write(self, s: Style) -> str:
        return s.name(self.name)
