"""Roots on the line: of a quadratic, of an increasing function, of a piecewise linear one.

Source: Press et al., *Numerical Recipes* (2007), §9.4, for the safeguard.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from splitkit.backend import (
    Array,
    Scalar,
    differentiating,
    held_fixed,
    integer_dtype,
    is_traced,
    namespace,
    with_derivative,
)
from splitkit.loops import times


def positive_root(y: Array, t: Scalar) -> Array:
    """The root x ≥ 0 of x² − yx − t = 0, t ≥ 0, entry by entry, without cancellation:
    (y + √(y² + 4t))/2, or 2t/(√(y² + 4t) − y) where y < 0.
    """
    xp = namespace(y)
    t = t + xp.zeros_like(y)
    size = abs(y)
    if differentiating(y, t):  # where the root has a derivative, √ and |·| have none
        t, size = t + xp.finfo(y.dtype).smallest_normal, xp.where(y > 0, y, -y)
    larger = (size + xp.hypot(y, 2 * xp.sqrt(t))) / 2
    # the roots have the product −t; NaN stays NaN
    smaller = t / xp.where(larger == 0, 1.0, larger)
    return xp.where(y > 0, larger, smaller)


def increasing_root(
    g: Callable[..., tuple[Array, Array]],
    low: Array,
    high: Array,
    *,
    data: tuple[Array, ...] = (),
    steps: int,
) -> Array:
    """The root of an increasing function in [low, high], entry by entry: Newton's method, kept in
    a bracket.

    A Newton step is taken where it stays in the bracket, and |g| or the bracket is at most half of
    what it was two steps before, or the step is small beside the first bracket (the rounding of g
    may then hide any progress); elsewhere the bracket is halved. Where g has one sign, the end of
    the bracket at which it is nearest to 0 is approached. In the host's memory entries that have
    come to rest are left out of further steps; from other devices nothing is read back.

    Parameters
    ----------
    g : callable
        t and ``data`` ↦ (g(t), its slope), both like t; 0 where rounding hides g's sign. The slope
        guides the steps only: where it is not positive, the bracket is halved.
    low, high : array
        The bracket, low ≤ high.
    data : tuple of arrays
        Of the shape of the bracket: what of each entry g depends on.
    steps : int
        How many values of g are taken, at most.
    """
    xp = namespace(low, high)
    width = high - low
    negligible = float(xp.finfo(low.dtype).eps) ** (2 / 3) * width
    unknown, free = width + math.inf, width >= 0
    search = _Search(
        (low + high) / 2, low, high, free, free, (unknown, unknown), (unknown, width), negligible
    )
    if isinstance(low, (np.ndarray, np.floating)):
        return _all_at_rest(g, search, data, steps)
    if is_traced(low):  # a loop that is compiled once
        return times(steps, lambda now: now.step(g, data), search, low).t
    for _ in range(steps):
        search = search.step(g, data)
    return search.t


class _Search(NamedTuple):
    """Where the roots are known to be: a bracket of each, whether its ends are still those of the
    first, and |g| and the width at the last two steps.
    """

    t: Array
    low: Array
    high: Array
    low_open: Array
    high_open: Array
    sizes: tuple[Array, Array]
    widths: tuple[Array, Array]
    negligible: Array

    def step(self, g: Callable[..., tuple[Array, Array]], data: tuple[Array, ...]) -> _Search:
        xp, t = namespace(self.t), self.t
        value, slope = g(t, *data)
        left, right = value <= 0, value >= 0
        low, high = xp.where(left, t, self.low), xp.where(right, t, self.high)
        low_open, high_open = self.low_open & ~left, self.high_open & ~right
        size, width, rising = abs(value), high - low, slope > 0
        newton = t - value / xp.where(rising, slope, 1.0)
        progress = (2 * size <= self.sizes[0]) | (2 * width <= self.widths[0])
        progress = progress | (abs(newton - t) <= self.negligible)
        # an end of the first bracket may be the root itself: a step beyond it tries it once
        good = rising & progress & (low_open | (newton >= low)) & (high_open | (newton <= high))
        t = xp.where(good, xp.minimum(xp.maximum(newton, low), high), (low + high) / 2)
        sizes, widths = (self.sizes[1], size), (self.widths[1], width)
        return _Search(t, low, high, low_open, high_open, sizes, widths, self.negligible)

    def each(self, f: Callable[[Array], Array]) -> _Search:
        """f of every array of it."""
        return _Search(*(tuple(map(f, a)) if isinstance(a, tuple) else f(a) for a in self))


def _all_at_rest(g: Callable[..., Any], search: _Search, data: tuple[Any, ...], steps: int) -> Any:
    """NumPy's roots, of which those that moved twice by rounding only are left out."""
    shape = np.shape(search.t)
    search, data = search.each(np.ravel), tuple(map(np.ravel, data))
    rounding = 2 * float(np.finfo(search.t.dtype).eps)
    found, places, moves = search.t, np.arange(search.t.size), np.ones(search.t.shape, bool)
    for _ in range(steps):
        before = search.t
        search = search.step(g, data)
        moved = abs(search.t - before) > rounding * abs(before)
        # twice: next to an end of the bracket a first step may be as short as rounding
        moving, moves = moved | moves, moved
        found[places] = search.t
        left = np.count_nonzero(moving)
        if left == 0:
            break
        if 2 * left <= moving.size:
            places, moves = places[moving], moves[moving]
            search, data = search.each(itemgetter(moving)), tuple(a[moving] for a in data)
    return np.reshape(found, shape)


