"""Douglas-Rachford splitting for 0 ∈ F(x) + G(x):

    u⁺ = (1 − λ/2)u + (λ/2) C_{αF} C_{αG} u = u + λ(x_F − x_G),   x = x_G = R_{αG} u.

Converges for any maximal monotone F, G with a solution, α > 0 and relaxation 0 < λ < 2 (the map is
λ/2-averaged); linearly with factor |1 − λ/2| + (λ/2)ℓ if C_{αF}C_{αG} is ℓ-Lipschitz, ℓ < 1, and
where one of them is strongly monotone, the other cocoercive or Lipschitz, with the factors of
``douglas_rachford_rates.py``.

Source: Lions, Mercier (1979); Eckstein, Bertsekas (1992); Bauschke, Combettes (2017), Thm. 26.11.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Scalar, is_array
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.douglas_rachford_rates import best_split_step, split_rate
from splitkit.solvers.methods.reflected import ReflectedSplitting
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.terms import Term


@dataclass(frozen=True, kw_only=True)
class DouglasRachford(ReflectedSplitting):
    """u⁺ = (1 − λ/2)u + (λ/2) C_{αF} C_{αG} u; see the module's docstring for its theorem.

    Parameters
    ----------
    relaxation : float
        λ in (0, 2), default 1.
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "Douglas-Rachford"

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        F, G = terms
        half = self.relaxation / 2
        return (1 - half) * Identity() + half * (F.cayley(alpha) @ G.cayley(alpha))

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
