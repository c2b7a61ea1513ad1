"""A certificate that 0 ∈ A₁x + … + Aₙx has no solution: vectors vᵢ whose sum is 0, and d, with

    Σ sup {⟨x, vᵢ⟩ + ⟨a, d⟩: a ∈ Aᵢ(x)} < 0        (``operators/graph_support.py``).

What drifts in a solve is a candidate, whatever the method: of a problem without a solution x_k/k
tends to such a d, and elements of Aᵢ divided by k to such vᵢ. A candidate is made to satisfy what
can be satisfied exactly: d is projected onto the directions that the terms allow, each vᵢ onto
those in which the term's domain is bounded, and one term takes what is left of the sum; what still
is wrong a few steps correct, where it is little. The claim is made if all else holds to rounding,
and the sum is negative by more than what rounding, or x as it is, could make of it. So it does not
depend on units, nor on the path of the iterates.

Source: see ``graph_support``; for the drift Pazy (1971); Liu, Ryu, Yin, *A new use of Douglas-
Rachford splitting for identifying infeasible, unbounded, and pathological conic programs* (2019);
Applegate, Díaz, Lu, Lubin, *Infeasibility detection with primal-dual hybrid gradient for
large-scale linear programming* (2024).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, TypeAlias

from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    blocks,
    inner,
    lincomb,
    namespace,
    norm,
    scale,
    solve_linear,
    subtract,
    where,
)
from splitkit.display import Shown
from splitkit.linear.iterative import krylov
from splitkit.operators.graph_support import GraphSupport, agree, magnitude
from splitkit.operators.pullback import Pullback
from splitkit.solvers.rewrites import flatten
from splitkit.solvers.terms import Role, Term, columns

SETTLE = 16  # rounds of projections of d onto the directions of all terms, in turn
NEARLY = 0.3  # of the vᵢ and d, what is wrong with a candidate that is worth correcting
KRYLOV = 32  # iterations for the shortest correction of d by a composed term
MEMORY = 4  # steps that are combined with a new one
PATIENCE = 24  # steps in which half of what is wrong is to be corrected
BEYOND = 1e3  # times what rounding and the mismatch at x account for, a sum counts as negative


# z projected, the supports of the parts there, by their identity, and e
At: TypeAlias = tuple[Point, dict[int, GraphSupport], Point]


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """Why there is no solution; ``print`` it for the reason in words.

    Attributes
    ----------
    direction : point
        d; 0 where the terms' domains are apart.
    normals : tuple of points
        vᵢ, one for each term, whose sum is 0.
    terms : tuple of str
        The terms, in the same order.
    gap : array of batch shape
        −Σ sup {⟨x, vᵢ⟩ + ⟨a, d⟩: a ∈ Aᵢ(x)} > 0; 0 for batch elements without certificate. With d
        of length 1 it bounds ‖r‖ from below for r ∈ A₁x + … + Aₙx, whatever x; where d = 0, and
        max ‖vᵢ‖ = 1, the sum of the distances from x to the terms' domains.
    unbounded : bool
        The terms are subdifferentials, and the objective falls along d without bound from wherever
        it is finite, by at least ``gap`` for each unit of length.
    """

    direction: Point
    normals: tuple[Point, ...]
    terms: tuple[str, ...]
    gap: Array
    unbounded: bool

    def heading(self) -> str:
        """What it proves."""
        return f"Certificate: {self}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The vectors, and by how much they prove it."""
        yield "direction", self.direction
        for term, normal in zip(self.terms, self.normals, strict=True):
            yield f"normal of {term}", normal
        yield "gap", self.gap

    @property
    def holds(self) -> Array:
        """Of which batch elements."""
        return self.gap > 0

    def merged(self, earlier: Certificate | None, space: Space) -> Certificate:
        """With the certificates of batch elements that had one before."""
        if earlier is None:
            return self
        kept = earlier.holds
        pairs = zip(earlier.normals, self.normals, strict=True)
        return Certificate(
            where(kept, earlier.direction, self.direction),
            tuple(where(kept, v, w) for v, w in pairs),
            self.terms,
            space.xp.where(kept, earlier.gap, self.gap),
            earlier.unbounded and self.unbounded,
        )

    def __str__(self) -> str:
        xp = namespace(self.gap)
        least = f"{float(xp.min(xp.where(self.holds, self.gap, math.inf))):.3g}"
        if self.unbounded:
            return (
                "the objective has no lower bound: wherever it is finite it falls along "
                f"certificate.direction, by at least {least} for each unit of length"
            )
        if not _any(self.direction):
            return (
                "the domains of the terms do not meet: the distances from a point to them add up "
                f"to at least {least} (certificate.normals separate them)"
            )
        return (
            f"every residual has at least the norm {least}, as certificate.direction and "
            "certificate.normals prove: the constraints contradict each other"
        )


