"""Members of classes of operators that break a claim, by search: turns of the plane and curves.

Where the worst points of a claim are those of no operator that is found, the program may ask for
more than is true, or there are operators through other points that break the claim as well. Two
kinds of them are drawn many at a time, run, and the worst are drawn again nearby:

    x ↦ sx + tJx of the plane, for gradients m plus a symmetric matrix: every pair has the same
    s = ⟨Δx, Δu⟩/‖Δx‖² and w = ‖Δu‖²/‖Δx‖², which the forms allow or not; the solution is 0;

    curves of the line, piecewise linear with slopes s that the forms allow, nearly upright ones
    if none is too large, so that an operator may be met at points where it differs; the solution
    is searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from splitkit.backend import Point, Scalar
from splitkit.operators.base import Operator, PointMap
from splitkit.proofs.extensions import as_text
from splitkit.proofs.instances import CLOSE, Matrix
from splitkit.properties import Properties

COUNT = 256  # operators of each kind at a time
ROUNDS = 3
KEPT = 8  # of which the next ones are drawn nearby
KNOTS = 3
FAR = 1e6  # units: slopes where none is too large
SINGULAR = 1e10  # the condition number from which an inverse is rounding
ANGLES = np.linspace(0, np.pi, 48, endpoint=False)
GRID = np.concatenate([-np.geomspace(1e3, 5, 12), np.linspace(-4, 4, 81), np.geomspace(5, 1e3, 12)])
HALVINGS = 60
DRAWN = 2 * KNOTS + 3  # numbers that make an operator

Run: TypeAlias = Callable[[Sequence[Operator], Any], Any]  # u⁺ of these operators at u


class Curve(Operator):
    """Curves of the line through points (xⱼ, uⱼ), with slopes beyond the first and the last, one
    for each first index of x; applied to every number.
    """

    def __init__(self, x: Any, u: Any, slopes: Any, properties: Properties) -> None:
        self.x, self.u, self.slopes, self.known = x, u, slopes, properties

    @property
    def properties(self) -> Properties:
        return self.known

    def __call__(self, x: Point) -> Point:
        return _along(x, self.x, self.u, self.slopes)

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        sums, slopes = self.x + alpha * self.u, 1 / (1 + alpha * self.slopes)
        return lambda y: _along(y, sums, self.x, slopes)

    def one(self, k: int) -> Curve:
        """The one of this index."""
        return Curve(self.x[k], self.u[k], self.slopes[k], self.known)

    def __repr__(self) -> str:
        points = ", ".join(as_text(p) for p in zip(self.x, self.u, strict=True))
        first, last = self.slopes
        return f"the curve of slope {first:.4g}, through {points}, of slope {last:.4g}"


def _along(t: Any, at: Any, values: Any, slopes: Any) -> Any:
    """The piecewise linear function with these values at the knots, in the last axis."""
    if at.ndim > 1:  # of each curve many t
        at, values, slopes = at[:, None], values[:, None], slopes[:, None]
    s = np.asarray(t)[..., None]
    lengths, rises = np.diff(at), np.diff(values)
    # of a piece without length nothing is passed
    passed = np.clip(s - at[..., :-1], 0.0, lengths) / np.where(lengths > 0, lengths, 1.0)
    inner = np.sum(passed * rises, axis=-1)
    before = np.minimum(s[..., 0] - at[..., 0], 0.0) * slopes[..., 0]
    after = np.maximum(s[..., 0] - at[..., -1], 0.0) * slopes[..., 1]
    return values[..., 0] + inner + before + after


class _Turns(Operator):
    """Matrices, applied to matrices."""

    def __init__(self, M: Any, properties: Properties) -> None:
        self.M, self.known = M, properties

    @property
    def properties(self) -> Properties:
        return self.known

    def __call__(self, x: Point) -> Point:
        return self.M @ x

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        (a, b), (c, d) = np.moveaxis(np.eye(2) + alpha * self.M, 0, -1)
        det, sizes = a * d - b * c, a * a + b * b + c * c + d * d
        det = np.where(sizes <= SINGULAR * np.abs(det), det, np.nan)  # what is nearly singular
        inverse = np.moveaxis(np.array([[d, -b], [-c, a]]) / det, -1, 0)  # is not looked at
        return lambda y: inverse @ y

    def one(self, k: int) -> Matrix:
        return Matrix(self.M[k], np.zeros(2), np.zeros(2), self.known)


@dataclass(frozen=True)
class Breaking:
    """Operators, a solution and a point that move as no claim allows."""

    operators: list[Operator]
    solution: Any
    point: Any


def breaking(
    classes: Sequence[tuple[Properties, float]], run: Run, contraction: bool
) -> list[Breaking]:
    """The worst that is found of each kind, for a claim of contraction, or one of decrease; the
    classes have a unit each, 1/α of their resolvents.
    """
    made = []
    for kind in (_of_the_plane, _of_the_line):
        with np.errstate(all="ignore"):
            found = _worst(kind, classes, run, contraction)
        if found is not None:
            made.append(found)
    return made


def _worst(
    kind: Any, classes: Sequence[tuple[Properties, float]], run: Run, contraction: bool
) -> Breaking | None:
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-0.2, 1.2, (COUNT, len(classes), DRAWN))
    best, most = None, -math.inf
    for spread in (0.1, 0.02, 0.0)[:ROUNDS]:
        numbers = np.clip(drawn, 0.0, 1.0)
        stacks = [
            kind.draw(properties, unit, numbers[:, k])
            for k, (properties, unit) in enumerate(classes)
        ]
        if any(each is None for each in stacks):
            return None
        excess, at = kind.excess(lambda u: run(stacks, u), contraction)  # noqa: B023
        excess = np.where(np.isfinite(excess), excess, -math.inf)
        order = np.argsort(-excess)[:KEPT]
        if excess[order[0]] > most:
            most, k = excess[order[0]], order[0]
            best = Breaking([each.one(k) for each in stacks], *at(k))
        near = np.repeat(drawn[order], COUNT // KEPT, axis=0)
        drawn = near + spread * rng.normal(size=near.shape)
    return best


def _excess(before: Any, after: Any, moved: Any, contraction: bool) -> Any:
    """What a claim says nothing is of: the growth, or −c."""
    if contraction:
        return after / before
    return np.where(moved > CLOSE**2 * before, (after - before) / moved, -math.inf)


def _allowed(properties: Properties, unit: float) -> tuple[float, float]:
    """Of s, as far as slopes are drawn."""
    low, high = properties._s_range
    L = properties.lipschitz
    far = FAR * unit if L is None else L
    low = max(low, -far)
    return low, max(low, min(high, far))


class _of_the_plane:
    @staticmethod
    def draw(properties: Properties, unit: float, numbers: Any) -> _Turns | None:
        low, high = _allowed(properties, unit)
        p, q, r, k = numbers.T[:4]
        if properties.gradient:
            first, second = low + (high - low) * p ** (1 + 8 * k), low + (high - low) * q
            c, s = np.cos(np.pi * r), np.sin(np.pi * r)
            turn = np.moveaxis(np.array([[c, -s], [s, c]]), -1, 0)
            D = np.zeros_like(turn)
            D[:, 0, 0], D[:, 1, 1] = first, second
            return _Turns(turn @ D @ np.swapaxes(turn, 1, 2), properties)
        s = low + (high - low) * p ** (1 + 8 * k)
        least, most = s * s, np.full_like(s, np.inf)
        for a, b, c in properties.forms:
            if not all(map(math.isfinite, (a, b, c))):
                return None
            at = a + 2 * b * s
            if c < 0:
                most = np.minimum(most, at / -c)
            elif c > 0:
                least = np.maximum(least, -at / c)
        if not np.isfinite(most).all():
            most = np.full_like(s, max(abs(low), abs(high)) ** 2)
        w = least + np.maximum(most - least, 0.0) * q
        t = np.sqrt(np.maximum(w - s * s, 0.0)) * np.where(r < 0.5, -1.0, 1.0)
        J = np.array([[0.0, -1.0], [1.0, 0.0]])
        return _Turns(s[:, None, None] * np.eye(2) + t[:, None, None] * J, properties)

    @staticmethod
    def excess(run: Any, contraction: bool) -> tuple[Any, Any]:
        T = run(np.broadcast_to(np.eye(2), (COUNT, 2, 2)))
        v = np.array([np.cos(ANGLES), np.sin(ANGLES)])
        after, moved = T @ v, (T - np.eye(2)) @ v
        ends, steps = (np.sum(p * p, axis=1) for p in (after, moved))
        found = _excess(1.0, ends, steps, contraction)
        worst = np.argmax(np.where(np.isfinite(found), found, -np.inf), axis=1)
        excess = np.take_along_axis(found, worst[:, None], 1)[:, 0]
        return excess, lambda k: (np.zeros(2), v[:, worst[k]])


class _of_the_line:
    @staticmethod
    def draw(properties: Properties, unit: float, numbers: Any) -> Curve | None:
        low, high = _allowed(properties, unit)
        if any(form[2] > 0 for form in properties.forms):
            return None
        knots = np.sort(4 * numbers[:, :KNOTS] - 2, axis=1)
        slopes = numbers[:, KNOTS : 2 * KNOTS + 1]
        if properties.linear:
            slopes = np.repeat(slopes[:, :1], KNOTS + 1, axis=1)
        slopes = low + (high - low) * slopes
        rises = slopes[:, 1:-1] * np.diff(knots)
        first = (2 * numbers[:, -1:] - 1) * 2 * min(max(abs(low), high), unit)
        u = np.concatenate([first, first + np.cumsum(rises, axis=1)], axis=1)
        return Curve(knots, u, slopes[:, [0, -1]], properties)

    @staticmethod
    def excess(run: Any, contraction: bool) -> tuple[Any, Any]:
        u = np.broadcast_to(GRID, (COUNT, len(GRID)))
        moved = run(u) - u
        change = np.sign(moved[:, 1:]) != np.sign(moved[:, :-1])
        at = np.argmax(change, axis=1)[:, None]
        low, high = GRID[at], GRID[at + 1]
        rises = np.take_along_axis(moved, at + 1, 1) > np.take_along_axis(moved, at, 1)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            left = (run(middle) > middle) == rises
            low, high = np.where(left, low, middle), np.where(left, middle, high)
        v = (low + high) / 2
        still = np.abs(run(v) - v) <= 1e-9 * np.maximum(1.0, np.abs(v))
        near = 10.0 ** np.arange(-2, 2)
        points = np.concatenate([u, v + near, v - near], axis=1)
        after = run(points)
        before = (points - v) ** 2
        fits = still & change.any(axis=1)[:, None] & (before > 1e-4 * np.maximum(1.0, v * v))
        found = _excess(before, (after - v) ** 2, (after - points) ** 2, contraction)
        found = np.where(fits, found, -np.inf)
        worst = np.argmax(np.where(np.isfinite(found), found, -np.inf), axis=1)
        excess = np.take_along_axis(found, worst[:, None], 1)[:, 0]
        return excess, lambda k: (v[k], points[k, worst[k]][None])
