"""SAGA: a table of what each part of a finite sum was when it was last drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import Point, add, subtract
from splitkit.solvers.finite_sums import FiniteSum
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.methods.drawing import ANEW
from splitkit.solvers.methods.variance_reduction import PassIteration, VarianceReduced
from splitkit.solvers.sampling import generator
from splitkit.solvers.terms import Term

SHORT = 0.5  # of the longest step, up to which another theorem promises more


@dataclass(frozen=True, kw_only=True)
class SAGA(VarianceReduced):
    """SAGA for 0 ∈ F₁(x) + … + Fₙ(x) + G(x), Fᵢ = ∇fᵢ, G = ∂g; of a j drawn uniformly

        v = n(Fⱼ(x) − sⱼ) + Σ sᵢ,  x⁺ = R_{αG}(x − αv),  sⱼ ← Fⱼ(x).

    Takes: F evaluated part by part (rows of a fit, or several terms), G by its resolvent.
    Assumes: fᵢ and g convex, ∇fᵢ Lᵢ-Lipschitz.
    Steps: 0 < α ≤ 1/(3n max Lᵢ); left open, that.
    Rate: E V falls by 1 − min(1/(4n), αm/3) a step, of α ≤ 1/(6n max Lᵢ) by 1 − min(1/(2n), αm), if
    f is m-strongly convex; else almost surely to a solution.
    Oracles: n Fⱼ, n R_{αG} a pass, which is an iteration; 1 F more at a look.

    V = ‖x − x*‖² + (4/3)nα Σ Dᵢ, Dᵢ the Bregman distance of fᵢ at the place xᵢ of the table to the
    solution; of the shorter steps ‖x − x*‖² + 4n²α² Σ‖sᵢ − Fᵢ(x*)‖². It is enough that the sum f is
    strongly convex: of X = n(Fⱼ(x) − Fⱼ(x*)) and Y, which is n(sⱼ − Fⱼ(x*)) less its mean,

        E‖X − Y‖² ≤ 3E‖X‖² + (3/2)E‖Y‖²,  E‖Y‖² ≤ 2L Σ Dᵢ,  L = n max Lᵢ,
        ⟨EX, x − x*⟩ ≥ D + E‖X‖²/(2L),  D = f's distance at x ≥ m‖x − x*‖²/2,

    and Σ Dᵢ becomes (1 − 1/n)Σ Dᵢ + D/n, so that E V⁺ ≤ V − (2/3)αD − (α/3)Σ Dᵢ if α ≤ 1/(3L). A
    term H that is evaluated whole is in X, and adds its constant to L.

    Of what has rows the table holds ∇hⱼ(Aⱼx), a number for each row. At looks all of F is
    evaluated: r = (x − αv − x⁺)/α + Fx⁺ ∈ (F + G)(x⁺), so that what counts as converged is so; the
    rate is that of the expectation, and one run may be slower.

    What is promised holds almost surely or in expectation: ``solve`` never chooses it, it is asked
    for by name.

    Source: Defazio, Bach, Lacoste-Julien, *SAGA: a fast incremental gradient method* (2014), whose
    Thm. 1 is of parts each of which is strongly convex; Gorbunov, Hanzely, Richtárik, *A unified
    theory of SGD: variance reduction, sampling, quantization and coordinate descent* (2020),
    Thm. 4.1, with A = 2L, B = 2, ρ = 1/n, C = L/n, M = 4n, for shorter steps; Poon, Liang,
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
        return 1 / (3 * L) if L else math.inf

    def factor(self, total: FiniteSum, m: float) -> float:
        n, alpha = len(total.parts), float(self.alpha)
        if alpha <= SHORT * self.longest(total) * (1 + 1e-12):
            return 1 - min(1 / (2 * n), alpha * m)
        return 1 - min(1 / (4 * n), alpha * m / 3)

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
