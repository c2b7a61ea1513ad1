"""Σ wᵢφ(yᵢxᵢ): losses of the margins s = yx, with labels y = ±1, which change no distance."""

from __future__ import annotations

from typing import Any

from splitkit.arguments import POSITIVE
from splitkit.backend import Array, Scalar, clip
from splitkit.functions.base import Function, Indicator, parameter
from splitkit.functions.sets.box import Box


class MarginLoss(Function):
    """Base of the losses of margins.

    Parameters
    ----------
    y : array, optional
        Labels −1 and 1, of x's dtype and device; broadcasts to x; None: all 1.
    """

    y: Any = parameter(lambda y: (y == 1) | (y == -1), "give labels −1 and 1", default=None)

    elementwise = True

    def place(self) -> float:
        return 1.0  # the margin that it asks for, about

    def _signed(self, x: Array) -> Array:
        """yx, its own inverse."""
        return x if self.y is None else self.y * x

    def _interval(self, lower: Scalar) -> Indicator:
        """{u: lower ≤ yᵢuᵢ ≤ 0}."""
        if self.y is None:
            return Box(lower, 0.0, batch_ndim=self.batch_ndim)
        ends = self.y * lower
        return Box(clip(ends, None, 0.0), clip(ends, 0.0), batch_ndim=self.batch_ndim)


class WeightedMarginLoss(MarginLoss):
    """Those with a weight.

    Parameters
    ----------
    y : array, optional
        Labels, as of ``MarginLoss``.
    weight : float or array, default 1
        Positive and finite; an array has dtype and device of x and broadcasts to it.
    """

    weight: Scalar = parameter(POSITIVE, default=1.0)

    @classmethod
    def examples(cls, asarray: Any) -> list[tuple[Function, Any]]:
        labels = asarray([1.0, -1.0, -1.0])
        return [
            (cls(weight=0.7), (3,)),
            (cls(labels, asarray([0.5, 0.1, 2.0]), batch_ndim=1), (2, 3)),
        ]
