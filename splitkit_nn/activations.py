"""Activations are proximal maps: σ = prox_f, and the solver needs prox_{αf} at its own α.

σ is prox_f of a convex f exactly if it is the gradient of a convex function and nonexpansive
(Moreau); for a scalar σ: monotone with slopes in [0, 1]. prox_{αf} = σ at every α exactly if f is
an indicator, as for ReLU; for any other activation σ in its place gives a wrong equilibrium.

Source: Combettes, Pesquet, *Deep neural network structures solving variational inequalities*
(2020).
"""

from __future__ import annotations

import splitkit as sk
from splitkit.backend import Array, clip, namespace
from splitkit.functions import NonNegative


class Activation:
    """σ = prox_f with the operator ∂f; a subclass gives all three members.

    All act on arrays of any library; ``__call__`` and ``derivative`` are differentiable by Torch.
    """

    @property
    def operator(self) -> sk.Operator:
        """∂f, whose resolvent is prox_{αf}, on points with one batch axis."""
        raise NotImplementedError(f"{type(self).__name__} must define operator")

    def __call__(self, y: Array) -> Array:
        """σ(y), like y."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")

    def derivative(self, y: Array) -> Array:
        """The diagonal of the Jacobian of σ at the pre-activation y, in [0, 1], like y."""
        raise NotImplementedError(f"{type(self).__name__} must define derivative")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(Activation):
    """σ(y) = max(y, 0): f is the indicator of the non-negative orthant."""

    @property
    def operator(self) -> sk.Operator:
        return sk.NormalCone(NonNegative(batch_ndim=1))

    def __call__(self, y: Array) -> Array:
        return clip(y, 0.0)

    def derivative(self, y: Array) -> Array:
        return namespace(y).astype(y > 0, y.dtype)


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": ReLU,
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
