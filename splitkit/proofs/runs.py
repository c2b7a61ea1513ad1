"""Two runs of a step beside each other: one from any point, one at a solution.

A vector v = Σ cᵢvᵢ of the scene is Σ cᵢvᵢ* in the run at a solution. What a claim compares are the
differences Σ cᵢ(vᵢ − vᵢ*), which are free vectors of the program. An operator that the step applies
k times has k pairs in either run, and every two of these 2k pairs satisfy its forms.

Where the step applies it at one point only of the run at a solution, these pairs are k differences
and the pair (0, 0): then v* is not needed. That points of this run coincide is derived, in rational
numbers, from what vanishes at a solution (a fixed point: v⁺ − v):

    d = kΔ for the differences d, Δ of two pairs, and ak² + 2bk + c < 0 for a form:  d = Δ = 0;
    d = 0 and A is a function there:                                                 Δ = 0.

Where they do not coincide, the v* that occur in a pair are free vectors as well. An affine operator
and a linear map take differences to differences, so they need no v* of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from splitkit.proofs.exact import ZERO, Echelon, Sparse
from splitkit.proofs.symbols import Leaf, LinearLeaf, Pair, Scene, Vector
from splitkit.properties import Form

Row = dict[int, Fraction]  # of the free vectors of the program


@dataclass(frozen=True)
class PointPair:
    """A pair of an operator's graph, of either run, in the free vectors of the program."""

    x: Row
    u: Row
    label: str


class Runs:
    """The free vectors of a claim on a scene, and the pairs of each operator in them.

    Parameters
    ----------
    scene : Scene
    vanishing : iterable of Vector
        What is 0 at a solution.
    """

    def __init__(self, scene: Scene, vanishing: Iterable[Vector]) -> None:
        self.scene = scene
        self.leaves = [leaf for leaf in scene.leaves.values() if isinstance(leaf, Leaf)]
        self.linear = [leaf for leaf in scene.leaves.values() if isinstance(leaf, LinearLeaf)]
        self._place: dict[int, int] = {}
        for i in range(len(scene.labels)):
            if i not in scene.constant:
                self._place[i] = len(self._place)
        self.zero = Echelon()  # what vanishes at a solution, as a space of combinations of the vᵢ*
        several = [A for A in self.leaves if _has_forms(A) and len(A.pairs) > 1 and not _affine(A)]
        if several:
            for v in (*scene.vanishing, *vanishing):
                self.zero.add(v.coefficients)
            coincide(self.zero, self.leaves, self.linear)
        self._classes = {id(A): self._class_of(A.pairs) for A in several}
        self._apart = {key for key, classes in self._classes.items() if len(set(classes)) > 1}
        self._base = Echelon()
        for needed in self._needed():
            self._base.add(self.zero.reduced(needed))
        first = len(self._place)
        self._base_place = {p: first + k for k, p in enumerate(self._base.rows)}

    @property
    def differing(self) -> int:
        """How many of the free vectors are differences: the first ones."""
        return len(self._place)

    @property
    def is_double(self) -> bool:
        """Whether the run at a solution has free vectors of its own."""
        return bool(self._base_place)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names of the free vectors of the program."""
        own = [self.scene.labels[i] for i in self._place]
        return (*own, *(f"{self.scene.labels[p]} at the solution" for p in self._base_place))

    # -- vectors of the scene in the free vectors of the program ----------------------------------

    def difference(self, v: Vector) -> Row:
        """v − v*."""
        place = self._place
        return {place[i]: c for i, c in v.coefficients.items() if i in place}

    def base(self, v: Sparse) -> Row:
        """v*, of those that are needed."""
        reduced = self.zero.reduced(v)
        return {self._base_place[p]: c for p, c in reduced.items() if p in self._base_place}

    def at_solution(self, points: Any) -> Any:
        """vᵢ* for all vectors of the scene, one row each, where rows of the program are points."""
        n = len(self.scene.labels)
        rows = [*self.zero.rows.values(), *self._base.rows.values()]
        values = [np.zeros(points.shape[1]) for _ in self.zero.rows]
        values += [points[self._base_place[p]] for p in self._base.rows]
        if not rows:
            return np.zeros((n, points.shape[1]))
        A = np.array([[float(row.get(i, ZERO)) for i in range(n)] for row in rows])
        return np.linalg.lstsq(A, np.array(values), rcond=None)[0]

    # -- pairs ------------------------------------------------------------------------------------

    def pairs(self, leaf: Leaf) -> list[PointPair]:
        """Pairs of the operator, every two of which satisfy its forms."""
        if not _has_forms(leaf):
            return []
        if id(leaf) not in self._apart:
            origin = [PointPair({}, {}, "pair 0")] if leaf.pairs else []
            own = [
                PointPair(self.difference(p.x), self.difference(p.u), f"pair {i}")
                for i, p in enumerate(leaf.pairs, 1)
            ]
            return origin + own
        first, classes = leaf.pairs[0], self._classes[id(leaf)]
        bases: list[PointPair] = []
        moved: list[PointPair] = []
        for i, (pair, kind) in enumerate(zip(leaf.pairs, classes, strict=True), 1):
            x, u = (
                self.base((a - b).coefficients) for a, b in ((pair.x, first.x), (pair.u, first.u))
            )
            if kind == i - 1:
                bases.append(PointPair(x, u, f"pair {i} at the solution"))
            dx, du = self.difference(pair.x), self.difference(pair.u)
            moved.append(PointPair(_sum(x, dx), _sum(u, du), f"pair {i}"))
        return bases + moved

    def linear_pairs(self, pairs: Sequence[Pair]) -> list[tuple[Row, Row]]:
        """(x, Lx) of a linear map, of both runs."""
        known = [(self.difference(p.x), self.difference(p.u)) for p in pairs]
        if self.is_double:
            known += [(self.base(p.x.coefficients), self.base(p.u.coefficients)) for p in pairs]
        return [(x, y) for x, y in known if x or y]

    # -- what coincides at a solution -------------------------------------------------------------

    def _class_of(self, pairs: Sequence[Pair]) -> list[int]:
        """For each pair the first one that is the same at a solution."""
        classes: list[int] = []
        for i, pair in enumerate(pairs):
            same = (
                j
                for j in set(classes)
                if not self.zero.reduced((pair.x - pairs[j].x).coefficients)
                and not self.zero.reduced((pair.u - pairs[j].u).coefficients)
            )
            classes.append(next(same, i))
        return classes

    def _needed(self) -> Iterator[Sparse]:
        """Combinations of the vᵢ* that occur in the pairs of an operator."""
        for leaf in self.leaves:
            if id(leaf) in self._apart:
                for pair in leaf.pairs[1:]:
                    yield (pair.x - leaf.pairs[0].x).coefficients
                    yield (pair.u - leaf.pairs[0].u).coefficients
        if self._apart:
            for L in self.linear:
                for pair in (*L.applied, *L.adjoints):
                    yield pair.x.coefficients
                    yield pair.u.coefficients


def coincide(zero: Echelon, leaves: Iterable[Leaf], linear: Iterable[LinearLeaf]) -> None:
    """Enlarge what vanishes by what follows from the operators' forms."""
    while True:
        found = False
        for leaf in leaves:
            for pair, other in _two(leaf.pairs):
                d, u = pair.x - other.x, pair.u - other.u
                left = zero.reduced(d.coefficients), zero.reduced(u.coefficients)
                if (left[0] or left[1]) and _must_vanish(leaf, pair, other, *left):
                    found = zero.add(left[0]) | zero.add(left[1]) or found
        for L in linear:
            for pair, other in (*_two(L.applied), *_two(L.adjoints)):
                if not zero.reduced((pair.x - other.x).coefficients):
                    found = zero.add((pair.u - other.u).coefficients) or found
        if not found:
            return


