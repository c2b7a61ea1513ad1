"""What the parametrizations on images share: a border of zeros and a convolutional input map."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from splitkit.arguments import check_integer
from splitkit_nn.activations import Activation
from splitkit_nn.activations.masked import Masked
from splitkit_nn.linear.affine import kernel_of
from splitkit_nn.linear.base import Parametrization
from splitkit_nn.linear.kernels import circular_padding, draw_kernel
from splitkit_nn.linear.lattice import Lattice, check_grid


class ImageParametrization(Parametrization):
    """Base of the convolutional parametrizations; inputs are (batch, in_channels, *side).

    Parameters
    ----------
    in_channels, channels : int
        Of the image, and of the grid that it feeds.
    side : int or (int, int)
        Height and width of the image.
    kernel_size : int
        k, odd.
    m : float
        Strong monotonicity of I − W, positive.
    border : int
        Width of the border around the image, 0 or more.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        side: int | tuple[int, int],
        kernel_size: int,
        m: float,
        border: int,
    ) -> None:
        super().__init__(m)
        self.in_channels = check_integer("in_channels", in_channels, 1)
        self.side = check_grid("side", side)
        self.kernel_size = check_integer("kernel_size", kernel_size, 1)
        if self.kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size = {kernel_size}: give an odd integer, so that there is a centre"
            )
        self.border = check_integer("border", border, 0)
        channels = check_integer("channels", channels, 1)
        self.U = nn.Conv2d(self.in_channels, channels, self.kernel_size)
        self._interior: Tensor | None = None

    def inside(self) -> Any:
        """Where the equilibrium is not held at zero: a NumPy mask that broadcasts to points."""
        raise NotImplementedError(f"{type(self).__name__} must define inside")

    @property
    def interior(self) -> Tensor:
        """``inside`` on the parameters' device. It is made from the sizes, and kept in no state: so
        nothing that moves, averages or loads a model's tensors can lose it.
        """
        device = self.like.device
        if self._interior is None or self._interior.device != device:
            self._interior = torch.from_numpy(np.ascontiguousarray(self.inside())).to(device)
        return self._interior

    def reset_parameters(self) -> None:
        """Draw the kernels anew, and set the scales to 1; ``U`` has a method of its own."""
        for parameter in self.weights().values():
            draw_kernel(parameter) if parameter.ndim == 4 else nn.init.ones_(parameter)

    def confine(self, activation: Activation) -> Activation:
        return Masked(activation, self.interior) if self.border else activation

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.in_channels, *self.side)

    def bias(self, x: Tensor) -> Tensor:
        return self.U(
            circular_padding(functional.pad(x, (self.border,) * 4), self.kernel_size // 2)
        )

    def input_kernel(self, *, exact: bool = False) -> Tensor:
        """The kernel of U, tracked; ``exact``: TypeError unless U is a convolution with it."""
        height, width = (n + 2 * self.border + self.kernel_size - 1 for n in self.side)
        return kernel_of(
            self.U, self.like, self.in_channels, self.kernel_size, (height, width), exact=exact
        )

    def input_norm(self) -> float:
        """Exact for the circular convolution, in which padding with zeros is an isometry."""
        height, width = (n + 2 * self.border for n in self.side)
        blocks = Lattice(height, width).spectrum(self.input_kernel(exact=True).detach())
        return float(torch.linalg.svdvals(blocks).max())
