"""Accelerators wrap the map T of any method that is an averaged map, and know no method.

Nesterov's momentum on a nonexpansive map is Halpern's anchoring in other variables (Tran-Dinh,
*From Halpern's fixed-point iterations to Nesterov's accelerated interpretations*, 2022); on a
proximal gradient step it is ``FISTA``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from splitkit.arguments import POSITIVE, Range, check_number, option
from splitkit.backend import Point, Space, lincomb
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.terms import Term
from splitkit.solvers.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class Accelerator(Wrapper):
    """Base of the accelerators.

    Parameters
    ----------
    method : Method
        One whose iteration is an averaged map, such as ``DouglasRachford()``.

    Examples
    --------
    >>> A = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([2.0, 1.0]))
    >>> plain, faster = sk.ProximalPoint(alpha=1.0), sk.Anderson(sk.ProximalPoint(alpha=1.0))
    >>> few, many = (sk.solve(A, np.zeros(2), method).iterations for method in (faster, plain))
    >>> print(few < many)
    True
    """

    def choosing(self, *terms: Term) -> Self:
        return replace(self, method=self.method.steady().choosing(*terms))

    def inner_iteration(self, *terms: Term) -> Iteration:
        """That of the method, whose points may be anywhere."""
        return self.method.unconfined().iteration(*terms)

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        """What holds of the accelerated iteration of a θ-averaged map."""
        raise NotImplementedError

    def theorem(self, *terms: Term) -> Guarantee:
        θ = self.method.averagedness(*terms)
        inner = self.method.theorem(*terms)
        if θ is None:
            return self.refused(
                f"{self.method.label} is not known to be a nonexpansive map here: {inner.reason}"
            )
        return self.accelerated(θ, inner)


class AcceleratedIteration(Iteration):
    """An iteration around another one's map; ``of`` it also reads the solution."""

    def __init__(self, inner: Iteration) -> None:
        self.of = inner.as_map()

    @property
    def plain(self) -> Iteration:
        return self.of.plain

    def enter(self, space: Space) -> None:
        super().enter(space)
        self.of.enter(space)

    def init(self, x0: Point) -> Carry:
        return self.launched(self.of.begin(x0, self.space))

    def init_at(self, x0: Point, dual: Point) -> Carry:
        return self.launched(self.of.begin(x0, self.space, dual))

    def launched(self, u: Point) -> Carry:
        """The state at the inner iteration's first point."""
        return u

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return self.launched(self.of.continued(self.governing(state), self.governing(earlier)))

    def read(self, trace: Trace) -> Reading:
        return self.of.read(trace)

    def governing(self, state: Carry) -> Point:
        return state[0]

    def outward(self, u: Point) -> Point:
        return self.of.outward(u)

    def elements_of(
        self, terms: tuple[Term, ...], of: Mapping[int, Point]
    ) -> tuple[Point | None, ...]:
        return self.of.elements_of(terms, of)

    def displaced(self, step: Point) -> Point | None:
        return self.of.displaced(step)


@dataclass(frozen=True, kw_only=True)
class Relaxed(Accelerator):
    """Relaxation of an averaged map T:

        u⁺ = u + λ(Tu − u).

    Takes: what the method takes.
    Assumes: T θ-averaged.
    Steps: 0 < λ < 1/θ; default 1.5.
    Rate: converges.
    Oracles: those of the method.

    Source: Bauschke, Combettes (2017), Prop. 4.40.

    Parameters
    ----------
    relaxation : float, default 1.5
        λ > 0; above 1 it over-relaxes.

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.Relaxed(sk.DouglasRachford())).x
    array([0., 1.])
    """

    relaxation: float = option(1.5, check_number, within=POSITIVE)

    name: ClassVar[str] = "relaxation"

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        if not self.relaxation * θ < 1:
            return self.refused(
                f"relaxation = {self.relaxation} is too large: T is {θ:.4g}-averaged, so it must "
                f"be below {1 / θ:.4g}"
            )
        reason = f"relaxation = {self.relaxation} < 1/θ, T {θ:.4g}-averaged (Krasnosel'skiĭ-Mann)"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _Relaxed(self.inner_iteration(*terms), self.relaxation)


