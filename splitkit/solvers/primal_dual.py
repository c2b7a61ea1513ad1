"""Primal-dual splittings for 0 ∈ A(x) + LᵀB(Lx) + C(x), with y ∈ B(Lx), C evaluated.

Condat-Vũ (Chambolle-Pock where C = 0):

    x⁺ = R_{τA}(x − τ(Lᵀy + Cx)),   y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x));

converges for A, B maximal monotone, C β-cocoercive and 1/τ − σ‖L‖² > 1/(2β), or τσ‖L‖² ≤ 1
without C. It returns x⁺, and ``Solution.u`` is (x⁺, y⁺).

PD3O:

    x = R_{τA}(z),   y⁺ = R_{σB⁻¹}(y − τσLLᵀy + σL(2x − z − τCx)),   z⁺ = x − τ(Cx + Lᵀy⁺);

converges for 0 < τ < 2β and τσ‖L‖² ≤ 1: longer steps. It returns x, and ``Solution.u`` is (z⁺, y⁺).

The residual is that of the pair: r ∈ (A x + Lᵀy + C x) × (B⁻¹y − Lx) at the x and y⁺ of a step.

Source: Chambolle, Pock (2011); Condat (2013); Vũ (2013); Yan, *A new primal-dual algorithm for
minimizing the sum of three functions* (2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from splitkit.backend import Array, Point, add, lincomb, scale, subtract
from splitkit.operators.base import Operator
from splitkit.operators.pullback import Pullback
from splitkit.solvers.iteration import Iteration, Reading, State, Trace
from splitkit.solvers.method import Guarantee, Method, Role
from splitkit.solvers.splitting import check_step


@dataclass(frozen=True, kw_only=True)
class PrimalDual(Method):
    """Base of the methods with a step τ of the primal and σ of the dual variable.

    Parameters
    ----------
    tau, sigma : float or None
        Step sizes > 0; None: chosen from ‖L‖ and β.
    check : bool
        False: run without a guarantee.
    """

    tau: float | None = None
    sigma: float | None = None

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED, Role.EVALUATED)
    cost: ClassVar[int] = 5
    sequence: ClassVar[str] = "x⁺ = R_{τA}(x − τ(Lᵀy + Cx))"

    def __post_init__(self) -> None:
        for name, step in (("tau", self.tau), ("sigma", self.sigma)):
            if step is not None:
                object.__setattr__(self, name, check_step(step, name))

    def longest_tau(self, norm: float, β: float) -> float:
        """A step τ that leaves room for σ = margin/(τ‖L‖²)."""
        raise NotImplementedError

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        """The bound of σ for this τ."""
        raise NotImplementedError

    def chosen(self, *operators: Operator) -> Self:
        if self.missing(*operators) is not None or None not in (self.tau, self.sigma):
            return self
        norm, β = _constants(*operators)
        if not 0 < norm < math.inf or β == 0:
            return replace(self, tau=self.tau or 1.0, sigma=self.sigma or 1.0)
        tau = self.tau or self.longest_tau(norm, β)
        return replace(self, tau=tau, sigma=self.sigma or self.longest_sigma(tau, norm, β))

    def theorem(self, *operators: Operator) -> Guarantee:
        A, composed, *rest = operators
        norm, β = _constants(*operators)
        assert self.tau is not None
        assert self.sigma is not None
        assert isinstance(composed, Pullback)
        for name, X in (("A", A), ("B", composed.A)):
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
        reason = f"tau = {self.tau:.4g}, sigma = {self.sigma:.4g}: {self.condition}"
        return Guarantee(True, None, reason, self.sequence)

    condition: ClassVar[str]

    def steps_converge(self, norm: float, β: float) -> bool:
        """Whether the theorem's condition holds."""
        raise NotImplementedError

    def exact_element(self, *operators: Operator) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class CondatVu(PrimalDual):
    """x⁺ = R_{τA}(x − τ(Lᵀy + Cx)), y⁺ = R_{σB⁻¹}(y + σL(2x⁺ − x)); see the module's docstring."""

    label: ClassVar[str] = "Condat-Vũ"
    condition: ClassVar[str] = "1/τ − σ‖L‖² > 1/(2β)"

    def longest_tau(self, norm: float, β: float) -> float:
        return 1 / (norm + 1 / (2 * β))

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return max(0.999 * (1 / tau - 1 / (2 * β)), 1e-3 / tau) / norm**2

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return 1 / self.tau - self.sigma * norm**2 > 1 / (2 * β)

    def iteration(self, *operators: Operator) -> Iteration:
        return _CondatVu(self, *operators)


