"""How a solve ended, and the errors that say so."""

from __future__ import annotations

import os
import sys
import warnings
from enum import StrEnum
from typing import Any, Literal, TypeVar

OnFailure = Literal["raise", "warn", "return"]
Ended = TypeVar("Ended")
_PACKAGE = os.path.join(os.path.dirname(__file__), "")


class Status(StrEnum):
    """How a solve ended.

    Attributes
    ----------
    CONVERGED : Status
        The tolerance was met.
    ITERATION_LIMIT, TIME_LIMIT : Status
        It was not, by then.
    PRECISION : Status
        What is left of the residual is rounding.
    NONFINITE : Status
        An operator returned NaN or Inf.
    CONTRADICTED : Status
        An operator is not what it declares.
    INFEASIBLE, UNBOUNDED : Status
        There is no solution, as the certificate proves.
    STOPPED, INTERRUPTED : Status
        By the callback, by Ctrl-C.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> sk.solve(F + G, np.zeros(2)).status is sk.Status.CONVERGED
    True
    """

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

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> try:
    ...     sk.solve(F + G, np.zeros(2), sk.FISTA())
    ... except sk.NoGuaranteeError as error:
    ...     print(str(error)[:44])
    FISTA: F = DenseMatrix(2×2) − q is not known
    """


class NotConvergedError(RuntimeError):
    """The solve ended without meeting its tolerance.

    Attributes
    ----------
    solution : Solution, or ProgramSolution
        Where it ended, with its status.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> try:
    ...     sk.solve(F + G, np.zeros(2), max_iter=1)
    ... except sk.NotConvergedError as error:
    ...     print(error.solution.status)
    iteration_limit
    """

    def __init__(self, solution: Any) -> None:
        super().__init__(solution.message)
        self.solution = solution

    def __reduce__(self) -> tuple[type[NotConvergedError], tuple[Any]]:
        return type(self), (self.solution,)


class NotConvergedWarning(UserWarning):
    """The same, where ``on_failure="warn"``.

    Examples
    --------
    >>> import warnings
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     solution = sk.solve(F + G, np.zeros(2), max_iter=1, on_failure='warn')
    >>> caught[0].category.__name__
    'NotConvergedWarning'
    """


def fail(solution: Ended, on_failure: OnFailure) -> Ended:
    """Raise, warn or return, as asked."""
    if on_failure == "raise":
        raise NotConvergedError(solution)
    if on_failure == "warn":
        message: str = solution.message  # type: ignore[attr-defined]
        warnings.warn(message, NotConvergedWarning, stacklevel=_caller())
    return solution


def _caller() -> int:
    """The stacklevel of the first frame outside of this package, seen from who asks."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
