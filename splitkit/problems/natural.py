"""The natural residual of 0 ∈ F(x) + B(x) without units: x − R_{γB}(x − γF(x)) beside X, γ = X/S.

    S   what cancels in F(x): |F(x)|, or the largest |F′(x)(s ∘ x)| over signs s;
    X   the size of x: |x|, or below it what F cannot tell from 0, 1/max |F′(x)ᵀ(s/S)|, if B's
        domain is that wide.

Where B acts on each entry by itself, as a box, every entry is judged with its own γ; else all
entries that B couples are judged with one, beside the largest of them. Scaling an entry of x, or a
row of F, changes nothing then, and a row whose F is large because it never binds judges its own
entry alone.

Where all that a row adds up vanishes at the solution, S is as small as the errors of x. So x may
also be judged by a point beside it. With x° = x but 0 in some entries of the rows that are not met,
all of which are at most a small part of what other rows feel that have a size without them,

    x is as good as the larger of what x° is and of the largest part that was neglected.

For γ a number it is the natural map: Facchinei, Pang (2003), §1.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce, singledispatch
from typing import Any

import numpy as np

from splitkit.arguments import Range, check_number
from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    align,
    at_least,
    blocks,
    from_numpy,
    namespace,
    scale,
)
from splitkit.functions import Subdifferential
from splitkit.linear import Affine
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.combination import Combination
from splitkit.operators.identity import Identity, Zero
from splitkit.operators.pullback import Pullback
from splitkit.operators.sum import Sum, terms_of
from splitkit.operators.translation import Shift

RANDOM = 4  # choices of signs, beside those that part every two entries
MOST = 0.1  # part of what is felt most
NEGLIGIBLE = (1e-8, 1e-6, 1e-4, 1e-2)  # parts that are small
STRICTEST = 1e-6  # a hundred times that of ``solve``, which adds up what is one by one here

Influence = tuple[Array | None, ...]  # F′(x)ᵀw by blocks; None: not known


@dataclass(frozen=True)
class Group:
    """The blocks of a point on which one set-valued operator acts, or none (then it is zero)."""

    indices: tuple[int, ...]
    operator: Operator

    def of(self, parts: Sequence[Any]) -> list[Any]:
        """Its own of what is given by blocks."""
        return [parts[i] for i in self.indices]

    def step(
        self, x: list[Array], values: list[Array], gamma: list[Array], space: Space
    ) -> list[Array]:
        """R_{γB}(x − γF), with a γ for each entry where B acts on each by itself."""
        ahead = [a - c * b for a, b, c in zip(x, values, gamma, strict=True)]
        if isinstance(self.operator, Zero):
            return ahead
        alpha = gamma[0]
        if not self.operator.elementwise:
            alpha = at_least(_largest(gamma[:1], space.batch_ndim), space.least)
            alpha = alpha if space.batch_ndim else float(alpha)
        y = ahead[0] if len(ahead) == 1 else tuple(ahead)
        return list(blocks(self.operator.make_resolvent(alpha)(y)))


@dataclass(frozen=True)
class Judged:
    """A group at a point: its blocks of x, of F(x), of S, and what an entry of x moves beside S."""

    group: Group
    x: list[Array]
    values: list[Array]
    sizes: list[Array]
    influences: list[Array | None]

    def residual(self, space: Space) -> Array:
        """The largest |x − R_{γB}(x − γF)|/X of its entries, of batch shape."""
        return _largest(self.residuals(space), space.batch_ndim)

    def residuals(self, space: Space) -> list[Array]:
        """|x − R_{γB}(x − γF)|/X of its entries, by blocks."""
        return _judge(self.group, self.x, self.values, self.sizes, self.influences, space)


def default_tolerance(space: Space) -> float:
    """Of a solution: 1e-6 (1.2e-3 in float32), a hundred times the default of ``solve``."""
    return max(STRICTEST, 1e4 * float(space.xp.finfo(space.dtype).eps))


def is_natural_solution(inclusion: Sum, x: Point, space: Space, tol: float | None) -> Array:
    """Whether the natural residual is at most tol, 0 ≤ tol < 1, of batch shape."""
    if tol is None:
        tol = default_tolerance(space)
    tol = check_number("tol", tol, Range(0.0, 1.0, "[)"), "give a relative tolerance in [0, 1)")
    return relative_residual(inclusion, x, space) <= tol


def relative_residual(inclusion: Sum, x: Point, space: Space) -> Array:
    """The largest |x − R_{γB}(x − γF(x))| beside X, of x or of a point beside it, of batch shape.

    Raises
    ------
    TypeError
        A block has two terms without an evaluation: an element of each is needed.
    """
    at_x = judged(inclusion.terms, x, space)
    ratio = _worst(at_x, space)
    for part in NEGLIGIBLE:
        if space.any(ratio > part):
            ratio = space.xp.minimum(ratio, _beside(inclusion.terms, x, at_x, part, space))
    return ratio


def _worst(groups: list[Judged], space: Space) -> Array:
    return reduce(space.xp.maximum, [each.residual(space) for each in groups])


def _beside(
    terms: Sequence[Operator], x: Point, at_x: list[Judged], part: float, space: Space
) -> Array:
    """What x is by a point beside it, see the module's docstring. Of the entries in question those
    that are felt as more than the part are not neglected; the most felt are taken back first, as
    what others are felt as depends on them.
    """
    xp = space.xp
    asked = _in_question(terms, x, at_x, part, space)
    while True:
        point = [xp.where(zero, 0.0 * a, a) for zero, a in zip(asked, blocks(x), strict=True)]
        found = judged(terms, tuple(point) if isinstance(x, tuple) else point[0], space)
        parts = [
            xp.where(zero, p, 0.0 * p)
            for zero, p in zip(asked, _felt(found, at_x, space), strict=True)
        ]
        most = _largest(parts, space.batch_ndim)
        if not space.any(~(most <= part)):
            return xp.maximum(_worst(found, space), most)
        limits = _spread(at_least(MOST * most, part), parts)
        asked = [zero & (p <= limit) for zero, p, limit in zip(asked, parts, limits, strict=True)]


def _by_blocks(groups: list[Judged], of: Sequence[list[Array]]) -> list[Array]:
    """What is given by groups, in the order of the blocks."""
    found: dict[int, Array] = {}
    for at, own in zip(groups, of, strict=True):
        found.update(zip(at.group.indices, own, strict=True))
    return [found[i] for i in sorted(found)]


def _in_question(
    terms: Sequence[Operator], x: Point, at_x: list[Judged], part: float, space: Space
) -> list[Array]:
    """By blocks, which entries are not 0 but may be, and belong to rows that are not met."""
    xp, batch, failing, found = space.xp, space.batch_ndim, [], []
    for at in at_x:
        ratios = at.residuals(space)
        if not at.group.operator.elementwise:
            ratios = _spread(_largest(ratios, batch), ratios)
        failing.append([ratio > part for ratio in ratios])
    rows = [
        [xp.where(fails, S, 0.0 * S) for S, fails in zip(at.sizes, own, strict=True)]
        for at, own in zip(at_x, failing, strict=True)
    ]
    moving = _influences(_split(terms, x)[0], x, _by_blocks(at_x, rows), batch)
    for at, own in zip(at_x, failing, strict=True):
        largest = _spread(_largest([abs(a) for a in at.x], batch), at.x)
        zero = [0.0 * a for a in at.x]
        there = [abs(a) for a in at.group.step(zero, zero, _quotients(largest, at.sizes), space)]
        if not at.group.operator.elementwise:
            there = _spread(_largest(there, batch), at.x)
        asked = [
            abs(a) <= part * b if m is None else fails | (m > 0)
            for a, b, m, fails in zip(at.x, largest, at.group.of(moving), own, strict=True)
        ]
        found.append(
            [q & (a != 0) & (moved == 0) for q, a, moved in zip(asked, at.x, there, strict=True)]
        )
    return _by_blocks(at_x, found)


def _felt(found: list[Judged], at_x: list[Judged], space: Space) -> list[Array]:
    """By blocks, |x| beside what the rows that have a size at a point beside x can tell from 0; of
    entries that no such row feels, beside the largest of that point, or of what is told from 0.
    """
    xp, batch, felt = space.xp, space.batch_ndim, []
    every = [_reference(at, batch) for at in found]
    for at, before, reference in zip(found, at_x, every, strict=True):
        reference = xp.where(reference > 0, reference, reduce(xp.maximum, every))
        beside = _spread(at_least(reference, space.least), before.x)
        own = [
            abs(a) / b if m is None else abs(a) * xp.where(m > 0, m, 1 / b)
            for a, b, m in zip(before.x, beside, at.influences, strict=True)
        ]
        if not at.group.operator.elementwise:
            own = _spread(_largest(own, batch), before.x)
        felt.append(own)
    return _by_blocks(found, felt)


def _reference(at: Judged, batch_ndim: int) -> Array:
    """The largest |x| of a group, and of what F can tell from 0 there; of batch shape."""
    sizes = [abs(a) for a in at.x]
    for m in at.influences:
        if m is not None:
            where = namespace(m).where
            sizes.append(where(m > 0, 1 / where(m > 0, m, 1.0), 0.0 * m))
    return _largest(sizes, batch_ndim)


def judged(terms: Sequence[Operator], x: Point, space: Space) -> list[Judged]:
    """The groups of 0 ∈ A₁x + … + Aₙx at x; raises as ``relative_residual``."""
    F, groups = _split(terms, x)
    arrays, values = blocks(x), blocks(F(x))
    sizes = cancelling(F, x, space.batch_ndim)
    for group in groups:
        if not group.operator.elementwise:
            largest = _largest(group.of(sizes), space.batch_ndim)
            for i, S in zip(group.indices, _spread(largest, group.of(arrays)), strict=True):
                sizes[i] = S
    influences = _influences(F, x, sizes, space.batch_ndim)
    found = []
    for group in groups:
        of = group.of
        found.append(Judged(group, of(arrays), of(values), of(sizes), of(influences)))
    return found


def cancelling(F: Operator, x: Point, batch_ndim: int) -> list[Array]:
    """S, by blocks: the largest |F(x)| or |F′(x)(s ∘ x)| over signs s, of each entry."""
    at_x = blocks(F(x))
    sizes = [abs(value) for value in at_x]
    xp = namespace(x)
    step = float(xp.finfo(at_x[0].dtype).eps) ** (1 / 3)
    for signed in _signed(x, batch_ndim):
        moved = blocks(F(add(x, scale(step, signed))))
        changes = [abs(b - a) / step for a, b in zip(at_x, moved, strict=True)]
        sizes = [xp.maximum(a, b) for a, b in zip(sizes, changes, strict=True)]
    limits = xp.finfo(at_x[0].dtype)
    least = float(limits.smallest_normal / limits.eps)  # below it digits are lost
    return [xp.where(a > least, a, 0.0 * a) for a in sizes]


def _split(terms: Sequence[Operator], x: Point) -> tuple[Operator, list[Group]]:
    """F, the terms that are evaluated, and the operators that are resolved, by blocks."""
    evaluated: list[Operator] = []
    whole: list[Operator] = []
    resolved: list[list[Operator]] = [[] for _ in blocks(x)]
    for term in terms:
        if term.has_evaluation:
            evaluated.append(term)
        elif isinstance(term, BlockDiagonal):
            smooth: list[Operator] = []
            for own, A in zip(resolved, term.operators, strict=True):
                parts = terms_of(A)
                own += [part for part in parts if not part.has_evaluation]
                kept = [part for part in parts if part.has_evaluation]
                smooth.append(Sum(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Zero())
            if not all(isinstance(A, Zero) for A in smooth):
                evaluated.append(BlockDiagonal(smooth))
        else:
            whole.append(term)
    many = next((own for own in (whole, *resolved) if len(own) > 1), None)
    if many is None and whole and any(resolved):
        many = [*whole, *next(own for own in resolved if own)]
    if many is not None:
        raise TypeError(
            f"whether x is a solution cannot be told from x alone: {many[0]!r} and {many[1]!r} "
            "have no evaluation, so that an element of one of them is needed; "
            "Solution.residual is made of such elements"
        )
    F = evaluated[0] if len(evaluated) == 1 else Sum(tuple(evaluated)) if evaluated else Zero()
    if whole:
        return F, [Group(tuple(range(len(resolved))), whole[0])]
    return F, [Group((i,), own[0] if own else Zero()) for i, own in enumerate(resolved)]


def _judge(
    group: Group,
    x: list[Array],
    values: list[Array],
    S: list[Array],
    influences: list[Array | None],
    space: Space,
) -> list[Array]:
    """|x − R_{γB}(x − γF)|/X of the entries of a group, by blocks."""
    batch = space.batch_ndim
    own = [abs(a) for a in x]
    largest = _largest(own, batch)
    untold = [
        _untold(influence, around)
        for influence, around in zip(influences, _spread(largest, x), strict=True)
    ]
    direction = S
    if not group.operator.elementwise:
        own, direction = _spread(largest, x), values
        untold = _spread(-_largest([-a for a in untold], batch), x)
    X = _as_far_as(group, x, direction, S, own, untold, space)
    ahead = group.step(x, values, _quotients(X, S), space)
    return [abs(a - b) / c for a, b, c in zip(x, ahead, X, strict=True)]


def _untold(influence: Array | None, around: Array) -> Array:
    """What F cannot tell from 0; as large as the block, where nobody knows or F does not see it."""
    if influence is None:
        return around
    xp = namespace(influence)
    felt = influence > 0
    return xp.where(felt, 1 / xp.where(felt, influence, 1.0), around)


def _as_far_as(
    group: Group,
    x: list[Array],
    direction: list[Array],
    S: list[Array],
    own: list[Array],
    untold: list[Array],
    space: Space,
) -> list[Array]:
    """X > 0: |x|, or what F cannot tell from 0 as far as B's domain reaches in this direction."""
    xp, least = space.xp, math.sqrt(space.least)
    untold = [at_least(a, least) for a in untold]
    gamma = _quotients(untold, S)
    there, back = (
        group.step(x, [sign * value for value in direction], gamma, space) for sign in (1.0, -1.0)
    )
    widths = [abs(a - b) for a, b in zip(there, back, strict=True)]
    if not group.operator.elementwise:
        widths = _spread(_largest(widths, space.batch_ndim), x)
    found = []
    for size, most, width in zip(own, untold, widths, strict=True):
        reached = xp.where(size > 0, size, most)
        reached = xp.where(width > 0, xp.minimum(most, width), reached)
        found.append(at_least(xp.maximum(size, reached), least))
    return found


