"""What the methods for a monotone, Lipschitz F and a maximal monotone G share: 0 < α < c/L.

Tseng's and the extragradient step satisfy, with m that of F + G, or of F,

    ‖x⁺ − x*‖² ≤ ‖x − x*‖² − a‖x − y‖² − b‖y − x*‖²,   a = 1 − α²L²,  b = 2αm,

and ‖x − x*‖ ≤ ‖x − y‖ + ‖y − x*‖ makes the last two terms at least ab/(a + b) ‖x − x*‖²: the factor
√(1 − ab/(a + b)), about 1 − αm, where forward-backward has 1 − m²/(2L²).
The two methods that evaluate F once bring a Lyapunov function down by 1/(1 + 2αm) each: their own
pages say which, and prove it.

Source: Tseng (2000), and Facchinei, Pang (2003), §12.1, for the inequality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import is_array
from splitkit.solvers.method import Guarantee
from splitkit.solvers.splitting import CERTAINLY_BELOW_1, Splitting
from splitkit.solvers.terms import Role, Term, not_maximal


@dataclass(frozen=True, kw_only=True)
class LipschitzSplitting(Splitting):
    """A method that converges for F monotone and L-Lipschitz and 0 < α < ``longest``/L.

    Attributes
    ----------
    longest : float
        The bound of αL, not attained.
    preferred : float
        αL where no step size is given.
    falls : str
        What falls by the rate; see ``Guarantee``.
    """

    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    longest: ClassVar[float]
    preferred: ClassVar[float]
    falls: ClassVar[str] = Guarantee.falls

    def default_alpha(self, *terms: Term) -> float:
        L = terms[0].lipschitz
        return self.preferred / L if L else math.nan

    def growth(self, *terms: Term) -> float:
        """m: of F + G, where the method's inequality has both, or of F."""
        return terms[0].strong_monotonicity or 0.0

    def factor(self, αm: float, αL: float) -> float:
        """The rate: √(1 − ab/(a + b))."""
        a, b = 1 - αL * αL, 2 * αm
        return math.sqrt(max(0.0, 1 - a * b / (a + b)))

    def contraction(self, *terms: Term) -> float | None:
        """The rate, if it is below 1 by more than rounding."""
        m = self.growth(*terms)
        if not 0 < m < math.inf:
            return None
        factor = self.factor(self.alpha * m, self.alpha * (terms[0].lipschitz or 0.0))
        return factor if factor < CERTAINLY_BELOW_1 else None

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        L = F.lipschitz
        if L is None or not F.properties.monotone:
            return self.refused(
                f"F = {F!r} is not known to be monotone and Lipschitz (lipschitz = {L}, "
                f"strong_monotonicity = {F.strong_monotonicity}): declare both, use a method that "
                "needs no constant (the golden ratio), or one that takes the resolvent of F"
            )
        missing = not_maximal(G=G)
        if missing is not None:
            return self.refused(missing)
        if is_array(self.alpha) or not self.alpha * L < self.longest:
            return self.refused(
                f"alpha = {self.alpha} is too long: F = {F!r} is {L:.4g}-Lipschitz, so alpha must "
                f"be a number below {self.longest:.4g}/L = {self.longest / max(L, 1e-300):.4g}"
            )
        reason = f"F is monotone and {L:.4g}-Lipschitz, {self.at_step()} < {self.longest:.4g}/L"
        rate = self.contraction(F, G)
        return Guarantee(True, rate, reason, self.sequence, self.falls)
