"""``check_function``: do value, prox, gradient and conjugate of a convex function agree?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, where
from splitkit.functions.base import Function
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.subdifferential import Subdifferential
from splitkit.testing import _shared, checks_operator
from splitkit.testing._at import NamedMap, Places
from splitkit.testing._at_operator import AtOperator
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Measured, Number
from splitkit.testing._place import KEPT, Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import PointShape

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
    where = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(f, shape, **where).run(max_examples, seed)


@suite.register(Function)
def function_suite(
    f: Function, shape: PointShape, *, batch_ndim: int | None = None, **where: Any
) -> Suite:
    """The properties of a function, and of ∂f; see ``check_function``."""
    batch = f.batch_ndim if batch_ndim is None else batch_ndim
    place = Place.of(shape, batch_ndim=batch, accuracy=f.accuracy or 0.0, **where)
    f.check_space(place.space)
    if f.batch_ndim != batch and has_value(f, place.zero):
        raise ValueError(
            f"f = {f!r} has batch_ndim = {f.batch_ndim}, so that its values have no batch axes of "
            f"points with batch_ndim = {batch}: make it with batch_ndim={batch}"
        )
    A = Subdifferential(f)
    conjugates = conjugate_values(f, place)

    def at(f: Function, places: Places, case: Case) -> AtFunction:
        return AtFunction(f, places, case, A, conjugates)

    of_f, of_A = laws(f, place, conjugates), checks_operator.laws(A, place)
    return _shared.suite_of(at, f, (shape,), (place, place), *of_f, *of_A)


class AtFunction(AtOperator):
    """f, and ∂f as the operator A, at a case."""

    def __init__(self, f: Function, places: Places, case: Case, A: Any, conjugates: Any) -> None:
        super().__init__(f, places, case, A)
        self.f, self.conjugates = f, conjugates

    @cached_property
    def p(self) -> Measured:
        """prox_{αf}(x)."""
        return self.prox(self.alpha, self.x)

    @cached_property
    def slope(self) -> Measured:
        """∇f(x)."""
        L = self.f.smoothness or 0.0
        return Measured.of(self.place, self.f.gradient(self.x.value), L * self.x.size)

    def prox(self, step: float, z: Measured, f: Function | None = None) -> Measured:
        """prox_{step f}(z), or that of another function, which keeps the rounding of z."""
        return Measured.of(self.place, (f or self.f).prox(z.value, step), z.terms)

    def value(self, z: Measured, f: ValueMap | None = None) -> Number:
        """f(z), or the value of another function, with what the rounding of z does to it."""
        with np.errstate(all="ignore"):
            value = (f or self.f)(z.value)
        terms = z.size + (self.f.smoothness or 0.0) * z.size * z.size
        return Number(self.place, value, abs(finite(self.place, value)) + terms)

    def missed(self, value: Number, p: Measured) -> Array:
        """Where f(p) = inf may be due to rounding: p is off by that of the larger point of which it
        was made by a sum, while f counts a point as inside its domain up to the rounding of p.
        """
        made_of = p.terms - p.size
        return ~self.place.xp.isfinite(value.value) & (made_of > 10 * p.size)

    def dual(self, conjugate: ValueMap) -> Measured:
        """u = (x − p)/α ∈ ∂f(p) for p = prox_{αf}(x): by the conjugate's prox, unless that misses
        the domain of f* by rounding.
        """
        z, slope = self.x / self.alpha, (self.x - self.p) / self.alpha
        u = Measured.of(self.place, slope.value, z.size)
        if not self.f.conjugate.has_prox:
            return u
        v = self.prox(1 / self.alpha, z, self.f.conjugate).value
        return Measured.of(
            self.place, where(self.place.xp.isfinite(conjugate(v)), v, u.value), z.size
        )

    def maps(self, thing: Any) -> list[NamedMap]:
        """f, its prox, and what ∂f consists of."""
        found: list[NamedMap] = []
        if has_value(thing, self.x.value):
            found.append(("f(x)", thing, self.x, None))
        if thing.has_prox:
            found.append(("prox_{αf}(x)", lambda x: thing.prox(x, self.alpha), self.x, self.place))
        return found + super().maps(Subdifferential(thing))


def laws(f: Function, place: Place, conjugates: Any) -> Iterator[Property]:
    """What f must keep, by what it can do and declares."""
    valued, m = has_value(f, place.zero), f.strong_convexity
    if valued:
        yield Property(value_like_its_argument, ("value_like_its_argument",))
    if valued and m > -math.inf:
        yield law(
            "convex", "f((x + y)/2) ≤ (f(x) + f(y))/2 − (m/8)‖x − y‖²",
            lambda at: at.value((at.x + at.y) / 2)
            <= (at.value(at.x) + at.value(at.y)) / 2 - m / 8 * (at.x - at.y).square, "x y",
        )  # fmt: skip
    if f.has_prox:
        yield Property(keeps_the_point, (*KEPT, "prox_keyword", "prepared"))
        if valued:
            yield law("prox_in_domain", "f(prox_{αf}(x)) is finite", in_domain)
            formula = "f(z) ≥ f(p) + ⟨(x − p)/α, z − p⟩ + (m/2)‖z − p‖² for p = prox_{αf}(x)"
            yield law("prox_minimizes", formula, minimizes)
        if f.elementwise and place.flat.size > 1:
            formula = (
                "each entry of prox_{αf}(x) depends on that entry of x alone (elementwise = True)"
            )
            yield law("elementwise", formula, elementwise, "x y alpha")
        if f.convex and f.conjugate.has_prox:
            yield law(
                "moreau_of_conjugate", "prox_{αf}(x) + α prox_{f*/α}(x/α) = x",
                lambda at: (
                    at.p + at.alpha * at.prox(1 / at.alpha, at.x / at.alpha, f.conjugate)
                ).equals(at.x),
            )  # fmt: skip
        if valued and conjugates:
            formula = "f(p) + f*(u) = ⟨p, u⟩ for p = prox_{αf}(x), u = (x − p)/α"
            yield law("fenchel_young", formula, fenchel_equality)
            yield law("fenchel_young", "f(y) + f*(u) ≥ ⟨y, u⟩", fenchel_inequality, "")
    if f.has_gradient and valued:
        yield Property(keeps_in_gradient, KEPT)
        yield law(
            "gradient_lower_bound", "f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖²",
            lambda at: above_tangent(at, m) <= at.value(at.y), "x y",
        )  # fmt: skip
        if (L := f.smoothness) is not None:
            yield law(
                "gradient_upper_bound", "f(y) ≤ f(x) + ⟨∇f(x), y − x⟩ + (L/2)‖y − x‖²",
                lambda at: at.value(at.y) <= above_tangent(at, L), "x y",
            )  # fmt: skip
            if place.is_double:
                formula = "(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩"
                yield law("finite_difference", formula, finite_difference, "x")


def has_value(f: ValueMap, x: Point) -> bool:
    """Whether f's value is known (that of a conjugate may not be)."""
    try:
        f(x)
    except TypeError:
        return False
    return True


