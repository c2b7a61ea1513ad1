"""Primal-dual splittings for 0 ∈ A(x) + LᵀB(Lx) + C(x), with y ∈ B(Lx), C evaluated.

Condat-Vũ (Chambolle-Pock where C = 0):

    x⁺ = R_{τA}(x − τ(Lᵀy + Cx)),   y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x));

converges for A, B maximal monotone, C β-cocoercive and 1/τ − σ‖L‖² > 1/(2β), or τσ‖L‖² ≤ 1
without C. It returns x⁺, and ``Solution.u`` is (x⁺, y⁺).

PD3O:

    x = R_{τA}(z),   y⁺ = R_{σB⁻¹}(y − τσLLᵀy + σL(2x − z − τCx)),   z⁺ = x − τ(Cx + Lᵀy⁺);

converges for 0 < τ < 2β and τσ‖L‖² ≤ 1: longer steps. It returns x, and ``Solution.u`` is (z⁺, y⁺).

Where both τ and σ are left open they balance the residuals of x and y (``balance``); A γ-strongly
monotone and B δ-cocoercive, Chambolle-Pock takes constant ones that give a rate: with
x̄ = x⁺ + θ(x⁺ − x) in place of 2x⁺ − x, θ = 1/(1 + 2γτ) = 1/(1 + 2δσ) and θτσ‖L‖² ≤ 1,

    ‖x_k − x*‖²/τ ≤ θᵏ c  for a constant c.

The residual is that of the pair: r ∈ (A x + Lᵀy + C x) × (B⁻¹y − Lx) at the x and y⁺ of a step.

Source: Chambolle, Pock (2011), whose Alg. 3 gives the rate; its proof takes the functions'
inequalities at the solution only, where monotone operators have them too; *On the ergodic
convergence rates of a first-order primal-dual algorithm* (2016), for these steps; Condat (2013);
Vũ (2013); Yan, *A new primal-dual algorithm for minimizing the sum of three functions* (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from splitkit.arguments import POSITIVE, Range, check_flag, check_number, option
from splitkit.backend import Array, Point, add, lincomb, scale, subtract
from splitkit.operators.base import Operator
from splitkit.proofs import Proof
from splitkit.solvers.iteration import Iteration, Reading, State, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.balance import Balanced
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class PrimalDual(Method):
    """Base of the methods with a step τ of the primal and σ of the dual variable.

    Parameters
    ----------
    tau, sigma : float or None
        Step sizes > 0; None: chosen from ‖L‖ and β.
    balance : bool or None
        Whether the steps follow the residuals, from τ and σ on; None: if both are left open.
    check : bool
        False: run without a guarantee.
    """

    tau: float | None = option(None, check_number, within=POSITIVE)
    sigma: float | None = option(None, check_number, within=POSITIVE)
    balance: bool | None = option(None, check_flag, optional=True)

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED, Role.EVALUATED)
    cost: ClassVar[int] = 5
    sequence: ClassVar[str] = "x⁺ = R_{τA}(x − τ(Lᵀy + Cx))"

    def greatest_tau(self, β: float) -> float:
        """The steps τ up to which σ stays in proportion."""
        raise NotImplementedError

    def longest_tau(self, coupling: float, β: float) -> float:
        """The bound of τ for σ‖L‖² = coupling."""
        raise NotImplementedError

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        """The bound of σ for this τ."""
        raise NotImplementedError

    def choosing(self, *terms: Term) -> Self:
        if self.missing(*terms) is not None:
            return self
        balance = self.tau is self.sigma is None if self.balance is None else self.balance
        norm, β = _constants(*terms)
        tau, sigma = self.tau, self.sigma
        if None in (tau, sigma) and (not 0 < norm < math.inf or β == 0):
            return replace(self, tau=tau or 1.0, sigma=sigma or 1.0, balance=False)
        if tau is None:  # without a σ, both steps as long as each other where C allows it
            tau = self.longest_tau(norm if sigma is None else sigma * norm**2, β)
            tau = tau if sigma is None else 0.999 * tau
        sigma = sigma or self.longest_sigma(tau, norm, β)
        return replace(self, tau=tau, sigma=sigma, balance=balance)

    def iteration(self, *terms: Term) -> Iteration:
        assert self.tau is not None
        assert self.sigma is not None
        norm, β = _constants(*terms)
        if not self.balance or not 0 < norm < math.inf or β == 0:
            return self.constant(self.tau, self.sigma, *terms)

        def at(tau: float, sigma: float) -> Iteration:
            return self.constant(tau, sigma, *terms)

        def within(tau: float) -> tuple[float, float]:
            tau = min(tau, self.greatest_tau(β))
            return tau, self.longest_sigma(tau, norm, β)

        return Balanced((self.tau, self.sigma), at, within)

    def constant(self, tau: float, sigma: float, *terms: Term) -> Iteration:
        """The iteration with these steps."""
        raise NotImplementedError

    def proof(self, *operators: Operator | Term) -> Proof:
        """See ``Method.proof``: of the iteration with constant steps."""
        return Method.proof(replace(self, balance=False), *operators)

    def theorem(self, *terms: Term) -> Guarantee:
        A, composed, *rest = terms
        norm, β = _constants(*terms)
        assert self.tau is not None
        assert self.sigma is not None
        for name, X in (("A", A), ("B", composed)):
            if not X.properties.maximal:
                return self.refused(f"{name} = {X!r} is not known to be maximal monotone")
        if β == 0:
            return self.refused(
                f"C = {rest[0]!r} is not known to be cocoercive: declare it, if it is"
            )
        if norm == math.inf:
            return self.refused(f"no bound of the norm of L = {composed.L!r} is known")
        if not self.steps_converge(norm, β):
            limited = replace(self, sigma=self.longest_sigma(self.tau, norm, β))
            remedy = (
                f"with this tau, sigma must be at most {limited.sigma:.4g}"
                if limited.steps_converge(norm, β)
                else f"tau must be below 2β = {2 * β:.4g}"
            )
            return self.refused(
                f"tau = {self.tau:.4g}, sigma = {self.sigma:.4g} are too long for ‖L‖ = "
                f"{norm:.4g}, β = {β:.4g}: {remedy}"
            )
        first = "at first " if self.balance else ""
        reason = f"{first}tau = {self.tau:.4g}, sigma = {self.sigma:.4g}: {self.condition}"
        return Guarantee(True, None, reason, self.sequence)

    condition: ClassVar[str]

    def steps_converge(self, norm: float, β: float) -> bool:
        """Whether the theorem's condition holds."""
        raise NotImplementedError

    def dual(self, u: Point) -> Point:
        return u[1]

    def exact_element(self, *terms: Term) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class CondatVu(PrimalDual):
    """x⁺ = R_{τA}(x − τ(Lᵀy + Cx)), y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x)); see the module's docstring."""

    label: ClassVar[str] = "Condat-Vũ"
    condition: ClassVar[str] = "1/τ − σ‖L‖² > 1/(2β)"

    def greatest_tau(self, β: float) -> float:
        return β

    def longest_tau(self, coupling: float, β: float) -> float:
        return 1 / (coupling + 1 / (2 * β))

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return max(0.999 * (1 / tau - 1 / (2 * β)), 1e-3 / tau) / norm**2

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return 1 / self.tau - self.sigma * norm**2 > 1 / (2 * β)

    def constant(self, tau: float, sigma: float, *terms: Term) -> Iteration:
        return _CondatVu(tau, sigma, *terms)


