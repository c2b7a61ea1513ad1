"""What the operators of a solve return, seen at the checks: kind, finiteness, and their constants.

Pairs of the graphs are collected while an iteration is inspected. The pairs of two checks must
satisfy what an operator declares; a pair that does not is a proof that it is wrong. An evaluation
gives the pair (x, u); a resolvent y ↦ x the pair (x, (y − x)/α); a Cayley operator y ↦ c the pair
((y + c)/2, (y − c)/2α); the resolvent y ↦ u of A⁻¹ with step σ the pair ((y − u)/σ, u).

Of an evaluated operator only pairs with x in the domains of the resolved ones are compared: what is
declared of F in F + N_C is meant on C, and x₀, or what extrapolates, may lie elsewhere.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    blocks,
    device,
    is_array,
    lincomb,
    namespace,
    same_kind,
    scale,
    subtract,
)
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.looks import unchanging
from splitkit.meshes import at_fault
from splitkit.operators.base import Operator, PointMap
from splitkit.operators.callables import CallableOperator
from splitkit.problems.pseudo_gradient import PseudoGradient
from splitkit.properties import form_text
from splitkit.solvers.terms import Maps
from splitkit.tracing import ASIDE

Pair = tuple[Point, Point]
# a resolvent that is not of the evaluated operator's space
ELSEWHERE = (ArithmeticError, TypeError, ValueError, RuntimeError)


@dataclass(frozen=True)
class Watched:
    """A map of an operator, and how to read a pair of its graph off an application."""

    watch: Watch
    operator: Operator
    plain: PointMap
    pair: Callable[[Point, Point], Pair]
    of_someone: bool

    def __call__(self, y: Point) -> Point:
        if not self.watch.recording or ASIDE.get():
            return self.plain(y)
        try:
            value = unchanging(self.plain, y, self.operator) if self.of_someone else self.plain(y)
        except Exception as error:
            error.add_note(f"in an application of {self.operator!r}")
            raise
        if type(value) is not type(y) or type(y) is tuple:
            self._require_point(value)
        self.watch.calls.append((self.operator, self.pair, y, value))
        return value

    def _require_point(self, value: object) -> None:
        if not all(map(is_array, blocks(value))):
            raise TypeError(
                f"{self.operator!r} returned a {type(value).__name__}: an operator returns a "
                "point like its argument"
            )


# an operator, how to read a pair, an argument and its value; no map, which holds the list of calls
Call = tuple[Operator, Callable[[Point, Point], Pair], Point, Point]


@dataclass
class Watch(Maps, threading.local):
    """Collects calls of a term's maps while ``recording``, and judges them at a check; each thread
    that runs a plan by itself.
    """

    recording: bool = False
    calls: list[Call] = field(default_factory=list)
    last_pairs: dict[int, list[Pair]] = field(default_factory=dict)
    declared: dict[int, bool] = field(default_factory=dict)  # by an operator's identity
    resolved: dict[int, Operator] = field(default_factory=dict)  # alike
    elsewhere: str = ""
    consistent: list[Call] | None = None  # calls whose pairs are known to contradict nothing

    def begin(self) -> None:
        """Forget what was seen: a run begins."""
        self.recording, self.calls, self.last_pairs, self.elsewhere = False, [], {}, ""
        self.consistent = None

    def evaluation(self, A: Operator) -> PointMap:
        return Watched(self, A, A.make_evaluation(), lambda x, u: (x, u), self.is_of_someone(A))

    def resolvent(self, A: Operator, alpha: Scalar) -> PointMap:
        def pair(y: Point, x: Point) -> Pair:
            return x, scale(1 / alpha, subtract(y, x))

        self.resolved[id(A)] = A
        return Watched(self, A, A.make_resolvent(alpha), pair, self.is_of_someone(A))

    def cayley(self, A: Operator, alpha: Scalar) -> PointMap:
        def pair(y: Point, c: Point) -> Pair:
            half = 0.5 / alpha
            return lincomb(0.5, y, 0.5, c), lincomb(half, y, -half, c)

        self.resolved[id(A)] = A
        return Watched(self, A, A.make_cayley(alpha), pair, self.is_of_someone(A))

    def dual_resolvent(self, A: Operator, sigma: Scalar) -> PointMap:
        def pair(y: Point, u: Point) -> Pair:
            return scale(1 / sigma, subtract(y, u)), u

        return Watched(self, A, A.inverse.make_resolvent(sigma), pair, self.is_of_someone(A))

    def solution(self, A: Operator, make: Callable[[], PointMap], H: PointMap) -> PointMap:
        return Watched(self, A, make(), _OfSolution(H), self.is_of_someone(A))

    def unseen(self, f: PointMap) -> PointMap:
        return f.plain if isinstance(f, Watched) else f

    def elements(self) -> dict[int, Point]:
        """By an operator's identity, the element of it that the last of its calls gave."""
        return {id(A): pair(y, value)[1] for A, pair, y, value in self.calls}

    def is_of_someone(self, A: Operator) -> bool:
        """Whether someone declared what is known of A: then it was written by them, too."""
        if id(A) not in self.declared:
            self.declared[id(A)] = declares(A)
        return self.declared[id(A)]

    def require_same_kind(self, k: int, since: int = 0) -> None:
        """Raise ValueError if one of the calls, but for so many, returned a point of another kind
        than its argument.
        """
        for A, _, argument, value in self.calls[since:]:
            if not same_kind(argument, value):
                before, after = ([_kind(a) for a in blocks(point)] for point in (argument, value))
                raise ValueError(
                    f"an operator changed the point at iteration {k}: {A!r} returned "
                    f"{_says(after)} for {_says(before)}"
                )

    def nonfinite(self, space: Space) -> str | None:
        """Which call made NaN or Inf of a finite point."""
        for A, _, argument, value in self.calls:
            if space.isfinite(argument) and not space.isfinite(value):
                return f"{A!r}{''.join(map(at_fault, blocks(value)))}"
        return None

    def compared(self) -> list[Call]:
        """The calls whose pairs are: those of what someone declared."""
        return [
            call
            for call in self.calls
            if self.declared[id(call[0])] and not isinstance(call[1], _OfSolution)
        ]

    def contradiction(self, space: Space) -> str | None:
        """Which operator has two pairs that contradict what it declares, and the inequality.

        What this library computes or proves is not compared: only constants that someone declared.
        What is so only outside of a domain is remembered as ``elsewhere``.
        """
        if not any(self.declared.values()):
            return None
        pairs: dict[int, list[Pair]] = {}
        xp = space.xp
        for call, pair, others in _beside_others(self.compared(), self.last_pairs, pairs):
            if self.calls is self.consistent or not others:
                continue
            A, _, argument, _ = call
            found = [
                (form, xp.where(value < -allowed, value, xp.zeros_like(value)))
                for form, value, allowed in _inequalities(call, pair, others, space)
            ]
            found = [(form, broken) for form, broken in found if bool(xp.any(broken < 0))]
            for i, other in enumerate(others if found else ()):
                for form, broken in found:
                    values = counted = broken[i, ...]
                    if not bool(xp.any(values < 0)):
                        continue
                    text = f"{A!r}: {form_text(form)}, which it declares, is {{:.3g}}"
                    if pair[0] is argument:  # of an evaluation
                        inside = self._inside(pair[0], space) & self._inside(other[0], space)
                        counted = xp.where(inside, values, xp.zeros_like(values))
                    if bool(xp.any(counted < 0)):
                        least = text.format(float(xp.min(counted)))
                        return f"{least} for two pairs (x, u) of its graph"
                    self.elsewhere = text.format(float(xp.min(values)))
        self.last_pairs = pairs
        return None

    def _inside(self, x: Point, space: Space) -> Array:
        """Of which batch elements x is in the domains of what is resolved."""
        size = space.norm(x)
        found = size >= 0
        for A in self.resolved.values():
            try:
                moved = space.norm(subtract(x, nearest_in_domain(A, x, space)))
            except ELSEWHERE:
                continue
            found = found & ~(moved > math.sqrt(space.eps) * size)
        return found


