"""The box {l ≤ x ≤ u}."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import Range, check_bounds
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    is_array,
    is_traced,
    namespace,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, extremes, parameter
from splitkit.functions.norms.l1_norm import L1Norm


class Box(Indicator):
    """{x: lᵢ ≤ xᵢ ≤ uᵢ for all i}; of complex x {|xᵢ| ≤ uᵢ for all i}, where l = −u.

    The box {l ≤ x ≤ u}: projection min(max(y, l), u).

    Its support function at v is Σ max(lᵢvᵢ, uᵢvᵢ); the ℓ1 norm Σ uᵢ|vᵢ| if l = −u.
    The ball {‖x‖∞ ≤ r} is Box(−r, r). Source: Parikh, Boyd, *Proximal Algorithms* (2014), §6.2.4.

    Parameters
    ----------
    lower, upper : float or array
        Bounds with lower ≤ upper; −inf and inf leave a side free. An array has dtype and device of
        x and broadcasts to it.

    Examples
    --------
    >>> C = sk.functions.Box(-1.0, 1.0)
    >>> print(C.project(np.array([3.0, -1.0, 0.5])))
    [ 1.  -1.   0.5]
    """

    formula = r"[<lower>, <upper>]"

    lower: Scalar = parameter(Range(ends="[]"))
    upper: Scalar = parameter(Range(ends="[]"))

    elementwise = True
    polyhedral = True
    of_moduli = True

    def __post_init__(self) -> None:
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the box")
        super().__post_init__()

    def pinned(self) -> Any:
        same = self.lower == self.upper
        if not is_array(same):
            return same
        xp = namespace(same)
        if is_traced(same):
            return False
        if bool(xp.all(same)) or not bool(xp.any(same)):
            return bool(xp.any(same))
        return xp.astype(same, (self.lower if is_array(self.lower) else self.upper).dtype)

    def place(self) -> Point:
        return _finite(self.lower) + _finite(self.upper)

    def project(self, x: Point) -> Point:
        return clip(x, self.lower, self.upper)

    def recession(self, d: Point) -> Point:
        xp, zero, inf = namespace(d), 0.0 * d, float("inf")
        falls = xp.where(zero + self.lower == -inf, clip(d, None, 0.0), zero)
        rises = xp.where(zero + self.upper == inf, clip(d, 0.0), zero)
        return falls + rises

    @property
    def has_support_point(self) -> bool:
        return extremes(self.lower)[0] > -float("inf") and extremes(self.upper)[1] < float("inf")

    def support_point(self, v: Point) -> Point:
        return namespace(v).where(v < 0, self.lower + 0.0 * v, self.upper + 0.0 * v)

    def conjugate_value(self, u: Point) -> Array:
        xp = namespace(u)
        # an infinite bound of an entry with u = 0 counts nothing
        above = xp.where(u > 0, u, 0.0) * xp.where(u > 0, self.upper, 0.0 * u)
        below = xp.where(u < 0, u, 0.0) * xp.where(u < 0, self.lower, 0.0 * u)
        return sum_of(above + below, self.batch_ndim)

    def conjugate_prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        alpha = align(alpha, x)  # a free side allows 0 only, without rounding
        return x - clip(x, alpha * self.lower, alpha * self.upper)

    @property
    def is_symmetric(self) -> bool:
        """Whether l = −u, so that it is a ball: {|xᵢ| ≤ uᵢ}."""
        same = self.lower == -self.upper
        if is_array(same):
            return not is_traced(same) and bool(namespace(same).all(same))
        return bool(same)

    @property
    def acts_on_complex(self) -> bool:  # type: ignore[override]
        return self.is_symmetric

    @property
    def conjugate(self) -> Function:
        if self.is_symmetric and extremes(self.upper)[1] < float("inf"):
            return L1Norm(self.upper, batch_ndim=self.batch_ndim)
        return super().conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        inf = float("inf")
        return [
            (cls(-1, 0.5), (3,)),
            (cls(asarray([0.5, -inf, -2.0]), asarray([0.5, 0.0, inf])), (3,)),
            (cls(-inf, asarray([1.0, 0.0, 0.5]), batch_ndim=1), (4, 3)),
        ]


def _finite(bound: Scalar) -> Scalar:
    """The sizes of bounds, 0 where there is none."""
    if not is_array(bound):
        return abs(bound) if abs(bound) < float("inf") else 0.0
    xp = namespace(bound)
    return xp.where(xp.isfinite(bound), abs(bound), xp.zeros_like(bound))