@dataclass(frozen=True, kw_only=True)
class ChambollePock(CondatVu):
    """Condat-Vũ without C: τσ‖L‖² ≤ 1; see the module's docstring."""

    label: ClassVar[str] = "Chambolle-Pock"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.COMPOSED)
    condition: ClassVar[str] = "τσ‖L‖² ≤ 1"
    cost: ClassVar[int] = 4

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return 1 / (tau * norm**2)

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return self.tau * self.sigma * norm**2 <= 1 + 1e-12


@dataclass(frozen=True, kw_only=True)
class PD3O(PrimalDual):
    """Primal-dual three-operator splitting; see the module's docstring."""

    label: ClassVar[str] = "PD3O"
    condition: ClassVar[str] = "τ < 2β, τσ‖L‖² ≤ 1"
    sequence: ClassVar[str] = "x = R_{τA}(z)"

    def longest_tau(self, norm: float, β: float) -> float:
        return min(1.9 * β, 1 / norm)

    def longest_sigma(self, tau: float, norm: float, β: float) -> float:
        return 1 / (tau * norm**2)

    def steps_converge(self, norm: float, β: float) -> bool:
        assert self.tau is not None
        assert self.sigma is not None
        return self.tau < 2 * β and self.tau * self.sigma * norm**2 <= 1 + 1e-12

    def iteration(self, *operators: Operator) -> Iteration:
        return _PD3O(self, *operators)


class _Steps(Iteration):
    """What both iterations bind."""

    def __init__(
        self, method: PrimalDual, A: Operator, composed: Operator, C: Operator | None = None
    ) -> None:
        assert isinstance(composed, Pullback)
        assert method.tau is not None
        assert method.sigma is not None
        self.tau, self.sigma = method.tau, method.sigma
        self.L, self.LT, self.C = composed.L, composed.L.T, C
        self.R_A = A.make_resolvent(self.tau)
        self.R_B = composed.A.inverse.make_resolvent(self.sigma)

    def dual_start(self, x0: Point) -> Point:
        """y = 0."""
        return scale(0.0, self.L(x0))


class _CondatVu(_Steps):
    def init(self, x0: Point) -> State:
        return x0, self.dual_start(x0)

    def advance(self, state: State) -> tuple[State, Trace]:
        x, y = state
        pull = self.LT(y)
        Cx = None if self.C is None else self.C(x)
        gradient = pull if Cx is None else add(pull, Cx)
        x_next = self.R_A(lincomb(1.0, x, -self.tau, gradient))
        ahead = lincomb(2 * self.sigma, x_next, -self.sigma, x)
        y_next = self.R_B(self.L.add_to(y, ahead))
        return (x_next, y_next), (x, y, Cx, x_next, y_next, pull)

    def read(self, trace: Trace) -> Reading:
        x, y, Cx, x_next, y_next, LTy = trace
        dx, dy, LTy_next = subtract(x_next, x), subtract(y_next, y), self.LT(y_next)
        of_A, of_B = scale(-1 / self.tau, dx), scale(-1 / self.sigma, dy)
        if self.C is not None:
            of_A = add(of_A, subtract(self.C(x_next), Cx))
        coupling = subtract(LTy_next, LTy), self.L(dx)
        sizes = (
            (scale(1 / self.tau, x_next), scale(1 / self.sigma, y_next)),
            (LTy_next, self.L(x_next)),
        )
        return Reading(x_next, ((of_A, of_B), coupling), sizes)

    def energy(self, before: State, state: State, limit: State) -> Array:
        """‖dx‖²/τ − 2⟨L dx, dy⟩ + ‖dy‖²/σ: the metric in which the step is averaged."""
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


def _constants(A: Operator, composed: Operator, C: Operator | None = None) -> tuple[float, float]:
    """‖L‖ and β; inf where there is no C, 0 where β is unknown."""
    assert isinstance(composed, Pullback)
    β = math.inf if C is None else C.cocoercivity
    return composed.L.norm, 0.0 if β is None else β
