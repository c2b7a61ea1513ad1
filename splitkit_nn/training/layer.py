"""The equilibrium layer within a model of any make, and what passes through it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from splitkit_nn.layers import MonDEQ
from splitkit_nn.layers.records import SolveRecord


def equilibrium_layer(model: nn.Module) -> MonDEQ:
    """The model's equilibrium layer, wherever in it; TypeError if there is none."""
    for module in model.modules():
        if isinstance(module, MonDEQ):
            return module
    raise TypeError(f"model is a {type(model).__name__} without a MonDEQ: put one in")


def has_equilibrium(model: nn.Module) -> bool:
    """Whether there is an equilibrium layer in the model."""
    return any(isinstance(module, MonDEQ) for module in model.modules())


class SolverWork(NamedTuple):
    """What the latest training step cost: iterations, or evaluations of an ODE's right-hand side,
    forward and backward; the solver's step size, nan if it has none; the seconds of the solves, nan
    where they are not known. A pass without a solve, as by the gradient "direct", costs 0.
    """

    forward: float
    backward: float
    alpha: float
    forward_seconds: float
    backward_seconds: float


def solver_work(model: nn.Module) -> SolverWork:
    """Of the model's latest forward and backward pass."""
    if not has_equilibrium(model):
        forward, backward = cast("Any", model).evaluations
        return SolverWork(forward, backward, math.nan, math.nan, math.nan)
    last = equilibrium_layer(model).last_solve
    forward, forward_seconds = _cost(last.forward)
    backward, backward_seconds = _cost(last.backward)
    alpha = math.nan if last.forward is None else last.forward.alpha
    return SolverWork(forward, backward, alpha, forward_seconds, backward_seconds)


def _cost(record: SolveRecord | None) -> tuple[float, float]:
    return (0.0, 0.0) if record is None else (record.iterations, record.seconds)


class Passage(NamedTuple):
    """What a batch of images becomes: the layer's input, its equilibrium, the model's logits."""

    x: Tensor
    z: Tensor
    logits: Tensor


def follow(model: nn.Module, images: Tensor) -> Passage:
    """Run the model on images and keep what its equilibrium layer took and gave."""
    seen: list[tuple[Tensor, Tensor]] = []

    def keep(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        seen.append((inputs[0], output))

    handle = equilibrium_layer(model).register_forward_hook(keep)
    try:
        logits = model(images)
    finally:
        handle.remove()
    return Passage(*seen[0], logits)


def loss_cotangent(
    model: nn.Module, images: Tensor, labels: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The layer's input, and the gradient in its output of the mean cross-entropy; without labels,
    of half the mean square norm of the model's output.
    """
    with torch.enable_grad():
        passage = follow(model, images)
        if labels is None:
            loss = passage.logits.square().sum() / (2 * len(images))
        else:
            loss = nn.functional.cross_entropy(passage.logits, labels)
    return passage.x.detach(), torch.autograd.grad(loss, passage.z)[0]
