"""What a check says when it fails: the property as a formula, both sides, the points, and code that
shows it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from splitkit.backend import Point, blocks, device, is_array, namespace, to_numpy

REPRODUCE = "reproduce it"  # begins the code that shows a violation again

LOOKING_FOR: ContextVar[str | None] = ContextVar("LOOKING_FOR", default=None)
OBSERVED: ContextVar[dict[str, float] | None] = ContextVar("OBSERVED", default=None)


class Violation(AssertionError):
    """A property that does not hold.

    Attributes
    ----------
    property : str
        Its name, as ``replay`` takes it.
    formula : str
    left, right : object
        What stands on both sides.

    Examples
    --------
    >>> from splitkit.testing import Violation, check_operator
    >>> wrong = sk.Operator.from_callable(lambda x: -x, monotone=True)
    >>> try:
    ...     check_operator(wrong, (2,), max_examples=5)
    ... except Violation as found:
    ...     print(found.property)
    monotone
    """

    def __init__(
        self, name: str, formula: str, left: object, right: object, where: dict[str, object]
    ) -> None:
        self.property, self.formula = name, formula
        self.left, self.right, self.where = left, right, where
        self.subject: object = None
        self.case: tuple[Any, ...] = ()
        self.reproduction = ""
        super().__init__(name, formula, left, right, where)  # from which pickle makes it anew

    def __str__(self) -> str:
        lines = [f"{label(self.subject)} violates {self.property}:", f"    {self.formula}"]
        left, right = _side(self.left), _side(self.right)
        if left == right:  # as printed: they differ in digits that NumPy leaves out
            left, right = _side(self.left, digits=17), _side(self.right, digits=17)
        lines += [f"left:  {left}", f"right: {right}"]
        lines += [f"{name} = {show(value)}" for name, value in self.where.items()]
        return "\n".join([*lines, *([self.reproduction] if self.reproduction else [])])


Violation.__module__ = "splitkit.testing"  # whence users import it, and pytest names it


def require(
    holds: bool, name: str, formula: str, left: object, right: object, **where: object
) -> None:
    """Raise Violation unless the property holds; ``where`` names points and numbers."""
    if holds or LOOKING_FOR.get() not in (None, name):
        return
    raise Violation(name, formula, left, right, where)


@contextmanager
def looking_for(name: str | None) -> Iterator[None]:
    """A context in which only the property of this name can be violated (None: any)."""
    token = LOOKING_FOR.set(name)
    try:
        yield
    finally:
        LOOKING_FOR.reset(token)


def label(thing: object) -> str:
    """Its repr, or its class where that has several lines (as of torch modules)."""
    text = repr(thing)
    return text if "\n" not in text else f"{type(thing).__name__}(…)"


def show(value: Any) -> str:
    """A repr from which a point can be made again: nested lists and the dtype."""
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))}{',' if len(value) == 1 else ''})"
    if is_array(value):
        if 0 in value.shape and value.ndim > 1:
            return f"xp.zeros({tuple(value.shape)}, dtype=xp.{dtype_name(value)})"
        listed = str(to_numpy(value).tolist()).replace("nan", "float('nan')")
        listed = listed.replace("inf", "float('inf')")
        usual = device(value) == device(namespace(value).zeros(1))
        elsewhere = "" if usual else f", device={str(device(value))!r}"
        return f"xp.asarray({listed}, dtype=xp.{dtype_name(value)}{elsewhere})"
    return repr(value)


def reproduction(
    subject: object,
    name: str,
    shapes: tuple[Any, ...],
    cases: Sequence[tuple[Any, ...]],
    xp: Any,
    options: Mapping[str, Any],
    state: str = "",
) -> str:
    """Code that shows the violation again at the last of these cases, given the object that was
    checked, in a state.
    """
    used = "".join(f", {shape}" for shape in shapes)
    given = "".join(f", {key}={show_option(key, value)}" for key, value in options.items())
    lines = [
        f"{REPRODUCE}:",
        f"import {xp.__name__} as xp",
        "from splitkit.testing import replay",
        f"# A: the object that was checked, {label(subject)}{state}",
    ]
    for case in cases:
        lines += [
            f"case = {show(case)}",
            f"replay(A{used}, check={name!r}, case=case, xp=xp{given})",
        ]
    return "\n    ".join(lines)


def show_option(key: str, value: Any) -> str:
    """An option of ``replay`` as it is written."""
    if key == "dtype":
        return f"xp.{getattr(value, '__name__', str(value)).rpartition('.')[2]}"
    return repr(value if isinstance(value, int) else str(value))


def dtype_name(array: Any) -> str:
    """Such as float32."""
    return str(to_numpy(array).dtype)


def copies(x: Point) -> list[Any]:
    """NumPy copies of a point's blocks."""
    return [to_numpy(a) for a in blocks(x)]


def as_point(arrays: list[Any], x: Point) -> Point:
    """What ``copies`` made of x, or of its like, as a point: a tuple if x is one."""
    return tuple(arrays) if isinstance(x, tuple) else arrays[0]


def library(x: Point) -> Any:
    """The namespace of a point's arrays; None if they are not of one library."""
    try:
        return namespace(x)
    except TypeError:
        return None


def _side(value: object, digits: int = 8) -> str:
    if isinstance(value, tuple) and any(map(is_array, value)):
        return f"({', '.join(_side(each, digits) for each in value)})"
    if not is_array(value):
        return str(value)
    return np.array2string(to_numpy(value), precision=digits)
