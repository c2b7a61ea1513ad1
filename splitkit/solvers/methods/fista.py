"""FISTA: the proximal gradient method with momentum and restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from splitkit.backend import Array, Point, clip, lincomb, subtract
from splitkit.solvers.iteration import Carry, ForwardBackwardIteration, Iteration, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term

RESTARTS = 1000
SPAN = 2.1  # a of t = 1 + k/a
LESS = 0.1  # of k after a restart
NEGLIGIBLE = 1e-20  # q, whose momentum is that of q = 0 for 10¹⁰ iterations


@dataclass(frozen=True, kw_only=True)
class FISTA(Splitting):
    """Accelerated proximal gradient with restart for 0 ∈ F(x) + G(x), F = ∇f, G = ∂g:

        x⁺ = R_{αG}(y − αF y),  t⁺ = t + 1/2.1,  y⁺ = x⁺ + (t − 1)/t⁺ (x⁺ − x).

    Takes: F evaluated, G by its resolvent.
    Assumes: f and g convex, ∇f L-Lipschitz.
    Steps: 0 < α ≤ 1/L; left open, 1/L.
    Rate: O(1/k²) of the objective; 1 − √q an iteration, if f or g is strongly convex.
    Oracles: 1 F, 1 R_{αG}.

    The objective falls as O(1/k²), and x converges, for t = 1 + k/a with any a > 2, whose bound is
    least at a = 2: here 0.2 % above. Where ⟨y − x⁺, x⁺ − x⟩ > 0 the momentum points uphill: that
    element of the batch restarts, with y⁺ = x⁺ and a tenth less of k. So it keeps most of the next
    momentum: where one of a few directions turned, the others need not begin anew. Restarts make
    the convergence linear in practice; after ``RESTARTS`` of them an element does without, so that
    the theorems hold from there on.

    Where f and g are m_f- and m_g-strongly convex, let q = α(m_f + m_g)/(1 + αm_g). With the
    momentum (1 − √q)/(1 + √q), which is then the greatest,

        V = f + g − min(f + g) + ½(m_f + m_g) ‖x + (1/√q − 1)(x − x₋) − x*‖²

    falls by the factor 1 − √q an iteration, so that ‖x − x*‖² is at most a constant times (1 −
    √q)ᵏ. r = (y − x⁺)/α − F y + F x⁺ ∈ (F + G)(x⁺).

    Source: Beck, Teboulle (2009); Chambolle, Dossal, *On the convergence of the iterates of FISTA*
    (2015) for this t; Chambolle, Pock, *An introduction to continuous optimization for imaging*
    (2016), §4.5 and Thm. B.1 for q > 0; O'Donoghue, Candès, *Adaptive restart for accelerated
    gradient schemes* (2015).

    Examples
    --------
    >>> F = sk.Affine(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, -3.0]))  # a gradient
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> sk.solve(F + G, np.zeros(2), sk.FISTA()).x
    array([1.5, 0. ])
    >>> sk.FISTA().guarantee(F, G).rate  # √(1 − √q), q = m/L = 1/3
    0.6501
    """

    label: ClassVar[str] = "FISTA"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    sequence: ClassVar[str] = "x⁺ = R_{αG}(y − αF y)"

    def default_alpha(self, *terms: Term) -> float:
        L = terms[0].lipschitz
        return 1 / L if L else math.nan

    def choosing(self, *terms: Term) -> Self:
        return super().choosing(*terms).at_most(self.default_alpha(*terms))

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        for name, A in (("F", F), ("G", G)):
            if not (A.properties.gradient and A.properties.monotone):
                return self.refused(
                    f"{name} = {A!r} is not known to be the (sub)gradient of a convex function: "
                    "acceleration needs both to be; use forward-backward or Tseng's method"
                )
        if F.lipschitz is None:
            return self.refused(
                f"F = {F!r} has no known Lipschitz constant: declare it, or use the adaptive "
                "proximal gradient method"
            )
        if not isinstance(self.alpha, (int, float)) or self.alpha * F.lipschitz > 1 + 1e-12:
            return self.refused(
                f"alpha = {self.alpha} is too long: it must be a number of at most "
                f"1/L = {1 / max(F.lipschitz, 1e-300):.8g}"
            )
        q = curvature(self.alpha, F, G)
        reason = f"both are subgradients, {self.at_step()} ≤ 1/L: O(1/k²) in the objective"
        if not q >= NEGLIGIBLE:
            return Guarantee(True, None, reason, self.sequence)
        rate = math.sqrt(1 - math.sqrt(q))
        reason = f"{reason}, and its gap falls by 1 − √q, q = α(m_f + m_g)/(1 + αm_g) = {q:.4g}"
        return Guarantee(True, rate, reason, self.sequence, "R-linear: ‖xₖ − x*‖² ≤ cρ²ᵏ")

    def iteration(self, *terms: Term) -> Iteration:
        return _FISTA(self, *terms)


def curvature(alpha: float, F: Term, G: Term) -> float:
    """q = α(m_f + m_g)/(1 + αm_g), at most 1."""
    m_f, m_g = (term.strong_monotonicity or 0.0 for term in (F, G))
    return min(1.0, alpha * (m_f + m_g) / (1 + alpha * m_g)) if m_g < math.inf else 1.0


class _FISTA(ForwardBackwardIteration):
    """Carry (x, y, k, restarts left) with t = 1 + k/a, so that (t − 1)/t⁺ = k/(k + 1 + a)."""

    def __init__(self, method: FISTA, F: Term, G: Term) -> None:
        self.alpha, self.F = method.alpha, F.evaluate
        self.R = G.resolve(method.alpha)
        root = math.sqrt(curvature(method.alpha, F, G)) if method.check else 0.0
        # (1 − √q)/(1 + √q) = k/(k + 1 + a) for the last k that counts
        self.last = (1 + SPAN) * (1 - root) / (2 * root) if root * root >= NEGLIGIBLE else math.inf

    def init(self, x0: Point) -> Carry:
        zero = 0.0 * self.space.norm(x0)
        return x0, x0, zero, zero + RESTARTS

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, y, k, left = state
        argument = lincomb(1.0, y, -self.alpha, self.F(y))
        x_next = self.R(argument)
        move = subtract(x_next, x)
        uphill = left * self.space.inner(subtract(y, x_next), move)
        # 1 where it is positive, else 0: of a single number a fifth of the time of a cast
        size = abs(uphill)
        again = (size + uphill) / (size + size + self.space.least)
        if type(again) is not np.float64 or again != again:
            again = self.number(again, left)
        k = k - LESS * again * k
        if self.last < math.inf:
            # a library's own takes ten times as long of a single number
            k = min(k, self.last) if isinstance(k, float) else clip(k, None, self.last)
        y_next = lincomb(1.0, x_next, (1 - again) * k / (k + (1 + SPAN)), move)
        after = x_next, y_next, k + 1 - again, left - again
        return after, (argument, x_next)

    def number(self, again: Array, left: Array) -> Array:
        """``again``, or a restart, if there is one left, where what it is made of overflows."""
        if isinstance(again, np.floating):
            return again if again == again else min(left, again.dtype.type(1.0))
        xp = self.space.xp
        return xp.where(xp.isnan(again), clip(left, None, 1.0), again)
