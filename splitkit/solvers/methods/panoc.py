"""PANOC: proximal gradient steps and quasi-Newton steps over one merit function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

from splitkit.arguments import check_integer, option
from splitkit.backend import Array, Point, add, chosen, is_array, lincomb, scale, subtract, where
from splitkit.loops import repeated_while
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.by_values import (
    HALVINGS,
    ROUNDING,
    ByValues,
    reached,
    without_value,
)
from splitkit.solvers.methods.quasi_newton import Pairs
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term

BELOW = 0.95  # αL where no step size is given, and of the search
LEAST = 2.0**-8  # τ, below which it is 0
DOUBLINGS, COST = 64, 8  # of α in all, and those that it loses where it is halved
ROOM = 4  # times as steep as it is seen to be, F would still let α be doubled


@dataclass(frozen=True, kw_only=True)
class PANOC(Splitting):
    """Proximal gradient steps and quasi-Newton ones (PANOC) to a stationary point of f + g:

        z = R_{αG}(x − αF x),  R = x − z,  x⁺ = x − (1 − τ)R − τHR,  F = ∇f, G = ∂g.

    Takes: F evaluated with the value of f, G by its resolvent, g with a value.
    Assumes: ∇f L-Lipschitz, or locally Lipschitz on the whole space; neither f nor g need be
    convex, prox_{αg} may be set-valued.
    Steps: 0 < α < 1/L; left open, 0.95/L, and without L halved until f(z) is below its bound,
    and doubled, finitely often, where that is well below it.
    Rate: Σ‖R‖² < ∞, so that the least ‖r‖ of k iterations is O(1/√k); superlinear near a strong
    minimum where H fits.
    Oracles: 1 F, 1 R_{αG}; as many more for each time that τ or α is changed.

    τ = 1 is halved until φ(x⁺) ≤ φ(x) − (1 − αL)‖R‖²/(4α), below 2⁻⁸ it is 0, where that holds, for
    the forward-backward envelope

        φ(x) = f(x) − ⟨F x, R⟩ + ‖R‖²/(2α) + g(z),  (f + g)(z) ≤ φ(x) ≤ (f + g)(x).

    H is L-BFGS's of the map x ↦ R. If f + g is bounded below, R → 0, and every cluster point x of
    the sequence is stationary, 0 ∈ ∇f(x) + ∂g(x), ∂g the limiting subdifferential: of convex f and
    g a minimum, else a point that may be none. z is returned; r = R/α − F x + F z, an element of
    (F + G)(z), certifies how nearly it is stationary, and nothing more.

    Steps are accepted by differences of values, which are as small as ‖R‖²: where x is so small
    that these are no numbers, as of 10⁻¹⁸ in single precision, it runs to max_iter; give x in other
    units, or compute in double precision.

    Because nothing but stationarity is promised where f + g is not convex, ``solve`` never chooses
    it: it is asked for by name.

    Without pairs (memory = 0) it is the proximal gradient method with long spectral steps, which
    are taken where the envelope falls.

    Source: Stella, Themelis, Sopasakis, Patrinos, *A simple and efficient algorithm for nonlinear
    model predictive control* (2017), Alg. 1, Thm. III.3; Themelis, Stella, Patrinos,
    *Forward-backward envelope for the sum of two nonconvex functions* (2018), Thms. 4.1, 5.11;
    De Marchi, Themelis, *Proximal gradient algorithms under local Lipschitz gradient continuity*
    (2022) for α without L.

    Parameters
    ----------
    memory : int, default 10
        Pairs that H is made of; 0: H is the step ⟨s, y⟩/‖y‖² of Barzilai and Borwein times I, so
        that this is the spectral proximal gradient method with a line search.

    Examples
    --------
    >>> A, b = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([3.0, -0.1])
    >>> f = sk.functions.LeastSquares(A, b) + sk.functions.L0Norm(0.5)  # not convex
    >>> found = sk.minimize(f, np.ones(2), sk.PANOC())
    >>> print(found.x, found.converged, found.residual < 1e-5)
    [3. 0.] True True
    """

    memory: int = option(10, check_integer, least=0)

    label: ClassVar[str] = "PANOC"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    stationary: ClassVar[bool] = True
    sequence: ClassVar[str] = "z = R_{αG}(x − αF x)"

    def default_alpha(self, *terms: Term) -> float:
        L = terms[0].lipschitz
        return BELOW / L if L else math.nan

    def choosing(self, *terms: Term) -> Self:
        """The same method with α = 0.95/L; left open where L is not known."""
        if self.alpha is not None or not terms[0].lipschitz:
            return self
        return self._with(alpha=self.default_alpha(*terms))

    def theorem(self, *terms: Term) -> Guarantee:
        without = without_value(*terms)
        if without is not None:
            return self.refused(without)
        L = terms[0].lipschitz
        if self.alpha is not None and (L is None or is_array(self.alpha)):
            return self.refused(
                f"alpha = {self.alpha}: give a number below 1/L for a known L, or leave it open"
            )
        if L is not None and self.alpha is not None and not self.alpha * L < 1:
            return self.refused(
                f"alpha = {self.alpha} is too long: it must be below 1/L = {1 / L:.4g}"
            )
        step = "α found by halving" if self.alpha is None else f"{self.at_step()} < 1/L"
        reason = f"the envelope falls by a part of ‖R‖², {step}: {reached(*terms)}"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _PANOC(self, *terms)


class _PANOC(ByValues):
    """Carry: (x₀,) at the start; then x, f(x), F x, z, g(z), α, how often it may be doubled,
    and the pairs."""

    def __init__(self, method: PANOC, F: Term, G: Term) -> None:
        super().__init__(F, G)
        self.alpha, self.memory = method.alpha, method.memory
        searching = self.alpha is None or F.lipschitz is None
        self.slack = (1.0 - (BELOW if searching else self.alpha * F.lipschitz)) / 4
        if self.alpha is not None:
            R = G.resolve(self.alpha)
            self.resolve = lambda alpha, y: R(y)  # type: ignore[method-assign]

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.adapted(state if len(state) > 1 else self.launched(*state))

    def launched(self, x: Point) -> Carry:
        """The state at x, with a step that suits F there."""
        alpha = self.alpha
        if alpha is None:
            slope = self.F(x)
            finite = self.space.xp.isfinite(self.space.norm(slope))
            alpha = self.first_step(x, where(finite, slope, scale(0.0, x)))[0]
        alpha = alpha + 0.0 * self.space.norm(x)
        left = DOUBLINGS + 0.0 * alpha
        return *self.at(x, alpha), alpha, left, tuple(Pairs.none(x, self.space, self.memory))

    def at(self, x: Point, alpha: Array) -> Carry:
        """x, f(x), F x, z and g(z)."""
        value, slope = self.valued(x)
        return x, value, slope, *self.backward(x, slope, alpha)

    def backward(self, x: Point, slope: Point, alpha: Array) -> tuple[Point, Array]:
        """z = R_{αG}(x − αF x) and g(z)."""
        z = self.resolve(alpha, lincomb(1.0, x, -alpha, slope))
        return z, self.G.value(z, self.space.batch_ndim)

    def envelope(self, at: Carry, alpha: Array) -> tuple[Array, Array, Array]:
        """φ(x), ‖R‖², and what rounding may have left of φ."""
        x, value, slope, z, penalty = at
        inner, R = self.space.inner, subtract(x, z)
        square, along = inner(R, R), inner(slope, R)
        found = value - along + square / (2 * alpha) + penalty
        size = abs(value) + abs(penalty) + abs(along) + abs(inner(slope, x))
        return found, square, ROUNDING * self.space.eps * size

    def unless_too_large(self, at: Carry, alpha: Array) -> Array:
        """f(x); 0 where it is inf as α‖F x‖², ‖F x‖‖x‖ or ‖x‖²/α is, and α needs no values."""
        xp, size, slope = self.space.xp, self.space.norm(at[0]), self.space.norm(at[2])
        beyond = (at[1] == math.inf) & (self.alpha is not None)
        beyond = beyond & ~xp.isfinite(alpha * slope * slope + slope * size + size * size / alpha)
        return xp.where(beyond, 0.0, at[1])

    def fitted(self, state: Carry) -> Carry:
        """α halved until f(z) ≤ f(x) − ⟨F x, R⟩ + 0.95‖R‖²/(2α): then F is 0.95/α-Lipschitz, as far
        as the steps see. Where it is ``ROOM`` times flatter, and f not concave, α is doubled first.
        """
        *at, alpha, left, pairs = state
        x, value, slope, z, penalty = at
        xp, space = self.space.xp, self.space
        size = abs(value) + abs(space.inner(slope, x))

        def judged(alpha: Array, z: Point) -> tuple[Array, Array]:
            """Whether α is too long, and whether F leaves room."""
            R = subtract(x, z)
            along, most = space.inner(slope, R), BELOW * space.inner(R, R) / (2 * alpha)
            excess = self.valued(z)[0] - value + along
            noise = ROUNDING * space.eps * (size + abs(along))
            over = ~(excess <= most + noise) & xp.isfinite(value)
            return over, (-noise <= excess) & (excess <= most / ROOM - noise)

        def halved(now: Carry) -> Carry:
            alpha, z, _, over = now
            alpha = xp.where(over, 0.5 * alpha, alpha)
            z, penalty = self.backward(x, slope, alpha)
            return alpha, z, penalty, judged(alpha, z)[0]

        def doubled(now: Carry) -> Carry:
            alpha, z, penalty, room, left = now
            longer, penalty_longer = self.backward(x, slope, 2 * alpha)
            over, more = judged(2 * alpha, longer)
            taken = room & ~over
            left = xp.where(room, left - 1, left)
            return (
                xp.where(taken, 2 * alpha, alpha),
                chosen(taken, longer, z),
                xp.where(taken, penalty_longer, penalty),
                taken & more & (left > 0),
                left,
            )

        over, room = judged(alpha, z)
        start = alpha, z, penalty, room & (left > 0), left
        going = repeated_while(lambda now: xp.any(now[3]), doubled, start, DOUBLINGS)
        start = *going[:3], over
        ended = repeated_while(lambda now: xp.any(now[3]), halved, start, HALVINGS)
        found, z, penalty, never = ended
        return (
            x,
            xp.where(never, math.nan, value),  # no step is short enough
            slope,
            z,
            penalty,
            found,
            xp.where(over, going[4] - COST, going[4]),
            tuple(Pairs(*pairs).forgotten(found != alpha, space)),
        )

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        if self.alpha is None:
            state = self.fitted(state)
        *at, alpha, left, pairs = state
        x, z = at[0], at[3]
        xp, space = self.space.xp, self.space
        before, square, noise = self.envelope(at, alpha)
        most = before - self.slack * square / alpha + noise
        # squares that overflow, or have no digits, judge no step but z, which falls by a theorem
        judged = xp.isfinite(most) & (noise >= space.least)
        R = subtract(x, z)
        step = Pairs(*pairs).applied(R, space)
        beside = subtract(R, step)  # x⁺ = z + τ(R − HR)

        def tried(tau: Array) -> Carry:
            ahead = where(tau > 0, add(z, scale(tau, beside)), z)
            after = self.at(ahead, alpha)
            falls = judged & (self.envelope(after, alpha)[0] <= most)
            return tau, after, (tau > 0) & ~falls

        def halved(now: Carry) -> Carry:
            tau, _, over = now
            shorter = xp.where(judged & (tau > LEAST), 0.5 * tau, 0.0)
            return tried(xp.where(over, shorter, tau))

        start = tried(xp.ones_like(square))
        _, after, _ = repeated_while(lambda now: xp.any(now[2]), halved, start, HALVINGS)
        ahead, _, slope, z_next, _ = after
        changed = subtract(subtract(ahead, z_next), R)
        pairs = Pairs(*pairs).with_pair(subtract(ahead, x), changed, space)
        y = lincomb(1.0, ahead, -alpha, slope)
        # from a value that is not finite on, none is, unless it is too large a number
        known = self.unless_too_large(after, alpha) + self.unless_too_large(at, alpha)
        value = after[1] + 0.0 * known
        following = ahead, value, *after[2:], alpha, left, tuple(pairs)
        return following, (alpha + 0.0 * known, y, z_next)
