"""The proximal method of multipliers for: minimize ½⟨x, Px⟩ + ⟨q, x⟩ subject to Ax ∈ C.

    x⁺ ≈ argmin φ(x) = ½⟨x, Px⟩ + ⟨q, x⟩ + ‖x − x̂‖²/2γ + ½‖w − P_C(w)‖²_Σ,   w = Ax + Σ⁻¹y,
    y⁺ = Σ(w − P_C(w)),    x̂⁺ = x⁺.

It is the proximal point algorithm for the KKT operator in the metric diag(I/γ, Σ⁻¹), and converges
wherever there is a solution, at any γ and Σ > 0, if ‖∇φ(x⁺)‖ is summable; the larger γ and Σ, the
fewer the steps. ∇φ is piecewise smooth and strongly monotone: Newton's method with an exact line
search finds its zero, in finitely many steps where C is made of intervals. Σ grows in the rows that
are not met, as long as the rounding of w, times Σ, stays below what the dual residual may be.

Source: Rockafellar, *Augmented Lagrangians and applications of the proximal point algorithm in
convex programming* (1976); Li, Sun, Toh, *An asymptotically superlinearly convergent semismooth
Newton augmented Lagrangian method for linear programming* (2020); Hermans, Themelis, Patrinos,
*QPALM* (2022), whose Σ this is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_array, diags_array, vstack

from splitkit.outcomes import Status
from splitkit.problems.programs.data import Data, Units, sizes
from splitkit.problems.programs.interior import Interior
from splitkit.problems.programs.measures import (
    EPS,
    Measures,
    balanced,
    descends,
    largest,
    levelled,
    purged,
    separates,
)
from splitkit.problems.programs.newton import NewtonSystem
from splitkit.problems.programs.rows import Vector

FIRST_GAMMA, GROWTH, LAST_GAMMA = 10.0, 10.0, 1e7
FAR_GAMMA = 1e10  # the last one where the dual residual, of which (x⁺ − x̂)/γ is part, is slow
LEAST_SIGMA, FIRST_SIGMA, LAST_SIGMA = 1e-6, (1e-4, 1e4), 1e8
FALLS = 0.25  # factor by which a row is to come nearer to being met, or its σ grows
RAISED = 100.0  # by which it grows at most
ROOM = 1e3  # by which σ may be larger where rounding turns out to be that much smaller
LOWERED = 5.0  # by which σ falls where its rounding is in the way
INNER = 100  # Newton steps for one x⁺
SETTLED = 3  # of them without progress, by one factorization, are rounding
SETTLED_APART = 12  # and by several, where cones bend smoothly
FALLING = 1e-6  # part of the objective by which φ falls there beyond rounding
NEAR, FURTHEST, SEARCH = 0.1, 1e4, 20  # of line searches on what bends smoothly
TIGHTER = 0.1  # factor of ‖∇φ‖ from step to step
ENOUGH = 1e-3  # part of the tolerance that ‖∇φ‖ need not be below
SEEN = 1e-3  # part of what was seen to cancel, beside which residuals are judged at least
HOPELESS = 0.1  # a measure that after ``EARLY`` interior points may mean that there is no solution
STALLED = 0.5  # part of the measure ``EARLY`` points before, which may mean it too
EARLY = 5
FURTHER = 3  # interior points beyond the tolerance, where cones bend smoothly
SURELY = 1e-4  # part of the tolerance at which that is far enough
ORDER = 2_000  # rows of a cone, from which a factorization of all of them takes seconds
POLISHING = (1e7, 1e6, 1e4)  # σ of proximal steps after them elsewhere, until one suffices
POLISH_STEPS = 10  # of Newton in each
PATIENCE = 150  # steps without progress, after which what is left is rounding
DOUBTED = 15  # of them, after which there may be no solution
BARE_GAMMAS = 1e4, 1e7, 1e10, 1e13, 1e13, 1e13  # of proximal steps to the least ‖Ax − P_C(Ax)‖


@dataclass
class Steps:
    """γ and Σ, in the program's units; kept from one solve to the next."""

    gamma: float = FIRST_GAMMA
    sigma: Vector | None = None


