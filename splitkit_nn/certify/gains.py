"""Lipschitz constants of torch's own stages, in ℓ2 and in ℓ∞.

- a matrix: its greatest singular value, and its greatest sum of a row's |entries|;
- a convolution with zeros around the image, which is part of a circular one on the image with its
  margin: the greatest singular value of its blocks K̂(ω), and Σ|K| of the worst channel; a stride
  leaves out rows;
- an average over windows of k entries that each entry meets n times at most: √(n/k), as ‖A‖² ≤
  ‖A‖₁‖A‖_∞, and 1; a maximum over them: √n, since |max a − max b|² ≤ Σ(aᵢ − bᵢ)², and 1;
- a normalization with running statistics: the greatest factor;
- what acts entry by entry: its greatest slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Gain(NamedTuple):
    """Constants of a map in ℓ2 and in ℓ∞."""

    l2: float
    linf: float

    def after(self, other: Gain) -> Gain:
        """Of this map applied to what the other gives."""
        return Gain(self.l2 * other.l2, self.linf * other.linf)


NOTHING = Gain(1.0, 1.0)


def gain_of_module(module: nn.Module, x: Tensor) -> Gain | None:
    """The constants of a module near a batch like x; None: unknown, as of what a hook or a forward
    of its own may change.
    """
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    for kind, gain in MODULES.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return gain(module, x)
    return None


def scaled(factor: Tensor) -> Gain:
    """Of the product with a constant."""
    greatest = float(factor.double().abs().max())
    return Gain(greatest, greatest)


def is_affine(module: nn.Module) -> bool:
    """Whether a module of which the constants are known is affine."""
    return isinstance(module, AFFINE)


def matrix_gain(W: Tensor) -> Gain:
    """Of x ↦ Wx."""
    return Gain(float(torch.linalg.matrix_norm(W, 2)), float(W.abs().sum(1).max()))


def _linear(module: Any, x: Tensor) -> Gain:
    return matrix_gain(module.weight.double())


def _convolution(module: Any, x: Tensor) -> Gain | None:
    if module.padding_mode != "zeros":
        return None
    W = _ungrouped(module.weight.double(), module.groups)
    rows = float(W.flatten(1).abs().sum(1).max())
    k = [d * (n - 1) + 1 for d, n in zip(module.dilation, W.shape[2:], strict=True)]
    wide = W.new_zeros(*W.shape[:2], *k)
    taps: Any = (..., *(slice(None, None, d) for d in module.dilation))
    wide[taps] = W
    # zeros in the margin keep what is circular from wrapping around
    grid = [n + size - 1 for n, size in zip(x.shape[2:], k, strict=True)]
    blocks = torch.fft.fftn(wide, s=grid, dim=tuple(range(2, W.ndim)))
    values = torch.linalg.svdvals(blocks.flatten(2).permute(2, 0, 1))
    return Gain(float(values.max()), rows)


def _ungrouped(W: Tensor, groups: int) -> Tensor:
    """The kernel between all channels."""
    if groups == 1:
        return W
    outputs, inputs = len(W) // groups, W.shape[1]
    whole = W.new_zeros(len(W), groups * inputs, *W.shape[2:])
    for i, part in enumerate(torch.split(W, outputs)):
        whole[i * outputs : (i + 1) * outputs, i * inputs : (i + 1) * inputs] = part
    return whole


def _normalization(module: Any, x: Tensor) -> Gain | None:
    if module.training or module.running_var is None:
        return None
    return scaled(factors(module))


def factors(module: Any) -> Tensor:
    """What a normalization with running statistics multiplies its channels by."""
    factor: Tensor = 1 / (module.running_var.double() + module.eps).sqrt()
    return factor if module.weight is None else factor * module.weight.double()


def _average(module: Any, x: Tensor) -> Gain | None:
    padded = any(_pair(module.padding, x.ndim - 2))
    if module.ceil_mode or (padded and not module.count_include_pad):
        return None  # windows at the border have fewer entries
    sizes, meets = _windows(module, x)
    share = 1.0
    if getattr(module, "divisor_override", None):
        share = math.prod(sizes) / module.divisor_override
    return Gain(share * math.sqrt(math.prod(meets) / math.prod(sizes)), share)


def _maximum(module: Any, x: Tensor) -> Gain:
    return Gain(math.sqrt(math.prod(_windows(module, x)[1])), 1.0)


def _windows(module: Any, x: Tensor) -> tuple[list[int], list[int]]:
    """The sides of a window, and how many windows an entry is in at most, along each axis."""
    count = x.ndim - 2
    sizes, strides = _pair(module.kernel_size, count), _pair(module.stride, count)
    apart = _pair(getattr(module, "dilation", 1), count)
    meets = [
        math.ceil(k / s) if d == 1 else k for k, s, d in zip(sizes, strides, apart, strict=True)
    ]
    return sizes, meets


def _adaptive(module: Any, x: Tensor) -> Gain | None:
    wanted = _pair(module.output_size, x.ndim - 2)
    sizes = []
    for n, side in zip(wanted, x.shape[2:], strict=True):
        if n is not None and side % n:
            return None  # windows of several sizes
        sizes.append(1 if n is None else side // n)
    return Gain(1 / math.sqrt(math.prod(sizes)), 1.0)


def _pair(value: int | Sequence[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) or value is None else list(value)


def _nothing(module: Any, x: Tensor) -> Gain | None:
    return None if module.training else NOTHING


def _softmax(module: Any, x: Tensor) -> Gain | None:
    """diag(p) − ppᵀ is symmetric, and the sum of a row's |entries| is 2pᵢ(1 − pᵢ)."""
    within = module.dim is not None and module.dim % x.ndim > 0  # each sample by itself
    return Gain(0.5, 0.5) if within else None


