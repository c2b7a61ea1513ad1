"""What certified bounds take from the input map: ‖Ux‖ ≤ input_norm()‖x‖, Ux = bias(x) − bias(0).

x is sought by power iteration on UᵀU, along which ‖Ux‖/‖x‖ rises to ‖U‖. Only a norm that is too
small is a fault: ``input_norm`` may be an upper bound; a parametrization without it claims none.
"""

from __future__ import annotations

import torch

from splitkit.testing._place import ROUNDINGS
from splitkit.testing._report import require
from splitkit_nn.testing.case import AtLayer
from splitkit_nn.testing.derivatives import gradients

POWER_STEPS = 100


def input_norm(at: AtLayer) -> None:
    """‖Ux‖ ≤ input_norm()‖x‖ at the x that U lengthens most."""
    bias = at.parametrization.bias
    try:
        norm = at.parametrization.input_norm()
    except NotImplementedError:
        return
    longest = at.x[:1]
    shift = bias(torch.zeros_like(longest)).detach()
    for _ in range(POWER_STEPS):
        x = (longest / longest.norm()).requires_grad_(True)
        image = bias(x)
        Ux = image.detach() - shift
        (longest,) = gradients(image, [x], Ux)
        if not longest.any():  # as where U = 0
            break
    left = float(Ux.norm())
    terms = norm + float(image.detach().norm()) + float(shift.norm())
    formula = "‖Ux‖ ≤ input_norm()‖x‖ for Ux = bias(x) − bias(0) and ‖x‖ = 1"
    holds = left <= norm + ROUNDINGS * torch.finfo(x.dtype).eps * terms
    require(holds, "input_norm", formula, left, norm, x=x.detach())
