"""f(x) = Σ wᵢ|xᵢ|ᵖ/p with p > 1."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, Range, check_number
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    device,
    held_fixed,
    namespace,
    signs,
    sizes,
    sum_of,
    with_derivative,
)
from splitkit.functions.base import Function, extremes, parameter, required

NEWTON_STEPS = 10

EXPONENTS = Range(1.1 * (1 - 1e-9), 11 * (1 + 1e-9), "[]")  # 1.1 and 11 are conjugate
IN_RANGE = "give a number in [1.1, 11]; for p = 1 take L1Norm, for ∞ LInfNorm"


class LpPower(Function):
    """Σ wᵢ|xᵢ|ᵖ/p, the p-th power of the ℓp norm; the prox is accurate to rounding.

    f(x) = Σ wᵢ|xᵢ|ᵖ/p with p > 1; prox_{αf}(y) = sign(y) x, where x ≥ 0 solves x + αw xᵖ⁻¹ = |y|.

    For p ≥ 2 the left side is convex: Newton's method from the right of the root, which starts at
    the smaller of the roots of either term alone, descends to it. For p < 2 put x = r^{q−1} with q
    the conjugate exponent, 1/p + 1/q = 1: then αw r + r^{q−1} = |y|, of the same form with q > 2.

    The conjugate is Σ wᵢ^{1−q}|uᵢ|^q/q.
    Source: Chaux, Combettes, Pesquet, Wajs, *A variational formulation for frame-based inverse
    problems* (2007), Ex. 4.4, with closed forms for p = 4/3, 3/2, 3, 4.

    Parameters
    ----------
    p : float
        In [1.1, 11], the range in which Newton's steps were counted; the conjugate exponent is in
        it too.
    weight : float or array, default 1
        Non-negative and finite; an array has dtype and device of x and broadcasts to it.

    Examples
    --------
    >>> f = sk.functions.LpPower(3.0)
    >>> x = np.array([2.0, -1.0])
    >>> print(f(x), f.prox(x))
    3.0 [ 1.    -0.618]
    """

    formula = r"\frac{<weight>}{<p>}\|@\|_{<p>}^{<p>}"

    p: float = required(check_number, within=EXPONENTS, remedy=IN_RANGE)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    elementwise = True
    of_moduli = acts_on_complex = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.supercoercive = extremes(self.weight)[0] > 0
        if self.p == 2:
            self.strong_convexity, self.smoothness = extremes(self.weight)

    @property
    def conjugate_exponent(self) -> float:
        """q with 1/p + 1/q = 1."""
        return self.p / (self.p - 1)

    def __call__(self, x: Point) -> Array:
        return sum_of(self.weight * abs(x) ** self.p, self.batch_ndim) / self.p

    def gradient(self, x: Point) -> Point:
        return self.weight * signs(x) * sizes(x) ** (self.p - 1)

    def curvatures(self, x: Array) -> Scalar:
        return self.weight * (self.p - 1) * sizes(x) ** (self.p - 2)

    @property
    def has_hessian(self) -> bool:
        return self.p >= 2  # beyond, it is infinite at 0

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), abs(x)
        t = align(alpha, x) * self.weight + xp.zeros_like(x)
        one = xp.ones_like(x)
        if self.p >= 2:
            size = _root(t, self.p - 1, one, y)
        else:
            power = self.conjugate_exponent - 1
            size = _root(one, power, t, y) ** power
        found = xp.sign(x) * size
        return with_derivative(found, (x, t), lambda: self._newton_steps(x, t, size))

    def _newton_steps(self, x: Array, t: Array, size: Array) -> Array:
        """The prox again, by two steps from its size held fixed: see ``newton_step``."""
        xp, y = namespace(x), sizes(x)
        s = held_fixed(size)
        for _ in range(2):
            positive = s > 0
            base = xp.where(positive, s, 1.0)
            # in s^{p−1} or s^{2−p} = 1/s^{p−2}, whichever is finite at 0
            p_term = xp.where(positive, base ** (self.p - 1), 0.0)
            flat = xp.where(positive, base ** abs(self.p - 2), 0.0 if self.p != 2 else 1.0)
            bend = t * (self.p - 1)
            whole = 1 + bend * flat if self.p >= 2 else flat + bend
            inverse = (1.0 if self.p >= 2 else flat) / xp.where(whole > 0, whole, 1.0)
            inverse = xp.where(whole > 0, inverse, 1.0)
            s = s - (s + t * p_term - y) * inverse
        return signs(x) * s

    @property
    def conjugate(self) -> Function:
        if extremes(self.weight)[0] > 0:
            q = self.conjugate_exponent
            return LpPower(q, self.weight ** (1 - q), batch_ndim=self.batch_ndim)
        return super().conjugate

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [
            (cls(3, 0.7), (2,)),
            (cls(4 / 3, asarray([0.5, 2.0]), batch_ndim=1), (2, 2)),
        ]


def _root(a: Array, k: float, b: Array, y: Array) -> Array:
    """The root r ≥ 0 of a rᵏ + b r = y for k ≥ 1 and a, b, y ≥ 0, not a = b = 0."""
    xp = namespace(y)
    huge = xp.asarray(xp.finfo(y.dtype).max, dtype=y.dtype, device=device(y))
    linear = xp.where(b > 0, y / xp.where(b > 0, b, 1.0), huge)
    ratio, base = y / xp.where(a > 0, a, 1.0), xp.where(a > 0, a, 1.0)
    beyond = (y <= huge) & (ratio > huge)  # a root that is a number of a ratio that is none
    roots = (xp.where(beyond, y, 1.0) ** (1 / k)) / (xp.where(beyond, base, 1.0) ** (1 / k))
    power = xp.where(beyond, roots, xp.where(beyond, 1.0, ratio) ** (1 / k))
    power = xp.where(a > 0, power, huge)
    r = xp.minimum(linear, power)
    for _ in range(NEWTON_STEPS):
        slope = a * r ** (k - 1)
        gap, slope = (slope + b) * r - y, k * slope + b
        r = r - gap / xp.where(slope > 0, slope, 1.0)
    return r
