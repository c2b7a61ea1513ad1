"""What the methods for a monotone, Lipschitz F and a maximal monotone G share: 0 < α < c/L."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from splitkit.backend import is_array
from splitkit.operators.base import Operator
from splitkit.solvers.method import Guarantee, Role
from splitkit.solvers.splitting import Splitting


@dataclass(frozen=True, kw_only=True)
class LipschitzSplitting(Splitting):
    """A method that converges for F monotone and L-Lipschitz and 0 < α < ``longest``/L.

    Attributes
    ----------
    longest : float
        The bound of αL, not attained.
    preferred : float
        αL where no step size is given.
    """

    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    longest: ClassVar[float]
    preferred: ClassVar[float]

    def default_alpha(self, *operators: Operator) -> float:
        L = operators[0].lipschitz
        if L is None:
            return math.nan
        return self.preferred / L if L else 1.0

    def theorem(self, *operators: Operator) -> Guarantee:
        F, G = operators
        L = F.lipschitz
        if L is None or not F.properties.monotone:
            return self.refused(
                f"F = {F!r} is not known to be monotone and Lipschitz (lipschitz = {L}, "
                f"strong_monotonicity = {F.strong_monotonicity}): declare both, use a method that "
                "needs no constant (the golden ratio), or one that takes the resolvent of F"
            )
        if not G.properties.maximal:
            return self.refused(f"G = {G!r} is not known to be maximal monotone")
        if is_array(self.alpha) or not self.alpha * L < self.longest:
            return self.refused(
                f"alpha = {self.alpha} is too long: F = {F!r} is {L:.4g}-Lipschitz, so alpha must "
                f"be a number below {self.longest:.4g}/L = {self.longest / max(L, 1e-300):.4g}"
            )
        reason = f"F is monotone and {L:.4g}-Lipschitz, {self.at_step()} < {self.longest:.4g}/L"
        return Guarantee(True, None, reason, self.sequence)
