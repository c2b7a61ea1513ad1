"""The entries along one axis that a list of indices names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from splitkit.arguments import check_integer
from splitkit.backend import (
    Array,
    Point,
    Space,
    add,
    device,
    integer_dtype,
    is_array,
    namespace,
    to_numpy,
)
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import negative_axes
from splitkit.linear.rearranged import NonNegativeMap


class Restriction(NonNegativeMap):
    """x ↦ (x_{i₁}, …, x_{iₘ}) along one axis, in the order of the indices, which may come again.

    LᵀL = diag(c), cⱼ how often j is named: ‖L‖² = max c, ‖Lx‖² ≥ min c ‖x‖², and LLᵀ = I where
    none comes twice.

    Parameters
    ----------
    indices : array of integers, shape (m,)
        From 0 to size − 1; library and device of x.
    size : int
        Of the axis.
    axis : int, default -1
        Negative.

    Raises
    ------
    TypeError, ValueError
        ``indices`` is no vector of integers of that range, or the axis is not negative.

    Notes
    -----
    L gathers m entries, Lᵀ as many as the axis has for each time that an index comes again:
    O(m + n max c).

    Examples
    --------
    >>> L = sk.linear.Restriction(np.array([2, 0]), size=3)
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> print(L(x), L.T(L(x)))
    [3. 1.] [1. 0. 3.]
    """

    formula = "S"

    def __init__(self, indices: Array, size: int, axis: int = -1) -> None:
        remedy = "give a vector of integers, one at least"
        if not is_array(indices) or not namespace(indices).isdtype(indices.dtype, "integral"):
            raise TypeError(f"indices = {indices!r}: {remedy}")
        self.size = check_integer("size", size, 1)
        (self.axis,) = negative_axes(axis)
        named = to_numpy(indices)
        if named.ndim != 1 or named.size == 0:
            raise ValueError(f"indices have shape {named.shape}: {remedy}")
        if named.min() < 0 or named.max() >= self.size:
            raise ValueError(
                f"indices go from {named.min()} to {named.max()}: give numbers from 0 to size − 1 "
                f"= {self.size - 1}"
            )
        self.indices = indices
        counts = np.bincount(named, minlength=self.size)
        self.norm, self.least_gain = float(counts.max()) ** 0.5, float(counts.min()) ** 0.5
        self.gram = 1.0 if self.norm == 1 else None
        # of each entry of x its first place, its second, …; the others read a zero put behind
        order = np.argsort(named, kind="stable")
        ranks = np.arange(len(named)) - np.searchsorted(named[order], named[order])
        places = np.full((int(counts.max()), self.size), len(named))
        places[ranks, named[order]] = order
        xp = namespace(indices)
        self._places = [xp.asarray(each, device=device(indices)) for each in places]

    def __call__(self, x: Point) -> Point:
        return namespace(x).take(x, self.indices, axis=x.ndim + self.axis)

    def adjoint(self, y: Point) -> Point:
        xp, axis = namespace(y), y.ndim + self.axis
        zero = xp.zeros_like(xp.take(y, self.indices[:1] * 0, axis=axis))
        filled = xp.concat((y, zero), axis=axis)
        total = xp.take(filled, self._places[0], axis=axis)
        for again in self._places[1:]:
            total = add(total, xp.take(filled, again, axis=axis))
        return total

    def check_space(self, space: Space, name: str = "L") -> None:
        self._of_size(space, self.size, self.size, name)

    def range_space(self, space: Space) -> Space:
        return self._of_size(space, self.size, self.indices.shape[0], "L")

    def domain_space(self, space: Space) -> Space:
        return self._of_size(space, self.indices.shape[0], self.size, "the transpose of L")

    def _of_size(self, space: Space, size: int, other: int, name: str) -> Space:
        """The space with the other size along the axis; raises if it has not this one."""
        if namespace(self.indices) is not space.xp:
            raise TypeError(
                f"indices of {self!r} belong to {namespace(self.indices).__name__}, but x0 to "
                f"{space.xp.__name__}: convert one of them"
            )
        shape = list(space.shapes[0])
        if space.is_tuple or len(shape) < -self.axis or shape[self.axis] != size:
            raise ValueError(
                f"{name} = {self!r} acts on one array of length {size} along axis {self.axis}, got "
                f"{space.shapes}"
            )
        shape[self.axis] = other
        return replace(space, shapes=(tuple(shape),))

    def __repr__(self) -> str:
        return f"Restriction({self.indices.shape[0]} of {self.size})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        def indices(values: list[float]) -> Array:
            floats = asarray(values)
            return namespace(floats).astype(floats, integer_dtype(floats))

        return [
            (cls(indices([2.0, 0.0]), 3, axis=-2), (3, 2), (2, 2)),
            (cls(indices([1.0, 1.0, 0.0, 1.0]), 2), (2, 2), (2, 4)),
        ]
