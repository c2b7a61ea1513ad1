"""Lipschitz constants of convolutions.

Within its image a convolution with the kernel K is a part of the circular one on the image with its
margin: its norm is at most the greatest singular value of the blocks K̂(ω). A stride leaves out
rows. A margin of zeros adds nothing, any other repeats entries of the image: its norm is the square
root of how often one is met; where it goes on periodically and no more comes out than there is in
the image, the convolution is a part of the circular one on the image itself. A transposed
convolution is the adjoint of one. By |K| in the place of K, √(‖A‖₁‖A‖_∞) is a bound, too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from splitkit_nn.certify.constants import Gain, average_gain

PLAIN = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


def convolution_gain(module: Any, x: Tensor) -> Gain | None:
    """Of one of torch's convolutions near a batch like x."""
    K, apart = module.weight.double(), module.dilation
    if x.ndim != K.ndim:
        return None  # one image without samples
    reach = [d * (n - 1) + 1 for d, n in zip(apart, K.shape[2:], strict=True)]
    sides, repeated = list(x.shape[2:]), 1.0
    if module.transposed:
        strides = module.stride
        grid = [(n - 1) * s + k for n, s, k in zip(sides, strides, reach, strict=True)]
        rest = module.stride, module.padding, module.output_padding, module.groups, apart

        def absolute(v: Tensor) -> Tensor:
            return TRANSPOSED[len(sides)](v, K.abs(), None, *rest)

    else:
        mode = module.padding_mode.replace("zeros", "constant")
        margin = module._reversed_padding_repeated_twice

        def framed(v: Tensor) -> Tensor:
            return functional.pad(v, margin, mode)

        def absolute(v: Tensor) -> Tensor:
            rest = module.stride, 0, apart, module.groups
            return PLAIN[len(sides)](framed(v), K.abs(), None, *rest)

        grid = list(framed(x[:1]).shape[2:])
        circular = mode == "circular" and all(
            wide - k < n and k <= n for wide, k, n in zip(grid, reach, sides, strict=True)
        )
        if circular:
            grid = sides
        elif mode != "constant":
            of_margin = average_gain(framed, x)
            repeated = of_margin.l2 if of_margin else float("inf")
    found = average_gain(absolute, x)
    if found is None:
        return None
    return Gain(min(repeated * _circular_norm(module, grid, reach), found.l2), found.linf)


def _circular_norm(module: Any, grid: list[int], reach: list[int]) -> float:
    """‖K̂(ω)‖₂ at its greatest, of the circular convolution on a grid."""
    W = _ungrouped(module.weight.double(), module.groups)
    wide = W.new_zeros(*W.shape[:2], *reach)
    taps: Any = (..., *(slice(None, None, d) for d in module.dilation))
    wide[taps] = W
    blocks = torch.fft.rfftn(wide, s=grid, dim=tuple(range(2, W.ndim)))  # K̂(−ω) is conjugate
    return float(torch.linalg.svdvals(blocks.flatten(2).permute(2, 0, 1)).max())


def _ungrouped(W: Tensor, groups: int) -> Tensor:
    """The kernel between all channels."""
    if groups == 1:
        return W
    outputs, inputs = len(W) // groups, W.shape[1]
    whole = W.new_zeros(len(W), groups * inputs, *W.shape[2:])
    for i, part in enumerate(torch.split(W, outputs)):
        whole[i * outputs : (i + 1) * outputs, i * inputs : (i + 1) * inputs] = part
    return whole
