"""How (A + H)x ∋ h is solved for x, with H linear, symmetric and positive semidefinite.

For A = ∂f it is argmin f(x) + ½⟨x, Hx⟩ − ⟨h, x⟩, the step of ADMM with H = Σ ρᵢLᵢᵀLᵢ; for H = I/α
and h = y/α it is the resolvent R_{αA}(y).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splitkit.operators.base import PointMap


@dataclass(frozen=True)
class Solvable:
    """A way to solve, of which nothing has been computed yet.

    Attributes
    ----------
    how : str
        In a few words, for ``explain``.
    make : callable
        Gives h ↦ (A + H)⁻¹h, factored once; raises numpy.linalg.LinAlgError where A + H is singular
        to rounding.
    iterative : bool
        Whether each application is one of Krylov's method.
    """

    how: str
    make: Callable[[], PointMap]
    iterative: bool = False

    def between(self, before: PointMap, after: PointMap) -> Solvable:
        """h ↦ after((A + H)⁻¹ before(h))."""

        def make() -> PointMap:
            solve = self.make()
            return lambda h: after(solve(before(h)))

        return Solvable(self.how, make, self.iterative)


@singledispatch
def as_affine(A: Any) -> Any:
    """A as an ``Affine`` operator x ↦ Mx − q, None where it is not known to be one; rooms after
    this one say which operators are.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.zeros(2))
    >>> sk.linear.as_affine(sk.Identity() + F)
    I + DenseMatrix(2×2) − q
    """
    return None