@dataclass(frozen=True, kw_only=True)
class ChambollePock(CondatVu):
    """Condat-Vũ without C: τσ‖L‖² ≤ 1; see the module's docstring.

    Parameters
    ----------
    tau, sigma, balance, check
        As for the other primal-dual methods.
    theta : float or None
        The extrapolation, in (0, 1]; None: the one that gives a rate if all steps are left open and
        A and B have the constants for one, else 1.
    """

    theta: float | None = option(None, check_number, within=Range(0.0, 1.0, "(]"))

    label: ClassVar[str] = "Chambolle-Pock"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    condition: ClassVar[str] = "τσ‖L‖² ≤ 1"
    cost: ClassVar[int] = 4

    def greatest_tau(self, β: float) -> float:
        return math.inf

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return 1 / (tau * norm**2)

    def choosing(self, *terms: Term) -> Self:
        left_open = self.tau is self.sigma is self.theta is self.balance is None
        if not left_open or self.missing(*terms) is not None:
            return super().choosing(*terms)
        γ, δ = _strong(*terms)
        norm, _ = _constants(*terms)
        if not (0 < γ < math.inf and 0 < δ < math.inf and 0 < norm < math.inf):
            return super().choosing(*terms)
        # μ² = c(1 + μ) for 2γτ = 2δσ = μ is θτσ‖L‖² = 1
        c = 4 * γ * δ / norm**2
        μ = (c + math.sqrt(c * c + 4 * c)) / 2
        return replace(self, tau=μ / (2 * γ), sigma=μ / (2 * δ), theta=1 / (1 + μ), balance=False)

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return (self.theta or 1.0) * self.tau * self.sigma * norm**2 <= 1 + 1e-12

    def theorem(self, *terms: Term) -> Guarantee:
        general = super().theorem(*terms)
        if self.theta in (None, 1) or not general.holds:
            return general
        assert self.tau is not None
        assert self.sigma is not None
        γ, δ = _strong(*terms)
        least = 1 / (1 + 2 * min(γ * self.tau, δ * self.sigma))
        if self.balance or self.theta < least * (1 - 1e-12) or least == 1:
            return self.refused(
                f"theta = {self.theta:.4g} needs constant steps, A strongly monotone and B "
                f"cocoercive with max(1/(1 + 2γτ), 1/(1 + 2δσ)) ≤ theta, and that is {least:.4g}: "
                "leave theta out"
            )
        rate = math.sqrt(self.theta)
        return replace(general, rate=rate, reason=f"{general.reason}, θ = {self.theta:.4g}")

    def constant(self, tau: float, sigma: float, *terms: Term) -> Iteration:
        return _CondatVu(tau, sigma, *terms, theta=self.theta or 1.0)


