"""``minimize``: the same for people who think in functions, 0 ∈ ∂f₁(x) + … + ∂fₙ(x)."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point
from splitkit.functions.base import Function
from splitkit.functions.subdifferential import Subdifferential
from splitkit.solvers.method import Method
from splitkit.solvers.solution import Solution
from splitkit.solvers.solve import solve


def minimize(f: Function, x0: Point, method: Method | None = None, **options: Any) -> Solution:
    """Minimize a sum of functions; ``method`` and ``options`` are those of ``splitkit.solve``.

    ``minimize(f + g @ L, x0)`` takes compositions with matrices or linear maps.

    Parameters
    ----------
    f : Function
        A sum, with compositions ``g @ L``.
    x0 : array or tuple of arrays
        The start; fixes library, dtype and device.
    method : Method, optional
        Default: the one with the least work by its guaranteed rate.
    **options
        ``tol``, ``max_iter``, ``batch_ndim`` and the others of ``splitkit.solve``.

    Raises
    ------
    TypeError
        f is no function.

    Examples
    --------
    >>> A, b = np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([3.0, 1.0])
    >>> f = sk.functions.SquaredL2(center=b) @ A + sk.functions.L1Norm(0.5)
    >>> print(sk.minimize(f, np.zeros(2)).x)
    [1.5 1. ]
    """
    if not isinstance(f, Function):
        raise TypeError(f"f = {f!r}: give a function of splitkit.functions, or a sum of them")
    return solve(Subdifferential(f), x0, method, **options)
