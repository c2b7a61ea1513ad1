"""Tseng's forward-backward-forward splitting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, lincomb, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace, after_backward
from splitkit.solvers.methods.lipschitz_steps import LipschitzSplitting
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class Tseng(LipschitzSplitting):
    """Tseng's forward-backward-forward splitting for 0 ∈ F(x) + G(x), F evaluated twice:

        y = R_{αG}(x − αF x),  x⁺ = y − α(F y − F x).

    Takes: F evaluated, G by its resolvent.
    Assumes: F monotone and L-Lipschitz, G maximal monotone.
    Steps: 0 < α < 1/L; left open, 0.7/L.
    Rate: √(1 − ab/(a + b)), a = 1 − α²L², b = 2αm, if F + G is m-strongly monotone.
    Oracles: 2 F, 1 R_{αG}.

    ‖x⁺ − x*‖² ≤ ‖x − x*‖² − (1 − α²L²)‖y − x‖² − 2αm‖y − x*‖². It returns y;
    r = (x − y)/α − F x + F y ∈ (F + G)(y).

    Source: Tseng, *A modified forward-backward splitting method for maximal monotone mappings*
    (2000).

    Examples
    --------
    >>> F = sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]), np.array([1.0, -1.0]))  # turns only
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> sk.solve(F + G, np.ones(2), sk.Tseng()).x
    array([0.5, 0.5])
    """

    label: ClassVar[str] = "Tseng"
    cost: ClassVar[int] = 3
    longest: ClassVar[float] = 1.0
    preferred: ClassVar[float] = 0.7  # on a rotation √(1 − α² + α⁴) is least at αL = 1/√2
    sequence: ClassVar[str] = "y = R_{αG}(x − αF x)"

    def growth(self, *terms: Term) -> float:
        return sum(A.strong_monotonicity or 0.0 for A in terms)

    def iteration(self, *terms: Term) -> Iteration:
        return _Tseng(self, *terms)


class _Tseng(Iteration):
    def __init__(self, method: Tseng, F: Term, G: Term) -> None:
        self.alpha, self.F, self.R = method.alpha, F.evaluate, G.resolve(method.alpha)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x = state
        Fx = self.F(x)
        argument = lincomb(1.0, x, -self.alpha, Fx)
        y = self.R(argument)
        Fy = self.F(y)
        x_next = lincomb(1.0, y, -self.alpha, subtract(Fy, Fx))
        return x_next, (argument, y, Fy)

    def read(self, trace: Trace) -> Reading:
        return after_backward(self.alpha, *trace)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        return self.square(subtract(state, limit))
