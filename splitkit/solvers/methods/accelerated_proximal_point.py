"""The proximal point method with the least possible residual."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class AcceleratedProximalPoint(Splitting):
    """The optimal proximal point method for 0 ∈ A(x), A m-strongly monotone, m ≥ 0; with μ = αm:

        x = R_{αA}y,  y⁺ = (1 − 1/φ)(x − (y − x)/(1 + 2μ)) + y₀/φ,
        φ = Σ_{i ≤ k} (1 + 2μ)²ⁱ after k steps.

    Takes: A by its resolvent.
    Assumes: A maximal monotone.
    Steps: α > 0; left open, 100/L, or measured on the data.
    Rate: ‖y − x‖ ≤ ‖y₀ − x*‖/k, and 2μ/((1 + 2μ)ᵏ − 1) ‖y₀ − x*‖ for m > 0: the least possible.
    Oracles: 1 R_{αA}.

    r = (y − x)/α ∈ A(x).

    Source: Kim, *Accelerated proximal point method for maximally monotone operators* (2021); Park,
    Ryu, *Exact optimal accelerated complexity for fixed-point iterations* (2022).

    Examples
    --------
    >>> A = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]), np.array([2.0, 0.0]))
    >>> sk.solve(A, np.zeros(2), sk.AcceleratedProximalPoint(alpha=10.0)).x
    array([1., 1.])
    """

    label: ClassVar[str] = "accelerated proximal point"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,)
    cost: ClassVar[int] = 1
    sequence: ClassVar[str] = "x = R_{αA}y"

    def default_alpha(self, *terms: Term) -> float:
        # the longer, the fewer iterations; but I + αA is solved with an error that grows as αL
        (A,) = terms
        return 100 / A.lipschitz if A.lipschitz else math.nan

    def theorem(self, *terms: Term) -> Guarantee:
        (A,) = terms
        if not A.properties.maximal:
            return self.refused(f"A = {A!r} is not known to be maximal monotone: declare it")
        m = A.strong_monotonicity
        reason = f"A is maximal monotone, m = {m:.4g}: ‖y − x‖ falls at the optimal rate"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _Anchored(self.alpha, *terms)


class _Anchored(Iteration):
    def __init__(self, alpha: float, A: Term) -> None:
        self.alpha, self.R = alpha, A.resolve(alpha)
        m = A.strong_monotonicity or 0.0
        self.gain = 1 + 2 * alpha * (m if 0 < m < float("inf") else 0.0)

    def init(self, x0: Point) -> Carry:
        return x0, x0, 1.0

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        y, anchor, φ = state
        x = self.R(y)
        # φ of the next step: 1 + γ²φ, which may overflow to ∞, where 1/φ = 0
        φ = 1 + self.gain**2 * φ
        ahead = lincomb(1 + 1 / self.gain, x, -1 / self.gain, y)
        return (lincomb(1 - 1 / φ, ahead, 1 / φ, anchor), anchor, φ), (y, x)

    def read(self, trace: Trace) -> Reading:
        y, x = trace
        return Reading(
            x, (scale(1 / self.alpha, subtract(y, x)),), lambda: (scale(1 / self.alpha, x),)
        )

    def governing(self, state: Carry) -> Point:
        return state[0]
