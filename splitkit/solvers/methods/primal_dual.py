"""Primal-dual splittings for 0 ∈ A(x) + LᵀB(Lx) + C(x), with y ∈ B(Lx), C evaluated: one step,

    x⁺ = R_{τA}(x − τ(Lᵀy + Cx)),
    y⁺ = R_{σB⁻¹}(y + σL(x⁺ + θ(x⁺ − x) + κτ(Cx − Cx⁺))).

Chambolle-Pock is the one without C. Condat-Vũ has κ = 0 and PD3O κ = 1; both have θ = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from splitkit.arguments import POSITIVE, Range, check_flag, check_number, option
from splitkit.backend import Array, Point, Scalar, Space, add, lincomb, root, scale, subtract
from splitkit.looks import for_known
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.balance import Balanced
from splitkit.solvers.methods.davis_yin_rates import condat_vu_rate, pd3o_rate
from splitkit.solvers.methods.douglas_rachford_rates import one_way
from splitkit.solvers.methods.pairs import OfPairs, coupling_bounds
from splitkit.solvers.methods.primal_dual_steps import Region, Steps
from splitkit.solvers.scale import Arbitrary, measured_primal_step
from splitkit.solvers.terms import Role, Term, not_maximal, unknown_norm


@dataclass(frozen=True, kw_only=True)
class PrimalDual(OfPairs):
    """Base of the methods with a step τ of the primal and σ of the dual variable.

    In (w, y) with w = x − κτCx a step with θ = 1 is averaged in the metric

        ‖dw‖²/τ − 2⟨L dw, dy⟩ + ‖dy‖²/σ,

    and so it converges, for A and B maximal monotone and C β-cocoercive, if

        σ‖L‖² ≤ 1/τ − (1 − κ)/(2β)  (< where κ = 0 and there is a C),  τ < 2β;

    of functions, without C, also for τσ‖L‖² < 4/3 (``primal_dual_steps.py``), in another metric.

    Parameters
    ----------
    tau, sigma : float or None
        Step sizes > 0 of x and of y, in units of x by units of Ax, and the other way round of y;
        None: chosen from ‖L‖ and β, and measured on the data where both are open.
    balance : bool or None
        Whether the steps follow how far x and y move, from τ and σ on, or from those of the
        solution that is started from; None: if both are left open.
    """

    tau: Scalar = option(None, check_number, within=POSITIVE)
    sigma: Scalar = option(None, check_number, within=POSITIVE)
    balance: bool | None = option(None, check_flag, optional=True)

    kappa: ClassVar[int] = 0
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED, Role.EVALUATED)
    cost: ClassVar[int] = 5
    sequence: ClassVar[str] = "x⁺ = R_{τA}(x − τ(Lᵀy + Cx))"
    falls: ClassVar[str] = "Q-linear in the metric ‖dw‖²/τ − 2⟨L dw, dy⟩ + ‖dy‖²/σ"

    @property
    def steps(self) -> Steps:
        """The steps, none of them left open."""
        return Steps(self.tau, self.sigma)

    def region(self, A: Term, composed: Term, C: Term | None = None) -> Region:
        """The steps of the theorem."""
        β = math.inf if C is None else C.cocoercivity
        return Region(composed.L.norm, 0.0 if β is None else β, self.kappa)

    def choosing(self, *terms: Term) -> Self:
        region = self.region(*terms)
        tau, sigma, _ = region.completed(self.tau, self.sigma)
        left_open = self.tau is self.sigma is None
        tau = Arbitrary(tau) if left_open else tau
        wanted = left_open if self.balance is None else self.balance
        return self._with(tau=tau, sigma=sigma, balance=wanted and region.is_known)

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        region = self.region(*terms)
        if not (isinstance(self.tau, Arbitrary) and region.is_known):
            return self

        def at(tau: float) -> Iteration:
            return self._at(region, tau).iteration(*terms)

        return self._at(region, measured_primal_step(terms, x0, space, at))

    def _at(self, region: Region, tau: float) -> Self:
        steps = region.at(tau)
        return self._with(tau=steps.tau, sigma=steps.sigma)

    def steady(self) -> Self:
        return self if self.balance is not None else self._with(balance=False)

    def constant(self) -> Self:
        return self._with(balance=False)

    def iteration(self, *terms: Term) -> Iteration:
        return self.wrapped(lambda inner: inner, *terms)

    def wrapped(self, make: Callable[[Iteration], Iteration], *terms: Term) -> Iteration:
        def at(steps: Steps) -> Iteration:
            return make(_PrimalDual(steps, self.kappa, *terms))

        region = self.region(*terms)
        return Balanced(self.steps, at, region.at, region.norm) if self.balance else at(self.steps)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        return replace(self, balance=False), terms

    def theorem(self, *terms: Term) -> Guarantee:
        A, composed, *rest = terms
        region, steps = self.region(*terms), self.steps
        missing = not_maximal(A=A, B=composed)
        if missing is not None:
            return self.refused(missing)
        if region.beta == 0:
            return self.refused(
                f"C = {rest[0]!r} is not known to be cocoercive: declare it, if it is"
            )
        if region.norm == math.inf:
            return self.refused(unknown_norm(composed.L))
        numbers = f"tau = {steps.tau:.4g}, sigma = {steps.sigma:.4g}"
        functions = A.properties.gradient and composed.properties.gradient
        longer = not region.has(steps)
        if longer and not (functions and region.has_of_functions(steps)):
            return self.refused(
                f"{numbers} are too long for ‖L‖ = {region.norm:.4g}, β = {region.beta:.4g}: "
                f"{region.remedy(steps.tau, 'sigma')}"
            )
        first = "at first " if self.balance else ""
        constant = not (self.balance or longer or isinstance(steps.tau, Arbitrary))
        rate = self.rate(region, *terms) if constant else None
        condition = "τσ‖L‖² < 4/(1 + 2θ), of functions" if longer else region.condition
        reason = f"{first}{numbers}: {condition}"
        return Guarantee(True, rate, reason, self.sequence, self.falls)

    def rate(self, region: Region, *terms: Term) -> float | None:
        """The factor of ``falls``, of constant steps; None: none below 1."""
        A, composed, C = terms
        if C.is_zero:
            return one_way(A, composed, self.tau, self.sigma, 1.0)
        if self.kappa:
            return pd3o_rate(A, composed, C, self.steps)
        return condat_vu_rate(A, composed, C, region.norm, self.steps)


@dataclass(frozen=True, kw_only=True)
class CondatVu(PrimalDual):
    """Condat-Vũ's primal-dual splitting for 0 ∈ A(x) + LᵀB(Lx) + C(x), with y ∈ B(Lx):

        x⁺ = R_{τA}(x − τ(Lᵀy + Cx)),
        y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x)).

    Takes: A by its resolvent, B composed with L, C evaluated.
    Assumes: A and B maximal monotone, C β-cocoercive.
    Steps: σ‖L‖² < 1/τ − 1/(2β), τ < 2β; left open, they balance the movements of x and y.
    Rate: linear at constant steps, if B is cocoercive and A or C strongly monotone.
    Oracles: 1 R_{τA}, 1 R_{σB⁻¹}, 1 L, 1 Lᵀ, 1 C.

    A sum ΣLᵢᵀBᵢLᵢ is one composition of columns. The factors are those of ``davis_yin_rates.py``.
    x⁺ is returned, and ``Solution.u`` is (x⁺, y⁺). The residual is that of the pair: r ∈ (A x + Lᵀy
    + C x) × (B⁻¹y − Lx) at x⁺ and y⁺.

    Source: Condat, *A primal-dual splitting method for convex optimization involving Lipschitzian,
    proximable and linear composite terms* (2013); Vũ, *A splitting algorithm for dual monotone
    inclusions involving cocoercive operators* (2013).

    Examples
    --------
    >>> L = np.array([[1.0, 1.0, 1.0]])
    >>> A = sk.NormalCone(sk.functions.NonNegative())
    >>> B = sk.NormalCone(sk.functions.Singleton(np.array([1.0]))).pullback(L)  # Lx = 1
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 1.0, 1.0])))
    >>> solution = sk.solve(A + B + C, np.zeros(3), sk.CondatVu())
    >>> solution.x, solution.dual
    (array([0. , 0.5, 0.5]), array([0.5]))
    """

    label: ClassVar[str] = "Condat-Vũ"
    falls: ClassVar[str] = "Q-linear in ‖dx‖²/τ − 2⟨L dx, dy⟩ + ‖dy‖²/σ − h‖dx‖²"


@dataclass(frozen=True, kw_only=True)
class PD3O(PrimalDual):
    """The primal-dual three-operator splitting for 0 ∈ A(x) + LᵀB(Lx) + C(x), with y ∈ B(Lx):

        x⁺ = R_{τA}(x − τ(Lᵀy + Cx)),
        y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x + τ(Cx − Cx⁺))).

    Takes: A by its resolvent, B composed with L, C evaluated.
    Assumes: A and B maximal monotone, C β-cocoercive.
    Steps: τσ‖L‖² ≤ 1, τ < 2β; left open, they balance the movements of x and y.
    Rate: linear at constant steps, if B is cocoercive and A or C strongly monotone.
    Oracles: 1 R_{τA}, 1 R_{σB⁻¹}, 1 L, 1 Lᵀ, 1 C.

    Its τ may be longer than Condat-Vũ's. It is often written in z = w − τLᵀy, w = x − τCx, so that
    x⁺ = R_{τA}(z). A sum ΣLᵢᵀBᵢLᵢ is one composition of columns. The factors are those of
    ``davis_yin_rates.py``. x⁺ is returned, and ``Solution.u`` is (x⁺, y⁺). The residual is that of
    the pair: r ∈ (A x + Lᵀy + C x) × (B⁻¹y − Lx) at x⁺ and y⁺.

    Source: Yan, *A new primal-dual algorithm for minimizing the sum of three functions with a
    linear operator* (2018).

    Examples
    --------
    >>> L = np.array([[1.0, 1.0, 1.0]])
    >>> A = sk.NormalCone(sk.functions.NonNegative())
    >>> B = sk.NormalCone(sk.functions.Singleton(np.array([1.0]))).pullback(L)  # Lx = 1
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 1.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.PD3O()).x
    array([0. , 0.5, 0.5])
    """

    label: ClassVar[str] = "PD3O"
    kappa: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class ChambollePock(PrimalDual):
    """Chambolle and Pock's primal-dual splitting for 0 ∈ A(x) + LᵀB(Lx), with y ∈ B(Lx):

        x⁺ = R_{τA}(x − τLᵀy),
        y⁺ = R_{σB⁻¹}(y + σL(x⁺ + θ(x⁺ − x))).

    Takes: A by its resolvent, B composed with L.
    Assumes: A and B maximal monotone.
    Steps: τσ‖L‖² ≤ 1 (< 4/3 of functions); left open, they balance the movements of x and y.
    Rate: ‖xₖ − x*‖² ≤ cθᵏ, if A is γ-strongly monotone and B δ-cocoercive.
    Oracles: 1 R_{τA}, 1 R_{σB⁻¹}, 1 L, 1 Lᵀ.

    For B δ-cocoercive and A γ-strongly monotone constant steps have, with θ = 1, the rate of
    ``douglas_rachford_rates.py``. With all left open it takes longer ones, with θ = 1/(1 + 2γτ) =
    1/(1 + 2δσ) and θτσ‖L‖² ≤ 1: ‖xₖ − x*‖²/τ ≤ θᵏc for a constant c, though an iteration may lead
    away.

    A sum ΣLᵢᵀBᵢLᵢ is one composition of columns. x⁺ is returned, and ``Solution.u`` is (x⁺, y⁺).
    The residual is that of the pair: r ∈ (A x + Lᵀy) × (B⁻¹y − Lx) at x⁺ and y⁺.

    Source: Chambolle, Pock, *A first-order primal-dual algorithm for convex problems with
    applications to imaging* (2011), whose Alg. 3 gives the rate; its proof takes the functions'
    inequalities at the solution only, where monotone operators have them too; *On the ergodic
    convergence rates of a first-order primal-dual algorithm* (2016), for these steps.

    Parameters
    ----------
    theta : float or None
        The extrapolation θ, in (0, 1]; None: the one that gives a rate if all steps are left open
        and A and B have the constants for one, else 1.

    Examples
    --------
    >>> D = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])  # differences of neighbours
    >>> A = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.2, 4.0])))
    >>> B = sk.Subdifferential(sk.functions.L1Norm(0.5)).pullback(D)
    >>> sk.solve(A + B, np.zeros(3), sk.ChambollePock()).x
    array([0.35, 0.35, 3.5 ])
    """

    theta: Scalar = option(None, check_number, within=Range(0.0, 1.0, "(]"))

    label: ClassVar[str] = "Chambolle-Pock"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    cost: ClassVar[int] = 4

    @property
    def steps(self) -> Steps:
        return Steps(self.tau, self.sigma, self.theta or 1.0)

    def choosing(self, *terms: Term) -> Self:
        left_open = self.tau is self.sigma is self.theta is self.balance is None
        (γ, δ), norm = _strong(*terms), self.region(*terms).norm
        if not (left_open and all(0 < constant < math.inf for constant in (γ, δ, norm))):
            return super().choosing(*terms)
        # μ² = c(1 + μ) for 2γτ = 2δσ = μ is θτσ‖L‖² = 1
        c = 4 * γ * δ / norm**2
        μ = (c + math.sqrt(c * c + 4 * c)) / 2
        return self._with(tau=μ / (2 * γ), sigma=μ / (2 * δ), theta=1 / (1 + μ), balance=False)

    def rate(self, region: Region, *terms: Term) -> float | None:
        A, composed = terms
        return one_way(A, composed, self.tau, self.sigma, 1.0) if self.steps.theta == 1 else None

    def averagedness(self, *terms: Term) -> float | None:
        """½: with θ = 1 it is the proximal point method in the metric of ``Iteration.product``.

        Source: He, Yuan, *Convergence analysis of primal-dual algorithms for a saddle-point
        problem* (2012).
        """
        constant = not self.balance and self.steps.theta == 1
        within = self.region(*terms).has(self.steps)
        return 0.5 if constant and within and self.theorem(*terms).holds else None

    def theorem(self, *terms: Term) -> Guarantee:
        general, (tau, sigma, theta) = super().theorem(*terms), self.steps
        if theta == 1 or not general.holds:
            return general
        region, (A, composed) = self.region(*terms), terms
        functions = A.properties.gradient and composed.properties.gradient
        free = functions and not self.balance and region.has_of_functions(self.steps)
        γ, δ = _strong(*terms)
        least = 1 / (1 + 2 * min(γ * tau, δ * sigma))
        if self.balance or theta < least * (1 - 1e-12) or least == 1 or not region.has(self.steps):
            if free:
                reason = f"τσ‖L‖² < 4/(1 + 2θ), θ = {theta:.4g}, of functions"
                return replace(general, rate=None, reason=reason)
            return self.refused(
                f"theta = {theta:.4g} needs constant steps, A strongly monotone and B "
                f"cocoercive with max(1/(1 + 2γτ), 1/(1 + 2δσ)) ≤ theta, and that is {least:.4g}: "
                "leave theta out"
            )
        reason = f"{general.reason}, θ = {theta:.4g}"
        falls = "R-linear: ‖xₖ − x*‖² ≤ cρ²ᵏ, though a single iteration may lead away"
        return replace(general, rate=math.sqrt(theta), reason=reason, falls=falls)


class _PrimalDual(Iteration):
    """Carry (x, y), and Cx where there is a C."""

    def __init__(
        self, steps: Steps, kappa: int, A: Term, composed: Term, C: Term | None = None
    ) -> None:
        self.steps, self.kappa = steps, kappa
        self.L, self.LT = composed.L, composed.LT.make_evaluation()
        self.add_L = for_known(self.L.add_to)
        self.C = None if C is None or C.is_zero else C.evaluate
        self.offsets = [A.offset] if C is None else [A.offset, C.offset]
        self.R_A, self.R_B = A.resolve(steps.tau), composed.resolve_dual(steps.sigma)

    def init(self, x0: Point) -> Carry:
        return self.init_at(x0, scale(0.0, self.L(x0)))

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return (x0, dual) if self.C is None else (x0, dual, self.C(x0))

    def step(self, state: Carry) -> Carry:
        return self._after(state, self.LT(state[1]))

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        LTy = self.LT(state[1])
        after = self._after(state, LTy)
        return after, (state, LTy, after)

    def _after(self, state: Carry, gradient: Point) -> Carry:
        (tau, sigma, theta), (x, y, *known) = self.steps, state
        if known:
            gradient = add(gradient, known[0])
        x_next = self.R_A(lincomb(1.0, x, -tau, gradient))
        del gradient  # what nothing else needs gives its memory to the next, still in the cache
        ahead = lincomb((1 + theta) * sigma, x_next, -theta * sigma, x)
        if self.C is not None and self.kappa:
            Cx = self.C(x_next)
            ahead = lincomb(1.0, ahead, tau * sigma, subtract(known[0], Cx))
            return x_next, self.R_B(self.add_L(y, ahead)), Cx
        ahead = self.add_L(y, ahead)
        y_next = self.R_B(ahead)
        del ahead
        return (x_next, y_next) if self.C is None else (x_next, y_next, self.C(x_next))

    def read(self, trace: Trace) -> Reading:
        (tau, sigma, theta), ((x, y, *known), LTy, (x_next, y_next, *found)) = self.steps, trace
        Lx, LTy_next = self.L(x_next), self.LT(y_next)
        gradient = add(LTy, known[0]) if known else LTy
        of_A = scale(1 / tau, subtract(lincomb(1.0, x, -tau, gradient), x_next))
        ahead, coupled = lincomb((1 + theta) * sigma, x_next, -theta * sigma, x), LTy_next
        sizes = [(q, Lx) for offset in self.offsets for q in offset(x_next)]
        if found:
            coupled = add(LTy_next, found[0])
            change = subtract(known[0], found[0])
            ahead = lincomb(1.0, ahead, self.kappa * tau * sigma, change)
            sizes += [(LTy_next, Lx), (found[0], Lx)]
        of_B = scale(1 / sigma, subtract(self.add_L(y, ahead), y_next))

        def rounding() -> tuple[Point, ...]:
            return ((scale(1 / tau, x_next), scale(1 / sigma, y_next)),)

        elements = (of_A, of_B), (coupled, scale(-1.0, Lx))
        bounds = coupling_bounds(self.L, x_next, y_next, Lx, LTy_next)
        return Reading(x_next, elements, rounding, tuple(sizes), bounds)

    def governing(self, state: Carry) -> Point:
        return state[:2]

    def product(self, a: Point, b: Point) -> Array:
        """⟨x, x'⟩/τ − ⟨Lx, y'⟩ − ⟨Lx', y⟩ + ⟨y, y'⟩/σ, for (x, y) of the method without C."""
        (x, y), (x_b, y_b) = a, b
        coupled = self.space.inner(x, self.LT(y_b)) + self.space.inner(x_b, self.LT(y))
        return self.rough_product(a, b) - coupled

    def length(self, r: Point) -> Array:
        square = self.product(r, r)
        return root(self.space.xp.where(square > 0, square, 0.0 * square))

    def rough_product(self, a: Point, b: Point) -> Array:
        """⟨x, x'⟩/τ + ⟨y, y'⟩/σ."""
        (tau, sigma, _), inner = self.steps, self.space.inner
        return inner(a[0], b[0]) / tau + inner(a[1], b[1]) / sigma

    def rough_length(self, r: Point) -> Array:
        (tau, sigma, _), (x, y) = self.steps, r
        return self.space.norm((scale(tau**-0.5, x), scale(sigma**-0.5, y)))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array | None:
        """‖dw‖²/τ − 2⟨L dw, dy⟩ + ‖dy‖²/σ with w = x − κτCx, where θ = 1."""
        (tau, sigma, theta), difference = self.steps, subtract(state, limit)
        longer = self.C is None and tau * sigma * self.L.norm**2 > 1 + 1e-9
        if theta != 1 or longer:
            return None
        dw, dy, *dC = difference
        if dC:
            dw = lincomb(1.0, dw, -self.kappa * tau, dC[0])
        coupled = self.space.inner(dw, self.LT(dy))
        return self.square(dw) / tau - 2 * coupled + self.square(dy) / sigma


def _strong(A: Term, composed: Term) -> tuple[float, float]:
    """γ of A and δ of B; 0 where they are unknown."""
    γ, δ = A.strong_monotonicity, composed.cocoercivity
    return (0.0 if γ is None else max(γ, 0.0)), (0.0 if δ is None else δ)
