"""Lᵀ A L for a linear map L; closed-form resolvent when LLᵀ = νI:

R_{αLᵀAL}(x) = x + ν⁻¹ Lᵀ(R_{ανA}(Lx) − Lx).        (Bauschke, Combettes 2017, Prop. 23.25)
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from splitkit.backend import Point, Scalar, Space, lincomb, subtract
from splitkit.notation import ATOM, FACTOR, PRODUCT, latex, text
from splitkit.operators.base import Operator, PointMap
from splitkit.properties import Properties


class Pullback(Operator):
    """x ↦ Lᵀ A(Lx); L gives ``L(x)``, ``L.T``, ``L.norm``, ``L.least_gain`` and ``L.gram``."""

    binding = PRODUCT

    def __init__(self, A: Operator, L: Any) -> None:
        self.A, self.L = A, L

    @cached_property
    def properties(self) -> Properties:  # type: ignore[override]
        result = self.A.properties.pulled_back(self.L.least_gain, self.L.norm)
        onto = self.L.gram is not None and self.L.gram > 0
        full_domain = self.A.properties.lipschitz is not None
        return (
            result.as_maximal() if self.A.properties.maximal and (onto or full_domain) else result
        )

    @property
    def has_evaluation(self) -> bool:
        return self.A.has_evaluation

    @property
    def has_resolvent(self) -> bool:
        return self.A.has_resolvent and bool(self.L.gram)

    def __call__(self, x: Point) -> Point:
        return self.L.T(self.A(self.L(x)))

    def make_evaluation(self) -> PointMap:
        A, L, LT = self.A.make_evaluation(), self.L, self.L.T
        return lambda x: LT(A(L(x)))

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        if not self.has_resolvent:
            raise TypeError(
                f"{self!r} has a closed-form resolvent only if A = {self.A!r} has one and LLᵀ = νI "
                "with ν > 0: give the sum to splitkit.solve, whose primal-dual methods take A and "
                "L apart; 0 ∈ B(x) + LᵀA(Lx) is 0 ∈ splitkit.Saddle(B, A.inverse, L) in (x, y); or "
                "take with_accuracy, whose resolvent is iterative"
            )
        L, LT, nu = self.L, self.L.T, self.L.gram
        resolvent = self.A.make_resolvent(alpha * nu)

        def closed_form(y: Point) -> Point:
            Ly = L(y)
            return lincomb(1.0, y, 1 / nu, LT(subtract(resolvent(Ly), Ly)))

        return closed_form

    def with_accuracy(self, accuracy: float | None, *, batch_ndim: int = 0) -> Pullback:
        """The same operator with a resolvent for every L, by iteration to this accuracy where there
        is no closed form; see ``InexactPullback``.
        """
        from splitkit.operators.inexact_pullback import InexactPullback

        if self.L.gram:
            return self
        return InexactPullback(self.A, self.L, accuracy=accuracy, batch_ndim=batch_ndim)

    def check_space(self, space: Space) -> None:
        self.A.check_space(self.L.range_space(space))

    def __repr__(self) -> str:
        return f"{text(self.L, ATOM)}ᵀ {text(self.A, FACTOR)} {text(self.L, FACTOR)}"

    def latex(self) -> str:
        L, A = latex(self.L, FACTOR), latex(self.A, FACTOR)
        return rf"{latex(self.L, ATOM)}^\top \, {A} \, {L}"
