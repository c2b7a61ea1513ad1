"""``solve``: find x with 0 ∈ A₁x + … + Aₙx, with a method that a theorem guarantees."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from splitkit.backend import Point, Space, solving
from splitkit.operators.base import Operator
from splitkit.solvers.engine import Callback, Run, run
from splitkit.solvers.errors import NoGuaranteeError, NotConvergedError, NotConvergedWarning
from splitkit.solvers.explain import Option, explain
from splitkit.solvers.roles import as_pairs
from splitkit.solvers.solution import Solution, Status
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.stopping import Stopping, as_stopping

OnFailure = Literal["raise", "warn", "return"]


def solve(
    inclusion: Operator,
    x0: Point,
    method: Splitting | None = None,
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
    method : Splitting, optional
        Default: the one of least guaranteed rate (see ``explain``). Its ``alpha=None`` is chosen
        from the operators' constants.
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
        Continue from its governing sequence; give the same inclusion and method.
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
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.
    """
    space = Space.of(x0, batch_ndim)
    if isinstance(max_iter, bool) or not isinstance(max_iter, int) or max_iter < 1:
        raise ValueError(f"max_iter = {max_iter!r}: give a positive integer")
    if on_failure not in ("raise", "warn", "return"):
        raise ValueError(f'on_failure = {on_failure!r}: give "raise", "warn" or "return"')
    if resume is not None and not isinstance(resume, Solution):
        raise TypeError(f"resume = {resume!r}: give the Solution of an earlier solve, or None")
    if callback is not None and not callable(callback):
        raise TypeError(f"callback = {callback!r} is not callable")
    stopping = as_stopping(tol, space)
    as_pairs(inclusion)
    inclusion.check_space(space)
    with solving(x0), _progress_bar(progress, max_iter) as report:
        option = choose(inclusion, method)
        u0 = x0 if resume is None else resume.u
        space.check_point(u0, "resume.u")
        iteration, guarantee = option.method.bind(option.F, option.G, space)
        state = run(
            iteration, u0, space, stopping, max_iter=max_iter, callback=callback, progress=report
        )
    solution = summarize(state, option.method, guarantee.rate, guarantee.sequence, iteration, space)
    wanted_limit = tol == 0 and solution.status is Status.ITERATION_LIMIT
    if solution.converged or solution.status is Status.STOPPED or wanted_limit:
        return solution
    return fail(solution, on_failure)


def choose(inclusion: Operator, method: Splitting | None) -> Option:
    """The roles and the method with its step size, given or chosen.

    Raises
    ------
    NoGuaranteeError
        Nothing is guaranteed, in any order of the terms.
    """
    if method is None:
        explanation = explain(inclusion)
        if explanation.chosen is None:
            raise NoGuaranteeError(f"no method is guaranteed for 0 ∈ {inclusion!r}:\n{explanation}")
        return explanation.chosen
    if not isinstance(method, Splitting):
        raise TypeError(f"method = {method!r}: give a method such as sk.DouglasRachford()")
    options = []
    for F, G in as_pairs(inclusion):
        chosen = method.chosen(F, G)
        options.append(Option(chosen, F, G, chosen.guarantee(F, G)))
        if options[-1].guarantee.holds:
            return options[-1]
    runnable = [o for o in options if o.method.missing(o.F, o.G) is None]
    return (runnable or options)[0]


def summarize(
    state: Run,
    method: Splitting,
    rate: float | None,
    sequence: str,
    iteration: Any,
    space: Space,
) -> Solution:
    """The solution of a run."""
    factor = iteration.error_factor
    plain = space.batch_ndim == 0
    return Solution(
        x=state.x,
        u=state.u,
        converged=state.status is Status.CONVERGED,
        status=state.status,
        message=_message(state, method),
        iterations=int(state.iterations) if plain else state.iterations,
        residual=state.residual,
        error_bound=None if factor is None else factor * state.residual,
        rate=rate,
        method=method,
        sequence=sequence,
        history=state.history,
    )


def fail(solution: Solution, on_failure: OnFailure) -> Solution:
    """Raise, warn or return, as asked."""
    if on_failure == "raise":
        raise NotConvergedError(solution)
    if on_failure == "warn":
        warnings.warn(solution.message, NotConvergedWarning, stacklevel=3)
    return solution


def _message(state: Run, method: Splitting) -> str:
    name, k = method.label, state.iteration
    if state.status is Status.CONVERGED:
        return f"{name} met the tolerance after {k} iterations"
    if state.status is Status.STOPPED:
        return f"{name} was stopped by the callback after {k} iterations"
    if state.status is Status.NONFINITE:
        return (
            f"{name} met NaN or Inf by iteration {k}: the iteration diverged, or an operator "
            "returned it; check the operators at solution.x, or take a smaller alpha"
        )
    return (
        f"{name} did not meet the tolerance within max_iter = {k} iterations "
        f"(the worst residual is {state.worst:.3g} times its tolerance): raise max_iter, loosen "
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
