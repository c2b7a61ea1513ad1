"""Finite differences (Dx)ₐ,ᵢ = x_{i+eₐ} − xᵢ; the divergence is −Dᵀ.

DᵀD is a sum of second differences, one for each axis, that commute:
‖D‖² = Σₐ 4cos²(π/2Nₐ) with Neumann's boundary, where the last difference is 0, and
‖D‖² = Σₐ 4sin²(π⌊Nₐ/2⌋/Nₐ) on a periodic grid; 4 for each axis at most, whatever its size.
Source: Chambolle, *An algorithm for total variation minimization and applications* (2004), §3.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

from splitkit.backend import Array, Point, Space, namespace
from splitkit.linear.base import LinearOperator


class Gradient(LinearOperator):
    """x ↦ its forward differences along some axes, stacked as one more, last axis.

    Parameters
    ----------
    axes : int or tuple of int, default (-2, -1)
        Negative: counted from the end, so that leading batch axes may be there or not.
    boundary : "neumann" or "periodic"
        The last difference of a line is 0, or the one to its first entry.
    shape : tuple of int, optional
        Sizes of these axes. Given, ``norm`` is exact; otherwise it is the supremum over all sizes.

    Notes
    -----
    Isotropic total variation is ``GroupL2Norm() @ Gradient()``, the anisotropic one
    ``L1Norm() @ Gradient()``.

    Raises
    ------
    ValueError
        An axis is not negative or comes twice, the boundary is unknown, or the sizes do not fit.
    """

    def __init__(
        self,
        axes: int | tuple[int, ...] = (-2, -1),
        *,
        boundary: Literal["neumann", "periodic"] = "neumann",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.axes = (axes,) if isinstance(axes, int) else tuple(axes)
        if not self.axes or any(a >= 0 for a in self.axes) or len({*self.axes}) < len(self.axes):
            raise ValueError(f"axes = {axes}: give different negative ones, such as (-2, -1)")
        if boundary not in ("neumann", "periodic"):
            raise ValueError(f"boundary = {boundary!r}: give 'neumann' or 'periodic'")
        if shape is not None and (len(shape) != len(self.axes) or min(shape) < 1):
            raise ValueError(f"shape = {shape}: give one positive size for each of {self.axes}")
        self.boundary, self.shape = boundary, shape
        self.norm = math.sqrt(sum(map(self._gain, shape or (math.inf,) * len(self.axes))))

    def _gain(self, size: float) -> float:
        """The greatest eigenvalue of the second difference on a line of this size."""
        if size == math.inf:
            return 4.0
        if self.boundary == "neumann":
            return 4 * math.cos(math.pi / (2 * size)) ** 2 if size > 1 else 0.0
        return 4 * math.sin(math.pi * (size // 2) / size) ** 2

    def __call__(self, x: Point) -> Point:
        xp = namespace(x)
        # each axis' differences stay together in memory, which is what elementwise work wants
        return xp.moveaxis(xp.stack([self._difference(x, a) for a in self.axes]), 0, -1)

    def _difference(self, x: Array, axis: int) -> Array:
        xp = namespace(x)
        if self.boundary == "periodic":
            return xp.roll(x, -1, axis=axis) - x
        inner = _part(x, axis, 1, None) - _part(x, axis, 0, -1)
        return xp.concat([inner, xp.zeros_like(_part(x, axis, 0, 1))], axis=axis)

    def adjoint(self, y: Point) -> Point:
        parts = [self._transposed(y[..., i], a) for i, a in enumerate(self.axes)]
        return sum(parts[1:], start=parts[0])

    def _transposed(self, y: Array, axis: int) -> Array:
        xp = namespace(y)
        if self.boundary == "periodic":
            return xp.roll(y, 1, axis=axis) - y
        inner = _part(y, axis, 0, -1)  # the last difference is 0 by definition
        first, last = _part(inner, axis, 0, 1), _part(inner, axis, -1, None)
        between = _part(inner, axis, 0, -1) - _part(inner, axis, 1, None)
        return xp.concat([-first, between, last], axis=axis)

    @property
    def divergence(self) -> LinearOperator:
        """−Dᵀ."""
        return -self.T

    def check_space(self, space: Space, name: str = "axes") -> None:
        self._check(space, space.shapes[0], name)

    def range_space(self, space: Space) -> Space:
        self.check_space(space)
        return replace(space, shapes=((*space.shapes[0], len(self.axes)),))

    def domain_space(self, space: Space) -> Space:
        *shape, last = space.shapes[0] or (0,)
        if space.is_tuple or last != len(self.axes):
            raise ValueError(
                f"{self!r}ᵀ acts on an array whose last axis holds {len(self.axes)} differences, "
                f"got {space.shapes}"
            )
        self._check(space, tuple(shape), "axes")
        return replace(space, shapes=(tuple(shape),))

    def _check(self, space: Space, shape: tuple[int, ...], name: str) -> None:
        if space.is_tuple or len(shape) < -min(self.axes):
            raise ValueError(
                f"{name} of {self!r} need an array with at least {-min(self.axes)} axes, got "
                f"{space.shapes}"
            )
        sizes = tuple(shape[a] for a in self.axes)
        if self.shape not in (None, sizes):
            raise ValueError(f"shape of {self!r} is {self.shape}, but x0 has {sizes} there")

    def __repr__(self) -> str:
        return f"Gradient({', '.join(map(str, self.axes))}; {self.boundary})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        """(map, shape of its argument, shape of its value) for the checks."""
        return [
            (cls(), (3, 4), (3, 4, 2)),
            (cls(-1, shape=(5,)), (2, 5), (2, 5, 1)),
            (cls((-2, -1), boundary="periodic", shape=(3, 4)), (2, 3, 4), (2, 3, 4, 2)),
        ]


def _part(x: Array, axis: int, start: int, stop: int | None) -> Array:
    return x[(..., slice(start, stop), *(slice(None),) * (-axis - 1))]
