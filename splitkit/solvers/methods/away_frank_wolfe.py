"""Frank-Wolfe with away steps, whose rate on polytopes is linear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar, NamedTuple

from splitkit.backend import Point, Space, add, lincomb, scale, subtract
from splitkit.solvers.iteration import Carry, Iteration, Loop, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.methods.frank_wolfe import FrankWolfe, _FrankWolfe
from splitkit.solvers.terms import Term
from splitkit.tracing import Untraceable

ANEW = 64  # iterations after which x is added up again from its points
LEAST = 1e-14  # a weight that is rounding


@dataclass(frozen=True, kw_only=True)
class AwayFrankWolfe(FrankWolfe):
    """The Frank-Wolfe method with away steps, for 0 ∈ F(x) + N_C(x), F = ∇f, C a polytope, and x =
    Σλᵥv of points v of C that it has met; of s = argmin_{s ∈ C} ⟨F x, s⟩ and v = argmax ⟨F x, v⟩

        d = s − x, γ ≤ 1,  or  d = x − v, γ ≤ λᵥ/(1 − λᵥ),  whichever has the smaller ⟨F x, d⟩,
        x⁺ = x + γd,  γ = α⟨F x, −d⟩/‖d‖² at most.

    Takes: F evaluated, N_C by ``C.support_point``; the projection onto C at the start and at looks
    alone.
    Assumes: ∇f L-Lipschitz on C, C a polytope; f need not be convex.
    Steps: 0 < α ≤ 1/L; left open, 1/L.
    Rate: f(x) − min f falls linearly in at least half of the iterations, if f is strongly convex;
    O(1/k) for convex f; else the least gap is O(1/√k).
    Oracles: 1 F, 1 support point, and an inner product with each of the points of x.

    Steps to s alone zigzag before a face on which the solution lies; steps away from a v that does
    not belong to it leave it out. The factor is 1 − (m/4L)(δ/D)² with C's pyramidal width δ and
    diameter D, which are not computed: ``Guarantee.rate`` is None. The gap ⟨F x, x − s⟩ is that of
    ``FrankWolfe``. The points and their weights are the host's: one problem at a time.

    Source: Guélat, Marcotte, *Some comments on Wolfe's 'away step'* (1986); Lacoste-Julien, Jaggi,
    *On the global linear convergence of Frank-Wolfe optimization variants* (2015), Thm. 1;
    Pedregosa, Negiar, Askari, Jaggi, *Linearly convergent Frank-Wolfe with backtracking line-
    search* (2020), Thms. 2, 3, for the steps.

    Examples
    --------
    >>> A, b = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]), np.ones(3)
    >>> f = sk.functions.LeastSquares(A, b) + sk.functions.Simplex()
    >>> found = sk.minimize(f, np.zeros(3), sk.AwayFrankWolfe(), tol=1e-8)
    >>> print(found.x, found.iterations < 300)
    [0.1667 0.3333 0.5   ] True
    """

    label: ClassVar[str] = "Frank-Wolfe with away steps"
    sequence: ClassVar[str] = "x⁺ = x + γd"

    def theorem(self, *terms: Term) -> Guarantee:
        plain, (F, G) = super().theorem(*terms), terms
        if not plain.holds:
            return plain
        if not G.operator.polyhedral:
            return self.refused(
                f"G = {G!r} must be the normal cone of a polytope, which is not known to be one: "
                "use FrankWolfe"
            )
        if not (F.strong_monotonicity or 0.0) > 0:
            return plain
        reason = f"C is a polytope, f strongly convex, {self.at_step()} ≤ 1/L: the gap falls"
        return replace(plain, reason=f"{reason} linearly, by an unknown factor")

    def check_space(self, space: Space) -> None:
        super().check_space(space)
        if space.is_complex:
            raise TypeError(
                "x0 is complex: a ball of moduli is no polytope, and has no away steps; use "
                "FrankWolfe"
            )
        if space.batch_ndim:
            raise ValueError(
                f"batch_ndim = {space.batch_ndim}: {self.label} keeps the points of one problem; "
                "solve them one by one, or use FrankWolfe"
            )

    def iteration(self, *terms: Term) -> Iteration:
        return _AwaySteps(self.alpha, *terms)


class Hull(NamedTuple):
    """x = Σλᵥv.

    Attributes
    ----------
    points : tuple of points
    weights : tuple of float
        λᵥ > 0, of sum 1.
    """

    points: tuple[Point, ...]
    weights: tuple[float, ...]

    @property
    def sum(self) -> Point:
        """x."""
        pairs = zip(self.weights, self.points, strict=True)
        return reduce(add, (scale(c, v) for c, v in pairs))

    def moved(self, i: int, gamma: float) -> Hull:
        """(1 − γ)x + γvᵢ, γ ≥ −λᵢ/(1 − λᵢ), without what has no weight left."""
        kept = [(1 - gamma) * c + gamma * (j == i) for j, c in enumerate(self.weights)]
        total = sum(c for c in kept if c > LEAST)
        pairs = [(v, c / total) for v, c in zip(self.points, kept, strict=True) if c > LEAST]
        points, weights = zip(*pairs, strict=True)
        return Hull(points, weights)


class _AwaySteps(_FrankWolfe):
    """Carry: (x, its hull, iterations made), the last two of the host."""

    def run(self, state: Carry, n: int, loop: Loop) -> Carry:
        raise Untraceable("the host keeps the points of Frank-Wolfe with away steps")

    def init(self, x0: Point) -> Carry:
        x = self.farthest(scale(-1.0, self.F(self.R(x0))))
        return x, Hull((x,), (1.0,)), 0

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, hull, k = state
        inner, slope = self.space.inner, self.F(x)
        s = self.farthest(scale(-1.0, slope))
        heights = [float(inner(slope, v)) for v in hull.points]
        at, low = float(inner(slope, x)), float(inner(slope, s))
        highest = max(range(len(heights)), key=heights.__getitem__)
        if len(heights) == 1 or at - low >= heights[highest] - at:
            hull, i = self.with_point(hull, s)
            gamma = min(1.0, self.step_along(subtract(s, x), at - low))
            hull, after = hull.moved(i, gamma), lincomb(1 - gamma, x, gamma, s)
        else:
            v, weight = hull.points[highest], hull.weights[highest]
            longest = weight / (1 - weight)
            gamma = min(longest, self.step_along(subtract(x, v), heights[highest] - at))
            hull, after = hull.moved(highest, -gamma), lincomb(1 + gamma, x, -gamma, v)
        if k % ANEW == ANEW - 1:
            after = hull.sum
        return (after, hull, k + 1), (after,)

    def step_along(self, d: Point, along: float) -> float:
        """α⟨F x, −d⟩/‖d‖²."""
        square = float(self.space.inner(d, d))
        return max(self.alpha * along, 0.0) / (square + self.space.least)

    def with_point(self, hull: Hull, s: Point) -> tuple[Hull, int]:
        """With s among its points, of weight 0 if it is new, and its place."""
        for i, v in enumerate(hull.points):
            if float(self.space.norm(subtract(s, v))) == 0:
                return hull, i
        return Hull((*hull.points, s), (*hull.weights, 0.0)), len(hull.points)

    def governing(self, state: Carry) -> Point:
        return state[0]
