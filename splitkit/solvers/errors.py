"""The errors of ``solve``: no theorem applies, or the iteration did not do what it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitkit.solvers.solution import Solution


class NoGuaranteeError(ValueError):
    """No theorem says that the method converges for these operators; the message names what
    property is missing and what to do.
    """


class NotConvergedError(RuntimeError):
    """The solve ended without meeting its tolerance.

    Attributes
    ----------
    solution : Solution
        Where it ended, with its status and history.
    """

    def __init__(self, solution: Solution) -> None:
        super().__init__(solution.message)
        self.solution = solution

    def __reduce__(self) -> tuple[type[NotConvergedError], tuple[Solution]]:
        return type(self), (self.solution,)


class NotConvergedWarning(UserWarning):
    """The same, where ``on_failure="warn"``."""
