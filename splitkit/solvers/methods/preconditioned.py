"""A method in a diagonal metric: steps of their own for each entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Array, Point, Space, is_array, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.diagonal import Diagonal
from splitkit.operators.pullback import in_metric as pulled_back
from splitkit.solvers.iteration import Around, Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.terms import Term
from splitkit.solvers.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Preconditioned(Wrapper):
    """A method in a diagonal metric. With S = diag(√d), d > 0, x = Sy turns 0 ∈ ΣAᵢx into

        0 ∈ ΣSAᵢ(Sy),

    and a method's step α in y is the step αd in x.

    Takes: what the method takes, of the terms SAS.
    Assumes: what the method does; SAS is monotone if A is.
    Steps: those of the method, in y.
    Rate: that of the method, in y.
    Oracles: those of the method.

    Of ∂f, f elementwise, the resolvent of SAS is the proximal map with the step αdᵢ in the i-th
    entry; of x ↦ Mx − q it is that of the matrix SMS; and S LᵀBL S is KᵀBK with K = LS, which
    leaves the dual variable as it is. A good d makes SMS or K better conditioned: dᵢ = 1/Mᵢᵢ, 1/Lᵢ
    for curvatures Lᵢ along the axes, or 1/‖Leᵢ‖².

    Source: Giselsson, Boyd, *Linear convergence and metric selection for Douglas-Rachford splitting
    and ADMM* (2017); Pock, Chambolle, *Diagonal preconditioning for first order primal-dual
    algorithms in convex optimization* (2011).

    Parameters
    ----------
    method : Method
        Such as ``DouglasRachford()`` or ``ChambollePock()``.
    diagonal : array or None
        d, positive, of x's shape without its batch axes, or like x; None: ``solve`` finds the one
        with which the rows of what the terms show, of matrices and of LᵀBL, are comparable.

    Examples
    --------
    >>> F = sk.Affine(np.diag([1.0, 1e4]), np.array([1.0, 1e4]))
    >>> G = sk.NormalCone(sk.functions.Box(-0.5, 0.5))
    >>> method = sk.Preconditioned(sk.ForwardBackward(), diagonal=np.array([1.0, 1e-4]))
    >>> sk.solve(F + G, np.zeros(2), method).x
    array([0.5, 0.5])
    """

    diagonal: Array = None

    name: ClassVar[str] = "preconditioning"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.diagonal is None:
            return
        if not is_array(self.diagonal):
            raise TypeError(f"diagonal = {self.diagonal!r}: give an array of positive entries")
        check_parameter("diagonal", self.diagonal, POSITIVE, "give positive entries")

    @property
    def averaged(self) -> bool:  # type: ignore[override]
        return self.method.averaged

    @property
    def sequence(self) -> str:  # type: ignore[override]
        return f"{self.method.sequence}, x = √d y"

    @cached_property
    def root(self) -> Array:
        """√d."""
        return namespace(self.diagonal).sqrt(self.diagonal)

    @property
    def scaling(self) -> LinearOperator:
        return Diagonal.of_positive(self.root)

    def within(self, terms: tuple[Term, ...]) -> list[Term]:
        """S A S for each term A, made once."""
        key = id(self.diagonal)
        for term in terms:
            if key not in term.known:  # beside the diagonal, so that its identity stays its own
                term.known[key] = in_metric(term, self.root), self.diagonal
        return [term.known[key][0].seen_by(term.maps) for term in terms]

    def missing(self, *terms: Term) -> str | None:
        if self.diagonal is None:
            return "diagonal = None is found by solve and plan, of the terms and x0: give one here"
        return self.method.missing(*self.within(terms))

    def choosing(self, *terms: Term) -> Self:
        return replace(self, method=self.method.choosing(*self.within(terms)))

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        inner = self.method.scaled(tuple(self.within(terms)), x0 / self.root, space)
        return self if inner is self.method else self._with(method=inner)

    def theorem(self, *terms: Term) -> Guarantee:
        inner = self.method.theorem(*self.within(terms))
        return replace(inner, sequence=self.sequence)

    def averagedness(self, *terms: Term) -> float | None:
        return self.method.averagedness(*self.within(terms))

    def steady(self) -> Self:
        return self._with(method=self.method.steady())

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        """The method on the terms SAS, in y = S⁻¹x."""
        if self.diagonal is None:
            raise TypeError(f"{self.label}: {self.missing(*terms)}")
        return self.method.as_proved(*self.within(terms))

    def check_space(self, space: Space) -> None:
        if self.diagonal is not None:
            Diagonal(self.diagonal).check_space(space, "diagonal")
        self.method.check_space(space)

    def iteration(self, *terms: Term) -> Iteration:
        within = tuple(self.within(terms))
        return _InMetric(self.method.iteration(*within), within, self.root)


def in_metric(term: Term, s: Array) -> Term:
    """S A S for a term A and S = diag(s); S LᵀBL S is (LS)ᵀB(LS)."""
    A, L = term.operator, term.of
    if L is None:
        return Term(A if term.is_zero else pulled_back(A, Diagonal.of_positive(s)), term.role)
    return Term(A, term.role, L.scaled(columns=Diagonal.of_positive(s)))


class _InMetric(Around):
    def __init__(self, inner: Iteration, terms: tuple[Term, ...], s: Array) -> None:
        self.inner, self.terms, self.s = inner, terms, s
        self.longest = namespace(s).max(s) ** 2

    def init(self, x0: Point) -> Carry:
        return self.inner.begin(x0 / self.s, self.space)

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return self.inner.begin(x0 / self.s, self.space, dual)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.inner.advance(state)

    def read(self, trace: Trace) -> Reading:
        reading = self.inner.read(trace)
        terms, sizes = (tuple(map(self._unscaled, each)) for each in (reading.terms, reading.sizes))

        def rounding() -> tuple[Point, ...]:
            return tuple(map(self._unscaled, reading.rounding()))

        apart = None if reading.apart is None else self.longest * reading.apart
        return Reading(self.s * reading.x, terms, rounding, sizes, apart=apart)

    def _unscaled(self, term: Point) -> Point:
        """S⁻¹ of an element at x, or of the first of a pair at (x, y)."""
        return (term[0] / self.s, *term[1:]) if isinstance(term, tuple) else term / self.s

    def governing(self, state: Carry) -> Point:
        return self.inner.governing(state)

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        """S⁻¹ of those of S A S; the elements of B are the same in KᵀBK."""
        found = self.inner.elements_of(self.terms, of)
        pairs = zip(terms, found, strict=True)
        return tuple(a if a is None or term.of is not None else a / self.s for term, a in pairs)
