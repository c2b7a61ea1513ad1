"""The duality gap of min f(x) + g(Lx), with the dual problem max −f*(−Lᵀy) − g*(y).

gap(x, y) = f(x) + g(Lx) + f*(−Lᵀy) + g*(y) ≥ 0, and 0 exactly at a pair of solutions where strong
duality holds. By Fenchel-Young it bounds f(x) + g(Lx) − min from above at any y.

Source: Bauschke, Combettes (2017), Def. 15.19, Thm. 15.23.
"""

from __future__ import annotations

from splitkit.backend import Array, Point, scale
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator


def duality_gap(
    f: Function, g: Function, x: Point, y: Point, L: LinearOperator | None = None
) -> Array:
    """f(x) + g(Lx) + f*(−Lᵀy) + g*(y), of batch shape; inf where x or y is not feasible.

    Parameters
    ----------
    f, g : Function
        With conjugates that have values.
    x, y : point
        A primal point and a dual one, such as the two parts of ``Solution.u`` of a primal-dual
        method. Rounding of y may leave the domain of a conjugate that is an indicator.
    L : LinearOperator, optional
        Default: the identity.

    Raises
    ------
    TypeError
        The value of a conjugate has no formula here.

    Examples
    --------
    >>> f, g = sk.functions.SquaredL2(center=np.array([3.0, 0.5])), sk.functions.L1Norm()
    >>> x = np.array([2.0, 0.0])
    >>> print(sk.functions.duality_gap(f, g, x, np.array([1.0, 0.5])))
    0.0
    """
    Lx, pull = (x, y) if L is None else (L(x), L.T(y))
    return f(x) + g(Lx) + f.conjugate(scale(-1.0, pull)) + g.conjugate(y)
