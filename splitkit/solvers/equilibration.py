"""Units in which the entries of an inclusion are comparable: x = Dx̂, 0 ∈ DA(Dx̂), D = diag(d) > 0.

Let P hold the squares of the slopes that the terms show: of the entries of M in x ↦ Mx − q and in
quadratics; of LᵀBL, B Lipschitz, by way of L; and of LᵀBL with another B those of [0 Lᵀ; L 0] on
the pair (x, y), y ∈ B(Lx), where y has units of its own too. With v = d² the rows of DPD are given
the sums τ by

    v ← √(v ⊙ τ / Pv),

which in units u of x begins with P/(u² u²ᵀ) and ends with v u². A block of points that a term can
take in one unit only has one d, by the mean of its rows. A block of n entries whose rows meet r
blocks has τ = r/n, so that each pair of blocks is to have Frobenius norm 1; blocks as a whole are
made so by least squares first, as rows do not show what is small in them.

Where x only meets y, and y only x, be they blocks or entries of one array, t d on x and d/t on y
are as good for every t. Of a term (x, y) ↦ (Kᵀy − c, −Kx + b) the sizes of b and c, by their
medians, decide, as x̂ is of the size of b̂, and ŷ of that of ĉ; so rows that never bind do not.
Where there is no c, or no b, the bounds of y or x do.

A row of x ↦ Mx − q whose constant is larger by ε^(−3/8) than those of all rows that a forward-
backward step from 0 moves, while it does not move this one, is far from binding, as a limit of 10²⁰
is. It leaves the others few digits where rows are solved together, and gets the unit in which its
constant is as large as theirs.

Of one matrix X whose slopes are unknown, and of which a term takes diag(t) X diag(t) as it takes X,
as −log det does and X ⪰ 0, the diagonal of the constants that it meets gives X = diag(t) X̂ diag(t).

Where d is one number for many entries it is a power of 2, so that what couples them, such as a
simplex, is met without a rounding. A problem that is well scaled (d differs by factors up to
``APART`` at most, its means over blocks of points up to ``BLOCKS_APART``) is left as it is. Blocks,
such as x and its multipliers, have units of their own more often than entries.

Source: Knight, Ruiz, Uçar, *A symmetry preserving algorithm for matrix scaling* (2014); Stellato et
al., *OSQP* (2020), §5.1, for KKT systems.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from splitkit.backend import (
    Point,
    Space,
    add,
    blocks,
    device,
    from_numpy,
    held_fixed,
    is_array,
    is_traced,
    namespace,
    real_point,
    scale,
    to_numpy,
)
from splitkit.linear.base import LinearOperator
from splitkit.linear.block import BlockDiagonalMap
from splitkit.linear.diagonal import Diagonal
from splitkit.loops import times
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.freedom import Freedom
from splitkit.operators.pullback import in_metric
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.method import Method
from splitkit.solvers.rewrites import as_composition
from splitkit.solvers.scale import resolved
from splitkit.solvers.terms import Role, Term

APART = 8.0  # entries of d that differ by less are left as they are
BLOCKS_APART = 1.5  # and blocks, whose means in d differ by less
ROUNDS = 40
LEVELS = 2  # times that the blocks are made comparable, before and between
EQUAL = 1.2  # sums of squares that differ by less count as equal
FEW = 8  # blocks, up to which it is found out which of them meet
LOOKS = 32  # products by which it is found out which entries of one block meet

Vectors = list[Any]  # one of NumPy's arrays for each block
Side = list[tuple[int, Any]]  # blocks, and which of their entries


def equilibration(operators: Sequence[Operator], x0: Point, space: Space) -> Point | None:
    """d for 0 ∈ ΣAᵢx, like x0 without its batch axes; None: the units are good, or slopes are
    traced, and have no values.
    """
    try:
        return _Units(operators, x0, space).found()
    except _TracedError:
        return None


def metric(operators: Sequence[Operator], x0: Point, space: Space) -> Point | None:
    """d² with which the rows of DPD are comparable, where y is left in its units; None: the terms
    show no slopes. Of slopes that are traced so is d².
    """
    return _Units(operators, x0, space).metric()


class _TracedError(Exception):
    """Slopes have no values."""


def diagonal_map(d: Point) -> LinearOperator:
    """D = diag(d)."""
    if isinstance(d, tuple):
        return BlockDiagonalMap([Diagonal(block) for block in d])
    return Diagonal(d)


class InUnits(Inclusion):
    """The same inclusion, its terms in the units d."""

    def __init__(self, given: Inclusion, d: Point) -> None:
        vars(self).update(vars(given))
        self._ways = {}
        self.d = d
        self.origins: dict[int, Term] = {}  # by identity, of the terms in these units

    def term(self, role: Role, *indices: int) -> Term:
        """See ``Inclusion.term``."""
        origin = super().term(role, *indices)
        scaled, _ = in_units(origin, self.d)
        self.origins[id(scaled)] = origin
        return scaled


def in_units(term: Term, d: Point) -> tuple[Term, LinearOperator | None]:
    """DAD for a term A, made once; of LᵀBL it is KᵀB̂K with K = ELD and B̂ = E⁻¹BE⁻¹, and E."""
    key = "units", id(d)
    if key not in term.known:  # beside d, so that its identity stays its own
        term.known[key] = *_in_units(term, d), d
    scaled, E, _ = term.known[key]
    return scaled, E


def _in_units(term: Term, d: Point) -> tuple[Term, LinearOperator | None]:
    A, L, D = term.operator, term.of, diagonal_map(d)
    if L is None:
        return Term(in_metric(A, D), term.role), None
    if term.is_nothing:  # so that ELD = I
        return Term(A, term.role, L), D.reciprocal()
    if L.multiple == 1:  # of an operator that is no composition
        return Term(in_metric(A, D), term.role, L), D.reciprocal()
    e = row_scales(A, L, d)
    if e is None:
        return Term(A, term.role, L.scaled(columns=D)), None
    E = diagonal_map(e)
    return Term(in_metric(A, E.reciprocal()), term.role, L.scaled(E, D)), E


def leaves_steps_open(method: Method) -> bool:
    """Whether no step size or metric is given, which would be of the units of x as they are."""
    for option in fields(method):
        value = getattr(method, option.name)
        given = option.default is MISSING or (option.default is None and value is not None)
        if not leaves_steps_open(value) if isinstance(value, Method) else given:
            return False
    return True


def row_scales(B: Operator, L: LinearOperator, d: Point) -> Point | None:
    """e for which the rows of diag(e) L D have comparable sizes, for a term LᵀBL;
    None: they are not known, or B is Lipschitz.
    """
    squares = _rows_of(B, L)
    if squares is None:
        return None
    rows = squares(diagonal_map(d)(d))
    sums = [_in_double(r) for r in blocks(rows)]
    freedoms = B.freedom(L.range_space(_space_of(d, L)))
    _tie(freedoms, sums)
    return _as_point([np.sqrt(_one_over(s * s.size)) for s in sums], freedoms, rows)


def _space_of(d: Point, L: LinearOperator) -> Space:
    """That of points like d, complex ones where L acts on those alone."""
    space = Space.of(d, name="d")
    try:
        L.check_space(space)
    except TypeError:
        return space.complexified()
    return space


def _rows_of(B: Operator, L: LinearOperator) -> LinearOperator | None:
    """L∘L of a term LᵀBL whose y has units of its own."""
    return None if B.properties.lipschitz is not None else L.squares()


class _Units:
    def __init__(self, operators: Sequence[Operator], x0: Point, space: Space) -> None:
        shapes = tuple(shape[space.batch_ndim :] for shape in space.shapes)
        self.operators, self.x0 = operators, real_point(x0)
        self.space = replace(space, shapes=shapes, batch_ndim=0)
        self.count = len(shapes)  # of x's blocks, which y's follow
        self.shapes = list(shapes)
        self.slopes: list[PointMap] = []
        self.couplings: list[tuple[Operator, LinearOperator, LinearOperator, slice]] = []
        for A in operators:
            composition = as_composition(A)
            squares = None if composition is None else _rows_of(*composition)
            if composition is None or squares is None:
                slopes = A.make_variance()
                self.slopes += [] if slopes is None else [slopes]
            else:
                B, L = composition
                first = len(self.shapes)
                self.shapes += L.range_space(self.space).shapes
                self.couplings.append((B, L, squares, slice(first, len(self.shapes))))

    def P(self, v: Vectors) -> Vectors:
        """Pv, block by block."""
        total = [np.zeros(shape) for shape in self.shapes]
        own = slice(0, self.count)
        x = self._point(v[own], self.space.is_tuple)
        for slopes in self.slopes:
            _add(total[own], slopes(x))
        for _, _, squares, place in self.couplings:
            rows = squares(x)
            _add(total[place], rows)
            y = self._point(v[place], isinstance(rows, tuple))
            _add(total[own], squares.adjoint(y))
        return total

    def _point(self, v: Vectors, is_tuple: bool) -> Point:
        most = float(self.space.xp.finfo(self.space.dtype).max) ** 0.48
        like = blocks(self.x0)[0]
        arrays = tuple(
            from_numpy(np.where(each > 0, np.clip(each, 1 / most, most), 0.0), like) for each in v
        )
        return arrays if is_tuple else arrays[0]

    @cached_property
    def freedoms(self) -> list[Freedom]:
        """Of each block of (x, y)."""
        found = [Freedom.EACH] * len(self.shapes)
        for A in self.operators:
            found[: self.count] = map(min, found, A.freedom(self.space))
        for B, L, _, place in self.couplings:
            found[place] = B.freedom(L.range_space(self.space))
        if self.slopes or self.couplings:  # whose rows say nothing of a congruence
            return [Freedom.SHARED if f is Freedom.CONGRUENT else f for f in found]
        return found

    def found(self) -> Point | None:
        """See ``equilibration``."""
        if not (self.slopes or self.couplings):
            return self._congruence()
        v = [np.ones(shape) for shape in self.shapes]
        rows = self.P(v)
        shown = [r > 0 for r in rows]
        if not any(map(np.any, shown)) or not all(np.isfinite(r).all() for r in rows):
            return None
        masses = self._masses(v)
        met = [max(1, np.count_nonzero(each)) for each in masses]
        τ = [count / max(1, r.size) for count, r in zip(met, rows, strict=True)]
        within = max(_spread([r]) for r in rows)
        level = _spread(list(self._level(masses)))
        if within > APART**2 or level > APART**2 or self.count > 1:
            for _ in range(LEVELS):
                for each, t in zip(v, self._level(self._masses(v)), strict=True):
                    each *= t
                self._equilibrate(v, self.P(v), τ)
        d = [np.sqrt(each) for each in v]
        alone = len(d) == 1 and self.freedoms[0] is Freedom.EACH
        for side, other in self._sides_of_entries(shown[0]) if alone else _sides(masses > 0):
            self._balance(d, side, other)
        self._bring_near(d)
        x, y = d[: self.count], d[self.count :]
        if (
            max(_spread(x), *(_spread([each]) for each in y), 1.0) <= APART
            and _between(x) <= BLOCKS_APART
        ):
            return None
        filled = [_filled(each, known) for each, known in zip(x, shown, strict=False)]
        return _as_point(filled, self.freedoms, self.x0)

    def _congruence(self) -> Point | None:
        """dᵢⱼ = tᵢtⱼ with tᵢ = 1/√cᵢᵢ, c the constants that entries of one matrix meet, as of −log
        det X + ⟨C, X⟩, whose X̂ is then about the inverse of C's correlations.
        """
        if self.freedoms != [Freedom.CONGRUENT]:
            return None
        sizes = [np.zeros(self.shapes[0])]
        for A in self.operators:
            constant = A.offset(self.x0) if A.properties.lipschitz == 0 else A.data()
            _add_sizes(sizes, constant, [np.ones(self.shapes[0])])
        diagonal = np.diagonal(sizes[0])
        if not (diagonal > 0).all() or _spread([diagonal]) <= APART:
            return None
        t = 1 / np.sqrt(diagonal)
        return _as_point([t[:, None] * t[None, :]], [Freedom.EACH], self.x0)

    def metric(self) -> Point | None:
        """See ``metric``."""
        v = [np.ones(shape) for shape in self.shapes]
        try:
            rows = self.P(v)[: self.count]
        except _TracedError:
            return self._traced_metric()
        shown = [r > 0 for r in rows]
        if not any(map(np.any, shown)) or not all(np.isfinite(r).all() for r in rows):
            return None
        for _ in range(ROUNDS):
            sums = [each * r for each, r in zip(v, rows, strict=False)]
            _tie(self.freedoms[: self.count], sums)
            for each, s in zip(v, sums, strict=False):
                each *= np.sqrt(_one_over(s))
            rows = self.P(v)[: self.count]
        filled = [_filled(each, known) for each, known in zip(v, shown, strict=False)]
        return _as_point(filled, self.freedoms, self.x0)

    def _traced_metric(self) -> Point:
        """The same of one array, whose slopes are traced, where what is not shown counts as 1."""
        xp, like = self.space.xp, blocks(self.x0)[0]
        each = self.freedoms[0] is Freedom.EACH

        def rows(v: Point) -> Point:
            shown = reduce(add, [_mean_of(slopes(v), like.ndim) for slopes in self.slopes], 0.0 * v)
            for _, _, squares, _ in self.couplings:
                across = squares(v)
                shown = shown + squares.adjoint(scale(0.0, across) + 1.0)
            return shown

        def following(v: Point) -> Point:
            sums = v * rows(v)
            sums = sums if each else xp.mean(sums) + 0.0 * sums
            return v / xp.sqrt(xp.where(sums > 0, sums, 1.0))

        start = xp.ones(self.shapes[0], dtype=like.dtype, device=device(like))
        v: Point = held_fixed(times(ROUNDS, following, start, like))
        return v

    def _equilibrate(self, v: Vectors, rows: Vectors, τ: list[float]) -> None:
        """v ← √(v ⊙ τ / Pv), until the sums are equal, or no longer become so."""
        before = math.inf
        for _ in range(ROUNDS):
            sums = [each * r / t for each, r, t in zip(v, rows, τ, strict=True)]
            _tie(self.freedoms, sums)
            spread = _spread(sums)
            if spread <= EQUAL or spread > 0.98 * before:
                return
            before = spread
            for each, s in zip(v, sums, strict=True):
                each *= np.sqrt(_one_over(s))
            rows = self.P(v)

    def _masses(self, v: Vectors) -> Any:
        """The sums of DPD over each pair of blocks: which meet, and how much."""
        n = len(self.shapes)
        if n == 1 or n > FEW:
            return np.eye(n)
        columns = []
        for j in range(n):
            one = [each if i == j else 0 * each for i, each in enumerate(v)]
            rows = self.P(one)
            columns.append([float(np.sum(a * r)) for a, r in zip(v, rows, strict=True)])
        return np.array(columns).T

    def _level(self, masses: Any) -> Any:
        """A factor of v for each block, with which the masses are 1, by least squares of logs."""
        n = len(masses)
        if n == 1 or n > FEW:
            return np.ones(n)
        shared = [i for i, f in enumerate(self.freedoms) if f is Freedom.SHARED]
        unknown = [shared[0] if i in shared else i for i in range(n)]
        pairs = np.argwhere(np.isfinite(masses) & (masses > 0))
        equations = np.zeros((len(pairs), n))
        for row, (i, j) in zip(equations, pairs, strict=True):
            row[unknown[i]] += 1
            row[unknown[j]] += 1
        logs = -np.log([masses[i, j] for i, j in pairs])
        found = np.linalg.lstsq(equations, logs, rcond=None)[0]
        return np.exp(found[unknown])

    def _sides_of_entries(self, shown: Any) -> Iterator[tuple[Side, Side]]:
        """``_sides`` of the entries of one block, those that ``LOOKS`` products show."""
        left, looks = shown.copy(), LOOKS
        while left.any():
            sign, even, now = np.zeros(left.shape), True, 1.0
            newest = np.zeros(left.shape, bool)
            newest.flat[int(np.argmax(left))] = True
            while newest.any():
                if not looks:
                    return
                looks -= 1
                sign[newest] = now
                met = self.P([newest.astype(float)])[0] > 0
                even = even and not (met & (sign == now)).any()
                newest, now = met & (sign == 0), -now
            left &= sign == 0
            if even and (sign < 0).any():
                yield [(0, sign > 0)], [(0, sign < 0)]

    def _balance(self, d: Vectors, side: Side, other: Side) -> None:
        """t d on one side and d/t on the other, t from the sizes of what cancels there."""
        cancels, own = self._sizes(d)

        def size(rows: Side, x: Side) -> float:
            return _median([cancels[i][j] for i, j in rows]) or _median([own[i][j] for i, j in x])

        X, Y = size(other, side), size(side, other)
        if X > 0 and Y > 0:
            t = math.sqrt(X / Y)
        else:  # units of one size on both sides
            mean = [np.mean([np.log(d[i][j]).mean() for i, j in each]) for each in (side, other)]
            t = math.exp((mean[1] - mean[0]) / 2)
        for i, j in side:
            d[i][j] *= t
        for i, j in other:
            d[i][j] /= t

    def _bring_near(self, d: Vectors) -> None:
        """Give rows that are far from binding, and where x is 0, the sizes of those that are not:
        in their units any other x would be far away.
        """
        sizes = [np.zeros(shape) for shape in self.shapes[: self.count]]
        for A in self.operators:
            _add_sizes(sizes, A.data(), d)
        far, known = self.space.eps**-0.375, _positive(sizes)
        if known.size == 0 or known.max() <= far * known.min():
            return
        moved = self._moved()
        largest = max(float(np.max(c[m], initial=0.0)) for c, m in zip(sizes, moved, strict=True))
        typical = largest or float(known.min())
        for each, c, m, freedom in zip(d, sizes, moved, self.freedoms, strict=False):
            if freedom is Freedom.EACH:
                idle = ~m & (c > far * typical)
                each[idle] *= typical / c[idle]

    def _moved(self) -> list[Any]:
        """Of each block of x the entries that are not 0, or that a forward-backward step from 0
        changes, or may.
        """
        moved = [np.ones(shape, bool) for shape in self.shapes[: self.count]]
        if any(map(is_traced, blocks(self.x0))):
            return moved
        zero = scale(0.0, self.x0)
        smooth = [A for A in self.operators if A.properties.lipschitz is not None]
        values = [A(zero) for A in smooth if A.has_evaluation]
        step = scale(-1.0, reduce(add, values)) if values else zero
        for A in self.operators:
            if A.properties.lipschitz is None and A.has_resolvent and as_composition(A) is None:
                after = resolved(A, 1.0, step)
                for each, block in zip(moved, () if after is None else blocks(after), strict=False):
                    each &= _anywhere(block, each.ndim)
        for each, block in zip(moved, blocks(self.x0), strict=True):
            each |= _anywhere(block, each.ndim)
        return moved

    def _sizes(self, d: Vectors) -> tuple[Vectors, Vectors]:
        """Of (x̂, ŷ): of what cancels in the rows, and of x̂ and ŷ; 0 where nothing is known."""
        cancels, own = ([np.zeros(shape) for shape in self.shapes] for _ in range(2))
        first = slice(0, self.count)
        for A in self.operators:
            _add_sizes(cancels[first], A.data(), d[first])
            _add_sizes(own[first], A.place(), [1 / each for each in d[first]])
        for B, _, _, place in self.couplings:
            _add_sizes(cancels[place], B.place(), d[place])
            _add_sizes(own[place], B.data(), [1 / each for each in d[place]])
        return cancels, own


def _anywhere(block: Any, ndim: int) -> Any:
    """Which entries of the last axes are not 0 in an element of the batch."""
    change = to_numpy(block) != 0
    return change.any(axis=tuple(range(change.ndim - ndim)))


def _add_sizes(total: Vectors, values: Any, units: Vectors) -> None:
    """Sizes of what is known, the mean of a batch's, in these units."""
    parts = values if isinstance(values, tuple) else (values,)
    for each, value, unit in zip(total, parts, units, strict=False):
        if value is not None and not is_traced(value):
            sizes = _in_double(abs(value)) if is_array(value) else np.asarray(abs(float(value)))
            batch = tuple(range(max(0, sizes.ndim - each.ndim)))
            each += unit * sizes.mean(axis=batch)


