"""``solve``: find x with 0 ∈ A₁x + … + Aₙx, with a method that a theorem guarantees."""

from __future__ import annotations

from collections.abc import Iterator

from splitkit.backend import Point
from splitkit.operators.base import Operator
from splitkit.outcomes import OnFailure
from splitkit.solvers.method import Method
from splitkit.solvers.plan import Callback, Options, planned
from splitkit.solvers.solution import Solution, State
from splitkit.solvers.stopping import Stopping


def solve(
    inclusion: Operator,
    x0: Point | Solution,
    method: Method | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
    callback: Callback | None = None,
    progress: bool | None = None,
    resume: Solution | None = None,
    on_failure: OnFailure = "raise",
    record_objective: bool = False,
    compile: bool | None = None,
) -> Solution:
    """Find x with 0 ∈ A₁x + … + Aₙx.

    Parameters
    ----------
    inclusion : Operator
        A sum of operators; each is used by its evaluation or by its resolvent.
    x0 : array, tuple of arrays, or Solution
        Where to start; its library, dtype and device are those of the solution. Not changed, and
        it receives no gradient: a solve records nothing. Of an earlier solution it is x, and y of a
        term LᵀBL too, where it has a ``dual`` and the method such a term: ADMM and the primal-dual
        methods, and what wraps them, so start warm on both sides, with its steps where these were
        balanced; methods of resolvents go on from its governing point, with the step that was
        measured.
    method : Method, optional
        Default: the one of least work by its guaranteed rate (see ``explain``). Its ``alpha=None``
        is chosen from the operators' constants, and where entries of x are in units far apart, as
        the terms show, from those in good units; ``Solution.method`` says so.
    tol : float or Stopping
        Relative, for each batch element and each block of a tuple by itself: ‖r‖ ≤ tol · S there,
        r ∈ (A₁ + … + Aₙ)x and S the size of what cancels in it; the size of the step has no part
        in S. Default 1e-8 (1.2e-5 in float32). 0 runs to max_iter.
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
        the same libraries, number of threads, and order of axes in memory, also from a pickled
        copy; elsewhere up to rounding. Its method is taken, unless one is given.
    on_failure : {"raise", "warn", "return"}
        What to do if the tolerance is not met, or NaN or Inf appears. Where rounding keeps the
        residual above the tolerance the status is "precision", and "raise" only warns.
    record_objective : bool
        Whether to compute Σ fᵢ(Lᵢx) at every check, for ``solution.history.objective``;
        ``solution.objective`` and ``solution.duality_gap`` need no asking.
    compile : bool, optional
        Whether the steps between two checks run as one compiled loop, and each check as one
        compiled function: on JAX arrays, and without a callback. Default: where the solve takes
        long enough to pay for it (it takes some tenths of a second), and the operators can be
        traced; else ``solution.history.eager`` says why not. On Torch arrays True compiles steps,
        by Inductor, in seconds.

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

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> solution = sk.solve(F + G, np.zeros(2))
    >>> print(solution.x, solution.converged)
    [0. 1.] True
    >>> print(sk.solve(F + G, np.zeros(2), sk.Anderson(sk.DouglasRachford()), tol=1e-10).x)
    [0. 1.]
    """
    options = Options(
        tol, max_iter, callback, progress, resume, on_failure, record_objective, compile
    )
    start = x0 if isinstance(x0, Solution) else None
    return planned(inclusion, x0, method, batch_ndim, resume).run(options, start)


def iterate(
    inclusion: Operator,
    x0: Point | Solution,
    method: Method | None = None,
    *,
    tol: float | Stopping | None = None,
    max_iter: int = 10_000,
    batch_ndim: int = 0,
    resume: Solution | None = None,
) -> Iterator[State]:
    """``solve``, one iteration at a time: yields a ``State`` after each, until the tolerance is
    met, the limit reached, or NaN appears. What the arguments are, ``solve`` says.

    Parameters
    ----------
    inclusion, x0, method, tol, max_iter, batch_ndim, resume
        Those of ``solve``.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> for state in sk.iterate(F + G, np.zeros(2)):
    ...     if state.residual < 1e-3:
    ...         break
    >>> print(state.x.round(2))
    [0. 1.]
    """
    options = Options(tol, max_iter, resume=resume)
    start = x0 if isinstance(x0, Solution) else None
    return planned(inclusion, x0, method, batch_ndim, resume).run_stepwise(options, start)
