"""The half-space {⟨a, x⟩ ≤ b}."""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Scalar
from splitkit.functions.base import Function, show
from splitkit.functions.sets.slab import Slab


class HalfSpace(Slab):
    """{x: ⟨a, x⟩ ≤ b}, the inner product over all axes that are not batch.

    The half-space {⟨a, x⟩ ≤ b}: projection y − a max(⟨a, y⟩ − b, 0)/‖a‖².

    Source: Bauschke, Combettes (2017), Example 29.20.

    Parameters
    ----------
    normal : array
        a, as of ``Slab``.
    bound : float or array
        b; an array has batch shape.

    Examples
    --------
    >>> C = sk.functions.HalfSpace(np.array([1.0, 1.0, 0.0]), 1.0)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 2.5 -1.5  0.5]
    """

    formula = r"\{\langle a, x\rangle \leq <upper>\}"

    def __init__(self, normal: Array, bound: Scalar, *, batch_ndim: int = 0) -> None:
        super().__init__(normal, -float("inf"), bound, batch_ndim=batch_ndim)

    def __repr__(self) -> str:
        return f"HalfSpace({show(bound=self.upper)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([1.0, -2.0, 0.5]), -0.3, batch_ndim=1), (4, 3))]
