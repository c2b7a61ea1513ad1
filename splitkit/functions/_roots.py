"""The root x ≥ 0 of x² − yx − t = 0, without cancellation."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, namespace


def positive_root(y: Array, t: Scalar) -> Array:
    """(y + √(y² + 4t))/2 for t ≥ 0, entry by entry; 2t/(√(y² + 4t) − y) where y < 0."""
    xp = namespace(y)
    size = abs(y)
    larger = (size + xp.sqrt(y * y + 4 * t)) / 2
    smaller = t / xp.where(larger == 0, 1.0, larger)
    return xp.where(y > 0, larger, smaller)
