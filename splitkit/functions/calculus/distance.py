"""The distance to a closed convex set, d(x) = ‖x − P(x)‖, and half its square."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE, check_number
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    inner,
    lincomb,
    namespace,
    norm,
    scale,
    subtract,
)
from splitkit.functions.base import (
    Function,
    Indicator,
    Modified,
    zero_or_inf,
)
from splitkit.functions.calculus.moreau_envelope import MoreauEnvelope
from splitkit.notation import ATOM, Notation


class Distance(Modified):
    """w times the distance to a set.

    The distance to a closed convex set, d(x) = ‖x − P(x)‖, and half its square.

    prox_{αwd}(y) = y + min(αw/d(y), 1)(P(y) − y); (wd)* is the support function σ_C on ‖u‖ ≤ w,
    else inf. (w/2)d² is the envelope of the set's indicator, with gradient w(x − P(x)). Source:
    Bauschke, Combettes (2017), Prop. 24.8(ix), Ex. 13.24, Cor. 12.31; Parikh, Boyd, *Proximal
    Algorithms* (2014), §6.3.

    Parameters
    ----------
    C : Indicator
        A closed convex set.
    weight : float, default 1
        Positive and finite.

    Raises
    ------
    TypeError, ValueError
        C is no convex set, or the weight no such number.

    Examples
    --------
    >>> f = sk.functions.Distance(sk.functions.NonNegative())
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    1.0 [3.  0.  0.5]
    """

    formula = r"<weight*>d_{<C>}"
    acts_on_complex = True

    def __init__(self, C: Indicator, weight: float = 1.0) -> None:
        super().__init__(_convex_set(C))
        self.C, self.elementwise = C, False
        self.weight = check_number("weight", weight, POSITIVE)

    def __call__(self, x: Point) -> Array:
        return self.weight * norm(subtract(x, self.C.project(x)), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        nearest = self.C.project(x)
        distance = norm(subtract(x, nearest), self.batch_ndim)
        mass = alpha * self.weight + 0.0 * distance
        part = mass / namespace(distance).where(distance > mass, distance, mass)  # min(αw/d, 1)
        return lincomb(1 - part, x, part, nearest)

    def conjugate_value(self, u: Point) -> Array:
        size = norm(u, self.batch_ndim)
        return self.C.conjugate(u) + zero_or_inf(size - self.weight, size)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        # what the prox of σ_C returns, shortened to the ball: α d_C(x/α) is its length
        normal = self.C.conjugate_prox(x, alpha)
        size = norm(normal, self.batch_ndim)
        longer = size > self.weight
        factor = namespace(size).where(
            longer, self.weight / namespace(size).where(longer, size, 1.0), 1.0
        )
        return scale(factor, normal)

    def check_space(self, space: Space) -> None:
        Function.check_space(self, space)
        super().check_space(space)

    def __repr__(self) -> str:
        return f"Distance({self.C!r}, {self.weight:g})"


class SquaredDistance(MoreauEnvelope):
    """w/2 times the squared distance to a set; w-smooth.

    Parameters
    ----------
    C, weight
        As for ``Distance``.

    Examples
    --------
    >>> f = sk.functions.SquaredDistance(sk.functions.NonNegative())
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    0.5 [ 3.  -0.5  0.5]
    """

    formula = r"\frac{<weight>}{2}d_{<C>}^2"
    binding = ATOM
    latex = Notation.latex
    acts_on_complex = True

    def __init__(self, C: Indicator, weight: float = 1.0) -> None:
        self.C = _convex_set(C)
        self.weight = check_number("weight", weight, POSITIVE)
        super().__init__(C, 1 / self.weight)

    def __call__(self, x: Point) -> Array:
        d = subtract(x, self.C.project(x))
        return self.weight / 2 * inner(d, d, self.batch_ndim)

    def __repr__(self) -> str:
        return f"SquaredDistance({self.C!r}, {self.weight:g})"


def _convex_set(C: Any) -> Indicator:
    if not isinstance(C, Indicator) or not C.convex:
        raise TypeError(f"C = {C!r}: give a convex set, such as splitkit.functions.NonNegative()")
    return C
