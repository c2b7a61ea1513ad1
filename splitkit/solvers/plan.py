"""A plan: an inclusion flattened, its method and guarantee found, its maps prepared, to be run.

    plan = plan(A + B, x0);  plan.solve();  plan.solve(x1);  …

What does not depend on where a solve starts is computed once: which term plays which role, the
constants, the step sizes, the theorem, and the factorizations that the resolvents keep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from splitkit.arguments import check_choice, check_flag, check_integer
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    folding,
    solving,
    subtract,
    where,
)
from splitkit.display import Shown
from splitkit.functions.base import Function
from splitkit.looks import known_points
from splitkit.meshes import laid_as
from splitkit.operators.base import Operator
from splitkit.outcomes import OnFailure, fail
from splitkit.problems.games import MatrixGame
from splitkit.progress import Progress
from splitkit.proofs import Proof
from splitkit.properties import sum_strong_monotonicity
from splitkit.solvers.agreement import require_agreement
from splitkit.solvers.compiled import Compiled
from splitkit.solvers.engine import Run, Task, advance
from splitkit.solvers.explain import Option
from splitkit.solvers.foreseen import foreseen
from splitkit.solvers.gap import Gap
from splitkit.solvers.glance import Glance
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.method import Guarantee, Method
from splitkit.solvers.rewrites import Rewrite
from splitkit.solvers.row_groups import Groups, least_sizes, row_groups
from splitkit.solvers.solution import Solution, State, Status
from splitkit.solvers.stopping import Relative, Stopping, as_stopping
from splitkit.solvers.terms import Role, Term
from splitkit.solvers.transformed import (
    ArraySolution,
    run as run_transformed,
    traceable,
    unseen,
)
from splitkit.solvers.units import are_alike, choose_units
from splitkit.solvers.watch import Watch, declares, nearest_in_domain
from splitkit.solvers.worth import Values, Worth
from splitkit.tracing import Untraceable, compiles, in_transformation

Callback = Callable[[State], object]
# ends in which the governing point leads nowhere
ASTRAY = Status.NONFINITE, Status.CONTRADICTED, Status.INFEASIBLE, Status.UNBOUNDED


@dataclass(slots=True)
class Options:
    """How a plan is run, checked: what the arguments are ``splitkit.solve`` says."""

    tol: float | Stopping | None = None
    max_iter: int = 10_000
    callback: Callback | None = None
    progress: bool | None = None
    resume: Solution | None = None
    on_failure: OnFailure = "raise"
    record_objective: bool = False
    compile: bool | None = None

    def __post_init__(self) -> None:
        if self.tol is not None and not isinstance(self.tol, Stopping):
            self.tol = Relative(self.tol)
        check_integer("max_iter", self.max_iter, 1)
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback = {self.callback!r} is not callable")
        if self.progress is not None:
            check_flag("progress", self.progress, optional=True)
        if self.resume is not None and not isinstance(self.resume, Solution):
            raise TypeError(
                f"resume = {self.resume!r}: give the Solution of an earlier solve, or None"
            )
        check_flag("record_objective", self.record_objective)
        if self.compile is not None:
            check_flag("compile", self.compile, optional=True)
        check_choice("on_failure", self.on_failure, ("raise", "warn", "return"))


def plan(
    inclusion: Operator | Function,
    x0: Point,
    method: Method | None = None,
    *,
    batch_ndim: int = 0,
) -> Plan:
    """A solve of 0 ∈ A₁x + … + Aₙx from points like x0, prepared; steps that no constant of the
    operators fixes are measured from x0. As ``splitkit.solve`` it begins a ``MatrixGame`` at the
    solution of its linear program, which is found once.

    Parameters
    ----------
    inclusion, x0, method, batch_ndim
        As for ``splitkit.solve``.

    Returns
    -------
    Plan

    Raises
    ------
    NoGuaranteeError
        No theorem says that the method converges here; ``method=M(check=False)`` runs it anyway.
    TypeError, ValueError
        An argument is wrong; the message names it, its value and the remedy.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> planned = sk.plan(F + G, np.zeros(2))
    >>> [planned.solve(x0).converged for x0 in (np.zeros(2), np.ones(2))]
    [True, True]
    """
    return planned(inclusion, x0, method, batch_ndim, None)


def planned(
    inclusion: Operator | Function,
    x0: Point | Solution,
    method: Method | None,
    batch_ndim: int,
    resume: Solution | None,
) -> Plan:
    """``plan``, by the method of the solve that is resumed unless one is given."""
    earlier = x0.method if isinstance(x0, Solution) and x0.status not in ASTRAY else None
    x0 = x0.x if isinstance(x0, Solution) else x0
    space = Space.of(x0, batch_ndim)
    if () in space.shapes and space.xp.__name__.endswith("numpy"):
        raise ValueError(
            "x0 has no axes (shape ()), and NumPy makes numbers of such arrays: give x0[None]"
        )
    if resume is not None:
        space.check_point(resume.x, "resume.x")
        method = resume.method if method is None else method
    if in_transformation(x0, inclusion):
        return _transformed(inclusion, x0, method, space)
    if space.mesh is not None:
        with solving(x0):
            given = {"inclusion": inclusion, "method": method, "batch_ndim": batch_ndim}
            require_agreement(space, x0, **given)
    flat = Inclusion.of(inclusion, space)
    flat.operator.check_space(space)  # which asks whether gradients are recorded
    with solving(x0), known_points():
        if isinstance(method, Method):
            method.check_space(space)
        option, rewrites = choose_units(flat, method, x0, space, earlier)
        made = Plan(Warrant.of(option), option.terms or (), x0, space, rewrites=rewrites)
    if method is None:
        made.game = inclusion if isinstance(inclusion, MatrixGame) else None
    return made


def _transformed(
    inclusion: Operator | Function, x0: Point, method: Method | None, space: Space
) -> Plan:
    """``planned`` inside of a JAX transformation."""
    with solving(x0), folding(), known_points():
        flat = Inclusion.of(inclusion, space)
        flat.operator.check_space(space)
        option, rewrites = traceable(flat, method, x0, space)
        return Plan(Warrant.of(option), option.terms or (), x0, space, rewrites=rewrites)


def solve_given(
    method: Method,
    operators: tuple[Operator | Term, ...],
    x0: Point,
    space: Space,
    *,
    tol: float | Stopping,
    max_iter: int,
    first_check: int = 1,
    warrant: Warrant | None = None,
) -> tuple[Solution, Warrant]:
    """A solve that may take no longer than its preparation, by operators of the method's roles from
    a finite x0 in a space; a failure is returned.

    Only open options are left to be found, and nothing with the warrant of such a solve by the same
    method, with operators of the same constants and points of the same shape but for the batch.
    Nothing is measured before iteration first_check, as what a similar problem needed saves the
    checks before; and then, if tol is a number, only where the length of the step promises the end.
    """
    terms = method.terms(*operators)
    with solving(x0), known_points():
        if warrant is None:
            for term in terms:
                term.expression.check_space(space)
            warrant = Warrant.of(Option.of(method, terms))
        return Plan(warrant, terms, x0, space)._solve_quietly(tol, max_iter, first_check), warrant


@dataclass(frozen=True)
class Warrant:
    """What is known of a method, its options chosen, on terms of the same constants, whatever data
    they hold.

    Attributes
    ----------
    method : Method
    guarantee : Guarantee
    error_factor : float or None
        1/m if ‖r‖/m bounds the distance to the zero: r is an element at x.
    apart : float, array or None
        α if the elements whose sum is r are known at points only that are α‖r‖ apart.
    may_drift : bool
        Whether its displacement shows inconsistency: it is an averaged map without a rate.
    declared : tuple of bool
        Of each term, whether someone declared constants of it, which its values may contradict.

    Raises
    ------
    NoGuaranteeError
        Nothing is guaranteed, and the method's ``check`` is True.
    """

    method: Method
    guarantee: Guarantee
    error_factor: float | None
    apart: Scalar
    may_drift: bool
    declared: tuple[bool, ...]

    @classmethod
    def of(cls, option: Option) -> Warrant:
        """That of a method whose options are chosen."""
        method, terms, guarantee = option.method, option.terms, option.guarantee
        assert terms is not None  # one that cannot run has not been chosen
        method.require(guarantee)
        exact = method.exact_element(*terms)
        m = sum_strong_monotonicity(t.expression.properties for t in terms)
        return cls(
            method,
            guarantee,
            error_factor=1 / m if exact and m is not None and 0 < m < math.inf else None,
            apart=None if exact else method.apart,
            may_drift=method.averaged and guarantee.rate is None,
            declared=tuple(declares(t.operator) for t in terms),
        )


class Plan(Shown):
    """A method on its terms, ready to run; ``print`` it. Where it has been run from x0 before, to
    the same tolerance, it is looked at first where that ended.

    Attributes
    ----------
    method : Method
        With all its options chosen.
    terms : tuple of Term
        The inclusion's operators in the method's roles.
    guarantee : Guarantee
        What a theorem says of it.
    rewrites : tuple of Rewrite
        How the inclusion was taken apart.
    x0 : point
        Where ``solve`` starts unless it is told otherwise.
    space : Space
        That of x0, and of every point that a solve starts from.

    Examples
    --------
    >>> F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]), np.array([2.0, 1.0]))
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> planned = sk.plan(F + G, np.zeros(2), sk.DouglasRachford(alpha=0.5))
    >>> print(planned.solve().x)
    [0. 1.]
    """

    def __init__(
        self,
        warrant: Warrant,
        terms: tuple[Term, ...],
        x0: Point,
        space: Space,
        *,
        rewrites: tuple[Rewrite, ...] = (),
        as_map: bool = False,
    ) -> None:
        self.warrant, self.terms = warrant, terms
        self.method, self.guarantee = warrant.method, warrant.guarantee
        self.x0, self.space, self.rewrites = x0, space, rewrites
        self.game: MatrixGame | None = None  # whose solution its linear program finds
        self._compiled: dict[bool | None, tuple[Compiled | None, Glance | None]] = {}
        self._ended: tuple[float | Stopping | None, int] | None = None
        self._watch = Watch(declared={}, resolved={})
        seen = []
        for term, declared in zip(terms, warrant.declared, strict=True):
            self._watch.declared[id(term.operator)] = declared
            seen.append(term.seen_by(self._watch))
        iteration = self.method.iteration(*seen)
        self._iteration = iteration.as_map() if as_map else iteration

    def solve(
        self,
        x0: Point | Solution | None = None,
        *,
        tol: float | Stopping | None = None,
        max_iter: int = 10_000,
        callback: Callback | None = None,
        progress: bool | None = None,
        resume: Solution | None = None,
        on_failure: OnFailure = "raise",
        record_objective: bool = False,
        compile: bool | None = None,
    ) -> Solution:
        """Run it, from x0, which may be an earlier solution, or where the plan was made; the
        arguments are those of ``splitkit.solve``.

        Raises
        ------
        NotConvergedError
            See ``on_failure``; it carries the solution.
        KeyboardInterrupt
            Only before the first iteration.
        TypeError, ValueError
            An argument is wrong; x0 must lie in the plan's space.
        """
        options = Options(
            tol, max_iter, callback, progress, resume, on_failure, record_objective, compile
        )
        return self.run(options, x0)

    def run(self, options: Options, x0: Point | Solution | None = None) -> Solution:
        """``solve`` with options that are checked."""
        if self.game is not None and self._may_begin_at_game(options, x0):
            solution = self._run(replace(options, on_failure="return"), self._of_game)
            if solution.converged or solution.status is Status.INTERRUPTED:
                return solution
        return self._run(options, x0)

    def _may_begin_at_game(self, options: Options, x0: Point | Solution | None) -> bool:
        """Whether nothing is asked of the iterations, or of where they begin."""
        rule = options.tol
        by_number = rule is None or (isinstance(rule, (Relative, Gap)) and rule.tol > 0)
        asked = options.resume is not None or options.callback is not None
        if not by_number or asked or isinstance(x0, Solution) or in_transformation(x0, self.terms):
            return False
        if x0 is not None:
            self._start(x0)  # which says what is wrong with it
        return self._of_game is not None

    @cached_property
    def _of_game(self) -> Point | None:
        """The governing point of the game's solution; None: none is known."""
        assert self.game is not None
        return foreseen(self.game, self.method, self.space, self.x0)

    def _run(self, options: Options, x0: Point | Solution | None) -> Solution:
        start, dual, earlier = self._start(x0)
        if in_transformation(start, self.terms):
            return self._run_transformed(options, start)  # type: ignore[return-value]
        with solving(start), known_points():
            if self.space.mesh is not None:
                self._require_agreement(start, options)
            run, task = self._ready(start, options, dual, earlier)
            solution = self._finish(run, task, options.max_iter, options.callback, options.progress)
        if solution.converged:
            if start is self.x0 and options.resume is None:
                self._ended = options.tol, run.iteration
            return solution
        wanted = [Status.STOPPED, Status.INTERRUPTED]
        if solution.status is Status.PRECISION:
            return fail(solution, "warn" if options.on_failure == "raise" else options.on_failure)
        if task.stopping.endless:
            wanted += [Status.ITERATION_LIMIT, Status.TIME_LIMIT]
        return solution if solution.status in wanted else fail(solution, options.on_failure)

    def _run_transformed(self, options: Options, start: Point) -> ArraySolution:
        """``run`` inside of a JAX transformation, by maps that are made there."""
        for name in ("callback", "progress", "resume", "record_objective"):
            if getattr(options, name):
                raise TypeError(f"{name} is for the host: leave it out inside of jit, vmap or grad")
        with solving(start), folding(), known_points():
            method, terms = self.method.constant(), tuple(map(unseen, self.terms))
            warrant = replace(self.warrant, method=method)
            here = Plan(warrant, terms, start, self.space, as_map=True)
            task = here._task(as_stopping(options.tol, self.space), traced=True)
            if not task.stopping.is_pure or task.stopping.is_timed:
                raise TypeError(
                    f"tol = {options.tol!r} compares looks of the host: give a number, Absolute or "
                    "CertifiedError inside of jit, vmap or grad"
                )
            here._iteration.enter(self.space)
            limit = options.max_iter
            try:
                return run_transformed(here._iteration, task, method, terms, start, limit)
            except Untraceable as error:
                raise TypeError(
                    f"{method.label} cannot run inside of jit, vmap or grad, as {error}: solve "
                    "outside, or take another method"
                ) from error

    def _require_agreement(self, start: Point, options: Options) -> None:
        """Raise unless all processes that share the points run this plan alike."""
        require_agreement(
            self.space,
            x0=start,
            tol=options.tol,
            max_iter=options.max_iter,
            has_callback=options.callback is not None,
            record_objective=options.record_objective,
            resumed_at=options.resume and options.resume.iterations,
            compile=options.compile,
        )

    def iterate(
        self,
        x0: Point | Solution | None = None,
        *,
        tol: float | Stopping | None = None,
        max_iter: int = 10_000,
        resume: Solution | None = None,
    ) -> Iterator[State]:
        """``solve``, one iteration at a time: yields a ``State`` after each, until the tolerance is
        met, the limit reached, or NaN appears.
        """
        return self.run_stepwise(Options(tol, max_iter, resume=resume), x0)

    def run_stepwise(self, options: Options, x0: Point | Solution | None = None) -> Iterator[State]:
        """``iterate`` with options that are checked."""
        start, dual, earlier = self._start(x0)
        if in_transformation(start, self.terms):
            raise TypeError("iterate is for the host: take solve inside of jit, vmap or grad")
        with solving(start), known_points():
            if self.space.mesh is not None:
                self._require_agreement(start, options)
            run, task = self._ready(start, options, dual, earlier)
        task.stopping.start()
        runs = advance(run, task, max_iter=options.max_iter, every=True)
        while True:
            with solving(start), known_points():  # else the caller's context is their own
                now = next(runs, None)
            if now is None:
                return
            yield self._state(now)

    def proof(self) -> Proof:
        """The proof of the method by the small program, on the properties of its terms alone."""
        return self.method.proof(*self.terms)

    def heading(self) -> str:
        """The method, and what is guaranteed."""
        return f"Plan: {self.method!r}, {self.guarantee.verdict}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The theorem, the terms in their roles, the sequence that is returned."""
        yield "reason", self.guarantee.reason
        for term in self.terms:
            yield str(term.role.value), repr(term)
        yield "returns", self.guarantee.sequence

    def __str__(self) -> str:
        lines = [str(rewrite) for rewrite in self.rewrites]
        lines.append(f"{self.method!r}: {self.guarantee.verdict}")
        lines.append(f"    {self.guarantee.reason}")
        lines += [f"    {term.role.value}: {term!r}" for term in self.terms]
        lines.append(f"    returns {self.guarantee.sequence}")
        return "\n".join(lines)

    # -- a run ----------------------------------------------------------------------------------

    def _start(self, x0: Point | Solution | None) -> tuple[Point, Point | None, Run | None]:
        """Where to start, and, if a solution tells them, y of the composed term and where a run of
        the same method ended.
        """
        if x0 is None:
            return self.x0, None, None
        x, dual = (x0.x, x0.dual) if isinstance(x0, Solution) else (x0, None)
        self.space.check_point(x, "x0")
        Space.of(x, self.space.batch_ndim)
        dual = dual if self._takes(dual) else None
        known = isinstance(x0, Solution) and self._continues(x0, dual)
        return x, dual, x0.checkpoint if known else None

    def _continues(self, solution: Solution, dual: Point | None) -> bool:
        """Whether the state in which it ended is one of this method: of one that takes y, of which
        it is the steps alone, or whose governing points are in the same units.
        """
        mine, other = self.method, solution.method
        if mine.label != other.label or solution.status in ASTRAY:
            return False
        units = ("scales", "diagonal") if dual is not None else ("alpha", "scales", "diagonal")
        return all(
            are_alike(getattr(mine, name, None), getattr(other, name, None), self.space)
            for name in units
        )

    def _takes(self, dual: Point | None) -> bool:
        """Whether the method has a term LᵀBL of such y."""
        maps = [term.of for term in self.terms if term.of is not None]
        if dual is None or not maps:
            return False
        try:
            maps[0].range_space(self.space).check_point(dual, "x0.dual")
        except (TypeError, ValueError):
            return False
        return True

    @cached_property
    def _confining(self) -> list[Operator]:
        """The resolved operators that are not defined everywhere, if they confine what was declared
        of an evaluated one.
        """
        known = zip(self.terms, self.warrant.declared, strict=True)
        if not any(declared and term.role is Role.EVALUATED for term, declared in known):
            return []
        resolved = (term.operator for term in self.terms if term.role is Role.RESOLVED)
        return [A for A in resolved if not A.has_evaluation]

    def _within(self, x0: Point) -> Point:
        """x0, or the nearest point of the set on which what is declared of an evaluated term is
        meant: the theorems hold from every start, and far from the set it may be much steeper.
        """
        for A in self._confining:
            inside = nearest_in_domain(A, x0, self.space)
            beyond = self.space.norm(subtract(inside, x0))
            outside = beyond > math.sqrt(self.space.eps) * self.space.norm(x0)
            if self.space.any(outside):
                x0 = where(outside, inside, x0)
        return x0

    def _ready(
        self, x0: Point, options: Options, dual: Point | None = None, earlier: Run | None = None
    ) -> tuple[Run, Task]:
        """What is to be run, in the context of ``solving``."""
        task, resume = self._task(as_stopping(options.tol, self.space)), options.resume
        if options.record_objective:
            task.objective = self._recorded
        if options.compile not in self._compiled:
            compiled = Compiled.of(self._iteration, x0, options.compile)
            glance = None if compiled is None else Glance(compiled)
            self._compiled[options.compile] = compiled, glance
        task.compiled, task.glance = self._compiled[options.compile]
        task.peeks = task.peeks and task.glance is None
        if resume is None:
            start = self._within(x0)
            run = Run(self._iteration.begin(start, self.space, dual))
            if earlier is not None and start is x0:
                run.live = self._iteration.continued(run.live, earlier.live)
            if (
                dual is None
                and x0 is self.x0
                and self._ended is not None
                and self._ended[0] == options.tol
            ):
                run.schedule.next_check = self._ended[1]
            return run, task
        self.space.check_point(resume.x, "resume.x")
        if type(self.method) is not type(resume.method):
            raise ValueError(
                f"resume is a solution by {resume.method.label}: it cannot be continued by "
                f"{self.method.label}; give that method, or its x as x0"
            )
        if resume.checkpoint is None:
            raise ValueError("resume has no checkpoint: give the Solution that solve returned")
        self._iteration.enter(self.space)
        return resume.checkpoint.resumed(), task

    def _solve_quietly(self, tol: float | Stopping, max_iter: int, first_check: int) -> Solution:
        """See ``solve_given``; in the context of ``solving``."""
        task = self._task(as_stopping(tol, self.space), sparing=not isinstance(tol, Stopping))
        run = Run(self._iteration.begin(self.x0, self.space))
        run.schedule.next_check = first_check
        return self._finish(run, task, max_iter, valued=False)

    def _task(self, stopping: Stopping, *, sparing: bool = False, traced: bool = False) -> Task:
        self._watch.begin()
        groups, sizes = self._rows_as(()) if sparing or traced else self._rows
        stopping = stopping.prepared(self.method, self.terms)
        measured = sparing or stopping.endless or not stopping.is_pure
        return Task(
            self._iteration,
            self.space,
            stopping,
            self._watch,
            error_factor=self.warrant.error_factor,
            apart=self.warrant.apart,
            terms=() if sparing or self.guarantee.rate is not None else self.terms,
            sparing=sparing and not self.warrant.may_drift,
            groups=groups,
            least_sizes=sizes,
            sizes_without=partial(self._sizes_without, groups),
            fit=self._fit if groups else None,
            peeks=not measured and not self._compiles,
        )

    @cached_property
    def _compiles(self) -> bool:
        return compiles(self.x0)

    @cached_property
    def _rows(self) -> tuple[Groups, Sequence[Array]]:
        """The groups of rows, and the least size that is known of each."""
        terms = self.method.judged(*self.terms)
        return self._rows_as(row_groups(terms, self.x0, self.space, dual=self.method.reads_dual))

    @cached_property
    def _fit(self) -> Term | None:
        """The one composed term, if it is single-valued, in the units in which x is judged."""
        composed = [term for term in self.method.judged(*self.terms) if term.of is not None]
        if len(composed) != 1 or composed[0].is_zero or not composed[0].lipschitz:
            return None
        return composed[0] if composed[0].operator.has_evaluation else None

    def _rows_as(self, groups: Groups) -> tuple[Groups, Sequence[Array]]:
        judged = self.method.judged(*self.terms)
        return groups, least_sizes(judged, groups, self.x0, self.space)

    def _sizes_without(self, groups: Groups, others: Container[int]) -> Sequence[Array]:
        """The least sizes, without the terms whose operators have one of these identities."""
        judged = [t for t in self.method.judged(*self.terms) if id(t.operator) not in others]
        return least_sizes(judged, groups, self.x0, self.space)

    def _finish(
        self,
        run: Run,
        task: Task,
        max_iter: int,
        callback: Callback | None = None,
        progress: bool | None = False,
        *,
        valued: bool = True,
    ) -> Solution:
        """Run it to its end, in the context of ``solving``."""
        every = callback is not None
        try:
            with nullcontext() if progress is False else Progress(progress, max_iter) as bar:
                task.stopping.start()
                for _ in advance(run, task, max_iter=max_iter, every=every):
                    if bar is not None:
                        what = f"{task.stopping.measures}/tolerance"
                        bar.report(run.iteration, **{what: run.worst})
                    if callback is not None and self.space.on_any(
                        bool(callback(self._state(run))), run.latest
                    ):
                        if run.status is Status.ITERATION_LIMIT:
                            run.status = Status.STOPPED
                        break
        except KeyboardInterrupt:
            if run.x is None or self.space.mesh is not None:  # which the others do not know
                raise
            run.status = Status.INTERRUPTED
        except Exception as error:
            error.add_note(f"in {self.method.label}, after iteration {run.iteration}")
            if run.x is not None:
                error.solution = self._solution(run)  # type: ignore[attr-defined]
            raise
        return self._solution(run, valued=valued)

    @cached_property
    def _values(self) -> Values:
        """What its terms are worth; of the iteration of this plan."""
        return Values(self.method, self.terms, self._iteration, self.space)

    def _recorded(self, x: Point) -> Array:
        value = self._values.objective(x)
        if value is None:
            raise TypeError(
                f"record_objective = True: {self.terms} are not all known as subdifferentials of "
                "functions with a value: leave it out"
            )
        return value

    def _bound(self, residual: Any) -> Any:
        factor = self.warrant.error_factor
        return None if factor is None else factor * residual

    def _state(self, run: Run) -> State:
        residual = run.history.residual[-1]
        u = self._iteration.outward(self._iteration.governing(run.live))
        worth = Worth(self._values, run.latest)
        return State(run.iteration, run.latest, u, residual, self._bound(residual), worth)

    def _solution(self, run: Run, *, valued: bool = True) -> Solution:
        outward = self._iteration.outward
        return Solution(
            x=run.x if self.space.mesh is None else laid_as(run.x, self.x0),
            u=outward(self._iteration.governing(run.kept)),
            converged=run.status is Status.CONVERGED,
            status=run.status,
            message=_message(run, self.method, self.terms, self._watch.elsewhere),
            iterations=run.iterations if self.space.batch_ndim else int(run.iterations),
            residual=run.residual,
            error_bound=self._bound(run.residual),
            rate=self.guarantee.rate,
            method=self.method,
            sequence=self.guarantee.sequence,
            history=run.history,
            displacement=(
                None if run.displacement is None else self._iteration.displaced(run.displacement)
            ),
            certificate=run.certificate,
            checkpoint=run.checkpoint or run,
            worth=Worth(self._values, run.x, run.kept) if valued else None,
        )


