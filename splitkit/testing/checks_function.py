"""``check_function``: do value, prox, gradient and conjugate of a convex function agree?"""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from splitkit.backend import Array, Point, add, lincomb, scale, subtract
from splitkit.functions.base import Function
from splitkit.functions.subdifferential import Subdifferential
from splitkit.testing import checks_operator
from splitkit.testing._case import ROUNDINGS, Place
from splitkit.testing._report import DEFAULT_EXAMPLES, run
from splitkit.testing.strategies import PointShape, points, step_sizes

Case = tuple[Point, Point, float, float]  # x, y, alpha, beta


def check_function(
    f: Function,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int | None = None,
    max_examples: int = DEFAULT_EXAMPLES,
) -> None:
    """Look for points at which f breaks what it declares.

    Checked: everything of ``check_operator`` for ∂f; p = prox_{αf}(x) minimizes
    f(z) + ‖z − x‖²/(2α), which grows by its strong convexity; convexity; the gradient against
    values and, in float64, finite differences; the conjugate's prox by Moreau's identity and its
    value by Fenchel-Young; dtype and batch shape of values.

    Parameters
    ----------
    f : Function
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device, max_examples
        As for ``check_operator``.
    batch_ndim : int, optional
        Default: the function's.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and the points.
    """
    if not isinstance(f, Function):
        raise TypeError(f"f = {f!r} is no function")
    batch = f.batch_ndim if batch_ndim is None else batch_ndim
    place = Place.of(shape, xp, dtype, device, batch)
    f.check_space(place.space)
    A = Subdifferential(f)
    drawn = points(shape, xp=place.xp, dtype=place.dtype, device=device)
    cases = st.tuples(drawn, drawn, step_sizes(), step_sizes())

    def check(case: Case) -> None:
        for each in (value, prox, gradient, conjugate):
            each(f, place, case)
        checks_operator.check_case(A, place, case)

    run(check, cases, max_examples)
    checks_operator.search_constants(A, place, max_examples)


def has_value(f: Function, x: Point) -> bool:
    """Whether f's value is known (that of a conjugate may not be)."""
    try:
        f(x)
    except TypeError:
        return False
    return True


def value(f: Function, place: Place, case: Case) -> None:
    """f(x) has batch shape, and f is convex with its strong convexity."""
    x, y, _, _ = case
    if not has_value(f, x):
        return
    fx, fy = f(x), f(y)
    place.kept(f, "f(x)", fx, place.space.batch_shape, x)
    if f.strong_convexity == -math.inf:
        return
    middle = f(lincomb(0.5, x, 0.5, y))
    d = subtract(x, y)
    strong = f.strong_convexity / 8 * place.space.inner(d, d)
    bound = _finite(place, fx) / 2 + _finite(place, fy) / 2 - strong
    slack = _rounding(f, place, (fx, fy, middle), (x, y), strong)
    formula = "f((x + y)/2) ≤ (f(x) + f(y))/2 − (m/8)‖x − y‖²"
    inside = place.xp.isfinite(fx) & place.xp.isfinite(fy)  # else the right side is infinite
    gap = place.xp.where(inside, middle - bound, place.xp.zeros_like(bound))
    place.at_most(f, formula, gap, slack, middle, bound, x=x, y=y)


def prox(f: Function, place: Place, case: Case) -> None:
    """p = prox_{αf}(x): f(z) ≥ f(p) + ⟨(x − p)/α, z − p⟩ + (m/2)‖z − p‖² for all z."""
    if not f.has_prox:
        return
    x, y, alpha, beta = case
    p = place.keeps(f, "f.prox(x, alpha)", lambda x: f.prox(x, alpha), x)
    by_keyword = f.prox(x, alpha=alpha)
    place.equal(f, "prox(x, alpha) = prox(x, alpha=alpha)", p, by_keyword, 0.0 * place.size(p), x=x)
    if not has_value(f, p):
        return
    fp = f(p)
    # p may miss the domain by the rounding of x, which can be large beside p
    close = place.size(x) <= 100 * (1 + place.size(p))
    outside = place.xp.astype(close & ~place.xp.isfinite(fp), place.dtype)
    formula = "f(prox_{αf}(x)) is finite"
    place.at_most(f, formula, outside, 0.0 * outside, fp, "finite", x=x, alpha=alpha)
    fp = _finite(place, fp)
    slope = scale(1 / alpha, subtract(x, p))
    # f + ‖· − x‖²/(2α) has its minimum at p, strongly so only if m > −1/α
    m = max(f.strong_convexity, -1 / alpha)
    candidates = [y, f.prox(y, beta), f.prox(add(x, y), alpha), scale(0.9, p), scale(0.0, p)]
    candidates += [add(p, scale(t, subtract(y, p))) for t in (0.1, 1e-3)]
    for z in candidates:
        d = subtract(z, p)
        fz = f(z)
        strong = m / 2 * place.space.inner(d, d)
        bound = fp + place.space.inner(slope, d) + strong
        sizes = place.size(x) + place.size(p)
        slack = _rounding(f, place, (fz, fp), (z, p), strong)
        slack = slack + ROUNDINGS * place.eps * place.size(d) * (sizes / alpha + place.size(slope))
        # an indicator counts points within rounding of its set as inside
        near = 1.0 + place.size(z) + place.size(p)
        slack = slack + ROUNDINGS * place.eps * place.size(slope) * near
        formula = "f(z) ≥ f(p) + ⟨(x − p)/α, z − p⟩ + (m/2)‖z − p‖² for p = prox_{αf}(x)"
        gap = place.xp.where(place.xp.isfinite(fz), bound - fz, place.xp.zeros_like(bound))
        place.at_most(f, formula, gap, slack, fz, bound, x=x, z=z, alpha=alpha)


