"""σ(y) = log(1 + e^y), with σ′ the logistic function in (0, 1)."""

from __future__ import annotations

from splitkit.backend import Array, clip, namespace
from splitkit_nn.activations.base import Activation


class Softplus(Activation):
    """A smooth ReLU.

    σ(y) = log(1 + e^y), with σ′ the logistic function in (0, 1): f′(x) = log(e^x − 1) − x.

    Examples
    --------
    >>> σ = sknn.Softplus()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[2.1269, 0.4741, 0.8544]]) tensor([[2.2280, 0.7604, 1.1048]])
    """

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        return clip(y, 0.0) + xp.log1p(xp.exp(-xp.abs(y)))

    def derivative(self, y: Array) -> Array:
        return (1 + namespace(y).tanh(y / 2)) / 2
