"""f(x) = −Σ wᵢ(log(xᵢ − lᵢ) + log(uᵢ − xᵢ)) on l < x < u."""

from __future__ import annotations

import math
from typing import Any

from splitkit.arguments import FINITE, POSITIVE, check_bounds
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    held_fixed,
    namespace,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, Indicator, extremes, parameter
from splitkit.functions.entropies.negative_entropy import positive
from splitkit.functions.inner.roots import as_root, increasing_root, positive_root
from splitkit.functions.sets.box import Box

GREAT = 2.0**127  # a number of every dtype, and less than what is none
STEPS = 60  # of the root's search, at most: the bracket alone ends after as many halvings


class BoxBarrier(Function):
    """−Σ wᵢ(log(xᵢ − lᵢ) + log(uᵢ − xᵢ)), inf unless l < x < u; 2w/h²-strongly convex.

    With h = (u − l)/2 the prox is hd away from the nearer end, where d in (0, 1] is the root of
    (1 − d)(1 + 2αw/h²d(2 − d)) = |y − (l + u)/2|/h: safeguarded Newton.

    f @ L with a row L = aᵀ is the barrier of a slab. f*(v) = Σ vx + w log(h²(1 − ρ²)) at
    x = (l + u)/2 + hρ, ρ = s/(1 + √(1 + s²)), s = vh/w. Source: Boyd, Vandenberghe, *Convex
    Optimization* (2004), §11.2; Chierchia et al., *The Proximity Operator Repository*.

    Parameters
    ----------
    lower, upper : float or array, default 0 and 1
        l < u, finite; arrays broadcast to x.
    weight : float or array, default 1
        Positive and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.BoxBarrier(-1.0, 1.0)
    >>> x = np.array([0.0, 0.5, 3.0])
    >>> print(f(x[:2]), f.prox(x))
    0.2877 [0.     0.1637 0.6601]
    """

    formula = r"-<weight*>\sum\log(@ - <lower>)(<upper> - @)"

    lower: Scalar = parameter(FINITE, default=0.0)
    upper: Scalar = parameter(FINITE, default=1.0)
    weight: Scalar = parameter(POSITIVE, default=1.0)

    elementwise = smooth_inside = True
    prox_effort = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lower, self.upper = check_bounds(self.lower, self.upper, "the box", apart=True)
        half = (self.upper - self.lower) / 2
        curvature = extremes(2 * self.weight / half / half)[0]
        self.strong_convexity = curvature if curvature < math.inf else GREAT

    def __call__(self, x: Point) -> Array:
        xp, low, high = namespace(x), x - self.lower, self.upper - x
        inside = (low > 0) & (high > 0)
        half = (self.upper - self.lower) / 2 + xp.zeros_like(x)
        share = (x - (self.lower + half)) / half
        # about the middle (x − l)(u − x) = h²(1 − ρ²)
        near = abs(share) < 0.5
        logs = xp.log(xp.where(inside, low, 1.0)) + xp.log(xp.where(inside, high, 1.0))
        about = 2 * xp.log(half) + xp.log1p(-(xp.where(near, share, 0.0) ** 2))
        logs = xp.where(near, about, logs)
        return sum_of(xp.where(inside, -self.weight * logs, float("inf")), self.batch_ndim)

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, half = namespace(x), (self.upper - self.lower) / 2
        middle = self.lower + half
        largest = float(xp.finfo(x.dtype).max) / 16  # beyond, the root is the same, to rounding
        t = clip(align(alpha, x) * self.weight / half / half + 0.0 * abs(x), high=largest)
        # how far beyond the nearer end: −1 in the middle
        beyond = xp.where(x < middle, self.lower - x, x - self.upper) / half
        beyond = clip(beyond, high=largest)

        def g(d: Array, beyond: Array, t: Array) -> tuple[Array, Array]:
            inverse = 1 / (d * (2 - d))
            left, bent = 1 - d, 2 * t * inverse
            return beyond + d - left * bent, 1 + bent + 2 * left * left * bent * inverse

        fixed, held = held_fixed(beyond), held_fixed(t)
        # 1/2d ≤ 1/d(2 − d) ≤ 1/d: the roots of quadratics are bounds
        low, high = (positive_root(-k * held - fixed, k * held) for k in (1, 2))
        ends = xp.minimum(low, high), clip(xp.maximum(low, high), high=1.0)
        root = increasing_root(g, *ends, data=(fixed, held), steps=STEPS)

        root = as_root(root, g, (beyond, t))
        inwards = half * root
        found = xp.where(x < middle, self.lower + inwards, self.upper - inwards)
        # about the middle ρ = 1 − d has the digits of ρ(1 + 2t/(1 − ρ²)) = (y − (l + u)/2)/h
        rest = root * (2 - root)
        about = middle + (x - middle) * (rest / (rest + 2 * t))
        found = xp.where(root > 0.5, about, found)
        first = _neighbor(self.lower + xp.zeros_like(x), 1)
        last = _neighbor(self.upper + xp.zeros_like(x), -1)
        found = xp.where(found <= self.lower, first, found)
        return xp.where(found >= self.upper, last, found)

    def gradient(self, x: Point) -> Point:
        low, high = positive(x - self.lower), positive(self.upper - x)
        middle = self.lower + (self.upper - self.lower) / 2
        return self.weight * (2 * (x - middle) / low / high)

    def curvatures(self, x: Array) -> Array:
        low, high = positive(x - self.lower), positive(self.upper - x)
        return self.weight * (1 / low / low + 1 / high / high)

    @property
    def domain(self) -> Indicator:
        return Box(self.lower, self.upper, batch_ndim=self.batch_ndim)

    def conjugate_value(self, u: Point) -> Array:
        xp, half = namespace(u), (self.upper - self.lower) / 2
        s = u * half / self.weight
        root = xp.hypot(s, xp.ones_like(s))
        share = s / (1 + root)  # ρ; 1 − ρ² = 2/(1 + √(1 + s²))
        room = (1 + 1 / (root + abs(s))) / (1 + root)  # 1 − |ρ|
        ends = xp.where(s < 0, self.lower + half * room, self.upper - half * room)
        at = xp.where(abs(s) < 1, self.lower + half + half * share, ends)
        logs = 2 * xp.log(half + 0.0 * u) - xp.log1p(share * s / 2)
        return sum_of(u * at + self.weight * logs, self.batch_ndim)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        low, high = asarray([-1.0, 0.0, -0.5]), asarray([1.0, 3.0, 0.5])
        return [(cls(low, high, 0.7, batch_ndim=1), (2, 3))]


def _neighbor(x: Array, sign: int) -> Array:
    """The number next to x ≫ the least normal one, above for sign = 1 and below for −1.

    Source: Rump et al., *Computing predecessor and successor in rounding to nearest* (2009).
    """
    info = namespace(x).finfo(x.dtype)
    unit = float(info.eps) / 2
    return x + sign * (unit * (1 + 2 * unit) * sizes(x) + float(info.smallest_normal))
