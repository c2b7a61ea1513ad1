"""Guarantees computed from a step itself: its tight rate, or the decrease that proves convergence.

Contraction.  ρ²‖u‖² − ‖u⁺‖² is a non-negative combination of the operators' inequalities, plus a
square: every choice of operators with these properties contracts by ρ, and no smaller ρ holds for
all of them, as long as the inequalities say all that is known of the operators' values.

Decrease.  ‖u⁺ − u*‖² ≤ ‖u − u*‖² − c‖s‖² for a residual s, with the greatest c: c > 0 proves that
s → 0 (Fejér), c ≤ 0 refuses, and the dual solution shows points that break the inequality.

u* is a solution: a fixed point of the step, where s vanishes. What is called proved was verified in
rational numbers (``certify.py``); what is called refuted was run (``instances.py``).

Source: Ryu, Taylor, Bergeling, Giselsson (2020); Lessard, Recht, Packard (2016).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, count as counted, permutations, product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from splitkit.operators.base import Operator
from splitkit.progress import Progress, telling
from splitkit.proofs.abstract import symbolic
from splitkit.proofs.attempt import Attempt, Known, of_linear_map, worst_points
from splitkit.proofs.certify import Multipliers
from splitkit.proofs.extensions import ThroughPoints
from splitkit.proofs.faces import between_solutions, may_differ
from splitkit.proofs.instances import operator_through
from splitkit.proofs.interpolation import Smooth, interpolation_of
from splitkit.proofs.iterated import after_steps
from splitkit.proofs.members import breaking
from splitkit.proofs.outcome import NotExpressibleError, Outcome
from splitkit.proofs.program import NEAR, PROGRAMS, Answer, Claim, balanced_units, least_value
from splitkit.proofs.proof import CONTRACTION, DECREASE, LYAPUNOV, Family, Proof, Template
from splitkit.proofs.quadratic import Quadratic, square
from splitkit.proofs.runs import PointPair, Row, Runs
from splitkit.proofs.symbols import Leaf, Scene, Vector
from splitkit.properties import Form

POSITIVE = 1e-7  # below it a decrease is rounding, in units of the claim
GREATEST = 1e6  # to which a decrease is sought
CYCLE = (("x", "u"), ("y", "v"), ("z", "w"), ("p", "q"))  # names of the points of a cycle
SHORT = 1e3  # times the square of a step: a distance that grows by more does so by itself
LARGE = 1e4  # a factor that refutes a claim that no factor fulfils

# operators for those of the step ↦ (states ↦ (their successors, the measure)), on arrays
Replay: TypeAlias = Callable[
    [Callable[[Operator], Operator]], Callable[[list[Any]], tuple[list[Any], list[Any]]]
]


def contraction(
    scene: Scene,
    before: list[Vector],
    after: list[Vector],
    metric: Any,
    replay: Replay | None = None,
) -> Proof:
    """The least ρ² with V(after) ≤ ρ² V(before), V(s) = Σ Pᵢⱼ⟨sᵢ, sⱼ⟩ for the metric P.

    Examples
    --------
    >>> from splitkit.proofs import Scene, contraction
    >>> scene = Scene()
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> A, x = scene.leaf(F), scene.new("x")
    >>> print(contraction(scene, [x], [x - 0.25 * A(x)], np.eye(1)).value)  # 1 − m²/L²
    0.75
    """
    found, runs = _contraction(scene, before, after, metric)
    return _proved(found, runs, 1.0, before, replay)


def contracts(scene: Scene, before: list[Vector], after: list[Vector], metric: Any) -> Proof | None:
    """The contraction, if one is proved; it is not sought where two solutions may be apart."""
    return _if_proved(*_contraction(scene, before, after, metric), before, after)


def _if_proved(
    found: Attempt, runs: Runs, before: list[Vector], after: list[Vector]
) -> Proof | None:
    vanishing = _differences(runs, (*_moves(before, after), *runs.scene.vanishing))
    if may_differ(found.program, vanishing, _differences(runs, before)):
        return None
    verified = _verified(found, 1.0)
    return None if verified is None else found.proof(verified, Outcome.PROVED, "")


def _contraction(
    scene: Scene, before: list[Vector], after: list[Vector], metric: Any
) -> tuple[Attempt, Runs]:
    moves = _moves(before, after)
    runs = Runs(scene, moves)
    start, step = _differences(runs, before), _differences(runs, moves)
    B, C = square(start, metric), square(_sums(start, step), metric)
    claim = CONTRACTION[len(before) > 1]
    found = _attempt(runs, claim, B, C, 0.0, (*start, *step))
    if runs.is_double:  # a solution beside itself: all differences are 0
        same = [{i: Fraction(1)} for i in range(runs.differing)]
        return replace(found, off=_between(runs, same, found)), runs
    return replace(found, off=()), runs


def _moves(before: list[Vector], after: list[Vector]) -> list[Vector]:
    return [b - a for a, b in zip(before, after, strict=True)]


def decrease(
    scene: Scene,
    before: list[Vector],
    after: list[Vector],
    measure: list[Vector],
    metric: Any,
    replay: Replay | None = None,
) -> Proof:
    """The greatest c with V(after) ≤ V(before) − c‖measure‖².

    Examples
    --------
    >>> from splitkit.proofs import Scene, decrease
    >>> scene = Scene()
    >>> A = scene.leaf(sk.Operator.from_callable(lambda x: x, cocoercivity=1.0))
    >>> x = scene.new("x")
    >>> print(decrease(scene, [x], [x - 0.5 * A(x)], [A(x)], np.eye(1)).value)  # α(2β − α)
    0.75
    """
    moves = _moves(before, after)
    runs = Runs(scene, [*moves, *measure])
    start, step, s = (_differences(runs, each) for each in (before, moves, measure))
    if not any(s):
        raise NotExpressibleError("the step does not move any point: it has no residual")
    ends = square(_sums(start, step), metric).terms
    C = Quadratic((*ends, *((-c, p, q) for c, p, q in square(start, metric).terms)))
    found = _attempt(runs, DECREASE, square(s), C, -GREATEST, (*s, *start, *step))
    unit = found.unit  # of c: a residual may be in other units than the points
    if not 1 / NEAR < unit < NEAR:
        found = replace(found, program=replace(found.program, least=-GREATEST * unit))
    found = replace(found, off=_between(runs, (*step, *s), found))
    return _proved(found, runs, -POSITIVE * unit, before, replay)


def lyapunov(
    scene: Scene,
    before: list[Vector],
    after: list[Vector],
    measure: list[Vector],
    rate: float = 1.0,
) -> Proof:
    """V(after) ≤ rate · V(before) − ‖measure‖² for some quadratic V ≥ 0, which the program finds:
    the measures are square-summable, and with a rate below 1 they vanish linearly.

    V(s) = Σ Pᵢⱼ⟨sᵢ, sⱼ⟩ + Σ Nᵢⱼ(‖L‖²⟨xᵢ, xⱼ⟩ − ⟨Lxᵢ, Lxⱼ⟩) with P, N ⪰ 0, the second sum for the
    linear maps L, and their adjoints, that the step has applied to all xᵢ of a state and of its
    successor. So V may be the metric ‖x‖²/τ − 2⟨Lx, y⟩ + ‖y‖²/σ, for σ‖L‖² ≤ 1/τ.

    Examples
    --------
    >>> from splitkit.proofs import Scene, lyapunov
    >>> scene = Scene()
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> A, x = scene.leaf(F), scene.new("x")
    >>> proof = lyapunov(scene, [x], [x - 0.25 * A(x)], [A(x)], rate=0.8)  # ρ² = .75 is the least
    >>> print(proof.holds)
    True
    """
    moves = _moves(before, after)
    runs = Runs(scene, [*moves, *measure])
    start, step, r = (_differences(runs, each) for each in (before, moves, measure))
    end = _sums(start, step)
    ONE, ρ = Fraction(1), scene.numbers.exact(rate)
    at = tuple({"x": e, "x₋": s} for e, s in zip(end, start, strict=True))
    metric = Family("V", ((ONE, "x", "x"), (-ρ, "x₋", "x₋")), at)
    bounded = _bounded_by_maps(runs, before, after, ρ)
    text = f"V(s⁺) ≤ {'' if rate == 1 else f'{rate:.9g} '}V(s) {LYAPUNOV}"
    B, zero = square(r), Quadratic(())
    found = _attempt(runs, text, B, zero, -1.0, (*r, *step, *start), (*bounded, metric))
    found = replace(found, off=_between(runs, (*step, *r), found))
    solved, least = _comparable(found, r)
    verified = _verified(solved, -(1 - 1e-4))
    if verified is not None:
        proof = found.proof(verified.divided_by(least), Outcome.PROVED, "")
    else:
        promising = solved.answer.value < -(1 - 1e-4)
        outcome, reason, *_ = _not_proved(solved, runs, promising, before, None)
        proof = solved.proof(None, outcome, reason)
    return replace(proof, points=None)


def _comparable(attempt: Attempt, r: Sequence[Row]) -> tuple[Attempt, Fraction]:
    """The same with Σ wᵢ‖rᵢ‖² in the place of ‖r‖², and the least w: primal and dual parts of a
    residual may have units that are far apart. As wᵢ ≥ min w, the multipliers of this claim,
    divided by min w, prove the other.
    """
    program = attempt.program
    units = balanced_units(replace(attempt.claim, B=np.zeros_like(attempt.claim.B)))
    D = np.outer(units, units)
    parts = [square([row]) for row in r if row]
    sizes = [float(np.linalg.norm(D * part.matrix(program.size))) for part in parts]
    if max(sizes) <= NEAR * min(sizes):
        return attempt, Fraction(1)
    weights = [Fraction(2) ** -round(math.log2(size)) for size in sizes]
    terms = (
        (w * c, p, q) for w, part in zip(weights, parts, strict=True) for c, p, q in part.terms
    )
    weighted = replace(program, B=Quadratic(tuple(terms)))
    return replace(attempt, program=weighted), min(weights)


def prove(
    step: Operator | Callable[..., Any],
    *operators: Operator,
    steps: int | None = None,
    initial: str = "distance",
    final: str = "residual",
    start: int = 1,
    progress: bool | None = None,
) -> Proof:
    """What is guaranteed for a step u ↦ u⁺, or so many ``steps``, by the properties of its
    operators alone.

    Parameters
    ----------
    step : Operator, callable or method
        An operator expression T, such as ``G.resolvent(a) @ (Identity() - a * F)``. Or a function
        that takes operators and returns an expression, or a function u ↦ u⁺ of points; it may only
        take linear combinations, and apply the operators and their resolvents. Or what has a
        ``proof`` of its own, as methods have.
    *operators : Operator
        What the function, or the method, is given.
    steps : int, optional
        Bound the measure ``final`` after so many steps by the measure ``initial`` before the first,
        of those that ``splitkit/proofs/iterated.py`` names: "distance", "residual", "step", "best
        residual", "value", "gradient". Then u ↦ u⁺ may also be (u, k) ↦ u⁺, a step that changes
        with its number k = 0, 1, ….
    initial, final : str
        See ``steps``.
    start : int
        With ``steps``: how many points u holds; if they are several, it is a tuple of them.
    progress : bool, optional
        A bar; None: on a terminal or in a notebook, after three seconds.

    Returns
    -------
    Proof
        With ``steps`` the least factor that was found, verified in rational numbers. Else the
        contraction, if the step contracts; else the decrease with s = u⁺ − u. Both compare with
        a fixed point u*. See ``Proof.outcome``: what is proved was verified in rational numbers,
        and what is refuted comes with operators, on which the step was run.

    Raises
    ------
    ImportError
        Clarabel is missing.
    TypeError
        An argument is no step or operator; or the step does something else with points than the
        above (``NotExpressibleError``).

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> proof = sk.prove(sk.Identity() - 0.25 * F)
    >>> print(proof.rate)  # the worst of all such operators
    0.866
    """
    with telling(progress, PROGRAMS):
        return _prove(step, operators, steps, initial, final, start)


def _prove(
    step: Any,
    operators: tuple[Operator, ...],
    steps: int | None,
    initial: str,
    final: str,
    start: int,
) -> Proof:
    if hasattr(step, "proof") and not isinstance(step, (Operator, type)):
        if start != 1:
            raise ValueError(f"start = {start}: a method has a start of its own; leave it out")
        given = {} if steps is None else {"steps": steps, "initial": initial, "final": final}
        of_method: Proof = step.proof(*operators, **given)
        return of_method
    if isinstance(step, type) or not callable(step):
        raise TypeError(f"step = {step!r}: give an operator expression, a function or a method")
    if steps is None and (initial, final, start) != ("distance", "residual", 1):
        raise ValueError(
            f"initial = {initial!r}, final = {final!r}, start = {start} are of so many steps: "
            "give steps as well"
        )
    for A in operators:
        if not isinstance(A, Operator):
            raise TypeError(f"operators hold {A!r}: give operators, with the properties to be used")
    if steps is not None:
        return after_steps(lambda leaf: _map(step, operators, leaf), steps, initial, final, start)
    scene, again = Scene(), Scene()
    u, after = _run(step, operators, scene)
    if not isinstance(step, Operator):
        _, repeated = _run(step, operators, again)
        if (after.key, scene.record()) != (repeated.key, again.record()):
            raise NotExpressibleError(
                "the step is another one at each call: it remembers something, or draws numbers"
            )
    found, runs = _contraction(scene, [u], [after], np.eye(1))
    proof = _if_proved(found, runs, [u], [after])
    replay = _replay(step, operators)
    if proof is not None:

        def on_worst() -> tuple[dict[str, Operator], float]:
            shown = _shown(runs, found.text, found.claim, found.answer, [u], replay)
            return shown.instances, shown.attained

        return replace(proof, on_worst=on_worst)
    decreases = _decreases(scene, u, after, replay)
    if decreases.outcome is not Outcome.FAILED and decreases.value > -SHORT:
        return decreases
    # where the distance may grow and the step be short, no c is least
    expands = _proved(found, runs, 1.0, [u], replay)
    return decreases if expands.outcome is Outcome.FAILED else expands


def _run(step: Any, operators: tuple[Operator, ...], scene: Scene) -> tuple[Vector, Vector]:
    """u and u⁺ on symbols."""
    T = _map(step, operators, scene.leaf)
    u = scene.new("u")
    after = T(u)
    if not isinstance(after, Vector) or after.scene is not scene:
        raise NotExpressibleError(f"the step returned {after!r} in the place of a point")
    return u, after


def _map(step: Any, operators: tuple[Operator, ...], leaf: Callable[[Operator], Operator]) -> Any:
    """u ↦ u⁺ with ``leaf(A)`` for each operator A."""
    leaf = _once(leaf)
    if isinstance(step, Operator):
        return symbolic(step, leaf)
    if not operators and not _takes(step, 0):
        if not (_takes(step, 1) or _takes(step, 2)):
            raise TypeError(f"step = {step!r} takes operators: give them after it")
        return step
    if not _takes(step, len(operators)):
        raise TypeError(f"step = {step!r} takes other operators than the {len(operators)} given")
    made = step(*(leaf(A) for A in operators))
    T = symbolic(made, leaf) if isinstance(made, Operator) else made
    if not callable(T):
        raise TypeError(
            f"step returned {made!r} for the operators: return an expression, or a function u ↦ u⁺"
        )
    return T


def _once(leaf: Callable[[Operator], Operator]) -> Callable[[Operator], Operator]:
    """The same, which leaves what it has made as it is."""
    made: dict[int, Operator] = {}

    def once(A: Operator) -> Operator:
        if id(A) not in made:
            B = leaf(A)
            made[id(A)] = made[id(B)] = B
        return made[id(A)]

    return once


def _takes(step: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(step).bind(*(None,) * count)
    except TypeError:
        return False
    except ValueError:  # it has no signature
        return True
    return True


def _replay(step: Any, operators: tuple[Operator, ...]) -> Replay:
    def replay(instance: Callable[[Operator], Operator]) -> Any:
        T = _map(step, operators, instance)

        def run(state: list[Any]) -> tuple[list[Any], list[Any]]:
            after = T(state[0])
            return [after], [after - state[0]]

        return run

    return replay


def best_step(
    step: Callable[..., Any],
    *operators: Operator,
    bounds: tuple[float, float] | Sequence[tuple[float, float]] = (1e-4, 1e4),
    progress: bool | None = None,
) -> tuple[Any, Proof]:
    """The parameters with the least proved rate: minimizes over α, or (α, β, …), the ρ of
    ``step(α)``.

    Parameters
    ----------
    step : callable
        What ``prove`` takes, for a step size, or for several parameters.
    *operators : Operator
        What ``prove`` is given with it.
    bounds : (least, greatest), or a sequence of them
        Of the step size; of each parameter, if there are several.
    progress : bool, optional
        A bar; None: on a terminal or in a notebook, after three seconds.

    Returns
    -------
    (alpha, proof), or (tuple of parameters, proof)

    Raises
    ------
    ValueError
        No parameters within the bounds contract, or the bounds are no positive intervals.

    Examples
    --------
    >>> F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=1.0, lipschitz=2.0)
    >>> alpha, proof = sk.best_step(lambda a: sk.Identity() - a * F)
    >>> print(alpha, proof.rate)  # m/L² and √(1 − m²/L²)
    0.25 0.866
    """
    several = np.ndim(bounds) == 2
    given: Sequence[Any] = bounds if several else [bounds]
    intervals = [(float(a), float(b)) for a, b in given]
    if not intervals or not all(0 < a < b < math.inf for a, b in intervals):
        raise ValueError(f"bounds = {bounds}: give 0 < least < greatest step size")

    tried = counted(1)

    def rate(logs: Any) -> float:
        bar.report(next(tried))
        scene = Scene()
        u, after = _run(step(*(math.exp(t) for t in logs)), operators, scene)
        return min(_contraction(scene, [u], [after], np.eye(1))[0].answer.value, 1e6)

    box = np.log(intervals)
    # the rate may be 1 or more on most of the range: look at a grid first
    with Progress(progress, what="proof of a rate") as bar:
        seen = {point: rate(point) for point in _grid(box)}
        best = min(seen, key=lambda point: seen[point])
        found = _descend(rate, np.array(best), box)
    if not found[1] < 1:
        raise ValueError(f"no alpha in {bounds} is proved to contract: the least ρ² is {found[1]}")
    # near the least value a proof may not verify: then the nearest parameters that have one
    contracting = (point for point, value in seen.items() if value < 1)
    near = sorted(contracting, key=lambda point: float(np.linalg.norm(np.array(point) - found[0])))
    for logs in (found[0], *near):
        chosen = tuple(math.exp(t) for t in logs)
        proof = prove(step(*chosen), *operators)
        if proof.rate is not None:
            return chosen if several else chosen[0], proof
    raise ValueError(f"no alpha in {bounds} is proved to contract: {proof.reason}")


def _grid(box: Any) -> list[tuple[float, ...]]:
    """Points of a box: 41 of an interval, about 400 of several."""
    count = 41 if len(box) == 1 else max(3, round(400 ** (1 / len(box))))
    return list(product(*(map(float, np.linspace(low, high, count)) for low, high in box)))


def _descend(rate: Callable[[Any], float], start: Any, box: Any) -> tuple[Any, float]:
    """The least rate near a point of the grid: by Brent's method, or Nelder and Mead's."""
    if len(box) == 1:
        [(low, high)] = box
        width = (high - low) / 40
        around = (max(low, start[0] - width), min(high, start[0] + width))
        found = minimize_scalar(
            lambda t: rate([t]), bounds=around, method="bounded", options={"xatol": 1e-8}
        )
        return np.array([found.x]), float(found.fun)
    options = {"xatol": 1e-6, "fatol": 1e-10, "maxfev": 200 * len(box)}
    several = minimize(rate, start, method="Nelder-Mead", bounds=box, options=options)
    return several.x, float(several.fun)


def _bounded_by_maps(
    runs: Runs, before: list[Vector], after: list[Vector], ρ: Fraction
) -> list[Family]:
    """What (‖L‖²⟨xᵢ, xⱼ⟩ − ⟨Lxᵢ, Lxⱼ⟩)ᵢⱼ grows by in a step, for each linear map and adjoint."""
    found: list[Family] = []
    ONE, row = Fraction(1), runs.difference
    for L in runs.linear:
        if not L.norm < math.inf:
            continue
        norm = Fraction(float(L.norm)) ** 2
        terms = ((norm, "x", "x"), (-ONE, "Lx", "Lx"), (-ρ * norm, "x₋", "x₋"), (ρ, "Lx₋", "Lx₋"))
        for known in (L.applied, L.adjoints):
            ends: list[dict[str, Row]] = []
            for b, a in zip(before, after, strict=True):
                Lb, La = _image(b, known), _image(a, known)
                if Lb is not None and La is not None:
                    ends.append({"x": row(a), "Lx": row(La), "x₋": row(b), "Lx₋": row(Lb)})
            if ends:
                found.append(Family(f"V, of {L!r}", terms, tuple(ends)))
    return found


def _image(x: Vector, known: Sequence[Any]) -> Vector | None:
    """Lx, if the step has applied L to all free vectors of x."""
    total = x.scene.zero()
    for i, c in x.coefficients.items():
        image = next((pair.u for pair in known if i in pair.x.coefficients), None)
        if image is None:
            return None
        total = total + image * c
    return total


def _decreases(scene: Scene, u: Vector, after: Vector, replay: Replay) -> Proof:
    return decrease(scene, [u], [after], [after - u], np.eye(1), replay)


def _differences(runs: Runs, vectors: Sequence[Vector]) -> list[Row]:
    return [runs.difference(v) for v in vectors]


def _sums(a: Sequence[Row], b: Sequence[Row]) -> list[Row]:
    return [_combined(p, 1, q) for p, q in zip(a, b, strict=True)]


def _combined(p: Row, c: int, q: Row) -> Row:
    """p + cq."""
    total = dict(p)
    for i, v in q.items():
        total[i] = total.get(i, Fraction(0)) + c * v
    return {i: v for i, v in total.items() if v}


def _attempt(
    runs: Runs,
    text: str,
    B: Quadratic,
    C: Quadratic,
    least: float,
    vectors: Sequence[Row],
    free: Sequence[Family] = (),
) -> Attempt:
    """Collect what is known of the operators."""
    stated = [q for leaf in runs.leaves for q in _of_pairs(runs, leaf)]
    # an equality as two inequalities would leave the program without interior
    forms = {(q.operator, q.of, q.form) for q in stated if q.form is not None}
    two_sided = [q for q in stated if (q.operator, q.of, _opposite(q)) in forms]
    one_sided = [q for q in stated if q not in two_sided]
    two_sided = [q for q in two_sided if (q.form or ()) > (_opposite(q) or ())]
    adjoints, families = _of_linear_maps(runs)
    return Attempt.of(
        text, runs.labels, B, C, (one_sided, two_sided), adjoints, (*families, *free),
        (*vectors, *_ends(runs)), least=least, sign=1 if text in CONTRACTION else -1,
    )  # fmt: skip


def _between(runs: Runs, vanishing: Sequence[Row], attempt: Attempt) -> tuple[Row, ...]:
    """What two solutions may differ by, where this vanishes, and what does at every solution."""
    given = (*vanishing, *(runs.difference(v) for v in runs.scene.vanishing))
    maps = [runs.linear_pairs(known) for L in runs.linear for known in (L.applied, L.adjoints)]
    program = attempt.program
    return tuple(
        between_solutions(program.size, given, program.inequalities, program.equalities, maps)
    )


def _verified(attempt: Attempt, limit: float) -> Multipliers | None:
    """Multipliers of a t below the limit."""
    found = attempt.on_its_face
    if found is not None and found.value < limit:
        return found
    found = attempt.certified if attempt.answer.value < limit else None
    return found if found is not None and found.value < limit else None


def _proved(
    attempt: Attempt, runs: Runs, limit: float, before: list[Vector], replay: Replay | None
) -> Proof:
    """Proved if a t below the limit is verified; refuted if a run shows it; or neither, and why."""
    found = _verified(attempt, limit)
    if found is not None:
        return attempt.proof(found, Outcome.PROVED, "")
    promising = attempt.answer.value < limit
    outcome, reason, instances, attained = _not_proved(attempt, runs, promising, before, replay)
    return attempt.proof(None, outcome, reason, instances=instances, attained=attained)


def _not_proved(
    attempt: Attempt, runs: Runs, promising: bool, before: list[Vector], replay: Replay | None
) -> tuple[Outcome, str, dict[str, Operator], float | None]:
    answer, claim, text = attempt.answer, attempt.claim, attempt.text
    if promising:
        return Outcome.FAILED, attempt.failure, {}, None
    if text.endswith(LYAPUNOV):
        if not (answer.is_near or answer.is_impossible):
            return Outcome.FAILED, f"it found no function (status: {answer.status})", {}, None
        what = "no quadratic function of the state decreases for all operators like these"
        return Outcome.INEXPRESSIBLE, what, {}, None
    if replay is None:
        return Outcome.INEXPRESSIBLE, "no run of it on single operators is known", {}, None
    if answer.is_impossible:
        units = np.outer(answer.units, answer.units)
        B, C = (float(np.linalg.norm(units * M)) for M in (claim.B, claim.C))
        Q = LARGE * C / B * claim.B - claim.C
        claim = replace(claim, inequalities=(*claim.inequalities, Q))
        answer = least_value(claim)
    why, through = "the inequalities leave it open", None
    try:
        shown = _shown(runs, text, claim, answer, before, replay)
        if _refutes(text, shown.attained):
            through = shown
        else:
            why = f"{why}: operators through their worst points attain {shown.attained:.6g} only"
    except ValueError as error:
        why = f"{why}: {error}"
    if through is None or any(isinstance(A, ThroughPoints) for A in through.instances.values()):
        found = _searched(runs, text, before, replay)
        if found is not None and (through is None or _breaks_as_much(text, found, through)):
            through = found
    if through is not None:
        return _refuted(through)
    if answer.is_solved or answer.is_impossible:
        return Outcome.INEXPRESSIBLE, why, {}, None
    return Outcome.FAILED, f"it gave no multipliers (status: {answer.status})", {}, None


class _Shown(NamedTuple):
    """Operators, the value that a run on them attains, and by what it multiplies the squared
    distance.
    """

    instances: dict[str, Operator]
    attained: float
    growth: float


def _refutes(text: str, attained: float) -> bool:
    return attained >= 1 - 1e-7 if text in CONTRACTION else attained <= 1e-6


def _breaks_as_much(text: str, found: _Shown, other: _Shown) -> bool:
    """Whether it breaks the claim by half of that, at least."""
    one, two = (
        each.attained - 1 if text in CONTRACTION else -each.attained for each in (found, other)
    )
    return one >= two / 2 - 1e-6


def _refuted(shown: _Shown) -> tuple[Outcome, str, dict[str, Operator], float]:
    reason = f"a run on it attains {shown.attained:.9g}: ‖u⁺‖² = {shown.growth:.6g} ‖u‖²"
    return Outcome.REFUTED, reason, shown.instances, shown.attained


def _searched(runs: Runs, text: str, before: list[Vector], replay: Replay) -> _Shown | None:
    """The worst operators of the plane, or of the line, that a search finds, if they refute."""
    if len(before) > 1 or runs.linear:
        return None
    own = [leaf for leaf in runs.leaves if leaf.pairs]

    def run(operators: Sequence[Operator], u: Any) -> Any:
        return replay(_in_order(runs, operators))([u])[0][0]

    def unit(leaf: Leaf) -> float:
        sizes = (abs(c) for p in leaf.pairs for c in p.u.coefficients.values())
        return float(max(sizes, default=1))

    classes = [(leaf.properties, unit(leaf)) for leaf in own]
    best: _Shown | None = None
    for found in breaking(classes, run, text in CONTRACTION):
        # where what is seen is rounding, a point beside it shows something else
        points = (found.solution + (found.point - found.solution) * c for c in (1.0, 1 + 1e-9))
        try:
            seen = [
                _attained(text, replay(_in_order(runs, found.operators)), [found.solution], [p])
                for p in points
            ]
        except ValueError:  # the solution is none
            continue
        values = [value for value, _ in seen]
        if not all(_refutes(text, value) for value in values):
            continue
        if abs(values[1] - values[0]) > 1e-3 * abs(values[0]):
            continue
        named = {leaf.name: A for leaf, A in zip(own, found.operators, strict=True)}
        shown = _Shown(named, *seen[0])
        if best is None or shown.growth > best.growth:
            best = shown
    return best


def _in_order(runs: Runs, operators: Sequence[Operator]) -> Callable[[Operator], Operator]:
    """These for those that the step applies, as it meets its operators."""
    given = iter(operators)
    made = iter([next(given) if leaf.pairs else leaf.A for leaf in runs.leaves])
    return lambda _: next(made)


def _shown(
    runs: Runs,
    text: str,
    claim: Claim,
    answer: Answer,
    before: list[Vector],
    replay: Replay,
) -> _Shown:
    """Operators through the worst points."""
    if not np.isfinite(answer.gram).all():
        raise ValueError("there are no worst points")
    points = worst_points(claim, answer)
    scale = max(float(np.abs(points).max()), 1e-300)
    even = max(2, points.shape[1] + points.shape[1] % 2)
    points = np.hstack([points / scale, np.zeros((len(points), even - points.shape[1]))])
    solution = runs.at_solution(points)

    def differences(v: Vector) -> Any:
        return sum((float(c) * points[i] for i, c in runs.difference(v).items()), np.zeros(even))

    def at_solution(v: Vector) -> Any:
        return sum((float(c) * solution[i] for i, c in v.coefficients.items()), np.zeros(even))

    named: dict[str, Operator] = {}
    for leaf in runs.leaves:
        if not leaf.pairs:
            continue
        pairs = [(at_solution(p.x), at_solution(p.u)) for p in leaf.pairs]
        pairs += [
            (at_solution(p.x) + differences(p.x), at_solution(p.u) + differences(p.u))
            for p in leaf.pairs
        ]
        x, u = (np.array(each) for each in zip(*_distinct(pairs), strict=True))
        found = operator_through(x, u, leaf.properties, leaf.resolvent_step)
        if found is None:
            raise ValueError(f"none of {leaf!r} through the worst points was found")
        named[leaf.name] = found
    start = [at_solution(v) for v in before]
    moved = [at_solution(v) + differences(v) for v in before]
    run = replay(_in_order(runs, list(named.values())))
    return _Shown(named, *_attained(text, run, start, moved))


def _attained(text: str, run: Any, start: list[Any], moved: list[Any]) -> tuple[float, float]:
    """The value that a run attains beside a solution, and by what it multiplies the squared
    distance.
    """
    (fixed, _), (after, measure) = run(start), run(moved)

    def size(vectors: Sequence[Any]) -> float:
        return float(sum(np.sum(v * v) for v in vectors))

    first = size([a - b for a, b in zip(moved, start, strict=True)])
    last = size([a - b for a, b in zip(after, fixed, strict=True)])
    if size([a - b for a, b in zip(fixed, start, strict=True)]) > 1e-8 * max(first, last):
        raise ValueError("their solution is no fixed point")
    growth = last / first if first else math.inf
    attained = growth if text in CONTRACTION else (first - last) / max(size(measure), 1e-300)
    return attained, growth


def _distinct(pairs: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The pairs without repetitions; the first one is at the solution."""
    kept: list[tuple[Any, Any]] = []
    sizes = [max(float(np.linalg.norm(p[k])) for p in pairs) or 1.0 for k in (0, 1)]
    for pair in pairs:
        if all(
            any(np.linalg.norm(pair[k] - other[k]) > 1e-6 * sizes[k] for k in (0, 1))
            for other in kept
        ):
            kept.append(pair)
    if len(kept) == 1:
        kept.append(kept[0])
    return kept


