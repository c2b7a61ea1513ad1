"""Splittings of n maximal monotone operators by their resolvents, 0 ∈ A₁x + … + Aₙx.

Each is an averaged map of its points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Point, add, lincomb, scale, shapes_of, subtract
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.resolvent_splitting_rates import (
    Scheme,
    malitsky_tam,
    product_space,
    rate_of,
    ryu,
)
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class ResolventSplitting(Splitting):
    """Base of the splittings that take every operator by its resolvent.

    The solution x is the xᵢ of the first term that cannot be evaluated. With aⱼ ∈ Aⱼ(xⱼ) read off
    the resolvents, and aⱼ = Aⱼ x where that can be evaluated, the residual is Σ aⱼ, and (xⱼ − x)/α
    for the others: it vanishes only if these xⱼ meet, in a solution.

    Parameters
    ----------
    relaxation : float, default 0.9
        λ in (0, 1).
    """

    relaxation: float = option(0.9, check_number, within=Range(0.0, 1.0))

    sequence: ClassVar[str] = "xᵢ of the first Aᵢ without an evaluation"

    def default_alpha(self, *terms: Term) -> float:
        known = [A.lipschitz for A in terms if A.lipschitz]
        return 1 / max(known) if known else math.nan

    def theorem(self, *terms: Term) -> Guarantee:
        for A in terms:
            if not A.properties.maximal:
                return self.refused(
                    f"{A!r} is not known to be maximal monotone: declare it, if that is true"
                )
        reason = f"{len(terms)} maximal monotone operators, {self.at_step()}"
        return Guarantee(True, self.rate(*terms), reason, self.sequence)

    def rate(self, *terms: Term) -> float | None:
        """See ``resolvent_splitting_rates.py``."""
        scheme = self.scheme(len(terms))
        if scheme is None or not isinstance(self.alpha, float | int):
            return None
        return rate_of(scheme, terms, self.alpha, self.relaxation)

    def scheme(self, n: int) -> Scheme | None:
        """What the rate of n operators follows from; None: none is known."""
        return None

    def exact_element(self, *terms: Term) -> bool:
        return sum(not A.has_evaluation for A in terms) <= 1


@dataclass(frozen=True, kw_only=True)
class Ryu(ResolventSplitting):
    """Ryu's splitting of three operators with two points, for 0 ∈ A₁x + A₂x + A₃x:

        x₁ = R_{αA₁}z₁,  x₂ = R_{αA₂}(z₂ + x₁),  x₃ = R_{αA₃}(x₁ − z₁ + x₂ − z₂),
        zᵢ⁺ = zᵢ + λ(x₃ − xᵢ).

    Takes: A₁, A₂ and A₃ by their resolvents.
    Assumes: all maximal monotone.
    Steps: α > 0, 0 < λ < 1; left open, α = 1/L of the steepest, or measured on the data.
    Rate: linear, if all but one are Lipschitz and one strongly monotone; else it converges.
    Oracles: 3 R_{αAᵢ}.

    The solution x is the xᵢ of the first term that cannot be evaluated. With aⱼ ∈ Aⱼ(xⱼ) read off
    the resolvents, and aⱼ = Aⱼ x where that can be evaluated, the residual is Σ aⱼ, and (xⱼ − x)/α
    for the others: it vanishes only if these xⱼ meet, in a solution.

    Source: Ryu, *Uniqueness of DRS as the 2 operator resolvent-splitting and impossibility of 3
    operator resolvent-splitting* (2020).

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 1.0, 1.0]), 1.0))
    >>> B = sk.NormalCone(sk.functions.Box(0.0, 0.4))
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.Ryu()).x
    array([0.3, 0.3, 0.4])
    """

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "Ryu"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,) * 3
    cost: ClassVar[int] = 3

    def scheme(self, n: int) -> Scheme:
        return ryu(n, self.relaxation)

    def iteration(self, *terms: Term) -> Iteration:
        return _Ryu(self, terms)


@dataclass(frozen=True, kw_only=True)
class MalitskyTam(ResolventSplitting):
    """Malitsky and Tam's splitting of n ≥ 2 operators with n − 1 points, for 0 ∈ A₁x + … + Aₙx:

        x₁ = R_{αA₁}z₁,  xᵢ = R_{αAᵢ}(zᵢ + xᵢ₋₁ − zᵢ₋₁),  xₙ = R_{αAₙ}(x₁ + xₙ₋₁ − zₙ₋₁),
        zᵢ⁺ = zᵢ + λ(xᵢ₊₁ − xᵢ).

    Takes: all by their resolvents, three or more.
    Assumes: all maximal monotone.
    Steps: α > 0, 0 < λ < 1; left open, α = 1/L of the steepest, or measured on the data.
    Rate: linear, if all but one are Lipschitz and one strongly monotone; else it converges.
    Oracles: n R_{αAᵢ}.

    The solution and the residual are read as in ``Ryu``.

    Source: Malitsky, Tam, *Resolvent splitting for sums of monotone operators with minimal lifting*
    (2023).

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 1.0, 1.0]), 1.0))
    >>> B = sk.NormalCone(sk.functions.Box(0.0, 0.4))
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.MalitskyTam()).x
    array([0.3, 0.3, 0.4])
    """

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "Malitsky-Tam"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,) * 3
    many: ClassVar[bool] = True
    cost: ClassVar[int] = 3

    def scheme(self, n: int) -> Scheme:
        return malitsky_tam(n, self.relaxation)

    def iteration(self, *terms: Term) -> Iteration:
        return _MalitskyTam(self, terms)


@dataclass(frozen=True, kw_only=True)
class ProductSpace(ResolventSplitting):
    """Douglas-Rachford on the diagonal and A₁ × … × Aₙ, with n points, for 0 ∈ A₁x + … + Aₙx:

        x̄ = (z₁ + … + zₙ)/n,  zᵢ⁺ = zᵢ + λ(R_{αAᵢ}(2x̄ − zᵢ) − x̄).

    Takes: all by their resolvents, three or more.
    Assumes: all maximal monotone.
    Steps: α > 0, 0 < λ < 2; left open, α = 1/L of the steepest, or measured on the data.
    Rate: linear, if all but one are Lipschitz and one strongly monotone; else it converges.
    Oracles: n R_{αAᵢ}.

    The resolvents do not wait for one another. The solution and the residual are read as in
    ``Ryu``.

    Source: Spingarn, *Partial inverse of a monotone operator* (1983).

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2).

    Examples
    --------
    >>> A = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 1.0, 1.0]), 1.0))
    >>> B = sk.NormalCone(sk.functions.Box(0.0, 0.4))
    >>> C = sk.Subdifferential(sk.functions.SquaredL2(center=np.array([0.0, 0.0, 1.0])))
    >>> sk.solve(A + B + C, np.zeros(3), sk.ProductSpace()).x
    array([0.3, 0.3, 0.4])
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "product space"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,) * 3
    many: ClassVar[bool] = True
    cost: ClassVar[int] = 3

    def scheme(self, n: int) -> Scheme:
        return product_space(n, self.relaxation)

    def iteration(self, *terms: Term) -> Iteration:
        return _ProductSpace(self, terms)


