"""The extragradient method, and its form with past evaluations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace, after_backward
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
    """The extragradient method for 0 ∈ F(x) + G(x):

        y = R_{αG}(x − αF x),   x⁺ = R_{αG}(x − αF y).

    Takes: F evaluated, G by its resolvent.
    Assumes: F monotone and L-Lipschitz, G = ∂g (a normal cone, in a variational inequality).
    Steps: 0 < α < 1/L; left open, 0.7/L.
    Rate: √(1 − ab/(a + b)), a = 1 − α²L², b = 2αm, if F is m-strongly monotone.
    Oracles: 2 F, 2 R_{αG}.

    r = (x − x⁺)/α − F y + F x⁺ ∈ (F + G)(x⁺).

    Source: Korpelevich, *The extragradient method for finding saddle points and other problems*
    (1976); Facchinei, Pang, *Finite-dimensional variational inequalities* (2003), §12.1; for G = ∂g
    Malitsky, *Golden ratio algorithms for variational inequalities* (2020), §1.

    Examples
    --------
    >>> F = sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]), np.array([1.0, -1.0]))  # turns only
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> sk.solve(F + G, np.ones(2), sk.Extragradient()).x
    array([0.5, 0.5])
    """

    label: ClassVar[str] = "extragradient"
    cost: ClassVar[int] = 4
    longest: ClassVar[float] = 1.0
    preferred: ClassVar[float] = 0.7

    def iteration(self, *terms: Term) -> Iteration:
        return _Extragradient(self.alpha, *terms)


@dataclass(frozen=True, kw_only=True)
class PastExtragradient(_OfSubdifferentials):
    """Popov's extragradient method with past evaluations for 0 ∈ F(x) + G(x):

        y = R_{αG}(x − αF y₋),  x⁺ = R_{αG}(x − αF y),  y₋ the y of the step before.

    Takes: F evaluated, G by its resolvent.
    Assumes: F monotone and L-Lipschitz, G = ∂g (a normal cone, in a variational inequality).
    Steps: 0 < α < 1/(2L); left open, 0.45/L.
    Rate: ‖xₖ − x*‖² ≤ 1.125ρ²ᵏ‖x₀ − x*‖², ρ = 1/√(1 + 2αm), if F is m-strongly monotone.
    Oracles: 1 F, 2 R_{αG}.

    With X = x − x*, D = x − y₋ (0 at the start) and μ = αm ≤ ½,

        V⁺ ≤ V/(1 + 2μ),   V = ‖X‖² − 2μ/(1 + μ) ⟨X, D⟩ + ‖D‖² ≥ (8/9)‖X‖².

    At αL = ½ its rate 1/√(1 + 2μ) is the least that any quadratic function of (x, y₋, Fy₋) has.

    Proof.  With t = x⁺ − y, h = y − x, e = α(F y − F y₋), p = 1/(1 + μ): the subgradient
    inequalities of g at y and x⁺, and that of F at y, give

        ‖X⁺‖² ≤ ‖X‖² − ‖h‖² − ‖t‖² − 2⟨e, t⟩ − 2μ‖X + h‖²,   ‖t‖² ≤ −⟨e, t⟩,

    the latter ‖t‖ ≤ ‖e‖ and −2⟨e, t⟩ ≤ 2‖e‖² ≤ ‖h + D‖²/2. As V⁺ = pμ‖y − x*‖² + p(‖X⁺‖² + ‖t‖²),

        V⁺ ≤ p(‖X‖² − μ‖X + h‖² − ‖h‖² + ‖h + D‖²/2) ≤ V/(1 + 2μ),

    the last because −(½ + μ)‖h‖² + ⟨h, D − 2μX⟩ ≤ ‖D − 2μX‖²/(2 + 4μ). For m = 0 what is left over
    is (1 − 4α²L²)(‖h‖² + ‖D‖²), so that h and D vanish.

    r = (x − x⁺)/α − F y + F x⁺ ∈ (F + G)(x⁺).

    Source: Popov, *A modification of the Arrow-Hurwicz method for search of saddle points* (1980),
    who has 1/(3L); for G = ∂g Malitsky, *Golden ratio algorithms for variational inequalities*
    (2020), §1.

    Examples
    --------
    >>> F = sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]), np.array([1.0, -1.0]))  # turns only
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> sk.solve(F + G, np.ones(2), sk.PastExtragradient()).x
    array([0.5, 0.5])
    """

    label: ClassVar[str] = "past extragradient"
    cost: ClassVar[int] = 3
    longest: ClassVar[float] = 0.5
    preferred: ClassVar[float] = 0.45
    falls: ClassVar[str] = "R-linear: ‖xₖ − x*‖² ≤ 1.125ρ²ᵏ‖x₀ − x*‖²"

    def factor(self, αm: float, αL: float) -> float:
        return 1 / math.sqrt(1 + 2 * αm)

    def iteration(self, *terms: Term) -> Iteration:
        return _PastExtragradient(self.alpha, *terms)


class _Extragradient(Iteration):
    def __init__(self, alpha: float, F: Term, G: Term) -> None:
        self.alpha, self.F, self.R = alpha, F.evaluate, G.resolve(alpha)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x = state
        (x_next, _), trace = self.correct(x, self.F(x))
        return x_next, trace

    def correct(self, x: Point, prediction: Point) -> tuple[Carry, Trace]:
        """x⁺ and F y for y = R(x − α · prediction)."""
        Fy = self.F(self.R(lincomb(1.0, x, -self.alpha, prediction)))
        argument = lincomb(1.0, x, -self.alpha, Fy)
        x_next = self.R(argument)
        return (x_next, Fy), (argument, x_next)

    def read(self, trace: Trace) -> Reading:
        argument, x_next = trace
        return after_backward(self.alpha, argument, x_next, self.F(x_next))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        return self.square(subtract(state, limit))


class _PastExtragradient(_Extragradient):
    def init(self, x0: Point) -> Carry:
        return x0, self.F(x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.correct(*state)

    def governing(self, state: Carry) -> Point:
        return state[0]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖x − x*‖² + ‖x − y₋‖², which does not grow for αL ≤ ½."""
        x, F_before = before
        y = self.R(lincomb(1.0, x, -self.alpha, F_before))
        gap = self.square(subtract(state[0], y))
        return self.square(subtract(state[0], limit[0])) + gap
