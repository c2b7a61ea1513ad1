"""``check_linear_operator``: does a linear map keep what it declares?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from splitkit.backend import Space
from splitkit.linear.base import LinearOperator
from splitkit.linear.estimate import estimate_norm
from splitkit.linear.identity import ScaledIdentity
from splitkit.testing import _shared
from splitkit.testing._at import At, NamedMap, Places, fixed
from splitkit.testing._forms import inequalities, names
from splitkit.testing._laws import law
from splitkit.testing._measured import Claim, Measured
from splitkit.testing._place import KEPT, ROUNDINGS, Place
from splitkit.testing._report import require
from splitkit.testing._search import worst_pairs
from splitkit.testing._suite import Case, Property, Suite, suite
from splitkit.testing.real_form import in_real_form
from splitkit.testing.strategies import PointShape

LARGEST_TABLE = 256  # entries of a domain for which the whole matrix is made


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
    progress: bool | None = None,
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
    xp, dtype, device, batch_ndim, max_examples, seed, progress
        As for ``check_operator``.

    Raises
    ------
    AssertionError
        A property is violated; the message states it, the numbers of both sides, the points, and
        code that shows it again.

    Examples
    --------
    >>> from splitkit.testing import check_linear_operator
    >>> check_linear_operator(sk.linear.Diagonal(np.array([1.0, 2.0])), (2,), (2,), max_examples=5)
    """
    __tracebackhide__ = True
    if not isinstance(L, LinearOperator):
        raise _shared.wrong_kind("L", L, "linear map")
    where = {"xp": xp, "dtype": dtype, "device": device, "batch_ndim": batch_ndim}
    suite(L, domain_shape, range_shape, **where).run(max_examples, seed, progress=progress)


@suite.register(LinearOperator)
def linear_suite(
    L: LinearOperator, domain_shape: PointShape, range_shape: PointShape, **where: Any
) -> Suite:
    """The properties of a linear map; see ``check_linear_operator``."""
    if (real := in_real_form(L, (domain_shape, range_shape), where)) is not None:
        *real, options = real
        return suite(*real, **options)
    domain, range_ = (Place.of(shape, **where) for shape in (domain_shape, range_shape))
    L.check_space(domain.space)
    places = (domain, domain, range_)
    return _shared.suite_of(AtLinearMap, L, (domain_shape, range_shape), places, *laws(L, places))


class AtLinearMap(At):
    """L at a case: x and z in the domain, y in the range, and two step sizes."""

    def __init__(self, L: LinearOperator, places: Places, case: Case) -> None:
        super().__init__(L, places, case)
        self.gain = gain = L.norm if L.norm < float("inf") else 1.0
        self.z, (self.domain, _, self.range_) = self.points[1], places
        self.L = cache(lambda x: Measured.of(self.range_, L(x.value), gain * x.size))
        self.Lt = cache(lambda y: Measured.of(self.domain, L.adjoint(y.value), gain * y.size))

    def maps(self, thing: Any) -> list[NamedMap]:
        """L and its adjoint."""
        adjoint = ("Lᵀy", thing.adjoint, self.y, self.domain)
        return [("Lx", thing, self.x, self.range_), adjoint]


def laws(L: LinearOperator, places: Places) -> Iterator[Property]:
    """What L must keep, by what it can do and declares."""
    once, (domain, _, range_) = partial(fixed, places), places
    yield Property(range_shape, ("range_space",), once, drawn=False)
    yield Property(spectrum, ("norm", "least_gain", "gram"), once, drawn=False)
    yield Property(keeps_the_point, KEPT)
    yield law(
        "adjoint", "⟨Lx, y⟩ = ⟨x, Lᵀy⟩",
        lambda at: (at.L(at.x) @ at.y).equals(at.x @ at.Lt(at.y)), "x y",
    )  # fmt: skip
    yield law("transpose", "L.T(y) = L.adjoint(y) and L.T.T(x) = L(x)", transpose, "x y")
    yield law(
        "linear", "L(2x − z/2) = 2Lx − Lz/2",
        lambda at: at.L(2 * at.x - 0.5 * at.z).equals(2 * at.L(at.x) - 0.5 * at.L(at.z)), "x z",
    )  # fmt: skip
    yield law(
        "add_to", "L.add_to(y, x) = y + Lx",
        lambda at: Measured.of(range_, L.add_to(at.y.value, at.x.value)).equals(at.y + at.L(at.x)),
        "x y",
    )  # fmt: skip
    if domain.space.shapes == range_.space.shapes:
        if L.properties.monotone and has_shifted_inverse(L):
            yield Property(keeps_in_shifted_inverse, KEPT)
            yield law("shifted_inverse", "(I + αL)v = x for v = (I + αL)⁻¹x", shifted_inverse, "x")
            formula = "⟨Vx, z⟩ = ⟨x, Vᵀz⟩ for V = (I + αL)⁻¹"
            yield law("shifted_inverse_transpose", formula, shifted_transpose, "x z")
            formula = "reflected_inverse is 2(I + αL)⁻¹ − I"
            yield law("reflected_inverse", formula, reflected_inverse, "x")
            formula = "‖(2(I + αL)⁻¹ − I)x‖ ≤ reflected_norm(α) ‖x‖"
            yield law("reflected_norm", formula, reflected_norm, "x")
        if stated := inequalities(L.properties):
            yield Property(constants, names(stated), partial(worst_cases, L, domain))


