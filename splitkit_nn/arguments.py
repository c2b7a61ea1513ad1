"""What a layer is given must be finite."""

from __future__ import annotations

from splitkit.backend import Array, isfinite


def check_finite(x: Array) -> None:
    """Raise ValueError if the input is not finite."""
    if not isfinite(x):
        raise ValueError("x has NaN or Inf: clean the input")


def check_finite_parameter(name: str, value: Array) -> None:
    """Raise ValueError if a parameter, or what it gives, is not finite."""
    if not isfinite(value):
        raise ValueError(
            f"parameter {name} of the layer has NaN or Inf: an optimizer step diverged; lower the "
            "learning rate, or load an earlier state"
        )
