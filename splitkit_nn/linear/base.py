"""A parametrization gives W with I − W ⪰ mI for every value of its parameters.

It is a module with an input map Ux + b; a *weight*, the tensor that stands for W at one moment and
by which gradients reach the parameters; and I − W as a linear operator of the core, which is never
differentiated.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from splitkit import LinearOperator


class Parametrization(nn.Module):
    """Base class; a subclass holds the parameters and gives the methods below.

    Parameters
    ----------
    m : float
        Strong monotonicity of I − W, positive.
    """

    features: int

    def __init__(self, m: float) -> None:
        super().__init__()
        self.m = positive("m", m)

    def weights(self) -> dict[str, Tensor]:
        """The parameters on which W depends, by name: all but those of the input map ``U``."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("U.")}

    def bias(self, x: Tensor) -> Tensor:
        """Ux + b, of shape (batch, features)."""
        raise NotImplementedError

    def check_input(self, x: Tensor) -> None:
        """Raise ValueError unless x has the shape of an input."""
        raise NotImplementedError

    def weight(self) -> Tensor:
        """The tensor that stands for W as it is now, tracked by autograd."""
        raise NotImplementedError

    @staticmethod
    def multiply(W: Tensor, z: Tensor) -> Tensor:
        """Wz, bilinear and differentiable."""
        raise NotImplementedError

    @staticmethod
    def multiply_transpose(W: Tensor, v: Tensor) -> Tensor:
        """Wᵀv, bilinear and differentiable."""
        raise NotImplementedError

    @staticmethod
    def outer(p: Tensor, z: Tensor) -> Tensor:
        """The derivative of ⟨p, Wz⟩ in the weight, like it; bilinear and differentiable."""
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
