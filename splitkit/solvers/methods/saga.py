"""SAGA: a table of what each part of a finite sum was when it was last drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, add, subtract
from splitkit.solvers.finite_sums import FiniteSum
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.variance_reduction import PassIteration, VarianceReduced
from splitkit.solvers.sampling import generator
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.terms import Term

SHORT = 0.5  # of the longest step, up to which there is another theorem
ANEW = 16  # passes after which the sum of the table is added up again


@dataclass(frozen=True, kw_only=True)
class SAGA(VarianceReduced):
    """SAGA for 0 ∈ F₁(x) + … + Fₙ(x) + G(x), Fᵢ = ∇fᵢ, G = ∂g; of a j drawn uniformly

        v = n(Fⱼ(x) − sⱼ) + Σ sᵢ,  x⁺ = R_{αG}(x − αv),  sⱼ ← Fⱼ(x).

    Takes: F evaluated part by part (rows of a fit, or several terms), G by its resolvent.
    Assumes: fᵢ and g convex, ∇fᵢ Lᵢ-Lipschitz.
    Steps: 1/(3n max Lᵢ), which is taken if left open, or 0 < α ≤ 1/(6n max Lᵢ).
    Rate: E V falls by 1 − min(1/(4n), αm) a step, of the shorter ones by 1 − min(1/(2n), αm), if f
    is m-strongly convex; else almost surely to a solution.
    Oracles: n Fⱼ, n R_{αG} a pass, which is an iteration; 1 F more at a look.

    V = ‖x − x*‖² + 2nα Σ D(xᵢ), D the Bregman distances of the fᵢ at the places xᵢ of the table to
    the solution; of the shorter steps ‖x − x*‖² + 4n²α² Σ‖sᵢ − Fᵢ(x*)‖². Of what has rows the table
    holds ∇hⱼ(Aⱼx), a number for each row. At looks all of F is evaluated: r = (x − αv − x⁺)/α + Fx⁺
    ∈ (F + G)(x⁺), so that what counts as converged is so; the rate is that of the expectation, and
    one run may be slower.

    What is promised holds almost surely or in expectation: ``solve`` never chooses it, it is asked
    for by name.

    Source: Defazio, Bach, Lacoste-Julien, *SAGA: a fast incremental gradient method* (2014), Thm.
    1; Gorbunov, Hanzely, Richtárik, *A unified theory of SGD: variance reduction, sampling,
    quantization and coordinate descent* (2020), Thm. 4.1, for shorter steps; Poon, Liang,
    Schönlieb, *Local convergence properties of SAGA/Prox-SVRG* (2018), Thm. 2.1.

    Examples
    --------
    >>> A = np.vander(np.linspace(-1.0, 2.0, 50), 3)
    >>> f = sk.functions.LeastSquares(A, A @ np.array([1.0, 0.0, 2.0])) + sk.functions.L1Norm(0.1)
    >>> found = sk.minimize(f, np.zeros(3), sk.SAGA(batch=5, seed=1), tol=1e-8)
    >>> print(found.x)
    [1.    0.    1.998]
    """

    label: ClassVar[str] = "SAGA"

    def longest(self, total: FiniteSum) -> float:
        n = len(total.parts)
        L = n * max(part.lipschitz for part in total.parts) + total.steepness
        return 1 / (3 * L) if L else math.nan

    def factor(self, total: FiniteSum, m: float) -> float:
        n, alpha = len(total.parts), float(self.alpha)
        return 1 - min(1 / ((2 if alpha <= SHORT * self.longest(total) else 4) * n), alpha * m)

    def theorem(self, *terms: Term) -> Guarantee:
        found = super().theorem(*terms)
        if not found.holds or isinstance(self.alpha, Arbitrary):
            return found
        longest = self.longest(self.total(terms[0]))
        if SHORT * longest < self.alpha < longest * (1 - 1e-12):
            return self.refused(
                f"alpha = {self.alpha} is covered by no theorem: give {longest:.4g}, or at most "
                f"{SHORT * longest:.4g}"
            )
        return found

    def iteration(self, *terms: Term) -> Iteration:
        return _SAGA(self, *terms)


class _SAGA(PassIteration):
    def passed(
        self, x: Point, remembered: tuple[Point, ...], whole: Point, k: int
    ) -> tuple[Carry, Trace]:
        parts, table = self.total.parts, list(remembered)
        if k % ANEW == 0 and k:
            whole = self.total.whole(tuple(table))
        y = x
        for j in generator(self.method.seed, k).integers(len(parts), size=len(parts)):
            new = parts[j].remembered(x)
            change = parts[j].pulled(subtract(new, table[j]))
            x, y = self.moved_by(x, change, whole, 1 / len(parts))
            table[j], whole = new, add(whole, change)
        return (x, tuple(table), whole, k + 1), (y, x)
