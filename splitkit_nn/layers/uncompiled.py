"""What a compiled model leaves as it stands: a graph break.

The decorator imports Torch's compiler, which takes about as long as Torch itself: this module is
imported while a model is compiled, when it is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from splitkit_nn.layers.mondeq import MonDEQ


@torch.compiler.disable  # type: ignore[untyped-decorator]
def outside(layer: MonDEQ, x: Tensor, z0: Tensor | None) -> Tensor:
    """The layer's ``forward``, not compiled."""
    return layer._forward(x, z0)
