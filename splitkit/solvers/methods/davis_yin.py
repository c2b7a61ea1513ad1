"""Davis-Yin splitting: two resolvents and a gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Point, add, is_array, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.davis_yin_rates import davis_yin_rate
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term, not_maximal

AT_B = "x = R_{αB}z"
AT_A = "x = R_{αA}(2R_{αB}z − z − αC R_{αB}z)"


@dataclass(frozen=True, kw_only=True)
class DavisYin(Splitting):
    """Davis-Yin splitting for 0 ∈ A(x) + B(x) + C(x):

        x_B = R_{αB} z,  x_A = R_{αA}(2x_B − z − αC x_B),  z⁺ = z + λ(x_A − x_B),  x = x_B.

    Takes: A and B by their resolvents, C evaluated.
    Assumes: A and B maximal monotone, C β-cocoercive.
    Steps: 0 < λ < 2 − α/(2β), so that α < 4β; left open, α = β.
    Rate: linear, if one of A, B is cocoercive and the other, or C, strongly monotone.
    Oracles: 1 R_{αA}, 1 R_{αB}, 1 C.

    The factors are those of ``davis_yin_rates.py``. With b = (z − x_B)/α ∈ B(x_B) and
    a = (2x_B − z − x_A)/α − C x_B ∈ A(x_A), r = a + b + C x_B = (x_B − x_A)/α. Where A can be
    evaluated, r = A x_B + b + C x_B ∈ (A + B + C)(x_B); where only B can,
    r = a + B x_A + C x_A ∈ (A + B + C)(x_A), and x = x_A.

    Source: Davis, Yin, *A three-operator splitting scheme and its optimization applications*
    (2017); Aragón-Artacho, Torregrosa-Belén, *A direct proof of convergence of Davis-Yin splitting
    algorithm allowing larger stepsizes* (2022), for α ≥ 2β.

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2 − α/(2β)); with 1, α is below 2β.

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 1.0, 1.0]), 1.0))
    >>> B = sk.NormalCone(sk.functions.NonNegative())
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 1.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.DavisYin()).x
    array([0. , 0.5, 0.5])
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "Davis-Yin"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED, Role.RESOLVED, Role.EVALUATED)
    cost: ClassVar[int] = 3
    sequence: ClassVar[str] = AT_B

    def default_alpha(self, *terms: Term) -> float:
        β = terms[2].cocoercivity
        return math.nan if β is None else β

    def theorem(self, *terms: Term) -> Guarantee:
        A, B, C = terms
        β = C.cocoercivity
        missing = not_maximal(A=A, B=B)
        if missing is not None:
            return self.refused(missing)
        if β is None:
            return self.refused(
                f"C = {C!r} is not known to be cocoercive: declare it, or use a method that takes "
                "a Lipschitz operator (Tseng's)"
            )
        alpha = self.longest_alpha
        if not self.relaxation < 2 - alpha / (2 * β):
            return self.refused(
                f"alpha = {alpha:.4g}, relaxation = {self.relaxation}: with C {β:.4g}-"
                f"cocoercive, alpha must be below 2β(2 − relaxation) = "
                f"{2 * β * (2 - self.relaxation):.4g}"
            )
        reason = (
            f"C is {β:.4g}-cocoercive, relaxation {self.relaxation:.4g} < 2 − α/(2β) at "
            f"{self.at_step()} (Davis-Yin)"
        )
        fixed = not (is_array(self.alpha) or isinstance(self.alpha, Arbitrary))
        rate = davis_yin_rate(A, B, C, self.alpha, self.relaxation) if fixed else None
        return Guarantee(True, rate, reason, AT_A if reads_at_A(A, B) else AT_B)

    def exact_element(self, *terms: Term) -> bool:
        return any(A.has_evaluation for A in terms[:2])

    def iteration(self, *terms: Term) -> Iteration:
        return _DavisYin(self, *terms)


def reads_at_A(A: Term, B: Term) -> bool:
    """Whether the solution is x_A, and not x_B."""
    return B.has_evaluation and not A.has_evaluation


class _DavisYin(Iteration):
    def __init__(self, method: DavisYin, A: Term, B: Term, C: Term) -> None:
        self.alpha, self.relaxation = method.alpha, method.relaxation
        self.R_A, self.R_B = A.resolve(self.alpha), B.resolve(self.alpha)
        self.C, self.at_A = C.evaluate, reads_at_A(A, B)
        self.single = next((X.evaluate for X in (A, B) if X.has_evaluation), None)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        z: Point = state
        x_B = self.R_B(z)
        Cx = self.C(x_B)
        forward = lincomb(1.0, lincomb(2.0, x_B, -1.0, z), -self.alpha, Cx)
        x_A = self.R_A(forward)
        z_next = lincomb(1.0, z, self.relaxation, subtract(x_A, x_B))
        return z_next, (z, x_B, Cx, forward, x_A)

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return earlier

    def read(self, trace: Trace) -> Reading:
        z, x_B, Cx, forward, x_A = trace
        x = x_A if self.at_A else x_B
        a = scale(1 / self.alpha, subtract(forward, x_A))
        b = scale(1 / self.alpha, subtract(z, x_B))

        def rounding() -> tuple[Point, ...]:
            return (scale(1 / self.alpha, x),)

        if self.single is None:
            return Reading(x, (add(a, Cx), b), rounding, (Cx,), apart=self.alpha)
        of_C = self.C(x) if self.at_A else Cx
        return Reading(x, (a if self.at_A else b, self.single(x), of_C), rounding)
