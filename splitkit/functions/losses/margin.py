"""Σ wᵢφ(yᵢxᵢ): losses of the margins s = yx, with labels y = ±1, which change no distance."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE, check_parameter
from splitkit.backend import Array, Scalar
from splitkit.functions.base import Function
from splitkit.functions.declared import show


class MarginLoss(Function):
    """Base of the losses of margins.

    Parameters
    ----------
    y : array, optional
        Labels −1 and 1, of x's dtype and device; broadcasts to x; None: all 1.
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.
    batch_ndim : int
        Leading batch axes.
    """

    parameters = ("y", "weight")
    elementwise = True

    def __init__(self, y: Any = None, weight: Scalar = 1.0, *, batch_ndim: int = 0) -> None:
        if y is not None:
            y = check_parameter("y", y, lambda y: (y == 1) | (y == -1), "give labels −1 and 1")
        self.weight = check_parameter("weight", weight, POSITIVE)
        self.y, self.batch_ndim = y, batch_ndim

    def _signed(self, x: Array) -> Array:
        """yx, its own inverse."""
        return x if self.y is None else self.y * x

    def __repr__(self) -> str:
        return f"{type(self).__name__}({show(y=self.y, weight=self.weight)})"

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        labels = asarray([1.0, -1.0, -1.0])
        return [
            (cls(weight=0.7), (3,)),
            (cls(labels, asarray([0.5, 0.1, 2.0]), batch_ndim=1), (2, 3)),
        ]