class _Relaxed(AcceleratedIteration):
    def __init__(self, inner: Iteration, relaxation: float) -> None:
        super().__init__(inner)
        self.relaxation = relaxation

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        Tu, trace = self.of.advance(state)
        return lincomb(1 - self.relaxation, state, self.relaxation, Tu), trace

    def governing(self, state: Carry) -> Point:
        return state


@dataclass(frozen=True, kw_only=True)
class Inertial(Accelerator):
    """Inertia before an averaged map T:

        y = u + β(u − u₋),  u⁺ = Ty.

    Takes: what the method takes.
    Assumes: T ½-averaged or better.
    Steps: 0 ≤ β < 1/3; default 0.3.
    Rate: converges.
    Oracles: those of the method.

    Source: Maingé, *Convergence theorems for inertial KM-type algorithms* (2008).

    Parameters
    ----------
    inertia : float, default 0.3
        β in [0, 1); with 1/3 or more nothing is guaranteed.

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.Inertial(sk.DouglasRachford())).x
    array([0., 1.])
    """

    inertia: float = option(0.3, check_number, within=Range(0.0, 1.0, "[)"))

    name: ClassVar[str] = "inertia"

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        if θ > 0.5 + 1e-12 or not self.inertia < 1 / 3:
            return self.refused(
                f"inertia = {self.inertia} with T {θ:.4g}-averaged: it must be below 1/3, and T "
                "½-averaged (relax the method)"
            )
        reason = f"inertia = {self.inertia} < 1/3, T {θ:.4g}-averaged (Maingé)"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _Inertial(self.inner_iteration(*terms), self.inertia)


class _Inertial(AcceleratedIteration):
    def __init__(self, inner: Iteration, inertia: float) -> None:
        super().__init__(inner)
        self.inertia = inertia

    def launched(self, u: Point) -> Carry:
        return u, u

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u, before = state
        Ty, trace = self.of.advance(lincomb(1 + self.inertia, u, -self.inertia, before))
        return (Ty, u), trace


@dataclass(frozen=True, kw_only=True)
class Halpern(Accelerator):
    """Halpern's anchoring of a 1/γ-Lipschitz map T, γ ≥ 1:

        u⁺ = u₀/φ + (1 − 1/φ) Tu,  φ = Σ_{i ≤ k+1} γ²ⁱ.

    Takes: what the method takes.
    Assumes: T nonexpansive.
    Steps: none; 1/γ is the rate of the method, where it has one.
    Rate: ‖u − Tu‖ ≤ (1 + 1/γ)‖u₀ − u*‖/Σ_{i ≤ k} γⁱ, which is 2‖u₀ − u*‖/(k + 1) for γ = 1.
    Oracles: those of the method.

    Source: Lieder, *On the convergence rate of the Halpern-iteration* (2021); Park, Ryu, *Exact
    optimal accelerated complexity for fixed-point iterations* (2022) for γ > 1.

    Examples
    --------
    >>> A = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]), np.array([2.0, 0.0]))
    >>> sk.solve(A, np.zeros(2), sk.Halpern(sk.ProximalPoint(alpha=10.0))).x
    array([1., 1.])
    """

    name: ClassVar[str] = "Halpern anchoring"

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        known = "nonexpansive" if inner.rate is None else f"{inner.rate:.6g}-Lipschitz"
        reason = f"T is {known}: ‖u − Tu‖ falls at the optimal rate (Lieder; Park, Ryu)"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        rate = self.method.theorem(*terms).rate
        return _Halpern(self.inner_iteration(*terms), 1.0 if rate is None else rate)


class _Halpern(AcceleratedIteration):
    """Carry: (u, u₀, 1/φ of the last step)."""

    def __init__(self, inner: Iteration, rate: float) -> None:
        super().__init__(inner)
        self.rate = rate

    def launched(self, u: Point) -> Carry:
        return u, u, 1.0

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u, anchor, weight = state
        Tu, trace = self.of.advance(u)
        # φ⁺ = 1 + γ²φ, in 1/φ: it may run to 0, never to ∞
        weight = weight / (weight + self.rate**-2) if self.rate else 0.0
        return (lincomb(weight, anchor, 1 - weight, Tu), anchor, weight), trace
