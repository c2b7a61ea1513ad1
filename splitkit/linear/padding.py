"""Arrays with a border around them, filled by a rule, and without it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np

from splitkit.arguments import check_choice, check_integer, check_sizes
from splitkit.backend import Array, Point, Shape, add_parts, fresh_copy, namespace, zeros
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap, part
from splitkit.linear.rearranged import NonNegativeMap

Widths = int | Sequence[int | tuple[int, int]]
RULES = ("zero", "edge", "reflect", "symmetric", "periodic")


class _Border(NonNegativeMap, LastAxesMap):
    """A border of so many entries before and after, along each of the last axes."""

    formula = "P"

    def __init__(self, shape: int | Shape, widths: Widths) -> None:
        self.shape = check_sizes("shape", shape)
        each = widths if isinstance(widths, Sequence) else (widths,) * len(self.shape)
        pairs = [w if isinstance(w, Sequence) else (w, w) for w in each]
        remedy = f"give a number, or one or two for each of the sizes {self.shape}"
        if len(pairs) != len(self.shape) or any(len(pair) != 2 for pair in pairs):
            raise ValueError(f"widths = {widths}: {remedy}")
        self.widths = tuple(
            (check_integer("widths", a, 0), check_integer("widths", b, 0)) for a, b in pairs
        )

    def _lines(self) -> Iterator[tuple[int, int, int, int]]:
        """(axis, size, before, after) of each axis that has a border."""
        for i, (size, (a, b)) in enumerate(zip(self.shape, self.widths, strict=True)):
            if a or b:
                yield i - len(self.shape), size, a, b

    def __repr__(self) -> str:
        sizes = ("×".join(map(str, shape)) for shape in (self.domain_shape, self.range_shape))
        return f"{type(self).__name__}({' → '.join(sizes)})"


class Pad(_Border):
    """x ↦ x with a border along its last axes.

    Each entry of the border is 0, or one of x, so that LᵀL = diag(c), cⱼ how often xⱼ stands in Lx:
    ‖L‖² = max c and ‖Lx‖² ≥ min c ‖x‖², where c is the product of what it is along each axis.

    Parameters
    ----------
    shape : int or tuple of int
        Of the last axes of x.
    widths : int or sequence of int or (int, int)
        Of the border: one for all axes, or for each one, or two, before and after.
    rule : "zero", "edge", "reflect", "symmetric" or "periodic"
        For a line a, b, c: 0 0 a b c 0 0; a a a b c c c; c b a b c b a; b a a b c c b;
        b c a b c a b. The last three take borders up to the size of the axis, "reflect" one less.

    Raises
    ------
    TypeError, ValueError
        A size or a width is no integer of that range, their numbers differ, or the rule is unknown.

    Notes
    -----
    It takes one pass over the array for each axis. ``Crop`` with the same widths takes the border
    away; with the rule "zero" it is Lᵀ.

    Examples
    --------
    >>> L = sk.linear.Pad(3, 1, "symmetric")
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> print(L(x), L.T(L(x)))
    [1. 1. 2. 3. 3.] [2. 2. 6.]
    """

    def __init__(
        self,
        shape: int | Shape,
        widths: Widths,
        rule: Literal["zero", "edge", "reflect", "symmetric", "periodic"] = "zero",
    ) -> None:
        super().__init__(shape, widths)
        self.rule = check_choice("rule", rule, RULES)
        self.domain_shape = self.shape
        self.range_shape = tuple(
            n + a + b for n, (a, b) in zip(self.shape, self.widths, strict=True)
        )
        for _, size, *both in self._lines():
            longest = size - (rule == "reflect")
            if rule not in ("zero", "edge") and max(both) > longest:
                raise ValueError(
                    f'widths = {widths}: with rule = "{rule}" give at most {longest} for an axis '
                    f"of {size} entries"
                )

    @cached_property
    def _counts(self) -> list[Any]:
        """How often each entry of a line comes, for each axis that has a border."""
        lines = self._lines()
        return [self._gathered(np.ones(n + a + b), -1, n, a, b) for _, n, a, b in lines]

    @cached_property
    def norm(self) -> float:
        return math.prod(float(c.max()) for c in self._counts) ** 0.5

    @cached_property
    def least_gain(self) -> float:
        return math.prod(float(c.min()) for c in self._counts) ** 0.5

    @cached_property
    def gram(self) -> float | None:
        return None if self._counts else 1.0

    def __call__(self, x: Point) -> Point:
        for axis, size, before, after in self._lines():
            parts = [self._border(x, axis, size, before, 0), x]
            parts.append(self._border(x, axis, size, after, 1))
            x = namespace(x).concat(parts, axis=x.ndim + axis)
        return x

    def adjoint(self, y: Point) -> Point:
        for line in self._lines():
            y = self._gathered(y, *line)
        return y

    def _source(self, size: int, width: int, end: int) -> tuple[int, int]:
        """From where to where a line is copied into its border, before it (end = 0) or after."""
        away = int(self.rule == "reflect")
        near_start = (self.rule == "periodic") == bool(end)
        return (away, away + width) if near_start else (size - away - width, size - away)

    def _border(self, x: Array, axis: int, size: int, width: int, end: int) -> Array:
        xp = namespace(x)
        shape = list(x.shape)
        shape[axis] = width
        if self.rule == "zero" or not width:
            return zeros(tuple(shape), x)
        if self.rule == "edge":
            last = x[part(axis, end * (size - 1), end * (size - 1) + 1)]
            return xp.broadcast_to(last, tuple(shape))
        copied = x[part(axis, *self._source(size, width, end))]
        return copied if self.rule == "periodic" else xp.flip(copied, axis=axis)

    def _gathered(self, y: Array, axis: int, size: int, before: int, after: int) -> Array:
        """Lᵀy along one axis."""
        xp, whole = namespace(y), fresh_copy(y[part(axis, before, before + size)])
        if self.rule == "zero":
            return whole
        parts = []
        for end, width in enumerate((before, after)):
            if not width:
                continue
            start = end * (before + size)
            border = y[part(axis, start, start + width)]
            if self.rule == "edge":
                index = part(axis, end * (size - 1), end * (size - 1) + 1)
                border = xp.sum(border, axis=axis, keepdims=True)
            else:
                index = part(axis, *self._source(size, width, end))
                border = border if self.rule == "periodic" else xp.flip(border, axis=axis)
            parts.append((index, 1.0, border))
        return add_parts(whole, *parts)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [
            (cls((2, 1), ((1, 0), 2)), (2, 1), (3, 5)),
            (cls((2,), ((1, 2),), "edge"), (2, 2), (2, 5)),
            (cls(3, 2, "reflect"), (3,), (7,)),
            (cls((1, 3), ((0, 1), (3, 1)), "symmetric"), (1, 3), (2, 7)),
            (cls(3, ((1, 3),), "periodic"), (3,), (7,)),
        ]


class Crop(_Border):
    """x ↦ x without a border along its last axes; LLᵀ = I, and Lᵀ fills the border with zeros.

    Parameters
    ----------
    shape : int or tuple of int
        Of the last axes of x.
    widths : int or sequence of int or (int, int)
        Of the border: one for all axes, or for each one, or two, before and after.

    Raises
    ------
    TypeError, ValueError
        A size or a width is no integer, their numbers differ, or nothing is left.

    Notes
    -----
    It costs nothing where the library has views, and Lᵀ one pass over the array for each axis.

    Examples
    --------
    >>> L = sk.linear.Crop(4, ((1, 0),))
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> print(L(x), L.T(L(x)))
    [2. 3. 4.] [0. 2. 3. 4.]
    """

    gram = norm = 1.0

    def __init__(self, shape: int | Shape, widths: Widths) -> None:
        super().__init__(shape, widths)
        self.domain_shape = self.shape
        self.range_shape = tuple(
            n - a - b for n, (a, b) in zip(self.shape, self.widths, strict=True)
        )
        if min(self.range_shape) < 1:
            raise ValueError(f"widths = {widths}: of shape {self.shape} nothing is left")
        self.least_gain = float(self.range_shape == self.shape)
        self._pad = Pad(self.range_shape, self.widths)
        self._kept = (
            ...,
            *(slice(a, n - b) for n, (a, b) in zip(self.shape, self.widths, strict=True)),
        )

    def __call__(self, x: Point) -> Point:
        return fresh_copy(x[self._kept])

    def adjoint(self, y: Point) -> Point:
        return self._pad(y)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls((3, 4), ((1, 0), 1)), (2, 3, 4), (2, 2, 2))]
