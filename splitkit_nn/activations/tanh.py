"""σ(y) = tanh y: f(x) = x artanh x + ½log(1 − x²) − ½x² on (−1, 1)."""

from __future__ import annotations

from splitkit.backend import Array, namespace
from splitkit_nn.activations.base import Activation


class Tanh(Activation):
    """The hyperbolic tangent."""

    def __call__(self, y: Array) -> Array:
        return namespace(y).tanh(y)

    def derivative(self, y: Array) -> Array:
        return 1 - namespace(y).tanh(y) ** 2
