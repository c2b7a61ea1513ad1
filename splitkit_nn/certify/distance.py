"""How far a point is from the equilibrium, certified."""

from __future__ import annotations

import torch
from torch import Tensor

import splitkit as sk
from splitkit_nn.layers import MonDEQ


def distance_bound(F: sk.Affine, z: Tensor, layer: MonDEQ, m: float) -> Tensor:
    """‖z − z*‖ for each sample, for any z: with p = σ(z − F(z)), z − p − F(z) ∈ G(p), so
    F(p) + z − p − F(z) ∈ (F + G)(p), and ‖z − z*‖ ≤ ‖z − p‖ + ‖F(p) − F(z) + z − p‖/m.
    """
    with torch.no_grad():
        p = layer.activation(z - F(z))
        r = F(p) - F(z) + z - p
        return (z - p).flatten(1).norm(dim=1) + r.flatten(1).norm(dim=1) / m
