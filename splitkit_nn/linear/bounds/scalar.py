"""Lipschitz constants of x ↦ ⟨w, z(x)⟩ from Λ = tI, for any I − W that can be applied.

With S = 2I − W − Wᵀ ⪰ 2mI and the best t, the inequality of ``matrix`` holds for

    γ² = 4ρ wᵀS⁻¹w,   ρ ≥ ‖S^{−½}U‖², by default ‖U‖²/2m,

at most (‖w‖‖U‖/m)² and much less where w lies in directions in which S is large. On entries that
the activation holds at zero nothing is asked: S and w are those of the others. Whatever y,

    wᵀS⁻¹w = 2⟨w, y⟩ − ⟨y, Sy⟩ + ⟨r, S⁻¹r⟩ ≤ 2⟨w, y⟩ − ⟨y, Sy⟩ + ‖r‖²/(2m),   r = w − Sy,

so that conjugate gradients may stop anywhere. σ need not act entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from splitkit import LinearOperator
from splitkit_nn.linear.bounds.base import MARGIN, LipschitzBounds, Watch, unwatched

ENOUGH = 1e-4  # the share of wᵀS⁻¹w that may be left to ‖r‖²/(2m)


def scalar_bounds(
    M: LinearOperator,
    gain: float,
    mask: Tensor | None,
    rows: Tensor,
    differences: Tensor,
    entries: int,
    *,
    reach: float = math.inf,
    steps: int = 60,
    watch: Watch = unwatched,
) -> LipschitzBounds:
    """Bounds for each w that is a combination of rows.

    Parameters
    ----------
    M : LinearOperator
        I − W in float64; its m is believed.
    gain : float
        ‖U‖, or an upper bound.
    mask : bool Tensor or None
        Where it is false, z is zero.
    rows : Tensor, shape (classes, *point)
    differences : Tensor, shape (k, classes)
        The coefficients of each w.
    entries : int
        Of an input.
    reach : float
        A ρ that holds, of which the smaller counts.
    steps : int
        Of conjugate gradients, at most; 0 gives ‖w‖‖U‖/m.
    watch : callable
        Called with (steps done, of all) after each.
    """
    with torch.no_grad():
        rows = rows.detach().double()
        m = M.properties.strong_monotonicity
        assert m is not None

        def keep(z: Tensor) -> Tensor:
            return z if mask is None else torch.where(mask, z, 0.0)

        def S(z: Tensor) -> Tensor:
            return keep(M(z) + M.adjoint(z))

        rows = keep(rows)
        y = _conjugate_gradients(S, rows, m, steps, watch)
        combined = [torch.tensordot(differences, a, dims=1).flatten(1) for a in (rows, y, S(y))]
        w, y, Sy = combined
        value = 2 * (w * y).sum(1) - (y * Sy).sum(1) + (w - Sy).square().sum(1) / (2 * m)
        simple = w.norm(dim=1) * gain / m
        reach = min(reach, gain**2 / (2 * m))
        l2 = torch.minimum(2 * (reach * value.clamp_min(0.0)).sqrt() * (1 + MARGIN), simple)
        return LipschitzBounds(l2, l2 * entries**0.5, simple, False)


def _conjugate_gradients(
    S: Callable[[Tensor], Tensor], w: Tensor, m: float, steps: int, watch: Watch
) -> Tensor:
    """y near S⁻¹w, row by row."""
    shape = (-1, *(1 for _ in w.shape[1:]))

    def inner(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).flatten(1).sum(dim=1)

    y, r = torch.zeros_like(w), w
    direction, square = r, inner(r, r)
    for k in range(steps):
        if bool((square <= ENOUGH * 2 * m * inner(w, y)).all()):
            break
        image = S(direction)
        curvature = inner(direction, image)
        length = torch.where(curvature > 0, square / curvature, 0.0).reshape(shape)
        y, r = y + length * direction, r - length * image
        before, square = square, inner(r, r)
        ratio = torch.where(before > 0, square / before, 0.0).reshape(shape)
        direction = r + ratio * direction
        watch(k + 1, steps)
    watch(steps, steps)
    return y
