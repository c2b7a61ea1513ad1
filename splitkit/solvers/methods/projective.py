"""Projective splitting of n maximal monotone operators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Array, Point, add, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.methods.resolvent_splittings import ResolventSplitting, _Resolvents
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class ProjectiveSplitting(ResolventSplitting):
    """Projective splitting of n operators, for 0 ∈ A₁x + … + Aₙx: projections onto separating
    half-spaces,

        xᵢ = R_{αAᵢ}(p + αwᵢ),  yᵢ = (p + αwᵢ − xᵢ)/α ∈ Aᵢ(xᵢ),
        p⁺ = p − (λt/γ) Σyᵢ,  wᵢ⁺ = wᵢ − λt(xᵢ − x̄),  t = φ/(‖Σyᵢ‖²/γ + Σ‖xᵢ − x̄‖²).

    Takes: all by their resolvents, two or more.
    Assumes: all maximal monotone.
    Steps: α > 0, 0 < λ < 2; left open, α = 1/L of the steepest, or measured on the data.
    Rate: converges.
    Oracles: n R_{αAᵢ}.

    At (p, w₁, …, wₙ) with Σwᵢ = 0, φ = Σ⟨p − xᵢ, yᵢ − wᵢ⟩ ≤ 0 at every solution (p, w) by
    monotonicity, and φ is affine: the next point is the projection onto that half-space in the norm
    γ‖p‖² + Σ‖wᵢ‖², relaxed by λ < 2. All xᵢ converge to the solution.

    As p and wᵢ have units of their own, those of x and of the operators' values, γ = 1/α²: then p
    and αwᵢ are measured alike, and no unit changes the iterations. With p − xᵢ = α(yᵢ − wᵢ) the
    length is

        αt = Σ‖p − xᵢ‖²/(‖αΣyᵢ‖² + Σ‖xᵢ − x̄‖²).

    The solution and the residual are read as in ``Ryu``.

    Source: Eckstein, Svaiter, *General projective splitting methods for sums of maximal monotone
    operators* (2009); Johnstone, Eckstein, *Projective splitting with forward steps* (2022), for γ.

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2).

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 1.0, 1.0]), 1.0))
    >>> B = sk.NormalCone(sk.functions.Box(0.0, 0.4))
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.ProjectiveSplitting()).x
    array([0.3, 0.3, 0.4])
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    label: ClassVar[str] = "projective splitting"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,) * 2
    many: ClassVar[bool] = True
    cost: ClassVar[int] = 3

    def iteration(self, *terms: Term) -> Iteration:
        return _Projective(self, terms)


class _Projective(_Resolvents):
    def init(self, x0: Point) -> Carry:
        return x0, (scale(0.0, x0),) * len(self.R)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        p, w = state
        space, n = self.space, len(w)
        arguments = tuple(lincomb(1.0, p, self.alpha, each) for each in w)
        values = tuple(R(y) for R, y in zip(self.R, arguments, strict=True))
        y = self.elements(arguments, values)
        mean = scale(1 / n, reduce(add, values))
        total = scale(self.alpha, reduce(add, y))
        apart = tuple(subtract(x, mean) for x in values)
        φ = self.norm(*(subtract(p, x) for x in values))
        size = self.norm(total, *apart)
        known = size > 0
        ratio = space.xp.where(known, φ / space.xp.where(known, size, 1.0), 0.0 * size)
        t = self.relaxation * ratio**2
        after = (
            lincomb(1.0, p, -t, total),
            tuple(lincomb(1.0, each, -t / self.alpha, d) for each, d in zip(w, apart, strict=True)),
        )
        return after, (y, values)

    def norm(self, *points: Point) -> Array:
        """That of the points together, whose squares the numbers may not hold."""
        norms, xp = [self.space.norm(x) for x in points], self.space.xp
        most = reduce(xp.maximum, norms)
        unit = xp.where(most > 0, most, 1.0)
        return most * sum((each / unit) ** 2 for each in norms) ** 0.5

    def read(self, trace: Trace) -> Reading:
        return self.judged(*trace)

    def governing(self, state: Carry) -> Point:
        return state[0]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖p − p*‖² + α²Σ‖wᵢ − wᵢ*‖²: a step projects onto a half-space of all solutions."""
        pairs = zip(state[1], limit[1], strict=True)
        duals = (self.square(scale(self.alpha, subtract(w, w0))) for w, w0 in pairs)
        return reduce(add, duals, self.square(subtract(state[0], limit[0])))