def conjugate_values(f: Function, place: Place) -> list[tuple[str, ValueMap]]:
    """The ways to f*'s value that are known; f.conjugate may not come to f.conjugate_value."""
    if not f.convex:
        return []
    ways: list[tuple[str, ValueMap]] = [("f.conjugate", f.conjugate)]
    if not isinstance(f.conjugate, Conjugate):
        ways.append(("f.conjugate_value", f.conjugate_value))
    return [(by, way) for by, way in ways if has_value(way, place.zero)]


def value_like_its_argument(at: AtFunction) -> None:
    """f(x) is an array of batch shape."""
    place, x, fx = at.place, at.x.value, at.f(at.x.value)
    name, what = "value_like_its_argument", "f(x)"
    if not hasattr(fx, "dtype"):
        require(False, name, f"{what} is an array of batch shape", fx, place.xp.__name__, x=x)
        return
    for fact, found, wanted in (
        ("dtype", fx.dtype, place.dtype),
        ("batch shape", tuple(fx.shape), place.space.batch_shape),
    ):
        require(found == wanted, name, f"{what} has the {fact} of its argument", found, wanted, x=x)


def keeps_the_point(at: AtFunction) -> None:
    """prox leaves its argument as it is, and is the same in each of its ways."""
    f, place, x, alpha, where = at.f, at.place, at.x, at.alpha, {"x": at.x, "alpha": at.alpha}
    p = Measured.of(place, place.keeps("f.prox(x, alpha)", lambda x: f.prox(x, alpha), x.value))
    formula = "prox(x, alpha) = prox(x, alpha=alpha)"
    try:
        by_keyword = f.prox(x.value, alpha=alpha)
    except TypeError as error:
        require(False, "prox_keyword", formula, p.value, error, **where)
    else:
        exact, again = (Measured(place, value, 0.0 * p.size) for value in (p.value, by_keyword))
        exact.equals(again).require("prox_keyword", formula, **where)
    ways = [("f.make_prox(alpha)(x)", f.make_prox(alpha))]
    if f.operator is not None:
        ways.append(("f.operator.resolvent(alpha)(x)", f.operator.resolvent(alpha)))
    for way, other in ways:
        claim = Measured.of(place, other(x.value), x.size).equals(p)
        claim.require("prepared", f"{way} = f.prox(x, alpha)", **where)


