"""Isometries that put the entries of an array in another order: no arithmetic, ‖Lx‖ = ‖x‖."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from splitkit.arguments import check_integer, check_sizes
from splitkit.backend import Point, Shape, Space, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap, negative_axes
from splitkit.properties import Properties


class NonNegativeMap(LinearOperator):
    """Base of the maps whose matrix has no negative entry, so that |L||x| = L|x|."""

    acts_on_complex = True

    def magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self(abs(x))

    def adjoint_magnitudes(self, x: Point, batch_ndim: int) -> Point:
        return self.adjoint(abs(x))


class Rearrangement(NonNegativeMap):
    """Base of the permutations of the entries along the last axes: LLᵀ = LᵀL = I."""

    formula = "P"
    norm = least_gain = gram = 1.0
    properties = Properties.of(lipschitz=1.0, linear=True)
    acts_on_complex = True


class AlongAxes(Rearrangement):
    """Base of those that leave the shape as it is; ``axes`` are negative."""

    axes: tuple[int, ...]

    def check_space(self, space: Space, name: str = "L") -> None:
        needed = -min(self.axes)
        if space.is_tuple or len(space.shapes[0]) < needed:
            raise ValueError(
                f"{name} = {self!r} acts on one array with at least {needed} axes, got "
                f"{space.shapes}"
            )


class Roll(AlongAxes):
    """x ↦ x shifted along some axes, what leaves at one end coming in at the other.

    (Lx)ᵢ = x_{(i − s) mod n}, s the shift; Lᵀ shifts back.

    Parameters
    ----------
    shift : int or tuple of int
        As ``numpy.roll`` takes it: positive towards higher indices.
    axes : int or tuple of int, default -1
        Negative, as many as there are shifts.

    Raises
    ------
    TypeError, ValueError
        A shift is no integer; an axis is not negative or comes twice; their numbers differ.

    Notes
    -----
    It takes one pass over the array.

    Examples
    --------
    >>> L = sk.linear.Roll(1)
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> print(L(x), L.T(x))
    [3. 1. 2.] [2. 3. 1.]
    """

    def __init__(self, shift: int | Sequence[int], axes: int | Sequence[int] = -1) -> None:
        self.axes = negative_axes(axes)
        remedy = f"give one integer for each of the axes {self.axes}"
        several = shift if isinstance(shift, Sequence) else (shift,)
        self.shift = tuple(check_integer("shift", s, remedy=remedy) for s in several)
        if len(self.shift) != len(self.axes):
            raise ValueError(f"shift = {shift}: {remedy}")

    def __call__(self, x: Point) -> Point:
        return namespace(x).roll(x, self.shift, axis=self.axes)

    def adjoint(self, y: Point) -> Point:
        return namespace(y).roll(y, tuple(-s for s in self.shift), axis=self.axes)

    def __repr__(self) -> str:
        return f"Roll({', '.join(map(str, self.shift))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls((1, -1), (-2, -1)), (2, 3), (2, 3))]


class Flip(AlongAxes):
    """x ↦ x in reverse order along some axes; L = Lᵀ = L⁻¹.

    Parameters
    ----------
    axes : int or tuple of int, default -1
        Negative.

    Raises
    ------
    TypeError, ValueError
        An axis is not negative or comes twice.

    Notes
    -----
    It takes one pass over the array.

    Examples
    --------
    >>> L = sk.linear.Flip()
    >>> print(L(np.array([1.0, 2.0, 3.0])))
    [3. 2. 1.]
    """

    properties = Properties.of(strong_monotonicity=-1.0, lipschitz=1.0, gradient=True, linear=True)

    def __init__(self, axes: int | Sequence[int] = -1) -> None:
        self.axes = negative_axes(axes)

    def __call__(self, x: Point) -> Point:
        return namespace(x).flip(x, axis=self.axes)

    def adjoint(self, y: Point) -> Point:
        return self(y)

    @property
    def T(self) -> LinearOperator:
        return self

    def __repr__(self) -> str:
        return f"Flip({', '.join(map(str, self.axes))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls(), (2, 3), (2, 3))]


class Transpose(Rearrangement):
    """x ↦ x with its last axes in another order, the matrix transposed by default.

    Lᵀ puts them back.

    Parameters
    ----------
    axes : tuple of int, default (-1, -2)
        −1, …, −k in some order: those of x that become the last k axes of Lx.

    Raises
    ------
    TypeError, ValueError
        The axes are not −1, …, −k in some order.

    Notes
    -----
    It costs nothing where the library has views.

    Examples
    --------
    >>> L = sk.linear.Transpose()
    >>> print(L(np.array([[1.0, 2.0, 3.0]])).shape, L.T(np.zeros((3, 1))).shape)
    (3, 1) (1, 3)
    """

    def __init__(self, axes: Sequence[int] = (-1, -2)) -> None:
        self.axes = negative_axes(axes)
        count = len(self.axes)
        if sorted(self.axes) != list(range(-count, 0)):
            wanted = ", ".join(str(a) for a in range(-1, -count - 1, -1))
            raise ValueError(f"axes = {axes}: give {wanted} in some order")
        back = [0] * count
        for place, axis in enumerate(self.axes):
            back[axis] = place - count
        self._back = tuple(back)

    def __call__(self, x: Point) -> Point:
        return _permuted(x, self.axes)

    def adjoint(self, y: Point) -> Point:
        return _permuted(y, self._back)

    def check_space(self, space: Space, name: str = "L") -> None:
        if space.is_tuple or len(space.shapes[0]) < len(self.axes):
            raise ValueError(
                f"{name} = {self!r} acts on one array with at least {len(self.axes)} axes, got "
                f"{space.shapes}"
            )

    def range_space(self, space: Space) -> Space:
        return self._reordered(space, self.axes)

    def domain_space(self, space: Space) -> Space:
        return self._reordered(space, self._back)

    def _reordered(self, space: Space, axes: tuple[int, ...]) -> Space:
        self.check_space(space)
        (shape,) = space.shapes
        before = shape[: len(shape) - len(axes)]
        return replace(space, shapes=((*before, *(shape[a] for a in axes)),))

    def __repr__(self) -> str:
        return f"Transpose({', '.join(map(str, self.axes))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls(), (2, 3), (3, 2)), (cls((-2, -1, -3)), (2, 3, 1), (3, 1, 2))]


def _permuted(x: Any, axes: tuple[int, ...]) -> Any:
    before = x.ndim - len(axes)
    return namespace(x).permute_dims(x, (*range(before), *(x.ndim + a for a in axes)))


class Reshape(Rearrangement, LastAxesMap):
    """x ↦ the same entries, row by row, in an array of another shape.

    Parameters
    ----------
    domain_shape, range_shape : int or tuple of int
        The last axes of x and of Lx, of as many entries.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or the numbers of entries differ.

    Notes
    -----
    It costs nothing where the array is contiguous.

    Examples
    --------
    >>> L = sk.linear.Reshape((2, 3), (6,))
    >>> print(L(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])))
    [1. 2. 3. 4. 5. 6.]
    """

    def __init__(self, domain_shape: int | Shape, range_shape: int | Shape) -> None:
        self.domain_shape = check_sizes("domain_shape", domain_shape)
        self.range_shape = check_sizes("range_shape", range_shape)
        of_x, of_Lx = math.prod(self.domain_shape), math.prod(self.range_shape)
        if of_x != of_Lx:
            raise ValueError(
                f"domain_shape = {domain_shape} and range_shape = {range_shape} have {of_x} and "
                f"{of_Lx} entries: give shapes of as many"
            )

    def __call__(self, x: Point) -> Point:
        batch = x.shape[: x.ndim - len(self.domain_shape)]
        return namespace(x).reshape(x, (*batch, *self.range_shape))

    def adjoint(self, y: Point) -> Point:
        batch = y.shape[: y.ndim - len(self.range_shape)]
        return namespace(y).reshape(y, (*batch, *self.domain_shape))

    def __repr__(self) -> str:
        sizes = ("×".join(map(str, shape)) for shape in (self.domain_shape, self.range_shape))
        return f"Reshape({' → '.join(sizes)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls((2, 3), (6,)), (2, 2, 3), (2, 6))]
