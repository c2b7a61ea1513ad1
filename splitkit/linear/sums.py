"""Sums and means along axes, which are kept with one entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from splitkit.arguments import check_sizes
from splitkit.backend import Point, Shape, namespace
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap, negative_axes
from splitkit.linear.rearranged import NonNegativeMap


class SumOver(NonNegativeMap, LastAxesMap):
    """x ↦ Σ x along some axes, which stay, with one entry; LLᵀ = N I for N entries in each sum.

    Lᵀ repeats a number N times.

    Parameters
    ----------
    shape : int or tuple of int
        Of the last axes of x.
    axes : int or tuple of int, optional
        Negative, among those of ``shape``. None: all of those.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, an axis is none of theirs.

    Notes
    -----
    It takes one pass over the array. ``MeanOver`` divides by N.

    Examples
    --------
    >>> L = sk.linear.SumOver((2, 3), axes=-1)
    >>> print(L(np.ones((2, 3))), L.norm)
    [[3.]
     [3.]] 1.7321
    """

    formula = r"\Sigma"
    acts_on_complex = True

    def __init__(self, shape: int | Shape, axes: int | Sequence[int] | None = None) -> None:
        self.domain_shape = check_sizes("shape", shape)
        count = len(self.domain_shape)
        self.axes = negative_axes(range(-count, 0) if axes is None else axes)
        if min(self.axes) < -count:
            raise ValueError(f"axes = {axes}: shape = {self.domain_shape} has {count}")
        summed = [n if i - count in self.axes else 1 for i, n in enumerate(self.domain_shape)]
        self.range_shape = tuple(
            n // terms for n, terms in zip(self.domain_shape, summed, strict=True)
        )
        self.terms = math.prod(summed)
        self.gram, self.norm = float(self.terms), math.sqrt(self.terms)
        self.least_gain = float(self.terms == 1)

    def __call__(self, x: Point) -> Point:
        return namespace(x).sum(x, axis=self.axes, keepdims=True)

    def adjoint(self, y: Point) -> Point:
        batch = y.shape[: y.ndim - len(self.range_shape)]
        return namespace(y).broadcast_to(y, (*batch, *self.domain_shape)) + 0.0

    def __repr__(self) -> str:
        return f"SumOver({'×'.join(map(str, self.domain_shape))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls((2, 3), -2), (2, 3), (1, 3)), (cls((2, 2)), (2, 2, 2), (2, 1, 1))]


def MeanOver(shape: int | Shape, axes: int | Sequence[int] | None = None) -> LinearOperator:
    """x ↦ the mean along some axes, which stay, with one entry; LLᵀ = I/N.

    Parameters
    ----------
    shape : int or tuple of int
        Of the last axes of x.
    axes : int or tuple of int, optional
        Negative, among those of ``shape``. None: all of those.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or the axes are not negative and different.

    Examples
    --------
    >>> L = sk.linear.MeanOver(4)
    >>> print(L(np.array([1.0, 2.0, 3.0, 6.0])), L.norm)
    [3.] 0.5
    """
    total = SumOver(shape, axes)
    return (1 / total.terms) * total
