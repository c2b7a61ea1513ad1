"""Forward-backward splitting for 0 ∈ F(x) + G(x):  x⁺ = R_{αG}(x − αF(x)).

Converges for F β-cocoercive and 0 < α < 2β; linearly for F m-strongly monotone and L-Lipschitz and
0 < α < 2m/L² (strict), or whenever Lip(R_{αG}) Lip(I − αF) < 1. After a step from x, with
y = x − αF(x), r = (y − x⁺)/α + F(x⁺) ∈ (F + G)(x⁺).

Source: Bauschke, Combettes (2017), Thm. 26.14; Ryu, Boyd, *Primer on monotone operator methods*
(2016), §6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, Scalar, Space, add, lincomb, scale
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.engine import Inspection
from splitkit.solvers.splitting import Guarantee, Reader, Splitting, largest


@dataclass(frozen=True, kw_only=True)
class ForwardBackward(Splitting):
    """x⁺ = R_{αG}(x − αF(x)); see the module's docstring for its theorem."""

    label: ClassVar[str] = "forward-backward"
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF x)"

    def expression(self, F: Operator, G: Operator, alpha: Scalar) -> Operator:
        return G.resolvent(alpha) @ ForwardStep(F, alpha)

    def missing(self, F: Operator, G: Operator) -> str | None:
        if not F.has_evaluation:
            return f"F = {F!r} must be evaluated, but it is set-valued; use Douglas-Rachford"
        if not G.has_resolvent:
            return f"G = {G!r} has no resolvent"
        return None

    def default_alpha(self, F: Operator, G: Operator) -> float:
        if F.cocoercivity is not None:
            return F.cocoercivity if F.cocoercivity < float("inf") else 1.0
        return 1 / F.lipschitz if F.lipschitz else 1.0

    def refusal(self, F: Operator, G: Operator) -> str:
        if F.cocoercivity is not None:
            return (
                f"alpha = {self.alpha} is too long: F = {F!r} is {F.cocoercivity:.4g}-cocoercive, "
                f"so alpha must be below {2 * F.cocoercivity:.4g}"
            )
        if F.lipschitz is None:
            return (
                f"F = {F!r} has no known Lipschitz constant or cocoercivity: declare one, or use "
                "a method that takes the resolvent of F (Douglas-Rachford)"
            )
        return (
            f"F = {F!r} is not known to be cocoercive (lipschitz = {F.lipschitz:.4g}, "
            f"strong_monotonicity = {F.strong_monotonicity}), and x − αF(x) may be expansive: "
            "use a method that takes the resolvent of F (Douglas-Rachford)"
        )

    def reader(self, F: Operator, G: Operator, space: Space, guarantee: Guarantee) -> Reader:
        alpha = self.alpha

        def read(u: Point, u_next: Point, trace: tuple[Point, ...]) -> Inspection:
            y, x = trace[0], u_next
            Fx = F(x)
            of_G = scale(1 / alpha, lincomb(1.0, y, -1.0, x))
            return Inspection(x, add(of_G, Fx), largest(space, Fx, scale(1 / alpha, x), of_G))

        return read


def ForwardStep(F: Operator, alpha: Scalar) -> Operator:
    """I − αF."""
    if isinstance(alpha, (int, float)):
        return Identity() - alpha * F
    return _BatchForwardStep(F, alpha)


class _BatchForwardStep(Operator):
    """I − αF for a step size of batch shape: no constants are claimed."""

    def __init__(self, F: Operator, alpha: Scalar) -> None:
        self.F, self.alpha = F, alpha

    def __call__(self, x: Point) -> Point:
        return lincomb(1.0, x, -self.alpha, self.F(x))

    def check_space(self, space: Space) -> None:
        self.F.check_space(space)