@dataclass(frozen=True, kw_only=True)
class PD3O(PrimalDual):
    """Primal-dual three-operator splitting; see the module's docstring."""

    label: ClassVar[str] = "PD3O"
    condition: ClassVar[str] = "τ < 2β, τσ‖L‖² ≤ 1"
    sequence: ClassVar[str] = "x = R_{τA}(z)"

    def greatest_tau(self, β: float) -> float:
        return 1.9 * β

    def longest_tau(self, coupling: float, β: float) -> float:
        return min(1.9 * β, 1 / coupling)

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return 1 / (tau * norm**2)

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return self.tau < 2 * β and self.tau * self.sigma * norm**2 <= 1 + 1e-12

    def constant(self, tau: float, sigma: float, *terms: Term) -> Iteration:
        return _PD3O(tau, sigma, *terms)


class _Steps(Iteration):
    """What both iterations bind."""

    def __init__(
        self,
        tau: float,
        sigma: float,
        A: Term,
        composed: Term,
        C: Term | None = None,
        *,
        theta: float = 1.0,
    ) -> None:
        self.tau, self.sigma, self.theta = tau, sigma, theta
        self.L, self.LT = composed.L, composed.LT
        self.C = None if C is None else C.evaluate
        self.R_A = A.resolve(tau)
        self.R_B = composed.resolve_dual(sigma)

    def dual_start(self, x0: Point) -> Point:
        """y = 0."""
        return scale(0.0, self.L(x0))


