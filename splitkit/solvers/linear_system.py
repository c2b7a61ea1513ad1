"""Terms that are one system of linear equations together: the resolvent of their sum is its
solution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from splitkit.arguments import POSITIVE, check_number
from splitkit.backend import Scalar, is_array, scale
from splitkit.linear.affine import Affine
from splitkit.linear.base import LinearOperator
from splitkit.linear.fusing import adds_up
from splitkit.linear.identity import ScaledIdentity
from splitkit.linear.recognized import as_affine
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.pullback import in_metric
from splitkit.operators.solvable import Solvable
from splitkit.operators.sum import Sum

SET_UP = 2.0  # times the work of a factorization that the rows of a set take, too


class LinearSystem(Sum):
    """A₁ + … + Aₙ of operators x ↦ Mx − q, and of at most one that is solved with together with any
    matrix, such as the normal cone of {Ax = b}.

    R_{αA} solves (1/α)x + Ax ∋ (1/α)y: the Karush-Kuhn-Tucker system of a quadratic function under
    equations, or the equation of a sum of affine operators.

    Source: Boyd, Vandenberghe, *Convex Optimization* (2004), §10.1.1.
    """

    def __init__(self, terms: Sequence[Operator], eps: float) -> None:
        super().__init__(tuple(terms))
        self.eps = eps

    @cached_property
    def _affine(self) -> list[Affine]:
        return [F for A in self.terms if (F := as_affine(A)) is not None]

    @property
    def has_resolvent(self) -> bool:
        return self._is_one

    @cached_property
    def _is_one(self) -> bool:
        """Whether it is one system, which is factored: told by the kinds of maps, if it can be."""
        maps = [F.M for F in self._affine]
        rest = [A for A in self.terms if as_affine(A) is None]
        if not maps or not all(M.properties.monotone for M in maps):
            return False
        if rest:
            return len(rest) == 1 and rest[0].solves_with_matrices and adds_up(maps)
        found = self._solvable(1.0)
        return found is not None and not found.iterative

    def solvable_with(self, H: LinearOperator) -> Solvable | None:
        whole = as_affine(self)
        return self._solvable_apart(H) if whole is None else whole.solvable_with(H)

    def _solvable(self, alpha: float) -> Solvable | None:
        return self.solvable_with(ScaledIdentity(1 / alpha))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if is_array(alpha):
            raise TypeError(
                f"alpha is an array: {self!r} is solved for one step size; give a number"
            )
        found = self._solvable(check_number("alpha", alpha, POSITIVE))
        if found is None:
            return super().make_resolvent(alpha)
        solve = found.make()
        return lambda y: solve(scale(1 / alpha, y))

    @property
    def resolved_by(self) -> str | None:
        found = self._solvable(self.long_step)
        return None if found is None else found.how

    @property
    def resolvent_effort(self) -> tuple[float, float]:
        once, each = zip(*(F.resolvent_effort for F in self._affine), strict=True)
        return SET_UP * max(once), max(each)

    @property
    def long_step(self) -> float:
        """1/(√ε L), beside which I is small, and no rounding, L that of the affine terms."""
        L = sum(F.M.norm for F in self._affine)
        return 1 / (self.eps**0.5 * L) if 0 < L < math.inf else 1.0

    def in_metric(self, S: Any) -> Operator:
        return LinearSystem([in_metric(A, S) for A in self.terms], self.eps)
