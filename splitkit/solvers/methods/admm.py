"""ADMM for 0 ∈ A(x) + LᵀB(Lx), with a linear solve, or with a resolvent in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from splitkit.arguments import POSITIVE, Range, check_flag, check_number, option
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    add,
    is_array,
    lincomb,
    namespace,
    root,
    scale,
    subtract,
)
from splitkit.linear.base import LinearOperator, factors
from splitkit.linear.block import BlockColumn, BlockDiagonalMap
from splitkit.linear.diagonal import Diagonal
from splitkit.linear.fusing import weighted_gram
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.last_axes import LastAxesMap
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.solvable import Solvable
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.balance import BalancedPenalty
from splitkit.solvers.methods.douglas_rachford_rates import one_way
from splitkit.solvers.methods.pairs import coupling_bounds
from splitkit.solvers.methods.primal_dual_steps import Region, Steps
from splitkit.solvers.scale import ANY, Arbitrary, gain, mean_step, measured_step, typical_point
from splitkit.solvers.terms import Role, Term, not_maximal, unknown_norm

STIFF = 1000.0  # times the penalty of inequalities is that of equations
TRIAL = 100  # iterations in which a constant ρ is found
KRYLOV = 50.0  # operators applied where a system is solved iteratively
KEPT = 8  # factorizations, each for a ρ of its own
IN_METRIC = "Q-linear in the metric ‖dx‖²/τ + ρ(‖dz‖² + ‖du‖² − ‖L dx‖²)"
SHORTER = 100.0  # by which ρ is below ‖A‖ where nothing is composed
NEARER = 4  # penalties tried where no matrix is factored at that of the data
ROUNDINGS = 1e-4  # of the gains of a matrix, within which it may be singular in any precision


@dataclass(frozen=True, kw_only=True)
class _AlternatingDirections(Method):
    """Base of the methods with a penalty ρ.

    Parameters
    ----------
    rho : float or None
        The penalty ρ > 0, in units of y by units of Lx; None: measured on the data, and of the
        linearized method at first 1/‖L‖.
    """

    rho: Scalar = option(None, check_number, within=POSITIVE)

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "x⁺"

    def exact_element(self, *terms: Term) -> bool:
        return False

    def dual(self, u: Point) -> Point:
        return u[-1]

    def moved(self, u: Point, S: LinearOperator, E: LinearOperator) -> Point:
        x, *z, y = u  # (x, z, y), or of the residual two parts
        return (S(x), *map(E.reciprocal(), z), E(y))

    def refusal(self, A: Term, composed: Term) -> str | None:
        """What is missing, if anything."""
        return not_maximal(A=A, B=composed)

    def theorem(self, *terms: Term) -> Guarantee:
        missing = self.refusal(*terms)
        if missing is not None:
            return self.refused(missing)
        reason = f"A and B are maximal monotone, {self.steps}"
        return Guarantee(True, self.rate(*terms), reason, self.sequence, IN_METRIC)

    def rate(self, A: Term, composed: Term) -> float | None:
        """The factor by which the distance to the limit falls; None: none is known."""
        return None

    @property
    def steps(self) -> str:
        """The penalty, for a sentence."""
        return f"rho = {self.rho:.4g}"


@dataclass(frozen=True, kw_only=True)
class ADMM(_AlternatingDirections):
    """Alternating direction method of multipliers for 0 ∈ A(x) + LᵀB(Lx), that is min f(x) + g(z)
    subject to Lx = z, with y = ρRu ∈ B(z):

        0 ∈ A(x⁺) + ρLᵀR(Lx⁺ − z + u),  z⁺ = R_{B/ρ}(λ̂x + u),  u⁺ = u + λ̂x − z⁺,
        λ̂x = λLx⁺ + (1 − λ)z,  0 < λ < 2.

    Takes: A with (A + ρLᵀRL)x ∋ h to be solved, B composed with L.
    Assumes: A and B maximal monotone.
    Steps: ρ > 0, 0 < λ < 2; left open, ρ is measured on the data and follows the residuals.
    Rate: converges.
    Oracles: 1 (A + ρLᵀRL)⁻¹, 1 R_{B/ρ}, 1 L, 1 Lᵀ.

    The first line, x⁺ = (A + ρLᵀRL)⁻¹(ρLᵀR(z − u)), is solved for any A of which it is known how:
    affine ones by a factorization of M + ρLᵀRL, others by their resolvents where LᵀL is a multiple
    of the identity, or diagonal (``Operator.solvable_with``). A sum ΣLᵢᵀBᵢLᵢ is one composition of
    columns, and an operator that is none has L = I. R is a fixed diagonal, ``STIFF`` in the rows in
    which B allows one value only, and 1 elsewhere: R_{B/ρ} is the resolvent in that metric, too.

    In v = z + u an iteration is Douglas-Rachford's, v⁺ = v + λ(LS(2z − v) − z) with z = R_{B/ρ}(v)
    and Sh = (A + ρLᵀRL)⁻¹ρLᵀRh, λ/2-averaged in ⟨·, R·⟩: accelerators wrap this map.

    Where ρ is left open it begins with the scale of the data, and is changed where the primal
    residual Lx − z and the dual one, each beside what cancels in it, are far apart (``balance``):
    by powers of 2, a few times at most, so that the theorem holds from the last change on.
    Factorizations are kept.

    ``Solution.u`` is (x⁺, z⁺, y⁺). The residual is that of the pair: r ∈ (A x + Lᵀy) × (B⁻¹y − Lx)
    at x⁺ and y⁺.

    Source: Gabay (1983); Eckstein, Bertsekas (1992); Parikh, Boyd, *Proximal Algorithms* (2014),
    §4.4; Boyd et al., *Distributed optimization and statistical learning via ADMM* (2011), §3.4.1,
    for ρ that changes; Stellato et al., *OSQP* (2020), §5.2, for R and relative residuals.

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2).
    balance : bool or None
        Whether ρ follows the residuals, from its first value on, or from that of the solution
        that is started from; None: if it is left open.

    Examples
    --------
    >>> A = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, -2.0]))
    >>> B = sk.NormalCone(sk.functions.Box(0.0, 1.0)).pullback(np.array([[1.0, 1.0], [1.0, -1.0]]))
    >>> solution = sk.solve(A + B, np.zeros(2), sk.ADMM())
    >>> solution.x, solution.dual  # 0 ≤ x₁ ± x₂ ≤ 1
    (array([ 0.6667, -0.3333]), array([0., 2.]))
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))
    balance: bool | None = option(None, check_flag, optional=True)

    label: ClassVar[str] = "ADMM"
    roles: ClassVar[tuple[Role, ...]] = (Role.SOLVED, Role.COMPOSED)

    def terms(self, *operators: Operator | Term) -> tuple[Term, ...]:
        """The terms; of operators the first is solved with, and the sum of the others composed."""
        if all(isinstance(A, Term) for A in operators) or len(operators) < 2:
            return super().terms(*operators)
        A, *others = operators
        of_A = A if isinstance(A, Term) else Term.playing(A, Role.SOLVED)
        return of_A, Term.joined([B.expression if isinstance(B, Term) else B for B in others])

    def missing(self, *terms: Term) -> str | None:
        A, composed = terms
        missing = A.obstacle if composed.is_zero else super().missing(A, composed)
        if missing is None and _way(*terms) is None:
            return (
                f"(A + ρLᵀL)x = h cannot be solved for A = {A!r} and L = {composed.of!r}: use "
                "linearized ADMM or Chambolle-Pock"
            )
        return missing

    def work(self, *terms: Term) -> float:
        way = _way(*terms) if terms and self.missing(*terms) is None else None
        return self.cost + (KRYLOV if way is not None and way.iterative else 0.0)

    def choosing(self, *terms: Term) -> Self:
        wanted = self.rho is None if self.balance is None else self.balance
        rho = Arbitrary(comparable(*terms) or ANY) if self.rho is None else self.rho
        return self._with(rho=rho, balance=wanted and not terms[1].is_zero)

    def steady(self) -> Self:
        return self if self.balance is not None else self._with(balance=False)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        if not isinstance(self.rho, Arbitrary) or terms[1].L.norm == 0:
            return self
        if terms[1].is_zero and comparable(*terms):  # the proximal point algorithm, at a long step
            return self._with(rho=float(self.rho) / SHORTER)
        # x⁺ is exact at any ρ: the scale is that of B alone, unless it has none
        x = typical_point(terms, x0, space)
        step = mean_step(terms[1:], x, space) or mean_step(terms, x, space) or 1.0
        rho = 1 / (step * (gain(terms[1], x0) or 1.0) ** 2)
        first = self._with(rho=solvable_penalty(rho, *terms))
        if self.balance:
            return first
        state = (balanced := first._with(balance=True).iteration(*terms)).begin(x0, space)
        for _ in range(TRIAL):
            state = balanced.step(state)
        return self._with(rho=state[1].steps.sigma)

    def refusal(self, A: Term, composed: Term) -> str | None:
        missing = super().refusal(A, composed)
        if missing is None and is_singular(self.rho, A, composed):
            return (
                f"A + ρLᵀL is singular for A = {A!r} and {composed!r}, so that x⁺ is not defined: "
                "use linearized ADMM or Chambolle-Pock"
            )
        return missing

    @property
    def steps(self) -> str:
        return f"at first {super().steps}" if self.balance else super().steps

    def averagedness(self, *terms: Term) -> float | None:
        return self.relaxation / 2 if not self.balance and self.theorem(*terms).holds else None

    def constant(self) -> Self:
        return self._with(balance=False)

    def iteration(self, *terms: Term) -> Iteration:
        return self.wrapped(lambda inner: inner, *terms)

    def wrapped(self, make: Callable[[Iteration], Iteration], *terms: Term) -> Iteration:
        def at(steps: Steps) -> Iteration:
            return make(_ADMM(steps.sigma, self.relaxation, *terms))

        if not self.balance:
            return at(Steps(1 / self.rho, self.rho))
        return BalancedPenalty(self.rho, at, terms[1].L.norm)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        return self._with(balance=False), terms