class _CondatVu(_Steps):
    def init(self, x0: Point) -> State:
        return x0, self.dual_start(x0)

    def step(self, state: State) -> State:
        x, y = state
        if self.C is None:
            return self._following(x, y, self.LT(y))
        return self._following(x, y, add(self.LT(y), self.C(x)))

    def advance(self, state: State) -> tuple[State, Trace]:
        x, y = state
        pull = self.LT(y)
        Cx = None if self.C is None else self.C(x)
        x_next, y_next = self._following(x, y, pull if Cx is None else add(pull, Cx))
        return (x_next, y_next), (x, y, Cx, x_next, y_next, pull)

    def _following(self, x: Point, y: Point, gradient: Point) -> State:
        x_next = self.R_A(lincomb(1.0, x, -self.tau, gradient))
        del gradient  # where nothing else needs it its memory is taken again, still in the cache
        ahead = lincomb((1 + self.theta) * self.sigma, x_next, -self.theta * self.sigma, x)
        return x_next, self.R_B(self.L.add_to(y, ahead))

    def read(self, trace: Trace) -> Reading:
        x, y, Cx, x_next, y_next, LTy = trace
        dx, dy, LTy_next = subtract(x_next, x), subtract(y_next, y), self.LT(y_next)
        of_A, of_B = scale(-1 / self.tau, dx), scale(-1 / self.sigma, dy)
        if self.C is not None:
            of_A = add(of_A, subtract(self.C(x_next), Cx))
        coupling = subtract(LTy_next, LTy), self.L(scale(self.theta, dx))
        sizes = (
            (scale(1 / self.tau, x_next), scale(1 / self.sigma, y_next)),
            (LTy_next, self.L(x_next)),
        )
        return Reading(x_next, ((of_A, of_B), coupling), sizes)

    def energy(self, before: State, state: State, limit: State) -> Array | None:
        """‖dx‖²/τ − 2⟨L dx, dy⟩ + ‖dy‖²/σ: the metric in which the step with θ = 1 is averaged."""
        if self.theta != 1:
            return None
        dx, dy = (subtract(a, b) for a, b in zip(state, limit, strict=True))
        coupled = self.space.inner(dx, self.LT(dy))
        return self.square(dx) / self.tau - 2 * coupled + self.square(dy) / self.sigma


class _PD3O(_Steps):
    def init(self, x0: Point) -> State:
        return x0, self.dual_start(x0)

    def advance(self, state: State) -> tuple[State, Trace]:
        z, y = state
        assert self.C is not None
        x = self.R_A(z)
        Cx = self.C(x)
        LTy = self.LT(y)
        ahead = lincomb(1.0, lincomb(2.0, x, -1.0, z), -self.tau, add(Cx, LTy))
        extrapolated = self.L.add_to(y, scale(self.sigma, ahead))
        y_next = self.R_B(extrapolated)
        pull = add(Cx, self.LT(y_next))
        z_next = lincomb(1.0, x, -self.tau, pull)
        return (z_next, y_next), (z, x, pull, extrapolated, y_next, LTy)

    def read(self, trace: Trace) -> Reading:
        z, x, pull, extrapolated, y_next, _ = trace
        of_A = scale(1 / self.tau, subtract(z, x))
        of_B = scale(1 / self.sigma, subtract(extrapolated, y_next))
        sizes = ((scale(1 / self.tau, x), scale(1 / self.sigma, y_next)),)
        return Reading(x, ((of_A, of_B), (pull, scale(-1.0, self.L(x)))), sizes)

    def energy(self, before: State, state: State, limit: State) -> Array:
        """‖dz‖²/τ + ‖dy‖²/σ − τ‖Lᵀdy‖²: the metric in which the step is averaged."""
        dz, dy = (subtract(a, b) for a, b in zip(state, limit, strict=True))
        coupled = self.tau * self.square(self.LT(dy))
        return self.square(dz) / self.tau + self.square(dy) / self.sigma - coupled


def _strong(A: Term, composed: Term) -> tuple[float, float]:
    """γ of A and δ of B; 0 where they are unknown."""
    γ, δ = A.strong_monotonicity, composed.cocoercivity
    return (0.0 if γ is None else max(γ, 0.0)), (0.0 if δ is None else δ)


def _constants(A: Term, composed: Term, C: Term | None = None) -> tuple[float, float]:
    """‖L‖ and β; inf where there is no C, 0 where β is unknown."""
    β = math.inf if C is None else C.cocoercivity
    return composed.L.norm, 0.0 if β is None else β
