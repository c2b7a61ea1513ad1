"""Douglas-Rachford splitting: the average of two reflections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from splitkit.arguments import Range, check_flag, check_number, option
from splitkit.backend import Scalar, is_array
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.iteration import Iteration
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.methods.douglas_rachford_rates import best_split_step, split_rate
from splitkit.solvers.methods.reflected import ReflectedSplitting
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class DouglasRachford(ReflectedSplitting):
    """Douglas-Rachford splitting for 0 ∈ F(x) + G(x):

        u⁺ = (1 − λ/2)u + (λ/2) C_{αF} C_{αG} u = u + λ(x_F − x_G),   x = x_G = R_{αG} u.

    Takes: F and G by their resolvents.
    Assumes: F and G maximal monotone.
    Steps: α > 0, 0 < λ < 2; left open, the α of the least factor, 1/L, 1/m, or measured, balanced.
    Rate: |1 − λ/2| + (λ/2)ℓ if C_{αF}C_{αG} is ℓ-Lipschitz, ℓ < 1; or by both terms' constants.
    Oracles: 1 R_{αF}, 1 R_{αG}.

    The map is λ/2-averaged. Where one of F, G is strongly monotone, the other cocoercive or
    Lipschitz, its factors are those of ``douglas_rachford_rates.py``. With x_F = R_{αF}(2x_G − u),
    the elements (u − x_G)/α ∈ G(x_G) and (2x_G − u − x_F)/α ∈ F(x_F) give the residual; the one of
    an operator that can be evaluated is taken where the other's is, so that they meet in one point.

    Source: Lions, Mercier (1979); Eckstein, Bertsekas (1992); Bauschke, Combettes (2017), Thm.
    26.11.

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2).
    balance : bool or None
        Whether α follows the movements of x and of u − x, a few times; None: where it is measured.

    Examples
    --------
    >>> F = sk.Subdifferential(sk.functions.L1Norm())
    >>> G = sk.NormalCone(sk.functions.Hyperplane(np.array([1.0, 2.0]), 2.0))
    >>> sk.solve(F + G, np.zeros(2), sk.DouglasRachford()).x
    array([0., 1.])
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))
    balance: bool | None = option(None, check_flag, optional=True)

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "Douglas-Rachford"

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        F, G = terms
        half = self.relaxation / 2
        return (1 - half) * Identity() + half * (F.cayley(alpha) @ G.cayley(alpha))

    def choosing(self, *terms: Term) -> Self:
        found = super().choosing(*terms)
        wanted = isinstance(found.alpha, Arbitrary) if self.balance is None else self.balance
        return found._with(balance=wanted and not is_array(found.alpha))

    def steady(self) -> Self:
        return self if self.balance is not None else self._with(balance=False)

    def constant(self) -> Self:
        return self._with(balance=False)

    def iteration(self, *terms: Term) -> Iteration:  # type: ignore[override]
        return self.wrapped(lambda inner: inner, *terms)

    def wrapped(self, make: Callable[[Iteration], Iteration], *terms: Term) -> Iteration:
        return self.balanced(make, *terms) if self.balance else make(super().iteration(*terms))

    def averagedness(self, *terms: Term) -> float | None:
        return None if self.balance else super().averagedness(*terms)

    def as_proved(self, *terms: Term) -> tuple[Method, tuple[Term, ...]]:
        return self.constant(), terms

    def search(self, start: float, *terms: Term) -> float | None:
        F, G = terms
        found = super().search(start, F, G)
        return found or best_split_step(F, G, start, self.relaxation)

    def theorem(self, *terms: Term) -> Guarantee:
        general = super().theorem(*terms)
        if not general.holds or is_array(self.alpha) or isinstance(self.alpha, Arbitrary):
            return general
        F, G = terms
        rate = split_rate(F, G, self.alpha, self.relaxation)
        if rate is None or (general.rate is not None and general.rate <= rate):
            return general
        reason = (
            f"T is a contraction of factor {rate:.6g} at {self.at_step()} by the constants of both "
            "terms (Ryu, Taylor, Bergeling, Giselsson)"
        )
        return replace(general, rate=rate, reason=reason)

    def refusal(self, *terms: Term) -> str:
        missing = [
            f"{name} = {A!r}"
            for name, A in zip("FG", terms, strict=True)
            if not A.properties.monotone
        ]
        return (
            f"{' and '.join(missing)} not known to be monotone: declare monotone=True (or a "
            "strong_monotonicity that makes the sum one), if that is true"
        )
