"""The equilibrium network without a guarantee: z = σ(Wz + Ux + b), W any convolution.

Nothing ensures that an equilibrium exists; Broyden's method looks for one, and where it finds none
the iterate of the smallest residual goes on. The geometry is that of ``ConvClassifier``.

Source: Bai, Kolter, Koltun, *Deep equilibrium models* (2019); the paper compares in §5.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from splitkit_nn.models import POOL


class BroydenDEQ(nn.Module):
    """Logits of an unconstrained convolutional equilibrium, by torchdeq.

    Parameters
    ----------
    in_channels, channels, side, classes : int
        Of the square image, of the equilibrium, and how many classes.
    tol : float
        Relative tolerance of the solves, forward and backward.
    max_iter : int
        Of Broyden's method, which keeps as many copies of the equilibrium.

    Raises
    ------
    ModuleNotFoundError
        Where torchdeq is missing.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        side: int,
        classes: int,
        *,
        tol: float = 1e-2,
        max_iter: int = 30,
    ) -> None:
        super().__init__()
        # imported here, since only this model needs it
        from torchdeq import get_deq

        self.W = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.U = nn.Conv2d(in_channels, channels, 3, padding=2)  # the border of the hidden grid
        self.head = nn.Linear(channels * ((side + 2) // POOL) ** 2, classes)
        self.deq = get_deq(
            ift=True,
            f_solver="broyden",
            b_solver="broyden",
            f_max_iter=max_iter,
            b_max_iter=max_iter,
            f_tol=tol,
            b_tol=tol,
            f_stop_mode="rel",
            b_stop_mode="rel",
        )
        self._forward_evaluations = self._backward_evaluations = 0.0

    @property
    def evaluations(self) -> tuple[float, float]:
        """The iterations of the latest forward and backward solve, of the slowest sample."""
        return self._forward_evaluations, self._backward_evaluations

    def forward(self, x: Tensor) -> Tensor:
        """Logits for each sample."""
        bias = self.U(x)

        def count_backward(info: dict[str, Any]) -> None:
            self._backward_evaluations = float(info["nstep"].max())

        found, info = self.deq(
            lambda z: functional.relu(self.W(z) + bias),
            torch.zeros_like(bias),
            backward_writer=count_backward,
        )
        self._forward_evaluations = float(info["nstep"].max())
        return self.head(functional.avg_pool2d(found[-1], POOL).flatten(1))
