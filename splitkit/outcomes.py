"""How a solve ended, and the errors that say so."""

from __future__ import annotations

import warnings
from enum import StrEnum
from typing import Any, Literal, TypeVar

OnFailure = Literal["raise", "warn", "return"]
Ended = TypeVar("Ended")


class Status(StrEnum):
    """How a solve ended."""

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration_limit"
    TIME_LIMIT = "time_limit"
    PRECISION = "precision"
    NONFINITE = "nonfinite"
    CONTRADICTED = "contradicted"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class NoGuaranteeError(ValueError):
    """No theorem says that the method converges for these operators; the message names what
    property is missing and what to do.
    """


class NotConvergedError(RuntimeError):
    """The solve ended without meeting its tolerance.

    Attributes
    ----------
    solution : Solution, or ProgramSolution
        Where it ended, with its status.
    """

    def __init__(self, solution: Any) -> None:
        super().__init__(solution.message)
        self.solution = solution

    def __reduce__(self) -> tuple[type[NotConvergedError], tuple[Any]]:
        return type(self), (self.solution,)


class NotConvergedWarning(UserWarning):
    """The same, where ``on_failure="warn"``."""


def fail(solution: Ended, on_failure: OnFailure) -> Ended:
    """Raise, warn or return, as asked."""
    if on_failure == "raise":
        raise NotConvergedError(solution)
    if on_failure == "warn":
        message: str = solution.message  # type: ignore[attr-defined]
        warnings.warn(message, NotConvergedWarning, stacklevel=4)
    return solution
