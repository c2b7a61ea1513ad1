"""A method in the units of a diagonal: x = Dx̂ turns 0 ∈ ΣAᵢx into 0 ∈ ΣDAᵢ(Dx̂), which it solves.

A term LᵀBL becomes KᵀB̂K with K = ELD, B̂ = E⁻¹BE⁻¹ and ŷ = E⁻¹y, where E makes the rows of LD
comparable. The residual is judged in these units, beside what cancels there; the solution, its
residual and what else is returned are those of x. ``solve`` makes it where units are bad; see
``splitkit.solvers.equilibration``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from splitkit.backend import Array, Point, Scalar, Space, extremes
from splitkit.linear.base import LinearOperator
from splitkit.linear.identity import ScaledIdentity
from splitkit.solvers.equilibration import diagonal_map, in_units
from splitkit.solvers.iteration import Around, Carry, Iteration, Outward, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.terms import Term
from splitkit.solvers.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Equilibrated(Wrapper):
    """A method in the units of a diagonal; see the module's docstring.

    Parameters
    ----------
    method : Method
        Its steps are those in x̂.
    scales : point
        d, positive, like x without its batch axes.
    """

    scales: Point = field(repr=False)

    name: ClassVar[str] = "equilibration"

    @property
    def averaged(self) -> bool:  # type: ignore[override]
        return self.method.averaged

    @property
    def sequence(self) -> str:  # type: ignore[override]
        return f"{self.method.sequence}, x = Dx̂"

    @property
    def apart(self) -> Scalar:
        inner = self.method.apart
        arrays = self.scales if isinstance(self.scales, tuple) else (self.scales,)
        return None if inner is None else inner * max(extremes(d)[1] for d in arrays) ** 2

    @property
    def scaling(self) -> LinearOperator:
        return diagonal_map(self.scales)

    def within(self, terms: tuple[Term, ...]) -> list[Term]:
        """DAD for each term A, made once."""
        return [in_units(term, self.scales)[0].seen_by(term.maps) for term in terms]

    def missing(self, *terms: Term) -> str | None:
        return self.method.missing(*self.within(terms))

    def choosing(self, *terms: Term) -> Self:
        return replace(self, method=self.method.choosing(*self.within(terms)))

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        start = self.scaling.reciprocal()(x0)
        inner = self.method.scaled(tuple(self.within(terms)), start, space)
        return self if inner is self.method else self._with(method=inner)

    def theorem(self, *terms: Term) -> Guarantee:
        return replace(self.method.theorem(*self.within(terms)), sequence=self.sequence)

    def exact_element(self, *terms: Term) -> bool:
        return self.method.exact_element(*self.within(terms))

    def judged(self, *terms: Term) -> Sequence[Term]:
        return self.method.judged(*self.within(terms))

    def averagedness(self, *terms: Term) -> float | None:
        return self.method.averagedness(*self.within(terms))

    def steady(self) -> Self:
        return self._with(method=self.method.steady())

    def check_space(self, space: Space) -> None:
        self.scaling.check_space(space, "scales")
        self.method.check_space(space)

    def iteration(self, *terms: Term) -> Iteration:
        scalings = (in_units(term, self.scales)[1] for term in terms)
        E = next((E for E in scalings if E is not None), ScaledIdentity())
        inner = self.method.iteration(*self.within(terms))
        return _InUnits(self.method, inner, self.scales, E)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        return self.method.as_proved(*self.within(terms))


class _InUnits(Around):
    def __init__(self, method: Method, inner: Iteration, scales: Point, E: LinearOperator) -> None:
        self.method, self.inner, self.scales = method, inner, scales
        self.D, self.E = diagonal_map(scales), E
        self.to_x, self.to_y = self.D.reciprocal(), E.reciprocal()

    def init(self, x0: Point) -> Carry:
        return self.inner.begin(self.to_x(x0), self.space)

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return self.inner.begin(self.to_x(x0), self.space, self.to_y(dual))

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.inner.advance(state)

    def step(self, state: Carry) -> Carry:
        return self.inner.step(state)

    def read(self, trace: Trace) -> Reading:
        outward = Outward(self.D, self._element, self.to_x, self.E)
        return replace(self.inner.read(trace), outward=outward)

    def _element(self, r: Point) -> Point:
        return self.method.moved(r, self.to_x, self.to_y)

    def governing(self, state: Carry) -> Point:
        return self.inner.governing(state)

    def outward(self, u: Point) -> Point:
        return self.method.moved(self.inner.outward(u), self.D, self.E)

    def displaced(self, step: Point) -> Point | None:
        within = self.inner.displaced(step)
        return None if within is None else self.method.moved(within, self.D, self.E)

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        scaled = tuple(in_units(term, self.scales)[0] for term in terms)
        found = self.inner.elements_of(scaled, of)
        maps = [self.to_x if term.of is None else self.E for term in terms]
        return tuple(None if a is None else f(a) for f, a in zip(maps, found, strict=True))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array | None:
        return self.inner.energy(before, state, limit)
