"""σ(y) = min(max(y, l), h): f is the indicator of a box, prox_{αf} = σ at every α."""

from __future__ import annotations

from typing import ClassVar

import splitkit as sk
from splitkit.arguments import Range
from splitkit.backend import Array, Scalar, namespace
from splitkit.functions import Box
from splitkit_nn.activations.base import Activation, bounded, learnable, number


class Clamp(Activation):
    """The projection onto [l, h], as hard tanh and ReLU6 are.

    Parameters
    ----------
    lower, upper : float
        l < h, default 0 and 1; one may be infinite.

    Raises
    ------
    TypeError, ValueError
        A bound is no number, or ``lower`` is not below ``upper``.

    Examples
    --------
    >>> σ = sknn.Clamp(-1.0, 1.0)
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 1.0000, -0.5000,  0.3000]]) tensor([[ 1.0000, -0.5000,  0.3000]])
    """

    ranges: ClassVar[dict[str, Range]] = {"lower": Range(ends="[]"), "upper": Range(ends="[]")}

    def __init__(self, lower: float = 0.0, upper: float = 1.0) -> None:
        self.lower = learnable("lower", lower, self.ranges["lower"])
        self.upper = learnable("upper", upper, self.ranges["upper"])
        if not any(value.is_meta for value in self.learned.values()):
            self.check_learned()

    def check_learned(self) -> None:
        super().check_learned()
        lower, upper = number(self.lower), number(self.upper)
        if not lower < upper:
            raise ValueError(f"lower = {lower}, upper = {upper}: give lower < upper")

    def __call__(self, y: Array) -> Array:
        return bounded(y, self.lower, self.upper)

    def derivative(self, y: Array) -> Array:
        return namespace(y).astype((y > self.lower) & (y < self.upper), y.dtype)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return self(y)

    @property
    def operator(self) -> sk.Operator:
        return sk.NormalCone(Box(self.lower, self.upper, batch_ndim=1))


class HardTanh(Clamp):
    """The projection onto [−1, 1].

    Examples
    --------
    >>> σ = sknn.HardTanh()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 1.0000, -0.5000,  0.3000]]) tensor([[ 1.0000, -0.5000,  0.3000]])
    """

    def __init__(self) -> None:
        super().__init__(-1.0, 1.0)


class ReLU6(Clamp):
    """The projection onto [0, 6].

    Examples
    --------
    >>> σ = sknn.ReLU6()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[2.0000, 0.0000, 0.3000]]) tensor([[2.0000, 0.0000, 0.3000]])
    """

    def __init__(self) -> None:
        super().__init__(0.0, 6.0)
