"""GMRES on blocks of Torch tensors. Source: Saad, Schultz, *GMRES* (1986)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from splitkit.backend import norm

Blocks = tuple[Tensor, ...]


def gmres(operator: Callable[[Blocks], Blocks], rhs: Blocks, max_steps: int = 500) -> Blocks:
    """The solution of operator(w) = rhs by GMRES without restarts, to rounding; NaN if rhs has NaN
    or Inf, as scaled losses may have, whose scaler looks for it.

    Raises
    ------
    ArithmeticError
        The residual does not fall below √eps of the right side.
    """
    shapes = [b.shape for b in rhs]

    def flat(parts: Blocks) -> Tensor:
        return torch.cat([p.reshape(-1) for p in parts])

    def split(vector: Tensor) -> Blocks:
        parts = torch.split(vector, [s.numel() for s in shapes])
        return tuple(p.reshape(s) for p, s in zip(parts, shapes, strict=True))

    b = flat(rhs).detach()
    size = float(norm(b, 0))
    if size == 0 or b.numel() == 0:
        return tuple(torch.zeros_like(r) for r in rhs)
    if not math.isfinite(size):
        return tuple(torch.full_like(r, math.nan) for r in rhs)
    eps = torch.finfo(b.dtype).eps
    basis, H = [b / size], b.new_zeros(1, 0)
    for k in range(min(max_steps, b.numel())):
        w = flat(operator(split(basis[-1]))).detach()
        column = b.new_zeros(k + 2)
        for _ in range(2):  # twice is enough for orthogonality to rounding
            stacked = torch.stack(basis)
            along = stacked @ w
            w = w - along @ stacked
            column[: k + 1] += along
        column[k + 1] = w.norm()
        H = torch.column_stack((torch.nn.functional.pad(H, (0, 0, 0, 1)), column))
        target = b.new_zeros(k + 2)
        target[0] = 1  # in units of the right side
        weights = torch.linalg.lstsq(H, target[:, None]).solution[:, 0]
        residual = float((H @ weights - target).norm())
        if residual <= 10 * eps or float(column[k + 1]) <= 10 * eps:
            break
        basis.append(w / column[k + 1])
    if not residual <= eps**0.5:
        raise ArithmeticError(
            f"the linear system of the derivative is solved only to {residual:.1e}: the "
            "solution is not unique, jumps as the operators change, or was found too roughly (tol)"
        )
    return split((size * weights) @ torch.stack(basis[: len(weights)]))
