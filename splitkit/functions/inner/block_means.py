"""Means over runs of neighbouring entries, as a prox takes them whose value is piecewise constant.

Where the runs stay as they are, such a prox is affine, and its Jacobian is the averaging over runs.
"""

from __future__ import annotations

from splitkit.backend import Array, device, integer_dtype, namespace


def block_means(y: Array, apart: Array) -> Array:
    """Each entry of the vectors along the last axis replaced by the mean of its run; ``apart``:
    whether one ends after each of the first n − 1 entries.
    """
    xp, n = namespace(y), y.shape[-1]
    edge = xp.ones((*apart.shape[:-1], 1), dtype=apart.dtype, device=device(apart))
    first, last = xp.concat([edge, apart], axis=-1), xp.concat([apart, edge], axis=-1)
    run = xp.cumulative_sum(xp.astype(first, integer_dtype(first)), axis=-1) - 1
    place = xp.arange(n, device=device(y))
    begin, end = (
        xp.take_along_axis(xp.sort(xp.where(mask, place, n), axis=-1), run, axis=-1)
        for mask in (first, last)
    )
    sums = xp.cumulative_sum(y, axis=-1, include_initial=True)
    total = xp.take_along_axis(sums, end + 1, axis=-1) - xp.take_along_axis(sums, begin, axis=-1)
    return total / xp.astype(end + 1 - begin, y.dtype)