def _slope(value: float | Callable[[Any], Any]) -> Callable[[Any, Tensor], Gain]:
    def gain(module: Any, x: Tensor) -> Gain:
        return scaled(torch.as_tensor(value(module) if callable(value) else value))

    return gain


_SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten)
_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d)
_PADDINGS = (nn.ZeroPad1d, nn.ZeroPad2d)
_AVERAGES = (nn.AvgPool1d, nn.AvgPool2d)
_ADAPTIVE = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
AFFINE = (
    *(*_SHAPES, *_DROPOUTS, *_CONVOLUTIONS, *_NORMALIZATIONS, *_PADDINGS, *_AVERAGES, *_ADAPTIVE),
    nn.Linear,
)
MODULES: dict[type[nn.Module], Callable[[Any, Tensor], Gain | None]] = {
    **dict.fromkeys((*_SHAPES, *_DROPOUTS, *_PADDINGS), _nothing),
    nn.Linear: _linear,
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_NORMALIZATIONS, _normalization),
    **dict.fromkeys(_AVERAGES, _average),
    **dict.fromkeys(_ADAPTIVE, _adaptive),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d), _maximum),
    **dict.fromkeys(
        (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.LogSigmoid),
        _slope(1.0),
    ),
    **dict.fromkeys((nn.Softshrink, nn.Tanhshrink), _slope(1.0)),
    nn.Sigmoid: _slope(0.25),
    nn.Softmax: _softmax,
    nn.GELU: _slope(1.13),
    nn.SiLU: _slope(1.1),
    nn.SELU: _slope(1.7581),
    nn.LeakyReLU: _slope(lambda module: max(1.0, abs(module.negative_slope))),
    nn.PReLU: _slope(lambda module: max(1.0, float(module.weight.abs().max()))),
    nn.ELU: _slope(lambda module: max(1.0, abs(module.alpha))),
    nn.CELU: _slope(lambda module: 1.0 if module.alpha > 0 else math.inf),
}