def _quotients(p: list[Array], q: list[Array]) -> list[Array]:
    """p/q, p where q = 0."""
    where = namespace(*p).where
    return [a / where(b > 0, b, 1.0) for a, b in zip(p, q, strict=True)]


def _spread(value: Array, x: list[Array]) -> list[Array]:
    """What is of batch shape, as arrays like these."""
    return [align(value, a) + 0.0 * a for a in x]


def _largest(arrays: list[Array], batch_ndim: int) -> Array:
    """The largest entry of some blocks, of batch shape."""
    xp = namespace(*arrays)
    flat = [xp.reshape(a, (*a.shape[:batch_ndim], -1)) for a in arrays]
    return xp.max(flat[0] if len(flat) == 1 else xp.concat(flat, axis=-1), axis=-1)


def _signed(x: Point, batch_ndim: int) -> list[Point]:
    """x with other signs, the same at every call and for all of a batch: its own, such that every
    two entries differ once (by the digits of their places), and random ones.
    """
    arrays = blocks(x)
    shapes = [a.shape[batch_ndim:] for a in arrays]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    places, random = np.arange(ends[-1]), np.random.default_rng(0)
    patterns = [1.0 - 2.0 * (places >> digit & 1) for digit in range(len(places).bit_length())]
    patterns += [random.choice((-1.0, 1.0), size=len(places)) for _ in range(RANDOM)]
    found = [x]
    for pattern in patterns:
        parts = zip(arrays, shapes, np.split(pattern, ends[:-1]), strict=True)
        flipped = [a * from_numpy(np.reshape(signs, shape), a) for a, shape, signs in parts]
        found.append(tuple(flipped) if isinstance(x, tuple) else flipped[0])
    return found


