"""A method in one block of two, of which an equation gives the other: of

    0 ∈ A₁x₁ × A₂x₂ + N_{b}(c₁x₁ + c₂x₂),   x₂ = s(x₁ − v),  s = −c₁/c₂,  v = b/c₁,

remains 0 ∈ A₁x₁ + Âx₁ with Âx = s A₂(s(x − v)). An element e of Âx₁ shows e/s ∈ A₂x₂, and (e, −e/s)
is one of the normal cone, so that the residual is that of x₁, and 0 in x₂. Both points satisfy the
equation to rounding.

Of two resolvents whose step no constant fixes it is followed closely where it may change at no cost
(``balance``): x₁ − v and b ∈ A₁x₁ move by as much in the metric as each other when the sets of
active entries, or the rank, are found.

``solve`` makes it of itself where a resolvent costs a decomposition of matrices, so that no trial
of a step is worth the iterations that it saves; both are resolved: Â evaluated multiplies the
rounding of x₁ − v by s²L, L the Lipschitz constant of A₂; and c₁ and c₂ are alike. Elsewhere
iterations in both blocks by a measured step are as cheap, and may be far fewer, as between thin
boxes. See ``splitkit.solvers.units``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar, NamedTuple, Self

from splitkit.backend import Array, Point, Space, add, is_array, scale, subtract
from splitkit.functions.cones.positive_semidefinite import PositiveSemidefinite
from splitkit.functions.sets.nuclear_ball import NuclearBall
from splitkit.functions.sets.singleton import Singleton
from splitkit.functions.sets.spectral_ball import SpectralBall
from splitkit.functions.spectral.spectral import Spectral, SpectralSymmetric
from splitkit.functions.spectral.weighted_nuclear_norm import WeightedNuclearNorm
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.block import BlockRow
from splitkit.operators.base import Operator
from splitkit.operators.block import BlockDiagonal
from splitkit.operators.parts import OfOne
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.iteration import Around, Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.balance import CLOSELY, SELDOM
from splitkit.solvers.methods.douglas_rachford import DouglasRachford
from splitkit.solvers.rewrites import as_composition
from splitkit.solvers.terms import Role, Term
from splitkit.solvers.wrapper import Wrapper

STANDS_FOR = "in one block"  # the key of the terms of x₁
ALIKE = 10.0  # |c₁/c₂| and |c₂/c₁| at most

SPECTRAL = (
    Spectral,
    SpectralSymmetric,
    SpectralBall,
    NuclearBall,
    WeightedNuclearNorm,
    PositiveSemidefinite,
)


class Substitution(NamedTuple):
    """The inclusion in x₁, and how x₂ is found.

    Attributes
    ----------
    inclusion : Inclusion
        0 ∈ Âx₁ + A₁x₁.
    origins : tuple of Term
        A₁ × A₂ and the equation.
    s : float
    v : array
    """

    inclusion: Inclusion
    origins: tuple[Term, ...]
    s: float
    v: Array

    @classmethod
    def of(cls, given: Inclusion, space: Space) -> Substitution | None:
        """That of an inclusion of the form above; None: it has another."""
        if len(given.operators) != 2 or not space.is_tuple or space.mesh is not None:
            return None
        for both, equation in (given.operators, given.operators[::-1]):
            found = as_composition(equation)
            if found is None or not isinstance(both, BlockDiagonal) or len(both.operators) != 2:
                continue
            (B, L), (A1, A2) = found, both.operators
            if not isinstance(L, BlockRow) or not isinstance(B, Subdifferential):
                continue
            c1, c2 = (row.multiple for row in L.maps)
            if not (c1 and c2 and isinstance(B.f, Singleton) and is_array(B.f.point)):
                continue
            s, v = -c1 / c2, B.f.point / c1
            reduced = Inclusion(A2.scale_argument(s).translate(v) + A1, space.block_spaces()[0])
            origins = tuple(Term.playing(A, Role.RESOLVED) for A in (both, equation))
            return cls(reduced, origins, s, v)
        return None

    @property
    def pays(self) -> bool:
        """Whether a resolvent is dear beside the vectors of an iteration, and c₁ and c₂ alike."""
        return 1 / ALIKE <= abs(self.s) <= ALIKE and any(map(decomposes, self.inclusion.operators))

    def terms(self, inner: tuple[Term, ...]) -> tuple[Term, ...] | None:
        """The origins, which know what stands for them; None: a term is neither Â nor A₁."""
        if any(term.of is not None for term in inner):
            return None
        alone = [term for term in inner if not term.is_zero]
        if {id(t.operator) for t in alone} != {id(A) for A in self.inclusion.operators}:
            return None
        first = self.origins[0]
        first.known[STANDS_FOR] = inner, self
        return self.origins


def decomposes(A: Operator) -> bool:
    """Whether the resolvent takes singular values, or eigenvalues."""
    while isinstance(A, OfOne):
        A = A.A
    return isinstance(A, Subdifferential) and isinstance(A.f, SPECTRAL)


@dataclass(frozen=True, kw_only=True)
class Substituted(Wrapper):
    """A method in one of two blocks; see the module's docstring.

    Parameters
    ----------
    method : Method
        Its steps are those in x₁.
    balance : bool, default False
        Whether α of Douglas-Rachford splitting follows how far x₁ and b move.
    """

    balance: bool = False

    name: ClassVar[str] = "substitution"

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.method.label} in one block"

    @property
    def averaged(self) -> bool:  # type: ignore[override]
        return self.method.averaged

    @property
    def sequence(self) -> str:  # type: ignore[override]
        return f"{self.method.sequence} in x₁, x₂ = s(x₁ − v)"

    def within(self, terms: tuple[Term, ...]) -> list[Term]:
        """The terms of x₁."""
        inner: tuple[Term, ...] = terms[0].known[STANDS_FOR][0]
        return [term.seen_by(terms[0].maps) for term in inner]

    def missing(self, *terms: Term) -> str | None:
        return self.method.missing(*self.within(terms))

    def choosing(self, *terms: Term) -> Self:
        return replace(self, method=self.method.choosing(*self.within(terms)))

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        return self

    def theorem(self, *terms: Term) -> Guarantee:
        return replace(self.method.theorem(*self.within(terms)), sequence=self.sequence)

    def exact_element(self, *terms: Term) -> bool:
        return self.method.exact_element(*self.within(terms))

    def judged(self, *terms: Term) -> Sequence[Term]:
        return terms

    def averagedness(self, *terms: Term) -> float | None:
        return None if self.balance else self.method.averagedness(*self.within(terms))

    def check_space(self, space: Space) -> None:
        self.method.check_space(space.block_spaces()[0])

    def iteration(self, *terms: Term) -> Iteration:
        inner, substitution = self.within(terms), terms[0].known[STANDS_FOR][1]
        return _InOneBlock(self._inner(*inner), inner, substitution)

    def _inner(self, *terms: Term) -> Iteration:
        if not (self.balance and isinstance(self.method, DouglasRachford)):
            return self.method.iteration(*terms)
        prepares = any(term.operator.resolvent_effort[0] > 0 for term in terms)
        pace = SELDOM if prepares else CLOSELY
        return self.method.balanced(lambda T: T, *terms, pace=pace)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        return self.method.as_proved(*self.within(terms))


class _InOneBlock(Around):
    def __init__(self, inner: Iteration, terms: Sequence[Term], by: Substitution) -> None:
        self.inner, self.s, self.v = inner, by.s, by.v
        self.operators: tuple[Operator, ...] = by.inclusion.operators
        self.of_other = [term.operator is self.operators[0] for term in terms]

    def enter(self, space: Space) -> None:
        self.space = space
        self.inner.enter(space.block_spaces()[0])

    def init(self, x0: Point) -> Carry:
        return self.inner.begin(x0[0], self.space.block_spaces()[0])

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.inner.advance(state)

    def step(self, state: Carry) -> Carry:
        return self.inner.step(state)

    def read(self, trace: Trace) -> Reading:
        return self._read(self.inner.read(trace))

    def _read(self, reading: Reading) -> Reading:
        again, apart, rounding = reading.again, reading.apart, reading.rounding
        pairs = [*zip(self.of_other, reading.terms, strict=True)]
        a, e = (
            reduce(add, [each for is_other, each in pairs if is_other is of])
            for of in (False, True)
        )
        return Reading(
            (reading.x, scale(self.s, subtract(reading.x, self.v))),
            ((a, scale(1 / self.s, e)), (e, scale(-1 / self.s, e))),
            lambda: tuple(map(self._in_both, rounding())),
            sizes=tuple(map(self._in_both, reading.sizes)),
            apart=None if apart is None else max(1.0, abs(self.s)) * apart,
            again=None if again is None else lambda lost: self._read(again(lost)),
        )

    def _in_both(self, size: Point) -> Point:
        return size, scale(1 / self.s, size)

    def governing(self, state: Carry) -> Point:
        return self.inner.governing(state)

    def displaced(self, step: Point) -> Point | None:
        return None

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        e, a = (of.get(id(A)) for A in self.operators)
        if e is None or a is None:
            return None, None
        return (a, scale(1 / self.s, e)), (e, scale(-1 / self.s, e))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array | None:
        return self.inner.energy(before, state, limit)
