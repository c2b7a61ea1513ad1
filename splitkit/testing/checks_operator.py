"""``check_operator``: does an operator keep what it declares?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Array, Point, lincomb, scale, subtract
from splitkit.operators.base import Operator
from splitkit.testing import _shared
from splitkit.testing._forms import (
    Gram,
    asymmetry_plane,
    inequalities,
    names,
    through_reflection,
    through_resolvent,
)
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import SCALES, STEPS, PointShape, points, step_sizes

CYCLE = 48  # points of a closed path about which a gradient does no work
SEARCHED_STEP = 1.0  # the step size at which the search looks at resolvents


def check_operator(
    A: Operator,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for points at which A breaks what it declares.

    Checked: strong monotonicity, Lipschitz, cocoercivity, comonotonicity and averagedness constants
    (also where a search finds them tightest), for A, its resolvents and its Cayley operators; that
    a declared gradient is one and an affine map is affine; R = (I + αA)⁻¹ defined everywhere,
    firmly nonexpansive, and consistent with the evaluation; R at two step sizes; C = 2R − I;
    Moreau's identity; A⁻¹ and (A⁻¹)⁻¹; a step size for each batch element, and batch elements
    independent; input unchanged; the same value twice; library, dtype, shape and device kept; NaN
    not turned into numbers; copies that do the same.

    Parameters
    ----------
    A : Operator
    shape : tuple of int, or tuple of shapes
        The shape of its points; a tuple of shapes for points that are tuples of arrays.
    xp, dtype, device
        Library, dtype and device of the points. Default: NumPy, float64.
    batch_ndim : int
        Leading batch axes.
    max_examples : int, optional
        How many cases are drawn. Default: what the loaded Hypothesis profile says.
    seed : int
        Which cases: the same ones for the same seed.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.
    """
    if not isinstance(A, Operator):
        raise TypeError(f"A = {A!r} is no operator")
    options = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(A, shape, **options).run(max_examples, seed)


@suite.register(Operator)
def operator_suite(
    A: Operator,
    shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
) -> Suite:
    """The properties of an operator; see ``check_operator``."""
    place = Place.of(shape, xp, dtype, device, batch_ndim)
    A.check_space(place.space)
    drawn = points(shape, xp=place.xp, dtype=place.dtype, device=device)
    cases = st.tuples(drawn, drawn, step_sizes(), step_sizes())
    options = replay_options(place, batch_ndim)
    return Suite(
        A, (shape,), place, cases, partial(At.of, A, place), properties(A, place), options,
        spread=partial(spread, place),
    )  # fmt: skip


def replay_options(place: Place, batch_ndim: int) -> str:
    """The options of ``replay`` that are not the default."""
    dtype = str(place.dtype).rsplit(".", maxsplit=1)[-1]
    found = "" if place.is_double else f", dtype=xp.{dtype}"
    return found + (f", batch_ndim={batch_ndim}" if batch_ndim else "")


@dataclass(frozen=True)
class At:
    """A at a case; values are computed once, and only if a check asks for them."""

    A: Operator
    place: Place
    x: Point
    y: Point
    alpha: float
    beta: float

    @classmethod
    def of(cls, A: Operator, place: Place, case: Case) -> At:
        """A at the case (x, y, α, β)."""
        return cls(A, place, *case)

    @property
    def R(self) -> Operator:
        """R_{αA}."""
        return self.place.resolvent(self.A, self.alpha)

    @property
    def C(self) -> Operator:
        """C_{αA}."""
        return self.place.cayley(self.A, self.alpha)

    @cached_property
    def p(self) -> Point:
        """R x."""
        return self.R(self.x)

    @cached_property
    def q(self) -> Point:
        """R y."""
        return self.R(self.y)

    @cached_property
    def Cx(self) -> Point:
        """C x."""
        return self.C(self.x)

    @cached_property
    def Cy(self) -> Point:
        """C y."""
        return self.C(self.y)

    @cached_property
    def Ax(self) -> Point:
        """A x."""
        return self.A(self.x)

    @cached_property
    def Ay(self) -> Point:
        """A y."""
        return self.A(self.y)

    @cached_property
    def sizes(self) -> Array:
        """‖x‖ + ‖Rx‖."""
        return self.place.size(self.x) + self.place.size(self.p)

    @cached_property
    def gain(self) -> float:
        """L, 1 if it is unknown."""
        return known(self.A.lipschitz)

    def offset(self, alpha: float) -> Array:
        """What a resolvent adds to its argument, whose rounding stays where it cancels."""
        place, A = self.place, self.A
        at_zero = place.size(place.resolvent(A, alpha)(place.zero))
        return at_zero + alpha * place.size(A(place.zero)) if A.has_evaluation else at_zero