def _influences(F: Operator, x: Point, sizes: list[Array], batch_ndim: int) -> Influence:
    """The largest |F′(x)ᵀ(s/S)| over signs s, by blocks: what an entry of x moves, beside S."""
    xp = namespace(x)
    inverse = [xp.where(a > 0, 1 / xp.where(a > 0, a, 1.0), 0.0 * a) for a in sizes]
    largest: list[Array | None] = [0.0 * a for a in sizes]
    for w in _signed(tuple(inverse) if isinstance(x, tuple) else inverse[0], batch_ndim):
        found = transposed_derivative(F, x, w)
        largest = [
            None if a is None or b is None else xp.maximum(a, abs(b))
            for a, b in zip(largest, found, strict=True)
        ]
    return tuple(largest)


@singledispatch
def transposed_derivative(F: Operator, x: Point, w: Point) -> Influence:
    """F′(x)ᵀw by blocks, None where it is not known: an operator's adjoint, if it has one."""
    return (None,) * len(blocks(x))


@transposed_derivative.register
def _(F: Zero, x: Point, w: Point) -> Influence:
    return blocks(scale(0.0, w))


@transposed_derivative.register
def _(F: Identity, x: Point, w: Point) -> Influence:
    return blocks(w)


@transposed_derivative.register
def _(F: Affine, x: Point, w: Point) -> Influence:
    return blocks(F.M.adjoint(w))


