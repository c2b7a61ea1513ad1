"""What Peaceman-Rachford and Douglas-Rachford share: both iterate with N = C_{αF} C_{αG}."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from splitkit.backend import Point, Scalar, Space, add, chosen, lincomb, scale, subtract
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Carry, Iteration, MapIteration, Reading, Trace
from splitkit.solvers.methods.balance import SELDOM, BalancedStep, Pace
from splitkit.solvers.methods.primal_dual_steps import Steps
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.splitting import MapSplitting
from splitkit.solvers.terms import Role, Term

LONGEST = 8.0  # times 1/L, a step of a skew map

AT_G = "x = R_{αG}u"
AT_F = "x = R_{αF}(2R_{αG}u − u)"


@dataclass(frozen=True, kw_only=True)
class ReflectedSplitting(MapSplitting):
    """A method whose trace is (C_{αG}u, C_{αF}C_{αG}u, …).

    With x_G = R_{αG}u and x_F = R_{αF}(2x_G − u): b = (u − x_G)/α ∈ G(x_G) and a = (2x_G − u −
    x_F)/α ∈ F(x_F). If F can be evaluated, r = F(x_G) + b ∈ (F + G)(x_G); if only G, r = a + G(x_F)
    ∈ (F + G)(x_F); if neither, r = a + b = (x_G − x_F)/α and ‖x_G − x_F‖ = α‖r‖.
    """

    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.RESOLVED)
    sequence: ClassVar[str] = AT_G

    def default_alpha(self, *terms: Term) -> float:
        for A in terms:
            if A.lipschitz:
                # where it turns alone, no rate depends on the step
                return Arbitrary(1 / A.lipschitz) if A.properties.skew else 1 / A.lipschitz
        for A in terms:
            if A.strong_monotonicity is not None and 0 < A.strong_monotonicity < float("inf"):
                return 1 / A.strong_monotonicity
        return math.nan

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        """The measured step, of a skew map L-Lipschitz no longer than ``LONGEST``/L: where Fx
        vanishes at the solution x nothing else bounds it.
        """
        found = super().scaled(terms, x0, space)
        if found is self:
            return self
        slopes = [A.lipschitz for A in terms if A.lipschitz and A.properties.skew]
        return found._with(alpha=min([found.alpha, *(LONGEST / L for L in slopes)]))

    def iteration(self, *terms: Term) -> MapIteration:
        T = self.expression(*terms, alpha=self.alpha)
        return _Reflected(T, self.reader(*terms), self.alpha)

    def balanced(
        self, make: Callable[[Iteration], Iteration], *terms: Term, pace: Pace = SELDOM
    ) -> Iteration:
        """The iteration made of the one with constant steps, around which α is balanced."""
        constant = self.constant()

        def at(steps: Steps) -> Iteration:
            return make(constant._with(alpha=steps.tau).iteration(*terms))

        return BalancedStep(self.alpha, at, pace)

    def factor(self, alpha: float, *terms: Term) -> float | None:
        """Lip(C_{αF}) Lip(C_{αG}): with it the factor of every relaxation of N falls and rises."""
        F, G = (term.cayley_lipschitz(alpha) for term in terms)
        return None if F is None or G is None else F * G

    def search(self, start: float, *terms: Term) -> float | None:
        key = "search", start, frozenset(term.operator for term in terms)
        known = terms[0].known
        if key not in known:  # it is that of the other order, and of the other methods
            found = super().search(start, *terms)
            for term in terms:
                term.known[key] = found
        best: float | None = known[key]
        return best

    def reads_at_F(self, F: Term, G: Term) -> bool:
        """Whether the solution is x_F, and not x_G."""
        return not F.has_evaluation and G.has_evaluation

    def exact_element(self, *terms: Term) -> bool:
        F, G = terms
        return (G if self.reads_at_F(F, G) else F).has_evaluation

    def reader(self, *terms: Term) -> Any:
        F, G = terms
        alpha = self.alpha
        at_F = self.reads_at_F(F, G)
        single_valued = G if at_F else F
        evaluates = single_valued.has_evaluation
        apart = None if evaluates else alpha
        resolved = F if at_F else G

        def read(u: Point, _: Point, reflected: Point, twice: Point, *__: Point) -> Reading:
            before, after = (reflected, twice) if at_F else (u, reflected)
            element = scale(0.5 / alpha, subtract(before, after))

            def at(x: Point) -> Reading:
                if evaluates:
                    other = single_valued(x)
                else:  # an element at the other point
                    first, second = (u, reflected) if at_F else (reflected, twice)
                    other = scale(0.5 / alpha, subtract(first, second))
                return Reading(x, (other, element), lambda: (scale(1 / alpha, x),), apart=apart)

            x = scale(0.5, add(before, after))
            reading = at(x)
            reading.again = lambda lost: at(chosen(lost, resolved.resolve(alpha)(before), x))
            return reading

        return read


class _Reflected(MapIteration):
    def __init__(self, T: Operator, read: Any, alpha: Scalar) -> None:
        super().__init__(T, read)
        self.alpha = alpha

    def taken_over(self, state: Carry, earlier: _Reflected) -> Carry:
        """x + αb of u = x + α₀b, with x = R_{α₀G}u and b ∈ Gx."""
        c, reflected = self.alpha / earlier.alpha, earlier.T.trace(state)[1][0]
        return lincomb(0.5 * (1 + c), state, 0.5 * (1 - c), reflected)

    def taken_on(self, state: Carry, left: Trace, earlier: _Reflected) -> Carry:
        """x_F + αb, as the state is x_F + α₀b with b ∈ Gx_G: no resolvent is taken for it."""
        u, _, reflected, twice, *_ = left
        part = 0.5 * self.alpha / earlier.alpha
        x_F = scale(0.5, add(reflected, twice))
        return add(x_F, scale(part, subtract(u, reflected)))
