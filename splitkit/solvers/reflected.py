"""What Peaceman-Rachford and Douglas-Rachford share: both iterate with N = C_{αF} C_{αG}.

With x_G = R_{αG}u and x_F = R_{αF}(2x_G − u): b = (u − x_G)/α ∈ G(x_G) and
a = (2x_G − u − x_F)/α ∈ F(x_F). If F can be evaluated, r = F(x_G) + b ∈ (F + G)(x_G); if only G,
r = a + G(x_F) ∈ (F + G)(x_F); if neither, r = a + b = (x_G − x_F)/α and ‖x_G − x_F‖ = α‖r‖.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, Space, add, lincomb, scale
from splitkit.operators.base import Operator
from splitkit.solvers.engine import Inspection
from splitkit.solvers.splitting import Guarantee, Reader, Splitting, largest

AT_G = "x = R_{αG}u"
AT_F = "x = R_{αF}(2R_{αG}u − u)"


@dataclass(frozen=True, kw_only=True)
class ReflectedSplitting(Splitting):
    """A method whose trace is (C_{αG}u, C_{αF}C_{αG}u, …)."""

    sequence: ClassVar[str] = AT_G

    def missing(self, F: Operator, G: Operator) -> str | None:
        for name, A in (("F", F), ("G", G)):
            if not A.has_resolvent:
                return f"{name} = {A!r} has no resolvent; use forward-backward if it is cocoercive"
        return None

    def default_alpha(self, F: Operator, G: Operator) -> float:
        for A in (F, G):
            if A.lipschitz:
                return 1 / A.lipschitz
        for A in (F, G):
            if A.strong_monotonicity is not None and 0 < A.strong_monotonicity < float("inf"):
                return 1 / A.strong_monotonicity
        return 1.0

    def reader(self, F: Operator, G: Operator, space: Space, guarantee: Guarantee) -> Reader:
        alpha = self.alpha
        at_F = guarantee.sequence == AT_F or (not F.has_evaluation and G.has_evaluation)

        def read(u: Point, u_next: Point, trace: tuple[Point, ...]) -> Inspection:
            reflected, twice = trace[0], trace[1]
            x = scale(0.5, add(u, reflected))
            element = scale(0.5 / alpha, lincomb(1.0, u, -1.0, reflected))
            if at_F:
                x = scale(0.5, add(reflected, twice))
                element = scale(0.5 / alpha, lincomb(1.0, reflected, -1.0, twice))
            single_valued = G if at_F else F
            if single_valued.has_evaluation:
                other = single_valued(x)
            else:
                other = _element_at_other_point(u, reflected, twice, alpha, at_F)
            size = largest(space, other, scale(1 / alpha, x), element)
            return Inspection(x, add(element, other), size)

        return read


def _element_at_other_point(
    u: Point, reflected: Point, twice: Point, alpha: float, at_F: bool
) -> Point:
    """a ∈ F(x_F), or b ∈ G(x_G) if the solution is read at x_F."""
    if at_F:
        return scale(0.5 / alpha, lincomb(1.0, u, -1.0, reflected))
    return scale(0.5 / alpha, lincomb(1.0, reflected, -1.0, twice))
