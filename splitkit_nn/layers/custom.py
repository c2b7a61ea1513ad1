"""The solve of a layer as one operator of Torch, of which ``torch.compile`` sees shapes and first
derivatives, so that a model around it is compiled whole:

    z = equilibrium(W, b, …, θ),   (ũ ⊗ z, ũ, θ̇) = pullback(v, W, b, z, θ)  of a cotangent v of z

(see ``bridge``). The operators find the layer by a number.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from splitkit_nn.layers.bridge import pulled_back
from splitkit_nn.layers.solves import Solves

if TYPE_CHECKING:
    from splitkit_nn.layers.mondeq import MonDEQ

LAYERS: WeakValueDictionary[int, MonDEQ] = WeakValueDictionary()
_NUMBERS = count()


def registered(layer: MonDEQ) -> int:
    """The number by which the operators find a layer, as long as it is there."""
    number = next(_NUMBERS)
    LAYERS[number] = layer
    return number


@torch.library.custom_op(  # the schema is written out for Torch 2.6, which does not infer it
    "splitkit_nn::equilibrium",
    mutates_args=(),
    schema="(Tensor W, Tensor bias, Tensor? z0, Tensor x, Tensor[] theta, int layer, bool training)"
    " -> Tensor",
)
def equilibrium(
    W: Tensor,
    bias: Tensor,
    z0: Tensor | None,
    x: Tensor,
    theta: list[Tensor],
    layer: int,
    training: bool,
) -> Tensor:
    """z of the layer with this number, whose ``Equilibrium`` this is; x is checked."""
    solves = Solves(LAYERS[layer])
    solves.training = training
    z = solves.solve(W, bias, z0, x, theta)
    return z.clone(memory_format=torch.contiguous_format)  # it may be a view of what is kept


@torch.library.custom_op(
    "splitkit_nn::pullback",
    mutates_args=(),
    schema="(Tensor v, Tensor W, Tensor bias, Tensor z, Tensor[] theta, int layer) -> Tensor[]",
)
def pullback(
    v: Tensor, W: Tensor, bias: Tensor, z: Tensor, theta: list[Tensor], layer: int
) -> list[Tensor]:
    """The cotangents of W, b and θ, of a cotangent v of z."""
    solves = Solves(LAYERS[layer])
    solves.resume(W, bias, theta)
    with torch.no_grad():
        found = pulled_back(solves, v, W, bias, z, theta)
        return [each.clone(memory_format=torch.contiguous_format) for each in found]


@equilibrium.register_fake
def _(
    W: Tensor,
    bias: Tensor,
    z0: Tensor | None,
    x: Tensor,
    theta: list[Tensor],
    layer: int,
    training: bool,
) -> Tensor:
    return torch.empty_like(bias, memory_format=torch.contiguous_format)


@pullback.register_fake
def _(
    v: Tensor, W: Tensor, bias: Tensor, z: Tensor, theta: list[Tensor], layer: int
) -> list[Tensor]:
    whole = torch.contiguous_format
    return [torch.empty_like(each, memory_format=whole) for each in (W, bias, *theta)]


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    W, bias, _, _, theta, ctx.layer, _ = inputs
    ctx.save_for_backward(W, bias, output, *theta)


def _backward(ctx: Any, v: Tensor) -> tuple[Any, ...]:
    W, bias, z, *theta = ctx.saved_tensors
    of_W, of_bias, *of_theta = pullback(v, W, bias, z, theta, ctx.layer)
    return of_W, of_bias, None, None, of_theta, None, None


equilibrium.register_autograd(_backward, setup_context=_setup)
