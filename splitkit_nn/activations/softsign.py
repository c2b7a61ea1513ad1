"""σ(y) = y/(1 + |y|)."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, align, namespace
from splitkit_nn.activations.base import Activation


class Softsign(Activation):
    """σ(y) = y/(1 + |y|): f′(x) = x/(1 − |x|) − x on (−1, 1). With t = |y|,

    prox_{αf}(y) = sign(y) 2t/((1 + t) + √((1 + t)² − 4(1 − α)t)).

    Examples
    --------
    >>> σ = sknn.Softsign()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 0.6667, -0.3333,  0.2308]]) tensor([[ 0.5616, -0.2808,  0.2000]])
    """

    def __call__(self, y: Array) -> Array:
        return y / (1 + namespace(y).abs(y))

    def derivative(self, y: Array) -> Array:
        return 1 / (1 + namespace(y).abs(y)) ** 2

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        xp = namespace(y)
        t = xp.abs(y)
        whole = 1 + t
        # (1 + t)² − 4(1 − α)t = (1 − t)² + 4αt, a sum of what is not negative, over (1 + t)²: no
        # square of a huge t
        root = xp.sqrt(((1 - t) / whole) ** 2 + 4 * align(alpha, y) * (t / whole) / whole)
        return 2 * (y / whole) / (1 + root)
