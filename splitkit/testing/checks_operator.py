"""``check_operator``: does an operator keep what it declares?"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Point, lincomb, scale, subtract
from splitkit.operators.base import Operator
from splitkit.testing._case import ROUNDINGS, Place
from splitkit.testing._forms import Pairs, inequalities
from splitkit.testing._report import DEFAULT_EXAMPLES, run
from splitkit.testing.strategies import PointShape, make_array, points, step_sizes

Case = tuple[Point, Point, float, float]  # x, y, alpha, beta


def check_operator(
    A: Operator,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
    max_examples: int = DEFAULT_EXAMPLES,
) -> None:
    """Look for points at which A breaks what it declares.

    Checked: strong monotonicity, Lipschitz and cocoercivity constants (also where a search finds
    them tightest), for A, its resolvents and its Cayley operators; R = (I + αA)⁻¹ against the
    evaluation; R firmly nonexpansive; R at two step sizes; C = 2R − I; Moreau's identity; a step
    size for each batch element; input unchanged; library, dtype, shape and device kept.

    Parameters
    ----------
    A : Operator
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device
        Library, dtype and device of the points. Default: NumPy, float64.
    batch_ndim : int
        Leading batch axes.
    max_examples : int
        How many cases are drawn.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, and the points.
    """
    if not isinstance(A, Operator):
        raise TypeError(f"A = {A!r} is no operator")
    place = Place.of(shape, xp, dtype, device, batch_ndim)
    A.check_space(place.space)
    drawn = points(shape, xp=place.xp, dtype=place.dtype, device=device)
    cases = st.tuples(drawn, drawn, step_sizes(), step_sizes())
    run(lambda case: check_case(A, place, case), cases, max_examples)
    search_constants(A, place, max_examples)


def check_case(A: Operator, place: Place, case: Case) -> None:
    """Every pointwise property of A at one case."""
    for check in CHECKS:
        check(A, place, case)


def evaluation_pairs(A: Operator, place: Place) -> Pairs:
    """The graph of a single-valued operator, (x, Ax)."""
    return Pairs(
        A, lambda x: (x, A(x)), inequalities(A.properties), place.space, place.eps, "x",
        _known(A.lipschitz),
    )  # fmt: skip


def resolvent_pairs(A: Operator, place: Place, alpha: float) -> Pairs:
    """The graph of A through its resolvent, (R p, (p − R p)/α)."""
    apply = A.make_resolvent(alpha)

    def graph(p: Point) -> tuple[Point, Point]:
        x = apply(p)
        return x, scale(1 / alpha, subtract(p, x))

    name = f"(x, u) = (R p, (p − R p)/α), α = {alpha}, p"
    stated = inequalities(A.properties)
    return Pairs(A, graph, stated, place.space, place.eps, name, 1 / alpha)


def derived(A: Operator, alpha: float) -> list[Operator]:
    """R_{αA} and C_{αA}, whose tracked constants are checked like declared ones."""
    return [A.resolvent(alpha), A.cayley(alpha)] if A.has_resolvent else []


def search_constants(A: Operator, place: Place, max_examples: int) -> None:
    """Look for the worst pairs of A, R and C."""
    effort = min(4, max_examples // 8)
    if A.has_evaluation:
        evaluation_pairs(A, place).search(place.flat, effort)
    if A.has_resolvent:
        resolvent_pairs(A, place, 1.0).search(place.flat, effort)
    for B in derived(A, 0.7):
        evaluation_pairs(B, place).search(place.flat, effort)


def constants(A: Operator, place: Place, case: Case) -> None:
    """What A, R and C declare, at a drawn pair."""
    x, y, alpha, _ = case
    if A.has_evaluation:
        evaluation_pairs(A, place).check(x, y)
    if A.has_resolvent:
        resolvent_pairs(A, place, alpha).check(x, y)
    for B in derived(A, alpha):
        evaluation_pairs(B, place).check(x, y)


def keeps_the_point(A: Operator, place: Place, case: Case) -> None:
    """A, R and C leave their argument as it is, and return its like."""
    x, _, alpha, _ = case
    if A.has_evaluation:
        place.keeps(A, "A(x)", A, x)
    for B in derived(A, alpha):
        place.keeps(B, f"{B!r}(x)", B, x)


def resolvent(A: Operator, place: Place, case: Case) -> None:
    """R is firmly nonexpansive, and p = Rx satisfies p + αA(p) = x."""
    if not A.has_resolvent:
        return
    x, y, alpha, _ = case
    R = A.resolvent(alpha)
    p, q = R(x), R(y)
    if A.properties.monotone:
        d = subtract(p, q)
        gap = place.space.inner(d, subtract(d, subtract(x, y)))
        sizes = sum(map(place.size, (x, y, p, q)))
        formula = "‖Rx − Ry‖² ≤ ⟨Rx − Ry, x − y⟩ (R = (I + αA)⁻¹ is firmly nonexpansive)"
        moved = subtract(x, y)
        limit = ROUNDINGS * place.eps * sizes * (place.size(d) + place.size(moved))
        limit = limit + (ROUNDINGS * place.eps * sizes) ** 2
        left, right = place.space.inner(d, d), place.space.inner(d, moved)
        place.at_most(A, formula, gap, limit, left, right, x=x, y=y, alpha=alpha)
    if A.has_evaluation:
        Ap = A(p)
        terms = place.size(x) + (1 + alpha * _known(A.lipschitz)) * place.size(p)
        terms = terms + alpha * place.size(Ap)
        sum_ = lincomb(1.0, p, alpha, Ap)
        place.equal(A, "p + αA(p) = x for p = R_{αA}x", sum_, x, terms, x=x, alpha=alpha)


def cayley(A: Operator, place: Place, case: Case) -> None:
    """C = 2R − I, nonexpansive for monotone A."""
    if not A.has_resolvent:
        return
    x, y, alpha, _ = case
    R, C = A.resolvent(alpha), A.cayley(alpha)
    Cx, p = C(x), R(x)
    terms = place.size(x) + place.size(p) + _offset(A, place, alpha)
    place.equal(A, "C x = 2R x − x", Cx, lincomb(2.0, p, -1.0, x), terms, x=x, alpha=alpha)
    if A.properties.monotone:
        Cy = C(y)
        terms = terms + place.size(y) + place.size(Cy)
        left, right = place.size(subtract(Cx, Cy)), place.size(subtract(x, y))
        limit = right + ROUNDINGS * place.eps * terms
        place.at_most(A, "‖Cx − Cy‖ ≤ ‖x − y‖", left, limit, left, right, x=x, y=y, alpha=alpha)


def two_steps(A: Operator, place: Place, case: Case) -> None:
    """The resolvent identity between two step sizes."""
    x, _, alpha, beta = case
    if not A.has_resolvent or alpha == beta:
        return
    if beta > alpha and not A.properties.monotone:
        return  # R may be set-valued; a proximal point stays the selected one for smaller steps
    p = A.resolvent(alpha)(x)
    ratio = beta / alpha
    z = lincomb(ratio, x, 1 - ratio, p)
    q = A.resolvent(beta)(z)
    terms = (1 + ratio) * (place.size(x) + place.size(p))
    terms = terms + _offset(A, place, alpha) + _offset(A, place, beta)
    formula = "R_{βA}((β/α)x + (1 − β/α)p) = p for p = R_{αA}x"
    place.equal(A, formula, q, p, terms, x=x, alpha=alpha, beta=beta)


def moreau(A: Operator, place: Place, case: Case) -> None:
    """R_{αA}x + αR_{A⁻¹/α}(x/α) = x."""
    if not A.has_resolvent or not A.inverse.has_resolvent:
        return
    x, _, alpha, _ = case
    p = A.resolvent(alpha)(x)
    u = A.inverse.resolvent(1 / alpha)(scale(1 / alpha, x))
    terms = place.size(x) + place.size(p) + _offset(A, place, alpha)
    formula = "R_{αA}x + α R_{A⁻¹/α}(x/α) = x (Moreau)"
    place.equal(A, formula, lincomb(1.0, p, alpha, u), x, terms, x=x, alpha=alpha)


def batch_of_steps(A: Operator, place: Place, case: Case) -> None:
    """An array of step sizes does in each element what a number does."""
    shape = place.space.batch_shape
    if not A.has_resolvent or not shape or 0 in shape:
        return
    x, _, alpha, beta = case
    steps = np.resize(np.asarray([alpha, beta]), shape)
    array = make_array(steps, place.xp, place.dtype, place.device)
    try:
        together = A.resolvent(array)(x)
    except TypeError:
        return  # one factorization for one number, as Affine's
    for step in sorted({alpha, beta}):
        alone = A.resolvent(step)(x)
        gap = place.size(subtract(together, alone))
        terms = place.size(x) + place.size(alone)
        chosen = make_array(steps == step, place.xp, place.dtype, place.device)
        formula = "R with an array alpha is, element by element, R with its numbers"
        limit = ROUNDINGS * place.eps * terms
        place.at_most(A, formula, gap * chosen, limit, together, alone, x=x, alpha=steps)


def _offset(A: Operator, place: Place, alpha: float) -> Any:
    """The size of what a resolvent adds to its argument, whose rounding stays where it cancels."""
    zero = place.flat.point(np.zeros(place.flat.size))
    at_zero = place.size(A.resolvent(alpha)(zero))
    return at_zero + alpha * place.size(A(zero)) if A.has_evaluation else at_zero


def _known(constant: float | None) -> float:
    return 1.0 if constant is None else constant


CHECKS = (keeps_the_point, resolvent, cayley, two_steps, moreau, batch_of_steps, constants)
