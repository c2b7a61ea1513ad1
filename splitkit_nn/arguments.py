"""What a layer is given: numbers are returned, or refused by their name; arrays must be finite."""

from __future__ import annotations

import math

from splitkit.backend import Array, isfinite


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


def check_inputs(x: Array, bias: Array, z0: Array | None = None) -> None:
    """Raise ValueError if the input, its bias Ux + b or the start is not finite; the host waits
    once, unless one is not.
    """
    if isfinite(x, bias) if z0 is None else isfinite(x, bias, z0):
        return
    check_finite(x)
    if z0 is not None:
        check_finite(z0, "z0")
    check_parameter("U", bias)  # x is finite


def check_finite(x: Array, name: str = "x") -> None:
    """Raise ValueError if the input is not finite."""
    if not isfinite(x):
        raise ValueError(f"{name} has NaN or Inf: clean the input")


def check_parameter(name: str, value: Array) -> None:
    """Raise ValueError if a parameter, or what it gives, is not finite."""
    if not isfinite(value):
        raise ValueError(
            f"parameter {name} of the layer has NaN or Inf: an optimizer step diverged; lower the "
            "learning rate, or load an earlier state"
        )
