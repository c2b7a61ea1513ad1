"""The extragradient method and its past form for 0 ∈ F(x) + G(x):

    extragradient   y = R_{αG}(x − αF x),   x⁺ = R_{αG}(x − αF y);
    past            y = R_{αG}(x − αF y₋),  x⁺ = R_{αG}(x − αF y),  y₋ the y of the step before.

For F monotone and L-Lipschitz and G = ∂g (a normal cone, in a variational inequality) the first
converges for 0 < α < 1/L, linearly if F is strongly monotone; the second, with one evaluation an
iteration, for 0 < α < 1/(3L).
r = (x − x⁺)/α − F y + F x⁺ ∈ (F + G)(x⁺).

Source: Korpelevich (1976); Popov (1980); for G = ∂g Malitsky, *Golden ratio algorithms* (2020), §1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.lipschitz_steps import LipschitzSplitting
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class _OfSubdifferentials(LipschitzSplitting):
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF y)"

    def theorem(self, *terms: Term) -> Guarantee:
        G = terms[1]
        if not G.properties.gradient:
            return self.refused(
                f"G = {G!r} is not known to be a subdifferential: use Tseng's method, which takes "
                "any maximal monotone G"
            )
        return super().theorem(*terms)


@dataclass(frozen=True, kw_only=True)
class Extragradient(_OfSubdifferentials):
    """Two evaluations and two resolvents; see the module's docstring for its theorem."""

    label: ClassVar[str] = "extragradient"
    cost: ClassVar[int] = 4
    longest: ClassVar[float] = 1.0
    preferred: ClassVar[float] = 0.7

    def growth(self, *terms: Term) -> float:
        return terms[0].strong_monotonicity or 0.0

    def iteration(self, *terms: Term) -> Iteration:
        return _Extragradient(self.alpha, *terms)


@dataclass(frozen=True, kw_only=True)
class PastExtragradient(_OfSubdifferentials):
    """One evaluation and two resolvents; see the module's docstring for its theorem."""

    label: ClassVar[str] = "past extragradient"
    cost: ClassVar[int] = 3
    longest: ClassVar[float] = 1 / 3
    preferred: ClassVar[float] = 0.3

    def iteration(self, *terms: Term) -> Iteration:
        return _PastExtragradient(self.alpha, *terms)


class _Extragradient(Iteration):
    def __init__(self, alpha: float, F: Term, G: Term) -> None:
        self.alpha, self.F, self.R = alpha, F.evaluate, G.resolve(alpha)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x = state
        return self.correct(x, self.F(x))

    def correct(self, x: Point, prediction: Point) -> tuple[Carry, Trace]:
        """The step from x, with F y for y = R(x − α · prediction)."""
        Fy = self.F(self.R(lincomb(1.0, x, -self.alpha, prediction)))
        x_next = self.R(lincomb(1.0, x, -self.alpha, Fy))
        return x_next, (x, Fy, x_next)

    def read(self, trace: Trace) -> Reading:
        x, Fy, x_next = trace
        of_G = subtract(scale(1 / self.alpha, subtract(x, x_next)), Fy)
        return Reading(
            x_next,
            (of_G, self.F(x_next)),
            lambda: (scale(1 / self.alpha, x_next),),
        )

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        return self.square(subtract(state, limit))


class _PastExtragradient(_Extragradient):
    def init(self, x0: Point) -> Carry:
        return x0, self.F(x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x_next, trace = self.correct(*state)
        return (x_next, trace[1]), trace

    def governing(self, state: Carry) -> Point:
        return state[0]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖x − x*‖² + ‖x − y₋‖²/3, which does not grow for αL ≤ 1/3."""
        x, F_before = before
        y = self.R(lincomb(1.0, x, -self.alpha, F_before))
        gap = self.square(subtract(state[0], y))
        return self.square(subtract(state[0], limit[0])) + gap / 3
