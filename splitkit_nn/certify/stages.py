"""The Lipschitz constants of what a classifier does to its input before the equilibrium layer.

The stages are those of the graph that ``torch.fx`` records of ``inputs``. Of each the constants in
ℓ2 and ℓ∞ are known, and along the graph they multiply, or add where two branches meet:

- a matrix: its greatest singular value, and its greatest sum of a row's |entries|;
- a convolution with zeros around the image, which is part of a circular one on the image with its
  margin: the greatest singular value of its blocks K̂(ω), and Σ|K| of the worst channel; a stride
  leaves out rows;
- a normalization with running statistics, and other multiplications by constants: the greatest
  factor; what adds constants or changes shapes: 1.

Every other stage is refused by name: nothing is known of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

ADD = {operator.add, operator.sub, torch.add, torch.sub, "add", "sub"}
MULTIPLY = {operator.mul, torch.mul, "mul"}
DIVIDE = {operator.truediv, torch.div, "div"}
ISOMETRIES = {
    *(operator.neg, torch.neg, "neg", torch.flatten, "flatten", torch.reshape, "reshape", "view"),
    *(torch.unsqueeze, "unsqueeze", "contiguous", "double", "float", "to"),
}
SHAPES = {"shape", "ndim", "dtype", "device"}


class Gain(NamedTuple):
    """Constants of a map in ℓ2 and in ℓ∞."""

    l2: float
    linf: float

    def after(self, other: Gain) -> Gain:
        """Of this map applied to what the other gives."""
        return Gain(self.l2 * other.l2, self.linf * other.linf)


NOTHING = Gain(1.0, 1.0)


def inputs_gain(model: nn.Module, x: Tensor) -> Gain:
    """The constants of ``model.inputs`` near a batch like x; the model is in evaluation mode.

    Raises
    ------
    TypeError
        A stage has no known constant; the message names it.
    """
    tracer = fx.Tracer()
    tracer.traced_func_name = "inputs"
    try:
        graph = tracer.trace(model)
    except Exception as error:  # whatever the user's code does with a proxy
        raise TypeError(
            f"inputs of {type(model).__name__} cannot be followed stage by stage ({error}), so "
            "that no Lipschitz constant of it is known: make it of torch modules and operations"
        ) from error
    with torch.no_grad():
        run = _Constants(fx.GraphModule(model, graph), type(model).__name__)
        run.run(x[:1])
    return run.result


class _Constants(fx.Interpreter):
    """Runs the graph, and finds for each node its constants as a function of x; none: constant."""

    def __init__(self, module: fx.GraphModule, owner: str) -> None:
        super().__init__(module)
        self.gains: dict[fx.Node, Gain] = {}
        self.owner, self.result = owner, NOTHING

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "placeholder":
            self.gains[n] = NOTHING
        elif any(each in self.gains for each in n.all_input_nodes) and not _is_of_shape(n):
            self.result = self.gains[n] = self._gain(n, value)
        return value

    def _gain(self, n: fx.Node, value: Any) -> Gain:
        # with repetitions, as in x + x
        parts = [each for each in n.args if isinstance(each, fx.Node) and each in self.gains]
        gains, before = [self.gains[each] for each in parts], [self.env[each] for each in parts]
        hidden = any(each in self.gains and each not in parts for each in n.all_input_nodes)
        if parts and not hidden and n.op == "output":
            return gains[0]
        if parts and not hidden and n.op == "call_module":
            own = _gain_of_module(self.module.get_submodule(str(n.target)), before[0])
            if own is not None and len(parts) == 1:
                return own.after(gains[0])
        elif parts and not hidden and all(_alike(each, value) for each in before):
            if n.target in ADD and not n.kwargs:
                return Gain(sum(each.l2 for each in gains), sum(each.linf for each in gains))
            if n.target in ISOMETRIES and len(parts) == 1:
                return gains[0]
            if n.target in MULTIPLY | DIVIDE and len(parts) == 1 and not n.kwargs:
                first, second = n.args
                constant = second if first is parts[0] else first
                factor = self.env[constant] if isinstance(constant, fx.Node) else constant
                factor = torch.as_tensor(factor, dtype=torch.float64)
                if n.target in MULTIPLY:
                    return _scaled(factor).after(gains[0])
                if constant is second:
                    return _scaled(1 / factor).after(gains[0])
        raise TypeError(
            f"stage {n.name} of inputs of {self.owner} ({n.format_node()}) has no known Lipschitz "
            "constant, so that nothing can be certified of the whole model: make it of linear "
            "layers, convolutions, normalizations with running statistics and constants, or "
            "certify a model of what is behind it"
        )


def _is_of_shape(n: fx.Node) -> bool:
    """Whether it reads of its argument what no values change."""
    return n.target in (len, "size", "dim") or (n.target is getattr and n.args[1] in SHAPES)


def _alike(x: Tensor, value: Any) -> bool:
    """Whether the values are as many numbers a sample."""
    floating = isinstance(value, Tensor) and value.dtype in (torch.float32, torch.float64)
    return floating and value.numel() == x.numel() and len(value) == len(x)


def _scaled(factor: Tensor) -> Gain:
    greatest = float(factor.double().abs().max())
    return Gain(greatest, greatest)


def _linear(module: Any, x: Tensor) -> Gain:
    W = module.weight.double()
    return Gain(float(torch.linalg.matrix_norm(W, 2)), float(W.abs().sum(1).max()))


def _convolution(module: Any, x: Tensor) -> Gain | None:
    if module.padding_mode != "zeros" or module.groups != 1:
        return None
    W = module.weight.double()
    rows = float(W.flatten(1).abs().sum(1).max())
    k = [d * (n - 1) + 1 for d, n in zip(module.dilation, W.shape[2:], strict=True)]
    wide = W.new_zeros(*W.shape[:2], *k)
    wide[(..., *(slice(None, None, d) for d in module.dilation))] = W
    # zeros in the margin keep what is circular from wrapping around
    grid = [n + size - 1 for n, size in zip(x.shape[2:], k, strict=True)]
    blocks = torch.fft.fftn(wide, s=grid, dim=tuple(range(2, W.ndim)))
    values = torch.linalg.svdvals(blocks.flatten(2).permute(2, 0, 1))
    return Gain(float(values.max()), rows)


def _normalization(module: Any, x: Tensor) -> Gain | None:
    if module.training or module.running_var is None:
        return None
    factor = 1 / (module.running_var.double() + module.eps).sqrt()
    return _scaled(factor if module.weight is None else factor * module.weight)


def _nothing(module: Any, x: Tensor) -> Gain | None:
    return None if module.training else NOTHING


MODULES: dict[type[nn.Module], Callable[[Any, Tensor], Gain | None]] = {
    **dict.fromkeys((nn.Identity, nn.Flatten, nn.Unflatten, nn.ReLU, nn.Tanh), _nothing),
    **dict.fromkeys((nn.Dropout, nn.Dropout2d), _nothing),
    nn.Linear: _linear,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d), _convolution),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _normalization),
}


def _gain_of_module(module: nn.Module, x: Tensor) -> Gain | None:
    """None: unknown, as of what a hook or a forward of its own may change."""
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    for kind, gain in MODULES.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return gain(module, x)
    return None
