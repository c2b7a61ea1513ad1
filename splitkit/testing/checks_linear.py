"""``check_linear_operator``: does a linear map keep what it declares?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Point, Space, add, lincomb, scale
from splitkit.linear.base import LinearOperator
from splitkit.linear.estimate import estimate_norm
from splitkit.linear.identity import ScaledIdentity
from splitkit.testing import _shared
from splitkit.testing._at_operator import replay_options, two_step_sizes
from splitkit.testing._forms import Gram, inequalities, names
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._report import require
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.strategies import PointShape, points, scales, step_sizes

LARGEST_TABLE = 256  # entries of a domain for which the whole matrix is made

SHIFTED = ("shifted_inverse", "shifted_inverse_transpose", "reflected_inverse", "reflected_norm")


def check_linear_operator(
    L: LinearOperator,
    domain_shape: PointShape,
    range_shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
    max_examples: int | None = None,
    seed: int = 0,
) -> None:
    """Look for points at which L breaks what it declares.

    Checked: linearity; ⟨Lx, y⟩ = ⟨x, Lᵀy⟩; ``add_to``; ``norm``, ``least_gain`` and ``gram``
    against the singular values, or against Lanczos' estimates of them where the domain has more
    than 256 entries; monotonicity constants; the shifted inverse, its transpose, and
    2(I + αL)⁻¹ − I with its norm; input unchanged; library, dtype, shape and device kept; batch
    elements independent; NaN not turned into numbers; copies that do the same.

    Parameters
    ----------
    L : LinearOperator
    domain_shape, range_shape : tuple of int, or tuple of shapes
        Shapes of x and of Lx.
    xp, dtype, device, batch_ndim, max_examples, seed
        As for ``check_operator``.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.
    """
    __tracebackhide__ = True
    if not isinstance(L, LinearOperator):
        raise _shared.wrong_kind("L", L, "linear map")
    options = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(L, domain_shape, range_shape, **options).run(max_examples, seed)


@suite.register(LinearOperator)
def linear_suite(
    L: LinearOperator,
    domain_shape: PointShape,
    range_shape: PointShape,
    *,
    xp: Any = None,
    dtype: Any = None,
    device: Any = None,
    batch_ndim: int = 0,
) -> Suite:
    """The properties of a linear map; see ``check_linear_operator``."""
    domain = Place.of(domain_shape, xp, dtype, device, batch_ndim)
    range_ = Place.of(range_shape, xp, dtype, device, batch_ndim)
    L.check_space(domain.space)
    options = {"xp": domain.xp, "dtype": domain.dtype, "device": device}
    x, y = points(domain_shape, **options), points(range_shape, **options)
    cases = st.tuples(x, x, y, step_sizes(), step_sizes())

    def at(case: Case) -> AtLinearMap:
        return AtLinearMap(L, domain, range_, *case)

    shapes, written = (domain_shape, range_shape), replay_options(domain, batch_ndim)
    found = properties(L, domain, range_)
    spread_out = partial(spread, domain, range_)
    return Suite(L, shapes, domain, cases, at, found, written, spread=spread_out)


@dataclass(frozen=True)
class AtLinearMap:
    """L at a case: x, z in the domain, y in the range, and two step sizes."""

    L: LinearOperator
    domain: Place
    range_: Place
    x: Point
    z: Point
    y: Point
    alpha: float
    beta: float

    @cached_property
    def Lx(self) -> Point:
        """L x."""
        return self.L(self.x)

    @property
    def gain(self) -> float:
        """‖L‖, 1 if no bound is known."""
        return self.L.norm if self.L.norm < float("inf") else 1.0


def properties(L: LinearOperator, domain: Place, range_: Place) -> tuple[Property, ...]:
    """What L must keep, by what it can do and declares."""
    fixed = partial(fixed_case, domain, range_)
    square = domain.space.shapes == range_.space.shapes
    found = [
        Property(range_shape, ("range_space",), fixed, drawn=False),
        Property(spectrum, ("norm", "least_gain", "gram"), fixed, drawn=False),
        Property(adjoint, (*KEPT, "adjoint", "transpose", "linear", "add_to")),
    ]
    if square and L.properties.monotone and has_shifted_inverse(L):
        found.append(Property(shifted_inverse, (*KEPT, *SHIFTED)))
    if square and inequalities(L.properties):
        stated = names(inequalities(L.properties))
        found.append(Property(constants, stated, partial(worst_cases, L, domain)))
    if domain.space.batch_shape:
        found.append(Property(batch, ("batch_independence",)))
    found.append(Property(nan, ("nan",), fixed, drawn=False))
    found.append(Property(serialization, ("serialization",), fixed, drawn=False))
    return tuple(found)


def has_shifted_inverse(L: LinearOperator) -> bool:
    """Whether (I + αL)⁻¹ is known."""
    try:
        L.shifted_inverse(1.0)
    except TypeError:
        return False
    return True


def fixed_case(domain: Place, range_: Place, effort: int, seed: int) -> Iterator[Case]:
    """One case, for what need not be looked at twice."""
    yield from spread(domain, range_, 1, seed)


def spread(domain: Place, range_: Place, count: int, seed: int) -> Iterator[Case]:
    """Random cases that take every scale and every step size in turn."""
    rng, sizes = np.random.default_rng(seed), scales(domain.is_double)
    for k in range(count):
        x, z, y = (
            each.flat.point(sizes[k % len(sizes)] * rng.standard_normal(each.flat.size))
            for each in (domain, domain, range_)
        )
        yield x, z, y, *two_step_sizes(k)


def range_shape(at: AtLinearMap) -> None:
    """The declared space of Lx."""
    found = at.L.range_space(at.domain.space)
    wanted = at.range_.space
    formula = (
        "L.range_space gives the shape of Lx, which was given as range_shape (a map between two "
        "spaces defines range_space and domain_space)"
    )
    holds = found.shapes == wanted.shapes
    require(holds, "range_space", formula, written_shape(found), written_shape(wanted))


def written_shape(space: Space) -> PointShape:
    """The shape of its points, as it is given to the checks."""
    return space.shapes if space.is_tuple else space.shapes[0]


def adjoint(at: AtLinearMap) -> None:
    """⟨Lx, y⟩ = ⟨x, Lᵀy⟩, L.T as a map, and linearity."""
    L, domain, range_, x, y, z = at.L, at.domain, at.range_, at.x, at.y, at.z
    Lx = domain.keeps("Lx", L, x, range_.shape, "range_shape")
    Lty = range_.keeps("Lᵀy", L.adjoint, y, domain.shape, "domain_shape")
    size_x, size_y, size_Lx, size_Lty = (
        domain.size(x), range_.size(y), range_.size(Lx), domain.size(Lty),
    )  # fmt: skip
    left, right = range_.space.inner(Lx, y), domain.space.inner(x, Lty)
    terms = size_Lx * size_y + size_x * size_Lty + at.gain * size_x * size_y
    limit = ROUNDINGS * domain.eps * terms
    formula = "⟨Lx, y⟩ = ⟨x, Lᵀy⟩"
    domain.at_most("adjoint", formula, abs(left - right), limit, left, right, x=x, y=y)
    domain.equal(
        "transpose", "L.T(y) = L.adjoint(y)", L.T(y), Lty, at.gain * size_y + size_Lty, y=y
    )
    range_.equal("transpose", "L.T.T(x) = L(x)", L.T.T(x), Lx, size_Lx + at.gain * size_x, x=x)
    Lz = L(z)
    together, apart = L(lincomb(2.0, x, -0.5, z)), lincomb(2.0, Lx, -0.5, Lz)
    terms = size_Lx + range_.size(Lz) + at.gain * (size_x + domain.size(z))
    range_.equal("linear", "L(2x − z/2) = 2Lx − Lz/2", together, apart, terms, x=x, z=z)
    added = range_.keeps("L.add_to(y, x)", lambda y: L.add_to(y, x), y)
    terms = size_y + size_Lx + at.gain * size_x
    range_.equal("add_to", "L.add_to(y, x) = y + Lx", added, add(y, Lx), terms, x=x, y=y)


def shifted_inverse(at: AtLinearMap) -> None:
    """V = (I + αL)⁻¹, its transpose, and 2V − I, at two steps: what was prepared for one must not
    answer for the other.
    """
    steps = tuple(dict.fromkeys((at.alpha, at.beta)))
    for V, alpha in [(at.L.shifted_inverse(alpha), alpha) for alpha in steps]:
        hold_shifted_inverse(at, V, alpha)


def hold_shifted_inverse(at: AtLinearMap, V: LinearOperator, alpha: float) -> None:
    """V = (I + αL)⁻¹ and what is made of it, at one step."""
    L, place, x, y = at.L, at.domain, at.x, at.z
    where = {"x": x, "z": y, "alpha": alpha}
    Vx = place.keeps("(I + αL)⁻¹x", V, x)
    size = place.size(x) + (1 + alpha * L.norm) * place.size(Vx)
    formula = "(I + αL)v = x for v = (I + αL)⁻¹x"
    place.equal("shifted_inverse", formula, add(Vx, scale(alpha, L(Vx))), x, size, **where)
    limit = ROUNDINGS * place.eps * (1 + alpha * L.norm) * place.size(x) * place.size(y)
    for way, W in (("V.T", V.T), ("L.T.shifted_inverse(α)", L.T.shifted_inverse(alpha))):
        left, right = place.space.inner(Vx, y), place.space.inner(x, W(y))
        formula = f"⟨Vx, z⟩ = ⟨x, Vᵀz⟩ for V = (I + αL)⁻¹, Vᵀ = {way}"
        place.at_most(
            "shifted_inverse_transpose", formula, abs(left - right), limit, left, right, **where
        )
    C = L.reflected_inverse(alpha)
    twice = lincomb(2.0, Vx, -1.0, x)
    if C is not None:
        Cx = place.keeps("(2(I + αL)⁻¹ − I)x", C, x)
        formula = "reflected_inverse is 2(I + αL)⁻¹ − I"
        place.equal("reflected_inverse", formula, Cx, twice, size, **where)
    norm = L.reflected_norm(alpha)
    if norm is not None:
        left, right = place.size(twice), norm * place.size(x)
        limit = right + ROUNDINGS * place.eps * size
        formula = "‖(2(I + αL)⁻¹ − I)x‖ ≤ reflected_norm(α) ‖x‖"
        place.at_most("reflected_norm", formula, left, limit, left, right, **where)


def spectrum(at: AtLinearMap) -> None:
    """norm, least_gain and gram against the matrix's singular values."""
    L, flat, out, eps = at.L, at.domain.flat, at.range_.flat, at.domain.eps
    if flat.size > LARGEST_TABLE:
        large_spectrum(at)
        return
    if flat.size == 0:
        return
    matrix = np.stack([out.vector(L(flat.point(e))) for e in np.eye(flat.size)], axis=1)
    _, values, right = np.linalg.svd(matrix)
    greatest = float(values[0])
    least = float(values[-1]) if matrix.shape[0] >= matrix.shape[1] else 0.0
    slack = ROUNDINGS * eps * max(1.0, flat.size) * greatest
    require(
        L.norm >= greatest - slack, "norm", "‖Lx‖ ≤ norm ‖x‖", greatest, L.norm,
        x=flat.point(right[0]),
    )  # fmt: skip
    require(
        L.least_gain <= least + slack, "least_gain", "‖Lx‖ ≥ least_gain ‖x‖", least, L.least_gain,
        x=flat.point(right[-1]),
    )  # fmt: skip
    if L.gram is not None:
        gap = np.abs(matrix @ matrix.T - L.gram * np.eye(out.size)).max()
        holds = gap <= ROUNDINGS * eps * max(1.0, flat.size) * greatest**2
        require(bool(holds), "gram", "LLᵀ = νI with ν = gram", matrix @ matrix.T, L.gram)


