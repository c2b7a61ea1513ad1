"""Forward-backward splitting: a gradient step and a proximal map, of any operators."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from splitkit.backend import Point, Scalar, Space, lincomb, scale
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.iteration import MapIteration, Reading
from splitkit.solvers.splitting import MapSplitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class ForwardBackward(MapSplitting):
    """Forward-backward splitting for 0 ∈ F(x) + G(x):

        x⁺ = R_{αG}(x − αF(x)).

    Takes: F evaluated, G by its resolvent.
    Assumes: F β-cocoercive, or m-strongly monotone and L-Lipschitz; G maximal monotone.
    Steps: 0 < α < 2β, or 0 < α < 2m/L²; left open, the α of the least factor, else β or 1/L.
    Rate: Lip(R_{αG}) Lip(I − αF), where that is below 1.
    Oracles: 1 F, 1 R_{αG}.

    After a step from x, with y = x − αF(x), r = (y − x⁺)/α + F(x⁺) ∈ (F + G)(x⁺).

    F is evaluated in dom G only, and its constants need hold only there. What extrapolates points,
    as accelerators do, takes those of y⁺ = x − αF(x), x = R_{αG}(y), backward-forward splitting:
    the same two maps in the other order, with the same constants, but y may be any point.

    Source: Bauschke, Combettes (2017), Thm. 26.14; Ryu, Boyd, *Primer on monotone operator methods*
    (2016), §6; Attouch, Peypouquet, Redont, *Backward-forward algorithms for structured monotone
    inclusions in Hilbert spaces* (2018); Mai, Johansson, *Anderson acceleration of proximal
    gradient methods* (2020), for the acceleration of y.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))  # no gradient
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> sk.solve(F + G, np.zeros(2), sk.ForwardBackward()).x
    array([0., 1.])
    >>> sk.ForwardBackward(alpha=0.5).guarantee(F, G).holds  # α is not below 2m/L² = 0.4
    False
    """

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "forward-backward"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    sequence: ClassVar[str] = "x⁺ = R_{αG}(x − αF x)"

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        F, G = terms
        return G.resolvent(alpha) @ ForwardStep(F.evaluation, alpha)

    def factor(self, alpha: float, *terms: Term) -> float | None:
        """Lip(R_{αG}) Lip(I − αF)."""
        F, G = (term.properties for term in terms)
        backward, forward = G.resolvent(alpha).lipschitz, F.step_lipschitz(alpha)
        return None if backward is None or forward is None else backward * forward

    def default_alpha(self, *terms: Term) -> float:
        F, _ = terms
        if F.cocoercivity is not None:
            return F.cocoercivity
        return 1 / F.lipschitz if F.lipschitz else math.nan

    def refusal(self, *terms: Term) -> str:
        F, _ = terms
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
            "use a method that takes the resolvent of F (Douglas-Rachford), or that evaluates F "
            "twice (Tseng's)"
        )

    def reader(self, *terms: Term) -> Any:
        F, _ = terms
        alpha = self.alpha

        def read(_: Point, x: Point, y: Point, *__: Point) -> Reading:
            of_G = scale(1 / alpha, lincomb(1.0, y, -1.0, x))
            return Reading(x, (F(x), of_G), lambda: (scale(1 / alpha, x),))

        return read

    def unconfined(self) -> BackwardForward:
        return BackwardForward(alpha=self.alpha, check=self.check)


@dataclass(frozen=True, kw_only=True)
class BackwardForward(ForwardBackward):
    """y⁺ = x − αF(x), x = R_{αG}(y), from y₀ = x₀ − αF(x₀); it is read at R_{αG}(y⁺)."""

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        F, G = terms
        return ForwardStep(F.evaluation, alpha) @ G.resolvent(alpha)

    def iteration(self, *terms: Term) -> MapIteration:
        F, _ = terms
        T = self.expression(*terms, alpha=self.alpha)
        start = ForwardStep(F.evaluation, self.alpha).make_evaluation()
        return MapIteration(T, self.reader(*terms), start)

    def reader(self, *terms: Term) -> Any:
        read, backward = super().reader(*terms), terms[1].resolvent(self.alpha)
        return lambda _, y, *__: read(None, backward(y), y)


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