class _Resolvents(Iteration):
    """n resolvents of one step size, applied in turn to arguments that are recorded."""

    def __init__(self, method: ResolventSplitting, terms: tuple[Term, ...]) -> None:
        self.alpha, self.relaxation = method.alpha, method.relaxation
        self.R = [A.resolve(self.alpha) for A in terms]
        self.evaluated = [A.evaluate for A in terms if A.has_evaluation]
        self.others = [i for i, A in enumerate(terms) if not A.has_evaluation]

    def continued(self, state: Carry, earlier: Carry) -> Carry:
        return earlier if shapes_of(earlier) == shapes_of(state) else state

    def elements(
        self, arguments: tuple[Point, ...], values: tuple[Point, ...]
    ) -> tuple[Point, ...]:
        """aᵢ = (yᵢ − xᵢ)/α ∈ Aᵢ(xᵢ)."""
        return tuple(
            scale(1 / self.alpha, subtract(y, x)) for y, x in zip(arguments, values, strict=True)
        )

    def read(self, trace: Trace) -> Reading:
        arguments, values = trace
        return self.judged(self.elements(arguments, values), values)

    def judged(self, elements: tuple[Point, ...], values: tuple[Point, ...]) -> Reading:
        """The residual, see the module's docstring; of elements at these values."""
        first, *further = self.others or [0]
        x, α = values[first], self.alpha
        found = [elements[i] for i in self.others] + [A(x) for A in self.evaluated]
        size = scale(1 / α, x)
        if not further:
            return Reading(x, tuple(found), lambda: (size,))
        beside = (size,) * len(further)
        apart = tuple(scale(1 / α, subtract(values[i], x)) for i in further)
        r, sizes = (reduce(add, found), *apart), tuple((a, *beside) for a in found)
        return Reading(x, (r,), lambda: ((size, *beside),), sizes)


class _Ryu(_Resolvents):
    def init(self, x0: Point) -> Carry:
        return x0, scale(0.0, x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        (z1, z2), (R1, R2, R3) = state, self.R
        x1 = R1(z1)
        y2 = add(z2, x1)
        x2 = R2(y2)
        y3 = add(subtract(x1, z1), subtract(x2, z2))
        x3 = R3(y3)
        λ = self.relaxation
        after = lincomb(1.0, z1, λ, subtract(x3, x1)), lincomb(1.0, z2, λ, subtract(x3, x2))
        return after, ((z1, y2, y3), (x1, x2, x3))


class _MalitskyTam(_Resolvents):
    def init(self, x0: Point) -> Carry:
        return (x0,) * (len(self.R) - 1)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        z = state
        arguments, values = [z[0]], [self.R[0](z[0])]
        for i, R in enumerate(self.R[1:], start=1):
            base = z[i] if i < len(z) else values[0]
            arguments.append(add(base, subtract(values[-1], z[i - 1])))
            values.append(R(arguments[-1]))
        after = tuple(
            lincomb(1.0, z[i], self.relaxation, subtract(values[i + 1], values[i]))
            for i in range(len(z))
        )
        return after, (tuple(arguments), tuple(values))


class _ProductSpace(_Resolvents):
    def init(self, x0: Point) -> Carry:
        return (x0,) * len(self.R)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        mean = scale(1 / len(state), reduce(add, state))
        arguments = tuple(lincomb(2.0, mean, -1.0, z) for z in state)
        values = tuple(R(y) for R, y in zip(self.R, arguments, strict=True))
        after = tuple(
            lincomb(1.0, z, self.relaxation, subtract(x, mean))
            for z, x in zip(state, values, strict=True)
        )
        return after, (arguments, values)
