"""The box {l ≤ x ≤ u}: projection min(max(y, l), u).

Its support function is Σ max(lᵢuᵢ′, uᵢuᵢ′) at u′; the ℓ1 norm Σ uᵢ|uᵢ′| if l = −u.
Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.2.4.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Point, Scalar, clip, is_array, namespace
from splitkit.functions.base import Function, Indicator, check_parameter, extremes, show


class Box(Indicator):
    """{x: lᵢ ≤ xᵢ ≤ uᵢ for all i}.

    Parameters
    ----------
    lower, upper : float or array
        Bounds with lower ≤ upper; −inf and inf leave a side free. An array has dtype and device of
        x and broadcasts to it.
    batch_ndim : int
        Leading batch axes.
    """

    elementwise = True

    def __init__(self, lower: Scalar, upper: Scalar, *, batch_ndim: int = 0) -> None:
        inf = float("inf")
        self.lower = check_parameter("lower", lower, lambda v: v < inf, "give bounds below inf")
        self.upper = check_parameter("upper", upper, lambda v: v > -inf, "give bounds above -inf")
        ordered = self.lower <= self.upper
        if not (bool(namespace(ordered).all(ordered)) if is_array(ordered) else ordered):
            raise ValueError(f"lower = {lower} exceeds upper = {upper}: the box is empty")
        self.batch_ndim = batch_ndim

    def project(self, x: Point) -> Point:
        return clip(x, self.lower, self.upper)

    @property
    def conjugate(self) -> Function:
        from splitkit.functions.l1_norm import L1Norm

        symmetric = self.lower == -self.upper
        if is_array(symmetric):
            symmetric = bool(namespace(symmetric).all(symmetric))
        if symmetric and extremes(self.upper)[1] < float("inf"):
            return L1Norm(self.upper, batch_ndim=self.batch_ndim)
        return super().conjugate

    def __repr__(self) -> str:
        return f"Box({show(lower=self.lower, upper=self.upper)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        """(function, shape of its points) for the checks."""
        inf = float("inf")
        return [
            (cls(-1, 0.5), (3,)),
            (cls(asarray([0.5, -inf, -2.0]), asarray([0.5, 0.0, inf])), (3,)),
            (cls(-inf, asarray([1.0, 0.0, 0.5]), batch_ndim=1), (4, 3)),
        ]
