"""Sparsemax."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, namespace
from splitkit.functions import Simplex
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.jacobians import DiagonalPlusRankOne, group_sum


class Sparsemax(Activation):
    """The nearest point of the simplex, over the features or over the channels at each place.

    Sparsemax: the projection onto the simplex along axis 1; f is its indicator, prox_{αf} = σ.

    On the support S of σ(y), J = I − 11ᵀ/|S|; else 0. Source: Martins, Astudillo, *From softmax to
    sparsemax* (2016).

    Examples
    --------
    >>> σ = sknn.Sparsemax()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[1., 0., 0.]]) tensor([[1., 0., 0.]])
    """

    elementwise = False

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        last = xp.moveaxis(y, 1, -1)
        return xp.moveaxis(Simplex(batch_ndim=last.ndim - 1).project(last), -1, 1)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        return self(y)

    def jacobian(self, y: Array) -> DiagonalPlusRankOne:
        support = namespace(y).astype(self(y) > 0, y.dtype)
        w = support / group_sum(support, 1) ** 0.5
        return DiagonalPlusRankOne(support, w, sign=-1.0)
