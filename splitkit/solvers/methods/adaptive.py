"""Methods whose steps adapt to the curvature that is met, with no constant and no line search.

Adaptive proximal gradient, F = ∇f, G = ∂g, f convex with a locally Lipschitz gradient:

    α = min(√(2/3 + θ) α₋, α₋/√[2α₋²ℓ² − 1]₊),  θ = α₋/α₋₋,  ℓ = ‖Fx − Fx₋‖/‖x − x₋‖,
    x⁺ = R_{αG}(x − αF x).

Golden ratio (aGRAAL), F monotone and locally Lipschitz, G = ∂g; any 1 < φ ≤ (1 + √5)/2, of which
only φ < (1 + √5)/2 lets steps grow, 1/φ + 1/φ² > 1; φ = 3/2:

    α = min((1/φ + 1/φ²) α₋, φθ/(4α₋ℓ²)),  x̄ = ((φ − 1)x + x̄₋)/φ,
    x⁺ = R_{αG}(x̄ − αF x),  θ⁺ = φα/α₋.

Each element of a batch has its own step. r = (argument − x⁺)/α + F x⁺ ∈ (F + G)(x⁺).

Source: Malitsky, Mishchenko, *Adaptive proximal gradient method for convex optimization* (2023),
Alg. 3; Malitsky, *Golden ratio algorithms for variational inequalities* (2020), Alg. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.terms import Role, Term

PHI = 1.5
GREATEST = 1e10  # no step is longer than this times the first


@dataclass(frozen=True, kw_only=True)
class AdaptiveMethod(Method):
    """An evaluation and a resolvent, the step found on the way."""

    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)

    def refusal(self, *terms: Term) -> str | None:
        """What is missing, if anything."""
        raise NotImplementedError

    def theorem(self, *terms: Term) -> Guarantee:
        missing = self.refusal(*terms)
        if missing is not None:
            return self.refused(missing)
        return Guarantee(True, None, "steps adapt to the local Lipschitz constant", self.sequence)


@dataclass(frozen=True, kw_only=True)
class AdaptiveProximalGradient(AdaptiveMethod):
    """Steps that grow and shrink without a line search; see the module's docstring."""

    label: ClassVar[str] = "adaptive proximal gradient"
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF x)"

    def refusal(self, *terms: Term) -> str | None:
        for name, A in zip("FG", terms, strict=True):
            if not (A.properties.gradient and A.properties.monotone):
                return (
                    f"{name} = {A!r} is not known to be the (sub)gradient of a convex function: "
                    "declare gradient=True, or use the golden ratio method"
                )
        return None

    def iteration(self, *terms: Term) -> Iteration:
        return _ProximalGradient(*terms)


@dataclass(frozen=True, kw_only=True)
class GoldenRatio(AdaptiveMethod):
    """Adaptive steps for monotone operators; see the module's docstring."""

    label: ClassVar[str] = "golden ratio"
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x̄ − αF x)"

    def refusal(self, *terms: Term) -> str | None:
        F, G = terms
        if not F.properties.monotone:
            return f"F = {F!r} is not known to be monotone: declare it, if that is true"
        if not (G.properties.gradient and G.properties.maximal):
            return (
                f"G = {G!r} is not known to be the subdifferential of a convex function: use "
                "Tseng's method"
            )
        return None

    def iteration(self, *terms: Term) -> Iteration:
        return _GoldenRatio(*terms)