@dataclass(frozen=True, kw_only=True)
class LinearizedADMM(_AlternatingDirections):
    """ADMM with a resolvent of A in place of the linear solve, for 0 ∈ A(x) + LᵀB(Lx), y = ρu ∈
    B(z):

        x⁺ = R_{τA}(x − τρLᵀ(Lx − z + u)),  z⁺ = R_{B/ρ}(Lx⁺ + u),  u⁺ = u + Lx⁺ − z⁺.

    Takes: A by its resolvent, B composed with L.
    Assumes: A and B maximal monotone.
    Steps: τρ‖L‖² ≤ 1 (< 4/3 of functions); left open, measured on the data.
    Rate: linear, if A is strongly monotone and B cocoercive or Lipschitz.
    Oracles: 1 R_{τA}, 1 R_{B/ρ}, 1 L, 1 Lᵀ.

    It is Chambolle-Pock's method with σ = ρ, y before x, and has the rates of
    ``douglas_rachford_rates.py``. ``Solution.u`` is (x⁺, z⁺, y⁺). The residual is that of the pair:
    r ∈ (A x + Lᵀy) × (B⁻¹y − Lx) at x⁺ and y⁺.

    Source: Parikh, Boyd, *Proximal Algorithms* (2014), §4.4.2; Eckstein, Bertsekas (1992).

    Parameters
    ----------
    tau : float or None
        The step τ > 0 of x, in units of x by units of Ax.

    Examples
    --------
    >>> D = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])  # differences of neighbours
    >>> A = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.2, 4.0])))
    >>> B = sk.Subdifferential(sk.functions.L1Norm(0.5)).pullback(D)
    >>> sk.solve(A + B, np.zeros(3), sk.LinearizedADMM()).x
    array([0.35, 0.35, 3.5 ])
    """

    tau: Scalar = option(None, check_number, within=POSITIVE)

    label: ClassVar[str] = "linearized ADMM"

    def choosing(self, *terms: Term) -> Self:
        tau, rho, _ = Region(terms[1].L.norm).completed(self.tau, self.rho)
        return self._with(tau=Arbitrary(tau) if self.tau is self.rho is None else tau, rho=rho)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        region = Region(terms[1].L.norm)
        if not (isinstance(self.tau, Arbitrary) and region.is_known):
            return self

        def at(tau: float) -> Iteration:
            return self._with(tau=tau, rho=region.sigma(tau)).iteration(*terms)

        tau = measured_step(terms, x0, space, at)
        return self._with(tau=tau, rho=region.sigma(tau))

    def refusal(self, A: Term, composed: Term) -> str | None:
        region = Region(composed.L.norm)
        missing = super().refusal(A, composed)
        if missing is None and region.norm == math.inf:
            return unknown_norm(composed)
        steps = Steps(self.tau, self.rho)
        functions = A.properties.gradient and composed.properties.gradient
        fits = region.has(steps) or (functions and region.has_of_functions(steps))
        if missing is None and not fits:
            return (
                f"tau = {self.tau:.4g}, rho = {self.rho:.4g} are too long for ‖L‖ = "
                f"{region.norm:.4g}: {region.remedy(self.tau, 'rho')}"
            )
        return missing

    def rate(self, A: Term, composed: Term) -> float | None:
        within = Region(composed.L.norm).has(Steps(self.tau, self.rho))
        if isinstance(self.tau, Arbitrary) or not within:
            return None
        return one_way(A, composed, self.tau, self.rho, 1.0)

    @property
    def steps(self) -> str:
        return f"{super().steps}, tau = {self.tau:.4g}: τρ‖L‖² ≤ 1, or below 4/3 of functions"

    def iteration(self, *terms: Term) -> Iteration:
        return _LinearizedADMM(self.tau, self.rho, *terms)


