"""A parametrization gives W with I − W ⪰ mI for every value of its parameters.

It is a module with an input map Ux + b; a *weight*, the tensor that stands for W at one moment and
by which gradients reach the parameters; and I − W as a linear operator of the core, which is never
differentiated.

Points are arrays of any shape that starts with the batch: (batch, features), or (batch, channels,
height, width). Parts of different shapes are kept in one array, flattened one after the other, as
the tiers of ``MonotoneMultiTier``: the layer, its solver and its derivatives then know one kind of
point, and a step of the solver costs one sum in place of one for each part.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from splitkit import LinearOperator
from splitkit_nn.activations import Activation


class Parametrization(nn.Module):
    """Base class; a subclass holds the parameters and gives the methods below.

    Parameters
    ----------
    m : float
        Strong monotonicity of I − W, positive.
    """

    def __init__(self, m: float) -> None:
        super().__init__()
        self.m = positive("m", m)

    def weights(self) -> dict[str, Tensor]:
        """The parameters on which W depends, by name: all but those of the input map ``U``."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("U.")}

    def bias(self, x: Tensor) -> Tensor:
        """Ux + b, a point for each sample of the batch."""
        raise NotImplementedError

    def check_input(self, x: Tensor) -> None:
        """Raise ValueError unless x has the shape of an input."""
        raise NotImplementedError

    def weight(self) -> Tensor:
        """The tensor that stands for W as it is now, tracked by autograd."""
        raise NotImplementedError

    def multiply(self, W: Tensor, z: Tensor) -> Tensor:
        """Wz of a weight W, differentiable; it reads no parameter."""
        raise NotImplementedError

    def multiply_transpose(self, W: Tensor, v: Tensor) -> Tensor:
        """Wᵀv of a weight W, differentiable; it reads no parameter."""
        raise NotImplementedError

    def outer(self, W: Tensor, p: Tensor, z: Tensor) -> Tensor:
        """The derivative of ⟨p, Wz⟩ in the weight, at W and like it; differentiable.

        Where W is linear in the weight it does not depend on W.
        """
        raise NotImplementedError

    def confine(self, activation: Activation) -> Activation:
        """The activation with which the layer runs: the given one, or it on a part of z alone."""
        return activation

    def input_norm(self) -> float:
        """An upper bound of ‖U‖ that holds."""
        raise NotImplementedError

    def operator(self, *, exact: bool) -> LinearOperator:
        """I − W as it is now, detached. ``exact=False``: its constants may be the declared m and
        a cheap bound of L that holds.
        """
        raise NotImplementedError


def positive(name: str, value: float) -> float:
    """The value as a float; TypeError unless a number, ValueError unless positive and finite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} = {value!r}: give a positive number")
    if not 0 < value < math.inf:
        raise ValueError(f"{name} = {value}: give a positive finite number")
    return float(value)


def positive_integer(name: str, value: int) -> int:
    """The value; TypeError unless an integer, ValueError unless positive."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} = {value!r}: give a positive integer")
    if value < 1:
        raise ValueError(f"{name} = {value}: give a positive integer")
    return value


def odd_integer(name: str, value: int) -> int:
    """The value; TypeError unless an integer, ValueError unless positive and odd."""
    if positive_integer(name, value) % 2 == 0:
        raise ValueError(f"{name} = {value}: give an odd integer, so that there is a centre")
    return value


def non_negative_integer(name: str, value: int) -> int:
    """The value; TypeError unless an integer, ValueError if negative."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} = {value!r}: give an integer, 0 or more")
    if value < 0:
        raise ValueError(f"{name} = {value}: give an integer, 0 or more")
    return value
