"""What a solve returns: the point, how it ended, and what is certified about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from splitkit.backend import Array, Point


class Status(StrEnum):
    """How a solve ended."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration_limit"
    NONFINITE = "nonfinite"
    STOPPED = "stopped"


@dataclass
class History:
    """What was measured at the checks, oldest first; arrays have the batch's shape.

    Attributes
    ----------
    iteration : list of int
        The iterations at which the solve was checked.
    residual : list of array
        ‖r‖ of the inclusion residual r at the solution's sequence.
    fixed_point_residual : list of array
        ‖Tu − u‖ of the governing sequence.
    """

    iteration: list[int] = field(default_factory=list)
    residual: list[Array] = field(default_factory=list)
    fixed_point_residual: list[Array] = field(default_factory=list)


@dataclass(frozen=True)
class State:
    """What a callback sees after an iteration.

    Attributes
    ----------
    iteration : int
    x : point
        The approximate solution.
    u : point
        The governing sequence, after the step.
    residual : array of batch shape
        ‖r‖, r ∈ (F + G)(x).
    error_bound : array of batch shape, or None
        ‖r‖/m ≥ ‖x − x*‖ if F + G is known to be m-strongly monotone, m > 0, and one of them can
        be evaluated.
    """

    iteration: int
    x: Point
    u: Point
    residual: Array
    error_bound: Array | None


@dataclass(frozen=True)
class Solution:
    """The result of ``splitkit.solve``.

    Attributes
    ----------
    x : point
        The approximate solution: the sequence that ``sequence`` names.
    u : point
        The governing sequence where each batch element ended; start from it to continue.
    converged : bool
        Whether every batch element met the tolerance.
    status : Status
    message : str
        The status in words, with what to do if it is not success.
    iterations : array of batch shape (int), or int without batch
        Iterations until each batch element met the tolerance.
    residual : array of batch shape
        ‖r‖ for an explicit r ∈ (F + G)(x): an upper bound of dist(0, (F + G)(x)). Where neither
        operator can be evaluated, r = a + b with a ∈ F(x_F), b ∈ G(x_G), ‖x_F − x_G‖ = α‖r‖.
    error_bound : array of batch shape, or None
        ‖x − x*‖ ≤ ‖r‖/m, if F + G is m-strongly monotone and one of them can be evaluated; exact
        arithmetic is assumed.
    rate : float or None
        The guaranteed contraction factor of an iteration; None: no linear rate is known.
    method : Splitting
        The method with the step size that was used.
    sequence : str
        Which sequence x is, as a formula.
    history : History
    """

    x: Point
    u: Point
    converged: bool
    status: Status
    message: str
    iterations: Array
    residual: Array
    error_bound: Array
    rate: float | None
    method: object
    sequence: str
    history: History
