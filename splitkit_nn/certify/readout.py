"""What a model reads off its last equilibrium, or another stage, as a matrix."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from splitkit_nn.models import Classifier


def readout_rows(model: Classifier, z: Tensor) -> Tensor:
    """The rows w of logits = Wz + c, of shape (classes, *point); TypeError unless affine."""
    return rows_of(model.readout, z)


def rows_of(readout: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The rows w of ``readout``, a map of samples, at a batch z; TypeError unless affine."""
    zero = torch.zeros_like(z, requires_grad=True)
    with torch.enable_grad():
        shift = readout(zero)
        if shift.ndim != 2:
            raise TypeError(
                f"the model's output has shape {tuple(shift.shape)}: give one of (batch, classes)"
            )
        found = [torch.autograd.grad(each, zero, retain_graph=True)[0] for each in shift[0]]
    rows = torch.stack([each[0] for each in found]).detach()
    with torch.no_grad():
        affine = z.flatten(1) @ rows.flatten(1).T + shift
        coupled = any(bool(each[1:].any()) for each in found)
        if coupled or not torch.allclose(affine, readout(z), rtol=1e-8, atol=1e-8):
            raise TypeError("the model's readout is not affine: only affine ones can be certified")
    return rows