def known(constant: float | None) -> float:
    """The constant, 1 if it is unknown."""
    return 1.0 if constant is None else constant


def properties(A: Operator, place: Place) -> tuple[Property, ...]:
    """What A must keep, by what it can do and declares."""
    monotone = A.properties.monotone
    found = [Property(keeps_the_point, KEPT)]
    if A.has_resolvent:
        nonexpansive = ("firmly_nonexpansive",) if monotone else ()
        consistent = ("resolvent_solves", "resolvent_of_value") if A.has_evaluation else ()
        if nonexpansive or consistent:
            found.append(Property(resolvent, (*nonexpansive, *consistent)))
        contraction = ("cayley_nonexpansive",) if monotone else ()
        found.append(Property(cayley, ("cayley_is_reflection", *contraction)))
        found.append(Property(two_steps, ("resolvent_identity",)))
        if A.inverse.has_resolvent:
            inverse_of = ("inverse",) if A.has_evaluation and monotone else ()
            found.append(Property(moreau, ("moreau", "inverse_of_inverse", *inverse_of)))
        if place.space.batch_shape:
            found.append(Property(batch_of_steps, ("step_of_each_element",)))
    if place.space.batch_shape:
        found.append(Property(batch, ("batch_independence",)))
    if A.has_evaluation and A.properties.linear:
        found.append(Property(affine, ("affine",)))
    search = partial(worst_cases, A, place)
    stated = constant_names(A)
    if stated:
        found.append(Property(constants, stated, search))
    if A.properties.gradient and A.properties.linear and A.has_evaluation:
        found.append(Property(symmetric, ("gradient",)))
    elif A.properties.gradient and monotone and (A.has_evaluation or A.has_resolvent):
        found.append(Property(cyclic, ("gradient",), partial(turning_planes, A, place), False))
    fixed = partial(fixed_case, place)
    found.append(Property(nan, ("nan",), fixed, drawn=False))
    found.append(Property(serialization, ("serialization",), fixed, drawn=False))
    return tuple(found)


# -- constants -------------------------------------------------------------------------------------


def constant_names(A: Operator) -> tuple[str, ...]:
    """Names of the inequalities that A, R and C declare."""
    stated: tuple[str, ...] = ()
    if A.has_evaluation or A.has_resolvent:
        stated = names(inequalities(A.properties))
    if A.has_resolvent:
        stated += ("resolvent_constants", "cayley_constants")
    return stated


def constants(at: At) -> None:
    """What A, R and C declare, at a pair."""
    A, flat, eps, alpha = at.A, at.place.flat, at.place.eps, at.alpha
    x, y = flat.vector(at.x), flat.vector(at.y)
    where: dict[str, object] = {"x": at.x, "y": at.y}
    stated = inequalities(A.properties)
    if A.has_evaluation and stated:
        u, v = flat.vector(at.Ax), flat.vector(at.Ay)
        Gram.of(x, y, x, y, u, v, eps, at.gain).require(stated, where)
    if not A.has_resolvent:
        return
    p, q = flat.vector(at.p), flat.vector(at.q)
    of_A = {"p": at.x, "q": at.y, "alpha": alpha, "x = R_{αA}p": at.p, "y = R_{αA}q": at.q}
    u, v = (x - p) / alpha, (y - q) / alpha
    Gram.of(x, y, p, q, u, v, eps, 1 / alpha).require(stated, of_A)
    where["alpha"] = alpha
    for name, B, u, v in (
        ("resolvent_constants", at.R, p, q),
        ("cayley_constants", at.C, flat.vector(at.Cx), flat.vector(at.Cy)),
    ):
        gram = Gram.of(x, y, x, y, u, v, eps, known(B.lipschitz))
        gram.require(inequalities(B.properties), where | {"A": B}, name)


