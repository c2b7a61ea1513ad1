"""How freely points may be rescaled, x = Sx̂ with S = diag(s) > 0, so that the operator SAS in x̂ is
evaluated and resolved as A is.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Freedom(IntEnum):
    """What s may be on a block of a point."""

    SHARED = 0  # one number, that of all blocks of this kind
    OWN = 1  # one number
    EACH = 2  # a number for each entry


def least(freedoms: Iterable[Freedom], no_more_than: Freedom = Freedom.EACH) -> Freedom:
    """The strictest of them."""
    return min((no_more_than, *freedoms))
