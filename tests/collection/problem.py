"""A problem of the collection: built for any library and dtype, and what another solver found.

Everything that measures an answer is plain NumPy in float64; nothing of splitkit enters it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import splitkit as sk

Asarray = Callable[[Any], Any]
Arrays = Any  # an array, or a tuple of them


@dataclass(frozen=True)
class Reference:
    """What an independent solver found.

    Attributes
    ----------
    value : float
        The optimal value; 0 where ``Problem.value`` is a residual.
    x : array, tuple of arrays, or None
        The solution where it is unique.
    """

    value: float
    x: Arrays | None = None


@dataclass(frozen=True, eq=False)
class Problem:
    """A problem with its answer.

    Attributes
    ----------
    name : str
    inclusion : callable
        asarray ↦ the inclusion, its data made arrays by ``asarray``.
    x0 : array or tuple of arrays
    value : callable
        x ↦ the objective, or the residual of what has none.
    reference : callable
        () ↦ the answer of an independent solver; None: there is no solution, and ``solve`` has to
        find that out.
    violation : callable
        x ↦ how far x is from satisfying the constraints, relative to their size.
    tol, single_tol : float
        What ``solve`` is asked for in float64 and in float32: less than the accuracy by the
        problem's condition.
    """

    name: str
    inclusion: Callable[[Asarray], sk.Operator]
    x0: Arrays
    value: Callable[[Arrays], float]
    reference: Callable[[], Reference] | None
    violation: Callable[[Arrays], float] = lambda x: 0.0
    tol: float = 1e-9
    single_tol: float = 1e-5

    def errors(self, x: Arrays, reference: Reference) -> dict[str, float]:
        """Relative errors of the value and of x where it is unique, and the violation."""
        found = {
            "value": abs(self.value(x) - reference.value) / (abs(reference.value) or 1.0),
            "violation": self.violation(x),
        }
        if reference.x is not None:
            exact = flat(reference.x)
            found["x"] = float(np.linalg.norm(flat(x) - exact) / (np.linalg.norm(exact) or 1.0))
        return {name: float(error) for name, error in found.items()}


def minimized(*functions: sk.functions.Function) -> sk.Operator:
    """∂f₁ + … + ∂fₙ."""
    total = functions[0]
    for f in functions[1:]:
        total = total + f
    return sk.Subdifferential(total)


def flat(x: Arrays) -> np.ndarray:
    """All entries in one vector."""
    blocks = x if isinstance(x, tuple) else (x,)
    return np.concatenate([np.ravel(np.asarray(block, dtype=float)) for block in blocks])


def outside(x: np.ndarray, lower: Any, upper: Any) -> float:
    """How far x is from lower ≤ x ≤ upper, relative to x."""
    return float(np.linalg.norm(x - np.clip(x, lower, upper)) / max(1.0, np.linalg.norm(x)))


def unequal(left: Any, right: Any) -> float:
    """‖left − right‖, relative to the right-hand side."""
    right = np.asarray(right, dtype=float)
    return float(np.linalg.norm(left - right) / max(1.0, np.linalg.norm(right)))
