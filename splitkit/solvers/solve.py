"""``solve``: find x with 0 ∈ A₁x + … + Aₙx, with a method that a theorem guarantees."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from splitkit.arguments import check_choice, check_flag, check_integer
from splitkit.backend import Point, Space, solving
from splitkit.operators.base import Operator
from splitkit.operators.sum import Sum
from splitkit.solvers.engine import Run, Task, advance
from splitkit.solvers.errors import NoGuaranteeError, NotConvergedError, NotConvergedWarning
from splitkit.solvers.explain import Option, best_option, check_inclusion, explain
from splitkit.solvers.method import Method
from splitkit.solvers.solution import Solution, State, Status
from splitkit.solvers.stopping import Stopping, as_stopping
from splitkit.solvers.watch import Watch

OnFailure = Literal["raise", "warn", "return"]
Callback = Callable[[State], object]


def solve(
    inclusion: Operator,
    x0: Point,
    method: Method | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
    callback: Callback | None = None,
    progress: bool | None = None,
    resume: Solution | None = None,
    on_failure: OnFailure = "raise",
) -> Solution:
    """Find x with 0 ∈ A₁x + … + Aₙx.

    Parameters
    ----------
    inclusion : Operator
        A sum of operators; each is used by its evaluation or by its resolvent.
    x0 : array or tuple of arrays
        Where to start; its library, dtype and device are those of the solution. Not changed.
    method : Method, optional
        Default: the one of least work by its guaranteed rate (see ``explain``). Its ``alpha=None``
        is chosen from the operators' constants.
    tol : float or Stopping
        Relative, for each batch element by itself: ‖r‖ ≤ tol · max(‖Fx‖, ‖x‖/α, ‖(u−x)/α‖) with
        r ∈ (F+G)(x). Default 1e-8 (1.2e-5 in float32). 0 runs to max_iter.
    max_iter : int
    batch_ndim : int
        Leading axes of x0 that index independent problems.
    callback : callable
        Called with a ``State`` after every iteration; a true return value stops the solve.
    progress : bool, optional
        A progress bar (needs tqdm). Default: one after three seconds, on a terminal.
    resume : Solution, optional
        Continue where it ended, for ``max_iter`` more iterations; give the same inclusion. The
        iterates are those of a solve that was not interrupted, bit for bit on the same machine with
        the same libraries, also from a pickled copy. Its method is taken, unless one is given.
    on_failure : {"raise", "warn", "return"}
        What to do if the tolerance is not met, or NaN or Inf appears.

    Returns
    -------
    Solution

    Raises
    ------
    NoGuaranteeError
        No theorem says that the method converges here; ``method=M(check=False)`` runs it anyway.
    NotConvergedError
        See ``on_failure``; it carries the solution.
    KeyboardInterrupt
        Only before the first iteration; later Ctrl-C ends the solve with the status "interrupted",
        and ``resume=`` goes on from there.
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.
    """
    prepared = _prepare(inclusion, x0, method, tol, max_iter, batch_ndim, resume)
    check_choice("on_failure", on_failure, ("raise", "warn", "return"))
    if callback is not None and not callable(callback):
        raise TypeError(f"callback = {callback!r} is not callable")
    check_flag("progress", progress, optional=True)
    with solving(x0):
        solution = prepared.finish(max_iter, callback, progress)
    wanted = [Status.CONVERGED, Status.STOPPED, Status.INTERRUPTED]
    if prepared.task.stopping.endless:
        wanted += [Status.ITERATION_LIMIT, Status.TIME_LIMIT]
    return solution if solution.status in wanted else fail(solution, on_failure)


def solve_given(
    method: Method,
    operators: tuple[Operator, ...],
    x0: Point,
    *,
    tol: float | Stopping,
    max_iter: int,
    first_check: int = 1,
    batch_ndim: int = 0,
) -> Solution:
    """``solve`` with the operators of the method's roles given, and nothing left to be found: where
    a solve takes no longer than its preparation. A failure is returned. If tol is a number, the
    history holds the checks near the end only. Nothing is measured before iteration first_check:
    what a similar problem needed saves the checks before.
    """
    space = Space.of(x0, batch_ndim)
    for A in operators:
        A.check_space(space)
    with solving(x0):
        chosen = method.chosen(*operators)
        option = Option(chosen, operators, chosen.guarantee(*operators))
        rule, sparing = as_stopping(tol, space), not isinstance(tol, Stopping)
        prepared = prepare(option, x0, space, rule, sparing=sparing)
        prepared.run.schedule.next_check = first_check
        return prepared.finish(max_iter)


def iterate(
    inclusion: Operator,
    x0: Point,
    method: Method | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
    resume: Solution | None = None,
) -> Iterator[State]:
    """``solve``, one iteration at a time: yields a ``State`` after each, until the tolerance is
    met, the limit reached, or NaN appears. What the arguments are, ``solve`` says.
    """
    prepared = _prepare(inclusion, x0, method, tol, max_iter, batch_ndim, resume)
    prepared.task.stopping.start()
    runs = advance(prepared.run, prepared.task, max_iter=max_iter, every=True)
    while True:
        with solving(x0):  # only while iterating: the caller's context is their own
            run = next(runs, None)
        if run is None:
            return
        yield prepared.state()


@dataclass
class Prepared:
    """A solve that is ready to run."""

    option: Option
    task: Task
    run: Run

    def finish(
        self, max_iter: int, callback: Callback | None = None, progress: bool | None = False
    ) -> Solution:
        """Run it to its end, in the context of ``solving``."""
        run, task, every = self.run, self.task, callback is not None
        try:
            with _progress_bar(progress, max_iter) as report:
                task.stopping.start()
                for _ in advance(run, task, max_iter=max_iter, every=every):
                    if report is not None:
                        report(run.iteration, run.worst)
                    if callback is not None and callback(self.state()):
                        if run.status is Status.ITERATION_LIMIT:
                            run.status = Status.STOPPED
                        break
        except KeyboardInterrupt:
            if run.x is None:
                raise
            run.status = Status.INTERRUPTED
        except Exception as error:
            error.add_note(f"in {self.option.method.label}, after iteration {run.iteration}")
            if run.x is not None:
                error.solution = self.solution()  # type: ignore[attr-defined]
            raise
        return self.solution()

    def state(self) -> State:
        """What a callback sees."""
        run, task = self.run, self.task
        residual = run.history.residual[-1]
        bound = None if task.error_factor is None else task.error_factor * residual
        u = task.iteration.governing(run.live)
        return State(run.iteration, run.latest, u, residual, bound)

    def solution(self) -> Solution:
        """What ``solve`` returns."""
        run, task, method = self.run, self.task, self.option.method
        plain = task.space.batch_ndim == 0
        factor = task.error_factor
        return Solution(
            x=run.x,
            u=task.iteration.governing(run.kept),
            converged=run.status is Status.CONVERGED,
            status=run.status,
            message=_message(run, method),
            iterations=int(run.iterations) if plain else run.iterations,
            residual=run.residual,
            error_bound=None if factor is None else factor * run.residual,
            rate=self.option.guarantee.rate,
            method=method,
            sequence=self.option.guarantee.sequence,
            history=run.history,
            displacement=run.displacement,
            checkpoint=run.checkpoint or run,
        )


def _prepare(
    inclusion: Operator,
    x0: Point,
    method: Method | None,
    tol: float | Stopping | None,
    max_iter: int,
    batch_ndim: int,
    resume: Solution | None,
) -> Prepared:
    """Check the arguments, give the terms their roles, and prepare the resolvents."""
    space = Space.of(x0, batch_ndim)
    check_integer("max_iter", max_iter, 1)
    if resume is not None and not isinstance(resume, Solution):
        raise TypeError(f"resume = {resume!r}: give the Solution of an earlier solve, or None")
    if resume is not None:
        space.check_point(resume.x, "resume.x")
    stopping = as_stopping(tol, space)
    check_inclusion(inclusion)
    inclusion.check_space(space)
    if method is None and resume is not None:
        method = resume.method
    with solving(x0):
        if isinstance(method, Method):
            method.check_space(space)
        return prepare(choose(inclusion, method), x0, space, stopping, resume)


def prepare(
    option: Option,
    x0: Point,
    space: Space,
    stopping: Stopping,
    resume: Solution | None = None,
    *,
    sparing: bool = False,
) -> Prepared:
    """Bind a method to its operators; raises NoGuaranteeError where nothing is guaranteed."""
    chosen, watch = option.method, Watch()
    chosen.require(option.guarantee)
    roles = chosen.roles_for(len(option.operators))
    iteration = chosen.iteration(*map(watch.over, option.operators, roles))
    iteration.space = space
    run = Run(iteration.init(x0)) if resume is None else _resumed(resume, chosen)
    m = _strong_monotonicity(option)
    may_drift = chosen.averaged and option.guarantee.rate is None
    return Prepared(
        option,
        Task(
            iteration,
            space,
            stopping,
            watch,
            error_factor=1 / m if m is not None and 0 < m < math.inf else None,
            apart=None
            if chosen.exact_element(*option.operators)
            else getattr(chosen, "alpha", None),
            averaged=may_drift,
            sparing=sparing and not may_drift,
        ),
        run,
    )


def _strong_monotonicity(option: Option) -> float | None:
    """m of the inclusion, where ‖r‖/m bounds the distance to its zero."""
    if not option.method.exact_element(*option.operators):
        return None
    return Sum(option.operators).strong_monotonicity


def _resumed(resume: Solution, method: Method) -> Run:
    if type(method) is not type(resume.method):
        raise ValueError(
            f"resume is a solution by {resume.method.label}: it cannot be continued by "
            f"{method.label}; give that method, or its x as x0"
        )
    if resume.checkpoint is None:
        raise ValueError("resume has no checkpoint: give the Solution that solve returned")
    return resume.checkpoint.resumed()


def choose(inclusion: Operator, method: Method | None) -> Option:
    """The roles and the method with its open options, given or chosen.

    Raises
    ------
    NoGuaranteeError
        Nothing is guaranteed, in any order of the terms, or the method cannot take them.
    """
    if method is None:
        explanation = explain(inclusion)
        if explanation.chosen is None:
            raise NoGuaranteeError(f"no method is guaranteed for 0 ∈ {inclusion!r}:\n{explanation}")
        return explanation.chosen
    if not isinstance(method, Method):
        raise TypeError(f"method = {method!r}: give a method such as sk.DouglasRachford()")
    return best_option(inclusion, method)


def fail(solution: Solution, on_failure: OnFailure) -> Solution:
    """Raise, warn or return, as asked."""
    if on_failure == "raise":
        raise NotConvergedError(solution)
    if on_failure == "warn":
        warnings.warn(solution.message, NotConvergedWarning, stacklevel=3)
    return solution


def _message(run: Run, method: Method) -> str:
    name, k = method.label, run.iteration
    match run.status:
        case Status.CONVERGED:
            return f"{name} met the tolerance after {k} iterations"
        case Status.STOPPED:
            return f"{name} was stopped by the callback after {k} iterations"
        case Status.INTERRUPTED:
            return f"{name} was interrupted after {k} iterations: give resume=solution to go on"
        case Status.NONFINITE:
            return (
                f"{name} met NaN or Inf by iteration {k} ({run.detail}): check that operator at "
                "solution.x, or take a smaller alpha"
            )
        case Status.CONTRADICTED:
            return (
                f"{name} found by iteration {k} that an operator is not what it declares: "
                f"{run.detail}; correct its constants, and try it with "
                "splitkit.testing.check_operator"
            )
        case Status.INFEASIBLE:
            return (
                f"{name}: by iteration {k} the governing sequence drifts with a displacement that "
                "no longer changes (solution.displacement), so there is no solution, or one that "
                "is approached at a hopeless rate: check the constraints"
            )
        case Status.TIME_LIMIT:
            return f"{name} did not meet the tolerance in the time allowed ({k} iterations)"
    return (
        f"{name} did not meet the tolerance within max_iter = {k} iterations "
        f"(the worst residual is {run.worst:.3g} times its tolerance): raise max_iter, loosen "
        "tol, or try another method (sk.explain)"
    )


@contextmanager
def _progress_bar(
    progress: bool | None, max_iter: int
) -> Iterator[Callable[[int, float], None] | None]:
    """Yield what reports (iteration, worst ratio), or None where no bar is wanted or possible."""
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise ImportError("progress=True needs tqdm: pip install tqdm") from None
        yield None
        return
    if progress is False:
        yield None
        return
    disable = None if progress is None else False
    with tqdm(total=max_iter, delay=0 if progress else 3, disable=disable, leave=False) as bar:

        def report(k: int, ratio: float) -> None:
            bar.set_postfix_str(f"residual/tolerance {ratio:.2e}", refresh=False)
            bar.update(k - bar.n)

        yield None if bar.disable and not math.isnan(max_iter) else report
