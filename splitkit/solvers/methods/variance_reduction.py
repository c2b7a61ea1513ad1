"""What methods share that evaluate one part of F = F₁ + … + Fₙ a step, and whose noise vanishes.

    v = Fⱼ(x)/pⱼ − sⱼ/pⱼ + Σ sᵢ,  x⁺ = R_{αG}(x − αv),  sᵢ = Fᵢ somewhere before, P(j) = pⱼ,

so that E v = F(x), and v − F(x) → 0 as x and those places converge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from splitkit.backend import Point, add, is_array, lincomb, scale
from splitkit.solvers.finite_sums import FiniteSum, NoPartsError
from splitkit.solvers.iteration import Carry, ForwardBackwardIteration
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.drawing import Drawing, DrawnIteration
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term, not_maximal


@dataclass(frozen=True, kw_only=True)
class VarianceReduced(Drawing, Splitting):
    """Base of the stochastic methods for finite sums."""

    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αv), E v = F x"

    def longest(self, total: FiniteSum) -> float:
        """The longest step of the theorem."""
        raise NotImplementedError

    def factor(self, total: FiniteSum, m: float) -> float:
        """By which E V falls in a step, of F that is m-strongly monotone; 1: by none."""
        raise NotImplementedError

    def total(self, F: Term) -> FiniteSum:
        """The parts of F, found once.

        Raises
        ------
        NoPartsError
            It has none.
        """
        key = "parts", self.batch
        if key not in F.known:
            F.known[key] = FiniteSum.of(F.operator, self.batch)
        found: FiniteSum = F.known[key]
        return found

    def default_alpha(self, *terms: Term) -> float:
        try:
            return self.longest(self.total(terms[0]))
        except NoPartsError:
            return math.nan

    def choosing(self, *terms: Term) -> Self:
        return super().choosing(*terms).at_most(self.default_alpha(*terms))

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        try:
            total = self.total(F)
        except NoPartsError as error:
            return self.refused(f"F = {F!r} is no sum of parts to draw from: {error}")
        missing = not_maximal(G=G)
        if missing is not None or not G.properties.gradient:
            return self.refused(missing or f"G = {G!r} is not known to be a subdifferential")
        longest = self.longest(total)
        if is_array(self.alpha) or not self.alpha <= longest * (1 + 1e-12):
            return self.refused(
                f"alpha = {self.alpha} is too long: it must be a number of at most {longest:.8g}"
            )
        n = len(total.parts)
        reason = f"{n} parts, {self.at_step()} ≤ {longest:.4g}: almost surely to a solution"
        m = F.strong_monotonicity or 0.0
        factor = self.factor(total, m) if m > 0 else 1.0
        if not factor < 1 - 1e-12:
            return Guarantee(True, None, reason, self.sequence)
        rate = factor ** (n / 2)
        return Guarantee(True, rate, reason, self.sequence, "in expectation: E‖xₖ − x*‖² ≤ cρ²ᵏ")


class PassIteration(DrawnIteration, ForwardBackwardIteration):
    """Carry: (x, what is remembered, Σ Kᵢᵀsᵢ, the number of passes made)."""

    def __init__(self, method: VarianceReduced, F: Term, G: Term) -> None:
        self.method, self.total = method, method.total(F)
        self.alpha, self.F = method.alpha, F.evaluate
        self.R = G.resolve(method.alpha)

    def init(self, x0: Point) -> Carry:
        remembered = self.remembered(x0)
        return x0, remembered, self.total.whole(remembered), 0

    def remembered(self, x: Point) -> tuple[Point, ...]:
        """Of each part, at x."""
        return tuple(part.remembered(x) for part in self.total.parts)

    def moved_by(self, x: Point, change: Point, whole: Point, p: float) -> tuple[Point, Point]:
        """x⁺ and x − αv of a step by a part of this probability, Fⱼ(x) − sⱼ being known."""
        v = self.total.beside(x, add(scale(1 / p, change), whole))
        y = lincomb(1.0, x, -self.alpha, v)
        return self.R(y), y
