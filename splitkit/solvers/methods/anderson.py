"""Safeguarded Anderson acceleration of an averaged map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from splitkit.arguments import Range, check_choice, check_integer, check_number, option
from splitkit.backend import Array, Point, add, lincomb, scale, solve_linear, subtract, where
from splitkit.solvers.iteration import Carry, Freed, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.accelerators import AcceleratedIteration, Accelerator
from splitkit.solvers.terms import Term

SAFEGUARD = 2.0  # D
SUMMABLE = 1.1  # 1 + ε


@dataclass(frozen=True, kw_only=True)
class Anderson(Accelerator):
    """Safeguarded Anderson acceleration of an averaged map T, with residual r = Tu − u. From the
    last differences ΔU, ΔR of points and residuals,

        u⁺ = u + r − (ΔU + ΔR)γ,   type II: γ = argmin ‖r − ΔRγ‖,   type I: ΔUᵀ(r − ΔRγ) = 0.

    Takes: what the method takes.
    Assumes: T averaged; or nonexpansive, of a method that converges.
    Steps: none; those of the method stay constant.
    Rate: converges.
    Oracles: those of the method.

    The normal matrix is regularized, so that no singular system is solved. A point w that was
    extrapolated from u is accepted where

        ‖r(w)‖ ≤ D‖r₀‖aₙ  and  −⟨r(w), w − u⟩ ≤ D‖r₀‖‖r(u)‖aₙ,  aₙ = (n + 1)^{−1−ε},

    n the number of accepted ones; elsewhere the iteration goes back to the plain point Tu, and
    reads no solution off w. So there are infinitely many plain steps, or the residuals are
    summable: the convergence of T is kept. Each element of a batch decides for itself.

    The second condition only refuses more. It is there because T may displace by less far away than
    at the start (by a constant, where losses are linear), so that points which run away have small
    residuals too; but these lead back. Where −r is the gradient of a convex h, as of gradient
    descent and the proximal point algorithm, h(w) ≤ h(u) − ⟨r(w), w − u⟩: all that accepted points
    add to h is a multiple of ‖r₀‖², and they stay in a level set. Neither condition depends on
    units.

    Inner products are those of the metric in which T is averaged, or others that are equivalent to
    it.

    Source: Walker, Ni (2011); Fang, Saad (2009); Zhang, O'Donoghue, Boyd, *Globally convergent
    type-I Anderson acceleration* (2020).

    Parameters
    ----------
    memory : int, default 5
        Differences that are kept, at least 1.
    kind : {"II", "I"}, default "II"
        How γ is chosen.
    regularization : float, default 1e-10
        In (0, 1), relative to the mean of the normal matrix's diagonal.

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.Anderson(sk.DouglasRachford())).x
    array([0., 1.])
    """

    memory: int = option(5, check_integer, least=1)
    kind: Literal["I", "II"] = option("II", check_choice, choices=("I", "II"))
    regularization: float = option(1e-10, check_number, within=Range(0.0, 1.0))

    name: ClassVar[str] = "Anderson acceleration"

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        reason = (
            f"{inner.reason}; points are accelerated only where the residual falls and leads on"
        )
        if θ == 1.0 and not inner.holds:
            return self.refused(f"{self.method.label} alone does not converge: {inner.reason}")
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _Anderson(self.inner_iteration(*terms), self)


class Memory(AcceleratedIteration):
    """The last differences of points and residuals, and the step that they suggest.

    They are kept, newest first and 0 where there are none yet, with their products, of which all
    but those with the newest are known from the step before: (ΔU, ΔR, the normal matrix, ‖Δu‖²).

    A trace is (whether the point is kept, the inner trace there, and that of the step before, to be
    read where it is not: a point that is refused follows one that is kept).
    """

    def __init__(self, inner: Iteration, options: Anderson) -> None:
        super().__init__(inner)
        self.options = options

    def free(self, state: Carry) -> Freed | None:
        return None if state[5] is None else super().free(state)

    def read(self, trace: Trace) -> Reading:
        kept, here, earlier = trace
        return self.of.read(where(kept, here, earlier))

    def nothing(self, u: Point) -> Carry:
        """No differences of points like u yet."""
        m, xp = self.options.memory, self.space.xp
        none, row = (scale(0.0, u),) * m, xp.stack([0.0 * self.space.norm(u)] * m, axis=-1)
        return none, none, xp.stack([row] * m, axis=-2), row

    def remembered(self, known: Carry, moved: Point, change: Point) -> Carry:
        """The differences with one more, of points and of residuals, and without the oldest."""
        dU, dR, normal, squares = known
        dU, dR = (moved, *dU[:-1]), (change, *dR[:-1])
        xp, inner = self.space.xp, self.of.rough_product
        left = dU if self.options.kind == "I" else dR
        row = xp.stack([inner(left[0], b) for b in dR], axis=-1)
        column = row
        if left is dU:
            column = xp.stack([inner(a, change) for a in left], axis=-1)
        older = xp.concat([column[..., 1:, None], normal[..., :-1, :-1]], axis=-1)
        normal = xp.concat([row[..., None, :], older], axis=-2)
        newest = inner(moved, moved)[..., None]
        return dU, dR, normal, xp.concat([newest, squares[..., :-1]], axis=-1)

    def suggested(self, u: Point, r: Point, known: Carry) -> Point:
        """u + r − (ΔU + ΔR)γ; u + r where that is not finite."""
        plain = add(u, r)
        γ, (dU, dR, *_) = self.coefficients(r, known), known
        ahead = plain
        for i in range(len(dU)):
            ahead = lincomb(1.0, ahead, -γ[..., i], add(dU[i], dR[i]))
        return where(self.space.xp.isfinite(self.space.norm(ahead)), ahead, plain)

    def onward(self, r: Point, moved: Point, before: Array, first: Array, count: Array) -> Array:
        """−⟨r(w), w − u⟩ ≤ D‖r₀‖‖r(u)‖aₙ for r at the point w to which it was moved from u."""
        back = -self.of.rough_product(r, moved)
        return back <= SAFEGUARD * first * before * (count + 1) ** -SUMMABLE

    def coefficients(self, r: Point, known: Carry) -> Array:
        """γ, of shape (*batch, memory)."""
        dU, dR, normal, squares = known
        space, xp, m = self.space, self.space.xp, len(dU)
        left = dU if self.options.kind == "I" else dR
        target = xp.stack([self.of.rough_product(a, r) for a in left], axis=-1)
        diagonal = xp.mean(xp.abs(xp.linalg.diagonal(normal)), axis=-1)
        eps = float(xp.finfo(space.dtype).eps)
        # ‖ΔR‖ below √ε‖ΔU‖ is rounding: this bounds the step by some ‖r‖/√ε where T but translates
        noise = eps if self.options.kind == "II" else eps**0.5
        moved = xp.mean(squares, axis=-1)
        ridge = max(self.options.regularization, 10 * eps) * diagonal + noise * moved + space.least
        identity = xp.eye(m, dtype=normal.dtype, device=space.device)
        if self.options.kind == "I":
            ridge = -ridge  # ⟨Δu, Δr⟩ ≤ 0: R = I − T is monotone
        normal = normal + ridge[..., None, None] * identity
        return solve_linear(normal, target[..., None])[..., 0]


class _Anderson(Memory):
    """Carry: the point, the plain point to go back to, (‖r₀‖, n, whether the point is a plain one),
    the last point, its residual and ‖r‖, the differences, and what the last step computed on the
    way (None at the start).
    """

    def launched(self, u: Point) -> Carry:
        size = 0.0 * self.space.norm(u)
        last = (u, scale(0.0, u), size)
        return u, u, (size, size, size >= 0), last, self.nothing(u), None

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u, plain, (first, count, is_plain), last, known, earlier = state
        xp = self.space.xp
        Tu, trace = self.of.advance(u)
        r = subtract(Tu, u)
        size = self.of.rough_length(r)
        if earlier is None:
            state = Tu, Tu, (size, count, is_plain), (u, r, size), known, trace
            return state, (is_plain, trace, trace)
        moved = subtract(u, last[0])
        known = self.remembered(known, moved, subtract(r, last[1]))
        falls = size <= SAFEGUARD * first * (count + 1) ** -SUMMABLE
        good = falls & self.onward(r, moved, last[2], first, count)
        count = count + xp.astype(good & ~is_plain, count.dtype)
        accepted = good | is_plain
        ahead = self.suggested(u, r, known)
        # a rejected point is left for the plain one, which T produced from the point before
        u_next = where(accepted, ahead, plain)
        bound = (first, count, ~accepted)
        after = u_next, Tu, bound, (u, r, size), known, trace
        return after, (accepted, trace, earlier)
