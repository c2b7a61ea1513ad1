"""A solve inside of a JAX transformation: one ``lax.while_loop``, looks and all.

Of traced data nothing is known but what is declared, and no host looks on: the methods are those
whose theorem needs no more, and whose steps can be traced; each element of the batch stops by the
same measure as elsewhere, at the same iterations; how it ended is an array (``ArraySolution``). Of
what the host does at looks there is the floor of rounding, but no proof that there is no solution,
and no comparison with declared constants.

The solution is differentiated by the equation whose zero it is (``splitkit.derivatives``):
x = R_{αG}(x − αFx) where one term is resolved, and else the method's map.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    attached,
    greatest,
    is_traced,
    lincomb,
    namespace,
    scale,
    subtract,
    to_numpy,
    where,
)
from splitkit.derivatives.traced import fixed_point
from splitkit.outcomes import NoGuaranteeError, NotConvergedError, NotConvergedWarning, Status
from splitkit.solvers.compiled import blame
from splitkit.solvers.engine import LINGER, SHORT, Run, Task, believed, recalled
from splitkit.solvers.explain import Explanation, Option, choose, options_of
from splitkit.solvers.glance import measured
from splitkit.solvers.inclusion import Inclusion
from splitkit.solvers.iteration import Carry, Iteration
from splitkit.solvers.method import Method
from splitkit.solvers.methods import METHODS
from splitkit.solvers.methods.substituted import Substituted
from splitkit.solvers.rewrites import Rewrite
from splitkit.solvers.scale import Arbitrary
from splitkit.solvers.terms import Role, Term
from splitkit.solvers.units import in_good_units, with_diagonals
from splitkit.solvers.wrapper import Wrapper
from splitkit.tracing import as_arrays, each_alone, times, while_loop

CODES = tuple(Status)
CONVERGED, LIMIT, PRECISION, NONFINITE = map(
    CODES.index, (Status.CONVERGED, Status.ITERATION_LIMIT, Status.PRECISION, Status.NONFINITE)
)


class ArraySolution(NamedTuple):
    """What ``solve`` returns inside of a transformation: arrays, which may be returned from it.

    Attributes
    ----------
    x : point
        The approximate solution, which can be differentiated.
    u : point
        The governing sequence where each batch element ended.
    status : array of batch shape (int)
        Of each batch element how it ended, as a place in ``list(splitkit.Status)``; 0 is success.
        ``splitkit.check`` raises where it is not.
    iterations : array of batch shape (int)
    residual : array of batch shape
        ‖r‖, as of ``Solution``.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
    >>> M = 2.0 * jnp.eye(2)
    >>> def solved(q):
    ...     return sk.solve(sk.Affine(M, q) + G, jnp.zeros(2))
    >>> found = jax.jit(solved)(jnp.array([1.0, 4.0]))
    >>> print(np.array(found.x), found.message)
    [0.5 1. ] of 1 solves 1 converged
    """

    x: Point
    u: Point
    status: Array
    iterations: Array
    residual: Array

    @property
    def converged(self) -> Array:
        """Whether each batch element met the tolerance."""
        return self.status == CONVERGED

    @property
    def x_or_nan(self) -> Point:
        """x, NaN in the batch elements that were not solved, but for rounding."""
        is_found = (self.status == CONVERGED) | (self.status == PRECISION)
        return scale(namespace(is_found).where(is_found, 1.0, math.nan), self.x)

    @property
    def message(self) -> str:
        """How it ended, in words; outside of transformations only."""
        counted = [(CODES[c], int((self.status == c).sum())) for c in range(len(CODES))]
        ended = ", ".join(f"{n} {status.value}" for status, n in counted if n)
        return f"of {self.status.size} solves {ended}"


def check(solution: Any) -> Any:
    """The solution of a solve inside of a transformation, outside of which this is called, or of
    any other.

    Parameters
    ----------
    solution : ArraySolution or Solution
        What ``solve`` returned.

    Raises
    ------
    NotConvergedError
        An element of the batch did not meet its tolerance; where rounding alone kept it from that,
        there is a warning.
    TypeError
        It is traced: its status has no value yet.

    Examples
    --------
    >>> F = sk.Affine(np.eye(2), np.ones(2))
    >>> G = sk.NormalCone(sk.functions.NonNegative())
    >>> print(sk.check(sk.solve(F + G, np.zeros(2))).x)
    [1. 1.]
    """
    if not isinstance(solution, ArraySolution):
        if not solution.converged:
            raise NotConvergedError(solution)
        return solution
    if is_traced(solution.status):
        raise TypeError(
            "check is for outside of jit, vmap and grad: return the solution from the function"
        )
    status = to_numpy(solution.status)
    if ((status != CONVERGED) & (status != PRECISION)).any():
        raise NotConvergedError(solution)
    if (status == PRECISION).any():
        warnings.warn(solution.message, NotConvergedWarning, stacklevel=2)
    return solution


# -- the method -----------------------------------------------------------------------------------


def traceable(
    inclusion: Inclusion, method: Method | None, x0: Point, space: Space
) -> tuple[Option, tuple[Rewrite, ...]]:
    """``choose_units`` among what can be traced, steps that no constant fixes from traced values,
    and units from slopes that have values.

    Raises
    ------
    NoGuaranteeError
        Nothing is guaranteed.
    TypeError
        Nothing that is guaranteed can be traced; it names what cannot.
    """
    if isinstance(method, Substituted):
        raise TypeError(
            f"{method.label} cannot run inside of jit, vmap or grad: take {method.method.label}"
        )
    method = with_diagonals(inclusion, method, x0, space)
    refused = NoGuaranteeError, TypeError  # nothing can run in those units
    return in_good_units(inclusion, method, x0, space, None, _found, refused)


def _found(
    inclusion: Inclusion,
    method: Method | None,
    x0: Point,
    space: Space,
    earlier: Method | None,
) -> Option:
    """The option in the variables of this inclusion; see ``traceable``."""
    if method is not None:
        return _with_step(_tried(choose(inclusion, method), x0, space), x0, space)
    options: list[Option] = []
    refusals: list[str] = []
    for kind in METHODS:
        try:
            options += options_of(inclusion, kind())
        except Exception as error:  # whatever is asked for values
            refusals.append(f"{kind.label}: {blame(error)}")
    explanation = Explanation(tuple(sorted(options, key=lambda option: option.order)))
    for option in explanation.options:
        if not option.guarantee.holds:
            break
        try:
            return _with_step(_tried(option, x0, space), x0, space)
        except TypeError as error:
            refusals.append(str(error))
    if not refusals:
        raise NoGuaranteeError(
            "of traced data no constants are known but those that are declared, and no method is "
            f"guaranteed for 0 ∈ {inclusion.operator!r}:\n{explanation}"
        )
    raise TypeError("\n".join(dict.fromkeys(refusals)))


def _tried(option: Option, x0: Point, space: Space) -> Option:
    """The option with constant steps, if two of them can be traced.

    Raises
    ------
    TypeError
        They cannot, and why.
    """
    method, terms = option.method.constant(), option.terms
    assert terms is not None  # what cannot run is no option
    try:
        _warmed(method.iteration(*map(unseen, terms)).as_map(), x0, space)
    except Exception as error:  # whatever a map raises of what it is not written for
        raise TypeError(
            f"{method.label} cannot run inside of jit, vmap or grad: {blame(error)}; "
            "solve outside, or take another method"
        ) from error
    return replace(option, method=method)


def _warmed(iteration: Iteration, x0: Point, space: Space) -> Carry:
    """The state at the start. What operators keep from their first application on is made here,
    by two iterations that nobody asks for, and not in the trace of a loop.
    """
    start = iteration.begin(x0, space)
    iteration.read(iteration.advance(iteration.step(start))[1])
    return start


def unseen(term: Term) -> Term:
    """The term, with a memory of its own: it is to keep no traces."""
    return replace(term, known=dict(term.known))


def _with_step(option: Option, x0: Point, space: Space) -> Option:
    """The option, its step that no constant fixes measured along a term's values a = Ax₀:

    α = ‖a‖/‖A(x₀ + a) − a‖, 1 where no term is evaluated, or all of them are constant.
    """
    method, terms = option.method, option.terms or ()
    if not isinstance(getattr(method, "alpha", None), Arbitrary):
        return option
    if isinstance(method, Wrapper):
        start = x0 if method.scaling is None else method.scaling.reciprocal()(x0)
        inner = replace(option, method=method.method, terms=tuple(method.within(terms)))
        return replace(option, method=method._with(method=_with_step(inner, start, space).method))
    xp, found = space.xp, None
    for term in terms:
        if term.of is None and term.has_evaluation and not term.is_zero:
            a = term.operator(x0)
            moved, change = space.norm(a), space.norm(subtract(term.operator(add(x0, a)), a))
            # one number for all of a batch
            moved, change = (xp.sqrt(xp.sum(each * each)) for each in (moved, change))
            usable = (moved > 0) & (change > 0) & xp.isfinite(change)
            found = xp.where(usable, moved / xp.where(usable, change, 1.0), 1.0)
            break
    if found is None:
        return option
    return replace(option, method=method._with(alpha=found))


# -- the loop -------------------------------------------------------------------------------------


class Stand(NamedTuple):
    """Where a run stands; see ``engine.Run``, ``engine.Schedule``."""

    live: Carry
    kept: Carry
    x: Point
    nearby: tuple[Point, list[Array], Array]
    k: Array
    wait: Array  # iterations until the next look
    last: tuple[Array, Array]  # the look before, and the worst ratio then
    settling: tuple[Array, Array]
    status: Array
    done: Array
    iterations: Array
    residual: Array


def run(
    iteration: Iteration, task: Task, method: Method, terms: tuple[Term, ...], x0: Point, n: int
) -> ArraySolution:
    """n iterations at most from x₀."""
    space = task.space
    natural = natural_map(method, terms)
    start = _warmed(iteration, x0, space)
    if natural:
        natural(x0)
    plain = iteration.plain  # whose map is differentiated, where there is no other

    def carried(state: Carry) -> Carry:
        return state if plain is iteration else iteration.governing(state)

    guess = as_arrays(x0 if natural else carried(start))

    def search(_: Carry) -> tuple[Carry, ArraySolution]:
        end = _searched(iteration, task, start, n)
        u = iteration.governing(end.kept)
        more = ArraySolution(end.x, u, end.status, end.iterations, end.residual)
        return as_arrays(end.x if natural else carried(end.kept), guess), more

    def T(u: Point) -> Point:
        return natural(u) if natural else plain.step(u)

    found: ArraySolution
    u, found = fixed_point(T, guess, search, space.batch_ndim)
    if natural:
        return found._replace(x=attached(found.x, T(u)))
    reading = plain.read(plain.advance(u)[1])
    x = reading.x if reading.outward is None else reading.outward.point(reading.x)
    return found._replace(x=attached(found.x, x), u=plain.governing(u))


def natural_map(method: Method, terms: tuple[Term, ...]) -> Callable[[Point], Point] | None:
    """x ↦ R_{αG}(x − αFx), where one term is resolved and the others evaluated; in the variables of
    the method.
    """
    if isinstance(method, Wrapper) and method.scaling is not None:
        S, inner = method.scaling, natural_map(method.method, tuple(method.within(terms)))
        to_y = S.reciprocal()
        return None if inner is None else lambda x: S(inner(to_y(x)))
    resolved = [term for term in terms if term.role is Role.RESOLVED]
    if len(resolved) != 1 or any(t.role not in (Role.RESOLVED, Role.EVALUATED) for t in terms):
        return None
    alpha = getattr(method, "alpha", None)
    alpha = 1.0 if alpha is None else alpha  # x is the same for every one
    R = resolved[0].resolve(alpha)
    others = [term.evaluate for term in terms if term.role is Role.EVALUATED]

    def step(x: Point) -> Point:
        y = x
        for F in others:
            y = lincomb(1.0, y, -alpha, F(x))
        return R(y)

    return step


def _searched(iteration: Iteration, task: Task, start: Carry, n: int) -> Stand:
    """The end of a run from this state."""
    space, xp = task.space, task.space.xp

    def look(stand: Stand | None, state: Carry, k: Array) -> Stand:
        """One iteration, measured; ``engine.advance`` says what it is for."""
        watch = task.watch
        watch.calls, watch.recording = [], True
        try:
            nearby = None if stand is None else stand.nearby
            found = measured(iteration, task, state, nearby, recalled)
            run = Run(state, nearby=found.nearby)
            sure = task.stopping.ratio(believed(found.reading, run, found.measurement, task), space)
            floor = task.stopping.floor(found.measurement, space)
        finally:
            watch.calls, watch.recording = [], False
        after, x, residual = found.after, found.x, found.measurement.residual
        ratio = greatest([found.ratio, sure, found.doubt])
        zero = xp.zeros(space.batch_shape, dtype=k.dtype)
        if stand is None:
            open_, kept, iterations = zero == 0, after, zero + k
            unknown = xp.asarray(math.inf, dtype=ratio.dtype)
            status, settling, last = zero + LIMIT, (k, unknown), (0 * k, unknown)
        else:
            open_, status, settling, last = ~stand.done, stand.status, stand.settling, stand.last
            x, kept = where(open_, x, stand.x), where(open_, after, stand.kept)
            iterations = xp.where(open_, k, stand.iterations)
            residual = xp.where(open_, residual, stand.residual)
        finite = xp.isfinite(ratio)
        status = xp.where(open_ & (ratio <= 1.0), CONVERGED, status)
        status = xp.where(open_ & ~finite, NONFINITE, status)
        going = open_ & finite & (ratio > 1.0)
        worst = xp.max(xp.where(going, ratio, 0.0 * ratio))
        stalled = worst > xp.maximum(1.0, 0.5 * last[1])
        # see ``engine._give_up_at_floor``
        settled = (floor <= 1.0) & going
        level = xp.max(xp.where(settled, ratio, 0.0 * ratio))
        fresh = (level == 0.0) | (level < 0.5 * settling[1])
        tired = stalled & ~fresh & (k >= settling[0] + xp.maximum(LINGER, settling[0] // 4))
        since = xp.where(level == 0.0, math.inf, level)
        settling = xp.where(fresh, k, settling[0]), xp.where(fresh, since, settling[1])
        status = xp.where(settled & tired, PRECISION, status)
        going = going & ~(settled & tired)
        worst = xp.max(xp.where(going, ratio, 0.0 * ratio))
        wait = _planned(k, worst, last, task.stopping.endless, xp)
        wait = xp.minimum(wait, xp.maximum(n - k, 1))
        assert found.nearby is not None
        return Stand(
            after, kept, x, found.nearby, k, wait, (k, worst), settling,
            status, ~going, iterations, residual,
        )  # fmt: skip

    def body(stand: Stand) -> Stand:
        state = times(stand.wait - 1, iteration.step, stand.live)
        after: Stand = as_arrays(look(stand, state, stand.k + stand.wait), stand)
        return after

    first: Stand = as_arrays(look(None, start, xp.asarray(1)))

    def going(stand: Stand) -> Array:
        return ~xp.all(stand.done) & (stand.k < n)

    end: Stand = each_alone(partial(while_loop, going, body), first)
    return end


def _planned(k: Array, worst: Array, last: tuple[Array, Array], endless: bool, xp: Any) -> Array:
    """Iterations until the next look, as ``engine.Schedule`` says."""
    before, ratio = last
    falls = (worst > 0) & (worst < ratio) & (ratio < math.inf)
    decrease = xp.log(xp.where(falls, ratio / xp.where(falls, worst, 1.0), math.e))
    per_step = decrease / xp.maximum(k - before, 1)
    until = xp.ceil(xp.log(xp.maximum(worst, 1.0)) / per_step + 0.25)
    wait = xp.where(falls, xp.minimum(until, k), xp.maximum(1, k // 4))
    longest = k if endless else xp.maximum(SHORT, k // 10)
    return xp.astype(xp.minimum(xp.maximum(1, wait), longest), k.dtype)
