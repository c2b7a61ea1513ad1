"""ELU: σ(y) = y for y > 0, else a(e^y − 1), proximal for 0 ≤ a ≤ 1 (the slope at 0⁻ is a).

CELU: σ(y) = y for y > 0, else a(e^{y/a} − 1), of slope e^{y/a} ≤ 1 there: proximal for every a > 0.
"""

from __future__ import annotations

from typing import Any, ClassVar

from splitkit.arguments import POSITIVE, Range
from splitkit.backend import Array, clip, namespace
from splitkit_nn.activations.base import Activation, learnable


class _Exponential(Activation):
    """y for y > 0, else a(e^{y/length} − 1)."""

    a: Any
    _length: Any = 1.0

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        below = self.a * xp.expm1(clip(y, None, 0.0) / self._length)
        return xp.where(y > 0, y, below)

    def derivative(self, y: Array) -> Array:
        xp = namespace(y)
        slope = self.a / self._length
        below = slope * xp.exp(clip(y, None, 0.0) / self._length)
        return xp.where(y > 0, xp.ones_like(y), below)


class ELU(_Exponential):
    """y, or a(e^y − 1) below 0.

    Parameters
    ----------
    a : float
        In [0, 1], default 1.

    Raises
    ------
    TypeError, ValueError
        a is no number in [0, 1].

    Examples
    --------
    >>> σ = sknn.ELU()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 2.0000, -0.3935,  0.3000]]) tensor([[ 2.0000, -0.3444,  0.3000]])
    """

    ranges: ClassVar[dict[str, Range]] = {"a": Range(0.0, 1.0, "[]")}

    def __init__(self, a: float = 1.0) -> None:
        remedy = (
            "give a number in [0, 1], for which ELU is a proximal map (its slope is a below 0); "
            "CELU is one for every a > 0"
        )
        self.a = learnable("a", a, self.ranges["a"], remedy)


class CELU(_Exponential):
    """y, or a(e^{y/a} − 1) below 0.

    Parameters
    ----------
    a : float
        Positive, default 1.

    Raises
    ------
    TypeError, ValueError
        a is no positive number.

    Examples
    --------
    >>> σ = sknn.CELU()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 2.0000, -0.3935,  0.3000]]) tensor([[ 2.0000, -0.3444,  0.3000]])
    """

    ranges: ClassVar[dict[str, Range]] = {"a": POSITIVE}

    def __init__(self, a: float = 1.0) -> None:
        self.a = learnable("a", a, POSITIVE)

    @property
    def _length(self) -> Any:
        return self.a
