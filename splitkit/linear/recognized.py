"""Operator expressions that are affine, as one: x ↦ Mx − q.

aI + bA, A − v, A(· − v), LᵀAL, sums and block diagonals of affine operators are affine.
"""

from __future__ import annotations

from functools import reduce

from splitkit.backend import Point, Space, add, namespace, scale
from splitkit.linear.affine import Affine
from splitkit.linear.algebra import LinearSum
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockDiagonalMap
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.last_axes import LastAxesMap
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.combination import Combination
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.pullback import Pullback
from splitkit.operators.solvable import as_affine as as_affine
from splitkit.operators.sum import Sum
from splitkit.operators.translation import Shift, Translation


def _sum(p: Point | None, q: Point | None) -> Point | None:
    if p is None or q is None:
        return q if p is None else p
    return add(p, q)


@as_affine.register
def _(A: Affine) -> Affine:
    return A


@as_affine.register
def _(A: Identity) -> Affine:
    return Affine.of_finite(ScaledIdentity())


@as_affine.register
def _(A: Zero) -> Affine:
    return Affine.of_finite(ScaledIdentity(0.0))


@as_affine.register
def _(A: Combination) -> Affine | None:
    F = as_affine(A.A)
    if F is None:
        return None
    return Affine.of_finite((A.b * F.M).raised(A.a), None if F.q is None else scale(A.b, F.q))


@as_affine.register
def _(A: Shift) -> Affine | None:
    F = as_affine(A.A)
    return None if F is None else Affine.of_finite(F.M, _sum(F.q, A.v))


@as_affine.register
def _(A: Translation) -> Affine | None:
    F = as_affine(A.A)
    return None if F is None else Affine.of_finite(F.M, _sum(F.q, F.M(A.v)))


@as_affine.register
def _(A: Pullback) -> Affine | None:
    F, L = as_affine(A.A), A.L
    if F is None:
        return None
    M, q = L.T @ F.M @ L, F.q
    if q is not None:
        q = _values_of(L, q)
        if q is None:
            return None
        q = L.adjoint(q)
    return Affine.of_finite(M, q)


def _values_of(L: LinearOperator, q: Point) -> Point | None:
    """q as a point Lx, of whose shape it may fall short; None: the shape is not known."""
    try:
        L.domain_space(Space.of(q, name="q"))
    except (TypeError, ValueError):
        if not isinstance(L, LastAxesMap) or isinstance(q, tuple) or q.ndim > len(L.range_shape):
            return None
        try:
            return namespace(q).broadcast_to(q, L.range_shape)
        except (ValueError, RuntimeError):
            raise ValueError(
                f"an array of shape {tuple(q.shape)} does not broadcast to the values of {L!r}, of "
                f"shape {tuple(L.range_shape)}: give that, or axes of length 1"
            ) from None
    return q


@as_affine.register
def _(A: BlockDiagonal) -> Affine | None:
    parts = [as_affine(B) for B in A.operators]
    if None in parts:
        return None
    M = BlockDiagonalMap([F.M for F in parts])
    known = [F.q for F in parts if F.q is not None]
    if not known:
        return Affine.of_finite(M)
    nothing = 0.0 * namespace(known[0]).reshape(known[0], (-1,))[:1]
    return Affine.of_finite(M, tuple(nothing if F.q is None else F.q for F in parts))


@as_affine.register
def _(A: Sum) -> Affine | None:
    parts = [as_affine(term) for term in A.terms]
    if None in parts:
        return None
    return Affine.of_finite(
        reduce(LinearSum.of, [F.M for F in parts]), reduce(_sum, [F.q for F in parts])
    )
