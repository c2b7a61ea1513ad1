"""iPiano: a forward-backward step with momentum that is safe where terms are not convex."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Point, is_array, lincomb
from splitkit.solvers.iteration import Carry, ForwardBackwardIteration, Iteration, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.by_values import reached
from splitkit.solvers.potentials import NoPotentialError
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term

BELOW = 0.99  # of the bound of α, which is not attained


@dataclass(frozen=True, kw_only=True)
class IPiano(Splitting):
    """The inertial proximal algorithm for nonconvex optimization, for 0 ∈ F(x) + G(x), F = ∇f:

        x⁺ = R_{αG}(x − αF x + β(x − x₋)).

    Takes: F evaluated, G by its resolvent.
    Assumes: ∇f L-Lipschitz, f + g bounded below; g convex, weakly convex, or any.
    Steps: α < 2(1 − β)/(L − m), m the modulus of g, −ρ of a weakly convex one; α < (1 − 2β)/L of
    any; left open, 0.99 of that.
    Rate: Σ‖x⁺ − x‖² < ∞, so that the least ‖r‖ of k iterations is O(1/√k).
    Oracles: 1 F, 1 R_{αG}; 1 F more at a look.

    H = (f + g)(x) + (β/2α)‖x − x₋‖² falls by ((1 − β)/α − (L − m)/2)‖x⁺ − x‖², as x⁺ minimizes a
    function that is (1/α + m)-strongly convex; where m is not known that is 0 in the place of
    1/α + m. So every cluster point is stationary, 0 ∈ ∇f(x) + ∂g(x), and where f + g is
    semialgebraic the sequence converges. r = (x − x⁺ + β(x − x₋))/α − F x + F x⁺ ∈ (F + G)(x⁺).

    Because nothing but stationarity is promised where f + g is not convex, ``solve`` never chooses
    it: it is asked for by name.

    Source: Ochs, Chen, Brox, Pock, *iPiano: inertial proximal algorithm for nonconvex optimization*
    (2014), Thms. 4.8, 4.9; Ochs, *Local convergence of the heavy-ball method and iPiano for non-
    convex optimization* (2018), Table 1, for g that is not convex, and m.

    Parameters
    ----------
    beta : float, default 0.4
        β in [0, 1), below ½ where g has no modulus.

    Examples
    --------
    >>> b = np.array([3.0, 0.2])
    >>> f = sk.functions.SquaredL2(center=b) + sk.functions.MCP(gamma=2.0)  # g is weakly convex
    >>> found = sk.minimize(f, np.zeros(2), sk.IPiano())
    >>> print(found.x, found.method.alpha < 2 * (1 - 0.4) / (1 + 0.5))
    [3. 0.] True
    """

    beta: float = option(0.4, check_number, within=Range(0.0, 1.0, "[)"))

    label: ClassVar[str] = "iPiano"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    stationary: ClassVar[bool] = True
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF x + β(x − x₋))"

    def bound(self, F: Term, G: Term) -> float:
        """That of α; 0 or less: there is none, NaN: L is not known."""
        L, m = F.lipschitz, G.strong_monotonicity
        if L is None:
            return math.nan
        # the longer of those with the modulus of g and without
        free = 1 - 2 * self.beta
        any_g = free / L if L > 0 else math.inf if free > 0 else -math.inf
        if m is None:
            return any_g
        return max(any_g, 2 * (1 - self.beta) / (L - m) if L > m else math.inf)

    def default_alpha(self, *terms: Term) -> float:
        return BELOW * self.bound(*terms)

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        for name, A in (("F", F), ("G", G)):
            if not A.properties.gradient:
                try:
                    A.function  # noqa: B018 (or an error)
                except NoPotentialError as error:
                    return self.refused(f"{name} must be the (sub)gradient of a function: {error}")
        bound = self.bound(F, G)
        if math.isnan(bound):
            return self.refused(
                f"F = {F!r} has no known Lipschitz constant: declare it, or use PANOC, which needs "
                "none where f has a value"
            )
        if not bound > 0:
            return self.refused(
                f"beta = {self.beta:.4g} is too large for G = {G!r}, of which no modulus of weak "
                "convexity is known: it must be below ½"
            )
        if is_array(self.alpha) or not self.alpha < bound:
            return self.refused(
                f"alpha = {self.alpha} is too long: it must be a number below {bound:.4g}"
            )
        reason = f"{self.at_step()} < {bound:.4g}, beta = {self.beta:.4g}: {reached(F, G)}"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _IPiano(self, *terms)


class _IPiano(ForwardBackwardIteration):
    """Carry: (x, x₋)."""

    def __init__(self, method: IPiano, F: Term, G: Term) -> None:
        self.alpha, self.beta = method.alpha, method.beta
        self.F, self.R = F.evaluate, G.resolve(method.alpha)

    def init(self, x0: Point) -> Carry:
        return x0, x0

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, before = state
        ahead = lincomb(1 + self.beta, x, -self.beta, before)
        y = lincomb(1.0, ahead, -self.alpha, self.F(x))
        after = self.R(y)
        return (after, x), (y, after)
