"""``check_function``: do value, prox, gradient and conjugate of a convex function agree?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import (
    Array,
    Point,
    add,
    blocks,
    lincomb,
    namespace,
    scale,
    subtract,
    where,
)
from splitkit.functions.base import Function
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.subdifferential import Subdifferential
from splitkit.operators.base import Operator
from splitkit.testing import _shared, checks_operator
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import PointShape, points, step_sizes

ValueMap = Callable[[Point], Array]


def check_function(
    f: Function,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int | None = None,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for points at which f breaks what it declares.

    Checked: everything of ``check_operator`` for ∂f; p = prox_{αf}(x) minimizes
    f(z) + ‖z − x‖²/(2α), which grows by its strong convexity, against perturbations; convexity; the
    gradient against values and, in float64, finite differences; the conjugate's prox by Moreau's
    identity and its value by Fenchel-Young; an elementwise prox entry by entry; ``make_prox`` and
    ``operator`` against the prox; dtype and batch shape of values. Where f states an accuracy, its
    prox is held to that, and not to rounding.

    Parameters
    ----------
    f : Function
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device, max_examples, seed
        As for ``check_operator``.
    batch_ndim : int, optional
        Default: the function's.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.
    """
    __tracebackhide__ = True
    if not isinstance(f, Function):
        raise _shared.wrong_kind("f", f, "function")
    options = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(f, shape, **options).run(max_examples, seed)


@suite.register(Function)
def function_suite(
    f: Function,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int | None = None,
) -> Suite:
    """The properties of a function; see ``check_function``."""
    batch = f.batch_ndim if batch_ndim is None else batch_ndim
    place = Place.of(shape, xp, dtype, device, batch, f.accuracy or 0.0)
    f.check_space(place.space)
    if f.batch_ndim != batch and has_value(f, place.zero):
        raise ValueError(
            f"f = {f!r} has batch_ndim = {f.batch_ndim}, so that its values have no batch axes of "
            f"points with batch_ndim = {batch}: make it with batch_ndim={batch}"
        )
    A: Operator = Subdifferential(f)
    drawn = points(shape, xp=place.xp, dtype=place.dtype, device=device)
    cases = st.tuples(drawn, drawn, step_sizes(), step_sizes())

    def at(case: Case) -> AtFunction:
        x, y, alpha, beta = case
        return AtFunction(A, place, x, y, alpha, beta, f)

    of_f = checks_operator.replay_options(place, 0 if batch_ndim is None else batch_ndim)
    spread = partial(checks_operator.spread, place)
    return Suite(f, (shape,), place, cases, at, properties(f, A, place), of_f, spread=spread)


@dataclass(frozen=True)
class AtFunction(checks_operator.At):
    """f, and ∂f as the operator A, at a case."""

    f: Function

    @cached_property
    def prox(self) -> Point:
        """prox_{αf}(x)."""
        return self.f.prox(self.x, self.alpha)

    @cached_property
    def fx(self) -> Array:
        """f(x)."""
        return self.f(self.x)

    @cached_property
    def fy(self) -> Array:
        """f(y)."""
        return self.f(self.y)

    def rounding(self, values: tuple[Array, ...], at: tuple[Point, Point], extra: Array) -> Array:
        """What rounding does to these values of f: to themselves, and through their arguments."""
        place = self.place
        known = [abs(finite(place, v)) for v in values]
        sizes = place.size(at[0]) + place.size(at[1])
        total = sum(known[1:], start=known[0]) + abs(extra) + place.eps * sizes
        curvature = self.f.smoothness or 0.0
        return ROUNDINGS * place.eps * (total + sizes + curvature * sizes * sizes)


def properties(f: Function, A: Operator, place: Place) -> tuple[Property, ...]:
    """What f must keep, by what it can do and declares; after it what ∂f must."""
    valued = has_value(f, place.zero)
    found: list[Property] = []
    if valued:
        found.append(Property(value, ("value_like_its_argument", "convex")))
    if f.has_prox:
        minimal = ("prox_in_domain", "prox_minimizes") if valued else ()
        found.append(Property(prox, (*KEPT, "prox_keyword", "prepared", *minimal)))
        if f.elementwise and place.flat.size > 1:
            found.append(Property(elementwise, ("elementwise",)))
        if f.convex and f.conjugate.has_prox:
            found.append(Property(moreau, ("moreau_of_conjugate",)))
        for way in conjugate_values(f, place) if valued else ():
            found.append(Property(partial(fenchel_young, way), ("fenchel_young",)))
    if f.has_gradient and valued:
        bounds = ["gradient_lower_bound"]
        if f.smoothness is not None:
            bounds += ["gradient_upper_bound", "finite_difference"][: 1 + place.is_double]
        found.append(Property(gradient, (*KEPT, *bounds)))
    fixed = partial(checks_operator.fixed_case, place)
    found.append(Property(nan, ("nan",), fixed, drawn=False))
    found.append(Property(serialization, ("serialization",), fixed, drawn=False))
    return (*found, *checks_operator.properties(A, place))


