"""Rows in units of their own: entries of x ↦ Mx − q whose constants are far apart.

Each row of an inclusion can be written in units of its own, and a row that never binds has a large
constant. Beside the norm of all rows the residual of the small ones would not be seen. So rows are
sorted by their constants, and a gap of more than ``GAP`` between two neighbours ends a group; rows
without a constant belong to the first one. The residual of each group is judged beside what cancels
in the group, among which its constants are.

The rows of x have the constants q. Those of y, 0 ∈ B⁻¹y − Lx for a term LᵀBL, have where B bends:
v of B(· − v), bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from splitkit.backend import (
    Array,
    Point,
    Space,
    blocks,
    greatest,
    is_array,
    namespace,
    scale,
    to_numpy,
    where,
)
from splitkit.meshes import is_scattered
from splitkit.solvers.terms import Term

GAP = 10.0

# of each block of x and y, masks of its groups, of NumPy the places in the flat block; () for one
Groups = tuple[tuple[Array, ...], ...]


def row_groups(terms: Sequence[Term], x0: Point, space: Space, *, dual: bool = True) -> Groups:
    """The groups of rows, by the constants that are known; () if no block has several. Of y, where
    the residual has its blocks (``dual``).

    Elements of a batch share their rows, and are not taken apart; nor are the rows of constants of
    which no process may be sent all.
    """
    known = [] if space.batch_ndim else constants(terms, x0)
    if space.batch_ndim or any(is_scattered(b) for q in known for b in blocks(q)):
        return ()
    found = [_groups(each, space) for each in zip(*map(blocks, known), strict=True)]
    found = found or [()] * len(blocks(x0))
    for term in terms:
        if dual and term.of is not None and not term.is_zero:
            found += _of_dual_rows(term, space)
    return tuple(found) if any(found) else ()


def norms_of_rows(x: Point, groups: Groups, space: Space) -> list[Array]:
    """‖·‖ of each block and group of rows of x, or of more blocks that repeat those."""
    norms = []
    for i, block in enumerate(blocks(x)):
        masks = groups[i % len(groups)] if groups else ()
        norms += [space.norm(part) for part in ([_part(block, m) for m in masks] or [block])]
    return norms


def _part(block: Array, rows: Array) -> Array:
    """The rows of a group, with 0 for the others where a library would have to wait for their
    number, or be told it.
    """
    if isinstance(block, np.ndarray):
        return block.take(rows)
    return where(rows, block, namespace(block).zeros_like(block))


def least_sizes(terms: Sequence[Term], groups: Groups, x0: Point, space: Space) -> list[Array]:
    """Of each block and group of rows of x, the largest norm of a constant."""
    known = constants(terms, x0)
    if known and not groups and not isinstance(x0, tuple):
        return [greatest([*map(space.norm, known)])]
    found = [norms_of_rows(q, groups, space) for q in known]
    return [greatest(each) for each in zip(*found, strict=True)]


def constants(terms: Sequence[Term], x0: Point) -> list[Point]:
    """q of each term that has one; of LᵀBL it is LᵀB0."""
    found: list[Point] = []
    for term in terms:
        L = term.of
        if L is None:
            found += term.maps.offset(term, x0)
        else:
            found += map(L.adjoint_constant, term.offset(L(scale(0.0, x0))))
    return found


def _of_dual_rows(term: Term, space: Space) -> list[tuple[Array, ...]]:
    """Of each block of y."""
    assert term.of is not None
    shapes = term.of.range_space(space).shapes
    known = _flat(term.operator.place())
    if len(known) != len(shapes) or any(map(is_scattered, known)):
        return [()] * len(shapes)
    arrays = [np.broadcast_to(_sizes(b), shape) for b, shape in zip(known, shapes, strict=True)]
    return [_groups([sizes], space) for sizes in arrays]


def _flat(place: Any) -> list[Any]:
    """One entry for each block, as far as it is known how many there are."""
    return [b for part in place for b in _flat(part)] if isinstance(place, tuple) else [place]


def _sizes(b: Any) -> Any:
    return 0.0 if b is None else np.abs(to_numpy(b) if is_array(b) else float(b))


def _groups(found: Sequence[Array], space: Space) -> tuple[Array, ...]:
    largest: Any = np.max([_sizes(q) for q in found], axis=0)
    known = np.sort(largest[largest > 0])
    ends = known[1:][known[1:] > GAP * known[:-1]]
    if ends.size == 0:
        return ()
    place = np.searchsorted(ends, largest, side="right")
    masks = [place == i for i in range(ends.size + 1)]
    if space.xp is namespace(largest):
        return tuple(map(np.flatnonzero, masks))
    return tuple(space.xp.asarray(mask, device=space.device) for mask in masks)
