"""The proximal point algorithm for 0 ∈ A(x):  u⁺ = (1 − λ)u + λ R_{αA} u,  x = R_{αA} u.

Converges for A maximal monotone, α > 0 and 0 < λ < 2; linearly, with factor |1 − λ| + λ/(1 + αm),
for A m-strongly monotone. r = (u − x)/α ∈ A(x).

Source: Rockafellar (1976); Bauschke, Combettes (2017), Thm. 23.41.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Point, Scalar, lincomb, scale
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.iteration import Reading
from splitkit.solvers.splitting import MapSplitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class ProximalPoint(MapSplitting):
    """u⁺ = (1 − λ)u + λ R_{αA} u; see the module's docstring for its theorem.

    Parameters
    ----------
    relaxation : float
        λ in (0, 2), default 1.
    """

    relaxation: float = option(1.0, check_number, within=Range(0.0, 2.0))

    averaged: ClassVar[bool] = True
    label: ClassVar[str] = "proximal point"
    roles: ClassVar[tuple[Role, ...]] = (Role.RESOLVED,)
    cost: ClassVar[int] = 1
    sequence: ClassVar[str] = "x = R_{αA}u"

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        (A,) = terms
        return (1 - self.relaxation) * Identity() + self.relaxation * A.resolvent(alpha)

    def default_alpha(self, *terms: Term) -> float:
        # the longer, the fewer iterations; but I + αA is solved with an error that grows as αL
        (A,) = terms
        return 100 / A.lipschitz if A.lipschitz else math.nan

    def refusal(self, *terms: Term) -> str:
        return f"A = {terms[0]!r} is not known to be monotone: declare it, if that is true"

    def reader(self, *terms: Term) -> Any:
        alpha, relaxation = self.alpha, self.relaxation

        def read(u: Point, u_next: Point, *_: Point) -> Reading:
            x = lincomb(1 - 1 / relaxation, u, 1 / relaxation, u_next)
            element = scale(1 / alpha, lincomb(1.0, u, -1.0, x))
            return Reading(x, (element,), lambda: (scale(1 / alpha, x),))

        return read