def _beside_others(
    calls: list[Call], last: dict[int, list[Pair]], pairs: dict[int, list[Pair]]
) -> Iterator[tuple[Call, Pair, list[Pair]]]:
    """Each call with its pair and those that it is compared with: the earlier ones of its operator,
    and the last check's; ``pairs`` is told of all.
    """
    for call in calls:
        A, read_pair, argument, value = call
        pair = read_pair(argument, value)
        known = pairs.setdefault(id(A), [])
        yield call, pair, [*known, *last.get(id(A), ())]
        known.append(pair)


def are_consistent(calls: list[Call], last: dict[int, list[Pair]], space: Space) -> Array:
    """Whether no pairs contradict what is declared, anywhere, and none is out of range: what
    ``Watch.contradiction`` finds nothing in, without a decision of the host.
    """
    xp = space.xp
    found = [xp.ones((), dtype=xp.bool, device=space.device)]
    for call, pair, others in _beside_others(calls, last, {}):
        for _, value, allowed in _inequalities(call, pair, others, space) if others else ():
            found.append(xp.all((value >= -allowed) & (allowed < math.inf)))
    return xp.all(xp.stack(found))


def nearest_in_domain(A: Operator, x: Point, space: Space) -> Point:
    """About the nearest point of A's domain: R_{αA}x with a tiny α."""
    return A.make_resolvent(math.pow(space.xp.finfo(space.dtype).max, -0.4))(x)