def newton_step(t: Array, value: Array, slope: Array) -> Array:
    """t − value/slope, and t where the slope is not positive.

    Of a root of g, held fixed, one step has the first derivative of the root in what g depends on
    (the implicit function theorem), two steps have the second and the third.
    """
    rising = slope > 0
    return t - value / namespace(t).where(rising, slope, math.inf)


def as_root(found: Array, g: Callable[..., tuple[Array, Array]], data: tuple[Array, ...]) -> Array:
    """A root of t ↦ g(t, *data), found of data held fixed, with its derivatives in them."""

    def derived() -> Array:
        t = held_fixed(found)
        for _ in range(2):
            t = newton_step(t, *g(t, *data))
        return t

    return with_derivative(found, data, derived)


def piecewise_linear_root(knots: Array, bends: Array, value: Array, slope: Array) -> Array:
    """A root of g(t) = value + slope (t − k) + Σ bᵢ(t − kᵢ)₊ over the last axis, k = min kᵢ.

    Parameters
    ----------
    knots, bends : array, shape (..., n)
        kᵢ, finite and in any order, and bᵢ such that g does not decrease.
    value, slope : array, shape (..., 1)
        g at the least knot, and its slope left of it.

    Returns
    -------
    array, shape (..., 1)
        Exact up to the rounding of sums over all knots: follow it by a Newton step where that
        matters. Where g has no root, a knot next to its flat part.
    """
    xp = namespace(knots)
    order = xp.argsort(knots, axis=-1)
    k = xp.take_along_axis(knots, order, axis=-1)
    slopes = slope + xp.cumulative_sum(xp.take_along_axis(bends, order, axis=-1), axis=-1)
    rises = slopes[..., :-1] * (k[..., 1:] - k[..., :-1])
    values = xp.concat([value, value + xp.cumulative_sum(rises, axis=-1)], axis=-1)
    # the segment that holds the root begins at the last knot with g < 0
    below = xp.sum(xp.astype(values < 0, integer_dtype(values)), axis=-1, keepdims=True)
    at = xp.where(below > 0, below - 1, 0)
    knot, height, steep = (xp.take_along_axis(a, at, axis=-1) for a in (k, values, slopes))
    steep = xp.where(below > 0, steep, slope)
    positive = steep > 0
    return knot - xp.where(positive, height / xp.where(positive, steep, 1.0), 0.0)
