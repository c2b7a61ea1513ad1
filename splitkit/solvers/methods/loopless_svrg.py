"""Loopless SVRG: parts of a finite sum beside an anchor that moves now and then."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from splitkit.backend import Point, subtract
from splitkit.solvers.finite_sums import FiniteSum
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.methods.variance_reduction import PassIteration, VarianceReduced
from splitkit.solvers.sampling import generator
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class LooplessSVRG(VarianceReduced):
    """SVRG without an inner loop for 0 ∈ F₁(x) + … + Fₙ(x) + G(x), Fᵢ = ∇fᵢ, G = ∂g; of a j drawn
    with probability pⱼ = Lⱼ/ΣLᵢ

        v = (Fⱼ(x) − Fⱼ(w))/pⱼ + F(w),  x⁺ = R_{αG}(x − αv),  w ← x with probability 1/n.

    Takes: F evaluated part by part (rows of a fit, or several terms), G by its resolvent.
    Assumes: fᵢ and g convex, ∇fᵢ Lᵢ-Lipschitz.
    Steps: 0 < α ≤ 1/(6ΣLᵢ); left open, that.
    Rate: E V falls by max(1 − αm, 1 − 1/(2n)) a step, if f is m-strongly convex; else almost surely
    to a solution.
    Oracles: n Fⱼ, n R_{αG} a pass, which is an iteration, and 1 F for each new anchor, on average
    one a pass; 1 F more at a look.

    V = ‖x − x*‖² + 4nα²σ², σ² = Σ‖Fᵢ(w) − Fᵢ(x*)‖²/pᵢ. Steps do not shrink by one steep part among
    many, as SAGA's do: ΣLᵢ counts and not n max Lᵢ. What has rows remembers ∇hⱼ(Aⱼw), a number for
    each row. At looks F is evaluated whole: r = (x − αv − x⁺)/α + F(x⁺) ∈ (F + G)(x⁺).

    What is promised holds almost surely or in expectation: ``solve`` never chooses it, it is asked
    for by name.

    Source: Kovalev, Horváth, Richtárik, *Don't jump through hoops and remove those loops: SVRG and
    Katyusha are better without the outer loop* (2020); Gorbunov, Hanzely, Richtárik, *A unified
    theory of SGD: variance reduction, sampling, quantization and coordinate descent* (2020),
    Thm. 4.1, with A = 2ΣLᵢ, B = 2, ρ = 1/n, C = ΣLᵢ/n, M = 4n, for a prox and any probabilities.

    Examples
    --------
    >>> A = np.vander(np.linspace(-1.0, 2.0, 50), 3)
    >>> f = sk.functions.LeastSquares(A, A @ np.array([1.0, 0.0, 2.0])) + sk.functions.L1Norm(0.1)
    >>> found = sk.minimize(f, np.zeros(3), sk.LooplessSVRG(batch=5, seed=1), tol=1e-8)
    >>> print(found.x)
    [1.    0.    1.998]
    """

    label: ClassVar[str] = "loopless SVRG"

    def longest(self, total: FiniteSum) -> float:
        L = sum(part.lipschitz for part in total.parts) + total.steepness
        return 1 / (6 * L) if L else math.inf

    def factor(self, total: FiniteSum, m: float) -> float:
        return max(1 - float(self.alpha) * m, 1 - 1 / (2 * len(total.parts)))

    def iteration(self, *terms: Term) -> Iteration:
        return _LooplessSVRG(self, *terms)


class _LooplessSVRG(PassIteration):
    @cached_property
    def chances(self) -> np.ndarray:
        """pⱼ; where nothing changes, all alike."""
        L = np.array([part.lipschitz for part in self.total.parts])
        return L / L.sum() if L.sum() else np.full(len(L), 1 / len(L))

    def passed(
        self, x: Point, remembered: tuple[Point, ...], whole: Point, k: int
    ) -> tuple[Carry, Trace]:
        anchored = remembered
        parts, y = self.total.parts, x
        n, draws = len(parts), generator(self.method.seed, k)
        moves = draws.random(n) < 1 / n
        for j, moves_on in zip(draws.choice(n, size=n, p=self.chances), moves, strict=True):
            change = parts[j].pulled(subtract(parts[j].remembered(x), anchored[j]))
            before = x
            x, y = self.moved_by(x, change, whole, float(self.chances[j]))
            if moves_on:
                anchored = self.remembered(before)
                whole = self.total.whole(anchored)
        return (x, anchored, whole, k + 1), (y, x)
