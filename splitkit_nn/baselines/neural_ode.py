"""The (augmented) neural ODE on images: logits of x(1), where x′ = f(x) starts at the image.

f is a convolution of side 1, one of side 3 and one of side 1 with ReLU between. Augmented: zero
channels are added to the image, so that trajectories need not cross.

Source: Chen, Rubanova, Bettencourt, Duvenaud, *Neural ordinary differential equations* (2018);
Dupont, Doucet, Teh, *Augmented neural ODEs* (2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class NeuralODE(nn.Module):
    """Logits of a neural ODE; the Dormand-Prince method, differentiated as torchdiffeq does.

    Parameters
    ----------
    in_channels, side : int
        Of the square image.
    filters : int
        Channels within f.
    classes : int
    augment : int
        How many zero channels are added; 0: a plain neural ODE.
    tol : float
        Absolute and relative tolerance of a step.

    Notes
    -----
    Input (batch, in_channels, side, side). 3, 32, 125 has 172,358 parameters, and 3, 32, 64 with 10
    channels added 171,799: those that the paper compares with.

    Raises
    ------
    ModuleNotFoundError
        At the first call, where torchdiffeq is missing.
    """

    def __init__(
        self,
        in_channels: int,
        side: int,
        filters: int,
        classes: int,
        *,
        augment: int = 0,
        tol: float = 1e-3,
    ) -> None:
        super().__init__()
        channels = in_channels + augment
        self.augment, self.tol = augment, tol
        self.field = Field(channels, filters)
        self.head = nn.Linear(channels * side * side, classes)
        self._forward_evaluations = 0

    @property
    def evaluations(self) -> tuple[int, int]:
        """How often f was evaluated in the latest forward pass, and since then backward."""
        return self._forward_evaluations, self.field.evaluations - self._forward_evaluations

    def forward(self, x: Tensor) -> Tensor:
        """Logits for each sample."""
        # imported here, since only this model needs it
        from torchdiffeq import odeint_adjoint

        self.field.evaluations = 0
        start = functional.pad(x, (0, 0, 0, 0, 0, self.augment))
        times = torch.tensor([0.0, 1.0], dtype=x.dtype, device=x.device)
        end = odeint_adjoint(self.field, start, times, rtol=self.tol, atol=self.tol)[-1]
        self._forward_evaluations = self.field.evaluations
        return self.head(end.flatten(1))


class Field(nn.Module):
    """f, and how often it was evaluated."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(channels, filters, 1),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(filters, channels, 1),
        )
        self.evaluations = 0

    def forward(self, t: Tensor, x: Tensor) -> Tensor:
        """f(x), whatever the time."""
        self.evaluations += 1
        return self.maps(x)
