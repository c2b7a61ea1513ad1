"""Rows in units of their own: entries of x ↦ Mx − q whose constants are far apart.

Each row of an inclusion can be written in units of its own, and a row that never binds has a large
constant. Beside the norm of all rows the residual of the small ones would not be seen. So rows are
sorted by |qᵢ|, and a gap of more than ``GAP`` between two neighbours ends a group; rows with q = 0
belong to the first one. The residual of each group is judged beside what cancels in the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, blocks, to_numpy
from splitkit.solvers.terms import Term

GAP = 1e3

Groups = tuple[tuple[Array, ...], ...]  # of each block of x the masks of its groups; () for one


def row_groups(terms: Sequence[Term], x0: Point, space: Space) -> Groups:
    """The groups of rows, by the constants of the terms that have one; () if no block has several.

    Elements of a batch share their rows, and are not taken apart.
    """
    if space.batch_ndim:
        return ()
    constants = [q for term in terms if term.of is None for q in term.offset(x0)]
    if not constants:
        return ()
    found = tuple(_groups(each, space) for each in zip(*map(blocks, constants), strict=True))
    return found if any(found) else ()


def _groups(constants: Sequence[Array], space: Space) -> tuple[Array, ...]:
    largest: Any = np.max([np.abs(to_numpy(q)) for q in constants], axis=0)
    known = np.sort(largest[largest > 0])
    ends = known[1:][known[1:] > GAP * known[:-1]]
    if ends.size == 0:
        return ()
    place = np.searchsorted(ends, largest, side="right")
    masks = [place == i for i in range(ends.size + 1)]
    return tuple(space.xp.asarray(mask, device=space.device) for mask in masks)
