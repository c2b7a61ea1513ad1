"""Forward-reflected-backward splitting for 0 ∈ F(x) + G(x), F evaluated once:

    x⁺ = R_{αG}(x − α(2F x − F x₋)),   x₋ the point before x.

Converges for F monotone and L-Lipschitz, G maximal monotone and 0 < α < 1/(2L).
r = (x − x⁺)/α − 2F x + F x₋ + F x⁺ ∈ (F + G)(x⁺).

Source: Malitsky, Tam, *A forward-backward splitting method for monotone inclusions without
cocoercivity* (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.methods.lipschitz_steps import LipschitzSplitting
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class ForwardReflectedBackward(LipschitzSplitting):
    """One evaluation and one resolvent; see the module's docstring for its theorem."""

    label: ClassVar[str] = "forward-reflected-backward"
    longest: ClassVar[float] = 0.5
    preferred: ClassVar[float] = 0.45
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − α(2F x − F x₋))"

    def iteration(self, *terms: Term) -> Iteration:
        return _ForwardReflectedBackward(self, *terms)


class _ForwardReflectedBackward(Iteration):
    def __init__(self, method: ForwardReflectedBackward, F: Term, G: Term) -> None:
        self.alpha, self.F, self.R = method.alpha, F.evaluate, G.resolve(method.alpha)

    def init(self, x0: Point) -> Carry:
        return x0, self.F(x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, before = state
        Fx = self.F(x)
        y = lincomb(1.0, x, -self.alpha, lincomb(2.0, Fx, -1.0, before))
        x_next = self.R(y)
        return (x_next, Fx), (y, x_next)

    def read(self, trace: Trace) -> Reading:
        y, x = trace
        of_G = scale(1 / self.alpha, subtract(y, x))
        return Reading(x, (of_G, self.F(x)), lambda: (scale(1 / self.alpha, x),))

    def governing(self, state: Carry) -> Point:
        return state[0]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖x − x*‖² + 2α⟨Fx − Fx₋, x* − x⟩ + ‖x − x₋‖²/2 (Malitsky, Tam, Lemma 2.4)."""
        (x_before, _), (x, F_before), (x_star, _) = before, state, limit
        d, turned = subtract(x_star, x), subtract(self.F(x), F_before)
        reflected = 2 * self.alpha * self.space.inner(turned, d)
        return self.square(d) + reflected + self.square(subtract(x, x_before)) / 2
