"""GMRES on blocks of Torch tensors. Source: Saad, Schultz, *GMRES* (1986)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from splitkit.backend import norm

Blocks = tuple[Tensor, ...]
ROOM = 32  # basis vectors for which room is made at a time


def gmres(operator: Callable[[Blocks], Blocks], rhs: Blocks, max_steps: int = 500) -> Blocks:
    """The solution of operator(w) = rhs by GMRES without restarts, to rounding; NaN if rhs has NaN
    or Inf, as scaled losses may have, whose scaler looks for it.

    Raises
    ------
    ArithmeticError
        The residual does not fall below √eps of the right side.
    """
    b = flat(rhs)
    size = float(norm(b, 0))
    if size == 0 or b.numel() == 0:
        return tuple(torch.zeros_like(r) for r in rhs)
    if not math.isfinite(size):
        return tuple(torch.full_like(r, math.nan) for r in rhs)
    eps = torch.finfo(b.dtype).eps
    basis = b.new_empty(ROOM, len(b))
    basis[0] = b / size
    steps = min(max_steps, len(b))
    R, target = np.zeros((steps, steps)), np.zeros(steps + 1)  # of H = QR: R and Qᵀe₁
    target[0] = 1  # in units of the right side
    rotations: list[tuple[float, float]] = []
    for k in range(steps):
        known = basis[: k + 1]
        w = flat(operator(split(basis[k], rhs)))
        along = known @ w
        w = w - along @ known
        again = known @ w  # twice is enough for orthogonality to rounding
        w = w - again @ known
        *column, rest = torch.cat(((along + again), w.norm()[None])).tolist()
        for i, (c, s) in enumerate(rotations):
            column[i], column[i + 1] = (
                c * column[i] + s * column[i + 1],
                c * column[i + 1] - s * column[i],
            )
        length = math.hypot(column[k], rest)
        c, s = (column[k] / length, rest / length) if length else (1.0, 0.0)
        rotations.append((c, s))
        R[: k + 1, k] = [*column[:k], length]
        target[k], target[k + 1] = c * target[k], -s * target[k]
        residual = abs(float(target[k + 1]))
        if residual <= 10 * eps or rest <= 10 * eps or not math.isfinite(residual):
            break
        if k + 1 == len(basis):
            basis = torch.cat((basis, torch.empty_like(basis[:ROOM])))
        basis[k + 1] = w / rest
    weights = np.zeros(k + 1)
    if math.isfinite(residual):  # R is singular where the operator is
        triangle, right = R[: k + 1, : k + 1], target[: k + 1]
        weights = np.asarray(np.linalg.lstsq(triangle, right, rcond=10 * eps)[0])
        residual = math.hypot(residual, float(np.linalg.norm(triangle @ weights - right)))
    if not residual <= eps**0.5:
        raise ArithmeticError(
            f"the linear system of the derivative is solved only to {residual:.1e}: the "
            "solution is not unique, jumps as the operators change, or was found too roughly (tol)"
        )
    combined = torch.as_tensor(size * weights, dtype=b.dtype).to(b.device) @ basis[: k + 1]
    return split(combined, rhs)


def flat(parts: Blocks) -> Tensor:
    """The blocks as one vector."""
    return torch.cat([p.reshape(-1) for p in parts])


def split(vector: Tensor, like: Blocks) -> Blocks:
    """The vector as blocks like these; leading axes stay."""
    parts = torch.split(vector, [b.numel() for b in like], dim=-1)
    return tuple(p.reshape(*vector.shape[:-1], *b.shape) for p, b in zip(parts, like, strict=True))
