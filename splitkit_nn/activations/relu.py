"""σ(y) = max(y, 0)."""

from __future__ import annotations

import splitkit as sk
from splitkit.backend import Array, Scalar, clip, namespace
from splitkit.functions import NonNegative
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.jacobians import Jacobian


class ReLU(Activation):
    """σ(y) = max(y, 0): f is the indicator of the non-negative orthant, prox_{αf} = σ at every α.

    Examples
    --------
    >>> σ = sknn.ReLU()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[2.0000, 0.0000, 0.3000]]) tensor([[2.0000, 0.0000, 0.3000]])
    """

    def __call__(self, y: Array) -> Array:
        return clip(y, 0.0)

    def derivative(self, y: Array) -> Array:
        return namespace(y).astype(y > 0, y.dtype)

    def jacobian_at_value(self, z: Array) -> Jacobian:
        return self.jacobian(z)  # y > 0 exactly where z > 0

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return self(y)

    @property
    def operator(self) -> sk.Operator:
        return sk.NormalCone(NonNegative(batch_ndim=1))  # its Cayley operator is |y|
