"""What the one-map methods share: roles, step size, guarantee, and the iteration that runs them.

A method is an operator expression T in F and G. Its guarantee is read off the expression: a
Lipschitz constant below 1 gives a linear rate (Banach), an averagedness below 1 convergence to a
fixed point if there is one (Krasnosel'skiĭ-Mann).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from scipy.optimize import minimize_scalar

from splitkit.backend import Array, Point, Scalar, Space, is_array
from splitkit.operators.base import Operator, check_alpha
from splitkit.solvers.errors import NoGuaranteeError

if TYPE_CHECKING:
    from splitkit.solvers.engine import Inspection


@dataclass(frozen=True)
class Guarantee:
    """What a theorem says of a method on given operators.

    Attributes
    ----------
    holds : bool
        Whether the sequence that the method returns converges to a solution, if there is one.
    rate : float or None
        Contraction factor of an iteration; None: no linear rate.
    reason : str
        The theorem's condition and the numbers that meet it, or what is missing and the remedy.
    sequence : str
        The sequence that converges, as a formula.
    """

    holds: bool
    rate: float | None
    reason: str
    sequence: str


class Reader(Protocol):
    """Reads an approximate solution off a step of T."""

    def __call__(self, u: Point, u_next: Point, trace: tuple[Point, ...]) -> Inspection: ...


@dataclass
class MapIteration:
    """The iteration u ↦ T(u) of an expression T, with how its steps are read."""

    T: Operator
    read: Reader
    error_factor: float | None

    def __post_init__(self) -> None:
        self.step = self.T

    def inspect(self, u: Point) -> tuple[Point, Inspection]:
        """T(u), and the approximate solution that this step yields."""
        u_next, trace = self.T.trace(u)
        return u_next, self.read(u, u_next, trace)

    step: Operator = None  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class Splitting:
    """Base of the methods for 0 ∈ F(x) + G(x).

    Parameters
    ----------
    alpha : float, array of batch shape, or None
        Step size > 0; None: chosen from the properties of F and G.
    check : bool
        False: run without a guarantee.
    """

    alpha: Scalar = None
    check: bool = True

    label: ClassVar[str]

    def __post_init__(self) -> None:
        if self.alpha is not None:
            check_alpha(self.alpha)

    # -- what a method gives --------------------------------------------------------------------

    def expression(self, F: Operator, G: Operator, alpha: Scalar) -> Operator:
        """T, as an expression in F and G."""
        raise NotImplementedError

    def reader(self, F: Operator, G: Operator, space: Space, guarantee: Guarantee) -> Reader:
        """How to read the solution off a step."""
        raise NotImplementedError

    def missing(self, F: Operator, G: Operator) -> str | None:
        """What F or G cannot do that the method needs; None: nothing."""
        raise NotImplementedError

    def default_alpha(self, F: Operator, G: Operator) -> float:
        """The step size where no linear rate depends on it."""
        raise NotImplementedError

    sequence: ClassVar[str]

    # -- what follows -----------------------------------------------------------------------------

    def chosen(self, F: Operator, G: Operator) -> Self:
        """The same method with its step size chosen: the one of least guaranteed rate."""
        if self.alpha is not None or self.missing(F, G) is not None:
            return self

        def rate(log_alpha: float) -> float:
            factor = self.expression(F, G, math.exp(log_alpha)).lipschitz
            return math.inf if factor is None else factor

        alpha = self.default_alpha(F, G)
        centre = math.log(alpha)
        found = minimize_scalar(
            rate, bounds=(centre - 7, centre + 7), method="bounded", options={"xatol": 1e-3}
        )
        if found.fun < min(1.0, rate(centre)) * (1 - 1e-12):
            alpha = math.exp(float(found.x))
        return replace(self, alpha=alpha)

    def guarantee(self, F: Operator, G: Operator) -> Guarantee:
        """What the algebra proves of T, at the chosen step size."""
        missing = self.missing(F, G)
        if missing is not None:
            return Guarantee(False, None, missing, self.sequence)
        if self.alpha is None:
            return self.chosen(F, G).guarantee(F, G)
        return self.theorem(F, G, self.expression(F, G, self.alpha))

    def theorem(self, F: Operator, G: Operator, T: Operator) -> Guarantee:
        """The general theorem; a method overrides it with a sharper one."""
        step = f"alpha = {self.alpha:.4g}" if not is_array(self.alpha) else "this alpha"
        if T.lipschitz is not None and T.lipschitz < 1:
            reason = f"T is a contraction of factor {T.lipschitz:.6g} at {step} (Banach)"
            return Guarantee(True, T.lipschitz, reason, self.sequence)
        if T.averagedness is not None:
            reason = f"T is {T.averagedness:.4g}-averaged at {step} (Krasnosel'skiĭ-Mann)"
            return Guarantee(True, None, reason, self.sequence)
        return Guarantee(False, None, self.refusal(F, G), self.sequence)

    def refusal(self, F: Operator, G: Operator) -> str:
        """Which property is missing, and the remedy."""
        raise NotImplementedError

    def bind(self, F: Operator, G: Operator, space: Space) -> tuple[MapIteration, Guarantee]:
        """The iteration with its resolvents built once; ``alpha`` must be chosen.

        Raises
        ------
        NoGuaranteeError
            No theorem applies, and ``check`` is True.
        """
        guarantee = self.guarantee(F, G)
        if self.missing(F, G) is not None or (self.check and not guarantee.holds):
            raise NoGuaranteeError(f"{self.label}: {guarantee.reason}")
        # without an evaluation r = a + b is taken at two points, and ‖r‖/m bounds nothing
        certain = F.has_evaluation or G.has_evaluation
        m = (F + G).strong_monotonicity if certain else None
        T = self.expression(F, G, self.alpha)
        T.check_space(space)
        return (
            MapIteration(
                T,
                self.reader(F, G, space, guarantee),
                1 / m if m is not None and 0 < m < math.inf else None,
            ),
            guarantee,
        )


def largest(space: Space, *points: Point) -> Array:
    """The largest of the points' norms, of batch shape."""
    result = space.norm(points[0])
    for point in points[1:]:
        result = space.xp.maximum(result, space.norm(point))
    return result
