"""Checks that do not ask what kind of map it is: NaN, copies, batch elements."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from splitkit.backend import Point, scale, where
from splitkit.functions.base import Function
from splitkit.linear.base import LinearOperator
from splitkit.operators.base import Operator
from splitkit.solvers.method import Method
from splitkit.testing._place import Place, same_entries
from splitkit.testing._report import copies, require

PointMap = Callable[[Point], Point]

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


def close_entries(x: list[Any], y: list[Any]) -> bool:
    """Equal up to rounding: a copy may lay its arrays out anew, and sums then round otherwise."""
    for a, b in zip(x, y, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        finite = np.abs(a[np.isfinite(a)])
        allowed = 1000 * np.finfo(a.dtype).eps * np.max(finite, initial=0.0)
        if a.dtype != b.dtype or not np.allclose(a, b, rtol=0.0, atol=allowed, equal_nan=True):
            return False
    return True


def with_nan(place: Place, x: Point) -> Point:
    """NaN in every entry of the last batch element of x, the other elements as they are."""
    nan = place.flat.point(np.full(place.flat.size, np.nan))
    shape = place.space.batch_shape
    if not shape:
        return nan
    last = np.zeros(shape)
    last[(-1,) * len(shape)] = 1.0
    return where(place.array(last) > 0, nan, x)


def nan_passes_through(place: Place, what: str, f: PointMap, x: Point) -> None:
    """f(NaN) is not finite: an error, or NaN, but nothing that could pass for an answer. A constant
    map, as the projection onto one point, may forget its argument.
    """
    if place.flat.size == 0:
        return
    here, *others = (copies(f(y)) for y in (x, scale(1e3, x), place.zero))
    if all(same_entries(here, other) for other in others):
        return
    y = with_nan(place, x)
    with np.errstate(all="ignore"):
        try:
            value = f(y)
        except Exception:
            return  # refused, by the map or by its library (Torch raises an error of its own)
    formula = f"{what} is not finite where the argument is NaN"
    require(not place.space.isfinite(value), "nan", formula, value, "NaN", x=y)


def batch_elements_are_independent(
    place: Place, what: str, f: PointMap, x: Point, y: Point, out: Place | None = None
) -> None:
    """f at elements taken from x and y is, element by element, f(x) or f(y)."""
    shape = place.space.batch_shape
    count = int(np.prod(shape, dtype=int))
    if not shape or count < 2:
        return
    odd = place.array((np.arange(count) % 2).reshape(shape)) > 0
    mixed, expected = f(where(odd, x, y)), where(odd, f(x), f(y))
    kept = out or place
    terms = kept.size(expected) + place.size(x) + place.size(y)
    formula = f"{what} of one batch element does not depend on the others"
    kept.equal("batch_independence", formula, mixed, expected, terms, x=x, y=y)