def conjugate_values(f: Function, place: Place) -> list[ValueMap]:
    """The ways to f*'s value that are known; f.conjugate may not come to f.conjugate_value."""
    if not f.convex:
        return []
    ways: list[ValueMap] = [f.conjugate]
    if not isinstance(f.conjugate, Conjugate):
        ways.append(f.conjugate_value)
    return [way for way in ways if has_value(way, place.zero)]


def has_value(f: ValueMap, x: Point) -> bool:
    """Whether f's value is known (that of a conjugate may not be)."""
    try:
        f(x)
    except TypeError:
        return False
    return True


def value(at: AtFunction) -> None:
    """f(x) has batch shape, and f is convex with its strong convexity."""
    f, place, x, y, fx, fy = at.f, at.place, at.x, at.y, at.fx, at.fy
    name, what = "value_like_its_argument", "f(x)"
    if not hasattr(fx, "dtype"):
        require(False, name, f"{what} is an array of batch shape", fx, place.xp.__name__, x=x)
        return
    facts: list[tuple[str, object, object]] = [
        ("dtype", fx.dtype, place.dtype),
        ("batch shape", tuple(fx.shape), place.space.batch_shape),
    ]
    for fact, found, wanted in facts:
        require(found == wanted, name, f"{what} has the {fact} of its argument", found, wanted, x=x)
    if f.strong_convexity == -math.inf:
        return
    middle = f(lincomb(0.5, x, 0.5, y))
    d = subtract(x, y)
    strong = f.strong_convexity / 8 * place.space.inner(d, d)
    bound = finite(place, fx) / 2 + finite(place, fy) / 2 - strong
    slack = at.rounding((fx, fy, middle), (x, y), strong)
    formula = "f((x + y)/2) ≤ (f(x) + f(y))/2 − (m/8)‖x − y‖²"
    inside = place.xp.isfinite(fx) & place.xp.isfinite(fy)  # else the right side is infinite
    gap = place.xp.where(inside, middle - bound, place.xp.zeros_like(bound))
    place.at_most("convex", formula, gap, slack, middle, bound, x=x, y=y)


def prox(at: AtFunction) -> None:
    """p = prox_{αf}(x): f(z) ≥ f(p) + ⟨(x − p)/α, z − p⟩ + (m/2)‖z − p‖² for all z."""
    f, place, x, y, alpha, beta = at.f, at.place, at.x, at.y, at.alpha, at.beta
    p = place.keeps("f.prox(x, alpha)", lambda x: f.prox(x, alpha), x)
    formula = "prox(x, alpha) = prox(x, alpha=alpha)"
    try:
        by_keyword = f.prox(x, alpha=alpha)
    except TypeError as error:
        require(False, "prox_keyword", formula, p, error, x=x, alpha=alpha)
    else:
        place.equal("prox_keyword", formula, p, by_keyword, 0.0 * place.size(p), x=x, alpha=alpha)
    ways = [("f.make_prox(alpha)(x)", f.make_prox(alpha)(x))]
    if f.operator is not None:
        ways.append(("f.operator.resolvent(alpha)(x)", f.operator.resolvent(alpha)(x)))
    for way, other in ways:
        terms = place.size(x) + place.size(p)
        place.equal("prepared", f"{way} = f.prox(x, alpha)", other, p, terms, x=x, alpha=alpha)
    if not has_value(f, p):
        return
    fp = f(p)
    outside = ~place.xp.isfinite(fp) & ~rounded_away(place, fp, p, x)
    outside = place.xp.astype(outside, place.dtype)
    formula = "f(prox_{αf}(x)) is finite"
    place.at_most("prox_in_domain", formula, outside, 0 * outside, fp, "finite", x=x, alpha=alpha)
    fp = finite(place, fp)
    slope = scale(1 / alpha, subtract(x, p))
    near = add(p, scale(1e-3, subtract(y, p)))
    # f + ‖· − x‖²/(2α) has its minimum at p, strongly so only if m > −1/α
    m = max(f.strong_convexity, -1 / alpha)
    candidates = [y, f.prox(y, beta), f.prox(add(x, y), alpha), scale(0.9, p), scale(0.0, p), near]
    candidates += [add(p, scale(0.1, subtract(z, p))) for z in (x, y)]
    sizes, steepness = place.size(x) + place.size(p), place.size(slope)
    eps = ROUNDINGS * place.eps
    values = [f(z) for z in candidates]
    slack_of_p = eps * sizes * steepest(place, p, fp, candidates, values)
    for z, fz in zip(candidates, values, strict=True):
        d = subtract(z, p)
        strong = m / 2 * place.space.inner(d, d)
        bound = fp + place.space.inner(slope, d) + strong
        slack = at.rounding((fz, fp), (z, p), strong)
        slack = slack + slack_of_p + eps * place.size(d) * (sizes / alpha + steepness)
        # p is off by the rounding of x, and an indicator counts points within rounding of its set
        # as inside: ⟨(x − p)/α, z − p⟩ changes by ‖(x − p)/α‖ times those distances
        slack = slack + eps * steepness * (1.0 + place.size(z) + sizes)
        formula = "f(z) ≥ f(p) + ⟨(x − p)/α, z − p⟩ + (m/2)‖z − p‖² for p = prox_{αf}(x)"
        gap = place.xp.where(place.xp.isfinite(fz), bound - fz, place.xp.zeros_like(bound))
        place.at_most("prox_minimizes", formula, gap, slack, fz, bound, x=x, z=z, alpha=alpha)