class _Directions(Iteration):
    """Carry (x, z, u, Lx); a subclass gives x⁺."""

    R: LinearOperator | None = None

    def __init__(self, rho: float, relaxation: float, A: Term, composed: Term) -> None:
        self.rho, self.relaxation = rho, relaxation
        self.L, self.LT = composed.L, composed.LT.make_evaluation()
        self.apply = self.L.make_evaluation()
        self.R_B, self.offset = composed.resolve(1 / rho), A.offset

    def init(self, x0: Point) -> Carry:
        Lx = self.L(x0)
        return x0, Lx, scale(0.0, Lx), Lx

    def init_at(self, x0: Point, dual: Point) -> Carry:
        Lx = self.L(x0)
        return x0, Lx, self.lighter(dual), Lx

    def first(self, state: Carry) -> tuple[Point, Point]:
        """x⁺, and the point from which ``element`` reads an element of A(x⁺)."""
        raise NotImplementedError

    def element(self, x: Point, Lx: Point, before: Point) -> Point:
        """An element of A(x)."""
        raise NotImplementedError

    def weighted(self, u: Point) -> Point:
        """y = ρRu."""
        return scale(self.rho, u if self.R is None else self.R(u))

    def lighter(self, y: Point) -> Point:
        """u, of y = ρRu."""
        return scale(1 / self.rho, y if self.R is None else self.R.reciprocal()(y))

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        _, z, u, _ = state
        x, before = self.first(state)
        Lx, λ = self.apply(x), self.relaxation
        v = add(Lx if λ == 1 else lincomb(λ, Lx, 1 - λ, z), u)
        z_next = self.R_B(v)
        after = x, z_next, subtract(v, z_next), Lx
        return after, (*after, before)

    def read(self, trace: Trace) -> Reading:
        x, z, u, Lx, before = trace
        y = self.weighted(u)
        LTy = self.LT(y)
        elements = (self.element(x, Lx, before), z), (LTy, scale(-1.0, Lx))
        sizes = tuple((q, Lx) for q in self.offset(x))

        def rounding() -> tuple[Point, ...]:  # of y = ρR(v − z)
            return ((self.LT(self.weighted(z)), z),)

        return Reading(x, elements, rounding, sizes, coupling_bounds(self.L, x, y, Lx, LTy))

    def governing(self, state: Carry) -> Point:
        x, z, u, _ = state
        return x, z, self.weighted(u)


