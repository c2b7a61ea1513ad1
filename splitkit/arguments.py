"""What a caller gives, checked by name: a wrong type is a TypeError, a wrong value a ValueError.

The message has the name, the value and the remedy. What is checked is returned; a scalar, which
``backend.as_float`` defines, as a Python float, because a NumPy number would raise float32 points
to float64.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from operator import index
from reprlib import Repr
from typing import Any, NoReturn

import numpy as np

from splitkit.backend import (
    Array,
    Point,
    Scalar,
    Space,
    as_float,
    differentiating,
    holds,
    is_array,
    is_complex,
    namespace,
)

SHORT = Repr()  # of a long list, whose every entry would be shown
SHORT.maxother = SHORT.maxstring = 400


@dataclass(frozen=True)
class Range:
    """An interval, without its ends where they are written as parentheses."""

    low: float = -math.inf
    high: float = math.inf
    ends: str = "()"

    def __call__(self, v: Any) -> Any:
        """Whether a number, or each entry of an array, lies in it; NaN does not."""
        above = v >= self.low if self.ends[0] == "[" else v > self.low
        below = v <= self.high if self.ends[1] == "]" else v < self.high
        return above & below

    def __str__(self) -> str:
        if self.low > -math.inf and self.high < math.inf:
            return f"a number in {self.ends[0]}{self.low:g}, {self.high:g}{self.ends[1]}"
        finite, closed = "finite " if self.ends[1] == ")" else "", self.ends[0] == "["
        if self.low == 0:
            return f"a {'non-negative' if closed else 'positive'} {finite}number"
        above = "" if self.low == -math.inf else f" {'≥' if closed else '>'} {self.low:g}"
        return f"a {finite}number{above}"


class _NonZero(Range):
    """Finite, and not 0."""

    def __call__(self, v: Any) -> Any:
        return super().__call__(v) & (v != 0)

    def __str__(self) -> str:
        return "a finite number other than 0"


POSITIVE = Range(0.0)
NON_NEGATIVE = Range(0.0, ends="[)")
FINITE = Range()
LEAST, MOST = sys.float_info.min, sys.float_info.max
NONZERO = _NonZero()


def check_number(name: str, value: Any, within: Range = FINITE, remedy: str | None = None) -> float:
    """The scalar, as a Python float."""
    number = as_float(value)
    if number is None or not within(number):
        error = TypeError if number is None else ValueError
        _refuse(error, name, value, remedy or f"give {within}")
    return number


def check_square(name: str, size: float, least: float = 0.0, most: float = math.inf) -> float:
    """The square of a norm; refused if the norm is neither 0 nor inf, and the square is not within
    what numbers of its dtype, or floats, hold.
    """
    square = size * size
    if 0 < size < math.inf and not max(least, LEAST) <= square <= min(most, MOST):
        raise ValueError(
            f"{name} has the norm {size:.4g}, whose square is beyond the range of its dtype: give "
            f"{name}, and what it is compared with, in other units"
        )
    return square


def check_integer(
    name: str, value: Any, least: float = -math.inf, remedy: str | None = None
) -> int:
    """The integer, of any library, as a Python int."""
    if type(value) is int and value >= least:
        return value
    remedy = remedy or ("give an integer" if least == -math.inf else f"give an integer ≥ {least}")
    try:
        integral = isinstance(value, Integral) or (is_array(value) and value.ndim == 0)
        number = index(value) if integral and as_float(value) is not None else None
    except TypeError:  # an array of floats
        number = None
    if number is None:
        _refuse(TypeError, name, value, remedy)
    if number < least:
        _refuse(ValueError, name, value, remedy)
    return number


def check_sizes(name: str, value: Any, least: int = 1, count: int | None = None) -> tuple[int, ...]:
    """The integers of a sequence, or a single one, as Python ints: so many, or of any number."""
    several = (
        tuple(value)
        if isinstance(value, Sequence) or (is_array(value) and value.ndim)
        else (value,)
    )
    remedy = None if count is None else f"give {count} integers, each at least {least}"
    if count is not None and len(several) != count:
        raise ValueError(f"{name} = {value}: {remedy}")
    return tuple(check_integer(name, n, least, remedy) for n in several)


def check_flag(name: str, value: Any, *, optional: bool = False) -> Any:
    """True or False, or None where that is an option."""
    if not (isinstance(value, (bool, np.bool_)) or (optional and value is None)):
        _refuse(
            TypeError, name, value, f"give {'True, False or None' if optional else 'True or False'}"
        )
    return None if value is None else bool(value)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """One of the words."""
    if not (isinstance(value, str) and value in choices):
        *others, last = (f'"{choice}"' for choice in choices)
        error = ValueError if isinstance(value, str) else TypeError
        _refuse(error, name, value, f"give {', '.join(others)} or {last}")
    return value


def check_parameter(
    name: str, value: Any, within: Callable[[Any], Any] = FINITE, remedy: str | None = None
) -> Scalar:
    """A scalar, as a Python float, or an array all of whose entries lie within."""
    number = as_float(value)
    if number is not None:
        good = bool(within(number))
    elif is_array(value) and _is_real(value):
        good = holds(within(value))
    elif within is FINITE and is_array(value) and is_complex(value):
        good = holds(namespace(value).isfinite(value))
    else:
        good = None
    if not good:
        error = TypeError if good is None else ValueError
        _refuse(error, name, value, remedy or f"give {within}, or an array of such")
    return value if number is None else number


def check_bounds(
    lower: Any, upper: Any, what: str, *, apart: bool = False
) -> tuple[Scalar, Scalar]:
    """Two parameters, of which the lower nowhere exceeds the upper, nor is it (apart)."""
    low = check_parameter("lower", lower, Range(ends="[)"), "give bounds below inf")
    high = check_parameter("upper", upper, Range(ends="(]"), "give bounds above -inf")
    ordered = low < high if apart else low <= high
    if not (holds(ordered) if is_array(ordered) else ordered):
        relation = "is not below" if apart else "exceeds"
        raise ValueError(f"lower = {lower} {relation} upper = {upper}: {what} is empty")
    return low, high


def check_array(name: str, value: Any, within: Callable[[Any], Any] = FINITE) -> Array:
    """An array of real floating-point numbers that lie within, finite but where a range has inf."""
    if isinstance(value, tuple):
        _refuse(TypeError, name, value, "give one array")
    infinite = isinstance(within, Range) and "]" in within.ends and within.high == math.inf
    Space.of(value, name=name, known_finite=infinite)
    return check_parameter(name, value, within)


def check_reals(name: str, value: Any) -> Any:
    """Real numbers, sequences of them too, as an array of NumPy in double."""
    try:
        given = np.asarray(value)
        found = None if given.dtype.kind == "c" else given.astype(float)
    except (TypeError, ValueError) as error:  # words, or sequences of several lengths
        _refuse(type(error), name, value, "give real numbers")
    if found is None:
        _refuse(TypeError, name, value, "give real numbers")
    return found


def check_accuracy(name: str, value: Any) -> float | None:
    """A relative accuracy, or None: to rounding."""
    if value is None:
        return None
    remedy = "give a number in (0, 1), or None for rounding"
    return check_number(name, value, Range(0.0, 1.0), remedy)


def check_broadcast(name: str, value: Point, space: Space) -> None:
    """Raise unless it can be added to points of the space: TypeError for another kind, ValueError
    for a shape that does not broadcast to theirs.
    """
    for a, shape in space.pairs(value, name, of_points=False):
        space.check_array(a, name)
        trailing = shape[max(0, len(shape) - a.ndim) :]
        if len(trailing) != a.ndim or any(
            given not in (1, length) for given, length in zip(a.shape, trailing, strict=True)
        ):
            raise ValueError(
                f"{name} has shape {tuple(a.shape)}, which does not broadcast to x0's {shape}: "
                "give that, or axes of length 1"
            )


def check_held(name: str, value: Any, space: Space) -> None:
    """Raise ValueError if it is a number that is 0 to the library of the points, and is not 0."""
    if type(value) is float and 0 < abs(value) < space.smallest:
        raise ValueError(
            f"{name} = {value:g} is taken for 0 by {space.xp.__name__}, as every {space.dtype} "
            f"below {space.smallest:.2g}: give the problem in other units, or a wider dtype"
        )


def check_samplewise(name: str, value: Any, space: Space) -> None:
    """Raise ValueError if it is an array of another shape than the batch's."""
    if is_array(value) and tuple(value.shape) != space.batch_shape:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}: give a number, or one for each element of the "
            f"batch, shape {space.batch_shape}"
        )


