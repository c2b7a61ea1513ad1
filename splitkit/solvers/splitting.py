"""Methods with a step size, and those of them that are one map.

A ``MapSplitting`` is an operator expression T. Its guarantee is read off the expression: a
Lipschitz constant below 1 gives a linear rate (Banach), an averagedness below 1 convergence to a
fixed point if there is one (Krasnosel'skiĭ-Mann).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar, Self

from scipy.optimize import minimize_scalar

from splitkit.backend import Scalar, Space, is_array, namespace
from splitkit.operators.base import Operator, check_alpha
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

    alpha: Scalar = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha is not None:
            object.__setattr__(self, "alpha", check_alpha(self.alpha))

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
        if is_array(self.alpha) and tuple(self.alpha.shape) != space.batch_shape:
            raise ValueError(
                f"alpha has shape {tuple(self.alpha.shape)}: give a number, or one step for each "
                f"element of the batch, shape {space.batch_shape}"
            )

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


def check_relaxation(relaxation: float, greatest: float = 2.0) -> None:
    """Raise unless relaxation is a number with 0 < relaxation < greatest."""
    check_number(relaxation, "relaxation", f"a number in (0, {greatest:g})")
    if not 0 < relaxation < greatest:
        raise ValueError(f"relaxation = {relaxation}: give a number in (0, {greatest:g})")


def check_step(step: float, name: str) -> float:
    """A step size that is one for all of the batch, as a Python float; raise unless it is positive
    and finite.
    """
    check_number(step, name, "a positive number")
    if not 0 < step < math.inf:
        raise ValueError(f"{name} = {step}: the step size must be positive and finite")
    return float(step)


def check_number(value: object, name: str, wanted: str) -> None:
    """Raise TypeError unless the option is a number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} = {value!r}: give {wanted}")


def check_flag(value: object, name: str) -> None:
    """Raise TypeError unless the option is True, False or None."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{name} = {value!r}: give True, False or None")
