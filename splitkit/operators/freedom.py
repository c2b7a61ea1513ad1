"""How freely points may be rescaled, x = Sx̂ with S = diag(s) > 0, so that the operator SAS in x̂ is
evaluated and resolved as A is.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from splitkit.backend import Array, Space, namespace


class Freedom(IntEnum):
    """What s may be on a block of a point."""

    SHARED = 0  # one number, that of all blocks of this kind
    OWN = 1  # one number
    CONGRUENT = 2  # sᵢⱼ = tᵢtⱼ of a square matrix, x = diag(t) x̂ diag(t)
    EACH = 3  # a number for each entry


def congruence(s: Array) -> Array | None:
    """t with sᵢⱼ = tᵢtⱼ up to rounding; None: there is none."""
    if s.ndim != 2 or s.shape[0] != s.shape[1]:
        return None
    xp = namespace(s)
    t = xp.sqrt(xp.linalg.diagonal(s))
    product = t[:, None] * t[None, :]
    same = xp.max(xp.abs(s / product - 1)) <= 8 * xp.finfo(s.dtype).eps
    return t if bool(same) else None


def for_matrices(space: Space) -> tuple[Freedom, ...] | None:
    """CONGRUENT of one square matrix, for what takes X and diag(t) X diag(t) alike; None: points
    are no such matrices.
    """
    (shape, *others) = space.shapes
    shape = shape[space.batch_ndim :]
    square = not others and len(shape) == 2 and shape[0] == shape[1]
    return (Freedom.CONGRUENT,) if square else None


def least(freedoms: Iterable[Freedom], no_more_than: Freedom = Freedom.EACH) -> Freedom:
    """The strictest of them."""
    return min((no_more_than, *freedoms))
