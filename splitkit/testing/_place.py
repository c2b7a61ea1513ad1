"""What the checks share: where points live, how large rounding is, and what every map keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from splitkit.arguments import check_integer
from splitkit.backend import (
    Array,
    Point,
    Space,
    blocks,
    device as device_of,
    is_array,
    namespace,
    to_numpy,
)
from splitkit.operators.base import Operator
from splitkit.testing._report import as_point, copies, library, require
from splitkit.testing._search import Flat
from splitkit.testing.strategies import (
    PointShape,
    block_shapes,
    default_namespace,
    is_blocks,
    make_array,
)

ROUNDINGS = 250  # how many rounding errors of its terms a formula may be off by
ERRORS = 8  # how many errors of a prox that states its accuracy

KEPT = (
    "no_mutation",
    "like_its_argument",
    "deterministic",
    "no_aliasing",
    "finite",
)  # what ``keeps`` requires


@dataclass(frozen=True)
class Place:
    """The space of the points that are drawn."""

    shape: PointShape
    xp: Any
    dtype: Any
    device: Any
    space: Space
    accuracy: float = 0.0  # that the maps to check state, relative to the size of their arguments
    prepared: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        shape: PointShape,
        *,
        xp: Any = None,
        dtype: Any = None,
        device: Any = None,
        batch_ndim: int = 0,
        accuracy: float = 0.0,
    ) -> Place:
        """The place for points of this shape; xp None: NumPy, dtype None: float64.

        Raises
        ------
        TypeError
            The shape is none, xp no array library, or the dtype not real and floating.
        ValueError
            A length is negative, a shape too short for ``batch_ndim`` or without axes where the
            library makes numbers of that, or the library has no such device.
        """
        check_shape(shape)
        xp = array_namespace(xp)
        dtype = xp.float64 if dtype is None else dtype
        try:
            floating = xp.isdtype(dtype, "real floating")
        except (AttributeError, TypeError) as error:
            raise TypeError(
                f"dtype = {dtype!r}: give a dtype of the library, such as xp.float32"
            ) from error
        if not floating:
            raise TypeError(
                f"dtype = {dtype}: give a floating one; complex points are those of pairs of their "
                "real and imaginary parts (real_form)"
            )
        if float(xp.finfo(dtype).eps) > 1e-6:
            raise TypeError(
                f"dtype = {dtype}: the points that are drawn go beyond half precision; give "
                "float32 or float64"
            )
        flat = Flat(shape, xp, dtype, device)
        try:
            zero = flat.point(np.zeros(flat.size))
        except Exception as error:
            if device is None:
                raise
            raise ValueError(
                f"device = {device!r}: {xp.__name__} makes no array there ({error})"
            ) from error
        if any(type(2 * a) is not type(a) for a in blocks(zero)):
            raise ValueError(
                f"shape = {shape!r}: arithmetic turns this library's arrays without axes into "
                "numbers; give (1,) for points of one entry"
            )
        space = Space.of(zero, batch_ndim, name="shape")
        return cls(shape, xp, dtype, device, space, accuracy)

    @cached_property
    def flat(self) -> Flat:
        """Points as vectors."""
        return Flat(self.shape, self.xp, self.dtype, self.device)

    @cached_property
    def eps(self) -> float:
        """The rounding unit, or what stands for it: ``ROUNDINGS`` of it are ``ERRORS`` errors."""
        return max(float(self.xp.finfo(self.dtype).eps), ERRORS * self.accuracy / ROUNDINGS)

    @property
    def is_double(self) -> bool:
        """Whether finite differences have digits to spare."""
        return float(self.xp.finfo(self.dtype).eps) < 1e-10

    @cached_property
    def zero(self) -> Point:
        """The origin."""
        return self.flat.point(np.zeros(self.flat.size))

    @property
    def options(self) -> dict[str, Any]:
        """How it is given to ``replay``, beside the library: what is not the default."""
        given = {"dtype": self.dtype, "device": self.device, "batch_ndim": self.space.batch_ndim}
        usual = {"dtype": self.xp.float64, "device": None, "batch_ndim": 0}
        return {key: value for key, value in given.items() if value != usual[key]}

    def resolvent(self, A: Operator, alpha: float) -> Operator:
        """R_{αA}, prepared once a step size."""
        made: Operator = self.once(("R", id(A), alpha), lambda: A.resolvent(alpha))
        return made

    def cayley(self, A: Operator, alpha: float) -> Operator:
        """C_{αA}, prepared once a step size."""
        made: Operator = self.once(("C", id(A), alpha), lambda: A.cayley(alpha))
        return made

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is made under this key at the first call."""
        if key not in self.prepared:
            self.prepared[key] = make()
        return self.prepared[key]

    def size(self, x: Point) -> Array:
        """‖x‖, of batch shape."""
        return self.space.norm(x)

    @cached_property
    def count(self) -> int:
        """Elements of the batch."""
        return math.prod(self.space.batch_shape)

    def entries(self, x: Point) -> Any:
        """The entries of a point in NumPy's double precision, a row for each batch element."""
        rows = [
            np.asarray(a if type(a) is np.ndarray else to_numpy(a), np.float64).reshape(
                self.count, -1 if a.size else 0
            )
            for a in blocks(x)
        ]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    def numbers(self, values: Array) -> Any:
        """Numbers of batch shape in NumPy's double precision, in one axis."""
        return np.asarray(to_numpy(values), np.float64).reshape(-1)

    def point(self, entries: Any) -> Point:
        """The point with these entries, a row for each batch element."""
        widths = [math.prod(shape[self.space.batch_ndim :]) for shape in self.space.shapes]
        arrays = tuple(
            self.array(part.reshape(shape))
            for part, shape in zip(
                np.split(entries, np.cumsum(widths)[:-1], axis=1), self.space.shapes, strict=True
            )
        )
        return arrays if self.space.is_tuple else arrays[0]

    def array(self, values: Any) -> Array:
        """An array of this library, dtype and device."""
        return make_array(values, self.xp, self.dtype, self.device)

    def keeps(
        self,
        what: str,
        f: Callable[[Point], Point],
        x: Point,
        shape: Any = None,
        given_as: str | None = None,
    ) -> Point:
        """f(x), with the input unchanged, library, dtype, device and shape kept (or a shape that is
        given as the argument of this name), twice the same.
        """
        before = copies(x)
        value = f(x)
        shapes = self.space.shapes if shape is None else block_shapes(shape)
        after = copies(x)
        require(
            all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)),
            "no_mutation", f"{what} does not change its argument",
            as_point(after, x), as_point(before, x), x=as_point(before, x),
        )  # fmt: skip
        is_tuple = isinstance(value, tuple)
        count = len(value) if is_tuple else 1
        found, wanted = (is_tuple, count), (shape_is_tuple(self, shape), len(shapes))
        formula = f"{what} is a tuple if points are, of as many blocks"
        require(found == wanted, "like_its_argument", formula, found, wanted, x=x)
        for array, each in zip(blocks(value), shapes, strict=True):
            self.kept(what, array, each, x, given_as)
        first = copies(value)
        again = f(x)
        require(
            same_entries(first, copies(again)), "deterministic",
            f"{what} is the same at the same argument",
            as_point(first, value), again, x=x,
        )  # fmt: skip
        if value is not x and share_memory(value, again):
            f(self.another(x))
            require(
                same_entries(first, copies(value)), "no_aliasing",
                f"{what} does not change when the map is applied again",
                value, as_point(first, value), x=x,
            )  # fmt: skip
        finite = self.space.isfinite(value)
        require(finite, "finite", f"{what} is finite", value, "finite", x=x)
        return value

    def another(self, x: Point) -> Point:
        """Another point of this space: x moved and scaled."""
        values = self.flat.vector(x)
        return self.flat.point(1.5 * values + np.linspace(0.3, 1.0, self.flat.size))

    def kept(
        self, what: str, array: Array, shape: Any, x: Point, given_as: str | None = None
    ) -> None:
        """Require library, dtype, device and shape of a value."""
        name = "like_its_argument"
        if not is_array(array) or library(array) is not self.xp:
            require(
                False, name, f"{what} has the library of its argument", type(array), self.xp, x=x
            )
            return
        facts: list[tuple[str, object, object]] = [
            ("dtype", array.dtype, self.dtype),
            ("shape", tuple(array.shape), tuple(shape)),
            ("device", device_of(array), self.space.device),
        ]
        for fact, found, wanted in facts:
            formula = f"{what} has the {fact} of its argument"
            if fact == "shape" and given_as is not None:
                formula = f"{what} has the shape that was given as {given_as}"
            require(found == wanted, name, formula, found, wanted, x=x)


