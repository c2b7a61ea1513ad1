"""Lipschitz constants of x ↦ ⟨w, z(x)⟩ for a single convolution, frequency by frequency.

For Λ constant over the grid, one multiplier λ_c for each channel, S = 2Λ − ΛW − WᵀΛ and ΛUUᵀΛ are
circular convolutions with Hermitian blocks; a border held at zero is an activation with slopes in
[0, 1] too, w may be set to 0 there, and padding x with zeros is an isometry. Only wwᵀ couples
frequencies, and it has rank one. So with K = S − τΛUUᵀΛ ≻ 0 and t = γτ as the scale of Λ,

    S ⪰ (wwᵀ/t + tΛUUᵀΛ)/γ   ⇔   γ² ≥ wᵀK⁻¹w/τ.

With Ŝ = LL*, B = L⁻¹ΛÛ, v = L⁻¹ŵ and B*B = E diag(μ)E*, at each ω (⟨·⟩ the mean over the whole
spectrum, summed over i)

    γ²(τ) = ⟨|v|²⟩/τ + ⟨|(EᵀB*v)ᵢ|²/(1 − τμᵢ)⟩,

which is convex in τ. With y = K⁻¹w, ∂γ²/∂λ_c = −(2/τ)⟨ȳ(y − Wy − τUUᵀΛy)⟩ over channel c's entries.
Λ = I is never worse than ‖w‖‖U‖/m. One Λ serves all rows: a Cholesky factor costs the most.

Sources: those of ``matrix``; the blocks are those of Winston, Kolter (2020), App. C.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from splitkit_nn.linear.bounds.base import MARGIN, LipschitzBounds, Watch, descend, unwatched
from splitkit_nn.linear.lattice import Lattice

WIDEST = 128  # channels: one Cholesky factor of this side for each frequency and step
BISECTIONS = 60
SHARED_STEPS = 20  # of a descent on large matrices


def convolution_bounds(
    W: Tensor,
    U: Tensor,
    rows: Tensor,
    grid: Lattice,
    simple: Tensor,
    entries: int,
    *,
    diagonal: bool = True,
    steps: int = 60,
    watch: Watch = unwatched,
) -> LipschitzBounds:
    """Bounds for x ↦ ⟨w, z(x)⟩ for each row w.

    Parameters
    ----------
    W, U : Tensor, shapes (channels, channels, …), (channels, in_channels, …)
        Kernels, in float64.
    rows : Tensor, shape (k, channels, height, width)
        On the hidden grid, zero on its border.
    grid : Lattice
    simple : Tensor, shape (k,)
        Bounds that hold anyway.
    entries : int
        Of an input.
    diagonal, steps, watch
        As for ``lipschitz_bounds``.

    Raises
    ------
    ArithmeticError
        The inequality does not hold with the margin: W is too ill-conditioned.
    """
    with torch.no_grad():
        weight = torch.as_tensor(grid.multiplicity, device=rows.device)
        share = weight[:, None] / (grid.height * grid.width)  # Parseval
        blocks = grid.spectrum(W), grid.spectrum(U), grid.transform(rows).mT
        descent = steps if diagonal and len(W) <= WIDEST else 0
        return _least(_Spectral(*blocks, share), simple, entries, descent, watch)


def shared_bounds(
    W: Tensor,
    U: Tensor,
    rows: Tensor,
    simple: Tensor,
    *,
    diagonal: bool = True,
    steps: int = 60,
    watch: Watch = unwatched,
) -> LipschitzBounds:
    """Bounds for x ↦ ⟨w, z(x)⟩ for each row w, by one Λ for all, where W, U and rows are matrices:
    the one frequency of a grid of one point.
    """
    with torch.no_grad():
        W, U, rows = (each.detach().double() for each in (W, U, rows))
        one = torch.ones(1, 1, dtype=W.dtype, device=W.device)
        bounds = _Spectral(W[None], U[None], rows.T[None], one)
        descent = min(steps, SHARED_STEPS) if diagonal else 0
        return _least(bounds, simple, U.shape[1], descent, watch)


def _least(
    bounds: _Spectral, simple: Tensor, entries: int, steps: int, watch: Watch
) -> LipschitzBounds:
    """The better of Λ = I and what a descent finds, verified."""
    equal = simple.new_zeros(bounds.W.shape[-1])
    l2 = torch.minimum(bounds.verified(equal), simple)
    if steps:
        (best,) = descend(bounds.mean_log, equal[None], steps, watch)
        l2 = torch.minimum(bounds.verified(best), l2)
    return LipschitzBounds(l2, l2 * entries**0.5, simple, True)


class _Evaluation(NamedTuple):
    """γ for each row, the gradient of the mean of log γ in log λ, and τ max μ."""

    gamma: Tensor
    gradient: Tensor
    reach: Tensor


class _Spectral:
    """γ for each row as a function of log λ; the first axis is the half spectrum's.

    W, U and rows are blocks, ``share`` what each counts in an inner product.
    """

    def __init__(self, W: Tensor, U: Tensor, rows: Tensor, share: Tensor) -> None:
        self.W, self.U, self.rows, self.share = W, U, rows, share

    def gram(self, log_multipliers: Tensor) -> Tensor:
        """S."""
        LW = log_multipliers.exp()[:, None] * self.W
        return 2 * torch.diag(log_multipliers.exp()) - LW - LW.mH

    def __call__(self, log_multipliers: Tensor) -> _Evaluation | None:
        """None if S is not positive definite."""
        L, info = torch.linalg.cholesky_ex(self.gram(log_multipliers))
        if bool(info.any()):
            return None
        multipliers = log_multipliers.exp()
        LU = multipliers[:, None] * self.U
        B = torch.linalg.solve_triangular(L, LU, upper=False)
        v = torch.linalg.solve_triangular(L, self.rows, upper=False)
        mu, E = torch.linalg.eigh(B.mH @ B)
        X = E.mH @ (B.mH @ v)
        mu = mu.clamp_min(0.0)
        total, parts = self.mean(v.abs().square().sum(dim=1)), X.abs().square()
        tau = self.best(mu, total, parts)
        slack = 1 - tau * mu[:, :, None]
        square = total / tau + self.mean((parts / slack).sum(dim=1))
        y = v + tau * (B @ (E @ (X / slack)))
        y = torch.linalg.solve_triangular(L.mH, y, upper=True)
        residual = y - self.W @ y - tau * (self.U @ (LU.mH @ y))
        slope = torch.einsum("fck,fck,fk->ck", y.conj(), residual, self.share.to(y.dtype)).real
        gradient = -(multipliers[:, None] * slope / (tau * square)).mean(dim=1)
        return _Evaluation(square.sqrt(), gradient, tau * mu.max())

    def mean_log(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of log γ at the one log λ among the points, and its gradient."""
        evaluation = self(points[0])
        if evaluation is None:
            return points.new_full((1, 1), torch.inf), torch.zeros_like(points)
        return evaluation.gamma.log().mean().reshape(1, 1), evaluation.gradient[None]

    def mean(self, values: Tensor) -> Tensor:
        """An inner product of points by those of their blocks, for each row."""
        return (self.share * values).sum(dim=0)

    def best(self, mu: Tensor, total: Tensor, parts: Tensor) -> Tensor:
        """The minimizing τ for each row, by bisection of the derivative on (0, 1/max μ)."""
        low, high = torch.zeros_like(total), torch.ones_like(total) / mu.max()
        weighted = parts * mu[:, :, None]
        for _ in range(BISECTIONS):
            tau = (low + high) / 2
            slope = self.mean((weighted / (1 - tau * mu[:, :, None]) ** 2).sum(dim=1))
            rising = slope > total / tau**2
            low, high = torch.where(rising, low, tau), torch.where(rising, tau, high)
        return low

    def verified(self, log_multipliers: Tensor) -> Tensor:
        """γ at Λ, raised by the margin, once S ≻ 0 and K ≻ 0 are certain beyond rounding."""
        S = self.gram(log_multipliers)
        values = torch.linalg.eigvalsh(S)
        least, greatest = float(values.min()), float(values.max())
        evaluation = self(log_multipliers)
        rounding = 100 * S.shape[1] * torch.finfo(values.dtype).eps * greatest
        if evaluation is None or least * MARGIN < rounding:
            raise ArithmeticError(
                "the matrix inequality of a Lipschitz bound holds only up to rounding "
                f"(least eigenvalue {least:.2g} of {greatest:.2g}): raise m, or rescale the layer"
            )
        live = self.rows.abs().sum(dim=(0, 1)) > 0
        slack = (1 - evaluation.reach[live]).min() if bool(live.any()) else 1.0
        if not float(slack) > MARGIN * 10:
            raise ArithmeticError(
                f"the matrix inequality of a Lipschitz bound is nearly singular ({float(slack):.2g}"
                "): rescale the input map"
            )
        return torch.where(live, evaluation.gamma * (1 + MARGIN), 0.0)