def _must_vanish(leaf: Leaf, pair: Pair, other: Pair, d: Sparse, u: Sparse) -> bool:
    """Whether the differences d = x − x′ and u − u′ of two pairs must be 0 both."""
    if not d and pair.evaluated and other.evaluated:
        return True
    ratio = _ratio(d, u)
    if ratio is None:
        return False
    common = math.lcm(*(part.denominator for part in ratio))
    p, q = (int(part * common) for part in ratio)  # (d, u) = (p, q)w
    return any(
        a * p * p + 2 * b * p * q + c * q * q < 0 for a, b, c in map(_whole, leaf.properties.forms)
    )


@lru_cache(maxsize=512)
def _whole(form: Form) -> tuple[int, int, int]:
    """A positive multiple of it in whole numbers; 0 if it is not finite, and so says nothing."""
    if not all(map(math.isfinite, form)):
        return 0, 0, 0
    parts = [value.as_integer_ratio() for value in map(float, form)]
    common = math.lcm(*(d for _, d in parts))
    a, b, c = (n * (common // d) for n, d in parts)
    return a, b, c


def _ratio(d: Sparse, u: Sparse) -> tuple[Fraction, Fraction] | None:
    """(p, q) if d = pw and u = qw for one vector w."""
    if not d or not u:
        return (ZERO, Fraction(1)) if u else (Fraction(1), ZERO)
    if d.keys() != u.keys():
        return None
    first = next(iter(d))
    ratios = {d[i] * u[first] == u[i] * d[first] for i in d}
    return (d[first], u[first]) if ratios == {True} else None


def _has_forms(leaf: Leaf) -> bool:
    return not leaf.is_point


def _affine(leaf: Leaf) -> bool:
    return leaf.properties.linear or leaf.is_constant


def _two(items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return ((items[i], items[j]) for i in range(len(items)) for j in range(i))


def difference(p: Row, q: Row) -> Row:
    """p − q."""
    return _sum(p, {i: -c for i, c in q.items()})


def _sum(a: Row, b: Row) -> Row:
    total = dict(a)
    for i, v in b.items():
        value = total.get(i, ZERO) + v
        if value:
            total[i] = value
        else:
            total.pop(i, None)
    return total
