"""Projective splitting of n maximal monotone operators, 0 ∈ A₁x + … + Aₙx.

At (p, w₁, …, wₙ) with Σwᵢ = 0, each operator gives xᵢ = R_{αAᵢ}(p + αwᵢ), yᵢ = (p + αwᵢ − xᵢ)/α in
Aᵢ(xᵢ). By monotonicity φ = Σ⟨p − xᵢ, yᵢ − wᵢ⟩ ≤ 0 at every solution (p, w), and φ is affine: the
next point is the projection onto that half-space, relaxed by λ in (0, 2),

    p⁺ = p − λt Σyᵢ,  wᵢ⁺ = wᵢ − λt(xᵢ − x̄),  t = φ/(‖Σyᵢ‖² + Σ‖xᵢ − x̄‖²).

Converges for any maximal monotone operators and α > 0, all xᵢ to the solution.

Source: Eckstein, Svaiter, *General projective splitting methods for sums of maximal monotone
operators* (2009).
"""

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
    """n resolvents and a projection onto a separating half-space; see the module's docstring."""

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
        total = reduce(add, y)
        apart = tuple(subtract(x, mean) for x in values)
        φ = sum(
            space.inner(subtract(p, x), subtract(a, b))
            for x, a, b in zip(values, y, w, strict=True)
        )
        size = space.inner(total, total) + sum(space.inner(d, d) for d in apart)
        t = space.xp.where(size > space.least, φ / (size + space.least), 0.0 * size)
        λ = self.relaxation
        after = (
            lincomb(1.0, p, -λ * t, total),
            tuple(lincomb(1.0, each, -λ * t, d) for each, d in zip(w, apart, strict=True)),
        )
        return after, (y, values)

    def read(self, trace: Trace) -> Reading:
        return self.judged(*trace)

    def governing(self, state: Carry) -> Point:
        return state[0]

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        """‖p − p*‖² + Σ‖wᵢ − wᵢ*‖²: a step projects onto a half-space of all solutions."""
        duals = zip(state[1], limit[1], strict=True)
        gaps = (self.square(subtract(a, b)) for a, b in ((state[0], limit[0]), *duals))
        return reduce(add, gaps)
