"""Halpern's anchoring of a reflected averaged map, restarted from where it got to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from splitkit.arguments import check_flag, option
from splitkit.backend import Array, Point, at_least, chosen, lincomb, subtract
from splitkit.solvers.iteration import Carry, Iteration, Trace
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.accelerators import AcceleratedIteration, Accelerator
from splitkit.solvers.methods.reflected import ReflectedSplitting
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.terms import Term

SUFFICIENT, NECESSARY, ARTIFICIAL = 0.2, 0.8, 0.36  # β₁, β₂, β₃


@dataclass(frozen=True, kw_only=True)
class Restarted(Accelerator):
    """Reflected Halpern anchoring with restarts. For T θ-averaged N = I + (T − I)/θ is
    nonexpansive, and from an anchor a, k = 0, 1, …,

        u⁺ = a/(k + 2) + (k + 1)/(k + 2) · Nu,  ‖u − Nu‖ ≤ 2‖a − u*‖/(k + 1).

    Takes: what the method takes.
    Assumes: T θ-averaged.
    Steps: none; primal-dual ones, ADMM's penalty and Douglas-Rachford's α are balanced.
    Rate: converges; linearly for linear programs, matrix games and other piecewise linear problems.
    Oracles: those of the method.

    No point is farther from a solution than a is. The next anchor is Tu, and k = 0, as soon as

        ‖r‖ ≤ β₁‖r₀‖,  or  ‖r‖ ≤ β₂‖r₀‖ and ‖r‖ grows,  or  k ≥ β₃K,

    r = Tu − u, r₀ at the first step from the anchor, K all iterations. Anchors approach every
    solution, and ‖r‖ → 0 along them: either ‖r₀‖ falls by a factor, or k grows without end. Where
    ‖r‖ grows at least linearly with the distance to the solutions, as for linear programs, matrix
    games and other piecewise linear problems, restarts make the rate linear. Each element of a
    batch has its own.

    ``Solution.history.restarts`` says how many there were at each check.

    Steps of a primal-dual method, and the penalty of ADMM, that are left open are balanced, as they
    are there (``balance``): a few times, each of which is a restart. So is a step α of two
    resolvents that no constant fixes: it follows how far x and the element b of u = x + αb move,
    as at the solution of a nearly degenerate game b almost vanishes. The theorem holds from the
    last one on.

    Source: Lieder (2021) for the rate; Applegate, Hinder, Lu, Lubin, *Faster first-order
    primal-dual methods for linear programming using restarts and sharpness* (2023); Lu, Yang,
    *Restarted Halpern PDHG for linear programming* (2024), for the reflection and the constants.

    Parameters
    ----------
    balance : bool or None
        Whether α of two resolvents is balanced, from its first value on; None: if it is left open,
        and no constant fixes it.

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.Restarted(sk.DouglasRachford())).x
    array([0., 1.])
    """

    balance: bool | None = option(None, check_flag, optional=True)

    name: ClassVar[str] = "restarts"

    def choosing(self, *terms: Term) -> Self:
        own = isinstance(self.method, ReflectedSplitting)  # which is balanced around the restarts
        follows = type(self.method).wrapped is not Method.wrapped and not own
        inner = (self.method if follows else self.method.steady()).choosing(*terms)
        is_open = isinstance(getattr(inner, "alpha", None), Arbitrary)
        balance = is_open if self.balance is None else self.balance
        return replace(self, method=inner, balance=balance)

    def constant(self) -> Self:
        return super().constant()._with(balance=False)

    def theorem(self, *terms: Term) -> Guarantee:
        constant = replace(self, method=self.method.constant())
        return super(Restarted, constant).theorem(*terms)

    def accelerated(self, θ: float, inner: Guarantee) -> Guarantee:
        reason = f"T is {θ:.4g}-averaged ({inner.reason}), and anchors approach its fixed points"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        θ = self.method.constant().averagedness(*terms)

        def around(T: Iteration) -> Iteration:
            return _Restarted(T, 1.0 if θ is None else θ)

        if self.balance and isinstance(self.method, ReflectedSplitting):
            return self.method.balanced(around, *terms)
        return self.method.wrapped(around, *terms)


class _Restarted(AcceleratedIteration):
    """Carry: (u, the anchor, k, ‖r₀‖, the last ‖r‖, the restarts so far), k and the restarts of
    batch shape, and K; numbers of the host, and so its decisions, where NumPy has one problem.
    """

    counts_restarts = True

    def __init__(self, inner: Iteration, θ: float) -> None:
        super().__init__(inner)
        self.θ = θ

    def launched(self, u: Point) -> Carry:
        size = 0.0 * self._length(u)
        return u, u, size, size, size, size, 0

    def taken_over(self, state: Carry, earlier: _Restarted) -> Carry:
        u, _, k, first, last, made, total = state
        u = self.of.taken_over(u, earlier.of)
        return u, u, 0 * k, first, last, made + 1, total

    def restarts(self, state: Carry) -> Array:
        made: Array = state[5]
        return made

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        u, anchor, k, first, last, made, total = state
        Tu, trace = self.of.advance(u)
        size = self._length(subtract(Tu, u))
        first = chosen(k == 0, size, first)
        falls = (size <= SUFFICIENT * first) | ((size <= NECESSARY * first) & (size > last))
        again = ((k > 0) & falls) | (k >= at_least(ARTIFICIAL * total, 1.0))
        if again is True:
            return (Tu, Tu, 0.0, first, size, made + 1, total + 1), trace
        part = 1 / (k + 2)
        Nu = lincomb(1 - 1 / self.θ, u, 1 / self.θ, Tu)
        after = (
            chosen(again, Tu, lincomb(part, anchor, 1 - part, Nu)),
            chosen(again, Tu, anchor),
            chosen(again, 0.0 * k, k + 1),
            first,
            size,
            chosen(again, made + 1, made),
            total + 1,
        )
        return after, trace

    def _length(self, r: Point) -> Array:
        length = self.of.rough_length(r)
        return float(length) if isinstance(length, np.floating) else length
