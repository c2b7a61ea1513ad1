"""Activations by name: to add one, write its file and list it here."""

from __future__ import annotations

from splitkit_nn.activations.arctan import Arctan
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.clamp import Clamp, HardTanh, ReLU6
from splitkit_nn.activations.elu import CELU, ELU
from splitkit_nn.activations.group_shrinkage import GroupShrinkage
from splitkit_nn.activations.leaky_relu import LeakyReLU
from splitkit_nn.activations.relu import ReLU
from splitkit_nn.activations.sigmoid import Sigmoid
from splitkit_nn.activations.soft_threshold import SoftThreshold
from splitkit_nn.activations.softmax import Softmax
from splitkit_nn.activations.softplus import Softplus
from splitkit_nn.activations.softsign import Softsign
from splitkit_nn.activations.sparsemax import Sparsemax
from splitkit_nn.activations.tanh import Tanh

ACTIVATIONS: dict[str, type[Activation]] = {
    "arctan": Arctan,
    "celu": CELU,
    "clamp": Clamp,
    "elu": ELU,
    "groupshrinkage": GroupShrinkage,
    "hardtanh": HardTanh,
    "leakyrelu": LeakyReLU,
    "relu": ReLU,
    "relu6": ReLU6,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "softplus": Softplus,
    "softsign": Softsign,
    "softthreshold": SoftThreshold,
    "sparsemax": Sparsemax,
    "tanh": Tanh,
}

# why each is no proximal map
NOT_PROXIMAL = {
    "gelu": "it is not monotone",
    "silu": "it is not monotone",
    "swish": "it is not monotone",
    "mish": "it is not monotone",
    "hardswish": "it is not monotone",
    "selu": "its slope reaches 1.76, above 1",
    "hardshrink": "it jumps",
    "layernorm": "it is not the gradient of a convex function",
}


def find_activation(activation: str | Activation) -> Activation:
    """An activation by name, or the object itself.

    Raises
    ------
    ValueError
        The name is unknown, or that activation is no proximal map.
    TypeError
        Neither a name nor an ``Activation`` (a ``torch.nn`` module, say).
    """
    if isinstance(activation, Activation):
        return activation
    known = ", ".join(sorted(ACTIVATIONS))
    name = activation if isinstance(activation, str) else type(activation).__name__
    key = name.lower().replace("_", "")
    if key in NOT_PROXIMAL:
        raise ValueError(
            f"activation = {name!r} is not a proximal map ({NOT_PROXIMAL[key]}), so the layer "
            f"would have no guaranteed equilibrium: use one of {known}"
        )
    if not isinstance(activation, str):
        raise TypeError(
            f"activation = {activation!r}: give a name ({known}) or a splitkit_nn Activation"
        )
    if key not in ACTIVATIONS:
        raise ValueError(f"activation = {name!r} is unknown: use one of {known}")
    return ACTIVATIONS[key]()
