"""What quadratic, linear and conic programs share: they solve themselves, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from splitkit.arguments import Range, check_choice, check_flag, check_integer, check_number
from splitkit.backend import (
    Array,
    Point,
    Space,
    from_numpy,
    is_array,
    namespace,
    to_numpy,
)
from splitkit.linear import LinearOperator
from splitkit.linear.wrapped import wrap
from splitkit.operators.base import Operator
from splitkit.operators.sum import Sum
from splitkit.outcomes import OnFailure, Status, fail
from splitkit.problems.natural import is_natural_solution, relative_residual
from splitkit.problems.programs.data import Data
from splitkit.problems.programs.measures import Measures
from splitkit.problems.programs.multipliers import Limits, Multipliers, Outcome
from splitkit.problems.programs.rows import Vector
from splitkit.problems.programs.solution import (
    ProgramCertificate,
    ProgramHistory,
    ProgramSolution,
    ProgramState,
)
from splitkit.progress import Progress

TOLERANCE = 1e-8
Callback = Callable[[ProgramState], object]


class Program(Sum):
    """minimize ½⟨x, Px⟩ + ⟨q, x⟩ subject to constraints of rows, the KKT operator on (x, y)."""

    _method: Multipliers | None = None
    _like: Array

    # -- what a program gives ---------------------------------------------------------------------

    def _arrange(self) -> None:
        """``_take`` the sum of operators that its numbers make."""
        raise NotImplementedError

    def _data(self) -> Data:
        """Its numbers."""
        raise NotImplementedError

    def _inward(self, x: Vector, y: Vector | None, bounds: Vector | None) -> tuple[Vector, Vector]:
        """x with multipliers of all rows of the data."""
        raise NotImplementedError

    def _outward(self, y: Vector) -> tuple[Vector, Vector | None]:
        """Multipliers of the program's rows, and of its bounds."""
        raise NotImplementedError

    def _slack(self, x: Vector) -> Vector:
        """s."""
        raise NotImplementedError

    # -- what follows -----------------------------------------------------------------------------

    def solve(
        self,
        x0: Any = None,
        *,
        tol: float = TOLERANCE,
        max_iter: int = 2_000,
        time_limit: float | None = None,
        callback: Callback | None = None,
        progress: bool | None = None,
        on_failure: OnFailure = "raise",
    ) -> ProgramSolution:
        """Solve it by the proximal method of multipliers, in the units of the problem.

        Parameters
        ----------
        x0 : array, pair (x, y) or ProgramSolution, optional
            Where to start; with y also the steps, and the factorization if it still fits, are those
            of the solve before. None: zero.
        tol : float
            For the largest of the relative residuals and the relative gap.
        max_iter : int
            Newton steps.
        time_limit : float, optional
            Seconds after which it ends, without success.
        callback : callable
            Called with a ``ProgramState`` after each proximal step, which is several Newton steps;
            a true return value stops the solve.
        progress : bool, optional
            A progress bar (needs tqdm), with objective and gap. Default: one after three seconds,
            on a terminal.
        on_failure : {"raise", "warn", "return"}
            What to do if it ends without a solution.

        Raises
        ------
        NotConvergedError
            See ``on_failure``; it carries the solution, with a certificate if there is none.
        KeyboardInterrupt
            Only before the first step; later Ctrl-C ends it with the status "interrupted".
        TypeError, ValueError
            An argument is wrong.
        """
        tol = check_number("tol", tol, Range(0.0, 1.0), "give a number in (0, 1)")
        max_iter = check_integer("max_iter", max_iter, 1)
        seconds = np.inf
        if time_limit is not None:
            seconds = check_number("time_limit", time_limit, Range(0.0, ends="(]"))
        if callback is not None and not callable(callback):
            raise TypeError(f"callback = {callback!r} is not callable")
        check_flag("progress", progress, optional=True)
        check_choice("on_failure", on_failure, ("raise", "warn", "return"))
        x, y, bounds, warm = self._start(x0)
        if self._method is None:
            self._method = Multipliers(self._data())
        x, y = self._inward(x, y, bounds)
        with Progress(progress, max_iter) as bar:

            def look(k: int, x: Vector, y: Vector, found: Measures) -> object:
                shown = {"objective": found.objective, "gap": found.gap}
                bar.report(k, **{"residual/tolerance": found.worst / tol}, **shown)
                return callback is not None and callback(self._state(k, x, y, found))

            limits = Limits(tol, max_iter, seconds, look)
            outcome = self._method.solve(x, y, limits, warm=warm)
        solution = self._solution(outcome, tol)
        if solution.status in (Status.CONVERGED, Status.STOPPED, Status.INTERRUPTED):
            return solution
        if solution.status is Status.PRECISION and solution.is_near and on_failure == "raise":
            on_failure = "warn"
        return fail(solution, on_failure)

    def is_solution(self, z: Point, tol: float | None = None) -> Array:
        """Whether ``relative_residual`` of z = (x, y) is at most tol, 0 ≤ tol < 1, by default 1e-6
        (1.2e-3 in float32).
        """
        return is_natural_solution(self, z, self._space(z), tol)

    def relative_residual(self, z: Point) -> Array:
        """How far z = (x, y) is from a minimizer with its multipliers, entry by entry and without
        units. See ``splitkit.problems.natural``.
        """
        return relative_residual(self, z, self._space(z))

    def _space(self, z: Point) -> Space:
        space = Space.of(z, name="z")
        self.check_space(space)
        return space

    def _start(self, x0: Any) -> tuple[Vector, Vector | None, Vector | None, bool]:
        """x, y, the bounds' multipliers, and whether the start is of a solve before."""
        (n, m), bounds = self._sizes, None
        if x0 is None:
            return np.zeros(n), None, None, False
        if isinstance(x0, ProgramSolution):
            given: Sequence[Any] = (x0.x, x0.y)
            bounds = None if x0.bound_multipliers is None else _numbers(x0.bound_multipliers)
        else:
            given = x0 if isinstance(x0, (tuple, list)) else (x0,)
        if len(given) > 2:
            raise ValueError(f"x0 has {len(given)} parts: give x, or the pair (x, y)")
        found = []
        for name, value, size in zip(("x0", "y of x0"), given, (n, m), strict=False):
            if not is_array(value) or tuple(value.shape) != (size,):
                shape = getattr(value, "shape", None)
                raise ValueError(f"{name} has shape {shape}: give an array of shape ({size},)")
            numbers = _numbers(value)
            if not np.isfinite(numbers).all():
                raise ValueError(f"{name} has entries that are NaN or infinite: give finite ones")
            found.append(numbers)
        if bounds is not None and bounds.shape != (n,):
            raise ValueError(f"x0 is the solution of a program of {bounds.size} variables, not {n}")
        y = found[1] if len(found) == 2 else None
        return found[0], y, bounds, y is not None

    @property
    def _sizes(self) -> tuple[int, int]:
        """n and m."""
        raise NotImplementedError

    def _like_x(self, values: Vector) -> Array:
        return from_numpy(values, self._like)

    def _state(self, k: int, x: Vector, y: Vector, found: Measures) -> ProgramState:
        return ProgramState(
            iteration=k,
            x=self._like_x(x),
            y=self._like_x(self._outward(y)[0]),
            objective=found.objective,
            dual_objective=found.dual_objective,
            primal_residual=found.primal,
            dual_residual=found.dual,
            duality_gap=found.gap,
        )

    def _solution(self, outcome: Outcome, tol: float) -> ProgramSolution:
        found, trail = outcome.measures, outcome.trail
        y, bounds = self._outward(outcome.y)
        history = ProgramHistory(
            trail.iteration,
            [each.objective for each in trail.measures],
            [each.dual_objective for each in trail.measures],
            [each.primal for each in trail.measures],
            [each.dual for each in trail.measures],
            [each.gap for each in trail.measures],
        )
        return ProgramSolution(
            x=self._like_x(outcome.x),
            y=self._like_x(y),
            s=self._like_x(self._slack(outcome.x)),
            bound_multipliers=None if bounds is None else self._like_x(bounds),
            objective=found.objective,
            dual_objective=found.dual_objective,
            primal_residual=found.primal,
            dual_residual=found.dual,
            duality_gap=found.gap,
            converged=outcome.status is Status.CONVERGED,
            status=outcome.status,
            message=_message(outcome, tol),
            iterations=outcome.iterations,
            factorizations=outcome.factorizations,
            certificate=self._certificate(outcome),
            history=history,
        )

    def _certificate(self, outcome: Outcome) -> ProgramCertificate | None:
        if outcome.proof is None:
            return None
        assert self._method is not None  # which found it
        data, proof = self._method.data, outcome.proof
        if outcome.status is Status.UNBOUNDED:
            return ProgramCertificate(self._like_x(proof), None, None, -float(data.q @ proof))
        y, bounds = self._outward(proof)
        of_bounds = None if bounds is None else self._like_x(bounds)
        return ProgramCertificate(None, self._like_x(y), of_bounds, -data.rows.support(proof)[0])

    @contextmanager
    def _updating(self, *, matrices: bool) -> Iterator[None]:
        """Inside, numbers change: all that are given, or none where one of them is refused; then
        the method at hand takes them.
        """
        before = dict(vars(self))
        try:
            yield
            self._arrange()
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise
        if self._method is not None:
            self._method.update(self._data(), matrices=matrices)

    def make_resolvent(self, alpha: Any) -> Any:
        raise TypeError(
            f"the resolvent of {self!r} has no formula: call its solve, or give it to "
            "splitkit.solve"
        )

    def _take(self, parts: Sequence[Operator]) -> None:
        """Be the sum of these operators, whatever it was before."""
        vars(self).pop("properties", None)
        super().__init__(tuple(parts))


