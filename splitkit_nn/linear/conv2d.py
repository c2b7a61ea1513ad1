"""The single convolution: W = (1−m)I − AᵀA + B − Bᵀ with A, B circular convolutions.

W is a circular convolution itself, with a kernel of side 2k − 1. By frequencies its blocks are
Ŵ(ω) = (1−m)I − Â*Â + B̂ − B̂*, from which all constants of I − W and its shifted inverse follow
exactly. Source: Winston, Kolter (2020), §4.2 and App. C.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from splitkit_nn.activations import Activation
from splitkit_nn.linear.base import frobenius_bound
from splitkit_nn.linear.bounds.base import LipschitzBounds
from splitkit_nn.linear.bounds.convolution import convolution_bounds
from splitkit_nn.linear.circular import CircularConvolution
from splitkit_nn.linear.image import ImageParametrization
from splitkit_nn.linear.kernels import (
    border_mask,
    gram,
    identity_kernel,
    kernel_parameter,
    monotone_kernel,
    normalized,
    scale_parameter,
)
from splitkit_nn.linear.lattice import Lattice, cross_spectrum
from splitkit_nn.linear.slices import slices


class MonotoneConv2d(ImageParametrization):
    """W as a convolution of ``channels`` channels, and a convolutional input map.

    Inputs are (batch, in_channels, *side), equilibria (batch, channels, height, width) on the
    hidden grid, which is the image with a border around it. The border of the equilibrium is zero:
    where 2·border ≥ k − 1, nothing wraps around. ``border=0`` leaves the torus as it is.

    Parameters
    ----------
    in_channels, channels : int
        Of the image and of the equilibrium.
    side : int or (int, int)
        Height and width of the image.
    kernel_size : int
        k, odd; the same for A, B and U.
    m : float
        Strong monotonicity of I − W, positive; the paper takes 1.
    border : int
        Its width, 0 or more; the paper takes 1. A wider one changes nothing inside, and the grid
        may have faster Fourier transforms: they are slow for a side + 2·border with a large prime
        factor, as 258 = 2·3·43.

    Attributes
    ----------
    A, B : torch.nn.Parameter
        Kernels of shape (channels, channels, k, k), initialized uniformly in ±1/√(channels·k²).
    g, h : torch.nn.Parameter
        Scales, 1 at first: A enters as √|g|·A/‖A‖_F, B as h·B/‖B‖_F.
    U : torch.nn.Conv2d
        The input map, with bias, on the hidden grid.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, ``kernel_size`` is even, or m no positive number.

    Examples
    --------
    >>> W = sknn.MonotoneConv2d(in_channels=1, channels=4, side=8, m=1.0)
    >>> sknn.MonDEQ(W)(torch.randn(2, 1, 8, 8)).shape
    torch.Size([2, 4, 10, 10])
    """

    formula = r"W = (1 - m)I - A^\top A + B - B^\top"

    def __init__(
        self,
        in_channels: int,
        channels: int,
        side: int | tuple[int, int],
        kernel_size: int = 3,
        m: float = 1.0,
        *,
        border: int = 1,
    ) -> None:
        super().__init__(in_channels, channels, side, kernel_size, m, border)
        self.channels = channels
        height, width = self.side
        self.grid = Lattice(height + 2 * border, width + 2 * border)
        self.A = kernel_parameter(channels, channels, kernel_size)
        self.B = kernel_parameter(channels, channels, kernel_size)
        self.g, self.h = scale_parameter(), scale_parameter()

    def inside(self) -> Any:
        return border_mask(self.grid.height, self.grid.width, self.border)

    def weight(self) -> Tensor:
        """The kernel of W, shape (channels, channels, 2k − 1, 2k − 1)."""
        AtA = self.g.abs() * gram(normalized(self.A))
        return monotone_kernel(AtA, self.h * normalized(self.B), self.m)

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        blocks = self.grid.spectrum(W)
        return self.grid.inverse(self.grid.transform(z) @ blocks.mT)

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        blocks = self.grid.spectrum(W)
        return self.grid.inverse(self.grid.transform(v) @ blocks.conj())

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        grid, Γ = self.grid, None
        for part in slices(z):
            P, Z = grid.transform(p[part]), grid.transform(z[part])
            Γ = cross_spectrum(P, Z) if Γ is None else torch.baddbmm(Γ, P.mH, Z)
        return grid.taps(Γ, W.shape[-1])

    def operator(self, W: Tensor | None = None, *, exact: bool) -> CircularConvolution:
        with torch.no_grad():
            W = self.weight() if W is None else W
            M = identity_kernel(W) - W
            blocks = self.grid.spectrum(M)
            if exact:
                return CircularConvolution(blocks, self.grid, proved=self.m)
            bound = max(self.m, frobenius_bound(blocks))
            return CircularConvolution(
                blocks, self.grid, strong_monotonicity=self.m, lipschitz=bound
            )

    def lipschitz_bounds(
        self, activation: Activation, rows: Tensor, differences: Tensor, **search: Any
    ) -> LipschitzBounds:
        pairs = torch.tensordot(differences, rows.detach(), dims=1)
        if self.border:
            pairs = pairs * self.interior
        m, _ = self.constants(self.operator(exact=True))
        return convolution_bounds(
            self.weight(),
            self.input_kernel(exact=True),
            pairs,
            self.grid,
            pairs.flatten(1).norm(dim=1) * self.input_norm() / m,
            math.prod(self.input_shape),
            diagonal=activation.elementwise,
            **search,
        )
