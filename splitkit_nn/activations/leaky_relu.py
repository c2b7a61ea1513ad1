"""σ(y) = max(y, ay), 0 ≤ a ≤ 1."""

from __future__ import annotations

from typing import ClassVar

from splitkit.arguments import Range
from splitkit.backend import Array, Scalar, align, namespace
from splitkit_nn.activations.base import Activation, learnable, number
from splitkit_nn.activations.jacobians import Slopes


class LeakyReLU(Activation):
    """σ(y) = max(y, ay), 0 ≤ a ≤ 1: f(x) = ½(1/a − 1) min(x, 0)².

    prox_{αf} is leaky with the slope a/(a + α(1 − a)).

    Parameters
    ----------
    slope : float
        a in [0, 1], default 0.01 as in ``torch.nn``.

    Raises
    ------
    TypeError, ValueError
        ``slope`` is no number in [0, 1].

    Examples
    --------
    >>> σ = sknn.LeakyReLU(0.1)
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[ 2.0000, -0.0500,  0.3000]]) tensor([[ 2.0000, -0.0263,  0.3000]])
    """

    ranges: ClassVar[dict[str, Range]] = {"slope": Range(0.0, 1.0, "[]")}

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = learnable("slope", slope, self.ranges["slope"])

    @property
    def slopes(self) -> Slopes:  # type: ignore[override]
        """Those of σ."""
        return number(self.slope), 1.0

    def __call__(self, y: Array) -> Array:
        return namespace(y).where(y > 0, y, self.slope * y)

    def derivative(self, y: Array) -> Array:
        positive = namespace(y).astype(y > 0, y.dtype)
        return positive + self.slope * (1 - positive)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        alpha = align(alpha, y)
        slope = self.slope / (self.slope + alpha * (1 - self.slope)) if self.slope else 0.0
        return namespace(y).where(y > 0, y, slope * y)
