"""The proof of a method: its own iteration, run on symbols.

Of an averaged map, and of one point u: the contraction of a step, or else ‖u⁺‖² ≤ ‖u‖² − c‖r‖² with
r the residual that the method reads, or u⁺ − u where no constant bounds what that evaluates. Of
other states: a quadratic Lyapunov function of the state and of its images under linear maps, or
else of what a step computes, from a state that a step has left, so that its parts belong together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from splitkit.arguments import check_integer
from splitkit.backend import Point, Scalar, add, blocks
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator, PointMap
from splitkit.proofs import LinearLeaf, Proof, Scene, Vector, decrease, lyapunov
from splitkit.proofs.iterated import check_measures
from splitkit.proofs.program import PROGRAMS as PROGRAMS
from splitkit.proofs.prove import contracts
from splitkit.proofs.quantity import norm2
from splitkit.proofs.setting import Setting
from splitkit.solvers.iteration import Iteration
from splitkit.solvers.terms import Maps, Term

if TYPE_CHECKING:
    from splitkit.solvers.method import Method


class Symbols(Maps):
    """The maps of terms on symbols: each application is a free vector of the scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def evaluation(self, A: Operator) -> PointMap:
        return self.scene.leaf(A)

    def resolvent(self, A: Operator, alpha: Scalar) -> PointMap:
        return self.scene.leaf(A).make_resolvent(alpha)

    def cayley(self, A: Operator, alpha: Scalar) -> PointMap:
        return self.scene.leaf(A).make_cayley(alpha)

    def dual_resolvent(self, A: Operator, sigma: Scalar) -> PointMap:
        return self.scene.leaf(A).make_inverse_resolvent(sigma)

    def solution(self, A: Operator, make: Callable[[], PointMap], H: PointMap) -> PointMap:
        return self.scene.leaf(A).make_solution(H)

    def offset(self, term: Term, x: Point) -> tuple[Point, ...]:
        return ()

    def linear(self, L: LinearOperator) -> LinearOperator:
        return self.scene.linear_leaf(L)


def proof_of(method: Method, terms: tuple[Term, ...]) -> Proof:
    """See ``Method.proof``."""
    return _expressed(method, terms, lambda chosen: _proof(chosen, terms))


def proof_after(
    method: Method, terms: tuple[Term, ...], steps: int, initial: str, final: str
) -> Proof:
    """So many steps from the method's own start, and from a start that they do not move."""
    check_integer("steps", steps, 1)
    check_measures(initial, final, ("residual", "distance", "step"))
    if initial != "distance":
        raise ValueError(f"initial = {initial!r}: a method's start is measured by 'distance'")
    return _expressed(method, terms, lambda chosen: _after(chosen, terms, steps, final))


def _after(method: Method, terms: tuple[Term, ...], steps: int, final: str) -> Proof:
    setting = Setting()
    space: Any = _NoSpace()
    u, solution = setting.point("u₀"), setting.point("u*")

    def begun(at: Vector) -> tuple[Iteration, Any]:
        iteration = _iteration(method, terms, setting.scene)
        return iteration, iteration.begin(at, space)

    iteration, state = begun(u)
    before = u
    for _ in range(steps):
        before, (state, trace) = iteration.governing(state), iteration.advance(state)
    resting, fixed = begun(solution)
    after, _ = resting.advance(fixed)
    for moved, at in zip(blocks(after), blocks(fixed), strict=True):
        if isinstance(moved, Vector):
            setting.vanish(moved - at)
    last = iteration.governing(state)
    if final == "residual":
        measured = _residual(iteration, trace)
    else:
        since = blocks(solution if final == "distance" else before)
        measured = [a - b for a, b in zip(blocks(last), since, strict=True)]
    total = norm2(measured[0])
    for each in measured[1:]:
        total = total + norm2(each)
    names = (f"{final} after {steps} steps", "‖u₀ − u*‖²")
    return setting.bound(total, norm2(u - solution), names=names)


def _expressed(method: Method, terms: tuple[Term, ...], prove: Callable[[Method], Proof]) -> Proof:
    missing = method.missing(*terms)
    if missing is not None:
        raise TypeError(f"{method.label}: {missing}")
    chosen = method.choosing(*terms)
    try:
        return prove(chosen)
    except AttributeError as error:
        raise TypeError(
            f"{method.label} does not take the same linear step in every iteration, so there is no "
            f"proof by the program ({error})"
        ) from error


def linear_rate_of(method: Method, terms: tuple[Term, ...], accuracy: float) -> Proof:
    """See ``Method.linear_rate``."""

    def least(chosen: Method) -> Proof:
        low, high = 0.0, 1.0
        best = None
        while high - low > accuracy:
            rate = round((low + high) / 2, 9)
            proof = _of_a_function(chosen, terms, rate)
            if proof.holds:
                best, high = proof, rate
            else:
                low = rate
        if best is None:
            raise ValueError(f"{method.label}: no linear rate below 1 − {accuracy:g} is proved")
        return best

    return _expressed(method, terms, least)


def _of_a_function(method: Method, terms: tuple[Term, ...], rate: float) -> Proof:
    """V(s⁺) ≤ rate · V(s) − ‖r‖²."""
    ways: list[Callable[[], Proof]] = [lambda: _lyapunov(*_begin(method, terms), rate)]
    if any(term.of is not None for term in terms):  # the metric may need what L makes of it
        of_maps = (partial(_metric, method, terms, steps, rate) for steps in (0, 1))
        ways = [*of_maps, *ways]
    for way in ways:
        proof = way()
        if proof.holds:
            break
    return proof


