"""σ(y) = arctan y: f(x) = −log cos x − ½x² on (−π/2, π/2)."""

from __future__ import annotations

from splitkit.backend import Array, namespace
from splitkit_nn.activations.base import Activation


class Arctan(Activation):
    """The arc tangent."""

    def __call__(self, y: Array) -> Array:
        return namespace(y).atan(y)

    def derivative(self, y: Array) -> Array:
        return 1 / (1 + y * y)
