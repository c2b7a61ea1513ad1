"""Forward-backward-half-forward splitting: a cocoercive and a Lipschitz operator evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from splitkit.backend import Array, add, is_array, lincomb, subtract
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace, after_backward
from splitkit.solvers.method import Guarantee
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term, not_maximal


@dataclass(frozen=True, kw_only=True)
class ForwardBackwardHalfForward(Splitting):
    """Forward-backward-half-forward splitting for 0 ∈ C(x) + B(x) + A(x), B evaluated twice, C
    once:

        y = R_{αA}(x − α(C x + B x)),  x⁺ = y − α(B y − B x).

    Takes: C and B evaluated, A by its resolvent.
    Assumes: C β-cocoercive, B monotone and L-Lipschitz, A maximal monotone.
    Steps: 0 < α < χ = 4β/(1 + √(1 + 16β²L²)); left open, 0.9χ.
    Rate: converges.
    Oracles: 1 C, 2 B, 1 R_{αA}.

    χ is 2β without B (forward-backward's bound) and 1/L without C (Tseng's). It returns y;
    r = (x − y)/α − (C + B) x + (C + B) y ∈ (A + B + C)(y).

    Source: Briceño-Arias, Davis, *Forward-backward-half forward algorithm for solving monotone
    inclusions* (2018), Thm. 2.3.

    Examples
    --------
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([2.0, 1.0])))
    >>> B = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.zeros(2))
    >>> A = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> sk.solve(C + B + A, np.zeros(2), sk.ForwardBackwardHalfForward()).x
    array([1., 1.])
    """

    label: ClassVar[str] = "forward-backward-half-forward"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.EVALUATED, Role.RESOLVED)
    cost: ClassVar[int] = 4
    sequence: ClassVar[str] = "y = R_{αA}(x − α(C x + B x))"

    def evaluated_slot(self, A: Operator) -> int:
        """C takes what is cocoercive, B the rest."""
        return 0 if A.cocoercivity is not None else 1

    def default_alpha(self, *terms: Term) -> float:
        χ = longest(*terms)
        return math.nan if χ is None else 0.9 * χ

    def theorem(self, *terms: Term) -> Guarantee:
        C, B, A = terms
        χ = longest(*terms)
        if C.cocoercivity is None:
            return self.refused(f"C = {C!r} is not known to be cocoercive: declare it, if it is")
        if χ is None or not B.properties.monotone:
            return self.refused(
                f"B = {B!r} is not known to be monotone and Lipschitz (lipschitz = {B.lipschitz}, "
                f"strong_monotonicity = {B.strong_monotonicity}): declare both, or use a method "
                "that takes the resolvent of B"
            )
        missing = not_maximal(A=A)
        if missing is not None:
            return self.refused(missing)
        if is_array(self.alpha) or not self.alpha < χ:
            return self.refused(
                f"alpha = {self.alpha} is too long: with C {C.cocoercivity:.4g}-cocoercive and B "
                f"{B.lipschitz:.4g}-Lipschitz it must be a number below {χ:.4g}"
            )
        reason = (
            f"C is {C.cocoercivity:.4g}-cocoercive, B monotone and {B.lipschitz:.4g}-Lipschitz, "
            f"{self.at_step()} < {χ:.4g}"
        )
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _HalfForward(self.alpha, *terms)


def longest(C: Term, B: Term, _: Term) -> float | None:
    """χ; None: a constant is not known."""
    β, L = C.cocoercivity, B.lipschitz
    if β is None or L is None:
        return None
    if β == math.inf:
        return 1 / L if L else math.inf
    return 4 * β / (1 + math.hypot(1, 4 * β * L))


class _HalfForward(Iteration):
    def __init__(self, alpha: float, C: Term, B: Term, A: Term) -> None:
        self.alpha, self.C, self.B, self.R = alpha, C.evaluate, B.evaluate, A.resolve(alpha)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x = state
        Bx = self.B(x)
        Fx = add(self.C(x), Bx)
        argument = lincomb(1.0, x, -self.alpha, Fx)
        y = self.R(argument)
        By = self.B(y)
        return lincomb(1.0, y, -self.alpha, subtract(By, Bx)), (argument, y, By)

    def read(self, trace: Trace) -> Reading:
        argument, y, By = trace
        reading = after_backward(self.alpha, argument, y, add(self.C(y), By))
        return replace(reading, sizes=(By,))

    def energy(self, before: Carry, state: Carry, limit: Carry) -> Array:
        return self.square(subtract(state, limit))
