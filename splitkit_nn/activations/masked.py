"""Entries held at zero: the indicator of {masked entries are 0} joins a separable f.

prox_{αf} is then the activation's own where the mask is 1, and 0 elsewhere; so is J.
"""

from __future__ import annotations

from typing import Any

from splitkit.backend import Array, Scalar, device, namespace
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.registry import find_activation


class Masked(Activation):
    """An activation that acts entry by entry, times a mask.

    Parameters
    ----------
    activation : str or Activation
    mask : array
        Of zeros and ones (or bool), any library; it broadcasts to a point without its batch axis.

    Raises
    ------
    TypeError
        The activation couples entries: zeroing some of its values is no proximal map.
    """

    def __init__(self, activation: str | Activation, mask: Array) -> None:
        self.activation, self.mask = find_activation(activation), mask
        if not self.activation.elementwise:
            raise TypeError(
                f"activation = {activation!r} couples entries: with some of its values set to zero "
                "it is no proximal map; mask one that acts entry by entry"
            )
        self.slopes = (0.0, self.activation.slopes[1])
        self._kept: dict[Any, Array] = {}

    def mask_like(self, y: Array) -> Array:
        """The mask with dtype and device of y."""
        xp = namespace(y)
        key = xp.__name__, str(y.dtype), str(device(y)), tuple(y.shape[1:])
        if key not in self._kept:
            self._kept[key] = self._make_mask(y, xp)
        return self._kept[key]

    def _make_mask(self, y: Array, xp: Any) -> Array:
        return xp.asarray(self.mask, dtype=y.dtype, device=device(y))

    def __call__(self, y: Array) -> Array:
        return self.mask_like(y) * self.activation(y)

    def derivative(self, y: Array) -> Array:
        return self.mask_like(y) * self.activation.derivative(y)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return self.mask_like(y) * self.activation.prox(y, alpha)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}

    def __repr__(self) -> str:
        return f"Masked({self.activation!r})"


class BorderMask(Masked):
    """An activation with the outermost rows and columns of each image held at zero.

    Parameters
    ----------
    activation : str or Activation
        It must act entry by entry; default ReLU.
    width : int
        How many rows and columns, on each side of the last two axes; default 1.
    """

    def __init__(self, activation: str | Activation = "relu", width: int = 1) -> None:
        if isinstance(width, bool) or not isinstance(width, int) or width < 0:
            raise ValueError(f"width = {width!r}: give an integer ≥ 0")
        super().__init__(activation, None)
        self.width = width

    def _make_mask(self, y: Array, xp: Any) -> Array:
        height, breadth = y.shape[-2:]
        rows = xp.arange(height, device=device(y))[:, None]
        columns = xp.arange(breadth, device=device(y))[None, :]
        w = self.width
        inside = (rows >= w) & (rows < height - w) & (columns >= w) & (columns < breadth - w)
        return xp.astype(inside, y.dtype)

    def __repr__(self) -> str:
        return f"BorderMask({self.activation!r}, width={self.width})"
