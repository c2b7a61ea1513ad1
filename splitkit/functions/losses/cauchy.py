"""f(x) = Σ (wδ²/2) log(1 + (x/δ)²), Cauchy's loss."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import NON_NEGATIVE, POSITIVE
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    align,
    clip,
    held_fixed,
    namespace,
    signs,
    sizes,
    sum_of,
)
from splitkit.functions.base import Function, extremes, parameter
from splitkit.functions.inner.roots import as_root, increasing_root

STEPS = 60  # of the roots' search, at most: the bracket alone ends after as many halvings


class Cauchy(Function):
    """Σ (wδ²/2) log(1 + (x/δ)²), Cauchy's (or Lorentz's) loss; weakly convex, and smooth.

    prox_{αf}(y) = δr with r + αw r/(1 + r²) = y/δ, by safeguarded Newton: for αw > 8 the lower of
    the minima before and behind where the left side falls, at a tie the smaller one.

    Not convex: f + (ρ/2)‖·‖² is for ρ = max w/8; max w-smooth. Source: Black, Rangarajan, *On the
    unification of line processes, outlier rejection, and robust statistics* (1996); Mei, Dong,
    Huang, *Cauchy noise removal by nonconvex ADMM* (2018).

    Parameters
    ----------
    delta : float or array, default 1
        δ, about where the quadratic ends; positive and finite.
    weight : float or array, default 1
        Non-negative and finite. Arrays have dtype and device of x and broadcast to it.

    Examples
    --------
    >>> f = sk.functions.Cauchy()
    >>> x = np.array([0.0, 1.0])
    >>> print(f(x), f.gradient(x), f.prox(np.array([0.0, 1.5])))
    0.3466 [0.  0.5] [0. 1.]
    """

    formula = r"<weight*>\sum\frac{<delta>^2}{2}\log(1 + (@/<delta>)^2)"
    slope = r"<weight*>@/(1 + (@/<delta>)^2)"

    delta: Scalar = parameter(POSITIVE, default=1.0)
    weight: Scalar = parameter(NON_NEGATIVE, default=1.0)

    convex = False
    of_moduli = acts_on_complex = True
    elementwise = True
    prox_effort = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.smoothness = extremes(self.weight)[1]
        self.strong_convexity = -self.smoothness / 8

    def __call__(self, x: Point) -> Array:
        return sum_of(
            self.weight * self.delta * (self.delta * _phi(x / self.delta)), self.batch_ndim
        )

    def gradient(self, x: Point) -> Point:
        return self.weight * self.delta * _slope(x / self.delta)

    def curvatures(self, x: Array) -> Scalar:
        squares = (x / self.delta) ** 2
        return self.weight * (1 - squares) / (1 + squares) ** 2

    def prox(self, x: Point, alpha: Scalar = 1.0) -> Point:
        xp, y = namespace(x), sizes(x) / self.delta
        near = y < float(xp.finfo(x.dtype).max) / 4  # beyond, x less αw/r is x to rounding
        y, t = xp.where(near, y, 0.0), align(alpha, x) * self.weight + 0.0 * y
        fixed, held = held_fixed(y), held_fixed(t)
        # where the left side turns: r² = (t − 2 ± √(t² − 8t))/2, whose product is 1 + t
        falls = held > 8
        high = xp.where(falls, held, 8.0)
        behind = (high - 2 + xp.sqrt(high) * xp.sqrt(high - 8)) / 2
        before = xp.sqrt((1 + high) / behind)
        behind = xp.sqrt(behind)
        first, last = xp.where(falls, before, fixed), xp.where(falls, behind, fixed)
        small = increasing_root(
            _left, fixed / (1 + held), xp.maximum(xp.minimum(first, fixed), fixed / (1 + held)),
            data=(fixed, held), steps=STEPS,
        )  # fmt: skip
        large = increasing_root(
            _left, xp.minimum(last, fixed), fixed, data=(fixed, held), steps=STEPS
        )
        there = (_left(first, fixed, held)[0] >= 0) | ~falls
        lower = held * (_phi(large) - _phi(small)) < (large - small) * (fixed - (large + small) / 2)
        beyond = falls & (_left(last, fixed, held)[0] <= 0) & (lower | ~there)
        root = xp.where(beyond, large, small)

        found = as_root(root, _left, (y, t))
        return xp.where(near, signs(x) * (self.delta * found), x)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(0.3, asarray([1.0, 0.0]), batch_ndim=1), (2, 2))]


def _phi(r: Array) -> Array:
    """log(1 + r²)/2."""
    xp, size = namespace(r), sizes(r)
    near = clip(size, high=1.0)
    far = xp.where(size > 1, size, 1.0)
    return xp.where(size > 1, xp.log(far) + xp.log1p((1 / far) ** 2) / 2, xp.log1p(near * near) / 2)


def _slope(r: Array) -> Array:
    """r/(1 + r²)."""
    xp = namespace(r)
    inside = abs(r) < 1
    far = 1 / xp.where(inside, 1.0, r)
    near = xp.where(inside, r, 0.0)
    return xp.where(inside, near / (1 + near * near), far / (1 + far * far))


def _left(r: Array, y: Array, t: Array) -> tuple[Array, Array]:
    """r + t r/(1 + r²) − y, and its slope."""
    part = _slope(r)
    share = 1 / namespace(r).hypot(r, namespace(r).ones_like(r))  # 1/√(1 + r²)
    return r + t * part - y, 1 + t * (share * share - 2 * part * part)
