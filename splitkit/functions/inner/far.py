"""Points beside a set that is so small that their ratio is no number of the dtype."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, held_fixed, namespace


def over(x: Array, radius: Scalar, axes: tuple[int, ...]) -> Array:
    """x/radius; where that overflows along the axes, a point of the same direction, so far out that
    its projection onto a bounded set of size 1 is that of x, to rounding.
    """
    xp, ratio, most = namespace(x), x / radius, float(namespace(x).finfo(x.dtype).max)
    greatest = xp.max(abs(held_fixed(x)), axis=axes, keepdims=True)
    beyond = (greatest <= most) & (xp.max(abs(held_fixed(ratio)), axis=axes, keepdims=True) > most)
    return xp.where(beyond, most**0.25 * (x / xp.where(beyond, greatest, 1.0)), ratio)
