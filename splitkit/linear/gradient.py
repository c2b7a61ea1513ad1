"""Finite differences (Dx)ₐ,ᵢ = x_{i+eₐ} − xᵢ."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

from splitkit.arguments import check_choice
from splitkit.backend import (
    Array,
    Point,
    Space,
    add_parts,
    device,
    fresh_copy,
    may_be_cut,
    namespace,
    roll,
    zeros,
)
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import negative_axes, part


class Gradient(LinearOperator):
    """x ↦ its forward differences along some axes, stacked as one more, last axis.

    Finite differences (Dx)ₐ,ᵢ = x_{i+eₐ} − xᵢ; the divergence is −Dᵀ.

    DᵀD is a sum of second differences, one for each axis, that commute:
    ‖D‖² = Σₐ 4cos²(π/2Nₐ) with Neumann's boundary, where the last difference is 0,
    ‖D‖² = Σₐ 4sin²(π⌊Nₐ/2⌋/Nₐ) on a periodic grid, and ‖D‖² = Σₐ 4cos²(π/(2Nₐ + 1)) with
    Dirichlet's, where x is 0 beyond the last entry, and ‖Dx‖² ≥ Σₐ 4sin²(π/(4Nₐ + 2))‖x‖²; 4 for
    each axis at most, whatever its size.
    Source: Chambolle, *An algorithm for total variation minimization and applications* (2004), §3.

    Parameters
    ----------
    axes : int or tuple of int, default (-2, -1)
        Negative: counted from the end, so that leading batch axes may be there or not.
    boundary : "neumann", "periodic" or "dirichlet"
        The last difference of a line is 0, the one to its first entry, or the one to 0.
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

    Examples
    --------
    >>> L = sk.linear.Gradient(axes=(-1,))
    >>> x = np.array([0.0, 1.0, 3.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [[1.]
     [2.]
     [0.]] [-1. -1.  2.]
    """

    formula = "D"
    acts_on_complex = True

    def __init__(
        self,
        axes: int | tuple[int, ...] = (-2, -1),
        *,
        boundary: Literal["neumann", "periodic", "dirichlet"] = "neumann",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.axes = negative_axes(axes)
        check_choice("boundary", boundary, ("neumann", "periodic", "dirichlet"))
        if shape is not None and (len(shape) != len(self.axes) or min(shape) < 1):
            raise ValueError(f"shape = {shape}: give one positive size for each of {self.axes}")
        self.boundary, self.shape = boundary, shape
        # of each axis the index of all but the last entries, of all but the first, and of all but
        # the last differences
        heads = [part(a, None, -1) for a in self.axes]
        self._inner_parts = [
            (head, part(a, 1, None), (*head, i))
            for i, (a, head) in enumerate(zip(self.axes, heads, strict=True))
        ]
        ends = [(part(a, -1, None), i) for i, a in enumerate(self.axes)]
        self._ends = [(end, (*end, i)) for end, i in ends]
        self._last, self._last_difference = self._ends[0]
        self.norm = math.sqrt(sum(map(self._gain, shape or (math.inf,) * len(self.axes))))
        if boundary == "dirichlet" and shape is not None:
            least = sum(math.sin(math.pi / (4 * size + 2)) ** 2 for size in shape)
            self.least_gain = 2 * math.sqrt(least)

    @property
    def has_transform(self) -> bool:
        """Whether DᵀD is diagonal in the basis of a fast transform that is here."""
        return self.boundary != "dirichlet"

    def _gain(self, size: float) -> float:
        """The greatest eigenvalue of the second difference on a line of this size."""
        if size == math.inf:
            return 4.0
        if self.boundary == "neumann":
            return 4 * math.cos(math.pi / (2 * size)) ** 2 if size > 1 else 0.0
        if self.boundary == "dirichlet":
            return 4 * math.cos(math.pi / (2 * size + 1)) ** 2
        return 4 * math.sin(math.pi * (size // 2) / size) ** 2

    def __call__(self, x: Point) -> Point:
        if may_be_cut(x):  # zeros to add to would lie whole on each
            return namespace(x).stack([self._next(x, a) for a in self.axes], axis=-1)
        # each axis' differences stay together in memory, which is what elementwise work wants
        planes = zeros((len(self.axes), *x.shape), x)
        axes = (*range(1, planes.ndim), 0)
        return self._add(namespace(x).permute_dims(planes, axes), x)

    def add_to(self, y: Point, x: Point) -> Point:
        return y + self(x) if may_be_cut(x) else self._add(fresh_copy(y), x)

    def _add(self, y: Array, x: Array) -> Array:
        """y + Dx; y may be overwritten."""
        if self._rolls(x):
            cycles = [self._next(x, a) for a in self.axes]
            return add_parts(y, *(((..., i), 1.0, d) for i, d in enumerate(cycles)))
        parts = [(own, 1.0, x[tail] - x[head]) for head, tail, own in self._inner_parts]
        if self.boundary == "dirichlet":
            parts += [(own, -1.0, x[end]) for end, own in self._ends]
        return add_parts(y, *parts)

    def _rolls(self, x: Array) -> bool:
        """Whether differences are of x and what is rolled of it: where x is cut over processes or
        devices, these exchange less for that than for slices.
        """
        return self.boundary == "periodic" or may_be_cut(x)

    def _next(self, x: Array, axis: int) -> Array:
        """The differences along an axis, of x rolled."""
        following = roll(x, -1, axis)
        if self.boundary == "neumann":
            return self._but_last(following - x, axis)
        return (following if self.boundary == "periodic" else self._but_last(following, axis)) - x

    def _previous(self, d: Array, axis: int) -> Array:
        """The adjoint of ``_next``."""
        kept = d if self.boundary == "periodic" else self._but_last(d, axis)
        return roll(kept, 1, axis) - (d if self.boundary == "dirichlet" else kept)

    @staticmethod
    def _but_last(d: Array, axis: int) -> Array:
        """d, with 0 for the last entries along an axis."""
        n, xp = d.shape[axis], namespace(d)
        inner = xp.reshape(xp.arange(n, device=device(d)) < n - 1, (n,) + (1,) * (-axis - 1))
        return xp.where(inner, d, xp.zeros_like(d))

    def adjoint(self, y: Point) -> Point:
        if self._rolls(y):
            cycles = [self._previous(y[..., i], a) for i, a in enumerate(self.axes)]
            return sum(cycles[1:], start=cycles[0])
        if self.boundary == "dirichlet":
            parts = [(tail, 1.0, y[own]) for _, tail, own in self._inner_parts]
            return add_parts(-namespace(y).sum(y, axis=-1), *parts)
        # the last differences are 0 by definition; those of the first axis, in −y already, go again
        (_, first, own), *others = self._inner_parts
        parts = [(self._last, 1.0, y[self._last_difference]), (first, 1.0, y[own])]
        for head, tail, own in others:
            d = y[own]
            parts += (head, -1.0, d), (tail, 1.0, d)
        return add_parts(-y[..., 0], *parts)

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
        return [
            (cls(), (3, 4), (3, 4, 2)),
            (cls(-1, shape=(5,)), (2, 5), (2, 5, 1)),
            (cls((-2, -1), boundary="periodic", shape=(3, 4)), (2, 3, 4), (2, 3, 4, 2)),
            (cls((-2, -1), boundary="dirichlet", shape=(2, 3)), (2, 3), (2, 3, 2)),
        ]
