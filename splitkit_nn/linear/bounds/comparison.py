"""Lipschitz constants of x ↦ ⟨w, z(x)⟩ entry by entry, by the comparison matrix.

Where σ acts entry by entry with slopes in [0, 1], Δz = s(WΔz + UΔx) with 0 ≤ s ≤ 1, so that with
W = diag(W) + V

    (1 − Wᵢᵢ)|Δzᵢ| ≤ Σⱼ |Vᵢⱼ||Δzⱼ| + |UΔx|ᵢ,   that is  N|Δz| ≤ |U||Δx|,   N = I − diag(W) − |V|.

If Nv > 0 for a v > 0, N is an M-matrix: N⁻¹ ≥ 0, |Δz| ≤ N⁻¹|U||Δx|, and for every y ≥ 0 with
Nᵀy ≥ |w|

    |⟨w, Δz⟩| ≤ ⟨|U|ᵀy, |Δx|⟩ ≤ ‖|U|ᵀy‖₁‖Δx‖_∞  and  ≤ ‖|U|ᵀy‖₂‖Δx‖₂.

Source: Jafarpour, Davydov, Proskurnikov, Bullo, *Robust implicit networks via non-Euclidean
contractions* (2021), of whose bound ‖U‖_∞/(1 − μ_∞(W)) this is the sharper form entry by entry.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 1e-9  # relative, by which inequalities are asked for more than they say


def comparison_bounds(W: Tensor, U: Tensor, rows: Tensor) -> tuple[Tensor, Tensor] | None:
    """The constants in ℓ2 and ℓ∞ for each row w; None where N is not certainly an M-matrix."""
    with torch.no_grad():
        W, U, w = W.double(), U.double().abs(), rows.double().abs()
        V = W.abs()
        V.fill_diagonal_(0.0)
        N = torch.diag(1 - W.diagonal()) - V
        v, info = torch.linalg.solve_ex(N, torch.ones_like(N[:, 0]))
        size = torch.eye(len(N)).to(N) + W.abs()
        if int(info) or not bool((v > 0).all()) or not bool((N @ v > ROUNDING * (size @ v)).all()):
            return None
        # y + ROUNDING·(what makes up for rounding in Nᵀy), itself an upper solution of N
        y = torch.linalg.solve(N.T, w.T)
        left = (w.T - N.T @ y).clamp_min(0.0) + ROUNDING * (size.T @ y.abs() + w.T)
        y = y + 2 * torch.linalg.solve(N.T, left)
        enough = N.T @ y - w.T >= ROUNDING * 1e-3 * (size.T @ y.abs())
        if not bool((y >= 0).all()) or not bool((enough | (w.T == 0) & (y == 0)).all()):
            return None
        reach = U.T @ y
        return reach.norm(dim=0), reach.sum(dim=0)
