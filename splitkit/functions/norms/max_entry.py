"""f(x) = w maxᵢ xᵢ."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from splitkit.functions.base import Function
from splitkit.functions.norms.sum_of_k_largest import SumOfKLargest


class Max(SumOfKLargest):
    """w maxᵢ xᵢ, over all axes that are not batch; the prox is exact, by one sort.

    f(x) = w maxᵢ xᵢ; prox_{αf}(y) = min(y, τ), where τ solves Σ(yᵢ − τ)₊ = αw.

    Its conjugate is the indicator of the simplex {u ≥ 0, Σuᵢ = w}.
    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.4.1.

    Parameters
    ----------
    weight : float or array, default 1
        Non-negative and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> f = sk.functions.Max()
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.0 [ 2.  -1.   0.5]
    """

    formula = r"<weight*>\max(@)"

    k: int = field(default=1, init=False, repr=False)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.7), (3,))]
