"""What the points of a class of functions or operators satisfy, and mostly all that they satisfy.

A point is (x, u, f): where, an element of ∂f(x) or A(x), and the value. Points of some class
*interpolate* if a member of it passes through them. For functions the inequalities below hold
exactly if one does (each class says by whom it is shown); for operators of several forms they are
necessary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from splitkit.proofs.outcome import NotExpressibleError
from splitkit.proofs.quantity import Quantity, inner, norm2
from splitkit.proofs.symbols import Vector
from splitkit.properties import Form, Properties


class GraphPoint(NamedTuple):
    """x, u ∈ A(x) or ∂f(x), and f = f(x)."""

    x: Vector
    u: Vector
    f: Quantity


class Interpolation:
    """A class of functions or operators: what is not negative, and what is 0, of its points."""

    has_values = True
    single_valued = False
    symmetric = False  # a condition on p and q is the one on q and p
    moves = True  # x and y enter by their differences alone
    tilts = False  # u and v do, or with f − ⟨p, ·⟩ in the place of f
    has_constants = False  # its conditions are not homogeneous

    def one(self, p: GraphPoint) -> Sequence[Quantity]:
        """Not negative, for each point."""
        return ()

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """Not negative, for every two points in either order."""
        return ()

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """0, for every two points in either order, or twice the same."""
        return ()

    def semidefinite(self, p: GraphPoint, q: GraphPoint) -> Quantity | None:
        """The entries of a positive semidefinite matrix."""
        return None


@dataclass(frozen=True)
class Smooth(Interpolation):
    """f − mq is convex and Lq − f is, with q = ½‖·‖²: m-strongly convex and L-smooth functions for
    m > 0, convex ones for m = 0, L = ∞, smooth ones for m = −L.

        f(x) ≥ f(y) + ⟨v, x − y⟩ + (‖u − v‖²/L + m‖x − y‖² − (2m/L)⟨u − v, x − y⟩)/(2 − 2m/L)

    Taylor, Hendrickx, Glineur, *Smooth strongly convex interpolation* (2017), Thm. 4; *Exact
    worst-case performance* (2017) for smooth ones.

    Examples
    --------
    >>> from splitkit.proofs import Setting, Smooth, norm2
    >>> s = Setting()
    >>> f, x = s.function(Smooth(1.0, 4.0)), s.point()
    >>> x_star = f.minimizer()
    >>> after = x - 0.25 * f.gradient(x)
    >>> print(s.bound(norm2(after - x_star), norm2(x - x_star)).value)  # (1 − m/L)²
    0.5625
    """

    m: float = 0.0
    L: float = math.inf
    tilts = True

    def __post_init__(self) -> None:
        if not (-math.inf < self.m < self.L):
            raise NotExpressibleError(f"m = {self.m}, L = {self.L}: give finite m < L")

    @property
    def single_valued(self) -> bool:  # type: ignore[override]
        """It has gradients."""
        return self.L < math.inf

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """The inequality."""
        exact = p.x.scene.numbers.exact
        d, e, m = p.x - q.x, p.u - q.u, exact(self.m)
        rise = p.f - q.f - inner(q.u, d)
        if self.L == math.inf:
            return [rise - m / 2 * norm2(d) if m else rise]
        L = exact(self.L)
        c = 1 / (2 * (1 - m / L))
        rise = rise - c / L * norm2(e)
        return [rise - c * m * norm2(d) + 2 * c * m / L * inner(e, d) if m else rise]


@dataclass(frozen=True)
class ConvexLipschitz(Interpolation):
    """Convex, M-Lipschitz and L-smooth: the subgradients are at most M long (Taylor, Hendrickx,
    Glineur, *Exact worst-case performance*, 2017; for L < ∞ necessary).

    Examples
    --------
    >>> from splitkit.proofs import ConvexLipschitz, Setting, norm2
    >>> s = Setting()
    >>> f, x = s.function(ConvexLipschitz(2.0)), s.point()
    >>> x_star = f.minimizer()
    >>> s.assume(norm2(x - x_star) <= 1.0)
    >>> print(s.bound(f.value(x) - f.value(x_star)).value)  # M‖x − x*‖
    2.
    """

    M: float
    L: float = math.inf
    has_constants = True

    @property
    def single_valued(self) -> bool:  # type: ignore[override]
        """It has gradients."""
        return self.L < math.inf

    def one(self, p: GraphPoint) -> Sequence[Quantity]:
        """‖u‖² ≤ M²."""
        return [norm2(p.u) <= p.x.scene.numbers.exact(self.M) ** 2]

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """Convexity."""
        return Smooth(0.0, self.L).two(p, q)


@dataclass(frozen=True)
class Indicator(Interpolation):
    """f = 0 on a convex set of this diameter, or within a ball of this radius about 0: the normals
    have ⟨v, x − y⟩ ≤ 0 (Taylor, Hendrickx, Glineur, *Exact worst-case performance*, 2017, §3.4).

    Examples
    --------
    >>> from splitkit.proofs import Indicator, Setting, norm2
    >>> s = Setting()
    >>> C, x = s.function(Indicator(diameter=2.0)), s.point()
    >>> p, q = C.prox(x, 1.0), C.prox(s.point(), 1.0)
    >>> print(s.bound(norm2(p - q)).value)
    4.
    """

    diameter: float = math.inf
    radius: float = math.inf

    @property
    def moves(self) -> bool:  # type: ignore[override]
        """Unless it is about 0."""
        return self.radius == math.inf

    @property
    def has_constants(self) -> bool:  # type: ignore[override]
        """If the set is bounded."""
        return min(self.radius, self.diameter) < math.inf

    def one(self, p: GraphPoint) -> Sequence[Quantity]:
        """Of the radius."""
        if self.radius == math.inf:
            return ()
        return [norm2(p.x) <= p.x.scene.numbers.exact(self.radius) ** 2]

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """Of normals, and of the diameter."""
        found = [inner(q.u, q.x - p.x)]
        if self.diameter < math.inf:
            found.append(norm2(p.x - q.x) <= p.x.scene.numbers.exact(self.diameter) ** 2)
        return found

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """f = 0."""
        return [p.f] if p is q else []


@dataclass(frozen=True)
class Support(Interpolation):
    """sup over a convex set of ⟨·, u⟩, with ‖u‖ ≤ M there: f = ⟨x, u⟩, ⟨x, u − v⟩ ≥ 0 (Taylor,
    Hendrickx, Glineur, *Exact worst-case performance*, 2017, §3.4).

    Examples
    --------
    >>> from splitkit.proofs import Setting, Support, norm2
    >>> s = Setting()
    >>> f, x = s.function(Support(3.0)), s.point()
    >>> s.assume(norm2(x) <= 1.0)
    >>> print(s.bound(f.value(x)).value)  # M‖x‖
    3.
    """

    M: float = math.inf
    moves = False

    @property
    def has_constants(self) -> bool:  # type: ignore[override]
        """If the set is bounded."""
        return self.M < math.inf

    def one(self, p: GraphPoint) -> Sequence[Quantity]:
        """‖u‖² ≤ M²."""
        if self.M == math.inf:
            return ()
        return [norm2(p.u) <= p.x.scene.numbers.exact(self.M) ** 2]

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """The point of the set that is farthest."""
        return [inner(p.x, p.u - q.u)]

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """f = ⟨x, u⟩."""
        return [p.f - inner(p.x, p.u)] if p is q else []


@dataclass(frozen=True)
class Quadratic(Interpolation):
    """½⟨x, Hx⟩ with mI ⪯ H ⪯ LI, so that u = Hx: ⟨x, v⟩ = ⟨y, u⟩, and the matrix of
    ⟨Lx − u, v − my⟩ is positive semidefinite (Bousselmi, Hendrickx, Glineur, *Interpolation
    conditions for linear operators*, 2024).

    Examples
    --------
    >>> from splitkit.proofs import Setting, Quadratic, norm2
    >>> s = Setting()
    >>> f, x = s.function(Quadratic(1.0, 4.0)), s.point()
    >>> x_star = f.minimizer()
    >>> after = x - 0.4 * f.gradient(x)
    >>> print(s.bound(norm2(after - x_star), norm2(x - x_star)).value)  # ((L − m)/(L + m))²
    0.36
    """

    m: float
    L: float
    single_valued = True
    moves = False

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """H is symmetric, and the values."""
        return [p.f - inner(p.x, p.u) / 2] if p is q else [inner(p.x, q.u) - inner(q.x, p.u)]

    def semidefinite(self, p: GraphPoint, q: GraphPoint) -> Quantity:
        """(L − H)(H − m) is."""
        exact = p.x.scene.numbers.exact
        m, L = exact(self.m), exact(self.L)
        one, other = inner(L * p.x - p.u, q.u - m * q.x), inner(L * q.x - q.u, p.u - m * p.x)
        return (one + other) / 2


@dataclass(frozen=True)
class QuadraticGrowth(Interpolation):
    """Convex with f ≤ min f + ½L‖x − x*‖² at all minimizers x*, which u = 0 shows (Goujaud, Taylor,
    Dieuleveut, *Optimal first-order methods for convex functions with a quadratic upper bound*,
    2022).

    Examples
    --------
    >>> from splitkit.proofs import QuadraticGrowth, Setting, norm2
    >>> s = Setting()
    >>> f, x = s.function(QuadraticGrowth(2.0)), s.point()
    >>> x_star = f.minimizer()
    >>> print(s.bound(f.value(x) - f.value(x_star), norm2(x - x_star)).value)  # L/2
    1.
    """

    L: float

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """Convexity, and at a minimizer f ≥ ‖u‖²/2L there, through y = x* + u/L."""
        rise = p.f - q.f - inner(q.u, p.x - q.x)
        if p.u.coefficients:
            return [rise]
        return [rise - norm2(q.u) / (2 * p.x.scene.numbers.exact(self.L))]


@dataclass(frozen=True)
class Restricted(Interpolation):
    """⟨u, x − x*⟩ ≥ m‖x − x*‖² and ‖u‖ ≤ L‖x − x*‖ at all x, for x* with u = 0 (restricted secant
    inequality and error bound; Guille-Escuret, Ibrahim, Goujaud, Mitliagkas, 2022).

    Examples
    --------
    >>> from splitkit.proofs import Setting, Restricted, norm2
    >>> s = Setting()
    >>> f, x = s.function(Restricted(1.0, 2.0)), s.point()
    >>> x_star = f.minimizer()
    >>> after = x - 0.25 * f.gradient(x)
    >>> print(s.bound(norm2(after - x_star), norm2(x - x_star)).value)  # 1 − m²/L²
    0.75
    """

    m: float
    L: float
    has_values = False
    single_valued = True

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """Both, at every x beside x*."""
        if p.u.coefficients:
            return ()
        exact, d = p.x.scene.numbers.exact, q.x - p.x
        return [
            inner(q.u, d) - exact(self.m) * norm2(d),
            exact(self.L) ** 2 * norm2(d) - norm2(q.u),
        ]


@dataclass(frozen=True)
class Symmetric(Interpolation):
    """x ↦ Hx with mI ⪯ H ⪯ LI: a ``Quadratic`` without its values.

    Examples
    --------
    >>> from splitkit.proofs import Setting, Symmetric, norm2
    >>> s = Setting()
    >>> f, x = s.function(Symmetric(1.0, 4.0)), s.point()
    >>> x_star = f.minimizer()
    >>> after = x - 0.4 * f.gradient(x)
    >>> print(s.bound(norm2(after - x_star), norm2(x - x_star)).value)  # ((L − m)/(L + m))²
    0.36
    """

    m: float
    L: float
    has_values = False
    single_valued = True
    moves = False

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """H is symmetric."""
        return [inner(p.x, q.u) - inner(q.x, p.u)] if p is not q else []

    def semidefinite(self, p: GraphPoint, q: GraphPoint) -> Quantity:
        """(L − H)(H − m) is."""
        return Quadratic(self.m, self.L).semidefinite(p, q)


@dataclass(frozen=True)
class Forms(Interpolation):
    """Operators whose pairs satisfy a‖Δx‖² + 2b⟨Δx, Δu⟩ + c‖Δu‖² ≥ 0: of one form exactly
    (Kirszbraun, Valentine, Minty; Ryu, Taylor, Bergeling, Giselsson, 2020).

    Examples
    --------
    >>> from splitkit.proofs import Forms, Setting, norm2
    >>> s = Setting()
    >>> A = s.function(Forms(((0.0, 0.5, 0.0),)))  # monotone
    >>> x, y = s.point(), s.point()
    >>> apart = norm2(A.prox(x, 1.0) - A.prox(y, 1.0))
    >>> print(s.bound(apart, norm2(x - y)).value)
    1.
    """

    forms: tuple[Form, ...]
    single_valued: bool = False
    has_values = False
    symmetric = True
    tilts = True

    def two(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """The forms."""
        exact, d, e = p.x.scene.numbers.exact, p.x - q.x, p.u - q.u
        return [
            exact(a) * norm2(d) + 2 * exact(b) * inner(d, e) + exact(c) * norm2(e)
            for a, b, c in self.forms
            if (-a, -b, -c) not in self.forms
        ]

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """The forms that hold with both signs."""
        exact, d, e = p.x.scene.numbers.exact, p.x - q.x, p.u - q.u
        return [
            exact(a) * norm2(d) + 2 * exact(b) * inner(d, e) + exact(c) * norm2(e)
            for a, b, c in self.forms
            if (-a, -b, -c) in self.forms and (a, b, c) > (-a, -b, -c) and p is not q
        ]


@dataclass(frozen=True)
class Linear(Interpolation):
    """x ↦ Lx with ‖L‖ ≤ ``norm``, which is skew or any map of the space into itself: the matrix of
    ‖L‖²⟨x, y⟩ − ⟨u, v⟩ is positive semidefinite (Bousselmi, Hendrickx, Glineur, 2024).

    Examples
    --------
    >>> from splitkit.proofs import Linear, Setting, norm2
    >>> s = Setting()
    >>> L, x = s.function(Linear(2.0, skew=True)), s.point()
    >>> print(s.bound(norm2(x - 0.5 * L(x)), norm2(x)).value)  # 1 + ‖L‖²/4
    2.
    """

    norm: float
    skew: bool = False
    has_values = False
    single_valued = True
    moves = False

    def zero(self, p: GraphPoint, q: GraphPoint) -> Sequence[Quantity]:
        """⟨x, v⟩ = −⟨y, u⟩."""
        return [inner(p.x, q.u) + inner(q.x, p.u)] if self.skew else []

    def semidefinite(self, p: GraphPoint, q: GraphPoint) -> Quantity:
        """The matrix."""
        norm = p.x.scene.numbers.exact(self.norm)
        return norm**2 * inner(p.x, q.x) - inner(p.u, q.u)


def interpolation_of(properties: Properties) -> Interpolation:
    """The class that the properties say."""
    L = properties.lipschitz
    single = L is not None and L < math.inf
    m = properties.strong_monotonicity
    if m is None and single:
        m = -(L or 0.0)
    if properties.gradient and m is not None and m < (math.inf if L is None else L):
        return Smooth(m, math.inf if L is None else L)
    forms = [form for form in dict.fromkeys(properties.forms) if any(form)]
    return Forms(tuple(f for f in forms if all(map(math.isfinite, f))), single)