def _sides(meets: Any) -> Iterator[tuple[Side, Side]]:
    """Of each connected set of blocks its two sides, where each of them only meets the other."""
    count, left = len(meets), set(range(len(meets)))
    while left:
        start = min(left)
        sign, waiting, even = {start: 1}, [start], True
        while waiting:
            i = waiting.pop()
            for j in range(count):
                if meets[i][j] or meets[j][i]:
                    if j not in sign:
                        sign[j] = -sign[i]
                        waiting.append(j)
                    even = even and sign[j] != sign[i]
        left -= set(sign)
        if even and len(sign) > 1:
            one, other = ([(i, ...) for i in sign if s * sign[i] > 0] for s in (1, -1))
            yield one, other


def _tie(freedoms: Sequence[Freedom], values: Vectors) -> None:
    """The mean in place of each of the values that must be one number."""
    each = list(zip(freedoms, values, strict=True))
    groups = [[v] for f, v in each if f is Freedom.OWN]
    groups.append([v for f, v in each if f is Freedom.SHARED])
    for group in groups:
        size = sum(v.size for v in group)
        mean = sum(float(v.sum()) for v in group) / max(1, size)
        for v in group:
            v[...] = mean


def _add(total: Vectors, point: Point) -> None:
    """Add it up; of what differs from sample to sample of a batch the mean."""
    for each, block in zip(total, blocks(point), strict=True):
        if is_traced(block):
            raise _TracedError
        value = to_numpy(block)
        each += value.mean(axis=tuple(range(max(0, value.ndim - each.ndim))))