def certified(
    terms: tuple[Term, ...],
    x: Point,
    d: Point,
    elements: tuple[Point | None, ...],
    space: Space,
    steps: int,
) -> Certificate | None:
    """The certificate that a drift d of x, and of the terms' elements, leads to; None: none.

    Parameters
    ----------
    terms : tuple of Term
    x : point
        Where the solve is.
    d : point
    elements : tuple of points or None
        The drift of an element of each term, of a composed one LᵀBL of B; None: unknown.
    space : Space
    steps : int
        In which a candidate that nearly is one may be corrected.
    """
    parts = [
        _Part(term, _zero(term, d) if v is None else v)
        for term, v in zip(terms, elements, strict=True)
        if not term.is_zero
    ]
    # a term that can be evaluated has no domain to be separated from
    plain = [part for part in parts if part.term.of is None]
    takers: list[_Part | None] = [*([part for part in plain if part.is_free] or plain)] or [None]
    for direction, unbounded in _directions(terms, d):
        settled = _settled(parts, direction, space)
        if _any(direction) and not _any(settled):
            continue
        for taker in takers:
            candidate = _Candidate(parts, taker, x, space, unbounded)
            found = candidate.certificate(settled, steps)
            if found is not None:
                return found
    return None


def _directions(terms: tuple[Term, ...], d: Point) -> Iterator[tuple[Point, bool]]:
    """0, where d has blocks each of them alone, and d; and whether an objective falls there."""
    known = [term.expression.properties for term in terms]
    functions = all(p.gradient for p in known)
    yield scale(0.0, d), False
    if not _any(d):
        return
    if isinstance(d, tuple) and len(d) > 1:
        summands = (A for term in terms for A in flatten(term.expression)[0])
        saddle = len(d) == 2 and all(A.properties.gradient or A.properties.skew for A in summands)
        for i in reversed(range(len(d))):  # what the constraints say comes first
            alone = tuple(block if i == j else scale(0.0, block) for j, block in enumerate(d))
            yield alone, functions or (saddle and i == 0)
    yield d, functions


@dataclass(frozen=True, eq=False)
class _Part:
    """A term with the drift of an element of it."""

    term: Term
    v: Point

    @property
    def is_free(self) -> bool:
        """Whether its domain may be less than all, so that v may be other than what d makes it."""
        return not self.term.has_evaluation

    @property
    def rows(self) -> list[_Part]:
        """Of a composition with several columns each of them."""
        if self.term.of is None:
            return [self]
        return [
            _Part(Term(B, Role.COMPOSED, L), self.v)
            for B, L in columns(Pullback(self.term.operator, self.term.of))
        ]

    def nearest(self, d: Point, space: Space) -> Point:
        """The direction nearest to d that the term allows, about."""
        B, L = self.term.operator, self.term.of
        if L is None:
            return self.support(scale(0.0, d), d, space).d
        Ld = L(d)
        missed = subtract(B.graph_support(scale(0.0, Ld), Ld, L.range_space(space)).d, Ld)
        wanted = space.eps * space.norm(d)
        shortest, _ = krylov(L, L.adjoint, False, missed, wanted, KRYLOV, space)
        return add(d, shortest)

    def allows(self, d: Point, space: Space) -> bool:
        """Whether d is such a direction."""
        zero = scale(0.0, d if self.term.of is None else self.term.of(d))
        known = self.support(zero, d, space)
        holds = agree(known.d, d, known.d_size, space) & (known.value < math.inf)
        return bool(space.xp.all(holds))

    def support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        operator, L = self.term.operator, self.term.of
        if L is None:
            return operator.graph_support(v, d, space)
        return Pullback(operator, L).pulled_back(v, d, space)


def _zero(term: Term, d: Point) -> Point:
    return scale(0.0, d if term.of is None else term.of(d))


def _settled(parts: list[_Part], d: Point, space: Space) -> Point:
    """d projected onto the directions of one term after the other, in rounds that ``_least``
    combines; of the last round's points the one on which all terms agree, as they do to rounding if
    the last projection sets entries to 0 exactly. 0 if no direction near d is allowed.
    """
    if not _any(d):
        return d
    rows = [row for part in parts for row in part.rows]
    made: list[tuple[Point, Point]] = []
    last: tuple[Point, Point, Array] | None = None
    found, start = [d], space.norm(d)
    for turn in range(SETTLE):
        found = [d]
        for row in rows:
            found.append(row.nearest(found[-1], space))
        after, r = found[-1], subtract(found[-1], d)
        size = space.norm(r)
        length = space.norm(after)
        far = (length < NEARLY * start) | (size > NEARLY * length) & (turn > 1)
        if bool(space.xp.all(far)):  # there is no such direction near d
            return scale(0.0, d)
        if not bool(space.xp.any((size > 4 * space.eps * length) & ~far)):
            break
        if last is not None:
            made = [(subtract(after, last[0]), subtract(r, last[1])), *made[: MEMORY - 1]]
        falls = last is None or bool(space.xp.all(size <= last[2]))
        last = after, r, size
        d = _least(after, r, made, space) if made and falls else after
    agreed = (each for each in reversed(found) if all(row.allows(each, space) for row in rows))
    return next(agreed, found[-1])


