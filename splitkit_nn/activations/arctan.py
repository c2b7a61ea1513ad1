"""σ(y) = arctan y."""

from __future__ import annotations

from splitkit.backend import Array, namespace
from splitkit_nn.activations.base import Activation


class Arctan(Activation):
    """The arc tangent.

    σ(y) = arctan y: f(x) = −log cos x − ½x² on (−π/2, π/2).

    Examples
    --------
    >>> σ = sknn.Arctan()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 1.1071, -0.4636,  0.2915]]) tensor([[ 0.9796, -0.4389,  0.2842]])
    """

    def __call__(self, y: Array) -> Array:
        return namespace(y).atan(y)

    def derivative(self, y: Array) -> Array:
        return 1 / (1 + y * y)