def _in_double(x: Any) -> Any:
    return to_numpy(x).astype(float)


def _mean_of(x: Any, ndim: int) -> Any:
    """The mean of a batch, of arrays of so many axes."""
    batch = tuple(range(x.ndim - ndim))
    return namespace(x).mean(x, axis=batch) if batch else x


def _one_over(s: Any) -> Any:
    """1/s; 1 where s is 0."""
    return 1 / np.where(s > 0, s, 1.0)


def _filled(d: Any, known: Any) -> Any:
    """d, and where it is unknown the geometric mean of the others."""
    if known.all() or not known.any():
        return d
    return np.where(known, d, np.exp(np.log(d[known]).mean()))


def _as_point(values: Vectors, freedoms: Sequence[Freedom], like: Point) -> Point:
    """Arrays like those of a point; powers of 2 where they are one number each."""
    arrays = tuple(
        from_numpy(
            v if freedom is Freedom.EACH else np.ldexp(1.0, np.rint(np.log2(v)).astype(int)), a
        )
        for v, freedom, a in zip(values, freedoms, blocks(like), strict=False)
    )
    return arrays if isinstance(like, tuple) else arrays[0]


def _positive(values: Vectors) -> Any:
    whole = np.concatenate([v.ravel() for v in values])
    return whole[whole > 0]


def _spread(values: Vectors) -> float:
    """The largest by the least positive entry."""
    positive = _positive(values)
    return float(positive.max() / positive.min()) if positive.size else 1.0


def _between(values: Vectors) -> float:
    """``_spread`` of the blocks' geometric means."""
    return _spread([np.exp(np.log(each).mean(keepdims=True)) for each in values if each.size])


def _median(values: Vectors) -> float:
    """Of the positive entries; 0: there are none."""
    positive = _positive(values)
    return float(np.median(positive)) if positive.size else 0.0
