"""f(x) = λ Σ|xᵢ| + Σ_g w_g‖x_g‖₂."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

from splitkit.arguments import NON_NEGATIVE, check_integer, check_parameter, option
from splitkit.backend import Array, Point, Scalar, Space
from splitkit.functions.base import Function, parameter
from splitkit.functions.norms.group_l2 import GroupL2Norm
from splitkit.functions.norms.l1_norm import L1Norm
from splitkit.functions.norms.sublinear import Sublinear


class SparseGroupNorm(Sublinear):
    """λ‖x‖₁ + Σ w_g‖x_g‖₂ over the vectors x_g along an axis.

    f(x) = λ Σ|xᵢ| + Σ_g w_g‖x_g‖₂; prox_{αf} = prox of the group norm ∘ prox of the ℓ1 norm.

    f* is the indicator of {u: ‖(|u_g| − λ)₊‖₂ ≤ w_g for all g}.

    Source: Friedman, Hastie, Tibshirani, *A note on the group lasso and a sparse group lasso*
    (2010); Yu, *On decomposing the proximal map* (2013), Thm. 4.

    Parameters
    ----------
    l1_weight : float or array, default 1
        λ, one for each group: non-negative; an array broadcasts to x and is constant in a group.
    group_weight : float or array, default 1
        w_g, non-negative and finite; an array broadcasts to x's shape without ``axis``.
    axis : int, keyword
        The axis along which a group runs; no batch axis.

    Examples
    --------
    >>> f = sk.functions.SparseGroupNorm(0.5, 1.0)
    >>> x = np.array([[3.0, 4.0], [0.3, 0.4]])
    >>> print(f(x), f.prox(x))
    9.35 [[1.9188 2.6863]
     [0.     0.    ]]
    """

    formula = r"<l1_weight*>\|@\|_1 + <group_weight*>\|@\|_{2,1}"
    of_moduli = acts_on_complex = True

    l1_weight: Scalar = parameter(NON_NEGATIVE, default=1.0)
    group_weight: Scalar = option(1.0, check_parameter, within=NON_NEGATIVE)
    _: KW_ONLY
    axis: int = option(-1, check_integer, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.l1 = L1Norm(self.l1_weight, batch_ndim=self.batch_ndim)
        self.group = GroupL2Norm(self.group_weight, axis=self.axis, batch_ndim=self.batch_ndim)

    def __call__(self, x: Point) -> Array:
        return self.l1(x) + self.group(x)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        return self.group.prox(self.l1.prox(x, alpha), alpha)

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        self.group.check_space(space)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(0.3, asarray([0.5, 2.0])), (2, 2)),
            (cls(0.2, 0.7, axis=1, batch_ndim=1), (2, 3)),
        ]