def gradient(f: Function, place: Place, case: Case) -> None:
    """f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖², and finite differences."""
    x, y, _, _ = case
    if not f.has_gradient or not has_value(f, x):
        return
    slope = place.keeps(f, "f.gradient(x)", f.gradient, x)
    d = subtract(y, x)
    fx, fy = f(x), f(y)
    strong = f.strong_convexity / 2 * place.space.inner(d, d)
    linear = place.space.inner(slope, d)
    bound = fx + linear + strong
    slack = _rounding(f, place, (fx, fy), (x, y), strong)
    slack = slack + ROUNDINGS * place.eps * place.size(slope) * place.size(d)
    formula = "f(y) ≥ f(x) + ⟨∇f(x), y − x⟩ + (m/2)‖y − x‖²"
    place.at_most(f, formula, bound - fy, slack, fy, bound, x=x, y=y)
    if f.smoothness is None:
        return
    upper = fx + linear + f.smoothness / 2 * place.space.inner(d, d)
    formula = "f(y) ≤ f(x) + ⟨∇f(x), y − x⟩ + (L/2)‖y − x‖²"
    place.at_most(
        f, formula, fy - upper, slack + ROUNDINGS * place.eps * abs(upper), fy, upper, x=x, y=y
    )
    if place.is_double:
        finite_difference(f, place, x, d, slope)


def finite_difference(f: Function, place: Place, x: Point, d: Point, slope: Point) -> None:
    """(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩ up to Lh‖d‖²/2 and rounding."""
    h = 1e-5
    right, left = f(lincomb(1.0, x, h, d)), f(lincomb(1.0, x, -h, d))
    difference, expected = (right - left) / (2 * h), place.space.inner(slope, d)
    curved = (f.smoothness or 0.0) * h * place.space.inner(d, d)
    noise = _rounding(f, place, (right, left), (x, d), 0.0 * right) / h
    formula = "(f(x + hd) − f(x − hd))/(2h) = ⟨∇f(x), d⟩"
    gap = abs(difference - expected)
    limit = curved + noise + ROUNDINGS * place.eps * place.size(slope) * place.size(d)
    place.at_most(f, formula, gap, limit, difference, expected, x=x, d=d, h=h)


def conjugate(f: Function, place: Place, case: Case) -> None:
    """Moreau: prox_{αf}(x) + α prox_{f*/α}(x/α) = x; Fenchel-Young, with equality at the prox."""
    if not f.convex or not f.has_prox or not f.conjugate.has_prox:
        return
    x, y, alpha, _ = case
    p = f.prox(x, alpha)
    u = f.conjugate.prox(scale(1 / alpha, x), 1 / alpha)
    terms = place.size(x) + place.size(p) + alpha * place.size(u)
    formula = "prox_{αf}(x) + α prox_{f*/α}(x/α) = x"
    place.equal(f, formula, lincomb(1.0, p, alpha, u), x, terms, x=x, alpha=alpha)
    if not has_value(f, p) or not has_value(f.conjugate, u):
        return
    fp, fu = f(p), f.conjugate(u)
    product = place.space.inner(p, u)
    slack = _rounding(f, place, (fp, fu), (p, u), product)
    slack = slack + ROUNDINGS * place.eps * (place.size(x) / alpha + place.size(u)) * (
        place.size(p) + place.size(x)
    )
    gap = abs(fp + fu - product)
    formula = "f(p) + f*(u) = ⟨p, u⟩ for p = prox_{αf}(x), u = prox_{f*/α}(x/α)"
    place.at_most(f, formula, gap, slack, fp + fu, product, x=x, alpha=alpha)
    fy, product = f(y), place.space.inner(y, u)
    slack = slack + _rounding(f, place, (fy, fu), (y, u), product)
    place.at_most(f, "f(y) + f*(u) ≥ ⟨y, u⟩", product - fy - fu, slack, fy + fu, product, y=y, u=u)


def _rounding(
    f: Function, place: Place, values: tuple[Array, ...], at: tuple[Point, Point], extra: Array
) -> Array:
    """What rounding does to these values of f: to themselves, and through their arguments."""
    finite = [abs(_finite(place, v)) for v in values]
    sizes = place.size(at[0]) + place.size(at[1])
    total = sum(finite[1:], start=finite[0]) + abs(extra) + place.eps * sizes
    curvature = f.smoothness or 0.0
    return ROUNDINGS * place.eps * (total + sizes + curvature * sizes * sizes)


def _finite(place: Place, values: Array) -> Array:
    """The values, 0 in place of inf."""
    return place.xp.where(place.xp.isfinite(values), values, place.xp.zeros_like(values))