class AdaptiveSteps(Iteration):
    """Carry: (x, F x, what else the step needs, α, θ)."""

    def __init__(self, F: Term, G: Term) -> None:
        self.F, self.G, self.offset = F.evaluate, G, F.offset

    def first_step(self, x: Point, Fx: Point) -> tuple[Array, Point, Point]:
        """α = ‖d‖/‖F(x + d) − F x‖ for a short probe d against F x; where it ends, and F there."""
        space = self.space
        size = 1e-3 * (1.0 + space.norm(x))
        norm = space.norm(Fx)
        away = scale(-size / space.xp.where(norm > 0, norm, space.xp.ones_like(norm)), Fx)
        y = lincomb(1.0, x, 1.0, away)
        Fy = self.F(y)
        change = space.norm(subtract(Fy, Fx))
        moved = space.norm(away)
        safe = space.xp.where(change > 0, change, space.xp.ones_like(change))
        alpha = space.xp.where((change > 0) & (moved > 0), moved / safe, 1.0 + 0.0 * change)
        return alpha, y, Fy

    def local_lipschitz(self, x: Point, Fx: Point, before: Point, F_before: Point) -> Array:
        """ℓ = ‖Fx − Fx₋‖/‖x − x₋‖, 0 where x = x₋."""
        xp, moved = self.space.xp, self.space.norm(subtract(x, before))
        change = self.space.norm(subtract(Fx, F_before))
        return xp.where(moved > 0, change / xp.where(moved > 0, moved, xp.ones_like(moved)), 0.0)

    def resolve(self, alpha: Array, y: Point) -> Point:
        """R_{αG}y for the step sizes of this iteration."""
        return self.G.resolve(alpha if alpha.shape else float(alpha))(y)

    def read(self, trace: Trace) -> Reading:
        alpha, y, x = trace
        of_G = scale(1 / alpha, subtract(y, x))
        return Reading(x, (of_G, self.F(x)), lambda: (scale(1 / alpha, x),), self.offset(x))

    def governing(self, state: Carry) -> Point:
        return state[0]


class _ProximalGradient(AdaptiveSteps):
    def init(self, x0: Point) -> Carry:
        F0 = self.F(x0)
        alpha, _, _ = self.first_step(x0, F0)
        return x0, x0, F0, alpha, 1e9 + 0.0 * alpha, alpha

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, before, F_before, alpha, θ, first = state
        xp = self.space.xp
        Fx = self.F(x)
        slope = self.local_lipschitz(x, Fx, before, F_before)
        curved = 2 * (alpha * slope) ** 2 - 1
        bounded = xp.where(
            curved > 0, xp.sqrt(xp.where(curved > 0, curved, 1.0 + 0 * slope)), 1e-30
        )
        grown = xp.minimum(xp.sqrt(2 / 3 + θ) * alpha, alpha / bounded)
        # the first iteration knows no earlier point: θ marks it
        step = xp.where(θ > 1e8, alpha, xp.minimum(grown, GREATEST * first))
        y = lincomb(1.0, x, -step, Fx)
        x_next = self.resolve(step, y)
        return (x_next, x, Fx, step, step / alpha, first), (step, y, x_next)


class _GoldenRatio(AdaptiveSteps):
    def init(self, x0: Point) -> Carry:
        F0 = self.F(x0)
        alpha, before, F_before = self.first_step(x0, F0)
        return x0, x0, before, F_before, alpha, 1.0 + 0.0 * alpha, alpha

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, mean, before, F_before, alpha, θ, first = state
        xp = self.space.xp
        Fx = self.F(x)
        slope = self.local_lipschitz(x, Fx, before, F_before)
        square = xp.maximum(4 * alpha * slope * slope, xp.full_like(slope, 1e-30))
        step = xp.minimum((1 / PHI + 1 / PHI**2) * alpha, PHI * θ / square)
        step = xp.minimum(step, GREATEST * first)
        mean = lincomb((PHI - 1) / PHI, x, 1 / PHI, mean)
        y = lincomb(1.0, mean, -step, Fx)
        x_next = self.resolve(step, y)
        after = (x_next, mean, x, Fx, step, PHI * step / alpha, first)
        return after, (step, y, x_next)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """φ/(φ − 1)‖x̄ − x*‖² + θ‖x − x₋‖²/2, x̄ the next mean (Malitsky, Theorem 2)."""
        x, mean, x_before, _, _, θ, _ = state
        ahead = lincomb((PHI - 1) / PHI, x, 1 / PHI, mean)
        distance = self.square(subtract(ahead, limit[0]))
        return PHI / (PHI - 1) * distance + θ / 2 * self.square(subtract(x, x_before))