def large_spectrum(at: AtLinearMap) -> None:
    """The same against Ritz values: those of LᵀL are at most ‖L‖², those of c²I − LᵀL at most
    c² − σ², σ the least gain.
    """
    L, zero, range_, y = at.L, at.domain.zero, at.range_, at.y
    rounding = ROUNDINGS * at.domain.eps
    greatest = estimate_norm(L, zero).value
    holds = L.norm >= (1 - rounding) * greatest
    require(holds, "norm", "‖L‖ ≤ norm, ‖L‖ by Lanczos' method", greatest, L.norm)
    square = 1.01 * greatest**2
    if L.least_gain > 0:
        gap = estimate_norm(ScaledIdentity(square) - L.T @ L, zero).value
        least = max(square - gap, 0.0) + rounding * square
        formula = "‖Lx‖ ≥ least_gain ‖x‖, with the least ‖Lx‖ by Lanczos' method"
        require(L.least_gain**2 <= least, "least_gain", formula, least**0.5, L.least_gain)
    if L.gram is not None:
        formula, found = "LLᵀy = νy with ν = gram", L(L.adjoint(y))
        terms = (abs(L.gram) + square) * range_.size(y)
        range_.equal("gram", formula, found, scale(L.gram, y), terms, y=y)


def constants(at: AtLinearMap) -> None:
    """What ``properties`` states, at a pair."""
    flat = at.domain.flat
    x, y, u, v = map(flat.vector, (at.x, at.z, at.Lx, at.L(at.z)))
    gram = Gram.of(x, y, x, y, u, v, at.domain.eps, at.gain)
    gram.require(inequalities(at.L.properties), {"x": at.x, "z (y of the formula)": at.z})


def worst_cases(L: LinearOperator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Cases at which a constant is likely to be exceeded."""
    forms = list(dict.fromkeys(each.form for each in inequalities(L.properties)))
    if place.flat.size:
        for x, z in worst_pairs(L, forms, place.flat, effort=min(effort, 1), seed=seed):
            yield x, z, place.zero, 1.0, 0.3


def batch(at: AtLinearMap) -> None:
    """Batch elements do not see each other."""
    _shared.batch_elements_are_independent(at.domain, "Lx", at.L, at.x, at.z, at.range_)


def nan(at: AtLinearMap) -> None:
    """NaN does not turn into numbers."""
    _shared.nan_passes_through(at.domain, "Lx", at.L, at.x)
    _shared.nan_passes_through(at.range_, "Lᵀy", at.L.adjoint, at.y)


def serialization(at: AtLinearMap) -> None:
    """Copies do what the map does."""

    def values(L: LinearOperator) -> list[tuple[str, Point]]:
        return [("Lx", L(at.x)), ("Lᵀy", L.adjoint(at.y))]

    _shared.same_after_round_trip(at.L, values, at.x)
