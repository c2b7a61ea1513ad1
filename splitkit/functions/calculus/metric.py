"""The proximal map in a diagonal metric: argmin_z f(z) + ⟨D(z − x), z − x⟩/(2α), D = diag(d) ≻ 0.

For a function of each entry by itself it is the prox with the step α/dᵢ in the i-th entry. Source:
Parikh, Boyd, *Proximal Algorithms* (2014), §2.1; Becker, Fadili, *A quasi-Newton proximal splitting
method* (2012), §2.
"""

from __future__ import annotations

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Point, Scalar, Space, align, blocks
from splitkit.functions.base import Function
from splitkit.functions.calculus.separable import SeparableSum


def metric_prox(f: Function, x: Point, d: Point, alpha: Scalar = 1.0) -> Point:
    """prox_{αf}(x) in the metric ⟨Dx, x⟩.

    Parameters
    ----------
    f : Function
        Elementwise, or a SeparableSum of such functions.
    x, d : point
        Of the same shapes; d positive and finite.
    alpha : float or array of batch shape

    Raises
    ------
    TypeError, ValueError
        f couples entries; d is not like x, or not positive.

    Examples
    --------
    >>> x, d = np.array([3.0, 3.0]), np.array([1.0, 4.0])
    >>> print(sk.functions.metric_prox(sk.functions.L1Norm(), x, d))
    [2.   2.75]
    """
    if isinstance(f, SeparableSum):
        parts = zip(f.functions, blocks(x), blocks(d), strict=True)
        return tuple(metric_prox(part, block, weight, alpha) for part, block, weight in parts)
    if not f.elementwise:
        raise TypeError(
            f"{f!r} couples entries: its prox in a diagonal metric has no formula; use an "
            "elementwise function, or a number as metric, prox(x, alpha/d)"
        )
    Space.of(x, f.batch_ndim, name="x").check_point(d, "d")
    check_parameter("d", d, POSITIVE, "give positive entries")
    return f.prox(x, align(alpha, x) / d)