def steepest(place: Place, p: Point, fp: Array, points: list[Point], values: list[Array]) -> Array:
    """The largest |f(z) − f(p)|/‖z − p‖ that is known: how much f(p) changes with p."""
    found = place.xp.zeros_like(fp)
    for z, fz in zip(points, values, strict=True):
        length = place.size(subtract(z, p))
        apart = place.xp.isfinite(fz) & (length > 0)
        rate = abs(fz - fp) / place.xp.where(apart, length, place.xp.ones_like(length))
        found = place.xp.maximum(found, place.xp.where(apart, rate, place.xp.zeros_like(rate)))
    return found


def elementwise(at: AtFunction) -> None:
    """An elementwise prox of a point with entries of x and y has the entries of their proxes."""
    f, place, alpha = at.f, at.place, at.alpha

    def mixed(p: Point, q: Point) -> Point:
        parts = []
        for a, b in zip(blocks(p), blocks(q), strict=True):
            odd = place.array(np.arange(a.size if isinstance(a.size, int) else a.numel()) % 2)
            xp = namespace(a)
            parts.append(xp.where(xp.reshape(odd, a.shape) > 0, a, b))
        return tuple(parts) if isinstance(p, tuple) else parts[0]

    together = f.prox(mixed(at.x, at.y), alpha)
    apart = mixed(at.prox, f.prox(at.y, alpha))
    terms = place.size(at.x) + place.size(at.y) + place.size(apart)
    formula = "each entry of prox_{αf}(x) depends on that entry of x alone (elementwise = True)"
    place.equal("elementwise", formula, together, apart, terms, x=at.x, y=at.y, alpha=alpha)


def gradient(at: AtFunction) -> None:
    """f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖², and finite differences."""
    f, place, x, y, fx, fy = at.f, at.place, at.x, at.y, at.fx, at.fy
    slope = place.keeps("f.gradient(x)", f.gradient, x)
    d = subtract(y, x)
    square = place.space.inner(d, d)
    strong, linear = f.strong_convexity / 2 * square, place.space.inner(slope, d)
    bound = fx + linear + strong
    slack = at.rounding((fx, fy), (x, y), strong)
    slack = slack + ROUNDINGS * place.eps * place.size(slope) * place.size(d)
    formula = "f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖²"
    place.at_most("gradient_lower_bound", formula, bound - fy, slack, fy, bound, x=x, y=y)
    if f.smoothness is None:
        return
    upper = fx + linear + f.smoothness / 2 * square
    slack = slack + ROUNDINGS * place.eps * abs(upper)
    formula = "f(y) ≤ f(x) + ⟨∇f(x), y − x⟩ + (L/2)‖y − x‖²"
    place.at_most("gradient_upper_bound", formula, fy - upper, slack, fy, upper, x=x, y=y)
    if place.is_double:
        finite_difference(at, d, slope)


def finite_difference(at: AtFunction, d: Point, slope: Point) -> None:
    """(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩ up to Lh‖d‖²/2 and rounding."""
    f, place, x = at.f, at.place, at.x
    h = 1e-5
    right, left = f(lincomb(1.0, x, h, d)), f(lincomb(1.0, x, -h, d))
    difference, expected = (right - left) / (2 * h), place.space.inner(slope, d)
    curved = (f.smoothness or 0.0) * h * place.space.inner(d, d)
    noise = at.rounding((right, left), (x, d), 0.0 * right) / h
    formula = "(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩"
    gap = abs(difference - expected)
    limit = curved + noise + ROUNDINGS * place.eps * place.size(slope) * place.size(d)
    place.at_most("finite_difference", formula, gap, limit, difference, expected, x=x, d=d, h=h)