@dataclass
class Trail:
    """What was measured after each step, oldest first.

    Attributes
    ----------
    iteration : list of int
        Newton steps made by then.
    measures : list of Measures
    """

    iteration: list[int] = field(default_factory=list)
    measures: list[Measures] = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    """When a run ends.

    Attributes
    ----------
    tol : float
        For the largest of the measures.
    max_iter : int
        Newton steps.
    seconds : float
        After which no other step begins.
    look : callable
        Called after each step with the Newton steps made by then, x, y and what was measured; a
        true return value ends the run.
    """

    tol: float
    max_iter: int
    seconds: float = np.inf
    look: Callable[[int, Vector, Vector, Measures], object] | None = None


@dataclass(frozen=True)
class Outcome:
    """Where a run ended, in the units of the data: the best point, or a proof that there is none.

    Attributes
    ----------
    x, y : arrays
    status : Status
    iterations, factorizations : int
        Newton steps, and how many of them factored a matrix.
    measures : Measures
    proof : array or None
        v of an infeasible program, d of an unbounded one.
    trail : Trail
    """

    x: Vector
    y: Vector
    status: Status
    iterations: int
    factorizations: int
    measures: Measures
    proof: Vector | None
    trail: Trail


class Multipliers:
    """The method with all that it keeps from solve to solve: units, steps and factorization."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.units = Units.of(data)
        self.scaled = self.units.applied(data)
        self.system = NewtonSystem(self.scaled)
        self.steps, self.ended = Steps(), (0.0, 0.0)
        self.forget(0.0, 0.0)

    def forget(self, of_x: float, of_y: float) -> None:
        """Forget what was seen to cancel, before a run from an x and y of these sizes."""
        self.seen, self.seen_at = [0.0] * 3, (of_x, of_y)

    def update(self, data: Data, *, matrices: bool) -> None:
        """Take data of the same shapes, and say whether P or A changed."""
        if matrices:
            self.scaled = self.units.applied(data)
            self.system.take(self.scaled)
        else:
            self.scaled = self.units.moved(data, self.scaled)
        self.data = data
        self.forget(*self.ended)

    def solve(self, x: Vector, y: Vector, limits: Limits, *, warm: bool) -> Outcome:
        """Run it from x and y, with the steps of the last run if these are warm. Where cones bend
        smoothly, long steps are for Newton's method near a solution only, and grow again.
        """
        of_x, of_y = largest(x), largest(y)
        if not warm or self.steps.sigma is None or not self.data.rows.alone.all():
            self.steps = Steps()
            self.forget(of_x, 0.0)
        elif of_x > 2 * self.ended[0] or of_y > 2 * self.ended[1]:
            self.forget(of_x, of_y)
        found = _Run(self, *self.units.inward(x, y), limits).outcome()
        self.ended = largest(found.x), largest(found.y)
        return found


class _Run:
    def __init__(self, method: Multipliers, x: Vector, y: Vector, limits: Limits) -> None:
        self.method, self.data, self.system = method, method.scaled, method.system
        self.limits, self.tol, self.iterations = limits, limits.tol, 0
        self.deadline = time.monotonic() + limits.seconds
        self.made = self.system.factorizations
        self.place(x)
        self.y = y
        data, steps = self.data, method.steps
        if steps.sigma is None:
            onto = data.rows.project(self.Ax) if self.Ax.any() else data.rows.nearest
            missed = self.Ax - onto
            objective = abs(float(x @ self.Px) / 2 + float(data.q @ x))
            σ = 20 * max(1.0, objective) / max(1.0, float(missed @ missed) / 2)
            steps.sigma = np.full(missed.size, min(max(σ, FIRST_SIGMA[0]), FIRST_SIGMA[1]))
        self.gamma, self.sigma = steps.gamma, steps.sigma
        left = self.Px + data.q + data.AT @ y
        self.accuracy = min(1.0, max(self.tol, largest(left)))
        self.trail, self.dual = Trail(), np.inf

    def place(self, x: Vector) -> None:
        """Be at x."""
        self.x, self.Ax, self.Px = x, self.data.A @ x, self.data.P @ x

    def outcome(self) -> Outcome:
        """Run it to its end."""
        self.best = self.look()
        self.kept = self.x, self.y
        try:
            status, proof = self.run()
        except KeyboardInterrupt:
            status, proof = Status.INTERRUPTED, None
        self.method.steps = Steps(self.gamma, self.sigma)
        made = self.system.factorizations - self.made
        x, y = self.method.units.outward(*self.kept)
        return Outcome(x, y, status, self.iterations, made, self.best, proof, self.trail)

    def limit(self) -> Status | None:
        """The limit that is reached."""
        if self.iterations >= self.limits.max_iter:
            return Status.ITERATION_LIMIT
        return Status.TIME_LIMIT if time.monotonic() > self.deadline else None

    def run(self) -> tuple[Status, Vector | None]:
        """Steps to the end: how it ended, and what proves it."""
        waited, before, stopped, doubted = 0, None, False, False
        if not (self.x.any() or self.y.any()):
            ended = self.approach()
            if ended is not None:
                return ended
            if self.data.rows.order > ORDER:
                return Status.PRECISION, None
        if self.best.worst > self.tol:
            status, proof = self.proved(*self.alone())
            if proof is not None:
                return status, proof
        while True:
            if self.best.worst <= self.tol:
                return Status.CONVERGED, None
            if stopped:
                return Status.STOPPED, None
            reached = self.limit()
            if reached is not None:
                return reached, None
            if waited >= DOUBTED and not doubted:
                doubted = True
                proof = self.parted()
                if proof is not None:
                    return Status.INFEASIBLE, proof
            if waited >= PATIENCE:
                return Status.PRECISION, None
            x, y = self.x, self.y
            rounded = self.advance()
            found = self.look()
            stopped = self.shown(found)
            waited = 0 if found.worst < 0.9 * self.best.worst else waited + 1
            if found.worst < self.best.worst:
                self.best, self.kept = found, (self.x, self.y)
            status, proof = self.proved(self.x - x, self.y - y)
            if proof is not None:
                return status, proof
            missed = abs(self.y - y) / self.sigma
            self.adapt(missed, before, found.dual, rounded and found.primal < found.dual > self.tol)
            before = missed

    def alone(self) -> tuple[Vector, Vector]:
        """−q where no row and no curvature holds x, and what the rows without x are missed by:
        Newton's steps would see both grow for ever beside others.
        """
        data = self.data
        free = (np.diff(data.AT.indptr) == 0) & (np.diff(data.P.indptr) == 0)
        empty = np.diff(data.A.indptr) == 0
        d, v = np.where(free, -data.q, 0.0), np.zeros(empty.size)
        if empty.any():
            v = np.where(empty, -data.rows.project(v), 0.0)
            if largest(v) <= self.tol * self.best.sizes[0]:  # rounding beside other rows
                v = 0 * v
        return d, v

    def approach(self) -> tuple[Status, Vector | None] | None:
        """Interior points as far as they lead; what they led to if that is the end."""
        apart, further = bool(self.data.rows.alone.all()), 0
        slopes = self.data.q.any() or self.data.P.count_nonzero() > 0
        if (apart and not slopes) or self.best.worst <= self.tol:
            return None
        interior = Interior(self.data)
        for x, y, near in interior.points():
            self.x = x
            self.y = y if slopes else np.zeros(y.size)  # which will do
            self.iterations += 1
            self.system.factorizations += 1
            found = self.look(scale=False, near=None if apart else near)
            stopped = self.shown(found)
            better = found.plain < self.best.plain
            if better:
                self.best, self.kept = found, (self.x, self.y)
            if self.best.plain <= self.tol:
                further += 1
                ended = further > FURTHER or found.plain <= SURELY * self.tol
                if apart or not better or ended:
                    break
            if stopped:
                return Status.STOPPED, None
            reached = self.limit()
            if reached is not None:
                return reached, None
            if self.is_hopeless():
                at = (x, y) if apart else (levelled(self.data, x), balanced(self.data, y))
                status, proof = self.proved(*at)
                if proof is not None:
                    return status, proof
        if self.best.plain <= self.tol:
            self.place(self.kept[0])
            self.y = self.kept[1]
            if apart and interior.cones:
                self.polish()
            else:  # by the measures themselves
                if apart:  # a solve of other numbers begins with long steps
                    self.lengthen(POLISHING[-1])
                self.best = self.look(scale=False)
            if self.best.plain <= self.tol:
                return Status.CONVERGED, None
        if not apart and slopes and self.best.primal > HOPELESS:
            proof = self.refuted()
            if proof is not None:
                return Status.INFEASIBLE, proof
        if not apart and slopes and self.best.dual > HOPELESS:
            proof = self.descent()
            if proof is not None:
                return Status.UNBOUNDED, proof
        if self.tol < self.best.worst <= HOPELESS:
            x, y = self.kept
        else:  # far away, or where multipliers are large for nothing
            x, y = np.zeros(self.x.size), np.zeros(self.y.size)
        self.place(x)
        self.y = y
        self.best, self.kept = self.look(scale=False), (x, y)
        return None

    def is_hopeless(self) -> bool:
        """Whether what was measured last may mean that there is no solution."""
        *before, found = [each.worst for each in self.trail.measures[-EARLY - 1 :]]
        return len(before) == EARLY and found > min(HOPELESS, STALLED * before[0])

    def refuted(self) -> Vector | None:
        """A proof that no x has Ax ∈ C, by interior points without an objective."""
        data = self.data
        bare = replace(data, P=0 * data.P, q=np.zeros(data.q.size))
        for x, y, _ in Interior(bare).points():
            self.iterations += 1
            self.system.factorizations += 1
            if self.limit() is not None:
                return None
            status, proof = self.proved(x, balanced(data, y))
            if proof is not None and status is Status.INFEASIBLE:
                return proof
        return None

    def descent(self) -> Vector | None:
        """A proof that the objective has no lower bound, by interior points that lead to where it
        falls: argmin ½‖d‖² + ⟨q, d⟩ with Pd = 0 and Ad in C's recession cone, where the norm is one
        of entries, as long as columns of A in cones are.
        """
        data = self.data
        squares = (data.A[~data.rows.alone] ** 2).sum(axis=0)
        flat = csr_array(data.P[np.diff(data.P.indptr) > 0])
        A = csr_array(vstack((data.A, flat)))
        rows = data.rows.endless(flat.shape[0])
        lengths = diags_array(np.where(squares > 0, squares, 1.0))
        directions = Data(csr_array(lengths), data.q, A, rows)
        for d, _, _ in Interior(directions).points():
            self.iterations += 1
            self.system.factorizations += 1
            if self.limit() is not None:
                return None
            status, proof = self.proved(levelled(data, d), np.zeros(self.y.size))
            if proof is not None and status is Status.UNBOUNDED:
                return proof
        return None

    def parted(self) -> Vector | None:
        """A proof that no x has Ax ∈ C, from the x that comes nearest: v = Ax − P_C(Ax) has
        Aᵀv = 0 there, and sup {⟨z, v⟩: z ∈ C} = ⟨P_C(Ax), v⟩ = −‖v‖². Beside an objective the
        steps of y turn to v as 1/k only.
        """
        data = self.method.data
        if not data.rows.alone.all():
            return None
        method = Multipliers(replace(data, P=0 * data.P, q=np.zeros(data.q.size)))
        nearest = _Run(method, np.zeros(data.q.size), np.zeros(self.y.size), self.limits)
        nearest.sigma = np.ones(self.y.size)
        nearest.accuracy, proof = 0.0, None
        for nearest.gamma in BARE_GAMMAS:
            nearest.minimize(INNER)
            nearest.place(nearest.x)
            v = nearest.Ax - method.scaled.rows.project(nearest.Ax)
            proofs = (
                separates(data, method.units.outward(nearest.x, each)[1])
                for each in (v, purged(method.scaled, v))
            )
            proof = next((each for each in proofs if each is not None), None)
            if proof is not None or self.limit() is not None:
                break
        self.iterations += nearest.iterations
        return proof

    def polish(self) -> None:
        """A proximal step from an interior point that solves it, to one at its bounds."""
        x, y = self.kept
        for σ in POLISHING:
            self.place(x)
            self.y = y
            self.lengthen(σ)
            self.advance(POLISH_STEPS)
            found = self.look(scale=False)
            self.shown(found)
            if found.plain <= self.tol:
                self.best, self.kept = found, (self.x, self.y)
                return

    def lengthen(self, σ: float) -> None:
        """Take long proximal steps, with this σ in units in which x is as large as the slopes."""
        of_x, of_z = sizes(self.data)
        self.gamma = LAST_GAMMA * of_x / of_z
        self.sigma = np.full(self.y.size, σ * of_z / of_x)
        self.accuracy = max(ENOUGH * self.tol, 100 * EPS) * of_z

    def look(self, *, scale: bool = True, near: Vector | None = None) -> Measures:
        """The measures in the units of the data, recorded. What was seen to cancel on the way from
        a start, where x or y was more than twice as large, is forgotten: a far one is no scale.
        Nor are interior points, which come from far away.
        """
        method = self.method
        x, y = method.units.outward(self.x, self.y)
        of_x, of_y = largest(x), largest(y)
        if any(method.seen_at):
            far_x, far_y = method.seen_at
            if far_x > 2 * of_x or far_y > 2 * of_y:
                method.seen, far_x, far_y = [0.0] * 3, min(far_x, of_x), of_y
            method.seen_at = far_x, max(far_y, of_y)
        if near is not None:
            near = near / method.units.rows
        found = Measures.of(method.data, x, y, method.seen, near)
        if self.iterations and scale:
            sizes = zip(method.seen, found.sizes, strict=True)
            method.seen = [max(before, SEEN * each) for before, each in sizes]
        self.trail.iteration.append(self.iterations)
        self.trail.measures.append(found)
        return found

    def advance(self, most: int = INNER) -> bool:
        """A proximal step, by so many of Newton's at most; whether rounding ended it."""
        rounded = self.minimize(most)
        self.place(self.x)  # without what the sums of steps lost
        w = self.Ax + self.y / self.sigma
        self.y = self.sigma * (w - self.data.rows.project(w))
        return rounded

    def shown(self, found: Measures) -> bool:
        """Whether who looks on ends the run here."""
        look = self.limits.look
        at = self.method.units.outward(self.x, self.y)
        return look is not None and bool(look(self.iterations, *at, found))

    def minimize(self, most: int) -> bool:
        """x⁺ by Newton's method; whether rounding ended it."""
        data, x̂, γ, σ = self.data, self.x, self.gamma, self.sigma
        ŷ = self.y / σ
        least, waited = np.inf, 0
        apart = bool(data.rows.alone.all())
        unsettled = INNER if apart else SETTLED_APART
        for _ in range(most):
            w = self.Ax + ŷ
            g = self.Px + data.q + (self.x - x̂) / γ + data.AT @ (σ * (w - data.rows.project(w)))
            size = float(np.max(abs(g), initial=0.0))
            if size <= self.accuracy or self.limit() is not None:
                return False
            waited = 0 if size <= 0.5 * least else waited + 1
            least = min(least, size)
            slope = data.rows.slope(w)
            if waited >= (SETTLED if self.system.knows(slope, σ, γ) else unsettled):
                return True
            self.system.factor(slope, σ, γ)
            d = self.system.step(g)
            if not np.isfinite(d).all():
                return True
            self.iterations += 1
            Ad, Pd = data.A @ d, data.P @ d
            curvature = float(d @ Pd + d @ d / γ)
            start = float(d @ (self.Px + data.q) + d @ (self.x - x̂) / γ)

            def slope_at(t: float) -> float:
                v = w + t * Ad  # noqa: B023 (called before the next step)
                return curvature * t + start + float((σ * Ad) @ (v - data.rows.project(v)))  # noqa: B023

            t = _zero(slope_at, data.rows.breaks(w, Ad))
            if not apart and -t * slope_at(0.0) > FALLING * abs(float(data.q @ self.x)):
                waited = 0  # slow, as Newton's method may be where cones bend, but no rounding
            self.x, self.Ax, self.Px = self.x + t * d, self.Ax + t * Ad, self.Px + t * Pd
        return False

    def adapt(self, missed: Vector, before: Vector | None, dual: float, rounded: bool) -> None:
        """γ, Σ and the accuracy of the next step."""
        data = self.data
        if before is not None:
            behind = (missed > FALLS * before) & (missed > self.tol * 1e-4)
            share = RAISED * missed / (missed.max(initial=0.0) or 1.0)
            factor = data.rows.tied(np.where(behind, np.maximum(share, 1.0), 1.0))
            slopes = max(largest(self.Px), largest(data.q), largest(data.AT @ self.y))
            rounding = 4 * EPS * max(largest(self.Ax), 1e-3)
            room = min(max(TIGHTER * self.tol / max(dual, EPS), 1.0), ROOM)
            cap = max(min(LAST_SIGMA, room * self.tol * slopes / rounding), LEAST_SIGMA)
            self.sigma = np.minimum(self.sigma * factor, cap)
            if rounded:
                self.sigma = np.maximum(self.sigma / LOWERED, LEAST_SIGMA)
        far = dual > self.tol and dual > FALLS * self.dual
        self.gamma = min(self.gamma * GROWTH, FAR_GAMMA if far else max(self.gamma, LAST_GAMMA))
        self.dual = dual
        slopes = max(map(largest, (self.Px, data.q, data.AT @ self.y)))
        of_rows = float(np.min(self.sigma, initial=1.0)) * largest(self.Ax)
        # where no slope is left, as of constraints alone, Σ(Ax − P_C(Ax)) is all that counts
        size = min(1.0, of_rows) if slopes <= of_rows else 1.0
        least = max(ENOUGH * self.tol, 100 * EPS) * size
        self.accuracy = max(self.accuracy * TIGHTER, least)

    def proved(self, dx: Vector, dy: Vector) -> tuple[Status, Vector | None]:
        """What the last step proves."""
        data = self.method.data
        d, v = self.method.units.outward(dx, dy)
        found = separates(data, v)
        if found is not None:
            return Status.INFEASIBLE, found
        return Status.UNBOUNDED, descends(data, d)


