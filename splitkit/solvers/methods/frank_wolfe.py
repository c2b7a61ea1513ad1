"""The Frank-Wolfe method: no projection, but the farthest point of a set in a direction."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

from splitkit.backend import Point, clip, is_array, lincomb, scale, subtract
from splitkit.functions.base import Function, Indicator
from splitkit.functions.calculus.separable import SeparableSum
from splitkit.functions.calculus.translated import Translated
from splitkit.solvers.iteration import Carry, Iteration, Reading, Trace
from splitkit.solvers.method import Guarantee
from splitkit.solvers.potentials import NoPotentialError
from splitkit.solvers.splitting import Splitting
from splitkit.solvers.terms import Role, Term


@dataclass(frozen=True, kw_only=True)
class FrankWolfe(Splitting):
    """The Frank-Wolfe (conditional gradient) method for 0 ∈ F(x) + N_C(x), F = ∇f, C bounded:

        s = argmin_{s ∈ C} ⟨F x, s⟩,  x⁺ = x + γ(s − x),  γ = min(1, α⟨F x, x − s⟩/‖s − x‖²).

    Takes: F evaluated, N_C by ``C.support_point``; the projection onto C at the start and at looks
    alone.
    Assumes: ∇f L-Lipschitz on C; f need not be convex.
    Steps: 0 < α ≤ 1/L; left open, 1/L.
    Rate: f(x) − min f ≤ 2D²/(α(k + 2)) for convex f, D the diameter of C; else the least gap is
    O(1/√k).
    Oracles: 1 F, 1 support point.

    The gap ⟨F x, x − s⟩ bounds f(x) − min f of a convex f: it is the duality gap, which
    ``tol=sk.Gap(…)`` stops by and ``Solution.duality_gap`` tells. Of another f it vanishes at
    stationary points alone. After k iterations x is made of k points s and the first: sparse on a
    simplex or an ℓ₁ ball, of low rank on a nuclear ball. Where solutions are no such points it is
    slow, so that a residual of 10⁻⁶ is far: r = (x − z)/α, z = P_C(x − αF x), whose terms are known
    at x and at z.

    Source: Frank, Wolfe, *An algorithm for quadratic programming* (1956); Jaggi, *Revisiting
    Frank-Wolfe: projection-free sparse convex optimization* (2013), Thm. 1; Lacoste-Julien,
    *Convergence rate of Frank-Wolfe for non-convex objectives* (2016), Thm. 1.

    Examples
    --------
    >>> A, b = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]), np.array([3.0, 1.0])
    >>> f = sk.functions.LeastSquares(A, b) + sk.functions.L1Ball(1.0)
    >>> found = sk.minimize(f, np.zeros(3), sk.FrankWolfe(), tol=sk.Gap(1e-3))
    >>> print(found.x, found.duality_gap <= 1e-3 * found.objective)
    [0. 1. 0.] True
    """

    label: ClassVar[str] = "Frank-Wolfe"
    roles: ClassVar[tuple[Role, ...]] = (Role.EVALUATED, Role.RESOLVED)
    stationary: ClassVar[bool] = True
    sequence: ClassVar[str] = "x⁺ = x + γ(s − x)"

    def default_alpha(self, *terms: Term) -> float:
        L = terms[0].lipschitz
        return 1 / L if L else math.nan

    def choosing(self, *terms: Term) -> Self:
        return super().choosing(*terms).at_most(self.default_alpha(*terms))

    def exact_element(self, *terms: Term) -> bool:
        return False

    def theorem(self, *terms: Term) -> Guarantee:
        F, G = terms
        try:
            farthest(G.function)
        except (NoPotentialError, TypeError) as error:
            return self.refused(
                f"G = {G!r} must be the normal cone of a bounded set with a support point: {error}"
            )
        if not F.properties.gradient:
            try:
                F.function  # noqa: B018 (or an error)
            except NoPotentialError as error:
                return self.refused(f"F = {F!r} must be a gradient: {error}")
        L = F.lipschitz
        if L is None:
            return self.refused(
                f"F = {F!r} has no known Lipschitz constant: declare it, or use PANOC, which needs "
                "none where f has a value"
            )
        if is_array(self.alpha) or not self.alpha * L <= 1 + 1e-12:
            return self.refused(
                f"alpha = {self.alpha} is too long: it must be a number of at most "
                f"1/L = {1 / max(L, 1e-300):.8g}"
            )
        convex = F.properties.gradient and F.properties.monotone
        falls = "the gap falls as O(1/k)" if convex else "the least gap falls as O(1/√k)"
        reason = f"C is bounded, {self.at_step()} ≤ 1/L: {falls}"
        return Guarantee(True, None, reason, self.sequence)

    def iteration(self, *terms: Term) -> Iteration:
        return _FrankWolfe(self.alpha, *terms)


def farthest(f: Function) -> Callable[[Point], Point]:
    """v ↦ the support point at v of a set, of a product of sets, or of one that is moved.

    Raises
    ------
    TypeError
        It is no set of which one is known.
    """
    if isinstance(f, SeparableSum):
        each = [farthest(part) for part in f.functions]
        return lambda v: tuple(find(block) for find, block in zip(each, v, strict=True))
    if isinstance(f, Translated):
        find, moved = farthest(f.f), f.v
        return lambda v: lincomb(1.0, find(v), 1.0, moved)
    if isinstance(f, Indicator) and f.convex and f.has_support_point:
        return f.support_point
    raise TypeError(f"of {f!r} none is known")


class _FrankWolfe(Iteration):
    """Carry: x."""

    def __init__(self, alpha: float, F: Term, G: Term) -> None:
        self.alpha, self.F, self.R = alpha, F.evaluate, G.resolve(alpha)
        self.farthest = farthest(G.function)

    def init(self, x0: Point) -> Carry:
        return self.R(x0)

    def advance(self, state: Carry) -> tuple[Carry, Trace]:
        x, inner = state, self.space.inner
        slope = self.F(x)
        d = subtract(self.farthest(scale(-1.0, slope)), x)
        along, square = -inner(slope, d), inner(d, d)
        gamma = clip(self.alpha * along / (square + self.space.least), 0.0, 1.0)
        after = lincomb(1.0, x, gamma, d)
        return after, (after,)

    def read(self, trace: Trace) -> Reading:
        (x,) = trace
        slope = self.F(x)
        y = lincomb(1.0, x, -self.alpha, slope)
        of_G = scale(1 / self.alpha, subtract(y, self.R(y)))
        return Reading(x, (slope, of_G), lambda: (scale(1 / self.alpha, x),), apart=self.alpha)
