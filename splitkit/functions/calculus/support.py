"""The support function σ_C(u) = sup_{x ∈ C} ⟨u, x⟩, the conjugate of C's indicator."""

from __future__ import annotations

from typing import Any

from splitkit.functions.base import Function, Indicator
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.sets.box import Box


class SupportFunction(Conjugate):
    """σ_C of a closed convex set; its value is known where C gives ``conjugate_value``.

    The support function σ_C(u) = sup_{x ∈ C} ⟨u, x⟩, the conjugate of C's indicator.

    prox_{ασ}(y) = y − α P_C(y/α) (Moreau). Source: Bauschke, Combettes (2017), Examples 13.3 and
    24.8.

    Parameters
    ----------
    C : Indicator
        Convex.

    Raises
    ------
    TypeError
        C is no convex set.

    Examples
    --------
    >>> f = sk.functions.SupportFunction(sk.functions.L2Ball(1.0))  # the norm
    >>> x = np.array([3.0, 4.0])
    >>> print(f(x), f.prox(x))
    5.0 [2.4 3.2]
    """

    formula = r"\sigma_{<f>}"
    acts_on_complex = True
    sublinear = True

    def __init__(self, C: Indicator) -> None:
        if not isinstance(C, Indicator) or not C.convex:
            raise TypeError(f"C = {C!r}: give a convex set, such as splitkit.functions.Simplex()")
        super().__init__(C)

    def __repr__(self) -> str:
        return f"SupportFunction({self.f!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(Box(-1.0, 0.5, batch_ndim=1)), (4, 3))]