def in_domain(at: AtFunction) -> Claim:
    """Unless it is missed by rounding."""
    xp, fp = at.place.xp, at.value(at.p)
    outside = xp.astype(~xp.isfinite(fp.value) & ~at.missed(fp, at.p), at.place.dtype)
    return Claim(at.place, fp.value, "finite", outside, 0 * outside)


def minimizes(at: AtFunction) -> Iterator[Claim]:
    """f + ‖· − x‖²/(2α) has its minimum at p, strongly so only if m > −1/α."""
    x, y, alpha, place = at.x, at.y, at.alpha, at.place
    p = at.p.widened(1.0)  # an indicator counts points within rounding of its set as inside
    slope, m = (x - p) / alpha, max(at.f.strong_convexity, -1 / alpha)
    made = [y, at.prox(at.beta, y), at.prox(alpha, x + y), 0.9 * p, 0.0 * p]
    made += [p + t * (z - p) for t, z in ((1e-3, y), (0.1, x), (0.1, y))]
    candidates = [(z, at.value(z)) for z in (Measured.of(place, z.value) for z in made)]
    fp = replace(at.value(p), value=finite(place, at.value(p).value))
    fp = fp.widened(p.terms * steepest(p, fp, candidates))
    for z, fz in candidates:
        d = z - p
        yield (fp + slope @ d + m / 2 * d.square <= fz).at(z=z)


def steepest(p: Measured, fp: Number, points: list[tuple[Measured, Number]]) -> Array:
    """The largest |f(z) − f(p)|/‖z − p‖ that is known: how much f(p) changes with p."""
    xp, found = p.place.xp, 0.0 * fp.value
    for z, fz in points:
        length = (z - p).size
        apart = xp.isfinite(fz.value) & (length > 0)
        rate = abs(fz.value - fp.value) / xp.where(apart, length, xp.ones_like(length))
        found = xp.maximum(found, xp.where(apart, rate, xp.zeros_like(rate)))
    return found


def elementwise(at: AtFunction) -> Claim:
    """A point with entries of x and of y has the entries of their proxes."""
    flat = at.place.flat

    def mixed(p: Measured, q: Measured) -> Measured:
        odd = np.arange(flat.size) % 2 > 0
        value = flat.point(np.where(odd, flat.vector(p.value), flat.vector(q.value)))
        return Measured(at.place, value, p.terms + q.terms)

    together = at.prox(at.alpha, mixed(at.x, at.y))
    return together.equals(mixed(at.p, at.prox(at.alpha, at.y)))


def fenchel_equality(at: AtFunction) -> Iterator[Claim]:
    """Unless p or u misses its domain by rounding."""
    for by, conjugate in at.conjugates:
        p, u = at.p, at.dual(conjugate)
        fp, fu = at.value(p), at.value(u, conjugate)
        missed = at.missed(fp, p) | at.missed(fu, u)
        yield (fp + fu).equals(p @ u).unless(missed).at(**{"f*": by})


def fenchel_inequality(at: AtFunction) -> Iterator[Claim]:
    """At a subgradient u, whose rounding changes f*(u) p times, and off the graph, where f* may be
    infinite.
    """
    p, y = at.p, at.y
    fp, fy = at.value(p), at.value(y)
    for by, conjugate in at.conjugates:
        u = at.dual(conjugate)
        pairs = [(y, fy, u, at.value(u, conjugate).widened(p.size * u.terms))]
        for v in (1.001 * u, 2.0 * u, at.x):
            v = Measured.of(at.place, v.value).widened(1.0)
            fv = at.value(v, conjugate)
            pairs += [(y, fy, v, fv), (p, fp, v, fv)]
        for z, fz, v, fv in pairs:
            yield (z @ v <= fz + fv).at(y=z, u=v, **{"f*": by})


def keeps_in_gradient(at: AtFunction) -> None:
    """∇f leaves its argument as it is, and returns its like."""
    at.place.keeps("f.gradient(x)", at.f.gradient, at.x.value)


def above_tangent(at: AtFunction, curvature: float) -> Number:
    """f(x) + ⟨∇f(x), y − x⟩ + (curvature/2)‖y − x‖²."""
    d = at.y - at.x
    return at.value(at.x) + at.slope @ d + curvature / 2 * d.square


def finite_difference(at: AtFunction) -> Claim:
    """Up to Lh‖d‖²/2."""
    d, h = at.y - at.x, 1e-5
    difference = (at.value(at.x + h * d) - at.value(at.x - h * d)) / (2 * h)
    curved = (at.f.smoothness or 0.0) * h * d.size * d.size
    return difference.equals(at.slope @ d).within(curved).at(d=d, h=h)


def finite(place: Place, values: Array) -> Array:
    """The values, 0 in place of inf."""
    return place.xp.where(place.xp.isfinite(values), values, place.xp.zeros_like(values))
