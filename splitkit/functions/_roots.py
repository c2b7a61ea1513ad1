"""The root x ≥ 0 of x² − yx − t = 0, without cancellation."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, namespace


def positive_root(y: Array, t: Scalar) -> Array:
    """(y + √(y² + 4t))/2 for t ≥ 0, entry by entry; 2t/(√(y² + 4t) − y) where y < 0."""
    xp = namespace(y)
    t = t + xp.zeros_like(y)
    larger = (abs(y) + xp.hypot(y, 2 * xp.sqrt(t))) / 2
    # the roots have the product −t; NaN stays NaN
    smaller = t / xp.where(larger == 0, 1.0, larger)
    return xp.where(y > 0, larger, smaller)
