"""A certificate that 0 ∈ A₁x + … + Aₙx has no solution: vectors vᵢ whose sum is 0, and d, with

    Σ sup {⟨x, vᵢ⟩ + ⟨a, d⟩: a ∈ Aᵢ(x)} < 0        (``operators/graph_support.py``).

What drifts in a solve is a candidate, whatever the method: of a problem without a solution x_k/k
tends to such a d, and elements of Aᵢ divided by k to such vᵢ. A candidate is made to satisfy what
can be satisfied exactly: d is projected onto the directions that the terms allow, each vᵢ onto
those in which the term's domain is bounded, and one term takes what is left of the sum. The claim
is made if all else holds to rounding, and the sum is negative by more than what rounding, or x as
it is, could make of it. So it does not depend on units, nor on the path of the iterates.

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

from splitkit.backend import Array, Point, Space, add, blocks, namespace, scale, subtract, where
from splitkit.operators.graph_support import GraphSupport, agree, magnitude
from splitkit.operators.pullback import Pullback
from splitkit.solvers.terms import Term

SETTLE = 8  # projections of d onto the directions of all terms, in turn
BEYOND = 1e3  # times what rounding and the mismatch at x account for, a sum counts as negative


@dataclass(frozen=True)
class Certificate:
    """Why there is no solution.

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
    """
    counts = [i for i, term in enumerate(terms) if not term.is_zero]
    terms, elements = tuple(terms[i] for i in counts), tuple(elements[i] for i in counts)
    plain = [i for i, term in enumerate(terms) if term.of is None]
    absorbers: list[int | None] = [*plain] or [None]
    for direction, unbounded in _directions(terms, d):
        settled = _settled(terms, direction, space)
        for absorber in absorbers:
            found = _verified(terms, x, settled, elements, absorber, space, unbounded)
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
        for i in range(len(d)):
            alone = tuple(block if i == j else scale(0.0, block) for j, block in enumerate(d))
            yield alone, functions or (saddle and i == 0)
    yield d, functions


def _support(term: Term, v: Point | None, d: Point, space: Space) -> GraphSupport:
    if term.of is None:
        return term.operator.graph_support(scale(0.0, d) if v is None else v, d, space)
    whole = Pullback(term.operator, term.of)
    return whole.pulled_back(scale(0.0, term.of(d)) if v is None else v, d, space)


def _settled(terms: tuple[Term, ...], d: Point, space: Space) -> Point:
    """d projected onto the directions of one term after the other."""
    if not _any(d):
        return d
    for _ in range(SETTLE):
        before = d
        for term in terms:
            d = _support(term, None, d, space).d
        if not _any(subtract(d, before)):
            break
    return d


def _verified(
    terms: tuple[Term, ...],
    x: Point,
    d: Point,
    elements: tuple[Point | None, ...],
    absorber: int | None,
    space: Space,
    unbounded: bool,
) -> Certificate | None:
    """The certificate if it is one, where one term takes what the others leave of Σvᵢ = 0; None:
    there is no term that can.
    """
    known = {
        i: _support(term, elements[i], d, space) for i, term in enumerate(terms) if i != absorber
    }
    left = reduce(add, (k.v for k in known.values()), scale(0.0, d))
    if absorber is not None:
        known[absorber] = _support(terms[absorber], scale(-1.0, left), d, space)
    each = [known[i] for i in range(len(terms))]
    total = reduce(add, (k.v for k in each))
    size = reduce(add, (k.v_size for k in each))
    zero = scale(0.0, d)
    holds = agree(total, zero, size, space)
    holds = reduce(and_, (agree(k.d, d, k.d_size, space) for k in each), holds)
    value = reduce(add, (k.value for k in each))
    eps = space.eps
    x = magnitude(x)
    magnitudes = reduce(add, (abs(k.value) + space.inner(x, magnitude(k.v)) for k in each))
    missed = space.inner(x, magnitude(total))
    holds = holds & (value < -BEYOND * (eps * magnitudes + missed))
    if not bool(space.xp.any(holds)):
        return None
    largest = reduce(space.xp.maximum, (space.norm(k.v) for k in each))
    size = space.norm(d)
    size = space.xp.where(holds, space.xp.where(size > 0, size, largest), 1.0 + 0.0 * size)
    per = space.xp.where(holds, 1 / size, 0.0 * size)
    return Certificate(
        direction=scale(per, d),
        normals=tuple(scale(per, k.v) for k in each),
        terms=tuple(map(repr, terms)),
        gap=per * space.xp.where(holds, -value, 0.0 * size),
        unbounded=unbounded,
    )


def _any(x: Point) -> bool:
    """Whether x has an entry that is not 0."""
    return any(bool(namespace(block).any(block != 0)) for block in blocks(x))
