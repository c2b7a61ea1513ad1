"""f(x) = Σ h(xᵢ), the smoothly clipped absolute deviation."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range, check_number, option
from splitkit.backend import Array, Point, Scalar, align, clip, namespace, signs, sizes, sum_of
from splitkit.functions.base import Function, parameter


class SCAD(Function):
    """Σ h(xᵢ); weakly convex.

    f(x) = Σ h(xᵢ), the smoothly clipped absolute deviation: h(0) = 0 and, for t ≥ 0,
    h′(t) = λ up to λ, (aλ − t)/(a − 1) up to aλ, 0 beyond.

    Not convex; f + (ρ/2)‖·‖² is for ρ = 1/(a − 1). For α < a − 1 the prox is continuous: soft(y,
    αλ) up to |y| = λ(1 + α), ((a − 1)y − αaλ sign(y))/(a − 1 − α) up to aλ, y beyond. Else it jumps
    from soft(y, αλ) to y, at λ(a + 1 + α)/2 for α ≤ a + 1, at λ√(α(a + 1)) above. Source: Fan, Li,
    *Variable selection via nonconcave penalized likelihood* (2001).

    Parameters
    ----------
    a : float, default 3.7
        Above 2, and finite.
    weight : float or array, default 1
        λ, non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.SCAD(weight=1.0, a=3.7)
    >>> x = np.array([3.0, -1.0, 0.5])
    >>> print(f(x), f.prox(x))
    3.7593 [ 2.5882  0.      0.    ]
    """

    formula = r"\mathrm{SCAD}_{<weight>, <a>}(@)"

    a: float = option(3.7, check_number, within=Range(2.0))
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.strong_convexity = -1 / (self.a - 1)

    def __call__(self, x: Point) -> Array:
        # ∫ h′, for the part of |x| below λ and the part between λ and aλ
        below = clip(abs(x), None, self.weight)
        between = clip(abs(x) - self.weight, 0.0, (self.a - 1) * self.weight)
        terms = self.weight * (below + between) - between * between / (2 * (self.a - 1))
        return sum_of(terms, self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y, a = namespace(x), sizes(x), self.a
        alpha = align(alpha, x) + xp.zeros_like(x)
        shift = alpha * self.weight
        soft = clip(y - shift, 0.0)
        rest = a - 1 - alpha
        weakly = rest > 0
        middle = ((a - 1) * y - a * shift) / xp.where(weakly, rest, 1.0)
        end = xp.where(alpha <= a + 1, (a + 1 + alpha) / 2, xp.sqrt(alpha * (a + 1))) * self.weight
        soft_end = xp.where(weakly, self.weight + shift, end)
        keep_from = xp.where(weakly, a * self.weight + xp.zeros_like(y), end)
        size = xp.where(y <= soft_end, soft, xp.where(y <= keep_from, middle, y))
        return signs(x) * size

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(weight=asarray([0.7, 0.0, 2.3]), batch_ndim=1), (2, 3))]
