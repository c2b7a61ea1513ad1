"""What a layer must be as a module, as the user made it: its value, its bound, its state."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

import splitkit as sk
from splitkit.backend import Point
from splitkit.testing._place import ROUNDINGS
from splitkit.testing._report import require
from splitkit.testing._shared import same_after_round_trip
from splitkit_nn.layers import MonDEQ
from splitkit_nn.testing.case import AtLayer, draw_parameters


def own(at: AtLayer) -> tuple[MonDEQ, Tensor]:
    """A copy of the original layer, and the input in its dtype and on its device."""
    return copy.deepcopy(at.original).eval(), at.x.to(next(at.original.parameters()))


def kept(at: AtLayer) -> None:
    """The layer as it is: its value is like its input, the same twice, the input unchanged."""
    layer, x = own(at)
    before = x.clone()
    with torch.no_grad():
        first, second = layer(x), layer(x)
    formula = "layer(x) does not change x"
    require(torch.equal(x, before), "no_mutation", formula, x, before)
    formula = "layer(x) is the same at the same x"
    require(torch.equal(first, second), "deterministic", formula, first, second, x=x)
    found = (first.dtype, first.device, first.shape[0])
    wanted = (x.dtype, x.device, x.shape[0])
    formula = "layer(x) has dtype, device and batch of x"
    require(found == wanted, "like_its_argument", formula, found, wanted, x=x)


def nan(at: AtLayer) -> None:
    """An input with NaN is refused, or gives NaN; it does not converge."""
    layer, x = own(at)
    x = x.clone()
    x[-1] = float("nan")
    try:
        with torch.no_grad():
            value = layer(x)
    except (ValueError, sk.NotConvergedError):
        return
    formula = "layer(x) is not finite where x is NaN"
    require(not bool(torch.isfinite(value[-1]).all()), "nan", formula, value, "NaN", x=x)


def certificate(at: AtLayer) -> None:
    """‖z − z*‖ ≤ the certified error bound, at the layer's own tolerance."""
    layer, x = own(at)
    with torch.no_grad():
        z = layer(x).double()
    record = layer.last_solve.forward
    assert record is not None
    size = 1 + float(at.z.norm())
    error = float((z - at.z).flatten(1).norm(dim=1).max())
    rounding = ROUNDINGS * float(torch.finfo(x.dtype).eps) * size / at.parametrization.m
    formula = "‖z − z*‖ ≤ layer.last_solve.forward.error_bound"
    holds = error <= record.error_bound * (1 + 1e-6) + rounding
    require(holds, "error_bound", formula, error, record.error_bound, x=x)


def loose_tensors(layer: MonDEQ) -> list[tuple[torch.nn.Module, str, Tensor]]:
    """The floating tensors of its modules that are neither parameters nor buffers: no state dict
    holds them, and ``layer.to(…)`` does not move them.
    """
    return [
        (module, name, value)
        for module in layer.modules()
        for name, value in vars(module).items()
        if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())
    ]


def stored(at: AtLayer) -> None:
    """The state dict holds all that the value depends on; so does a pickle."""
    layer, x = own(at)
    with torch.no_grad():
        z = layer(x)
        other = copy.deepcopy(layer)
        draw_parameters(other, "normal", torch.Generator().manual_seed(0))
        other(x)
        # those that keep something of the drawn parameters must be made anew with others
        loose = loose_tensors(other)
        for module, name, tensor in loose:
            setattr(module, name, 2 * tensor + 1)
        other.load_state_dict(layer.state_dict())
        try:
            loaded: object = other(x)
        except Exception as error:  # at values that no state dict sets right
            loaded = error
    formula = "a layer with this state dict does what the layer does"
    if loose:
        names = ", ".join(name for _, name, _ in loose)
        formula += f": make {names} a parameter, or a buffer (persistent=False if it is constant)"
    same = isinstance(loaded, Tensor) and torch.equal(loaded, z)
    require(same, "state_dict", formula, loaded, z, x=x)

    def value(layer: MonDEQ) -> list[tuple[str, Point]]:
        with torch.no_grad():
            return [("layer(x)", layer(x))]

    same_after_round_trip(layer, value, x)