def has_shifted_inverse(L: LinearOperator) -> bool:
    """Whether (I + αL)⁻¹ is known."""
    try:
        L.shifted_inverse(1.0)
    except TypeError:
        return False
    return True


def range_shape(at: AtLinearMap) -> None:
    """The declared space of Lx."""
    found, wanted = at.thing.range_space(at.domain.space), at.range_.space
    formula = (
        "L.range_space gives the shape of Lx, which was given as range_shape (a map between two "
        "spaces defines range_space and domain_space)"
    )
    holds = found.shapes == wanted.shapes
    require(holds, "range_space", formula, written_shape(found), written_shape(wanted))


def written_shape(space: Space) -> PointShape:
    """The shape of its points, as it is given to the checks."""
    return space.shapes if space.is_tuple else space.shapes[0]


def keeps_the_point(at: AtLinearMap) -> None:
    """L, Lᵀ and ``add_to`` leave their argument as it is, and return what the shapes say."""
    L, x, y = at.thing, at.x.value, at.y.value
    at.domain.keeps("Lx", L, x, at.range_.shape, "range_shape")
    at.range_.keeps("Lᵀy", L.adjoint, y, at.domain.shape, "domain_shape")
    at.range_.keeps("L.add_to(y, x)", lambda y: L.add_to(y, x), y)


def transpose(at: AtLinearMap) -> Iterator[Claim]:
    """The transposed map, and its own."""
    T = at.thing.T
    yield Measured.of(at.domain, T(at.y.value)).equals(at.Lt(at.y))
    yield Measured.of(at.range_, T.T(at.x.value)).equals(at.L(at.x))


def inverses(at: AtLinearMap) -> Iterator[tuple[float, LinearOperator, Measured]]:
    """α, V = (I + αL)⁻¹ and Vx, with what the rounding of (I + αL)Vx is relative to."""
    for alpha, V in [(alpha, at.thing.shifted_inverse(alpha)) for alpha in at.steps]:
        Vx = Measured.of(at.domain, V(at.x.value))
        yield alpha, V, Vx.widened(at.x.size + alpha * at.thing.norm * Vx.size)


def keeps_in_shifted_inverse(at: AtLinearMap) -> None:
    """V, and 2V − I where it is given, leave their argument as it is, and return its like."""
    for alpha, V, _ in inverses(at):
        at.domain.keeps("(I + αL)⁻¹x", V, at.x.value)
        C = at.thing.reflected_inverse(alpha)
        if C is not None:
            at.domain.keeps("(2(I + αL)⁻¹ − I)x", C, at.x.value)


def shifted_inverse(at: AtLinearMap) -> Iterator[Claim]:
    """At both step sizes."""
    for alpha, _, Vx in inverses(at):
        LVx = Measured.of(at.domain, at.thing(Vx.value))
        yield (Vx + alpha * LVx).equals(at.x).at(alpha=alpha)


def shifted_transpose(at: AtLinearMap) -> Iterator[Claim]:
    """Of both ways to Vᵀ."""
    for alpha, V, Vx in inverses(at):
        ways = {"V.T": V.T, "L.T.shifted_inverse(α)": at.thing.T.shifted_inverse(alpha)}
        for way, W in ways.items():
            Wz = Measured.of(at.domain, W(at.z.value), at.z.size)
            yield (Vx @ at.z).equals(at.x @ Wz).at(alpha=alpha, Vᵀ=way)


def reflected_inverse(at: AtLinearMap) -> Iterator[Claim]:
    """Where a cheaper one is given."""
    for alpha, _, Vx in inverses(at):
        C = at.thing.reflected_inverse(alpha)
        if C is not None:
            Cx = Measured.of(at.domain, C(at.x.value))
            yield Cx.equals(2 * Vx - at.x).at(alpha=alpha)


def reflected_norm(at: AtLinearMap) -> Iterator[Claim]:
    """Where it is known."""
    for alpha, _, Vx in inverses(at):
        norm = at.thing.reflected_norm(alpha)
        if norm is not None:
            yield (abs(2 * Vx - at.x) <= norm * abs(at.x)).at(alpha=alpha)


def spectrum(at: AtLinearMap) -> None:
    """norm, least_gain and gram against the matrix's singular values."""
    L, flat, out, eps = at.thing, at.domain.flat, at.range_.flat, at.domain.eps
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
    L, zero = at.thing, at.domain.zero
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
        formula, y = "LLᵀy = νy with ν = gram", at.y
        found = Measured.of(at.range_, L(L.adjoint(y.value)), square * y.size)
        found.equals(L.gram * y).require("gram", formula, y=y)


def constants(at: AtLinearMap) -> None:
    """What ``properties`` states, at a pair."""
    for each in inequalities(at.thing.properties):
        where: dict[str, object] = {"x": at.x, "z (y of the formula)": at.z}
        each.require(at.x - at.z, at.L(at.x) - at.L(at.z), where)


def worst_cases(L: LinearOperator, place: Place, effort: int, seed: int) -> Iterator[Case]:
    """Cases at which a constant is likely to be exceeded."""
    forms = [each.form for each in inequalities(L.properties)]
    for x, z in worst_pairs(L, forms, place.flat, effort=min(effort, 1), seed=seed):
        yield x, z, place.zero, 1.0, 0.3
