"""Lipschitz constants of torch's own stages, in ℓ2 and in ℓ∞.

- a matrix: its greatest singular value, and its greatest sum of a row's |entries|;
- a convolution: see ``convolutions``;
- an average, a margin, an enlargement, a rearrangement: see ``constants``;
- a maximum over windows of which an entry meets n at most: √n, since |max a − max b|² ≤
  Σ(aᵢ − bᵢ)², and 1;
- a normalization with running statistics: the greatest factor;
- what acts entry by entry: its greatest slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from splitkit_nn.certify.constants import NOTHING, Gain, average_gain, matrix_gain, scaled
from splitkit_nn.certify.convolutions import CONVOLUTIONS, convolution_gain


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


def is_affine(module: nn.Module) -> bool:
    """Whether a module of which the constants are known is affine."""
    return isinstance(module, AFFINE)


def _linear(module: Any, x: Tensor) -> Gain:
    return matrix_gain(module.weight.double())


def _normalization(module: Any, x: Tensor) -> Gain | None:
    if module.training or module.running_var is None:
        return None
    return scaled(factors(module))


def factors(module: Any) -> Tensor:
    """What a normalization with running statistics multiplies its channels by."""
    factor: Tensor = 1 / (module.running_var.double() + module.eps).sqrt()
    return factor if module.weight is None else factor * module.weight.double()


def _maximum(module: Any, x: Tensor) -> Gain:
    axes = _axes(module, _MAXIMA)
    windows = (_pair(each, axes) for each in (module.kernel_size, module.stride, module.dilation))
    meets = (math.ceil(k / s) if d == 1 else k for k, s, d in zip(*windows, strict=True))
    return Gain(math.sqrt(math.prod(meets)), 1.0)


def _adaptive_maximum(module: Any, x: Tensor) -> Gain:
    axes, meets = _axes(module, _ADAPTIVE_MAXIMA), []
    for n, side in zip(_pair(module.output_size, axes), x.shape[-axes:], strict=True):
        n = side if n is None else n
        windows = [(i * side // n, -(-(i + 1) * side // n)) for i in range(n)]
        meets.append(max(sum(a <= j < b for a, b in windows) for j in range(side)))
    return Gain(math.sqrt(math.prod(meets)), 1.0)


def _axes(module: nn.Module, kinds: Sequence[type[nn.Module]]) -> int:
    """Of the images: 1, 2 or 3, as the kinds are in order."""
    return next(i for i, kind in enumerate(kinds, 1) if isinstance(module, kind))


def _pair(value: int | Sequence[int] | None, count: int) -> list[Any]:
    return list(value) if isinstance(value, Sequence) else [value] * count


def _nothing(module: Any, x: Tensor) -> Gain | None:
    return None if module.training else NOTHING


def _average(module: Any, x: Tensor) -> Gain | None:
    return average_gain(module, x)


def _enlargement(module: Any, x: Tensor) -> Gain | None:
    """Bicubic weights are of both signs."""
    return None if module.mode == "bicubic" else average_gain(module, x)


def _softmax(module: Any, x: Tensor) -> Gain | None:
    """diag(p) − ppᵀ is symmetric, and the sum of a row's |entries| is 2pᵢ(1 − pᵢ)."""
    return Gain(0.5, 0.5) if _each_sample(module, x) else None


def _softmax_of_channels(module: Any, x: Tensor) -> Gain | None:
    return Gain(0.5, 0.5) if x.ndim == 4 else None


def _log_softmax(module: Any, x: Tensor) -> Gain | None:
    """I − 1pᵀ is a projection: ‖1‖‖p‖ ≤ √n, and the sum of a row's |entries| is 2(1 − pᵢ)."""
    return Gain(math.sqrt(x.shape[module.dim]), 2.0) if _each_sample(module, x) else None


def _each_sample(module: Any, x: Tensor) -> bool:
    """Whether it takes each sample by itself."""
    return module.dim is not None and module.dim % x.ndim > 0


def _slope(value: float | Callable[[Any], Any]) -> Callable[[Any, Tensor], Gain]:
    def gain(module: Any, x: Tensor) -> Gain:
        return scaled(torch.as_tensor(value(module) if callable(value) else value))

    return gain


def _softplus(module: Any, x: Tensor) -> Gain | None:
    """It jumps down to x at the threshold, by less than 2e-9/β at 20."""
    return NOTHING if module.threshold >= 20 else None


def _random_slope(module: Any, x: Tensor) -> Gain | None:
    """In evaluation mode their mean."""
    slope = abs(module.lower + module.upper) / 2
    return None if module.training else scaled(torch.tensor(max(1.0, slope)))


_SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten)
_DROPOUTS = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.AlphaDropout, nn.FeatureAlphaDropout),
)
_NORMALIZATIONS = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
_AVERAGES = (
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d),
    *(nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
    *(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
    *(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
    *(nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d),
    *(nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle),
)
_MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_ADAPTIVE_MAXIMA = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)
AFFINE = (
    *(*_SHAPES, *_DROPOUTS, *CONVOLUTIONS, *_NORMALIZATIONS, *_AVERAGES),
    *(nn.Linear, nn.Upsample),
)
MODULES: dict[type[nn.Module], Callable[[Any, Tensor], Gain | None]] = {
    **dict.fromkeys((*_SHAPES, *_DROPOUTS), _nothing),
    nn.Linear: _linear,
    **dict.fromkeys(CONVOLUTIONS, convolution_gain),
    **dict.fromkeys(_NORMALIZATIONS, _normalization),
    **dict.fromkeys(_AVERAGES, _average),
    nn.Upsample: _enlargement,
    **dict.fromkeys(_MAXIMA, _maximum),
    **dict.fromkeys(_ADAPTIVE_MAXIMA, _adaptive_maximum),
    **dict.fromkeys(
        (nn.ReLU, nn.ReLU6, nn.Tanh, nn.Softsign, nn.Hardtanh, nn.LogSigmoid),
        _slope(1.0),
    ),
    **dict.fromkeys((nn.Softshrink, nn.Tanhshrink), _slope(1.0)),
    nn.Softplus: _softplus,
    nn.Sigmoid: _slope(0.25),
    nn.Hardsigmoid: _slope(1 / 6),
    nn.Softmax: _softmax,
    nn.Softmin: _softmax,
    nn.Softmax2d: _softmax_of_channels,
    nn.LogSoftmax: _log_softmax,
    nn.GELU: _slope(1.13),
    nn.SiLU: _slope(1.1),
    nn.Mish: _slope(1.089),
    nn.Hardswish: _slope(1.5),
    nn.SELU: _slope(1.7581),
    nn.LeakyReLU: _slope(lambda module: max(1.0, abs(module.negative_slope))),
    nn.PReLU: _slope(lambda module: max(1.0, float(module.weight.abs().max()))),
    nn.RReLU: _random_slope,
    nn.ELU: _slope(lambda module: max(1.0, abs(module.alpha))),
    nn.CELU: _slope(lambda module: 1.0 if module.alpha > 0 else math.inf),
}
