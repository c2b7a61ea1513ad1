"""Tseng's method with a line search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, lincomb, subtract
from splitkit.loops import repeated_while
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace, after_backward
from splitkit.solvers.methods.adaptive import AdaptiveMethod, AdaptiveSteps
from splitkit.solvers.terms import Term, not_maximal

DELTA = 0.8
GROWTH = 1.2
HALVINGS = 60  # a step of 2⁻⁶⁰ of the first is rounding


@dataclass(frozen=True, kw_only=True)
class TsengLineSearch(AdaptiveMethod):
    """Tseng's method with a line search for 0 ∈ F(x) + G(x), where no Lipschitz constant is known:

        y = R_{αG}(x − αF x),  α halved until α‖F y − F x‖ ≤ δ‖y − x‖,  x⁺ = y − α(F y − F x).

    Takes: F evaluated, G by its resolvent.
    Assumes: F monotone and locally Lipschitz on a domain that holds the iterates, G maximal
    monotone.
    Steps: found by the search, δ = 0.8; nothing to choose.
    Rate: converges.
    Oracles: 2 F, 1 R_{αG}; 1 F, 1 R_{αG} more for each halving.

    ‖x⁺ − x*‖² ≤ ‖x − x*‖² − (1 − δ²)‖y − x‖² for 0 < δ < 1. Each iteration begins with a step a
    little longer than the last one's, four times as long where F was much flatter than that step
    allows for. The first iteration finds where and with which step to begin (``adaptive.py``). Each
    element of a batch has its own step. It returns y; r = (x − y)/α − F x + F y ∈ (F + G)(y).

    Source: Tseng, *A modified forward-backward splitting method for maximal monotone mappings*
    (2000), eq. (2.4).

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x**3 - 1, monotone=True)  # no Lipschitz constant
    >>> G = sk.NormalCone(sk.functions.Box(0.0, 0.5))
    >>> sk.solve(F + G, np.zeros(2), sk.TsengLineSearch()).x
    array([0.5, 0.5])
    """

    label: ClassVar[str] = "Tseng with line search"
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "y = R_{αG}(x − αF x)"

    def refusal(self, *terms: Term) -> str | None:
        for name, A in zip("FG", terms, strict=True):
            if not A.properties.monotone:
                return f"{name} = {A!r} is not known to be monotone: declare it, if that is true"
        return not_maximal(G=terms[1])

    def iteration(self, *terms: Term) -> Iteration:
        return _LineSearch(*terms)


class _LineSearch(AdaptiveSteps):
    """Carry: (x, α, the longest step)."""

    def started(
        self, alpha: Array, before: tuple[Point, Point], y: Point, after: tuple[Point, Point]
    ) -> tuple[Carry, Trace]:
        longest = self.longest_from(alpha, before, after)
        return self.corrected(alpha, before, y, after, longest)

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        x, alpha, longest = state
        xp = self.space.xp
        Fx = self.F(x)

        def tried(alpha: Array) -> Carry:
            argument = lincomb(1.0, x, -alpha, Fx)
            y = self.resolve(alpha, argument)
            Fy = self.F(y)
            return alpha, argument, y, Fy, self.too_long(alpha, x, y, Fx, Fy)

        def halved(now: Carry) -> Carry:
            return tried(xp.where(now[-1], 0.5 * now[0], now[0]))

        end = repeated_while(lambda now: xp.any(now[-1]), halved, tried(alpha), HALVINGS)
        alpha, argument, y, Fy, _ = end
        return self.corrected(alpha, (x, Fx), argument, (y, Fy), longest)

    def corrected(
        self,
        alpha: Array,
        at_x: tuple[Point, Point],
        argument: Point,
        at_y: tuple[Point, Point],
        longest: Array,
    ) -> tuple[Carry, Trace]:
        """x⁺ = y − α(F y − F x), and the step to begin with from there."""
        xp, (x, Fx), (y, Fy) = self.space.xp, at_x, at_y
        slope = self.local_lipschitz(y, Fy, x, Fx)
        longest = self.lengthened(longest, slope)
        growth = xp.where(alpha * slope < DELTA / 8, 4.0 + 0.0 * alpha, GROWTH + 0.0 * alpha)
        x_next = lincomb(1.0, y, -alpha, subtract(Fy, Fx))
        return (x_next, xp.minimum(growth * alpha, longest), longest), (alpha, argument, y, Fy)

    def too_long(self, alpha: Array, x: Point, y: Point, Fx: Point, Fy: Point) -> Array:
        """Where α‖Fy − Fx‖ > δ‖y − x‖ by more than rounding; NaN counts as too long."""
        norm, eps = self.space.norm, float(self.space.xp.finfo(self.space.dtype).eps)
        change = alpha * norm(subtract(Fy, Fx))
        rounding = 8 * eps * (norm(x) + alpha * norm(Fx))
        return ~(change <= DELTA * norm(subtract(y, x)) + rounding)

    def read(self, trace: Trace) -> Reading:
        return after_backward(*trace)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        return self.square(subtract(state[0], limit[0]))
