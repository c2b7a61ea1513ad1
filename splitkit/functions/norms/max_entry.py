"""f(x) = w maxᵢ xᵢ; prox_{αf}(y) = min(y, τ), where τ solves Σ(yᵢ − τ)₊ = αw.

Its conjugate is the indicator of the simplex {u ≥ 0, Σuᵢ = w}.
Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.4.1.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Scalar
from splitkit.functions.base import Function
from splitkit.functions.declared import show
from splitkit.functions.norms.sum_of_k_largest import SumOfKLargest


class Max(SumOfKLargest):
    """w maxᵢ xᵢ, over all axes that are not batch; the prox is exact, by one sort.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.
    batch_ndim : int
        Leading batch axes.
    """

    def __init__(self, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        super().__init__(1, weight, batch_ndim=batch_ndim)

    def __repr__(self) -> str:
        return f"Max({show(weight=self.weight)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.7), (3,))]
