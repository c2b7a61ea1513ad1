"""Methods whose steps adapt to the curvature that is met, with no constant and no line search.

Each element of a batch has its own step. Both converge from any point of dom G with any first step.
x₀ may lie outside of dom G, where F may be steeper by orders of magnitude; so the first iteration
makes two steps x⁺ = R_{αG}(x − αF x), the second from dom G, and the method begins with that one.
Each has α about 1/ℓ, ℓ the Lipschitz constant of F from x to x⁺, found by trials. They begin with
‖αF x‖ = ‖x‖, so that no unit enters; from x = 0, where nothing has a length, with ‖αF x‖ = 1, which
later trials correct: where F is bounded, as of a logistic loss, each long step has αℓ about 1, so
that steps shrink faster and faster. No step is so long that the numbers do not hold it; nor, where
F does not change at all, so long that x is lost to rounding beside αF x, of which R_{αG} makes x⁺.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Array, Point, clip, holds, is_traced, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Freed, Iteration, Reading, Trace, after_backward
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.terms import Role, Term

PHI = 1.5
GREATEST = 1e10  # no step is longer than this times the first, or than this/ℓ
FAR = 0.7  # the power of the greatest number that is a step, so that it has room to grow
TRIALS = 15  # of a first step
FACTOR = 2.0**20  # by which it changes at most from trial to trial
LEAST, AIM = 0.3, 0.7  # of αℓ at the first step


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
    """Proximal gradient with steps that grow and shrink by themselves, for 0 ∈ F(x) + G(x):

        α = min(√(2/3 + θ) α₋, α₋/√[2α₋²ℓ² − 1]₊),  θ = α₋/α₋₋,  ℓ = ‖Fx − Fx₋‖/‖x − x₋‖,
        x⁺ = R_{αG}(x − αF x).

    Takes: F evaluated, G by its resolvent.
    Assumes: F = ∇f, G = ∂g; f and g convex, ∇f locally Lipschitz.
    Steps: found on the way, with no constant and no line search; nothing to choose.
    Rate: converges.
    Oracles: 1 F, 1 R_{αG}.

    Each element of a batch has its own step. The first iteration also finds where, and with which
    step, to begin, by trials. r = (x − x⁺)/α − F x + F x⁺ ∈ (F + G)(x⁺).

    Source: Malitsky, Mishchenko, *Adaptive proximal gradient method for convex optimization*
    (2023), Alg. 3.

    Examples
    --------
    >>> f = sk.functions.Logistic() @ np.array([[1.0, 2.0], [-1.0, 1.0]])
    >>> F, G = sk.Subdifferential(f), sk.NormalCone(sk.functions.Box(-1.0, 0.5))
    >>> sk.solve(F + G, np.zeros(2), sk.AdaptiveProximalGradient()).x
    array([-0.25,  0.5 ])
    """

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
    """The golden ratio method (aGRAAL) for 0 ∈ F(x) + G(x), F monotone, with steps that adapt:

        α = min((1/φ + 1/φ²) α₋, φθ/(4α₋ℓ²)),  x̄ = ((φ − 1)x + x̄₋)/φ,
        x⁺ = R_{αG}(x̄ − αF x),  θ⁺ = φα/α₋,  ℓ = ‖Fx − Fx₋‖/‖x − x₋‖,  φ = 3/2.

    Takes: F evaluated, G by its resolvent.
    Assumes: F monotone and locally Lipschitz, G = ∂g with g convex.
    Steps: found on the way, with no constant and no line search; nothing to choose.
    Rate: converges.
    Oracles: 1 F, 1 R_{αG}.

    Any 1 < φ ≤ (1 + √5)/2 would do, of which only φ < (1 + √5)/2 lets steps grow, 1/φ + 1/φ² > 1.
    Each element of a batch has its own step. The first iteration also finds where, and with which
    step, to begin, by trials. r = (x̄ − x⁺)/α − F x + F x⁺ ∈ (F + G)(x⁺).

    Source: Malitsky, *Golden ratio algorithms for variational inequalities* (2020), Alg. 2.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x**3 - 1, monotone=True)  # no Lipschitz constant
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> sk.solve(F + G, np.array([0.5, 3.0]), sk.GoldenRatio()).x
    array([1., 1.])
    """

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
    """Carry: (x,) at the start; then x, what else the step needs, the longest step."""

    def __init__(self, F: Term, G: Term) -> None:
        self.F, self.G = F.evaluate, G

    def init(self, x0: Point) -> Carry:
        return (x0,)

    def free(self, state: Carry) -> Freed | None:
        return super().free(state) if len(state) > 1 else None

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        if len(state) > 1:
            return self.adapted(state)
        x0 = state[0]
        first, _, x, Fx = self.first_step(x0, self.F(x0))
        alpha, y, x_next, F_next = self.first_step(x, Fx, first)
        return self.started(alpha, (x, Fx), y, (x_next, F_next))

    def started(
        self, alpha: Array, before: tuple[Point, Point], y: Point, after: tuple[Point, Point]
    ) -> tuple[Carry, Trace]:
        """The state after x⁺ = R_{αG}y, y = x − αF x, given (x, F x) and (x⁺, F x⁺), and what
        ``read`` needs of it.
        """
        raise NotImplementedError

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        """An iteration of the method."""
        raise NotImplementedError

    def first_step(
        self, x: Point, Fx: Point, else_try: Array | None = None
    ) -> tuple[Array, Point, Point, Point]:
        """α with LEAST ≤ αℓ ≤ 1, ℓ = ‖F x⁺ − F x‖/‖x⁺ − x‖, for x⁺ = R_{αG}y, y = x − αF x, as far
        as ``TRIALS`` find one; y, x⁺ and F x⁺.

        The first has ‖αF x‖ = ‖x‖; where x is too large to be moved by it, another may follow.
        Where F x⁺ = F x, longer ones are tried while x moves on as they do, up to ``farthest``.
        """
        space, xp = self.space, self.space.xp
        size, force = space.norm(x), space.norm(Fx)
        one = xp.ones_like(size)
        alpha = xp.where(size > 0, size, one)
        alpha = start = self.quotient(alpha, xp.where(force > 0, force, one))
        short, long = 0.0 * one, math.inf * one  # known to be so
        pace = 0.0 * one
        for trial in range(TRIALS):
            y = lincomb(1.0, x, -alpha, Fx)
            x_next = self.resolve(alpha, y)
            F_next = self.F(x_next)
            moved, change = space.norm(subtract(x_next, x)), space.norm(subtract(F_next, Fx))
            slope = alpha * change / xp.where(moved > 0, moved, one)
            over = ~(slope <= 1)  # NaN too
            under = (slope > 0) & (slope < LEAST)
            farthest = self.farthest(x_next, force)
            free = (slope == 0) & (2 * moved > alpha * pace) & (alpha < farthest)
            pace = moved / alpha
            traced, again = is_traced(over), None
            if trial == 0 and else_try is not None:
                stuck = xp.any(moved == 0)
                another = xp.where(moved == 0, xp.maximum(alpha, else_try), alpha)
                if traced:
                    again = stuck, another, short, long
                elif bool(stuck):
                    alpha = another
                    continue
            # where nothing is to be done, more trials change nothing
            if trial == TRIALS - 1 or not (traced or bool(xp.any(over | under | free))):
                break
            short = xp.where(under | (free & (long < math.inf)), alpha, short)
            long = xp.where(over, alpha, long)
            fitted = AIM / xp.where(xp.isfinite(slope) & (slope > 0), slope, FACTOR * one)
            fitted = xp.where(over, xp.minimum(fitted, 2.0 ** (1 - trial) * one), fitted)
            factor = xp.where(free, FACTOR, clip(fitted, 1 / FACTOR, FACTOR))
            between = (short > 0) & (long < math.inf)
            ahead = xp.minimum(factor * alpha, xp.where(free, farthest, self.far * one))
            tried = xp.where(between, xp.sqrt(short) * xp.sqrt(long), ahead)
            if trial == TRIALS - 2:
                tried = xp.where(short > 0, short, xp.where(free, start, tried))
            alpha = xp.where(over | under | free, tried, alpha)
            if again is not None:
                stuck, *kept = again
                new = alpha, short, long
                alpha, short, long = (xp.where(stuck, *p) for p in zip(kept, new, strict=True))
        return alpha, y, x_next, F_next

    def local_lipschitz(self, x: Point, Fx: Point, before: Point, F_before: Point) -> Array:
        """ℓ = ‖Fx − Fx₋‖/‖x − x₋‖, 0 where x = x₋."""
        xp, moved = self.space.xp, self.space.norm(subtract(x, before))
        change = self.space.norm(subtract(Fx, F_before))
        return xp.where(moved > 0, change / xp.where(moved > 0, moved, xp.ones_like(moved)), 0.0)

    def farthest(self, x: Point, force: Array) -> Array:
        """The α of ‖αF x‖ = ‖x‖/∛eps: so long a step leaves x⁺ two thirds of its digits."""
        xp = self.space.xp
        reach = self.space.norm(x) / float(xp.finfo(self.space.dtype).eps) ** (1 / 3)
        known = (reach > 0) & (force > 0)
        one = xp.ones_like(reach)
        longest = self.quotient(xp.where(known, reach, one), xp.where(known, force, one))
        return xp.where(known, longest, self.far * one)

    def longest_from(
        self, alpha: Array, before: tuple[Point, Point], after: tuple[Point, Point]
    ) -> Array:
        """The longest step that is allowed after a first one: ``GREATEST`` times as long."""
        xp, (x, Fx) = self.space.xp, after
        flat = self.local_lipschitz(x, Fx, *before) == 0
        most = xp.minimum(GREATEST * alpha, self.farthest(x, self.space.norm(Fx)))
        return xp.where(flat, xp.maximum(alpha, most), GREATEST * alpha)

    def lengthened(self, longest: Array, slope: Array) -> Array:
        """The longest step, where F is flatter than it was: ``GREATEST``/ℓ."""
        xp = self.space.xp
        known = slope > 0
        room = GREATEST * self.quotient(xp.ones_like(slope), xp.where(known, slope, 1.0))
        return xp.where(known, xp.maximum(longest, room), longest)

    @property
    def far(self) -> float:
        """A step that is so long that the numbers hold no longer ones well."""
        return math.pow(self.space.xp.finfo(self.space.dtype).max, FAR)

    def quotient(self, p: Array, q: Array) -> Array:
        """p/q for p, q > 0, up to ``far``."""
        return p / self.space.xp.maximum(q, p / self.far)

    def resolve(self, alpha: Array, y: Point) -> Point:
        """R_{αG}y for the step sizes of this iteration; NaN where F is so steep that there is none,
        which ends the solve as any NaN does.
        """
        if not (is_traced(alpha) or holds(alpha > 0)):
            xp, one = self.space.xp, self.space.xp.ones_like(alpha)
            found = self.resolve(xp.where(alpha > 0, alpha, one), y)
            return scale(xp.where(alpha > 0, one, math.nan * one), found)
        whole = bool(alpha.shape) or is_traced(alpha)
        return self.G.resolve(alpha if whole else float(alpha))(y)

    def read(self, trace: Trace) -> Reading:
        alpha, y, x = trace
        return after_backward(alpha, y, x, self.F(x))

    def governing(self, state: Carry) -> Point:
        return state[0]


class _ProximalGradient(AdaptiveSteps):
    """Carry: (x, x₋, F x₋, α, θ, the longest step)."""

    def started(
        self, alpha: Array, before: tuple[Point, Point], y: Point, after: tuple[Point, Point]
    ) -> tuple[Carry, Trace]:
        longest = self.longest_from(alpha, before, after)
        state = after[0], *before, alpha, 1 / 3 + 0.0 * alpha, longest
        return state, (alpha, y, after[0])

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        x, before, F_before, alpha, θ, longest = state
        xp = self.space.xp
        Fx = self.F(x)
        slope = self.local_lipschitz(x, Fx, before, F_before)
        longest = self.lengthened(longest, slope)
        curved = 2 * (alpha * slope) ** 2 - 1
        bounded = xp.where(
            curved > 0, xp.sqrt(xp.where(curved > 0, curved, 1.0 + 0 * slope)), 1e-30
        )
        grown = xp.minimum(xp.sqrt(2 / 3 + θ) * alpha, alpha / bounded)
        step = xp.minimum(grown, longest)
        y = lincomb(1.0, x, -step, Fx)
        x_next = self.resolve(step, y)
        return (x_next, x, Fx, step, step / alpha, longest), (step, y, x_next)


class _GoldenRatio(AdaptiveSteps):
    """Carry: (x, x̄₋, x₋, F x₋, α, θ, the longest step)."""

    def started(
        self, alpha: Array, before: tuple[Point, Point], y: Point, after: tuple[Point, Point]
    ) -> tuple[Carry, Trace]:
        x = after[0]
        state = x, x, *before, alpha, 1.0 + 0.0 * alpha, self.longest_from(alpha, before, after)
        return state, (alpha, y, x)

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        x, mean, before, F_before, alpha, θ, longest = state
        xp = self.space.xp
        Fx = self.F(x)
        slope = self.local_lipschitz(x, Fx, before, F_before)
        longest = self.lengthened(longest, slope)
        square = 4 * (alpha * slope) ** 2
        bounded = PHI * θ * alpha / xp.where(square > 0, square, 1e-30 + 0.0 * square)
        step = xp.minimum(xp.minimum((1 / PHI + 1 / PHI**2) * alpha, bounded), longest)
        mean = lincomb((PHI - 1) / PHI, x, 1 / PHI, mean)
        y = lincomb(1.0, mean, -step, Fx)
        x_next = self.resolve(step, y)
        after = (x_next, mean, x, Fx, step, PHI * step / alpha, longest)
        return after, (step, y, x_next)

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """φ/(φ − 1)‖x̄ − x*‖² + θ‖x − x₋‖²/2, x̄ the next mean (Malitsky, Theorem 2)."""
        x, mean, x_before, _, _, θ, _ = state
        ahead = lincomb((PHI - 1) / PHI, x, 1 / PHI, mean)
        distance = self.square(subtract(ahead, limit[0]))
        return PHI / (PHI - 1) * distance + θ / 2 * self.square(subtract(x, x_before))