def _zero(slope: Callable[[float], float], breaks: Vector | None) -> float:
    """The zero t > 0 of an increasing function: of one that is linear between the breaks, exactly;
    of another nearly.
    """
    if breaks is None:
        return _nearly_zero(slope)
    low, high = -1, breaks.size
    while high - low > 1:
        middle = (low + high) // 2
        if slope(breaks[middle]) < 0:
            low = middle
        else:
            high = middle
    start = float(breaks[low]) if low >= 0 else 0.0
    end = float(breaks[high]) if high < breaks.size else start + 1.0
    at_start, at_end = slope(start), slope(end)
    if not at_end > at_start:
        return end
    t = start - at_start * (end - start) / (at_end - at_start)
    return t if t > 0 else 1.0


def _nearly_zero(slope: Callable[[float], float]) -> float:
    """By regula falsi (Illinois) from [0, 1], to a part ``NEAR`` of the first slope."""
    start, end = 0.0, 1.0
    first = at_start = slope(0.0)
    at_end = slope(1.0)
    while at_end < 0 and abs(at_end) > NEAR * abs(first) and end < FURTHEST:
        start, at_start = end, at_end
        end *= 4.0
        at_end = slope(end)
    t, at_t = end, at_end
    for _ in range(SEARCH):
        if abs(at_t) <= NEAR * abs(first) or not at_end > at_start:
            break
        t = start - at_start * (end - start) / (at_end - at_start)
        at_t = slope(t)
        if at_t < 0:
            start, at_start, at_end = t, at_t, at_end / 2
        else:
            end, at_end, at_start = t, at_t, at_start / 2
    return t if t > 0 else 1.0
