"""``check_function``: do value, prox, gradient and conjugate of a convex function agree?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, blocks
from splitkit.functions.base import Function, Indicator
from splitkit.functions.calculus.conjugate import Conjugate
from splitkit.functions.subdifferential import Subdifferential
from splitkit.looks import unknown_points
from splitkit.testing import _shared, checks_operator
from splitkit.testing._at import NamedMap, Places, spread
from splitkit.testing._at_operator import AtOperator
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Measured, Number, Rows
from splitkit.testing._place import KEPT, Place
from splitkit.testing._report import require
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.real_form import in_real_form
from splitkit.testing.strategies import PointShape, scales

ValueMap = Callable[[Point], Array]

FAR = 1e-3  # of a point outside of a set, beside the sizes of the point and of its projection


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
    progress: bool | None = None,
) -> None:
    """Look for points at which f breaks what it declares.

    Checked: everything of ``check_operator`` for ∂f; p = prox_{αf}(x) minimizes
    f(z) + ‖z − x‖²/(2α), which grows by its strong convexity, against perturbations; convexity; the
    gradient against values and, in float64, finite differences; the prox of a point far away in
    f's domain, and what is far from a set outside of it; norms, cones and what else is positively
    homogeneous in units of every size; derivatives of the prox by Torch, in float64, against
    differences; the conjugate's prox by Moreau's identity and its value by Fenchel-Young; an
    elementwise prox entry by entry; ``make_prox`` and ``operator`` against the prox; dtype and
    batch shape of values. Where f states an accuracy, its prox is held to that, and not to
    rounding.

    Parameters
    ----------
    f : Function
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device, max_examples, seed, progress
        As for ``check_operator``.
    batch_ndim : int, optional
        Default: the function's.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.

    Examples
    --------
    >>> from splitkit.testing import check_function
    >>> check_function(sk.functions.L1Norm(), (2,), max_examples=5)
    """
    __tracebackhide__ = True
    if not isinstance(f, Function):
        raise _shared.wrong_kind("f", f, "function")
    where = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(f, shape, **where).run(max_examples, seed, progress=progress)


@suite.register(Function)
def function_suite(
    f: Function, shape: PointShape, *, batch_ndim: int | None = None, **where: Any
) -> Suite:
    """The properties of a function, and of ∂f; see ``check_function``."""
    if (real := in_real_form(f, (shape,), where)) is not None:
        *real, options = real
        return suite(*real, batch_ndim=batch_ndim, **options)
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
    def ends(self) -> tuple[Measured, Measured]:
        """Where ∇f is measured, and a point beside: x and y, or q and r such that the prox takes
        points to 2q − r and r, if ∇f is known inside of the domain alone.
        """
        if not self.f.smooth_inside:
            return self.x, self.y
        made = []
        for z in (self.x, self.y):  # no farther out than where proxes do not underflow
            near = Measured(self.place, z.entries / np.maximum(z.size, 1.0)[:, None], 0.0)
            made.append(Measured.of(self.place, self.f.prox(near.value)))
        return Measured.of(self.place, ((made[0] + made[1]) / 2).value), made[1]

    @cached_property
    def slope(self) -> Measured:
        """∇f, at the first of the ends."""
        x, L = self.ends[0], self.f.smoothness or 0.0
        return Measured.of(self.place, self.f.gradient(x.value), L * x.size)

    def prox(self, step: float, z: Measured, f: Function | None = None) -> Measured:
        """prox_{step f}(z), or that of another function, which keeps the rounding of z."""
        return Measured.of(self.place, (f or self.f).prox(z.value, step), z.terms)

    def value(self, z: Measured, f: ValueMap | None = None) -> Number:
        """f(z), or the value of another function, with what the rounding of z does to it."""
        with np.errstate(all="ignore"):
            value = (f or self.f)(z.value)
        found = Number(self.place, self.place.numbers(value), 0.0)
        curved = (self.f.smoothness or 0.0) * z.size * z.size
        return found.widened(abs(found.finite) + z.size + curved)

    def missed(self, value: Number, p: Measured) -> Rows:
        """Where f(p) = inf may be due to rounding: p is off by that of the larger point of which it
        was made by a sum, while f counts a point as inside its domain up to the rounding of p.
        """
        made_of = p.terms - p.size
        return ~value.isfinite & (made_of > 10 * p.size)

    def dual(self, conjugate: ValueMap) -> Measured:
        """u = (x − p)/α ∈ ∂f(p) for p = prox_{αf}(x): by the conjugate's prox, unless that misses
        the domain of f* by rounding.
        """
        z, slope = self.x / self.alpha, (self.x - self.p) / self.alpha
        u = Measured.of(self.place, slope.value, z.size)
        if not self.f.conjugate.has_prox:
            return u
        v = self.prox(1 / self.alpha, z, self.f.conjugate)
        inside = self.value(v, conjugate).isfinite
        if inside.all():
            return Measured.of(self.place, v.value, z.size)
        mixed = np.where(inside[:, None], v.entries, u.entries)
        return Measured.of(self.place, self.place.point(mixed), z.size)

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
            every = partial(every_scale, place) if isinstance(f, Indicator) else None
            formula = "f(prox_{αf}(x)) is finite"
            yield law("prox_in_domain", formula, in_domain, "alpha", every)
            if isinstance(f, Indicator):
                formula = f"f(x) = inf where ‖x − Px‖ > {FAR:g}(‖x‖ + ‖Px‖), P the projection"
                yield law("outside", formula, outside, "x", every)
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
    if f.convex and isinstance(f.conjugate, Indicator):
        formula = "f(tx) = t f(x) and prox_{tαf}(tx) = t prox_{αf}(x)"
        yield law("homogeneous", formula, homogeneous)
    if f.has_prox and f.convex and place.is_double and hasattr(place.xp, "autograd"):
        formula = "(prox_{αf}(x + hd) − prox_{αf}(x − hd))/(2h) = J d, J by the library's autograd"
        yield law("prox_derivative", formula, prox_derivative)
    if isinstance(f, Indicator) and f.has_support_point:
        formula = "s ∈ C and ⟨v, s⟩ = σ_C(v), s = C.support_point(v); v = x"
        yield law("support_point", formula, supporting, "x")
    if isinstance(f, Indicator) and f.has_kl_projection:
        formula = (
            "s ∈ C, and Σ log(sᵢ/rᵢ)(zᵢ − sᵢ) ≥ 0 on C, s = C.kl_project(r); r = ½ + |x|, z = Py"
        )
        yield law("kl_projection", formula, nearest_by_entropy, "x y")
    if f.smooth_inside and valued:
        formula = "∇f(x) is NaN where f(x) = inf"
        yield law("undefined_outside", formula, undefined_outside, "x")
    is_reached = f.has_prox or not f.smooth_inside
    if f.has_gradient and valued and is_reached:
        yield Property(keeps_in_gradient, KEPT)
        if type(f).value_and_gradient is not Function.value_and_gradient:
            formula = "f.value_and_gradient(x) = (f(x), ∇f(x))"
            yield law("value_and_gradient", formula, computed_together, "x")
        yield law(
            "gradient_lower_bound", "f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖²",
            lambda at: above_tangent(at, m) <= at.value(at.ends[1]), "x y",
        )  # fmt: skip
        if (L := f.smoothness) is not None:
            yield law(
                "gradient_upper_bound", "f(y) ≤ f(x) + ⟨∇f(x), y − x⟩ + (L/2)‖y − x‖²",
                lambda at: at.value(at.ends[1]) <= above_tangent(at, L), "x y",
            )  # fmt: skip
        if place.is_double and (f.smooth_inside or L is not None):
            formula = "(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩"
            yield law("finite_difference", formula, finite_difference, "x")
    if f.has_hessian and place.is_double and is_reached:
        formula = "(∇f(x + hd) − ∇f(x − hd))/(2h) = ∇²f(x)d, and ⟨e, ∇²f(x)d⟩ = ⟨∇²f(x)e, d⟩"
        yield law("hessian", formula, second_derivative, "x y")


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
        exact, again = (
            Measured(place, place.entries(v), 0.0 * p.size) for v in (p.value, by_keyword)
        )
        exact.equals(again).require("prox_keyword", formula, **where)
    ways = [("f.make_prox(alpha)(x)", f.make_prox(alpha))]
    if f.operator is not None:
        ways.append(("f.operator.resolvent(alpha)(x)", f.operator.resolvent(alpha)))
    for way, other in ways:
        claim = Measured.of(place, other(x.value), x.size).equals(p)
        claim.require("prepared", f"{way} = f.prox(x, alpha)", **where)


def every_scale(place: Place, effort: int, seed: int) -> Iterator[Case]:
    """A point of each scale, or a few."""
    return spread((place, place), (1 + min(effort, 2)) * len(scales(place.is_double)), seed)


def in_domain(at: AtFunction) -> Iterator[Claim]:
    """Where a user calls both; of a set, from far beyond x too, on the ray from its projection."""
    points = [at.x]
    if isinstance(at.f, Indicator):
        for times in (1e8, 1e24) if at.place.is_double else (1e4, 1e12):
            points.append(at.p + times * (at.x - at.p))
    for x in points:
        with unknown_points():
            fp = at.value(at.prox(at.alpha, x))
        missed = 1.0 * ~fp.isfinite
        yield Claim(at.place, fp, "finite", missed, 0.0 * missed).at(x=x)


def outside(at: AtFunction) -> Claim:
    """Membership has no units: a tiny point can be outside, too."""
    far = (at.x - at.p).size > FAR * (at.x.size + at.p.size)
    fx = at.value(at.x)
    counted = 1.0 * (far & fx.isfinite)
    return Claim(at.place, fx, "inf", counted, 0.0 * counted)


def homogeneous(at: AtFunction) -> Iterator[Claim]:
    """For powers t of 2, whose product with x is exact, such that squares over- and underflow."""
    f, place = at.f, at.place
    power = units(place)
    for t in (2.0**power, 2.0**-power):
        tx = Measured.of(place, place.point(t * at.x.entries))
        if f.has_prox:
            p = place.entries(f.prox(tx.value, t * at.alpha)) / t
            yield Measured(place, p, at.p.terms).equals(at.p).at(t=t)
        if has_value(f, at.x.value):
            fx, there = at.value(at.x), Number(place, at.value(tx).entries / t, 0.0)
            gap = abs(there.finite - fx.finite) + (there.isfinite != fx.isfinite)
            yield Claim(place, there, fx, gap, fx.terms).at(t=t)


def units(place: Place) -> int:
    """log2 of a unit in which squares over- or underflow: 10²⁵ in single precision, 10²⁰⁰ in double
    precision; 10⁷⁵, where they do not, in that of libraries whose norms add up plain squares.
    """
    if not place.is_double:
        return 83
    return 664 if isinstance(blocks(place.zero)[0], np.ndarray) else 249


def prox_derivative(at: AtFunction) -> Claim:
    """Of ⟨e, prox⟩ along d, at a point near x without ties, and where the differences on both sides
    agree; a prox that refuses to be differentiated says so by TypeError.
    """
    place, xp, shape = at.place, at.place.xp, at.x.entries.shape
    rng = np.random.default_rng(shape)
    d, e, off = (Measured(place, rng.standard_normal(shape), 0.0) for _ in range(3))
    length = at.x.size.max(initial=1.0)
    x, h = at.x + 0.01 * length * off, 1e-6 * length
    back, here, ahead = (at.prox(at.alpha, x + t * d) for t in (-h, 0.0, h))
    left, right = (e @ ((q - p) / h) for p, q in ((back, here), (here, ahead)))
    central = (e @ ((ahead - back) / (2 * h))).entries
    tracked = [a.clone().requires_grad_(True) for a in blocks(x.value)]
    try:
        value = at.f.prox(tuple(tracked) if place.space.is_tuple else tracked[0], at.alpha)
    except TypeError:
        return Claim(place, central, central, 0.0 * central, 0.0 * central)
    pairs = [pair for pair in zip(blocks(value), blocks(e.value), strict=True) if is_recorded(pair)]
    slopes: Any = [None] * len(tracked)
    if pairs:
        outputs, cotangents = zip(*pairs, strict=True)
        slopes = xp.autograd.grad(outputs, tracked, cotangents, allow_unused=True)
    each = [0.0 * a if g is None else g for a, g in zip(tracked, slopes, strict=True)]
    found = d @ Measured(
        place, place.entries(tuple(each) if place.space.is_tuple else each[0]), 0.0
    )
    allowed = 1e-3 * d.size * e.size
    kink = abs((left - right).entries) > allowed
    gap = np.where(kink, 0.0, abs(found.entries - central))
    rounding = e.size * here.terms / h
    return Claim(place, central, found, gap, rounding).within(2 * allowed)


def is_recorded(pair: tuple[Array, Array]) -> bool:
    """Whether the library knows of what the first was made."""
    return bool(pair[0].requires_grad)


def minimizes(at: AtFunction) -> Iterator[Claim]:
    """f + ‖· − x‖²/(2α) has its minimum at p, strongly so only if m > −1/α."""
    x, y, alpha, place = at.x, at.y, at.alpha, at.place
    p = at.p.widened(1.0)  # an indicator counts points within rounding of its set as inside
    slope, m = (x - p) / alpha, max(at.f.strong_convexity, -1 / alpha)
    made = [y, at.prox(at.beta, y), at.prox(alpha, x + y), 0.9 * p, 0.0 * p]
    made += [p + t * (z - p) for t, z in ((1e-3, y), (0.1, x), (0.1, y))]
    candidates = [(z, at.value(z)) for z in (Measured.of(place, z.value) for z in made)]
    fp = at.value(p)
    fp = Number(place, fp.finite, fp.terms)
    fp = fp.widened(p.terms * steepest(p, fp, candidates))
    for z, fz in candidates:
        d = z - p
        yield (fp + slope @ d + m / 2 * d.square <= fz).at(z=z)


def steepest(p: Measured, fp: Number, points: list[tuple[Measured, Number]]) -> Rows:
    """The largest |f(z) − f(p)|/‖z − p‖ that is known: how much f(p) changes with p."""
    found = 0.0 * fp.entries
    for z, fz in points:
        length = (z - p).size
        apart = fz.isfinite & (length > 0)
        rate = abs(fz.finite - fp.entries) / np.where(apart, length, 1.0)
        found = np.maximum(found, np.where(apart, rate, 0.0))
    return found


def elementwise(at: AtFunction) -> Claim:
    """A point with entries of x and of y has the entries of their proxes."""
    shape = at.x.entries.shape
    odd = (np.arange(math.prod(shape)) % 2 > 0).reshape(shape)

    def mixed(p: Measured, q: Measured) -> Measured:
        return Measured(at.place, np.where(odd, p.entries, q.entries), p.terms + q.terms)

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


def supporting(at: AtFunction) -> Iterator[Claim]:
    """At v = x."""
    s = Measured.of(at.place, at.f.support_point(at.x.value), at.x.size)  # type: ignore[attr-defined]
    yield (at.x @ s).equals(at.value(at.x, at.f.conjugate))
    nearest = Measured.of(at.place, at.f.project(s.value), s.size)  # type: ignore[attr-defined]
    yield s.equals(nearest)


def nearest_by_entropy(at: AtFunction) -> Iterator[Claim]:
    """With z = (Py)₊, if that is in C."""
    f, place = at.f, at.place
    assert isinstance(f, Indicator)
    r = Measured.of(place, place.point(0.5 + abs(at.x.entries)))
    s = Measured.of(place, f.kl_project(r.value), r.size)
    yield s.equals(Measured.of(place, f.project(s.value), s.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.log(s.entries / r.entries)
    slopes = Measured.of(place, place.point(np.where(np.isfinite(slopes), slopes, 0.0)))
    z = Measured.of(place, f.project(place.point(abs(at.y.entries))))
    yield (slopes @ s <= slopes @ z).at(s=s)


def undefined_outside(at: AtFunction) -> Claim:
    """In some entry."""
    fx, slope = at.value(at.x), at.place.entries(at.f.gradient(at.x.value))
    counted = 1.0 * (~fx.isfinite & ~np.isnan(slope).any(axis=-1))
    return Claim(at.place, fx, "finite", counted, 0.0 * counted)


def keeps_in_gradient(at: AtFunction) -> None:
    """∇f leaves its argument as it is, and returns its like."""
    at.place.keeps("f.gradient(x)", at.f.gradient, at.ends[0].value)


def computed_together(at: AtFunction) -> Iterator[Claim]:
    """The value, then the gradient."""
    value, slope = at.f.value_and_gradient(at.ends[0].value)
    yield Number(at.place, at.place.numbers(value), 0.0).equals(at.value(at.ends[0]))
    yield Measured.of(at.place, slope, at.slope.size).equals(at.slope)


def above_tangent(at: AtFunction, curvature: float) -> Number:
    """f(x) + ⟨∇f(x), y − x⟩ + (curvature/2)‖y − x‖²."""
    x, y = at.ends
    d = y - x
    return at.value(x) + at.slope @ d + curvature / 2 * d.square


def second_derivative(at: AtFunction) -> Iterator[Claim]:
    """Up to how far differences on both sides of x, and of half the step, are apart, as about kinks
    of ∇f.
    """
    place, (x, y), L = at.place, at.ends, at.f.smoothness or 0.0
    H, d = at.f.hessian(x.value), y - x

    def times(d: Measured) -> Measured:
        return Measured.of(place, H(d.value), L * d.size)

    def slope(t: float) -> Measured:
        z = x + t * d
        return Measured.of(place, at.f.gradient(z.value), L * z.size)

    h = 1e-4 / max(1.0, float(d.size.max(initial=0.0)))
    d = Measured(place, d.entries, d.size)
    Hd, back, here, ahead = times(d), slope(-h), slope(0.0), slope(h)
    central, halved = (ahead - back) / (2 * h), (slope(h / 2) - slope(-h / 2)) / h
    one_sided = (ahead - here) / h - (here - back) / h
    apart = abs(one_sided).entries + 4 * abs(central - halved).entries
    yield halved.equals(Hd).within(apart).at(d=d, h=h)
    yield (x @ Hd).equals(times(x) @ d).at(d=d)


def finite_difference(at: AtFunction) -> Claim:
    """Up to Lh‖d‖²/2."""
    (x, y), h = at.ends, 1e-5
    d = y - x
    difference = (at.value(x + h * d) - at.value(x - h * d)) / (2 * h)
    curved = (at.f.smoothness or 0.0) * h * d.size * d.size
    return difference.equals(at.slope @ d).within(curved).at(d=d, h=h)
