"""How steep a single-valued operator is about a point, as seen from earlier points."""

from __future__ import annotations

import math

from splitkit.backend import Array, Point, Space, add, clip, is_complex, scale, subtract
from splitkit.operators.base import Operator
from splitkit.operators.solvable import as_affine


def may_vary(A: Operator) -> bool:
    """Whether A is single-valued, and may be less steep at one point than at another."""
    return A.has_evaluation and not A.properties.linear and as_affine(A) is None


def variation(
    A: Operator, x: Point, value: Point, place: Point, known: Point, space: Space
) -> Array:
    """How much A varies over the sizes of x's entries, ‖A(x + td) − A(x)‖/t, t small, where d is
    ‖x‖ long along v = A(p) − A(x), and no entry of it longer than half of x's, unless towards p.

    That is a step of the power method. Where A is affine and symmetric and d is not cut, it is at
    least ‖v‖‖x‖/‖p − x‖, as ‖v‖² = ⟨p − x, Jv⟩ for v = J(p − x); it is far less where A was steep
    at p and is not at x, as 1/x near 0. Cut, x + td lies in the domain, as many end at 0.
    """
    xp, norm, v, short = space.xp, space.norm, subtract(known, value), math.sqrt(space.eps)
    length = norm(v)
    h = xp.where(length > 0, norm(x) / xp.where(length > 0, length, 1.0), 0.0)
    d = _within(scale(h, v), x, subtract(place, x))
    found = norm(subtract(A(add(x, scale(short, d))), value)) / short
    return xp.where(xp.isfinite(found), found, 0.0)


def _within(d: Point, x: Point, ahead: Point) -> Point:
    """d, no longer than half of x or ``ahead`` in any entry."""
    if isinstance(x, tuple):
        return tuple(map(_within, d, x, ahead))
    if is_complex(x):
        return d
    half = 0.5 * abs(x)
    return clip(d, clip(ahead, None, -half), clip(ahead, half))
