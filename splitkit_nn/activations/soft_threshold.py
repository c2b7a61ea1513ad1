"""σ(y) = sign(y) max(|y| − λ, 0)."""

from __future__ import annotations

from typing import ClassVar

from splitkit.arguments import NON_NEGATIVE, Range
from splitkit.backend import Array, Scalar, align, namespace
from splitkit_nn.activations.base import Activation, bounded, learnable


class SoftThreshold(Activation):
    """Soft threshold (torch's softshrink).

    σ(y) = sign(y) max(|y| − λ, 0): f = λ‖·‖₁; prox_{αf} has the threshold αλ.

    Parameters
    ----------
    threshold : float
        λ ≥ 0, default 0.5 as in ``torch.nn``.

    Raises
    ------
    TypeError, ValueError
        ``threshold`` is no non-negative number.

    Examples
    --------
    >>> σ = sknn.SoftThreshold(0.4)
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 1.6000, -0.1000,  0.0000]]) tensor([[1.2000, 0.0000, 0.0000]])
    """

    ranges: ClassVar[dict[str, Range]] = {"threshold": NON_NEGATIVE}

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = learnable("threshold", threshold, NON_NEGATIVE)

    def __call__(self, y: Array) -> Array:
        return self.prox(y)

    def derivative(self, y: Array) -> Array:
        xp = namespace(y)
        return xp.astype(xp.abs(y) > self.threshold, y.dtype)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        threshold = align(alpha, y) * self.threshold
        return y - bounded(y, -threshold, threshold)
