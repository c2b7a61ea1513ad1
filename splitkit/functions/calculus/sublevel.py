"""The sets {x: f(x) ≤ r} and {(x, t): f(x) ≤ t} of a convex f."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from splitkit.arguments import FINITE, POSITIVE, check_number, check_parameter
from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    align,
    blocks,
    clip,
    held_fixed,
    is_traced,
    lincomb,
    namespace,
    norm,
    solving,
    where,
    with_derivative,
)
from splitkit.functions.base import (
    Function,
    Indicator,
    Modified,
    entries,
    infinite_where,
    parameter,
    required,
)
from splitkit.functions.calculus.separable import SeparableSum
from splitkit.functions.inner.far import over
from splitkit.functions.losses.huber import Huber
from splitkit.functions.losses.linear import Linear
from splitkit.functions.norms.lp_power import EXPONENTS, IN_RANGE, LpPower
from splitkit.loops import times

ROUNDINGS = 4  # of f(x) and r, within which f(x) = r
CHECK_EVERY = 4  # steps between two looks at the brackets from the host


class SublevelSet(Modified, Indicator):
    """{x: f(x) ≤ r} of a convex f with a prox.

    The projection of y with f(y) > r is prox_{λf}(y), λ > 0 the root of f(prox_{λf}(y)) = r, which
    falls as λ grows: found by halving log λ, then by bracketed secants, to the rounding of λ. Where
    the prox subtracts λ, as of norms, that is the rounding of y, beside which the set may be small:
    the proxes of two neighbouring λ lie outside and inside, and the point between them is taken.

    Its support function at u is min_{λ>0} λ(f*(u/λ) + r), without a formula here. Source: Beck,
    *First-Order Methods in Optimization* (2017), Thm. 6.30; Bauschke, Combettes (2017), Cor. 29.23.

    Parameters
    ----------
    f : Function
        Convex, with a prox.
    bound : float or array, default 0
        r, finite and above inf f; an array has batch shape, and dtype and device of x.

    Raises
    ------
    TypeError, ValueError
        f is not convex or has no prox, or the bound is no such number. A projection finds that no
        point is within the bound: then the indicator is inf everywhere.

    Notes
    -----
    Some 20 proxes of f in single and 30 in double precision, and as many values for a point so far
    away that its rounding shows beside the set.

    Examples
    --------
    >>> C = sk.functions.SublevelSet(sk.functions.SquaredL2(), 0.5)  # the unit ball
    >>> print(C.project(np.array([3.0, 4.0])))
    [0.6 0.8]
    """

    formula = r"\{<f> \leq <bound>\}"
    samplewise = ("bound",)
    subtracts = True
    acts_on_complex = True

    def __init__(self, f: Function, bound: Scalar = 0.0) -> None:
        if not isinstance(f, Function) or not f.convex or not f.has_prox:
            raise TypeError(f"f = {f!r}: give a convex function with a prox")
        super().__init__(f)
        self.elementwise = False
        self.bound = check_parameter("bound", bound, FINITE)
        self.bounded = f.strong_convexity > 0  # type: ignore[misc]
        self.prox_effort = 30 * f.prox_effort

    @property
    def has_gradient(self) -> bool:
        return False

    def project(self, x: Point) -> Point:
        nearest, empty = self._nearest(x)
        if empty is not None and not is_traced(empty) and bool(namespace(empty).any(empty)):
            raise ValueError(
                f"{self!r} is empty, as its function exceeds the bound {self.bound} everywhere: "
                "give a bound above the infimum"
            )
        return nearest

    def violation(self, x: Point) -> Array:
        nearest, empty = self._nearest(x)
        distance = norm(lincomb(1.0, x, -1.0, nearest), self.batch_ndim)
        return distance if empty is None else infinite_where(empty, distance)

    def _nearest(self, x: Point) -> tuple[Point, Array | None]:
        """The projection, and whether there is none."""
        with solving(x):
            inside = self._within_rounding(x)
            search = self._search(lambda t: self.f.prox(x, t), x, inside)
            multiplier = search.root
            found = self.f.prox(x, multiplier)
            empty = self._is_empty(x, found, multiplier, inside)
            found = self._without_rounding(x, found, search, inside)

        def derived() -> Point:
            xp, fixed = namespace(multiplier), held_fixed(multiplier)
            slope = self._slope(_held(x), fixed)
            outside = ~inside & (slope < 0)
            short = self.f(self.f.prox(x, fixed)) - self.bound
            moved = fixed - xp.where(outside, short / xp.where(outside, slope, 1.0), 0.0)
            return self.f.prox(x, moved)

        nearest = with_derivative(found, (*blocks(x), self.bound), derived)
        return where(inside, x, nearest), empty

    def _without_rounding(self, x: Point, found: Point, search: _Search, inside: Array) -> Point:
        """The projection, between those by the neighbouring λ where λ's rounding shows in it."""
        value, xp = self.f(found), namespace(inside)
        eps = float(xp.finfo(value.dtype).eps)
        near = abs(value - self.bound) <= ROUNDINGS * eps * (abs(value) + abs(self.bound))
        known = xp.isfinite(search.at_low) & xp.isfinite(search.at_high)
        done = inside | near | ~known
        if not is_traced(done) and bool(xp.all(done)):
            return found
        within, beyond = self.f.prox(x, search.high), self.f.prox(x, search.low)
        way = lincomb(1.0, beyond, -1.0, within)

        def between(t: Array) -> Point:
            return lincomb(1.0, within, 1 / t, way)

        nearest = between(self._search(between, x, done).root)
        return where(done, found, nearest)

    def _is_empty(self, x: Point, nearest: Point, multiplier: Array, inside: Array) -> Array | None:
        """Where f exceeds r at the nearest point, beyond rounding, and no point of C is within all
        sizes over eps of x, as f(q) ≥ f(p) + ⟨x − p, q − p⟩/λ; None: nowhere.
        """
        xp = namespace(multiplier)
        suspect = ~inside & (multiplier >= _greatest(multiplier) ** 0.5)
        if not is_traced(suspect) and not bool(xp.any(suspect)):
            return None
        eps = float(xp.finfo(multiplier.dtype).eps)
        relative = max(ROUNDINGS * eps, 4 * (self.accuracy or 0.0))
        value, away = self.f(nearest), lincomb(1.0, x, -1.0, nearest)
        moves = (lincomb(1.0, nearest, relative, by) for by in (nearest, away))
        rounding = relative * (abs(value) + abs(self.bound))
        for moved in moves:
            rounding = rounding + abs(self.f(moved) - value)
        short, n = value - self.bound, self.batch_ndim
        sizes = norm(x, n) + norm(nearest, n)
        far = eps * short * multiplier > norm(away, n) * sizes
        return suspect & far & (short > rounding)

    def _within_rounding(self, x: Point) -> Array:
        value = self.f(x)
        rounding = ROUNDINGS * float(namespace(value).finfo(value.dtype).eps)
        near = value - self.bound <= rounding * (abs(value) + abs(self.bound))
        return near & namespace(value).isfinite(value)

    def _search(self, curve: Callable[[Array], Point], x: Point, inside: Array) -> _Search:
        """For t, of batch shape, at which the curve leaves the set; anything where x is inside."""
        zero = 0.0 * norm(x, self.batch_ndim)
        xp = namespace(zero)
        info = xp.finfo(zero.dtype)
        least = zero + 16 * float(info.smallest_normal)
        greatest, unknown = zero + _greatest(zero), zero + math.inf
        search = _Search(zero + 1.0, least, greatest, unknown, -unknown, zero, inside)

        def step(k: int, search: _Search) -> _Search:
            value = self.f(curve(search.t))
            return search.step(k, value - self.bound, abs(value) + abs(self.bound + zero))

        steps = 3 * math.ceil(-math.log2(info.eps)) + 12
        if is_traced(zero):

            def thrice(search: _Search) -> _Search:
                return step(2, step(1, step(0, search)))

            found: _Search = times(steps // 3, thrice, search, zero)
            return found
        for k in range(steps):
            search = step(k, search)
            if k % CHECK_EVERY == 0 and bool(xp.all(search.settled)):
                break
        return search

    def _slope(self, x: Point, multiplier: Array) -> Array:
        """The derivative of f(prox_{λf}(x)) in λ, by a central difference."""
        step = float(namespace(multiplier).finfo(multiplier.dtype).eps) ** (1 / 3)
        ends = (self.f(self.f.prox(x, (1 + sign * step) * multiplier)) for sign in (1.0, -1.0))
        more, less = ends
        return (more - less) / (2 * step * multiplier)

    def check_space(self, space: Space) -> None:
        self.check_batch(space)
        self.check_parameters(space)
        self.f.check_space(space)

    def __repr__(self) -> str:
        return f"SublevelSet({self.f!r}, {'bound' if hasattr(self.bound, 'ndim') else self.bound})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(Huber(0.5, batch_ndim=1), asarray([0.3, 2.0])), (2, 3))]


def _greatest(multiplier: Array) -> float:
    """The greatest λ there is."""
    return float(namespace(multiplier).finfo(multiplier.dtype).max) / 16


class _Search(NamedTuple):
    """Where the roots λ of a decreasing h are known to be, and h at the ends of that."""

    t: Array
    low: Array
    high: Array
    at_low: Array
    at_high: Array
    kept: Array  # which end stayed at the last step: 1 the upper one, −1 the lower one
    settled: Array

    @property
    def root(self) -> Array:
        """The last t, or if h has no value there, and so everywhere above, the last below."""
        xp = namespace(self.t)
        return xp.where(xp.isnan(self.at_high), self.low, self.t)

    def step(self, k: int, h: Array, size: Array) -> _Search:
        xp, one = namespace(h), namespace(h).ones_like(h)
        eps = float(xp.finfo(h.dtype).eps)
        # h falls: where it does not, the prox overflowed
        h = xp.where(xp.isfinite(self.at_low) & (h == math.inf), math.nan, h)
        t, above = self.t, h > 0
        # Illinois: an end that stays counts half
        at_low = xp.where(above, h, xp.where(self.kept < 0, self.at_low / 2, self.at_low))
        at_high = xp.where(above, xp.where(self.kept > 0, self.at_high / 2, self.at_high), h)
        low, high = xp.where(above, t, self.low), xp.where(above, self.high, t)
        zero = xp.isfinite(h) & (abs(h) <= 2 * eps * size)
        settled = self.settled | zero | (high - low <= 2 * eps * high)
        near = xp.isfinite(at_low) & xp.isfinite(at_high) & (high <= 4 * low)
        part = xp.where(near, at_high / xp.where(near, at_high - at_low, 1.0), 0.5)
        secant = high - part * (high - low)
        middle = xp.sqrt(low) * xp.sqrt(high)
        # from 1 outwards by 1/16, 1/256, …, or 16, 256, …, while one end is that of the dtype
        down, up = xp.maximum(low, t * clip(t, high=1 / 16)), xp.minimum(high, t * clip(t, 16.0))
        middle = xp.where(xp.isfinite(at_low), middle, down)
        middle = xp.where(at_high == -math.inf, up, middle)  # not where h is NaN: too far out
        inside = near & (secant > low) & (secant < high)
        following = middle if k % 3 == 2 else xp.where(inside, secant, middle)
        t = xp.where(settled, t, following)
        return _Search(t, low, high, at_low, at_high, xp.where(above, one, -one), settled)


def _held(x: Point) -> Point:
    return tuple(map(held_fixed, x)) if isinstance(x, tuple) else held_fixed(x)


class Epigraph(SublevelSet):
    """{(x, t): f(x) ≤ t} on pairs of arrays, t with one entry for each sample.

    The projection of (y, s) with f(y) > s is (prox_{λf}(y), s + λ), λ > 0 the root of
    f(prox_{λf}(y)) = s + λ: it is the sublevel set of f(x) − t.

    Its support function at (u, −s), s > 0, is s f*(u/s), without a formula here. Source: Beck,
    *First-Order Methods in Optimization* (2017), Thm. 6.36.

    Parameters
    ----------
    f : Function
        Convex, with a prox.

    Raises
    ------
    TypeError
        f is not convex or has no prox.

    Examples
    --------
    >>> C = sk.functions.Epigraph(sk.functions.L1Norm())
    >>> x, t = C.project((np.array([3.0, 1.0]), np.array([0.0])))
    >>> print(x, t)
    [1.5 0. ] [1.5]
    """

    formula = r"\mathrm{epi}(<of>)"

    def __init__(self, f: Function) -> None:
        if not isinstance(f, Function) or not f.convex or not f.has_prox:
            raise TypeError(f"f = {f!r}: give a convex function with a prox")
        self.of = f
        super().__init__(SeparableSum(f, Linear(-1.0, batch_ndim=f.batch_ndim)))
        self.bounded = False  # type: ignore[misc]

    def check_space(self, space: Space) -> None:
        shape = (*space.batch_shape, 1)
        if not space.is_tuple or len(space.shapes) != 2 or space.shapes[1] != shape:
            raise TypeError(
                f"{self!r} acts on pairs of arrays (x, t), t of shape {shape}: give x0 as such a "
                f"tuple, got shapes {space.shapes}"
            )
        super().check_space(space)

    def __repr__(self) -> str:
        return f"Epigraph({self.of!r})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(Huber(0.5, batch_ndim=1)), ((2, 3), (2, 1)))]


class LpBall(Indicator):
    """{x: ‖x‖_p ≤ r}, the norm over all axes that are not batch.

    The projection of y outside is prox_{λf}(y), f = ‖·‖_p^p/p, with λ such that its norm is r: a
    ``SublevelSet`` of y/r.

    Its support function is r‖u‖_q, 1/p + 1/q = 1. Source: Beck, *First-Order Methods in
    Optimization* (2017), Thm. 6.30 and §10.6.

    Parameters
    ----------
    p : float
        In [1.1, 11]; for 1 take ``L1Ball``, for 2 ``L2Ball`` is in closed form, for ∞ ``Box``.
    radius : float or array, default 1
        r, positive and finite; an array has batch shape, and dtype and device of x.

    Examples
    --------
    >>> C = sk.functions.LpBall(4.0)
    >>> print(C.project(np.array([3.0, 3.0])))
    [0.8409 0.8409]
    """

    formula = r"\{\|x\|_{<p>} \leq <radius>\}"
    bounded = True
    subtracts = True
    prox_effort = 60.0
    of_moduli = acts_on_complex = True

    p: float = required(check_number, within=EXPONENTS, remedy=IN_RANGE)
    radius: Scalar = parameter(POSITIVE, default=1.0, samplewise=True)

    check_axes = entries

    def __post_init__(self) -> None:
        super().__post_init__()
        self._unit = SublevelSet(LpPower(self.p, batch_ndim=self.batch_ndim), 1 / self.p)

    def project(self, x: Point) -> Point:
        radius = align(self.radius, x)
        axes = tuple(range(self.batch_ndim, x.ndim))
        nearest = radius * self._unit.project(over(x, radius, axes))
        outside = self._norm(x, self.p) > self.radius
        return namespace(x).where(align(outside, x), nearest, x)

    def _norm(self, x: Array, p: float) -> Array:
        """‖x‖_p, of every size."""
        xp = namespace(x)
        axes = tuple(range(self.batch_ndim, x.ndim))
        largest = held_fixed(xp.max(abs(x), axis=axes, keepdims=True))
        unit = xp.where(largest > 0, largest, 1.0)
        sums = xp.sum(abs(x / unit) ** p, axis=axes)
        return xp.reshape(unit, sums.shape) * sums ** (1 / p)

    def violation(self, x: Point) -> Array:
        return clip(self._norm(x, self.p) - self.radius, 0.0)

    def conjugate_value(self, u: Point) -> Array:
        return self.radius * self._norm(u, self.p / (self.p - 1))

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        return [(cls(3.0, asarray([0.5, 2.0]), batch_ndim=1), (2, 3))]