def refuse_derivatives(f: object, remedy: str, *points: Point) -> None:
    """Raise TypeError if one of the points is recorded to differentiate f, of which only the value
    is known, because an iteration or another library finds it."""
    if differentiating(*points):
        raise TypeError(
            f"{f!r} cannot be differentiated, and its argument requires gradients: detach it, or "
            f"{remedy}"
        )


def option(default: Any, check: Callable[..., Any], *, repr: bool = True, **how: Any) -> Any:
    """A field of a dataclass, for ``check_options``; None passes where it is the default."""
    return field(default=default, repr=repr, metadata={"check": check, "how": how})


def check_options(owner: Any) -> None:
    """Check all options of a dataclass, and keep them as checked."""
    kind: type = type(owner)
    for name, default, check, how in _options(kind):
        value = getattr(owner, name)
        if value is not None or default is not None:
            object.__setattr__(owner, name, check(name, value, **how))


@cache
def _options(kind: type) -> tuple[tuple[str, Any, Callable[..., Any], dict[str, Any]], ...]:
    """Name, default and check of each option of a dataclass."""
    return tuple(
        (each.name, each.default, each.metadata["check"], each.metadata["how"])
        for each in fields(kind)
        if "check" in each.metadata
    )


def _is_real(x: Array) -> bool:
    return bool(namespace(x).isdtype(x.dtype, ("integral", "real floating")))


def _refuse(error: type[Exception], name: str, value: Any, remedy: str) -> NoReturn:
    if getattr(value, "requires_grad", False):
        remedy += ", detached (no gradient would reach it)"
    if isinstance(value, Real) and value == value and math.isnan(as_float(value) or 0.0):
        raise error(f"{name} is beyond the range of floats: {remedy}")
    raise error(f"{name} = {SHORT.repr(value)}: {remedy}")
