"""What the checks share: where points live, how large rounding is, and what every map keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, blocks, device as device_of, namespace, subtract
from splitkit.testing._report import copies, require
from splitkit.testing._search import Flat
from splitkit.testing.strategies import PointShape, block_shapes, default_namespace

ROUNDINGS = 500  # how many rounding errors of its terms a formula may be off by


@dataclass(frozen=True)
class Place:
    """The space of the points that are drawn."""

    shape: PointShape
    xp: Any
    dtype: Any
    device: Any
    space: Space

    @classmethod
    def of(cls, shape: PointShape, xp: Any, dtype: Any, device: Any, batch_ndim: int) -> Place:
        """The place for points of this shape; xp None: NumPy, dtype None: float64.

        Raises
        ------
        ValueError
            A shape is too short for ``batch_ndim``.
        """
        xp = default_namespace(xp)
        dtype = xp.float64 if dtype is None else dtype
        flat = Flat(shape, xp, dtype, device)
        zero = flat.point(np.zeros(flat.size))
        return cls(shape, xp, dtype, device, Space.of(zero, batch_ndim, name="shape"))

    @property
    def flat(self) -> Flat:
        """Points as vectors."""
        return Flat(self.shape, self.xp, self.dtype, self.device)

    @property
    def eps(self) -> float:
        """The rounding unit."""
        return float(self.xp.finfo(self.dtype).eps)

    @property
    def is_double(self) -> bool:
        """Whether finite differences have digits to spare."""
        return self.eps < 1e-10

    def size(self, x: Point) -> Array:
        """‖x‖, of batch shape."""
        return self.space.norm(x)

    def equal(
        self, subject: object, formula: str, left: Point, right: Point, terms: Any, **where: object
    ) -> None:
        """Require left = right up to rounding in terms of these sizes (of batch shape)."""
        gap = self.size(subtract(left, right))
        self.at_most(subject, formula, gap, ROUNDINGS * self.eps * terms, left, right, **where)

    def at_most(
        self,
        subject: object,
        formula: str,
        value: Array,
        limit: Array,
        left: object = None,
        right: object = None,
        **where: object,
    ) -> None:
        """Require value ≤ limit in every element of the batch."""
        holds = bool(self.xp.all(value <= limit))
        left, right = (value, limit) if left is None else (left, right)
        require(holds, subject, formula, left, right, **where)

    def keeps(
        self, subject: object, name: str, f: Callable[[Point], Point], x: Point, shape: Any = None
    ) -> Point:
        """f(x), with the input unchanged, library, dtype, device and shape kept, twice the same."""
        before = copies(x)
        value = f(x)
        shapes = self.space.shapes if shape is None else block_shapes(shape)
        require(
            all(np.array_equal(a, b) for a, b in zip(before, copies(x), strict=True)),
            subject, f"{name} does not change its argument", copies(x), before, x=before,
        )  # fmt: skip
        for array, wanted in zip(blocks(value), shapes, strict=True):
            self.kept(subject, name, array, wanted, x)
        again = f(x)
        require(
            all(np.array_equal(a, b, equal_nan=True)
                for a, b in zip(copies(value), copies(again), strict=True)),
            subject, f"{name} is the same at the same argument", value, again, x=x,
        )  # fmt: skip
        require(self.space.isfinite(value), subject, f"{name} is finite", value, "finite", x=x)
        return value

    def kept(self, subject: object, name: str, array: Array, shape: Any, x: Point) -> None:
        """Require library, dtype, device and shape of a value."""
        facts: list[tuple[str, object, object]] = [
            ("library", namespace(array), self.xp),
            ("dtype", array.dtype, self.dtype),
            ("shape", tuple(array.shape), tuple(shape)),
            ("device", device_of(array), self.space.device),
        ]
        for fact, found, wanted in facts:
            formula = f"{name} has the {fact} of its argument"
            require(found == wanted, subject, formula, found, wanted, x=x)