def moreau(at: AtFunction) -> None:
    """prox_{αf}(x) + α prox_{f*/α}(x/α) = x."""
    place, x, alpha = at.place, at.x, at.alpha
    u = at.f.conjugate.prox(scale(1 / alpha, x), 1 / alpha)
    terms = place.size(x) + place.size(at.prox) + alpha * place.size(u)
    formula = "prox_{αf}(x) + α prox_{f*/α}(x/α) = x"
    both = lincomb(1.0, at.prox, alpha, u)
    place.equal("moreau_of_conjugate", formula, both, x, terms, x=x, alpha=alpha)


def fenchel_young(conjugate: ValueMap, at: AtFunction) -> None:
    """f(y) + f*(u) ≥ ⟨y, u⟩, with equality at p = prox_{αf}(x) for u = (x − p)/α."""
    f, place, x, y, p, alpha = at.f, at.place, at.x, at.y, at.prox, at.alpha
    slope = scale(1 / alpha, subtract(x, p))
    dual = f.conjugate
    u = dual.prox(scale(1 / alpha, x), 1 / alpha) if dual.has_prox else slope
    # u may miss the domain of f* by its rounding; (x − p)/α is the same u, rounded otherwise
    u = where(place.xp.isfinite(conjugate(u)), u, slope)
    fp, fu = f(p), conjugate(u)
    missed = rounded_away(place, fp, p, x) | rounded_away(place, fu, u, scale(1 / alpha, x))
    product = place.space.inner(p, u)
    slack = at.rounding((fp, fu), (p, u), product)
    slack = slack + ROUNDINGS * place.eps * (place.size(x) / alpha + place.size(u)) * (
        place.size(p) + place.size(x)
    )
    by = "f.conjugate" if isinstance(conjugate, Function) else "f.conjugate_value"
    formula = f"f(p) + f*(u) = ⟨p, u⟩ for p = prox_{{αf}}(x), u = (x − p)/α, f* = {by}"
    gap = abs(fp + fu - product)
    gap = place.xp.where(missed, place.xp.zeros_like(gap), gap)
    place.at_most("fenchel_young", formula, gap, slack, fp + fu, product, x=x, alpha=alpha)
    product = place.space.inner(y, u)
    slack = slack + at.rounding((at.fy, fu), (y, u), product)
    formula, total = f"f(y) + f*(u) ≥ ⟨y, u⟩, f* = {by}", at.fy + fu
    place.at_most("fenchel_young", formula, product - total, slack, total, product, y=y, u=u)
    # and off the graph, where f* may be infinite
    for v in (scale(1.001, u), scale(2.0, u), x):
        with np.errstate(all="ignore"):
            fv = conjugate(v)
        for z, fz in ((y, at.fy), (p, fp)):
            product, total = place.space.inner(z, v), fz + fv
            slack = at.rounding((fz, fv), (z, v), product)
            slack = slack + ROUNDINGS * place.eps * place.size(z) * (1 + place.size(v))
            gap = place.xp.where(place.xp.isfinite(total), product - total, 0.0 * product)
            place.at_most("fenchel_young", formula, gap, slack, total, product, y=z, u=v)


def nan(at: AtFunction) -> None:
    """NaN does not turn into numbers."""
    f, place = at.f, at.place
    if f.has_prox:
        _shared.nan_passes_through(place, "prox_{αf}(x)", lambda x: f.prox(x, at.alpha), at.x)
    if has_value(f, at.x):
        _shared.nan_passes_through(place, "f(x)", f, at.x)


def serialization(at: AtFunction) -> None:
    """Copies do what the function does."""

    def values(f: Function) -> list[tuple[str, Point]]:
        found = [("f(x)", f(at.x))] if has_value(f, at.x) else []
        return [*found, ("f.prox(x)", f.prox(at.x, at.alpha))] if f.has_prox else found

    _shared.same_after_round_trip(at.f, values, at.x)


def rounded_away(place: Place, value: Array, p: Point, x: Point) -> Array:
    """Where f(p) = inf may be due to rounding: p, made of x by a sum, is off by the rounding of x,
    while a function counts a point as inside its domain up to the rounding of p.
    """
    return ~place.xp.isfinite(value) & (place.size(x) > 10 * (1 + place.size(p)))


def finite(place: Place, values: Array) -> Array:
    """The values, 0 in place of inf."""
    return place.xp.where(place.xp.isfinite(values), values, place.xp.zeros_like(values))