def _of_pairs(runs: Runs, leaf: Leaf) -> list[Known]:
    pairs, name = runs.pairs(leaf), repr(leaf)
    found: list[Known] = []
    forms = [
        form
        for form in dict.fromkeys(leaf.properties.forms)
        if all(map(math.isfinite, form)) and any(form)
    ]
    for i in range(len(pairs)):
        for j in range(i):
            x = _combined(pairs[i].x, -1, pairs[j].x)
            u = _combined(pairs[i].u, -1, pairs[j].u)
            first = pairs[j].label
            of = pairs[i].label if first == "pair 0" else f"{first} and {pairs[i].label}"
            found += [Known.of_form(name, of, form, x, u) for form in forms]
    if len(pairs) > 2 and leaf.properties.gradient:
        known = interpolation_of(leaf.properties)
        if isinstance(known, Smooth):
            found += [_of_cycle(name, known, cycle) for cycle in _cycles(pairs)]
    return [q for q in found if not q.quadratic.is_zero]


def _cycles(pairs: Sequence[PointPair]) -> Iterator[tuple[PointPair, ...]]:
    """Cycles of three and of four pairs, of more pairs those of three."""
    for count in (3, 4) if len(pairs) <= 4 else (3,):
        for first, *rest in combinations(pairs, count):
            yield from ((first, *order) for order in permutations(rest))