def _numbers(x: Array) -> Vector:
    return to_numpy(x).astype(float)


def _message(outcome: Outcome, tol: float) -> str:
    k, found = outcome.iterations, outcome.measures
    left = (
        f"primal residual {found.primal:.2g}, dual residual {found.dual:.2g}, gap {found.gap:.2g}, "
        f"beside tol = {tol:g}"
    )
    match outcome.status:
        case Status.CONVERGED:
            return f"met the tolerance after {k} Newton steps: {left}"
        case Status.INFEASIBLE:
            return (
                f"no x meets the constraints, as solution.certificate proves ({k} Newton steps): "
                "drop or widen one of those whose multipliers in it are not 0"
            )
        case Status.UNBOUNDED:
            return (
                "the objective falls without bound along solution.certificate.x, which no "
                f"constraint ends ({k} Newton steps): bound the entries that are not 0 there"
            )
        case Status.PRECISION:
            return f"as exact as the precision allows after {k} Newton steps: {left}; loosen tol"
        case Status.STOPPED:
            return f"stopped by the callback after {k} Newton steps: {left}"
        case Status.INTERRUPTED:
            return f"interrupted after {k} Newton steps: {left}; give the solution as x0 to go on"
        case Status.TIME_LIMIT:
            return f"not solved in the time allowed ({k} Newton steps): {left}; raise time_limit"
    return f"not solved within max_iter = {k} Newton steps: {left}; raise max_iter or loosen tol"


def as_map(matrix: Any, found: Any, like: Array, **declared: Any) -> LinearOperator:
    """The matrix, as points of the library of ``like`` take it."""
    if matrix is None:
        xp = namespace(like)
        return wrap(xp.zeros(found.shape, dtype=like.dtype), **declared)
    return wrap(csr_array(matrix) if issparse(matrix) else matrix, **declared)
