"""``check_operator``: does an operator keep what it declares?"""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import strategies as st

from splitkit.backend import Point
from splitkit.operators.base import Operator
from splitkit.properties import Properties
from splitkit.testing import _shared
from splitkit.testing._at_operator import (
    At as At,
    fixed_case as fixed_case,
    replay_options as replay_options,
    spread as spread,
)
from splitkit.testing._constants import constant_names, constants, worst_cases
from splitkit.testing._gradients import affine, cyclic, symmetric, turning_planes
from splitkit.testing._place import KEPT, Place
from splitkit.testing._report import require
from splitkit.testing._resolvents import (
    batch_of_steps,
    cayley,
    every_step,
    moreau,
    resolvent,
    two_steps,
)
from splitkit.testing._suite import Property, Suite, suite
from splitkit.testing.strategies import PointShape, points, step_sizes


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
    independent; what is prepared for many applications equal to A; input unchanged; the same value
    twice; library, dtype, shape and device kept; NaN not turned into numbers; copies that do the
    same.

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
    __tracebackhide__ = True
    if not isinstance(A, Operator):
        raise _shared.wrong_kind("A", A, "operator")
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


def properties(A: Operator, place: Place) -> tuple[Property, ...]:
    """What A must keep, by what it can do and declares."""
    if not isinstance(A.properties, Properties):
        raise TypeError(
            f"properties of {A!r} is {A.properties!r}: give Properties.of(…) of splitkit"
        )
    monotone = A.properties.monotone
    fixed = partial(fixed_case, place)
    found = [Property(keeps_the_point, (*KEPT, "prepared"))]
    if defines_nothing(type(A)):
        found = [Property(defined, ("defined",), fixed, drawn=False)]
    if A.has_resolvent:
        nonexpansive = ("firmly_nonexpansive",) if monotone else ()
        consistent = ("resolvent_solves", "resolvent_of_value") if A.has_evaluation else ()
        if nonexpansive or consistent:
            found.append(Property(resolvent, (*nonexpansive, *consistent)))
        contraction = ("cayley_nonexpansive",) if monotone else ()
        found.append(Property(cayley, ("cayley_is_reflection", *contraction)))
        found.append(Property(two_steps, ("resolvent_identity",), partial(every_step, place)))
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
    found.append(Property(nan, ("nan",), fixed, drawn=False))
    found.append(Property(serialization, ("serialization",), fixed, drawn=False))
    return tuple(found)


def keeps_the_point(at: At) -> None:
    """A, R and C leave their argument as it is, and return its like; A prepared is A."""
    if at.A.has_evaluation:
        Ax = at.place.keeps("A(x)", at.A, at.x)
        terms = at.place.size(Ax) + at.gain * at.place.size(at.x)
        for way, value in (
            ("make_evaluation()(x)", at.A.make_evaluation()(at.x)),
            ("trace(x)[0]", at.A.trace(at.x)[0]),
        ):
            at.place.equal("prepared", f"A.{way} = A(x)", value, Ax, terms, x=at.x)
    if at.A.has_resolvent:
        for B in (at.R, at.C):
            at.place.keeps(f"{B!r}(x)", B, at.x)


def defines_nothing(cls: type[Operator]) -> bool:
    """Whether a class has neither values nor resolvents, as where their names are misspelt."""
    return (
        cls.__call__ is Operator.__call__
        and cls.make_resolvent is Operator.make_resolvent
        and cls.has_evaluation is Operator.has_evaluation
    )


def defined(at: At) -> None:
    """There is something to check."""
    formula = "A(x) or (I + αA)⁻¹x can be computed (__call__ or make_resolvent is defined)"
    require(False, "defined", formula, "neither", "one of them")


def batch(at: At) -> None:
    """Batch elements do not see each other."""
    if at.A.has_evaluation:
        _shared.batch_elements_are_independent(at.place, "A(x)", at.A, at.x, at.y)
    if at.A.has_resolvent:
        _shared.batch_elements_are_independent(at.place, "R_{αA}x", at.R, at.x, at.y)


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
