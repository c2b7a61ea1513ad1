"""f(x) = Σ h(xᵢ), the minimax concave penalty."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE, check_number, option
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, signs, sizes, sum_of
from splitkit.functions.base import Function, parameter
from splitkit.functions.penalties.unweighted import identity_where_zero


class MCP(Function):
    """Σ h(xᵢ); weakly convex.

    f(x) = Σ h(xᵢ), the minimax concave penalty: h(0) = 0 and h′(t) = (λ − t/γ)₊ for t ≥ 0.

    Not convex; f + (ρ/2)‖·‖² is for ρ = 1/γ. For α < γ the prox is continuous (firm threshold):
    soft(y, αλ)/(1 − α/γ) up to |y| = γλ, y beyond. Else it jumps from 0 to y at λ√(αγ).
    Source: Zhang, *Nearly unbiased variable selection under minimax concave penalty* (2010).

    Parameters
    ----------
    gamma : float, default 3
        γ, positive and finite.
    weight : float or array, default 1
        λ, non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.MCP(weight=1.0, gamma=3.0)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    2.7917 [ 3.  0.  0.]
    """

    formula = r"\mathrm{MCP}_{<weight>, <gamma>}(@)"

    gamma: float = option(3.0, check_number, within=POSITIVE)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity = -1 / self.gamma

    def __call__(self, x: Point) -> Array:
        size = clip(abs(x), None, self.gamma * self.weight)
        return sum_of(size * (self.weight - size / (2 * self.gamma)), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), sizes(x)
        alpha = align(alpha, x) + xp.zeros_like(x)
        rest = 1 - alpha / self.gamma
        weakly = rest > 0
        firm = clip(y - alpha * self.weight, 0.0) / xp.where(weakly, rest, 1.0)
        keep_from = xp.where(weakly, self.gamma, xp.sqrt(alpha * self.gamma)) * self.weight
        size = xp.where(y > keep_from, y, xp.where(weakly, firm, 0.0))
        return identity_where_zero(self.weight, x, signs(x) * size)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(1.7, asarray([0.7, 0.0, 2.3]), batch_ndim=1), (2, 3))]
