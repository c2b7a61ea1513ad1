"""The selection of entries x ↦ (xᵢ)_{i ∈ S}."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from splitkit.backend import Array, Point, Space, device, is_array, namespace, to_numpy
from splitkit.linear.base import LinearOperator
from splitkit.linear.last_axes import LastAxesMap


class Mask(LastAxesMap):
    """x ↦ the entries of x that a mask marks, as one last axis.

    The selection of entries x ↦ (xᵢ)_{i ∈ S}; LLᵀ = I, and Lᵀ fills the others with zeros.

    Parameters
    ----------
    mask : boolean array, shape (n₁, …, nₖ)
        Library and device of x; true where an entry is kept. It acts on the last k axes of x.

    Raises
    ------
    TypeError, ValueError
        ``mask`` is no boolean array, or marks nothing.

    Examples
    --------
    >>> L = sk.linear.Mask(np.array([True, False, True]))
    >>> x = np.array([1.0, 2.0, 3.0])
    >>> y = L(x)
    >>> print(y, L.T(y))
    [1. 3.] [1. 0. 3.]
    """

    formula = "S"
    gram = norm = 1.0
    acts_on_complex = True

    def __init__(self, mask: Array) -> None:
        if not is_array(mask) or not namespace(mask).isdtype(mask.dtype, "bool"):
            raise TypeError(f"mask = {mask!r}: give a boolean array")
        kept = np.ravel(to_numpy(mask))
        if not kept.any():
            raise ValueError(f"mask of shape {tuple(mask.shape)} marks no entry: mark at least one")
        self.mask, self.count = mask, int(kept.sum())
        self.domain_shape, self.range_shape = tuple(mask.shape), (self.count,)
        self.least_gain = float(self.count == kept.size)
        xp = namespace(mask)
        self._kept = xp.asarray(np.flatnonzero(kept), device=device(mask))
        # where each entry of x stands among the kept ones; the others read a zero put behind those
        places = np.where(kept, np.cumsum(kept) - 1, self.count)
        self._places = xp.asarray(places, device=device(mask))

    def __call__(self, x: Point) -> Point:
        xp = namespace(x)
        flat = xp.reshape(x, (*x.shape[: x.ndim - self.mask.ndim], math.prod(self.mask.shape)))
        return xp.take(flat, self._kept, axis=-1)

    def adjoint(self, y: Point) -> Point:
        xp = namespace(y)
        filled = xp.concat([y, xp.zeros_like(y[..., :1])], axis=-1)
        batch = y.shape[:-1]
        return xp.reshape(xp.take(filled, self._places, axis=-1), (*batch, *self.mask.shape))

    def check_kind(self, space: Space, name: str) -> None:
        if namespace(self.mask) is not space.xp:
            raise TypeError(
                f"{name} belongs to {namespace(self.mask).__name__}, but x0 to "
                f"{space.xp.__name__}: convert one of them"
            )

    def __repr__(self) -> str:
        return f"Mask({self.count} of {'×'.join(map(str, self.mask.shape))})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[LinearOperator, Any, Any]]:
        return [
            (cls(asarray([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]) > 0), (2, 3), (3,)),
            (cls(asarray([1.0, 1.0]) > 0), (4, 2), (4, 2)),
        ]