def _proof(method: Method, terms: tuple[Term, ...]) -> Proof:
    scene, iteration, state = _begin(method, terms)
    if not (isinstance(state, Vector) or method.averaged):
        return _of_a_function(method, terms, 1.0)
    found = _contraction(scene, iteration, state)
    if found is not None:
        return found
    proof = _decrease(*_begin(method, terms))
    if proof.holds:
        return proof
    of_step = _decrease(*_begin(method, terms), of_step=True)
    return of_step if of_step.holds else proof


def _begin(method: Method, terms: tuple[Term, ...]) -> tuple[Scene, Iteration, Any]:
    """The iteration on symbols, and a state whose parts are free vectors."""
    scene, apart = Scene(), Scene()  # of what a start computes nothing is known later
    space: Any = _NoSpace()
    state = _iteration(method, terms, apart).begin(apart.new("u"), space)
    iteration = _iteration(method, terms, scene)
    iteration.enter(space)
    return scene, iteration, _freed(state, scene)


class _NoSpace:
    """The space of symbols, in which nothing is measured."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"its steps depend on values: on {name} of points")


def _iteration(method: Method, terms: tuple[Term, ...], scene: Scene) -> Iteration:
    maps = Symbols(scene)
    return method.iteration(*(term.seen_by(maps) for term in terms))


def _freed(state: Any, scene: Scene) -> Any:
    """The state with a free vector for each of its points."""
    if isinstance(state, tuple):
        return tuple(_freed(part, scene) for part in state)
    if not isinstance(state, Vector):
        raise AttributeError(f"its state holds a {type(state).__name__}")
    return scene.new(f"state {len(scene.labels)}")


def _residual(iteration: Iteration, trace: Any) -> list[Vector]:
    terms = iteration.read(trace).terms
    total = terms[0]
    for term in terms[1:]:
        total = add(total, term)
    return list(blocks(total))


def _contraction(scene: Scene, iteration: Iteration, state: Any) -> Proof | None:
    after, trace = iteration.advance(state)
    scene.vanishing += _residual(iteration, trace)
    before, after = list(blocks(state)), list(blocks(after))
    return contracts(scene, before, after, np.eye(len(before)))


def _decrease(scene: Scene, iteration: Iteration, state: Any, *, of_step: bool = False) -> Proof:
    after, trace = iteration.advance(state)
    before, after = list(blocks(state)), list(blocks(after))
    moves = [b - a for a, b in zip(before, after, strict=True)]
    measure = moves if of_step else _residual(iteration, trace)
    return decrease(scene, before, after, measure, np.eye(len(before)))


def _metric(method: Method, terms: tuple[Term, ...], steps: int, rate: float = 1.0) -> Proof:
    """A Lyapunov function of the state and of its images under linear maps alone, of a state that
    so many steps have left.
    """
    scene, iteration, state = _begin(method, terms)
    for _ in range(steps):
        earlier, (state, _) = state, iteration.advance(state)
        _stays(scene, earlier, state)
    after, trace = iteration.advance(state)
    residual = _residual(iteration, trace)
    before, then = ([v for v in blocks(s) if isinstance(v, Vector)] for s in (state, after))
    spaces = _Spaces(scene)
    parts = list(zip(before, then, strict=True))
    for L in [L for L in scene.leaves.values() if isinstance(L, LinearLeaf)]:
        for map, known in ((L, L.applied), (L.adjoint, L.adjoints)):
            fits = {spaces.of(pair.x) for pair in known}
            mapped = [(map(v), map(w)) for v, w in parts if spaces.of(v) in fits]
            before += [v for v, _ in mapped]
            then += [w for _, w in mapped]
    return lyapunov(scene, before, then, residual, rate)


def _stays(scene: Scene, state: Any, after: Any) -> None:
    """A solution is a state that stays."""
    if len(blocks(after)) == len(blocks(state)):
        then_and_now = zip(blocks(after), blocks(state), strict=True)
        scene.vanishing += [a - b for a, b in then_and_now if isinstance(a, Vector)]


class _Spaces:
    """Which free vectors are of one space: what an operator takes and gives, or a sum holds."""

    def __init__(self, scene: Scene) -> None:
        self.root = list(range(len(scene.labels)))
        for leaf in scene.leaves.values():
            if isinstance(leaf, LinearLeaf):
                for known, back in ((leaf.applied, leaf.adjoints), (leaf.adjoints, leaf.applied)):
                    self._join([p.x for p in known] + [p.u for p in back])
            else:
                for pair in leaf.pairs:
                    self._join([pair.x, pair.u])

    def of(self, v: Vector) -> int | None:
        """The space of v; None: v is 0."""
        return next((self._find(i) for i in v.coefficients), None)

    def _find(self, i: int) -> int:
        while self.root[i] != i:
            i = self.root[i]
        return i

    def _join(self, vectors: list[Vector]) -> None:
        indices = [i for v in vectors for i in v.coefficients]
        for i in indices[1:]:
            self.root[self._find(i)] = self._find(indices[0])


def _lyapunov(scene: Scene, iteration: Iteration, state: Any, rate: float = 1.0) -> Proof:
    first, _ = iteration.advance(state)
    second, left = iteration.advance(first)
    _, then = iteration.advance(second)
    _stays(scene, state, first)
    before = [v for v in blocks((first, left)) if isinstance(v, Vector)]
    after = [v for v in blocks((second, then)) if isinstance(v, Vector)]
    return lyapunov(scene, before, after, _residual(iteration, left), rate)
