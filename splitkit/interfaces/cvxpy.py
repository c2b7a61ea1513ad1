"""A solver for CVXPY: ``problem.solve(solver=Splitkit())``, also with a quadratic objective.

CVXPY states a problem as minimize ½⟨x, Px⟩ + ⟨c, x⟩ subject to Ax + s = b, s ∈ K, which is a
``ConicProgram``; its multipliers are those of CVXPY, and so are the certificates of problems
without a solution. With ``warm_start`` a problem whose parameters changed keeps factorizations.
"""

from __future__ import annotations

import time
from typing import Any

import cvxpy.settings as s
import numpy as np
from cvxpy.constraints import SOC, ExpCone, PowCone3D, SvecPSD
from cvxpy.reductions.solution import Solution, failure_solution
from cvxpy.reductions.solvers import utilities
from cvxpy.reductions.solvers.conic_solvers.conic_solver import ConicSolver
from cvxpy.utilities.psd_utils import TriangleKind
from scipy.sparse import csc_array

from splitkit.outcomes import Status
from splitkit.problems import ConicProgram, ProgramSolution

STATUSES = {
    Status.CONVERGED: s.OPTIMAL,
    Status.PRECISION: s.OPTIMAL_INACCURATE,
    Status.INFEASIBLE: s.INFEASIBLE,
    Status.UNBOUNDED: s.UNBOUNDED,
    Status.ITERATION_LIMIT: s.USER_LIMIT,
}
OPTIONS = ("tol", "max_iter")


class Splitkit(ConicSolver):  # type: ignore[misc]
    """Problems of linear, second-order, semidefinite, exponential and power cones.

    ``problem.solve(solver=Splitkit(), tol=1e-9, max_iter=5000)`` takes the options of
    ``ConicProgram.solve``.
    """

    MIP_CAPABLE = False
    SUPPORTED_CONSTRAINTS = (*ConicSolver.SUPPORTED_CONSTRAINTS, SOC, ExpCone, PowCone3D, SvecPSD)
    EXP_CONE_ORDER = (0, 1, 2)
    PSD_TRIANGLE_KIND = TriangleKind.LOWER
    PSD_SQRT2_SCALING = True

    def name(self) -> str:
        """The name that CVXPY shows."""
        return "SPLITKIT"

    def import_solver(self) -> None:
        """Nothing: it is imported."""

    def cite(self, data: Any) -> str:
        """What to cite."""
        return "splitkit: operator splitting as an algebra of operators"

    def supports_quad_obj(self) -> bool:
        """Objectives may be quadratic."""
        return True

    def solve_via_data(
        self,
        data: dict[str, Any],
        warm_start: bool,
        verbose: bool,
        solver_opts: dict[str, Any],
        solver_cache: dict[str, Any] | None = None,
    ) -> tuple[ProgramSolution, float]:
        """The program's solution, and how many seconds it took."""
        options = {name: value for name, value in solver_opts.items() if name != "use_quad_obj"}
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise TypeError(f"{unknown[0]} is no option: give {' or '.join(OPTIONS)}")
        began = time.perf_counter()
        n = len(data[s.C])
        P = csc_array(data[s.P]) if s.P in data else csc_array((n, n))
        A, c, b = csc_array(data[s.A]), np.asarray(data[s.C]), np.asarray(data[s.B])
        dims = data[ConicSolver.DIMS]
        cones = cones_of(dims)
        A, b = without_endless(A, b, slice(dims.zero, dims.zero + dims.nonneg))
        known = None if solver_cache is None else solver_cache.get(self.name())
        program, start = None, None
        if warm_start and known is not None and known[0].cones == cones:
            program, start = known
            try:
                program.update(P=P, c=c, A=A, b=b)
            except ValueError:  # its nonzeros are elsewhere
                program, start = None, None
        if program is None:
            program = ConicProgram(P, c, A, b, cones)
        solution = program.solve(start, on_failure="return", **options)
        if solver_cache is not None:
            solver_cache[self.name()] = program, solution
        if verbose:
            print(solution.message)
        return solution, time.perf_counter() - began

    def invert(self, solution: tuple[ProgramSolution, float], inverse_data: Any) -> Solution:
        """CVXPY's solution, with the multipliers of its constraints, or a certificate's."""
        found, seconds = solution
        status = STATUSES.get(found.status, s.SOLVER_ERROR)
        if found.status is Status.PRECISION and not found.is_near:
            status = s.SOLVER_ERROR
        stats = {s.SOLVE_TIME: seconds, s.NUM_ITERS: found.iterations, s.EXTRA_STATS: found}
        y = found.y if found.certificate is None else found.certificate.y
        duals: dict[int, Any] = {}
        if y is not None:
            first = inverse_data[ConicSolver.DIMS].zero
            for part, of in ((y[:first], self.EQ_CONSTR), (y[first:], self.NEQ_CONSTR)):
                duals |= utilities.get_dual_values(
                    part, utilities.extract_dual_value, inverse_data[of]
                )
        if status not in s.SOLUTION_PRESENT:
            return failure_solution(status, stats, duals)
        value = found.objective + inverse_data[s.OFFSET]
        return Solution(status, value, {inverse_data[self.VAR_ID]: found.x}, duals, stats)


def without_endless(A: Any, b: Any, inequalities: slice) -> tuple[Any, Any]:
    """The rows Ax ≤ b, those whose side is inf as 0 ≤ 1: nothing exceeds it, as of x ≥ −inf."""
    endless = np.zeros(len(b), dtype=bool)
    endless[inequalities] = np.isposinf(b[inequalities])
    if not endless.any():
        return A, b
    values = np.where(endless[A.indices], 0.0, A.data)
    return csc_array((values, A.indices, A.indptr), shape=A.shape), np.where(endless, 1.0, b)


def cones_of(dims: Any) -> tuple[tuple[Any, ...], ...]:
    """The cones of ``ConicProgram``, in CVXPY's order."""
    cones: list[tuple[Any, ...]] = []
    if dims.zero:
        cones.append(("zero", dims.zero))
    if dims.nonneg:
        cones.append(("nonnegative", dims.nonneg))
    cones += [("second-order", rows) for rows in dims.soc]
    cones += [("psd", order) for order in dims.psd]
    if dims.exp:
        cones.append(("exponential", dims.exp))
    cones += [("power", a) for a in dims.p3d]
    return tuple(cones)