@transposed_derivative.register
def _(F: Shift, x: Point, w: Point) -> Influence:
    return transposed_derivative(F.A, x, w)


@transposed_derivative.register
def _(F: Subdifferential, x: Point, w: Point) -> Influence:
    if F.f.operator is not None:
        return transposed_derivative(F.f.operator, x, w)
    if F.f.has_affine_gradient:
        return blocks(scale(F.f.strong_convexity, w))
    return (None,) * len(blocks(x))


@transposed_derivative.register
def _(F: Combination, x: Point, w: Point) -> Influence:
    inner = transposed_derivative(F.A, x, w)
    return _total([blocks(scale(F.a, w)), tuple(None if a is None else F.b * a for a in inner)])


@transposed_derivative.register
def _(F: Sum, x: Point, w: Point) -> Influence:
    return _total([transposed_derivative(term, x, w) for term in F.terms])


@transposed_derivative.register
def _(F: BlockDiagonal, x: Point, w: Point) -> Influence:
    parts = zip(F.operators, x, w, strict=True)
    return tuple(transposed_derivative(A, a, b)[0] for A, a, b in parts)


@transposed_derivative.register
def _(F: Pullback, x: Point, w: Point) -> Influence:
    inner = transposed_derivative(F.A, F.L(x), F.L(w))
    if any(a is None for a in inner):
        return (None,) * len(blocks(x))
    return blocks(F.L.adjoint(inner[0] if len(inner) == 1 else inner))


def _total(influences: Sequence[Influence]) -> Influence:
    def both(p: Influence, q: Influence) -> Influence:
        pairs = zip(p, q, strict=True)
        return tuple(None if a is None or b is None else a + b for a, b in pairs)

    return reduce(both, influences)
