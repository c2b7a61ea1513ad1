"""The hyperplane {⟨a, x⟩ = b}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import FINITE, check_parameter
from splitkit.backend import Array, Scalar, device, is_array, namespace
from splitkit.functions.base import Function, show
from splitkit.functions.sets.affine_set import AffineSet
from splitkit.functions.sets.slab import Slab
from splitkit.linear.base import LinearOperator
from splitkit.operators.solvable import Solvable


class Hyperplane(Slab):
    """{x: ⟨a, x⟩ = b}, the inner product over all axes that are not batch.

    The hyperplane {⟨a, x⟩ = b}: projection y − a (⟨a, y⟩ − b)/‖a‖².

    Source: Bauschke, Combettes (2017), Example 29.18.

    Parameters
    ----------
    normal : array
        a, as of ``Slab``.
    value : float or array
        b, finite; an array has batch shape.

    Examples
    --------
    >>> C = sk.functions.Hyperplane(np.array([1.0, 1.0, 0.0]), 1.0)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 2.5 -1.5  0.5]
    """

    formula = r"\{\langle a, x\rangle = <upper>\}"
    acts_on_complex = True

    def __init__(self, normal: Array, value: Scalar, *, batch_ndim: int = 0) -> None:
        value = check_parameter("value", value, FINITE)
        super().__init__(normal, value, value, batch_ndim=batch_ndim)

    @property
    def solves_with_matrices(self) -> bool:  # type: ignore[override]
        """Of vectors, as the set of one row."""
        return self.normal.ndim == 1 and not is_array(self.upper)

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        if not self.solves_with_matrices:
            return None
        xp, a = namespace(self.normal), self.normal
        b = xp.asarray([float(self.upper)], dtype=a.dtype, device=device(a))
        return AffineSet(a[None, :], b, batch_ndim=self.batch_ndim).solvable_with(H)

    def __repr__(self) -> str:
        return f"Hyperplane({show(value=self.upper)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(asarray([1.0, -2.0, 0.5]), -0.3, batch_ndim=1), (4, 3))]
