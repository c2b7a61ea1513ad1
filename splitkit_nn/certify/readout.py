"""What a classifier reads off the equilibrium, as a matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from splitkit_nn.models import Classifier


def readout_rows(model: Classifier, z: Tensor) -> Tensor:
    """The rows w of logits = Wz + c, of shape (classes, *point); TypeError unless affine."""
    zero = torch.zeros_like(z[:1])
    rows: Tensor = torch.func.jacrev(model.readout)(zero)[0, :, 0].detach()
    with torch.no_grad():
        affine = z.flatten(1) @ rows.flatten(1).T + model.readout(zero)
        if not torch.allclose(affine, model.readout(z), rtol=1e-8, atol=1e-8):
            raise TypeError("the model's readout is not affine: only affine ones can be certified")
    return rows
