"""σ(y) = tanh y."""

from __future__ import annotations

from splitkit.backend import Array, namespace
from splitkit_nn.activations.base import Activation


class Tanh(Activation):
    """The hyperbolic tangent.

    σ(y) = tanh y: f(x) = x artanh x + ½log(1 − x²) − ½x² on (−1, 1).

    Examples
    --------
    >>> σ = sknn.Tanh()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 0.9640, -0.4621,  0.2913]]) tensor([[ 0.8952, -0.4370,  0.2840]])
    """

    def __call__(self, y: Array) -> Array:
        return namespace(y).tanh(y)

    def derivative(self, y: Array) -> Array:
        return 1 - namespace(y).tanh(y) ** 2