def worst_cases(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Cases at which a constant of A, R or C is likely to be exceeded."""
    if not place.flat.size:
        return
    α = SEARCHED_STEP
    of_A = [each.form for each in inequalities(A.properties)]
    graphs: list[tuple[Any, list[Any]]] = []
    if A.has_evaluation:
        graphs.append((A, of_A))
    if A.has_resolvent:
        R, C = place.resolvent(A, α), place.cayley(A, α)
        forms = [through_resolvent(form, α) for form in of_A]
        forms += [each.form for each in inequalities(R.properties)]
        forms += [through_reflection(each.form) for each in inequalities(C.properties)]
        graphs.append((R, forms))
    for graph, forms in graphs:
        distinct = list(dict.fromkeys(forms))
        if distinct:
            for x, y in worst_pairs(graph, distinct, place.flat, effort=effort, seed=seed):
                yield x, y, α, 0.3


# -- structure -------------------------------------------------------------------------------------


def affine(at: At) -> None:
    """A(2x − y) = 2Ax − Ay."""
    place = at.place
    combined, apart = at.A(lincomb(2.0, at.x, -1.0, at.y)), lincomb(2.0, at.Ax, -1.0, at.Ay)
    terms = sum(map(place.size, (at.Ax, at.Ay))) + at.gain * sum(map(place.size, (at.x, at.y)))
    place.equal("affine", "A(2x − y) = 2Ax − Ay", combined, apart, terms, x=at.x, y=at.y)


def symmetric(at: At) -> None:
    """⟨Ax − A0, y⟩ = ⟨x, Ay − A0⟩: an affine gradient has a symmetric matrix."""
    place, x, y = at.place, at.x, at.y
    at_zero = at.A(place.zero)
    left = place.space.inner(subtract(at.Ax, at_zero), y)
    right = place.space.inner(x, subtract(at.Ay, at_zero))
    sizes = place.size(x) * place.size(y) * at.gain
    sizes = sizes + place.size(at.Ax) * place.size(y) + place.size(at.Ay) * place.size(x)
    sizes = sizes + place.size(at_zero) * (place.size(x) + place.size(y))
    formula = "⟨A(x) − A(0), y⟩ = ⟨x, A(y) − A(0)⟩: A is affine and a gradient"
    limit = ROUNDINGS * place.eps * sizes
    place.at_most("gradient", formula, abs(left - right), limit, left, right, x=x, y=y)


def cyclic(at: At) -> None:
    """Σ⟨uₖ, xₖ₊₁ − xₖ⟩ ≤ 0 about a closed path: the gradient of a convex function (Rockafellar)."""
    A, flat = at.A, at.place.flat
    d, e = flat.vector(at.x), flat.vector(at.y)
    angles = 2 * np.pi * np.arange(CYCLE) / CYCLE
    path = [np.cos(t) * d + np.sin(t) * e for t in angles]
    if A.has_evaluation:
        pairs = [(point, flat.vector(A(flat.point(point)))) for point in path]
        noise = 0.0
    else:
        values = [flat.vector(at.R(flat.point(point))) for point in path]
        pairs = [(r, (p - r) / at.alpha) for p, r in zip(path, values, strict=True)]
        noise = (
            max(float(np.linalg.norm(p)) for p in path) / at.alpha
        )  # of which u keeps the rounding
    for turn in (1, -1):
        total = size = 0.0
        for (x, u), (y, _) in pairwise([*pairs, pairs[0]][::turn]):
            total += float(u @ (y - x))
            size += float((np.linalg.norm(u) + noise) * (np.linalg.norm(x) + np.linalg.norm(y)))
        formula = (
            f"Σ⟨uₖ, xₖ₊₁ − xₖ⟩ ≤ 0, uₖ ∈ A(xₖ), {CYCLE} points about the ellipse "
            "cos(t)x + sin(t)y: A is the gradient of a convex function"
        )
        limit = np.asarray(ROUNDINGS * at.place.eps * size)
        at.place.at_most(
            "gradient", formula, at.place.array(total), at.place.array(limit),
            total, 0.0, x=at.x, y=at.y, turn=turn,
        )  # fmt: skip


def turning_planes(A: Operator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Ellipses in the plane in which the Jacobian of A (of R) at the origin is least symmetric."""
    graph = A if A.has_evaluation else place.resolvent(A, SEARCHED_STEP)
    flat, n = place.flat, place.flat.size
    rng = np.random.default_rng(seed)
    directions = np.eye(n) if n <= 24 else np.linalg.qr(rng.standard_normal((n, 24)))[0]
    h, base = 1e-2, rng.standard_normal(n)
    u0 = flat.vector(graph(flat.point(base)))
    columns = [flat.vector(graph(flat.point(base + h * d))) - u0 for d in directions.T]
    J = directions.T @ np.stack(columns, axis=1) / h
    plane, turning = asymmetry_plane(J)
    if not turning > 1e-3 * max(1e-12, float(np.linalg.norm(J))):
        plane = np.eye(J.shape[0], 2)
    for radius in (1.0, 10.0)[: 1 + effort // 2]:
        d, e = (radius * directions @ plane).T
        yield flat.point(d), flat.point(e), SEARCHED_STEP, 0.3


# -- resolvent -------------------------------------------------------------------------------------


def keeps_the_point(at: At) -> None:
    """A, R and C leave their argument as it is, and return its like."""
    if at.A.has_evaluation:
        at.place.keeps("A(x)", at.A, at.x)
    if at.A.has_resolvent:
        for B in (at.R, at.C):
            at.place.keeps(f"{B!r}(x)", B, at.x)


def resolvent(at: At) -> None:
    """R is firmly nonexpansive; p = Rx satisfies p + αA(p) = x; R(x + αAx) = x."""
    A, place, x, y, alpha = at.A, at.place, at.x, at.y, at.alpha
    p, q, eps = at.p, at.q, ROUNDINGS * at.place.eps
    if A.properties.monotone:
        d, moved = subtract(p, q), subtract(x, y)
        sizes = sum(map(place.size, (x, y, p, q)))
        limit = eps * sizes * (place.size(d) + place.size(moved)) + (eps * sizes) ** 2
        left, right = place.space.inner(d, d), place.space.inner(d, moved)
        formula = "‖Rx − Ry‖² ≤ ⟨Rx − Ry, x − y⟩ for R = (I + αA)⁻¹"
        place.at_most(
            "firmly_nonexpansive", formula, left - right, limit, left, right,
            x=x, y=y, alpha=alpha,
        )  # fmt: skip
    if not A.has_evaluation:
        return
    Ap = A(p)
    terms = place.size(x) + (1 + alpha * at.gain) * place.size(p) + alpha * place.size(Ap)
    formula = "p + αA(p) = x for p = R_{αA}x"
    place.equal("resolvent_solves", formula, lincomb(1.0, p, alpha, Ap), x, terms, x=x, alpha=alpha)
    if A.properties.monotone:
        z = lincomb(1.0, x, alpha, at.Ax)
        terms = place.size(x) + alpha * place.size(at.Ax) + at.offset(alpha)
        back = at.R(z)
        place.equal("resolvent_of_value", "R_{αA}(x + αA(x)) = x", back, x, terms, x=x, alpha=alpha)


def cayley(at: At) -> None:
    """C = 2R − I, nonexpansive for monotone A."""
    place, x, y, alpha = at.place, at.x, at.y, at.alpha
    terms = at.sizes + at.offset(alpha)
    twice = lincomb(2.0, at.p, -1.0, x)
    place.equal("cayley_is_reflection", "C x = 2R x − x", at.Cx, twice, terms, x=x, alpha=alpha)
    if at.A.properties.monotone:
        terms = terms + place.size(y) + place.size(at.Cy)
        left, right = place.size(subtract(at.Cx, at.Cy)), place.size(subtract(x, y))
        limit = right + ROUNDINGS * place.eps * terms
        formula = "‖Cx − Cy‖ ≤ ‖x − y‖"
        place.at_most(
            "cayley_nonexpansive", formula, left, limit, left, right, x=x, y=y, alpha=alpha
        )


def two_steps(at: At) -> None:
    """The resolvent identity between two step sizes."""
    place, x, p, alpha, beta = at.place, at.x, at.p, at.alpha, at.beta
    if alpha == beta:
        return
    if beta > alpha and not at.A.properties.monotone:
        return  # R may be set-valued; a proximal point stays the selected one for smaller steps
    ratio = beta / alpha
    q = place.resolvent(at.A, beta)(lincomb(ratio, x, 1 - ratio, p))
    terms = (1 + ratio) * at.sizes + at.offset(alpha) + at.offset(beta)
    formula = "R_{βA}((β/α)x + (1 − β/α)p) = p for p = R_{αA}x"
    place.equal("resolvent_identity", formula, q, p, terms, x=x, alpha=alpha, beta=beta)


def moreau(at: At) -> None:
    """R_{αA}x + αR_{A⁻¹/α}(x/α) = x; (A⁻¹)⁻¹ = A; Ax + αx ↦ Ax under R_{αA⁻¹}."""
    A, place, x, p, alpha = at.A, at.place, at.x, at.p, at.alpha
    u = place.resolvent(A.inverse, 1 / alpha)(scale(1 / alpha, x))
    terms = at.sizes + at.offset(alpha)
    formula = "R_{αA}x + α R_{A⁻¹/α}(x/α) = x (Moreau)"
    place.equal("moreau", formula, lincomb(1.0, p, alpha, u), x, terms, x=x, alpha=alpha)
    twice = place.resolvent(A.inverse.inverse, alpha)(x)
    formula = "R_{α(A⁻¹)⁻¹}x = R_{αA}x"
    place.equal("inverse_of_inverse", formula, twice, p, terms, x=x, alpha=alpha)
    if A.has_evaluation and A.properties.monotone:
        u = at.Ax
        back = place.resolvent(A.inverse, alpha)(lincomb(1.0, u, alpha, x))
        terms = place.size(u) + alpha * (place.size(x) + at.offset(1 / alpha))
        formula = "R_{αA⁻¹}(u + αx) = u for u = A(x)"
        place.equal("inverse", formula, back, u, terms, x=x, alpha=alpha)


# -- batches ---------------------------------------------------------------------------------------


def batch_of_steps(at: At) -> None:
    """An array of step sizes does in each element what a number does."""
    place, x, shape = at.place, at.x, at.place.space.batch_shape
    if 0 in shape:
        return
    steps = np.resize(np.asarray([at.alpha, at.beta]), shape)
    try:
        together = at.A.resolvent(place.array(steps))(x)
    except TypeError:
        return  # one factorization for one number, as Affine's
    for step in sorted({at.alpha, at.beta}):
        alone = place.resolvent(at.A, step)(x)
        gap = place.size(subtract(together, alone))
        limit = ROUNDINGS * place.eps * (place.size(x) + place.size(alone))
        chosen = place.array(steps == step)
        formula = "R with an array alpha is, element by element, R with its numbers"
        place.at_most(
            "step_of_each_element", formula, gap * chosen, limit, together, alone, x=x, alpha=steps
        )


def batch(at: At) -> None:
    """Batch elements do not see each other."""
    if at.A.has_evaluation:
        _shared.batch_elements_are_independent(at.place, "A(x)", at.A, at.x, at.y)
    if at.A.has_resolvent:
        _shared.batch_elements_are_independent(at.place, "R_{αA}x", at.R, at.x, at.y)


# -- once ------------------------------------------------------------------------------------------


def fixed_case(place: Place, effort: int, seed: int) -> Iterator[Case]:
    """One case, for what need not be looked at twice."""
    yield from spread(place, 1, seed)


def spread(place: Place, count: int, seed: int) -> Iterator[Case]:
    """Random cases that take every scale and every step size in turn."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        x, y = SCALES[k % len(SCALES)] * rng.standard_normal((2, place.flat.size))
        alpha, beta = STEPS[k % len(STEPS)], STEPS[(k + 1 + k // len(STEPS)) % len(STEPS)]
        yield place.flat.point(x), place.flat.point(y), alpha, beta


def nan(at: At) -> None:
    """NaN does not turn into numbers."""
    if at.A.has_evaluation:
        _shared.nan_passes_through(at.place, "A(x)", at.A, at.x)
    if at.A.has_resolvent:
        _shared.nan_passes_through(at.place, "R_{αA}x", at.R, at.x)


def serialization(at: At) -> None:
    """Copies do what the operator does."""

    def values(A: Operator) -> list[tuple[str, Point]]:
        found = [("A(x)", A(at.x))] if A.has_evaluation else []
        return [*found, ("R_{αA}x", A.resolvent(at.alpha)(at.x))] if A.has_resolvent else found

    _shared.same_after_round_trip(at.A, values, at.x)
