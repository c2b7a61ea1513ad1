"""Whole models: an equilibrium layer and a head."""

from __future__ import annotations

from torch import Tensor, nn

from splitkit_nn.layers import MonDEQ
from splitkit_nn.linear.base import positive_integer
from splitkit_nn.linear.dense import MonotoneDense


class DenseClassifier(nn.Module):
    """Logits of a dense equilibrium network: flatten, ``MonDEQ``, linear head.

    Parameters
    ----------
    in_features, features, classes : int
    m : float
        Strong monotonicity.
    tol : float
        Relative tolerance of the solves; the paper trains at 1e-2.
    max_iter : int

    Notes
    -----
    Input (batch, …) with in_features entries a sample; output (batch, classes). 784 → 87 → 10 has
    the 84,313 parameters of the paper's fully connected MNIST model.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        classes: int,
        *,
        m: float = 1.0,
        tol: float = 1e-2,
        max_iter: int = 300,
    ) -> None:
        super().__init__()
        self.layer = MonDEQ(MonotoneDense(in_features, features, m), tol=tol, max_iter=max_iter)
        self.head = nn.Linear(features, positive_integer("classes", classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits for each sample."""
        return self.readout(self.layer(self.layer_input(x)))

    def layer_input(self, x: Tensor) -> Tensor:
        """x with each sample as one vector."""
        return x.flatten(1)

    def readout(self, z: Tensor) -> Tensor:
        """Logits of equilibria, affine in them."""
        logits: Tensor = self.head(z)
        return logits
