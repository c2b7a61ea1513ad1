"""Steps that no constant fixes, from the data: 1 is as good as 10⁸ to a problem in other units.

‖x − R_{αA}x‖ does not decrease in α > 0, and ‖x − R_{αA}x‖/α does not increase. The α at which it
is ‖x‖/2 is the *natural step* of A at x; a normal cone, which moves x as far with any α, has none,
and any suits it. For x ↦ tA(x/s) at sx it is sα/t: iterations with such a step are the same in all
units. A method takes the geometric mean of those of its terms at a typical point: at first the
largest of x₀ and of the zeros of single terms next to it, then what a few trial steps lead to.

Source: Bauschke, Combettes (2017), Prop. 23.31, for what grows and what does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy.optimize import brentq

from splitkit.backend import Point, Space, lincomb, namespace, scale, subtract
from splitkit.functions.spectral.spectral import Spectral
from splitkit.functions.subdifferential import Subdifferential
from splitkit.linear.estimate import estimate_norm
from splitkit.operators.base import Operator
from splitkit.solvers.iteration import Iteration, Reading
from splitkit.solvers.terms import Role, Term

STEPS = 10  # of a trial
TRIALS = 4
PULL = 5.0  # by which part of ‖x‖ a constant may move x, as constraints take most of it back
FURTHEST = 0.1  # part of the greatest number, that a step is at most
FLATTER = 1e3  # by which an operator may be flatter along x than its Lipschitz constant says
ALIKE = 4.0  # two steps of a smaller quotient serve as well as each other


class Arbitrary(float):
    """A step that no constant fixes: the method converges with any, and ``solve`` measures one."""


ANY = Arbitrary(1.0)


def size(x: Point, space: Space) -> float:
    """‖x‖; of a batch the greatest."""
    return math.hypot(*(float(space.xp.max(part)) for part in space.norms(x)))


def longest(space: Space) -> float:
    """The longest step that is tried, of which the shortest is the inverse."""
    return math.pow(space.xp.finfo(space.dtype).max, 0.4)


def natural_step(A: Operator, x: Point, space: Space) -> float | None:
    """α with ‖y − R_{αA}y‖ = ‖x‖/2 at y = x, or else at y = 0; None: there is none, or what moves y
    as far may be rounding of a part of A that is steeper by more than its inverse: which moves y as
    far by steps that are shorter by that, or has moved it by all that it does.
    """
    A, x = by_singular_values(A, x)
    half, end = 0.5 * size(x, space), math.log(longest(space))
    rounding = math.log(float(space.xp.finfo(space.dtype).eps))
    for y in (x, scale(0.0, x)):

        def moved(log_alpha: float, y: Point = y) -> float:
            after = resolved(A, math.exp(log_alpha), y)
            length = math.inf if after is None else size(subtract(y, after), space)
            return length if math.isfinite(length) else 2 * half

        if moved(-end) < half < moved(end):
            found = brentq(
                lambda log_alpha: moved(log_alpha) - half, -end, end, xtol=0.01, rtol=1e-12
            )
            before = moved(found + rounding)
            # what moved y there, and not for any step, would by a tenth of the step move as far
            is_spent = moved(-end) < 0.5 * before < moved(found + rounding - math.log(10.0))
            if before < 0.01 * half and not is_spent:
                return math.exp(found)
    return None


def by_singular_values(A: Operator, x: Point) -> tuple[Operator, Point]:
    """∂f and σ(X) of ∂(f∘σ) and X: resolvents move both as far, and one decomposition does."""
    if isinstance(A, Subdifferential) and isinstance(A.f, Spectral):
        return Subdifferential(A.f.f), namespace(x).linalg.svdvals(x)
    return A, x


def resolved(A: Operator, alpha: float, x: Point) -> Point | None:
    """R_{αA}x; None: the step is too long, or too short, for its numbers."""
    try:
        return A.make_resolvent(alpha)(x)
    except (ArithmeticError, ValueError, RuntimeError):  # as of a matrix that cannot be factored
        return None


def zero_next_to(A: Operator, x: Point, space: Space) -> Point | None:
    """The limit of R_{αA}x for long α, the projection of x onto the zeros of A; None: it has none,
    or they are farther away than α is long.
    """
    end = longest(space)
    near, far = (resolved(A, alpha, x) for alpha in (0.01 * end, end))
    if near is None or far is None:
        return None
    moved = size(subtract(far, near), space)
    return far if moved <= 0.01 * size(far, space) < math.inf else None


def typical_point(terms: Sequence[Term], x0: Point, space: Space) -> Point:
    """The largest of x₀ and of what single terms make of it: x₀ − Ax₀/L with the Lipschitz constant
    L, or else the zero next to x₀; of LᵀBL it is Lᵀz/‖L‖² for the zero z of B next to Lx₀.
    """
    found = [x0]
    for term in terms:
        A, L = term.operator, term.of
        if L is None and term.lipschitz and A.has_evaluation:
            found.append(lincomb(1.0, x0, -1 / term.lipschitz, A(x0)))
        elif term.role is Role.EVALUATED or not A.has_resolvent:
            continue
        elif L is None:
            found.append(zero_next_to(A, x0, space))
        elif 0 < (norm := gain(term, x0)) < math.inf:
            z = zero_next_to(A, L(x0), L.range_space(space))
            found.append(None if z is None else scale(1 / norm**2, L.adjoint(z)))
    return max((x for x in found if x is not None), key=lambda x: size(x, space))


def gain(term: Term, x_like: Point) -> float:
    """‖L‖ of a composed term, estimated where no bound is known: for a scale, not for a theorem."""
    norm = term.L.norm
    if norm < math.inf:
        return norm
    if "gain" not in term.known:
        found = estimate_norm(term.L, x_like, probability=0.1, accuracy=1.0)
        term.known["gain"] = found.value
    known: float = term.known["gain"]
    return known


def term_step(term: Term, x: Point, space: Space) -> float | None:
    """The natural step of a term in its role, of LᵀBL that of B over ‖L‖²; None: any suits it."""
    A, L = term.operator, term.of
    if L is not None:
        if term.is_zero or not 0 < (norm := gain(term, x)) < math.inf:
            return None
        step = term_step(Term(A, Role.RESOLVED), L(x), L.range_space(space))
        return None if step is None else step / norm**2
    moved = size(x, space)
    if term.is_zero or not moved > 0:
        return 1 / term.lipschitz if term.lipschitz else None
    if term.lipschitz and A.has_evaluation:
        change = size(subtract(A(x), A(scale(0.0, x))), space)
        return min(moved / change, FLATTER / term.lipschitz) if change > 0 else None
    if A.has_evaluation:  # a constant
        value = size(A(x), space)
        return PULL * moved / value if 0 < value < math.inf else None
    return natural_step(A, x, space) if A.has_resolvent else None


def mean_step(terms: Sequence[Term], x: Point, space: Space) -> float | None:
    """The geometric mean of the terms' natural steps, as far as the dtype holds it and its inverse;
    None: any step suits all of them.
    """
    known = [step for term in terms if (step := term_step(term, x, space)) is not None]
    if not known:
        return None
    mean = math.fsum(map(math.log, known)) / len(known)
    end = math.log(FURTHEST * float(space.xp.finfo(space.dtype).max))
    return math.exp(min(max(mean, -end), end))


def measured_step(
    terms: Sequence[Term],
    x0: Point,
    space: Space,
    iteration: Callable[[float], Iteration],
    counted: Sequence[Term] = (),
) -> float:
    """The step at a typical point, and again where a few iterations with it lead to, of the
    iteration with this step; the mean is that of all terms, or of those that are counted.
    """
    x, step = typical_point(terms, x0, space), 0.0
    for _ in range(TRIALS):
        found = mean_step(counted or terms, x, space)
        if found is None or alike(found, step):
            break
        step = found
        x = trial(iteration(step), x0, space)[1].x
    return step or 1.0


def measured_primal_step(
    terms: Sequence[Term], x0: Point, space: Space, iteration: Callable[[float], Iteration]
) -> float:
    """τ = ‖x − x₀‖/‖L‖‖y − y₀‖, which makes the bound of a primal-dual method least if (x, y) is
    the solution: of what a few iterations lead to, at first with the natural step. Where each such
    τ leads to another, as where ‖y − y₀‖ follows √σ (a barrier's), they tell of themselves alone,
    and the natural one is taken.

    Source: Chambolle, Pock (2011), Thm. 1; Applegate et al., *Practical large-scale linear
    programming using primal-dual hybrid gradient* (2021), §3.3.
    """
    step = natural = mean_step(terms, typical_point(terms, x0, space), space) or 1.0
    norm = next(term.of.norm for term in terms if term.of is not None)
    for _ in range(TRIALS):
        start, _, (x, y) = trial(iteration(step), x0, space)
        in_x, in_y = size(subtract(x, start[0]), space), size(subtract(y, start[1]), space)
        if not (0 < in_x < math.inf and 0 < in_y < math.inf) or alike(in_x / in_y / norm, step):
            return step
        step = in_x / in_y / norm
    return natural


def alike(found: float, step: float) -> bool:
    """Whether two steps serve as well as each other."""
    return step > 0 and 1 / ALIKE <= found / step <= ALIKE


def trial(iteration: Iteration, x0: Point, space: Space) -> tuple[Point, Reading, Point]:
    """The governing point where a few steps from x₀ begin, what is read after them, and it then."""
    state = iteration.begin(x0, space)
    start = iteration.governing(state)
    for _ in range(STEPS - 1):
        state = iteration.step(state)
    state, trace = iteration.advance(state)
    return start, iteration.read(trace), iteration.governing(state)
