"""A map's Lipschitz constants in ℓ2 and in ℓ∞, and those of three kinds: a factor for each entry, a
matrix, and an affine map with coefficients of one sign, as an average, a margin or a rearrangement.

Nobody needs the last one's matrix A: A1 are its rows' sums, Aᵀ1 its columns', and

    ‖A‖_∞ = max A1,   ‖A‖₂ ≤ √(‖A‖₁‖A‖_∞),

which is ‖A‖₂ itself where all rows have one sum and all columns another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Gain(NamedTuple):
    """Constants of a map in ℓ2 and in ℓ∞."""

    l2: float
    linf: float

    def after(self, other: Gain) -> Gain:
        """Of this map applied to what the other gives."""
        return Gain(self.l2 * other.l2, self.linf * other.linf)


NOTHING = Gain(1.0, 1.0)


def scaled(factor: Tensor) -> Gain:
    """Of the product with a constant."""
    greatest = float(factor.double().abs().max())
    return Gain(greatest, greatest)


def matrix_gain(W: Tensor) -> Gain:
    """Of x ↦ Wx."""
    return Gain(float(torch.linalg.matrix_norm(W, 2)), float(W.abs().sum(1).max()))


def average_gain(average: Callable[[Tensor], Any], x: Tensor) -> Gain | None:
    """Of an affine map with coefficients of one sign, of points like x; None: it mixes samples."""
    ones = torch.ones(2, *x.shape[1:], dtype=torch.float64, device=x.device, requires_grad=True)
    with torch.enable_grad():
        rows = average(ones) - average(torch.zeros_like(ones))
        if not isinstance(rows, Tensor) or rows.ndim == 0 or len(rows) != 2:
            return None
        (columns,) = torch.autograd.grad(rows[0].sum(), ones)
    if bool(columns[1].any()):
        return None
    sums = float(rows.detach().abs().max()), float(columns.abs().max())
    return Gain((sums[0] * sums[1]) ** 0.5, sums[0])