class _ADMM(_Directions):
    def __init__(self, rho: float, relaxation: float, A: Term, composed: Term) -> None:
        super().__init__(rho, relaxation, A, composed)
        self.R, self.composed = _metric(composed), id(composed.operator)
        self.A = A.evaluate if A.has_evaluation else None
        self.solve = A.solve_with(
            lambda: _factored(rho, A, composed), lambda x: self.LT(self.weighted(self.L(x)))
        )

    def first(self, state: Carry) -> tuple[Point, Point]:
        _, z, u, _ = state
        pull = self.LT(self.weighted(subtract(z, u)))
        return self.solve(pull), pull

    def element(self, x: Point, Lx: Point, before: Point) -> Point:
        return subtract(before, self.LT(self.weighted(Lx))) if self.A is None else self.A(x)

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        known = dict(of)
        if self.R is not None and self.composed in known:  # ρu, which is ρRu in the metric
            known[self.composed] = self.R(known[self.composed])
        return super().elements_of(terms, known)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖d(z + u)‖² in the metric R: Douglas-Rachford's governing point in the range of L."""
        _, dz, du, _ = subtract(state, limit)
        dv = add(dz, du)
        return self.square(dv) if self.R is None else self.space.inner(dv, self.R(dv))

    def taken_over(self, state: Carry, earlier: Any) -> Carry:
        x, z, u, Lx = state
        return x, z, self.lighter(earlier.weighted(u)), Lx

    def as_map(self) -> Iteration:
        return _DualMap(self)


