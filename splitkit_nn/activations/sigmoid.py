"""σ(y) = 1/(1 + e^{−y})."""

from __future__ import annotations

from splitkit.backend import Array, namespace
from splitkit_nn.activations.base import Activation


class Sigmoid(Activation):
    """The logistic function; its slope is at most ¼.

    σ(y) = 1/(1 + e^{−y}): f(x) = x log x + (1 − x) log(1 − x) − ½x² on [0, 1], 3-strongly convex.

    Examples
    --------
    >>> σ = sknn.Sigmoid()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[0.8808, 0.3775, 0.5744]]) tensor([[0.8024, 0.5000, 0.6121]])
    """

    slopes = (0.0, 0.25)

    def __call__(self, y: Array) -> Array:
        return (1 + namespace(y).tanh(y / 2)) / 2

    def derivative(self, y: Array) -> Array:
        return (1 - namespace(y).tanh(y / 2) ** 2) / 4
