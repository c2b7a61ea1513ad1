"""Kernels of circular convolutions, and the normalization that the convolutional layers share.

A enters as √|g|·A/‖A‖_F and B as h·B/‖B‖_F, with learned scales g and h that start at 1. |g| keeps
AᵀA from changing its sign whatever an optimizer does, and is g itself where g ≥ 0: parameters of
the paper's code, which takes g as it is, mean the same here. ‖·‖_F counts as 1e-12 at least, so
that a kernel of zeros stays zero.
Source: Winston, Kolter (2020), App. E.2.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def kernel_parameter(outputs: int, inputs: int, size: int) -> nn.Parameter:
    """A kernel drawn anew."""
    kernel = nn.Parameter(torch.empty(outputs, inputs, size, size))
    draw_kernel(kernel)
    return kernel


def draw_kernel(kernel: Tensor) -> None:
    """Overwrite it with numbers uniform in ±1/√fan_in."""
    bound = 1 / math.sqrt(kernel[0].numel())
    nn.init.uniform_(kernel, -bound, bound)


def scale_parameter() -> nn.Parameter:
    """A scale of 1; it has an axis, without which no parameter can be sharded."""
    return nn.Parameter(torch.ones(1))


def normalized(kernel: Tensor) -> Tensor:
    """kernel/‖kernel‖_F."""
    return functional.normalize(kernel.flatten(), dim=0).view_as(kernel)


def amplitude(g: Tensor) -> Tensor:
    """√|g|, with the derivative 0 at 0."""
    return g.abs().clamp_min(1e-30).sqrt()


def gram(A: Tensor) -> Tensor:
    """The kernel of AᵀA, of side 2k − 1: Σ_o A_oi(d) A_oj(d + ·)."""
    columns = A.transpose(0, 1)
    padding = A.shape[-1] - 1
    return functional.conv2d(columns, columns, padding=padding).transpose(0, 1)


def transposed(B: Tensor) -> Tensor:
    """The kernel of Bᵀ."""
    return B.transpose(0, 1).flip(2, 3)


def monotone_kernel(AtA: Tensor, B: Tensor, m: float) -> Tensor:
    """The kernel of (1−m)I − AᵀA + B − Bᵀ, of side 2k − 1, from those of AᵀA and B."""
    margin = (AtA.shape[-1] - B.shape[-1]) // 2
    skew = functional.pad(B - transposed(B), (margin,) * 4)
    return skew - AtA + (1 - m) * identity_kernel(AtA)


def identity_kernel(like: Tensor) -> Tensor:
    """The kernel of the identity, of the given kernel's shape."""
    result = torch.zeros_like(like)
    centre = like.shape[-1] // 2
    result[:, :, centre, centre] = torch.eye(len(like), dtype=like.dtype, device=like.device)
    return result


def border_mask(height: int, width: int, border: int) -> Any:
    """True inside, false on the border, of shape (height, width); a NumPy array."""
    return np.pad(np.ones((height - 2 * border, width - 2 * border), dtype=bool), border)


def circular_padding(z: Tensor, margin: int) -> Tensor:
    """The images with so many pixels of the opposite side around them, however small they are: a
    convolution of the result is a circular one of z.
    """
    height, width = z.shape[-2:]
    if margin <= min(height, width):
        return functional.pad(z, (margin,) * 4, mode="circular")
    rows = torch.arange(-margin, height + margin, device=z.device) % height
    columns = torch.arange(-margin, width + margin, device=z.device) % width
    return z[:, :, rows[:, None], columns]


def circular_conv2d(
    z: Tensor, kernel: Tensor, bias: Tensor | None = None, stride: int = 1
) -> Tensor:
    """The circular convolution, at every stride-th pixel from the first one."""
    padded = circular_padding(z, kernel.shape[-1] // 2)
    return functional.conv2d(padded, kernel, bias, stride)
