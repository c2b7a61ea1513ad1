"""Activations as proximal maps; those listed here are known by name too."""

from __future__ import annotations

from splitkit_nn.activations.arctan import Arctan as Arctan
from splitkit_nn.activations.base import Activation as Activation
from splitkit_nn.activations.clamp import Clamp as Clamp, HardTanh as HardTanh, ReLU6 as ReLU6
from splitkit_nn.activations.elu import CELU as CELU, ELU as ELU
from splitkit_nn.activations.group_shrinkage import GroupShrinkage as GroupShrinkage
from splitkit_nn.activations.leaky_relu import LeakyReLU as LeakyReLU
from splitkit_nn.activations.relu import ReLU as ReLU
from splitkit_nn.activations.scalar import ScalarActivation as ScalarActivation
from splitkit_nn.activations.sigmoid import Sigmoid as Sigmoid
from splitkit_nn.activations.soft_threshold import SoftThreshold as SoftThreshold
from splitkit_nn.activations.softmax import Softmax as Softmax
from splitkit_nn.activations.softplus import Softplus as Softplus
from splitkit_nn.activations.softsign import Softsign as Softsign
from splitkit_nn.activations.sparsemax import Sparsemax as Sparsemax
from splitkit_nn.activations.tanh import Tanh as Tanh

ACTIVATIONS: dict[str, type[Activation]] = {
    name.lower(): kind
    for name, kind in list(vars().items())
    if isinstance(kind, type) and issubclass(kind, Activation)
    if kind not in (Activation, ScalarActivation)
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
