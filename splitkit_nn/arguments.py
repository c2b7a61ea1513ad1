"""What a layer is given must be finite."""

from __future__ import annotations

from splitkit.backend import Array, isfinite


def check_inputs(x: Array, bias: Array, z0: Array | None = None) -> None:
    """Raise ValueError if the input, its bias Ux + b or the start is not finite; the host waits
    once, unless one is not.
    """
    if isfinite(x, bias) if z0 is None else isfinite(x, bias, z0):
        return
    check_finite(x)
    if z0 is not None:
        check_finite(z0, "z0")
    check_finite_parameter("U", bias)  # x is finite


def check_finite(x: Array, name: str = "x") -> None:
    """Raise ValueError if the input is not finite."""
    if not isfinite(x):
        raise ValueError(f"{name} has NaN or Inf: clean the input")


def check_finite_parameter(name: str, value: Array) -> None:
    """Raise ValueError if a parameter, or what it gives, is not finite."""
    if not isfinite(value):
        raise ValueError(
            f"parameter {name} of the layer has NaN or Inf: an optimizer step diverged; lower the "
            "learning rate, or load an earlier state"
        )