def _of_cycle(operator: str, known: Smooth, cycle: Sequence[PointPair]) -> Known:
    """Of the inequalities between the values of a function at these points in turn the sum, which
    has no values: of convex functions Σ⟨uᵢ, xᵢ − xᵢ₊₁⟩ ≥ 0 (Rockafellar's cyclic monotonicity).
    """
    names = CYCLE[: len(cycle)]
    at = {
        name: row
        for (x, u), pair in zip(names, cycle, strict=True)
        for name, row in ((x, pair.x), (u, pair.u))
    }
    terms: dict[tuple[str, str], Fraction] = {}
    m, L = Fraction(known.m), None if known.L == math.inf else Fraction(known.L)

    def add(c: Fraction, p: Sequence[tuple[int, str]], q: Sequence[tuple[int, str]]) -> None:
        for (a, v), (b, w) in product(p, q):
            key = (min(v, w), max(v, w))
            terms[key] = terms.get(key, Fraction(0)) + a * b * c

    for (x, u), (y, v) in zip(names, (*names[1:], names[0]), strict=True):
        Δx, Δu = ((1, x), (-1, y)), ((1, u), (-1, v))
        add(Fraction(1), ((1, u),), Δx)  # f(y) ≥ f(x) + ⟨u, y − x⟩ + …
        if L is None:
            add(-m / 2, Δx, Δx)
        else:
            c = 1 / (2 * (1 - m / L))
            add(-c / L, Δu, Δu)
            add(-c * m, Δx, Δx)
            add(2 * c * m / L, Δx, Δu)
    kept = tuple((c, p, q) for (p, q), c in terms.items() if c)
    Q = Quadratic(tuple((c, at[p], at[q]) for c, p, q in kept))
    return Known(operator, ", ".join(pair.label for pair in cycle), Q, Template(kept), at)


def _of_linear_maps(runs: Runs) -> tuple[list[Quadratic], list[Family]]:
    equalities: list[Quadratic] = []
    families: list[Family] = []
    for L in runs.linear:
        equal, bounded = of_linear_map(
            L, runs.linear_pairs(L.applied), runs.linear_pairs(L.adjoints)
        )
        equalities += equal
        families += bounded
    return equalities, families


def _ends(runs: Runs) -> list[Row]:
    """The vectors that linear maps take and give, and their differences."""
    found: list[Row] = []
    for L in runs.linear:
        for known in (runs.linear_pairs(L.applied), runs.linear_pairs(L.adjoints)):
            for i, pair in enumerate(known):
                found += pair
                for other in known[:i]:
                    found += [_combined(p, -1, q) for p, q in zip(pair, other, strict=True)]
    return found


def _opposite(q: Known) -> Form | None:
    if q.form is None:
        return None
    a, b, c = q.form
    return (-a, -b, -c)
