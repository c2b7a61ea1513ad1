"""Differences of any order along one axis."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from splitkit.arguments import check_integer
from splitkit.backend import Point, Space, namespace, zeros
from splitkit.linear.base import LinearOperator
from splitkit.linear.gradient import Gradient
from splitkit.linear.last_axes import negative_axes, part
from splitkit.linear.second_differences import SecondDifferences


class Differences(LinearOperator):
    """x ↦ its k-th forward differences along one axis, which loses k entries.

    (Lx)ᵢ = Σⱼ (−1)^{k−j} (k over j) xᵢ₊ⱼ. As a product of first differences of n, n − 1, … entries
    ‖L‖ ≤ Πⱼ 2cos(π/2(n − j)), j < k: exact for k = 1, else to a relative O(1/n²); 2ᵏ at most.

    Source: Kim, Koh, Boyd, Gorinevsky, *ℓ₁ trend filtering* (2009), §6.

    Parameters
    ----------
    order : int, default 1
        k, positive: 1 differences, 2 second differences, ….
    axis : int, default -1
        Negative.
    size : int, optional
        Of the axis, above k. Given, ``norm`` is the bound above; otherwise its supremum 2ᵏ.

    Raises
    ------
    TypeError, ValueError
        A number is no integer of its range.

    Notes
    -----
    O(kn). ``L1Norm() @ Differences(k + 1)`` is the trend filter of polynomials of degree k.

    Examples
    --------
    >>> L = sk.linear.Differences(2)
    >>> x = np.array([0.0, 1.0, 4.0, 9.0])
    >>> print(L(x), L.T(L(x)))
    [2. 2.] [ 2. -2. -2.  2.]
    """

    formula = "D"
    acts_on_complex = True

    def __init__(self, order: int = 1, axis: int = -1, *, size: int | None = None) -> None:
        self.order = check_integer("order", order, 1)
        (self.axis,) = negative_axes(axis)
        self.size = None if size is None else check_integer("size", size, self.order + 1)
        self.norm = 2.0**self.order
        if self.size is not None:
            lines = range(self.size, self.size - self.order, -1)
            self.norm *= math.prod(math.cos(math.pi / (2 * n)) for n in lines)
        self._tail, self._head = part(self.axis, 1, None), part(self.axis, None, -1)

    def __call__(self, x: Point) -> Point:
        for _ in range(self.order):
            x = x[self._tail] - x[self._head]
        return x

    def adjoint(self, y: Point) -> Point:
        shape = list(y.shape)
        shape[self.axis] = 1
        zero, xp, axis = zeros(tuple(shape), y), namespace(y), y.ndim + self.axis
        for _ in range(self.order):
            y = xp.concat((zero, y), axis=axis) - xp.concat((y, zero), axis=axis)
        return y

    def check_space(self, space: Space, name: str = "L") -> None:
        self._of_size(space, 0, name)

    def range_space(self, space: Space) -> Space:
        return self._of_size(space, -self.order, "L")

    def domain_space(self, space: Space) -> Space:
        return self._of_size(space, self.order, "the transpose of L")

    def _of_size(self, space: Space, change: int, name: str) -> Space:
        """The space with an axis that is longer by so much; raises if L does not act there."""
        shape = list(space.shapes[0])
        if space.is_tuple or len(shape) < -self.axis:
            raise ValueError(
                f"{name} = {self!r} acts on one array with at least {-self.axis} axes, got "
                f"{space.shapes}"
            )
        size = shape[self.axis] + max(change, 0)  # of x
        if size <= self.order or self.size not in (None, size):
            wanted = f"{self.size}" if self.size else f"more than {self.order}"
            raise ValueError(
                f"{name} = {self!r} acts along an axis of {wanted} entries, got {space.shapes}"
            )
        shape[self.axis] += change
        return replace(space, shapes=(tuple(shape),))

    def __repr__(self) -> str:
        return f"Differences({self.order}, {self.axis})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [(cls(1, -2, size=3), (3, 2), (2, 2)), (cls(3, size=5), (2, 5), (2, 2))]


def Laplacian(
    axes: int | tuple[int, ...] = (-2, -1),
    *,
    boundary: str = "neumann",
    shape: tuple[int, ...] | None = None,
) -> LinearOperator:
    """x ↦ Σₐ (xᵢ₊ₑₐ − 2xᵢ + xᵢ₋ₑₐ), the second differences along some axes: −DᵀD for a gradient D.

    The negative of it is monotone and symmetric, and (I + α(−L))⁻¹ a closed form by the cosine
    transform or Fourier's. Source: Strang, *The Discrete Cosine Transform* (1999).

    Parameters
    ----------
    axes : int or tuple of int, default (-2, -1)
        Negative.
    boundary : "neumann" or "periodic"
        x repeats its last entry beyond an end, or its first one.
    shape : tuple of int, optional
        Sizes of these axes. Given, ``norm`` is exact.

    Raises
    ------
    TypeError, ValueError
        What ``Gradient`` refuses; another boundary.

    Examples
    --------
    >>> L = sk.linear.Laplacian(-1)
    >>> print(L(np.array([0.0, 0.0, 1.0, 0.0])))
    [ 0.  1. -2.  1.]
    """
    D = Gradient(axes, boundary=boundary, shape=shape)  # type: ignore[arg-type]
    if not D.has_transform:
        raise ValueError(f'boundary = "{boundary}": give "neumann" or "periodic"')
    return -SecondDifferences(D)
