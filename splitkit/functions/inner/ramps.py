"""The root μ of Σᵢ min(max(sᵢ(μ − bᵢ), 0), cᵢ) = r: a piecewise linear, increasing equation.

Projections onto simplices and capped simplices and the prox of norms of sorted entries come down to
it. The last of its 2n kinks bᵢ and bᵢ + cᵢ/sᵢ before the root is found, of slopes 1 in a table of
the left side at all of them, else by halving what may be it: the slopes in such a table would have
the rounding of the largest of them. From there the root is interpolated: exact, by one sort.
"""

from __future__ import annotations

from collections.abc import Callable

from splitkit.backend import Array, Scalar, clip, device, integer_dtype, namespace, with_derivative


def ramps(b: Array, s: Scalar, cap: Array, total: Array) -> tuple[Array, Array]:
    """μ, and the ramps rᵢ = min(max(sᵢ(μ − bᵢ), 0), cᵢ), for each vector along the last axis.

    Where the ramps cannot reach the total, all of them end at their caps. Their sum has the
    rounding of r, whatever the size of b.

    Parameters
    ----------
    b : array, shape (..., n)
        Where each ramp starts.
    s : 1.0 or array, shape (..., n)
        Slopes, non-negative; c/s must not overflow where s > 0.
    cap : array, shape (..., 1) or (..., n)
        c, non-negative.
    total : array, shape (..., 1)
        r, non-negative.
    """
    xp = namespace(b)
    unit = isinstance(s, float)
    slopes = xp.ones_like(b) if unit else s
    mu, r = _found(b, slopes, cap, total, _tabulated if unit else _halved)

    def level() -> Array:
        steep = xp.where((r > 0) & (r < cap), slopes, 0.0)
        rest = total - xp.sum(xp.where(full, cap, 0.0), axis=-1, keepdims=True)
        return _quotient(rest + xp.sum(steep * b, axis=-1, keepdims=True), steep)

    def pieces() -> Array:
        return xp.where((r > 0) & ~full, slopes * (level() - b), xp.where(full, cap, 0.0))

    full = (r >= cap) & (mu > b)
    inputs = (b, s, cap, total)
    return with_derivative(mu, inputs, level), with_derivative(r, inputs, pieces)


def _found(
    b: Array, slopes: Array, cap: Array, total: Array, last_kink: Callable[..., Array]
) -> tuple[Array, Array]:
    xp = namespace(b)
    rising = slopes > 0
    width = xp.where(rising, cap / xp.where(rising, slopes, 1.0), 0.0)
    mu = last_kink(b, b + width, slopes, cap, total)
    # two Newton steps: to the root within the linear piece, and the long sums' rounding taken out;
    # at a kink, with the slope of the side on which the root is; the rest of μ is kept apart, since
    # μ may be larger than the ramps are wide
    b, rest = b - mu, xp.zeros_like(mu)
    end = b + width
    for _ in range(2):
        r = clip(slopes * (rest - b), 0.0, cap)
        short = total - xp.sum(r, axis=-1, keepdims=True)
        rising = xp.where(short < 0, (rest > b) & (rest <= end), (rest >= b) & (rest < end))
        rest = rest + _quotient(short, xp.where(rising, slopes, 0.0))
    r = clip(slopes * (rest - b), 0.0, cap)
    slope = xp.where((r > 0) & (r < cap), slopes, 0.0)
    short = _quotient(total - xp.sum(r, axis=-1, keepdims=True), slope)
    return mu + rest, clip(r + slope * short, 0.0, cap)


def _tabulated(b: Array, end: Array, slopes: Array, cap: Array, total: Array) -> Array:
    xp = namespace(b)
    jump = cap - slopes * (end - b)  # of a ramp that is narrower than the rounding of b
    kinks = xp.concat([b, end], axis=-1)
    order = xp.argsort(kinks, axis=-1)
    kinks = xp.take_along_axis(kinks, order, axis=-1)
    turns = xp.take_along_axis(xp.concat([slopes, -slopes], axis=-1), order, axis=-1)
    jumps = xp.take_along_axis(xp.concat([xp.zeros_like(b), jump], axis=-1), order, axis=-1)
    gaps = kinks[..., 1:] - kinks[..., :-1]
    beyond = -xp.flip(xp.cumulative_sum(xp.flip(turns, axis=-1), axis=-1), axis=-1)[..., 1:]
    steps = clip(beyond, 0.0) * gaps
    sums = xp.cumulative_sum(steps, axis=-1, include_initial=True)
    sums = sums + xp.cumulative_sum(jumps, axis=-1)
    return xp.max(xp.where(sums <= total, kinks, kinks[..., :1]), axis=-1, keepdims=True)


def _halved(b: Array, end: Array, slopes: Array, cap: Array, total: Array) -> Array:
    xp = namespace(b)
    cap = xp.where(slopes > 0, cap, 0.0)
    kinks = xp.sort(xp.concat([b, end], axis=-1), axis=-1)
    last = int(kinks.shape[-1]) - 1
    at = xp.zeros(kinks[..., :1].shape, dtype=integer_dtype(b), device=device(b))
    for bit in reversed(range(last.bit_length())):
        tried = clip(at + (1 << bit), high=last)
        kink = xp.take_along_axis(kinks, tried, axis=-1)
        # a ramp that is narrower than the rounding of b is a jump
        r = xp.where(kink > end, cap, clip(slopes * (kink - b), 0.0, cap))
        at = xp.where(xp.sum(r, axis=-1, keepdims=True) <= total, tried, at)
    return xp.take_along_axis(kinks, at, axis=-1)


def _quotient(short: Array, slope: Array) -> Array:
    """What is missing over the sum of slopes; 0 where there is none."""
    xp = namespace(short)
    total = xp.sum(slope, axis=-1, keepdims=True)
    return xp.where(total > 0, short / xp.where(total > 0, total, 1.0), 0.0)
