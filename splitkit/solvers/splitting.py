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
from splitkit.backend import Point, Scalar, Space, is_array, namespace
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Iteration, MapIteration
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.scale import ANY, Arbitrary, measured_step
from splitkit.solvers.terms import Term

CERTAINLY_BELOW_1 = 1 - 1e-12  # a factor nearer to 1 may be one of 1 that was rounded
KNOWN_TO = 1e-5  # relative accuracy of norms of large matrices, which are bounds that hold
UNKNOWN = 10.0  # stands for an infinite rate: the search interpolates between finite ones


@dataclass(frozen=True, kw_only=True)
class Splitting(Method):
    """Base of the methods with a step size α.

    Parameters
    ----------
    alpha : float, array of batch shape, or None
        Step size > 0, in units of x by units of Ax; None: chosen from the operators' constants, and
        measured on the data where these leave it open.

    Examples
    --------
    >>> method = sk.DouglasRachford()
    >>> print(method.alpha, method.with_alpha(0.5).alpha)
    None 0.5
    """

    alpha: Scalar = option(None, check_parameter, within=POSITIVE)

    def default_alpha(self, *terms: Term) -> float:
        """The step size where no linear rate depends on it; NaN or ∞ where any, or none, suits."""
        raise NotImplementedError

    def with_alpha(self, alpha: Scalar) -> Self:
        """The same method with this step size."""
        return replace(self, alpha=alpha)

    def choosing(self, *terms: Term) -> Self:
        """The same method with its step size chosen."""
        if self.alpha is not None:
            return self
        alpha = self.default_alpha(*terms)
        return self._with(alpha=alpha if 0 < alpha < math.inf else ANY)

    def at_most(self, longest: float) -> Self:
        """The same method; a step that exceeds the longest one by less than norms are known to, as
        one does that was computed from a norm without the margin of a bound, is shortened to it.
        """
        return self._with(alpha=longest) if self.check and exceeds(self.alpha, longest) else self

    def scaled(self, terms: tuple[Term, ...], x0: Point, space: Space) -> Self:
        if not isinstance(self.alpha, Arbitrary):
            return self

        def at(alpha: float) -> Iteration:
            return self._with(alpha=alpha).iteration(*terms)

        return self._with(alpha=measured_step(terms, x0, space, at))

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
        if isinstance(self.alpha, Arbitrary):
            return "any alpha (solve measures one)"
        return "this alpha" if is_array(self.alpha) else f"alpha = {self.alpha:.4g}"


def exceeds(step: Any, longest: float) -> bool:
    """Whether a step is longer than it may be, by less than norms are known to."""
    return isinstance(step, (int, float)) and (
        longest * (1 + 1e-12) < step <= longest * (1 + KNOWN_TO)
    )


@dataclass(frozen=True, kw_only=True)
class MapSplitting(Splitting):
    """A method that is one operator expression T; a subclass gives ``expression``, ``reader``."""

    sequence: ClassVar[str]

    def expression(self, *terms: Term, alpha: Scalar) -> Operator:
        """T, as an expression in the operators."""
        raise NotImplementedError

    def reader(self, *terms: Term) -> Any:
        """The map (u, Tu, *factors) ↦ Reading, for the factors that T's trace returns."""
        raise NotImplementedError

    def refusal(self, *terms: Term) -> str:
        """Which property is missing, and the remedy."""
        raise NotImplementedError

    def iteration(self, *terms: Term) -> MapIteration:
        T = self.expression(*terms, alpha=self.alpha)
        return MapIteration(T, self.reader(*terms))

    def factor(self, alpha: float, *terms: Term) -> float | None:
        """The contraction factor of T at one step size, or what falls and rises with it, below 1
        where it is; None: unknown.
        """
        return self.expression(*terms, alpha=alpha).lipschitz

    def choosing(self, *terms: Term) -> Self:
        """The same method with its step size chosen: the one of least factor, where there is one
        below 1.
        """
        plain = super().choosing(*terms)
        if plain is self or all(not _may_contract(term) for term in terms):
            return plain
        alpha = self.search(plain.alpha, *terms)
        return plain if alpha is None else self._with(alpha=alpha)

    def search(self, start: float, *terms: Term) -> float | None:
        """The step size of least factor around this one; None: it is no better, or not below 1."""

        def factor(log_alpha: float) -> float:
            found = self.factor(math.exp(log_alpha), *terms)
            return UNKNOWN if found is None else min(found, UNKNOWN)

        centre = math.log(start)
        found = minimize_scalar(
            factor, bounds=(centre - 7, centre + 7), method="bounded", options={"xatol": 1e-3}
        )
        better = found.fun < min(1.0, factor(centre)) * (1 - 1e-12)
        return math.exp(float(found.x)) if better else None

    def averagedness(self, *terms: Term) -> float | None:
        T = self.expression(*terms, alpha=self.alpha)
        nonexpansive = T.lipschitz is not None and T.lipschitz <= 1
        return T.averagedness or (1.0 if nonexpansive else None)

    def theorem(self, *terms: Term) -> Guarantee:
        T = self.expression(*terms, alpha=self.alpha)
        # a factor below 1 where nothing is strongly monotone is one of 1 that was rounded
        contracts = any(map(_may_contract, terms))
        if contracts and T.lipschitz is not None and T.lipschitz < CERTAINLY_BELOW_1:
            reason = f"T is a contraction of factor {T.lipschitz:.6g} at {self.at_step()} (Banach)"
            return Guarantee(True, T.lipschitz, reason, self.sequence)
        if T.averagedness is not None:
            reason = f"T is {T.averagedness:.4g}-averaged at {self.at_step()} (Krasnosel'skiĭ-Mann)"
            return Guarantee(True, None, reason, self.sequence)
        return Guarantee(False, None, self.refusal(*terms), self.sequence)


def _may_contract(term: Term) -> bool:
    """Whether a step may contract because of this term: none does without strong monotonicity."""
    return (term.strong_monotonicity or 0.0) > 0
