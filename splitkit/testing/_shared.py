"""Laws that do not ask what kind of map it is: NaN, copies, batch elements."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from splitkit.backend import Point, scale, where
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.solvers.method import Method
from splitkit.testing._at import At, Places, fixed, spread
from splitkit.testing._measured import Measured
from splitkit.testing._place import Place, same_entries
from splitkit.testing._report import copies, require
from splitkit.testing._suite import Case, Property, Suite
from splitkit.testing.strategies import points, step_sizes

DERIVE = {
    "operator": "derive from splitkit.Operator, or use splitkit.Operator.from_callable",
    "function": "derive from splitkit.functions.Function",
    "linear map": "derive from splitkit.LinearOperator, or use splitkit.DenseMatrix for a matrix",
    "method": "give one such as splitkit.DouglasRachford(), or derive from splitkit.Method",
    "activation": "give a splitkit_nn Activation, such as splitkit_nn.ReLU()",
    "layer": "give a splitkit_nn.MonDEQ",
}
CHECKS = {
    Operator: "check_operator",
    Function: "check_function",
    LinearOperator: "check_linear_operator",
    Method: "check_method",
}


def wrong_kind(name: str, thing: object, kind: str) -> TypeError:
    """What to say of an argument that is no operator (no function, …)."""
    remedy = DERIVE[kind]
    if isinstance(thing, type):
        remedy = f"give an object of this class, {thing.__name__}(…)"
    for other, check in CHECKS.items():
        if isinstance(thing, other):
            remedy = f"{check} is for it"
    return TypeError(f"{name} = {thing!r} is no {kind}: {remedy}")


def suite_of(
    kind: Callable[[Any, Places, Case], At],
    thing: Any,
    shapes: tuple[Any, ...],
    places: Places,
    *properties: Property,
) -> Suite:
    """The suite of a thing whose cases are points of these places, and two step sizes: its own
    properties, and what every map keeps.
    """
    drawn = [points(p.shape, xp=p.xp, dtype=p.dtype, device=p.device) for p in places]
    cases = st.tuples(*drawn, step_sizes(), step_sizes())
    at = partial(kind, thing, places)
    every = (*properties, *laws(places))
    return Suite(thing, shapes, places[0], cases, at, every, spread=partial(spread, places))


def laws(places: Places) -> Iterator[Property]:
    """What every map keeps, looked at once where that is enough."""
    if places[0].space.batch_shape:
        yield Property(batch, ("batch_independence",))
    once = partial(fixed, places)
    for check, name in ((nan, "nan"), (serialization, "serialization")):
        yield Property(check, (name,), once, drawn=False)


def batch(at: At) -> None:
    """f at elements taken from x and y is, element by element, f(x) or f(y)."""
    for what, f, x, out in at.maps(at.thing):
        shape = x.place.space.batch_shape
        count = int(np.prod(shape, dtype=int))
        if out is None or count < 2:
            continue
        y = Measured.of(x.place, x.place.another(x.value))
        odd = x.place.array((np.arange(count) % 2).reshape(shape)) > 0
        mixed = Measured.of(out, f(where(odd, x.value, y.value)), x.size + y.size)
        apart = Measured.of(out, where(odd, f(x.value), f(y.value)))
        formula = f"{what} of one batch element does not depend on the others"
        mixed.equals(apart).require("batch_independence", formula, x=x, y=y)


def nan(at: At) -> None:
    """f(NaN) is not finite: an error, or NaN, but nothing that could pass for an answer. A constant
    map, as the projection onto one point, may forget its argument.
    """
    for what, f, x, _ in at.maps(at.thing):
        here, *others = (copies(f(y)) for y in (x.value, scale(1e3, x.value), x.place.zero))
        if x.place.flat.size == 0 or all(same_entries(here, other) for other in others):
            continue
        y = with_nan(x.place, x.value)
        with np.errstate(all="ignore"):
            try:
                value = f(y)
            except Exception:
                continue  # refused, by the map or its library (Torch raises an error of its own)
        formula = f"{what} is not finite where the argument is NaN"
        require(not x.place.space.isfinite(value), "nan", formula, value, "NaN", x=y)


def with_nan(place: Place, x: Point) -> Point:
    """NaN in every entry of the last batch element of x, the other elements as they are."""
    nan = place.flat.point(np.full(place.flat.size, np.nan))
    shape = place.space.batch_shape
    if not shape:
        return nan
    last = np.zeros(shape)
    last[(-1,) * len(shape)] = 1.0
    return where(place.array(last) > 0, nan, x)


def serialization(at: At) -> None:
    """Copies do what the thing does."""

    def values(thing: Any) -> list[tuple[str, Point]]:
        return [(what, f(x.value)) for what, f, x, _ in at.maps(thing)]

    same_after_round_trip(at.thing, values, at.x.value)


def same_after_round_trip(
    thing: Any, value_of: Callable[[Any], list[tuple[str, Point]]], x: Point
) -> None:
    """A copy of the thing does what the thing does."""
    before = value_of(thing)
    try:
        made = round_trips(thing)
    except Exception as error:
        require(False, "serialization", "the object can be copied and pickled", error, "a copy")
        return
    for way, other in made.items():
        for (what, expected), (_, found) in zip(before, value_of(other), strict=True):
            same = close_entries(copies(expected), copies(found))
            formula = f"{what} of a copy ({way}) is that of the object"
            require(same, "serialization", formula, found, expected, x=x)


def round_trips(thing: Any) -> dict[str, Any]:
    """The thing copied by ``copy.deepcopy``, and by ``pickle`` unless its class or a function in it
    cannot be found by name (a lambda, a class defined in a function).
    """
    made = {"copy.deepcopy": copy.deepcopy(thing)}
    try:
        stored = pickle.dumps(thing)
    except (pickle.PicklingError, AttributeError):
        return made
    return made | {"pickle": pickle.loads(stored)}


def close_entries(x: list[Any], y: list[Any]) -> bool:
    """Equal up to rounding: a copy may lay its arrays out anew, and sums then round otherwise."""
    for a, b in zip(x, y, strict=True):
        finite = np.abs(a[np.isfinite(a)])
        allowed = 1000 * np.finfo(a.dtype).eps * np.max(finite, initial=0.0)
        if a.dtype != b.dtype or not np.allclose(a, b, rtol=0.0, atol=allowed, equal_nan=True):
            return False
    return True
