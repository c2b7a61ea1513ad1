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
from typing import Any

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
    subtract,
    where,
)
from splitkit.display import Shown
from splitkit.operators.graph_support import GraphSupport, agree, magnitude
from splitkit.operators.pullback import Pullback
from splitkit.solvers.terms import Term

SETTLE = 8  # projections of d onto the directions of all terms, in turn
NEARLY = 0.1  # of the vᵢ, what is left of Σvᵢ = 0 in a candidate that is worth correcting
PATIENCE = 24  # steps in which half of what is wrong is to be corrected
BEYOND = 1e3  # times what rounding and the mismatch at x account for, a sum counts as negative


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
        for taker in takers:
            found = _Candidate(parts, taker, x, space, unbounded).certificate(settled, steps)
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
        saddle = len(d) == 2 and all(p.gradient or p.skew for p in known)
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

    def support(self, v: Point, d: Point, space: Space) -> GraphSupport:
        operator, L = self.term.operator, self.term.of
        if L is None:
            return operator.graph_support(v, d, space)
        return Pullback(operator, L).pulled_back(v, d, space)


def _zero(term: Term, d: Point) -> Point:
    return scale(0.0, d if term.of is None else term.of(d))


def _settled(parts: list[_Part], d: Point, space: Space) -> Point:
    """d projected onto the directions of one term after the other."""
    if not _any(d):
        return d
    for _ in range(SETTLE):
        before = d
        for part in parts:
            d = part.support(scale(0.0, part.v), d, space).d
        moved, size = space.norm(subtract(d, before)), space.norm(d)
        if not bool(space.xp.any(moved > 4 * space.eps * size)):
            break
    return d


@dataclass(frozen=True, eq=False)
class _Candidate:
    """(d, v₁, …, vₙ), of which one term, the taker, takes what the others leave of Σvᵢ = 0.

    Where it cannot take it all, e = Σvᵢ is made smaller by steps along −(−ΣMᵢe, e, …, e), the
    gradient of ½‖e‖² for vᵢ = −Mᵢᵀd or vᵢ free, followed by the projections, with the lengths of
    Barzilai, Borwein, *Two-point step size gradient methods* (1988). Of such a step and the last
    one the combination of least ‖e‖ is taken, if the projections leave it smaller: while they keep
    to one face, e is linear, and these are conjugate gradients (Moré, Toraldo, *On the solution of
    large quadratic programming problems with bound constraints*, 1991).
    """

    parts: list[_Part]
    taker: _Part | None
    x: Point
    space: Space
    unbounded: bool

    @property
    def free(self) -> list[_Part]:
        """The parts whose vᵢ are variables."""
        return [part for part in self.parts if part.is_free and part is not self.taker]

    def certificate(self, d: Point, steps: int) -> Certificate | None:
        """What it proves, after so many corrections at most; None: nothing."""
        at = self.at((d, *(part.v for part in self.free)))
        before: tuple[Point, Point] | None = None
        last: tuple[Point, Point] | None = None
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
            if last is not None:
                at = self.combined(z, e, at, last)
            last = subtract(at[0], z), subtract(at[2], e)
        return None

    def at(self, z: Point) -> tuple[Point, dict[int, GraphSupport], Point]:
        """z projected, the supports there, and e."""
        z = (_settled(self.parts, z[0], self.space), *z[1:])
        known = self.supports(z)
        return self.projected(z, known), known, reduce(add, (k.v for k in known.values()))

    def combined(
        self, z: Point, e: Point, at: tuple[Any, Any, Point], last: tuple[Point, Point]
    ) -> tuple[Point, dict[int, GraphSupport], Point]:
        """What is next after z: the combination of the step that led to ``at`` and the last one
        whose ‖e‖ is least; ``at``, where the projections make it larger than there.
        """
        space, xp = self.space, self.space.xp
        new, of_new = subtract(at[0], z), subtract(at[2], e)
        aa, bb = (space.inner(p, p) for p in (of_new, last[1]))
        ab, ae, be = (space.inner(*pair) for pair in ((of_new, last[1]), (of_new, e), (last[1], e)))
        det = aa * bb - ab * ab
        known = det > 100 * space.eps * aa * bb
        det = xp.where(known, det, 1.0)
        a = xp.where(known, (ab * be - bb * ae) / det, 1.0)
        b = xp.where(known, (ab * ae - aa * be) / det, 0.0)
        found = self.at(lincomb(1.0, lincomb(1.0, z, a, new), b, last[0]))
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
            unbounded=self.unbounded,
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


def _within(d: Point, x: Point) -> Point:
    """x in the blocks where d is not 0."""
    if isinstance(d, tuple):
        return tuple(_within(p, q) for p, q in zip(d, x, strict=True))
    return x if _any(d) else scale(0.0, x)


def _any(x: Point) -> bool:
    """Whether x has an entry that is not 0."""
    return any(bool(namespace(block).any(block != 0)) for block in blocks(x))