class _DualMap(Iteration):
    """The same in v = z + u: one point, and an averaged map of it."""

    def __init__(self, inner: _ADMM) -> None:
        self.of = inner

    def enter(self, space: Space) -> None:
        super().enter(space)
        self.of.enter(space)

    def init(self, x0: Point) -> Carry:
        return self.of.L(x0)

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return add(self.of.L(x0), self.of.lighter(dual))

    def split(self, v: Point) -> tuple[Point, Point]:
        """(z, u)."""
        z = self.of.R_B(v)
        return z, subtract(v, z)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        z, u = self.split(state)
        x, before = self.of.first((None, z, u, None))
        Lx = self.of.apply(x)
        v = lincomb(1.0, state, self.of.relaxation, subtract(Lx, z))
        return v, (x, v, Lx, before)

    def read(self, trace: Trace) -> Reading:
        x, v, Lx, before = trace
        z, u = self.split(v)
        return replace(self.of.read((x, z, u, Lx, before)), dual=self.of.weighted(u))

    def outward(self, v: Point) -> Point:
        """(x, z, y) with x = (A + ρLᵀRL)⁻¹(ρLᵀRz − Lᵀy), see ``ADMM``."""
        z, u = self.split(v)
        return self.of.first((None, z, u, None))[0], z, self.of.weighted(u)

    def displaced(self, step: Point) -> None:
        return None

    def taken_over(self, state: Carry, earlier: Any) -> Carry:
        """v with the z and y that it had for another ρ."""
        z, u = earlier.split(state)
        return add(z, self.of.lighter(earlier.of.weighted(u)))

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        return self.of.elements_of(terms, of)

    def product(self, a: Point, b: Point) -> Array:
        return self.space.inner(a, b if self.of.R is None else self.of.R(b))

    def length(self, r: Point) -> Array:
        return self.space.norm(r) if self.of.R is None else root(self.product(r, r))


class _LinearizedADMM(_Directions):
    def __init__(self, tau: float, rho: float, A: Term, composed: Term) -> None:
        super().__init__(rho, 1.0, A, composed)
        self.tau, self.R_A = tau, A.resolve(tau)

    def first(self, state: Carry) -> tuple[Point, Point]:
        x, z, u, Lx = state
        pull = self.LT(self.weighted(add(subtract(Lx, z), u)))
        argument = lincomb(1.0, x, -self.tau, pull)
        return self.R_A(argument), argument

    def element(self, x: Point, Lx: Point, before: Point) -> Point:
        return scale(1 / self.tau, subtract(before, x))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖dx‖²/τ + ρ(‖dz‖² + ‖du‖² − ‖L dx‖²): the proximal method's metric."""
        if self.tau * self.rho * self.L.norm**2 > 1 + 1e-9:
            return None
        dx, dz, du, dLx = subtract(state, limit)
        coupled = self.square(dz) + self.square(du) - self.square(dLx)
        return self.square(dx) / self.tau + self.rho * coupled


# -- R, and how A + ρLᵀRL is solved with -----------------------------------------------------------