def check_shape(shape: PointShape) -> None:
    """Raise TypeError or ValueError unless this is a shape, or a tuple of shapes."""
    is_sequence = isinstance(shape, (tuple, list))
    shapes = (shape if is_blocks(shape) else (shape,)) if is_sequence else ()
    if not shapes or not all(isinstance(each, (tuple, list)) for each in shapes):
        raise TypeError(
            f"shape = {shape!r}: give a tuple of integers such as (3,), or a tuple of such tuples "
            "for points of several blocks"
        )
    for n in (n for each in shapes for n in each):
        check_integer(f"a length in shape = {shape!r}, which", n, 0, "give integers, 0 or more")


def array_namespace(xp: Any) -> Any:
    """The namespace of the arrays that xp makes: of ``numpy`` itself that of array_api_compat."""
    if xp is None:
        return default_namespace(xp)
    try:
        return namespace(xp.zeros(1))
    except (AttributeError, TypeError) as error:
        raise TypeError(
            f"xp = {xp!r}: give an array library such as numpy, torch or array_api_strict"
        ) from error


def same_entries(x: list[Any], y: list[Any]) -> bool:
    """Whether these NumPy arrays are equal, NaN included."""
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(x, y, strict=True))


def share_memory(x: Point, y: Point) -> bool:
    """Whether two values are the same object, or NumPy arrays over the same memory."""
    pairs = zip(blocks(x), blocks(y), strict=True)
    return any(
        a is b
        or (isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.shares_memory(a, b))
        for a, b in pairs
    )


def shape_is_tuple(place: Place, shape: Any) -> bool:
    """Whether values of this shape (None: as the place's points) are tuples of arrays."""
    return is_blocks(place.shape if shape is None else shape)
