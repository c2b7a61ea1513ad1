"""cI: x ↦ cx on any space, arrays and tuples of arrays; (I + αcI)⁻¹ = I/(1 + αc)."""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.arguments import check_number
from splitkit.backend import Point, Scalar, scale
from splitkit.linear.base import LinearOperator, require_number
from splitkit.notation import ATOM, PRODUCT, multiple
from splitkit.properties import Properties


class ScaledIdentity(LinearOperator):
    """x ↦ cx.

    Parameters
    ----------
    c : float, default 1
        Finite.
    """

    def __init__(self, c: float = 1.0) -> None:
        self.c = check_number("c", c)
        self.norm = self.least_gain = abs(self.c)
        self.gram = self.c * self.c
        self.binding = ATOM if self.c == 1 else PRODUCT
        self.properties = Properties.of(
            strong_monotonicity=self.c, lipschitz=self.norm, gradient=True, linear=True
        )

    def __call__(self, x: Point) -> Point:
        return scale(self.c, x)

    def adjoint(self, y: Point) -> Point:
        return scale(self.c, y)

    @property
    def T(self) -> LinearOperator:
        return self

    def shifted_inverse(self, alpha: Scalar) -> LinearOperator:
        require_number(alpha, self)
        if 1 + alpha * self.c == 0:
            raise np.linalg.LinAlgError(f"1 + αc = 0 for c = {self.c:g}, alpha = {alpha:g}")
        return ScaledIdentity(1 / (1 + alpha * self.c))

    def reflected_inverse(self, alpha: float) -> LinearOperator:
        return ScaledIdentity((1 - alpha * self.c) / (1 + alpha * self.c))

    def reflected_norm(self, alpha: float) -> float:
        return abs((1 - alpha * self.c) / (1 + alpha * self.c))

    def __repr__(self) -> str:
        return multiple(self.c, "I")

    def latex(self) -> str:
        return multiple(self.c, "I", "latex")

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        blocks = ((2,), (3, 2))
        return [(cls(), (3,), (3,)), (cls(-2.0), (3,), (3,)), (cls(0.5), blocks, blocks)]