@dataclass(frozen=True)
class _OfSolution:
    """(x, h − Hx) of x = (A + H)⁻¹h: an element, whose rounding is the factorization's."""

    H: PointMap

    def __call__(self, h: Point, x: Point) -> Pair:
        return x, subtract(h, self.H(x))


def declares(A: object) -> bool:
    """Whether someone declared the constants of this operator, function or linear map, or of what
    it is made of.
    """
    if not isinstance(A, (Operator, Function, LinearOperator)):
        return False
    if isinstance(A, (CallableOperator, PseudoGradient)) or not _is_ours(A):
        return True
    if isinstance(A, Function):  # it proves its constants
        return False
    if isinstance(A, LinearOperator) and A.has_declared_constants:
        return True
    parts = [p for v in vars(A).values() for p in (v if isinstance(v, tuple) else (v,))]
    return any(declares(part) for part in parts if part is not A)


def _is_ours(thing: object) -> bool:
    return type(thing).__module__.startswith(("splitkit.", "splitkit_nn."))


def _inequalities(
    call: Call, one: Pair, others: list[Pair], space: Space
) -> Iterator[tuple[tuple[float, float, float], Array, Array]]:
    """Of each inequality (a, b, c) that an operator declares the values for a pair and each of the
    others, and how far below 0 they may be: by far more than rounding.
    """
    xp = space.xp
    eps = float(xp.finfo(space.dtype).eps)
    differences = [(subtract(one[0], x), subtract(one[1], u)) for x, u in others]
    xx = xp.stack([space.inner(dx, dx) for dx, _ in differences])
    xu = xp.stack([space.inner(dx, du) for dx, du in differences])
    uu = xp.stack([space.inner(du, du) for _, du in differences])
    size_x = space.norm(one[0]) + xp.stack([space.norm(x) for x, _ in others])
    norm_u = space.norm(one[1])
    size_u = norm_u + xp.stack([space.norm(u) for _, u in others])
    # u = (y − x)/α has lost the digits of x and y, scaled as u is
    A, _, argument, value = call
    moved = space.norm(argument) + space.norm(value)
    gain = _safe(norm_u, space.norm(subtract(argument, value)), xp)
    noise_x = 1000 * eps * (size_x + moved)
    noise_u = 1000 * eps * (size_u + gain * moved)
    nx, nu = xp.sqrt(xx), xp.sqrt(uu)
    for a, b, c in A.properties.forms:
        if not all(map(math.isfinite, (a, b, c))):
            continue
        value = a * xx + 2 * b * xu + c * uu
        allowed = math.sqrt(eps) * (abs(a) * xx + 2 * abs(b) * nx * nu + abs(c) * uu)
        allowed = allowed + 2 * noise_x * (abs(a) * (nx + noise_x) + abs(b) * (nu + noise_u))
        allowed = allowed + 2 * noise_u * (abs(c) * (nu + noise_u) + abs(b) * (nx + noise_x))
        yield (a, b, c), value, allowed


def _safe(p: Array, q: Array, xp: Any) -> Array:
    """p/q, 1 where q = 0."""
    return xp.where(q > 0, p / xp.where(q > 0, q, xp.ones_like(q)), xp.ones_like(p))


def _kind(a: Any) -> tuple[object, ...]:
    if not is_array(a):
        return (type(a).__name__,)
    return (namespace(a).__name__, tuple(a.shape), a.dtype, device(a))


def _says(kinds: list[tuple[object, ...]]) -> str:
    return " × ".join(
        f"shape {k[1]}, {k[2]} on {k[3]}" if len(k) == 4 else f"a {k[0]}" for k in kinds
    )
