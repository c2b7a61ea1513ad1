"""Functions and methods of torch that are stages of a model, by what is known of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ADD = {operator.add, operator.sub, torch.add, torch.sub, "add", "sub"}
MULTIPLY = {operator.mul, torch.mul, "mul"}
DIVIDE = {operator.truediv, torch.div, "div"}
RESHAPES = {
    *(torch.flatten, "flatten", torch.reshape, "reshape", "view", torch.unsqueeze, "unsqueeze"),
    *("squeeze", torch.squeeze, "contiguous", "double", "float", "to"),
}
ISOMETRIES = {operator.neg, torch.neg, "neg", *RESHAPES}
JOIN = {torch.cat, torch.concat, torch.concatenate}
SHAPES = {"shape", "ndim", "dtype", "device"}


def _convolution(
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> nn.Module:
    kind: Any = {3: nn.Conv1d, 4: nn.Conv2d, 5: nn.Conv3d}[weight.ndim]
    channels, sides = (weight.shape[1] * groups, len(weight)), tuple(weight.shape[2:])
    made: nn.Module = kind(*channels, sides, stride, padding, dilation, groups, bias=False)
    made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def _linear(weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    made = nn.Linear(weight.shape[1], len(weight), bias=False)
    made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def _normalization(
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> nn.Module:
    made = nn.BatchNorm1d(len(variance), eps, affine=weight is not None).train(training)
    made.running_var = variance
    if weight is not None:
        made.weight = nn.Parameter(weight, requires_grad=False)
    return made


def _dropout(p: float = 0.5, training: bool = True, inplace: bool = False) -> nn.Module:
    return nn.Dropout(p, inplace).train(training)


def _enlargement(
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> nn.Module:
    if antialias:
        return nn.Module()
    return nn.Upsample(size, scale_factor, mode, align_corners, recompute_scale_factor)


# functions that are modules, by what follows their first argument
FUNCTIONS: dict[Any, Callable[..., nn.Module]] = {
    **dict.fromkeys((functional.relu, torch.relu, "relu"), nn.ReLU),
    **dict.fromkeys((functional.tanh, torch.tanh, "tanh"), nn.Tanh),
    **dict.fromkeys((functional.sigmoid, torch.sigmoid, "sigmoid"), nn.Sigmoid),
    **dict.fromkeys((functional.softmax, torch.softmax, "softmax"), nn.Softmax),
    **dict.fromkeys((functional.log_softmax, torch.log_softmax, "log_softmax"), nn.LogSoftmax),
    functional.relu6: nn.ReLU6,
    functional.leaky_relu: nn.LeakyReLU,
    functional.elu: nn.ELU,
    functional.celu: nn.CELU,
    functional.selu: nn.SELU,
    functional.gelu: nn.GELU,
    functional.silu: nn.SiLU,
    functional.mish: nn.Mish,
    functional.hardswish: nn.Hardswish,
    functional.hardsigmoid: nn.Hardsigmoid,
    functional.hardtanh: nn.Hardtanh,
    functional.logsigmoid: nn.LogSigmoid,
    functional.softplus: nn.Softplus,
    functional.softsign: nn.Softsign,
    functional.softshrink: nn.Softshrink,
    functional.max_pool1d: nn.MaxPool1d,
    functional.max_pool2d: nn.MaxPool2d,
    functional.adaptive_max_pool2d: nn.AdaptiveMaxPool2d,
    functional.interpolate: _enlargement,
    functional.linear: _linear,
    **dict.fromkeys((functional.conv1d, functional.conv2d, functional.conv3d), _convolution),
    functional.batch_norm: _normalization,
    **dict.fromkeys((functional.dropout, functional.dropout2d, torch.dropout), _dropout),
}
# affine, with coefficients of one sign
AVERAGES = {
    *(functional.avg_pool1d, functional.avg_pool2d, functional.pad),
    *(functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d),
    *(functional.pixel_shuffle, functional.pixel_unshuffle),
    *("mean", torch.mean, "sum", torch.sum, "permute", torch.permute, "flip", torch.flip),
    *("transpose", torch.transpose, "swapaxes", torch.swapaxes, "movedim", torch.movedim),
    *("select", torch.select, "narrow", torch.narrow),
}
# of slopes in [−1, 1]
GENTLE = {
    *("clamp", torch.clamp, "clip", torch.clip, "abs", torch.abs, "sin", torch.sin),
    *("cos", torch.cos, "arctan", torch.arctan, "atan", torch.atan, torch.maximum, torch.minimum),
}
MATMUL = {operator.matmul, torch.matmul, "matmul", torch.mm, "mm"}
GREATEST = {"amax", torch.amax, "amin", torch.amin}


def as_module(function: Any, rest: tuple[Any, ...], kwargs: Mapping[str, Any]) -> nn.Module:
    """A function as the module that does the same, or one of which nothing is known."""
    make = FUNCTIONS[function]
    only = ("inplace", "_stacklevel", "return_indices")  # of functions
    kept = {n: each for n, each in kwargs.items() if n not in only and each is not None}
    try:
        module = make(*rest, **kept)
    except (TypeError, ValueError, KeyError):
        return nn.Module()
    return module.eval() if isinstance(make, type) else module