def _message(run: Run, method: Method, terms: tuple[Term, ...], elsewhere: str) -> str:
    name, k = method.label, run.iteration
    beyond = elsewhere and (
        f"; outside of the domains of the other terms {elsewhere}: declare what holds there too, "
        "or take a method that evaluates it inside alone, as forward-backward"
    )
    match run.status:
        case Status.CONVERGED:
            caveat = method.caveat(*terms) if method.stationary else ""
            return f"{name} met the tolerance after {k} iterations{caveat}"
        case Status.STOPPED:
            return f"{name} was stopped by the callback after {k} iterations"
        case Status.INTERRUPTED:
            return f"{name} was interrupted after {k} iterations: give resume=solution to go on"
        case Status.PRECISION:
            return (
                f"{name} is after {k} iterations as exact as the precision allows: what is left of "
                f"the residual, {run.floor:.3g} times its tolerance, is rounding; loosen tol, or "
                "compute in higher precision"
            )
        case Status.NONFINITE:
            return (
                f"{name} met NaN or Inf by iteration {k} ({run.detail}): check that operator at "
                f"solution.x, or take a smaller alpha{beyond}"
            )
        case Status.CONTRADICTED:
            return (
                f"{name} found by iteration {k} that an operator is not what it declares: "
                f"{run.detail}; correct it, and try it with "
                "splitkit.testing.check_operator"
            )
        case Status.INFEASIBLE | Status.UNBOUNDED:
            return f"{name} found by iteration {k} that there is no solution: {run.certificate}"
        case Status.TIME_LIMIT:
            return f"{name} did not meet the tolerance in the time allowed ({k} iterations)"
    drifts = (
        "; x or the terms' elements go on at their pace, as where there is no solution, which is "
        "not proved: check that the constraints can be met and the objective is bounded"
    )
    return (
        f"{name} did not meet the tolerance within max_iter = {k} iterations "
        f"(the worst residual is {run.worst:.3g} times its tolerance): raise max_iter, loosen "
        f"tol, or try another method (sk.explain){drifts if run.drift.goes_on else ''}{beyond}"
    )
