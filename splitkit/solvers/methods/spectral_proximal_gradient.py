"""The spectral proximal gradient method: steps from curvature, values that may rise for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Array, Point, clip, lincomb, scale, subtract, where
from splitkit.loops import repeated_while
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.by_values import (
    HALVINGS,
    ROUNDING,
    ByValues,
    reached,
    without_value,
)
from splitkit.solvers.terms import Role, Term

FALL = 1e-2  # σ of the condition
WIDEST = 1e10  # by which steps differ from the first at most


@dataclass(frozen=True, kw_only=True)
class SpectralProximalGradient(Method):
    """The spectral proximal gradient method with a nonmonotone search, for 0 ∈ F(x) + G(x):

        x⁺ = R_{αG}(x − αF x),  (f + g)(x⁺) ≤ Φ − (σ/2α)‖x⁺ − x‖²,  Φ⁺ = (1 − p)Φ + p(f + g)(x⁺),
        α⁺ = ‖s‖²/⟨s, F x⁺ − F x⟩,  s = x⁺ − x,  F = ∇f, G = ∂g.

    Takes: F evaluated with the value of f, G by its resolvent, g with a value.
    Assumes: ∇f locally Lipschitz, f + g bounded below on dom g; neither need be convex.
    Steps: found on the way, halved until the condition holds, σ = 0.01; nothing to choose.
    Rate: the least ‖r‖ of k iterations is O(1/√k), where ∇f is Lipschitz.
    Oracles: 1 F, 1 R_{αG}; as many more for each time that α is halved.

    Φ is a mean of the values so far, so that (f + g)(x) ≤ Φ and steps of Barzilai and Borwein are
    taken as they are, though values rise now and then; p = 1 asks each to fall. Where s shows no
    curvature α is doubled. It stays within 10¹⁰ of the first, which ``F`` near x₀ tells, as in
    ``AdaptiveProximalGradient``. Every cluster point is stationary, 0 ∈ ∇f(x) + ∂g(x), ∂g the
    limiting subdifferential; r = (x − x⁺)/α − F x + F x⁺ ∈ (F + G)(x⁺) certifies how
    nearly.

    As nothing but stationarity is promised where f + g is not convex, ``solve`` never chooses it:
    it is asked for by name. ``PANOC(memory=0)`` takes such steps where an envelope falls.

    Source: Wright, Nowak, Figueiredo, *Sparse reconstruction by separable approximation* (2009);
    Zhang, Hager, *A nonmonotone line search technique and its application to unconstrained
    optimization* (2004), for Φ; De Marchi, *Proximal gradient methods beyond monotony* (2023),
    Thms. 3.7, 3.11, for both where neither f nor g is convex.

    Parameters
    ----------
    p : float, default 0.2
        In (0, 1]: how fast Φ follows the values.

    Examples
    --------
    >>> A, b = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([3.0, -0.1])
    >>> f = sk.functions.LeastSquares(A, b) + sk.functions.L0Norm(0.5)  # not convex
    >>> found = sk.minimize(f, np.ones(2), sk.SpectralProximalGradient())
    >>> print(found.x, found.converged, found.residual < 1e-5)
    [3. 0.] True True
    """

    p: float = option(0.2, check_number, within=Range(0.0, 1.0, "(]"))

    label: ClassVar[str] = "spectral proximal gradient"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    stationary: ClassVar[bool] = True
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF x)"

    def theorem(self, *terms: Term) -> Guarantee:
        without = without_value(*terms)
        if without is not None:
            return self.refused(without)
        reason = f"a mean of the values falls by a part of ‖s‖²: {reached(*terms)}"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _Spectral(self.p, *terms)


class _Spectral(ByValues):
    """Carry: (x₀,) at the start; then x, f(x), F x, Φ, α and the first α."""

    merit: ClassVar[str] = "the value"

    def __init__(self, p: float, F: Term, G: Term) -> None:
        super().__init__(F, G)
        self.p = p

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        return self.adapted(state if len(state) > 1 else self.launched(*state))

    def launched(self, x0: Point) -> Carry:
        """The state after a first step, which leads into dom g."""
        slope = self.F(x0)
        finite = self.space.xp.isfinite(self.space.norm(slope))
        alpha, _, x, _ = self.first_step(x0, where(finite, slope, scale(0.0, x0)))
        value, slope = self.valued(x)
        return x, value, slope, value + self.G.value(x, self.space.batch_ndim), alpha, alpha

    def adapted(self, state: Carry) -> tuple[Carry, Trace]:
        x, value, slope, merit, alpha, first = state
        space, xp = self.space, self.space.xp
        noise = ROUNDING * space.eps * (abs(merit) + abs(value) + abs(space.inner(slope, x)))

        def tried(alpha: Array) -> Carry:
            y = lincomb(1.0, x, -alpha, slope)
            z = self.resolve(alpha, y)
            ahead, slope_ahead = self.valued(z)
            total = ahead + self.G.value(z, space.batch_ndim)
            s = subtract(z, x)
            accepted = total <= merit - FALL / 2 * space.inner(s, s) / alpha + noise
            return alpha, y, z, ahead, slope_ahead, total, ~accepted & xp.isfinite(value)

        def halved(now: Carry) -> Carry:
            return tried(xp.where(now[-1], 0.5 * now[0], now[0]))

        found = repeated_while(lambda now: xp.any(now[-1]), halved, tried(alpha), HALVINGS)
        alpha, y, z, ahead, slope_ahead, total, never = found
        s = subtract(z, x)
        square, curvature = space.inner(s, s), space.inner(s, subtract(slope_ahead, slope))
        curved = curvature > space.least
        longer = xp.where(curved, square / xp.where(curved, curvature, 1.0), 2.0 * alpha)
        following = xp.where(square > 0, clip(longer, first / WIDEST, first * WIDEST), alpha)
        ahead = xp.where(never, xp.nan, ahead + 0.0 * value)  # no step is short enough
        merit = lincomb(1 - self.p, merit, self.p, total)
        return (z, ahead, slope_ahead, merit, following, first), (alpha + 0.0 * ahead, y, z)
