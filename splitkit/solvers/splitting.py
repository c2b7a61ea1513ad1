"""Methods with a step size, and those of them that are one map.

A ``MapSplitting`` is an operator expression T. Its guarantee is read off the expression: a
Lipschitz constant below 1 gives a linear rate (Banach), an averagedness below 1 convergence to a
fixed point if there is one (Krasnosel'skiĭ-Mann).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from scipy.optimize import minimize_scalar

from splitkit.arguments import POSITIVE, check_parameter, check_samplewise, option
from splitkit.backend import Scalar, Space, is_array, namespace
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import MapIteration
from splitkit.solvers.method import Guarantee, Method

CERTAINLY_BELOW_1 = 1 - 1e-12  # a factor nearer to 1 may be one of 1 that was rounded
UNKNOWN = 10.0  # stands for an infinite rate: the search interpolates between finite ones


@dataclass(frozen=True, kw_only=True)
class Splitting(Method):
    """Base of the methods with a step size α.

    Parameters
    ----------
    alpha : float, array of batch shape, or None
        Step size > 0; None: chosen from the operators' constants.
    check : bool
        False: run without a guarantee.
    """

    alpha: Scalar = option(None, check_parameter, within=POSITIVE)

    def default_alpha(self, *operators: Operator) -> float:
        """The step size where no linear rate depends on it; NaN where none is known."""
        raise NotImplementedError

    def with_alpha(self, alpha: Scalar) -> Self:
        """The same method with this step size."""
        return replace(self, alpha=alpha)

    def chosen(self, *operators: Operator) -> Self:
        """The same method with its step size chosen: the one of least guaranteed rate."""
        if self.alpha is not None or self.missing(*operators) is not None:
            return self
        alpha = self.default_alpha(*operators)
        if not 0 < alpha < math.inf:
            return self.with_alpha(1.0)
        centre = math.log(alpha)

        def rate(log_alpha: float) -> float:
            factor = self.rate_at(math.exp(log_alpha), *operators)
            return UNKNOWN if factor is None else min(factor, UNKNOWN)

        found = minimize_scalar(
            rate, bounds=(centre - 7, centre + 7), method="bounded", options={"xatol": 1e-3}
        )
        if found.fun < min(1.0, rate(centre)) * (1 - 1e-12):
            alpha = math.exp(float(found.x))
        return self.with_alpha(alpha)

    def rate_at(self, alpha: float, *operators: Operator) -> float | None:
        """The guaranteed contraction factor at one step size."""
        guarantee = self.with_alpha(alpha).theorem(*operators)
        return guarantee.rate if guarantee.holds else None

    def check_space(self, space: Space) -> None:
        check_samplewise("alpha", self.alpha, space)

    @property
    def longest_alpha(self) -> float:
        """The step size, of a batch's the longest."""
        if is_array(self.alpha):
            return float(namespace(self.alpha).max(self.alpha))
        return float(self.alpha)

    def at_step(self) -> str:
        """The step size, for a sentence."""
        return "this alpha" if is_array(self.alpha) else f"alpha = {self.alpha:.4g}"


@dataclass(frozen=True, kw_only=True)
class MapSplitting(Splitting):
    """A method that is one operator expression T; a subclass gives ``expression``, ``reader``."""

    sequence: ClassVar[str]

    def expression(self, *operators: Operator, alpha: Scalar) -> Operator:
        """T, as an expression in the operators."""
        raise NotImplementedError

    def reader(self, *operators: Operator) -> Any:
        """The map (u, Tu, *factors) ↦ Reading, for the factors that T's trace returns."""
        raise NotImplementedError

    def refusal(self, *operators: Operator) -> str:
        """Which property is missing, and the remedy."""
        raise NotImplementedError

    def iteration(self, *operators: Operator) -> MapIteration:
        T = self.expression(*operators, alpha=self.alpha)
        return MapIteration(T, self.reader(*operators))

    def rate_at(self, alpha: float, *operators: Operator) -> float | None:
        return self.expression(*operators, alpha=alpha).lipschitz

    def theorem(self, *operators: Operator) -> Guarantee:
        T = self.expression(*operators, alpha=self.alpha)
        if T.lipschitz is not None and T.lipschitz < CERTAINLY_BELOW_1:
            reason = f"T is a contraction of factor {T.lipschitz:.6g} at {self.at_step()} (Banach)"
            return Guarantee(True, T.lipschitz, reason, self.sequence)
        if T.averagedness is not None:
            reason = f"T is {T.averagedness:.4g}-averaged at {self.at_step()} (Krasnosel'skiĭ-Mann)"
            return Guarantee(True, None, reason, self.sequence)
        return Guarantee(False, None, self.refusal(*operators), self.sequence)
