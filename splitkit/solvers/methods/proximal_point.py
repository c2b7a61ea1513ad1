"""The proximal point algorithm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from splitkit.arguments import Range, check_number, option
from splitkit.backend import Point, Scalar, lincomb, scale
from splitkit.operators.base import Operator
from splitkit.operators.identity import Identity
from splitkit.solvers.iteration import Reading
from splitkit.solvers.linear_system import LinearSystem
from splitkit.solvers.splitting import MapSplitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class ProximalPoint(MapSplitting):
    """The proximal point algorithm for 0 ∈ A(x):

        u⁺ = (1 − λ)u + λ R_{αA} u,  x = R_{αA} u.

    Takes: A by its resolvent.
    Assumes: A maximal monotone.
    Steps: α > 0, 0 < λ < 2; left open, 100/L, 1/(√ε L) of a system, or measured on the data.
    Rate: |1 − λ| + λ/(1 + αm), if A is m-strongly monotone.
    Oracles: 1 R_{αA}.

    r = (u − x)/α ∈ A(x). Terms that are one system of linear equations together are one A: x ↦ Mx −
    q with others such, and with the normal cone of {Ax = b}.

    Source: Rockafellar (1976); Bauschke, Combettes (2017), Thm. 23.41.

    Parameters
    ----------
    relaxation : float, default 1
        λ in (0, 2).

    Examples
    --------
    >>> A = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.array([2.0, 1.0]))
    >>> sk.solve(A, np.zeros(2), sk.ProximalPoint(alpha=10.0)).x
    array([-1.,  2.])
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
        if isinstance(A.operator, LinearSystem):
            return A.operator.long_step
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
