"""SuperMann: any fast direction d, globalized by the residual of an averaged map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, add, lincomb, scale, subtract, where
from splitkit.loops import repeated_while
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.anderson import SAFEGUARD, SUMMABLE, Anderson, Memory
from splitkit.solvers.terms import Term

C0 = C1 = Q = 0.99
SIGMA = 0.1
TRIALS = 12  # halvings, after which the plain step is taken


@dataclass(frozen=True, kw_only=True)
class SuperMann(Anderson):
    """SuperMann: any fast direction d, globalized by the residual R = I − T of a θ-averaged map T.
    With r = Ru, thresholds η and s, and w = u + τd for τ = 1, ½, ¼, …, an iteration is the first of

        blind      ‖r‖ ≤ c₀η:                                   u⁺ = u + d,  η⁺ = ‖r‖
        educated   ‖r‖ ≤ s and ‖Rw‖ ≤ c₁‖r‖:                    u⁺ = w,      s⁺ = ‖Rw‖ + qᵏ‖r₀‖
        safeguard  ρ = ‖Rw‖² − 2θ⟨Rw, w − u⟩ ≥ σ‖Rw‖‖r‖:        u⁺ = u − (ρ/‖Rw‖²) Rw

    Takes: what the method takes.
    Assumes: T averaged; or nonexpansive, of a method that converges.
    Steps: none; those of the method stay constant.
    Rate: that of d near a solution, superlinear with good ones.
    Oracles: those of the method, once or more.

    The safeguard is a projection onto a half-space that holds the fixed points, and is met for a
    small enough τ: the iteration converges wherever that of T does, and as fast as d does near a
    solution. Here d is Anderson's, of type II, and the points of the first two branches must also
    pass the second condition of ``Anderson``: small residuals alone are found far away, too. A
    blind step is judged when r is known where it led, and left for the plain point Tu if it fails;
    it must pass the first condition as well, as one that leads away costs all the steps back. All
    ways of refusing leave the theorem as it is, which asks for no blind or educated step at all.
    Each element of a batch takes its own branch. Norms and ⟨Rw, w − u⟩ are in the metric in which T
    is averaged.

    Source: Themelis, Patrinos, *SuperMann: a superlinearly convergent algorithm for finding fixed
    points of nonexpansive operators* (2019).

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.SuperMann(sk.DouglasRachford())).x
    array([0., 1.])
    """

    name: ClassVar[str] = "SuperMann"

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        if θ == 1.0 and not inner.holds:
            return self.refused(f"{self.method.label} alone does not converge: {inner.reason}")
        reason = f"T is averaged ({inner.reason}); every step decreases one of its thresholds"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        θ = self.method.averagedness(*terms)
        return _SuperMann(self.inner_iteration(*terms), self, 1.0 if θ is None else θ)


class _SuperMann(Memory):
    """Carry: the point, the plain point to go back to, (η, s, ‖r₀‖, n, whether the point is to be
    judged yet), the last point, its residual and ‖r‖, the differences, what the last step computed
    on the way (None at the start), and qᵏ.
    """

    def __init__(self, inner: Iteration, options: SuperMann, θ: float) -> None:
        super().__init__(inner, options)
        self.θ = θ

    def launched(self, u: Point) -> Carry:
        size = 0.0 * self.space.norm(u)
        bounds = size, size, size, size, size > 0
        return u, u, bounds, (u, scale(0.0, u), size), self.nothing(u), None, size + 1

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u, plain, (η, s, first, count, open_), last, known, earlier, decay = state
        xp = self.space.xp
        Tu, trace = self.of.advance(u)
        forward = subtract(Tu, u)
        size = self.of.length(forward)
        if earlier is None:
            bounds = (size, size, size, count, open_)
            state = Tu, Tu, bounds, (u, forward, size), known, trace, Q * decay
            return state, (~open_, trace, trace)
        moved = subtract(u, last[0])
        known = self.remembered(known, moved, subtract(forward, last[1]))
        falls = size <= SAFEGUARD * first * (count + 1) ** -SUMMABLE
        astray = open_ & ~(falls & self.onward(forward, moved, last[2], first, count))
        d = subtract(self.suggested(u, forward, known), u)
        blind = (size <= C0 * η) & ~astray
        count = count + xp.astype(open_ & ~astray, count.dtype)
        u_next, η = where(astray, plain, where(blind, add(u, d), Tu)), xp.where(blind, size, η)

        def tried(now: Carry) -> Carry:
            u_next, s, count, pending, τ = now
            moved = scale(τ, d)
            w = add(u, moved)
            Rw = subtract(w, self.of.advance(w)[0])
            norm = self.of.length(Rw)
            educated = pending & (size <= s) & (norm <= C1 * size)
            educated = educated & self.onward(scale(-1.0, Rw), moved, size, first, count)
            ρ = norm * norm - 2 * self.θ * self.of.product(Rw, moved)
            safe = pending & ~educated & (ρ >= SIGMA * norm * size) & (norm > 0)
            ratio = ρ / xp.where(norm > 0, norm * norm, xp.ones_like(norm))
            u_next = where(educated, w, where(safe, lincomb(1.0, u, -ratio, Rw), u_next))
            s = xp.where(educated, norm + first * decay, s)
            count = count + xp.astype(educated, count.dtype)
            pending = pending & ~(educated | safe)
            return u_next, s, count, pending, xp.where(pending, 0.5 * τ, τ)

        start = u_next, s, count, ~(blind | astray), xp.ones_like(size)
        end = repeated_while(lambda now: xp.any(now[3]), tried, start, TRIALS)
        u_next, s, count, *_ = end
        bounds = (η, s, first, count, blind)
        after = u_next, Tu, bounds, (u, forward, size), known, trace, Q * decay
        return after, (~astray, trace, earlier)
