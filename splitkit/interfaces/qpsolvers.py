"""Quadratic programs as qpsolvers states them:

    minimize ½⟨x, Px⟩ + ⟨q, x⟩  subject to  Gx ≤ h, Ax = b, lb ≤ x ≤ ub.

``solve_qp`` needs no other package; ``solve_problem`` takes and returns those of qpsolvers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from splitkit.outcomes import Status
from splitkit.problems import QP, ProgramSolution

if TYPE_CHECKING:
    import qpsolvers

OPTIONS = "tol", "max_iter", "time_limit", "callback", "progress", "on_failure"


def solve_qp(
    P: Any,
    q: Any,
    G: Any = None,
    h: Any = None,
    A: Any = None,
    b: Any = None,
    lb: Any = None,
    ub: Any = None,
    initvals: Any = None,
    **options: Any,
) -> Any:
    """x, or None if there is no solution, or none was found.

    Parameters
    ----------
    P, G, A : array or SciPy sparse array
    q, h, b, lb, ub : array
    initvals : array, optional
        Where to start.
    **options
        Of ``QP.solve``: tol, max_iter, time_limit, ….
    """
    solution = _solved(P, q, G, h, A, b, lb, ub, initvals, options)
    return solution.x if _is_solved(solution) else None


def solve_problem(
    problem: qpsolvers.Problem, initvals: Any = None, **options: Any
) -> qpsolvers.Solution:
    """The ``qpsolvers.Solution`` of a ``qpsolvers.Problem``, with its multipliers."""
    import qpsolvers  # optional

    parts = problem.P, problem.q, problem.G, problem.h, problem.A, problem.b, problem.lb, problem.ub
    found = _solved(*parts, initvals, options)
    rows = 0 if problem.G is None else np.shape(problem.G)[0]
    result = qpsolvers.Solution(problem)
    result.found = _is_solved(found)
    if result.found:
        result.x, result.obj = found.x, found.objective
    result.z, result.y = found.y[:rows], found.y[rows:]
    nothing = np.zeros(0)
    result.z_box = nothing if found.bound_multipliers is None else found.bound_multipliers
    result.extras = {"solution": found}
    return result


def _solved(
    P: Any,
    q: Any,
    G: Any,
    h: Any,
    A: Any,
    b: Any,
    lb: Any,
    ub: Any,
    initvals: Any,
    options: dict[str, Any],
) -> ProgramSolution:
    for name, matrix, side, value in (("G", G, "h", h), ("A", A, "b", b)):
        if (matrix is None) != (value is None):
            raise ValueError(f"{name} and {side} belong together: give both or neither")
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise TypeError(f"{unknown[0]} is no option: give some of {', '.join(OPTIONS)}")
    q = np.asarray(q, dtype=float)
    blocks = [each for each in (G, A) if each is not None]
    rows: dict[str, Any] = {}
    if blocks:
        sparse = any(map(scipy.sparse.issparse, blocks))
        stack = scipy.sparse.vstack if sparse else np.vstack
        matrix = stack([each if sparse else np.asarray(each, dtype=float) for each in blocks])
        upper = [np.ravel(np.asarray(v, dtype=float)) for v in (h, b) if v is not None]
        lower = [np.full(np.size(h), -np.inf)] if h is not None else []
        lower += upper[-1:] if b is not None else []
        rows = {
            "A": scipy.sparse.csc_array(matrix) if sparse else matrix,
            "l": np.concatenate(lower),
            "u": np.concatenate(upper),
        }
    if lb is not None or ub is not None:
        ends = (-np.inf if lb is None else lb, np.inf if ub is None else ub)
        rows["bounds"] = tuple(np.broadcast_to(np.asarray(e, dtype=float), q.shape) for e in ends)
    P = scipy.sparse.csc_array(P) if scipy.sparse.issparse(P) else np.asarray(P, dtype=float)
    start = None if initvals is None else np.asarray(initvals, dtype=float)
    return QP(P, q, **rows).solve(start, **{"on_failure": "return", **options})


def _is_solved(solution: ProgramSolution) -> bool:
    return solution.converged or (solution.status is Status.PRECISION and solution.is_near)
