"""ELU: σ(y) = y for y > 0, else a(e^y − 1), proximal for 0 ≤ a ≤ 1 (the slope at 0⁻ is a).

CELU: σ(y) = y for y > 0, else a(e^{y/a} − 1), of slope e^{y/a} ≤ 1 there: proximal for every a > 0.
"""

from __future__ import annotations

from splitkit.arguments import POSITIVE, Range, check_number
from splitkit.backend import Array, clip, namespace
from splitkit_nn.activations.base import Activation


class _Exponential(Activation):
    """y for y > 0, else scale · (e^{y/length} − 1)."""

    def __init__(self, a: float, scale: float, length: float) -> None:
        self.a, self._scale, self._length = a, scale, length

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        below = self._scale * xp.expm1(clip(y, None, 0.0) / self._length)
        return xp.where(y > 0, y, below)

    def derivative(self, y: Array) -> Array:
        xp = namespace(y)
        slope = self._scale / self._length
        below = slope * xp.exp(clip(y, None, 0.0) / self._length)
        return xp.where(y > 0, xp.ones_like(y), below)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.a:g})"


class ELU(_Exponential):
    """y, or a(e^y − 1) below 0.

    Parameters
    ----------
    a : float
        In [0, 1], default 1.
    """

    def __init__(self, a: float = 1.0) -> None:
        remedy = (
            "give a number in [0, 1], for which ELU is a proximal map (its slope is a below 0); "
            "CELU is one for every a > 0"
        )
        a = check_number("a", a, Range(0.0, 1.0, "[]"), remedy)
        super().__init__(a, scale=a, length=1.0)


class CELU(_Exponential):
    """y, or a(e^{y/a} − 1) below 0.

    Parameters
    ----------
    a : float
        Positive, default 1.
    """

    def __init__(self, a: float = 1.0) -> None:
        a = check_number("a", a, POSITIVE)
        super().__init__(a, scale=a, length=a)