def _least(z: Point, e: Point, made: list[tuple[Point, Point]], space: Space) -> Point:
    """z and those multiples of steps (Δz, Δe) with which e is least."""
    xp = space.xp
    sizes = [space.norm(of_e) for _, of_e in made]
    units = [xp.where(size > 0, 1 / xp.where(size > 0, size, 1.0), 0.0) for size in sizes]
    of_e = [scale(unit, each) for unit, (_, each) in zip(units, made, strict=True)]
    rows = [xp.stack([space.inner(p, q) for q in of_e], axis=-1) for p in of_e]
    target = xp.stack([-space.inner(p, e) for p in of_e], axis=-1)
    ridge = 10 * space.eps * xp.eye(len(made), dtype=target.dtype, device=space.device)
    parts = solve_linear(xp.stack(rows, axis=-2) + ridge, target[..., None])[..., 0]
    moves = [scale(parts[..., i] * units[i], step) for i, (step, _) in enumerate(made)]
    return reduce(add, moves, z)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """(d, v₁, …, vₙ), of which one term, the taker, takes what the others leave of Σvᵢ = 0.

    Where it cannot take it all, e = Σvᵢ is made smaller by steps along −(−ΣMᵢe, e, …, e), the
    gradient of ½‖e‖² for vᵢ = −Mᵢᵀd or vᵢ free, followed by the projections, with the lengths of
    Barzilai, Borwein, *Two-point step size gradient methods* (1988). Of such a step and the last
    ones the combination of least ‖e‖ is taken, if the projections leave it smaller: e is linear in
    what is feasible, so that while they keep to one face these are Krylov's methods (Moré, Toraldo,
    *On the solution of large quadratic programming problems with bound constraints*, 1991; Walker,
    Ni, *Anderson acceleration for fixed-point iterations*, 2011, where the face changes).
    """

    parts: list[_Part]
    taker: _Part | None
    x: Point
    space: Space
    unbounded: bool

    def first(self, v: Point, d: Point) -> Point:
        """What a vᵢ begins with: what drifted; for an objective that falls along d nothing of it
        is needed in the blocks of d.
        """
        return _outside(d, v) if self.unbounded else v

    @property
    def free(self) -> list[_Part]:
        """The parts whose vᵢ are variables."""
        return [part for part in self.parts if part.is_free and part is not self.taker]

    def certificate(self, d: Point, steps: int) -> Certificate | None:
        """What it proves, after so many corrections at most; None: nothing."""
        at = self.at((d, *(self.first(part.v, d) for part in self.free)))
        before: tuple[Point, Point] | None = None
        made: list[tuple[Point, Point]] = []
        least, since = math.inf, 0
        for count in range(steps + 1):
            z, known, e = at
            each = list(known.values())
            value, rounding, missed = self.value(each, e)
            found = self.verified(z[0], each, e, value, value < -BEYOND * (rounding + missed))
            if found is not None:
                return found
            size = reduce(self.space.xp.maximum, (self.space.norm(k.v_size) for k in each))
            part = self.space.norm(e) / self.space.xp.where(size > 0, size, 1.0)
            off = self.space.xp.where(value < -BEYOND * rounding, part, math.inf)
            nearest = float(self.space.xp.min(off))
            if nearest < 0.5 * least:
                least, since = nearest, count
            if nearest > NEARLY or count - since > PATIENCE:
                return None
            gradient = self.gradient(z, known, e)
            step = self.length(z, gradient, before, part)
            before = z, gradient
            at = self.at(lincomb(1.0, z, -step, gradient))
            at = self.combined(z, e, at, made)
            made = [_moved(z, e, at), *made[: MEMORY - 1]]
        return None

    def at(self, z: Point) -> At:
        """z projected, the supports there, and e."""
        settled = _settled(self.parts, z[0], self.space)
        z = (settled if _any(settled) else z[0], *z[1:])
        known = self.supports(z)
        return self.projected(z, known), known, reduce(add, (k.v for k in known.values()))

    def combined(self, z: Point, e: Point, at: At, made: list[tuple[Point, Point]]) -> At:
        """What is next after z: the combination of the step that led to ``at`` and those made last
        whose ‖e‖ is least; ``at``, where the projections make it larger than there.
        """
        space, xp = self.space, self.space.xp
        found = self.at(_least(z, e, [_moved(z, e, at), *made], space))
        better = space.norm(found[2]) <= space.norm(at[2])
        if bool(xp.all(better)):
            return found
        return self.at(where(better, found[0], at[0])) if bool(xp.any(better)) else at

    def supports(self, z: Point) -> dict[int, GraphSupport]:
        """Those of the parts at z, by their identity."""
        d, *normals = z
        of = dict(zip(map(id, self.free), normals, strict=True))
        known = {
            id(part): part.support(of.get(id(part), scale(0.0, part.v)), d, self.space)
            for part in self.parts
            if part is not self.taker
        }
        if self.taker is not None:
            left = reduce(add, (k.v for k in known.values()), scale(0.0, d))
            known[id(self.taker)] = self.taker.support(scale(-1.0, left), d, self.space)
        return {id(part): known[id(part)] for part in self.parts}

    def value(self, each: list[GraphSupport], e: Point) -> tuple[Array, Array, Array]:
        """The sum of the supports, and what rounding and what e could make of it at x."""
        x, inner = magnitude(self.x), self.space.inner
        sizes = reduce(add, (abs(k.value) + inner(x, magnitude(k.v)) for k in each))
        value = reduce(add, (k.value for k in each))
        return value, self.space.eps * sizes, inner(x, magnitude(e))

    def verified(
        self, d: Point, each: list[GraphSupport], e: Point, value: Array, negative: Array
    ) -> Certificate | None:
        """The certificate, if all holds to rounding."""
        space, xp = self.space, self.space.xp
        size = reduce(add, (k.v_size for k in each))
        holds = negative & agree(e, scale(0.0, e), size, space)
        holds = reduce(and_, (agree(k.d, d, k.d_size, space) for k in each), holds)
        if not bool(xp.any(holds)):
            return None
        largest = reduce(xp.maximum, (space.norm(k.v) for k in each))
        length = space.norm(d)
        length = xp.where(length > 0, length, largest)
        per = xp.where(holds, 1 / xp.where(holds, length, 1.0), 0.0 * length)
        return Certificate(
            direction=scale(per, d),
            normals=tuple(scale(per, k.v) for k in each),
            terms=tuple(repr(part.term) for part in self.parts),
            gap=per * xp.where(holds, -value, 0.0 * length),
            unbounded=self.unbounded and _any(d),
        )

    def projected(self, z: Point, known: dict[int, GraphSupport]) -> Point:
        """z with the vᵢ that the supports are of."""
        at = (known[id(part)] for part in self.free)
        return (z[0], *(k.v if k.w is None else k.w for k in at))

    def gradient(self, z: Point, known: dict[int, GraphSupport], e: Point) -> Point:
        """(−ΣMᵢe, e, …, e), of a composed term Le; 0 in the blocks of d that are 0."""
        of_d = reduce(add, (k.lift(e) for k in known.values() if k.lift), scale(0.0, e))
        of_v = (e if part.term.of is None else part.term.of(e) for part in self.free)
        return (scale(-1.0, _within(z[0], of_d)), *of_v)

    def length(
        self, z: Point, gradient: Point, before: tuple[Point, Point] | None, first: Array
    ) -> Array:
        """‖Δz‖²/⟨Δz, Δgradient⟩; at first what moves z by this part of itself."""
        xp, batch_ndim = self.space.xp, self.space.batch_ndim

        def ratio(p: Array, q: Array) -> Array:
            return xp.where(q > 0, p / xp.where(q > 0, q, 1.0), 0.0 * q)

        if before is None:
            return first * ratio(norm(z, batch_ndim), norm(gradient, batch_ndim))
        dz, dg = subtract(z, before[0]), subtract(gradient, before[1])
        return ratio(inner(dz, dz, batch_ndim), inner(dz, dg, batch_ndim))


def _moved(z: Point, e: Point, at: At) -> tuple[Point, Point]:
    """The step from z, and what it made of e."""
    return subtract(at[0], z), subtract(at[2], e)


def _within(d: Point, x: Point) -> Point:
    """x in the blocks where d is not 0."""
    if isinstance(d, tuple):
        return tuple(_within(p, q) for p, q in zip(d, x, strict=True))
    return x if _any(d) else scale(0.0, x)


def _outside(d: Point, v: Point) -> Point:
    """v in the blocks where d is 0; 0 where it has other blocks."""
    if isinstance(d, tuple) and isinstance(v, tuple) and len(d) == len(v):
        return tuple(_outside(p, q) for p, q in zip(d, v, strict=True))
    return scale(0.0, v) if _any(d) else v


def _any(x: Point) -> bool:
    """Whether x has an entry that is not 0."""
    return any(bool(namespace(block).any(block != 0)) for block in blocks(x))
