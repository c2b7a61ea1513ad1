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

Boundary = Literal["neumann", "periodic", "dirichlet", "antisymmetric", "reflect", "linear"]

# the last difference, of the last entry and the one before, and ‖D‖² on long lines: 4, or the
# eigenvalue of a vector about the end
LAST = {
    "dirichlet": (-1.0, 0.0, 4.0),
    "antisymmetric": (-2.0, 0.0, 16 / 3),
    "reflect": (-1.0, 1.0, 2 + 2 * math.sqrt(2)),
    "linear": (1.0, -1.0, 2 + 2 * math.sqrt(2)),
}


class Gradient(LinearOperator):
    """x ↦ its forward differences along some axes, stacked as one more, last axis.

    Finite differences (Dx)ₐ,ᵢ = x_{i+eₐ} − xᵢ; the divergence is −Dᵀ.

    DᵀD is a sum of second differences, one for each axis, that commute:
    ‖D‖² = Σₐ 4cos²(π/2Nₐ) with Neumann's boundary, where the last difference is 0,
    ‖D‖² = Σₐ 4sin²(π⌊Nₐ/2⌋/Nₐ) on a periodic grid, and ‖D‖² = Σₐ 4cos²(π/(2Nₐ + 1)) with
    Dirichlet's, where x is 0 beyond the last entry, and ‖Dx‖² ≥ Σₐ 4sin²(π/(4Nₐ + 2))‖x‖²; 4 for
    each axis at most, whatever its size. Where x goes on by −x or by a line the greatest eigenvalue
    may be that of a vector about the end, which falls by a constant factor from entry to entry:
    16/3, and 2 + 2√2, for each axis at most.
    Source: Chambolle, *An algorithm for total variation minimization and applications* (2004), §3.

    Parameters
    ----------
    axes : int or tuple of int, default (-2, -1)
        Negative: counted from the end, so that leading batch axes may be there or not.
    boundary : str
        To what the last difference of a line a, …, b, c is: "neumann" to c, which makes it 0,
        "periodic" to a, "dirichlet" to 0, "antisymmetric" to −c, "reflect" to b, "linear" to
        2c − b, which repeats the difference before it.
    shape : tuple of int, optional
        Sizes of these axes. Given, ``norm`` is exact for the first three rules; otherwise it is the
        supremum over all sizes.

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
        boundary: Boundary = "neumann",
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.axes = negative_axes(axes)
        check_choice("boundary", boundary, ("neumann", "periodic", *LAST))
        if shape is not None and (len(shape) != len(self.axes) or min(shape) < 1):
            raise ValueError(f"shape = {shape}: give one positive size for each of {self.axes}")
        self.boundary, self.shape = boundary, shape
        self._of_last, self._of_second, self._most = LAST.get(boundary, (0.0, 0.0, 4.0))
        # of each axis the index of all but the last entries, of all but the first, and of all but
        # the last differences
        heads = [part(a, None, -1) for a in self.axes]
        self._inner_parts = [
            (head, part(a, 1, None), (*head, i))
            for i, (a, head) in enumerate(zip(self.axes, heads, strict=True))
        ]
        ends = [(part(a, -1, None), i) for i, a in enumerate(self.axes)]
        self._ends = [(end, (*end, i)) for end, i in ends]
        self._seconds = [part(a, -2, -1) for a in self.axes]
        self._last, self._last_difference = self._ends[0]
        self.norm = math.sqrt(sum(map(self._gain, shape or (math.inf,) * len(self.axes))))
        if boundary == "dirichlet" and shape is not None:
            least = sum(math.sin(math.pi / (4 * size + 2)) ** 2 for size in shape)
            self.least_gain = 2 * math.sqrt(least)

    @property
    def has_transform(self) -> bool:
        """Whether DᵀD is diagonal in the basis of a fast transform that is here."""
        return self.boundary not in LAST

    def _gain(self, size: float) -> float:
        """The greatest eigenvalue of the second difference on a line of this size."""
        if size == math.inf:
            return self._most
        if self.boundary == "neumann":
            return 4 * math.cos(math.pi / (2 * size)) ** 2 if size > 1 else 0.0
        if self.boundary == "dirichlet":
            return 4 * math.cos(math.pi / (2 * size + 1)) ** 2
        if self.boundary == "periodic":
            return 4 * math.sin(math.pi * (size // 2) / size) ** 2
        return self._most if size > 1 else self._of_last**2

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
        if self._of_last:
            parts += [_times(own, self._of_last, x[end]) for end, own in self._ends]
        if self._of_second:
            seconds = zip(self._ends, self._seconds, strict=True)
            parts += [_times(own, self._of_second, x[second]) for (_, own), second in seconds]
        return add_parts(y, *parts)

    def _rolls(self, x: Array) -> bool:
        """Whether differences are of x and what is rolled of it: where x is cut over processes or
        devices, these exchange less for that than for slices.
        """
        return self.boundary == "periodic" or may_be_cut(x)

    def _next(self, x: Array, axis: int) -> Array:
        """The differences along an axis, of x rolled."""
        following = roll(x, -1, axis)
        if self.boundary == "periodic":
            return following - x
        inner = self._but_last(following - x, axis)
        if not self._of_last:
            return inner
        last = self._of_last * x
        if self._of_second:
            last = last + self._of_second * roll(x, 1, axis)
        return inner + last - self._but_last(last, axis)

    def _previous(self, d: Array, axis: int) -> Array:
        """The adjoint of ``_next``."""
        kept = d if self.boundary == "periodic" else self._but_last(d, axis)
        inner = roll(kept, 1, axis) - kept
        if not self._of_last:
            return inner
        last = d - kept
        found = inner + self._of_last * last
        return found + self._of_second * roll(last, -1, axis) if self._of_second else found

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
        if self._of_last:
            parts = [
                _times(target, c, y[own])
                for (end, last), second, (head, tail, own) in zip(
                    self._ends, self._seconds, self._inner_parts, strict=True
                )
                for target, c, own in (
                    (head, -1.0, own),
                    (tail, 1.0, own),
                    (end, self._of_last, last),
                    (second, self._of_second, last),
                )
                if c
            ]
            return add_parts(zeros(y.shape[:-1], y), *parts)
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
        if self._of_second and min(sizes) < 2:
            raise ValueError(
                f"{name} of {self!r} need two entries of each line, got an array with {sizes} there"
            )
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
            (cls((-2, -1), boundary="antisymmetric", shape=(2, 3)), (2, 3), (2, 3, 2)),
            (cls((-2, -1), boundary="reflect"), (3, 4), (3, 4, 2)),
            (cls((-2, -1), boundary="linear", shape=(2, 3)), (2, 3), (2, 3, 2)),
        ]


def _times(index: Any, c: float, x: Array) -> tuple[Any, float, Array]:
    """cx on a part, for ``add_parts``."""
    return index, math.copysign(1.0, c), x if abs(c) == 1 else abs(c) * x