def _metric(composed: Term) -> LinearOperator | None:
    """R, made once; None: the identity."""
    if "stiffness" not in composed.known:
        composed.known["stiffness"] = stiffness(composed.operator, composed.of)
    R: LinearOperator | None = composed.known["stiffness"]
    return R


def stiffness(B: Operator, L: LinearOperator | None) -> LinearOperator | None:
    """R for a term LᵀBL: ``STIFF`` where B allows one value only; None: the identity."""
    pinned = B.pinned()
    if not isinstance(pinned, tuple):
        R = _stiff(pinned, L)
        return None if R.multiple is not None else R
    maps = L.maps if isinstance(L, BlockColumn) else (None,) * len(pinned)
    each = [_stiff(*pair) for pair in zip(pinned, maps, strict=True)]
    found = {R.multiple for R in each}
    return None if len(found) == 1 and None not in found else BlockDiagonalMap(each)


def _stiff(pinned: Any, L: LinearOperator | None) -> LinearOperator:
    if not is_array(pinned):
        return ScaledIdentity(STIFF if pinned is True else 1.0)
    if isinstance(L, LastAxesMap) and pinned.ndim > len(L.range_shape):  # throughout a batch
        axes = tuple(range(pinned.ndim - len(L.range_shape)))
        pinned = namespace(pinned).min(pinned, axis=axes)
    return Diagonal(1 + (STIFF - 1) * pinned)


def _gram(composed: Term) -> LinearOperator:
    """LᵀRL, made once."""
    if "gram" not in composed.known:
        L, R = composed.of, _metric(composed)
        assert L is not None  # else it has been refused
        maps = L.maps if isinstance(L, BlockColumn) else (L,)
        parts = (None,) * len(maps) if R is None else R.on_blocks(len(maps))
        weights = [1.0 if r is None else factors(r) for r in parts]
        composed.known["gram"] = weighted_gram(list(zip(weights, maps, strict=True)))
    found: LinearOperator = composed.known["gram"]
    return found


def _solver(rho: float, A: Term, composed: Term) -> Solvable | None:
    """How A + ρLᵀRL is solved with; None: it is not known."""
    return A.operator.solvable_with((rho * _gram(composed)).merged)


def _way(A: Term, composed: Term) -> Solvable | None:
    """``_solver`` for ρ = 1, looked up once."""
    key = "way", id(composed.operator)
    if key not in A.known:
        A.known[key] = _solver(1.0, A, composed)
    found: Solvable | None = A.known[key]
    return found


def _factored(rho: float, A: Term, composed: Term) -> PointMap:
    """h ↦ (A + ρLᵀRL)⁻¹h, the last ``KEPT`` of which are kept."""
    known: dict[Any, PointMap] = A.known.setdefault(("solvers", id(composed.operator)), {})
    if rho not in known:
        solver = _solver(rho, A, composed)
        assert solver is not None  # else it has been refused
        if len(known) >= KEPT:
            del known[next(iter(known))]
        known[rho] = solver.make()
    return known[rho]


def comparable(A: Term, composed: Term) -> float:
    """ρ = ‖A‖/‖L‖², at which A and ρLᵀL are as large as each other; 0: it is not known."""
    norm, size = composed.L.norm, A.lipschitz or 0.0
    return size / norm**2 if 0 < size < math.inf and 0 < norm < math.inf else 0.0


def solvable_penalty(rho: float, A: Term, composed: Term) -> float:
    """ρ, or the nearest of a few between it and the comparable one at which x⁺ is defined, if it is
    anywhere: where one of A and ρLᵀL is large beside the other, rounding loses the small one.
    """
    far = comparable(A, composed) / rho
    tried = [rho * far ** (k / NEARER) for k in range(NEARER + 1)] if far else []
    return next((found for found in tried if not is_singular(found, A, composed)), rho)


def is_singular(rho: float, A: Term, composed: Term) -> bool:
    """Whether A + ρLᵀRL is, up to rounding; where the least gains do not tell, it is factored."""
    L = composed.L
    least = (A.strong_monotonicity or 0.0) + rho * L.least_gain**2
    if least > ROUNDINGS * ((A.lipschitz or 0.0) + rho * L.norm**2):
        return False
    try:
        _factored(rho, A, composed)
    except np.linalg.LinAlgError:
        return True
    return False
