"""Lipschitz constants γ of x ↦ ⟨w, z(x)⟩ for rows w, by diagonal multipliers.

Let σ act entry by entry with slopes in [0, 1]. For a diagonal Λ ≻ 0 with S = 2Λ − ΛW − WᵀΛ ≻ 0 and
weights d > 0 of the input,

    S ⪰ (wwᵀ + ΛU diag(d)⁻¹UᵀΛ)/γ    ⇒    |⟨w, Δz⟩| ≤ γ (Σ dᵢ Δxᵢ²)^½.

d = 1 gives the ℓ2 constant; for ‖Δx‖_∞ ≤ ε the right side is at most γ(Σ dᵢ)^½ ε. The least γ for
given Λ, d is the greatest eigenvalue λ of (N, S), N = wwᵀ + ΛU diag(d)⁻¹UᵀΛ; with y its vector,

    ∂λ/∂Λᵢ = (2yᵢ(U diag(d)⁻¹UᵀΛy)ᵢ − 2λyᵢ(y − Wy)ᵢ)/yᵀSy,   ∂λ/∂dⱼ = −(UᵀΛy)ⱼ²/dⱼ² / yᵀSy.

Whatever Λ and d a descent finds, the bound holds once the inequality is verified. Λ = tI with the
best t is never worse than ‖w‖‖U‖/m; where σ couples entries, it is all that is allowed. More than
``LARGE`` entries of z, and layers that are no matrix, are left to ``scalar`` and ``convolution``.

Sources: Revay, Wang, Manchester, *Lipschitz bounded equilibrium networks* (2020); Pabbaraju,
Winston, Kolter, *Estimating Lipschitz constants of monotone deep equilibrium models* (2021).
"""

from __future__ import annotations

import torch
from torch import Tensor

from splitkit_nn.linear.bounds.base import MARGIN, LipschitzBounds, Watch, descend, unwatched

LARGE = 512  # an eigenvalue decomposition of this side for each row and step


def lipschitz_bounds(
    W: Tensor,
    U: Tensor,
    rows: Tensor,
    *,
    diagonal: bool = True,
    steps: int = 60,
    watch: Watch = unwatched,
) -> LipschitzBounds:
    """Bounds for x ↦ ⟨w, z(x)⟩, z = σ(Wz + Ux + b), for each row w.

    Parameters
    ----------
    W, U, rows : Tensor, shapes (n, n), (n, d), (k, n)
        I − W strongly monotone.
    diagonal : bool
        σ acts entry by entry, so that every diagonal Λ is allowed.
    steps : int
        Of the descent on Λ and d; 0 keeps the best multiple of the identity.
    watch : callable
        Called with (steps done, of all) after each.

    Raises
    ------
    ValueError
        I − W is not strongly monotone.
    ArithmeticError
        The inequality does not hold with the margin: W is too ill-conditioned.

    Examples
    --------
    >>> W, U, rows = torch.zeros(2, 2), torch.eye(2), torch.eye(2)  # z = σ(x)
    >>> found = sknn.lipschitz_bounds(W, U, rows)
    >>> print(found.l2, found.verified)
    tensor([1., 1.], dtype=torch.float64) True
    """
    W, U, rows = (a.detach().double() for a in (W, U, rows))
    identity = torch.eye(len(W), dtype=W.dtype, device=W.device)
    m = float(torch.linalg.eigvalsh(identity - (W + W.T) / 2)[0])
    if m <= 0:
        raise ValueError(f"I − W is {m:.3g}-strongly monotone: the network has no bound")
    simple = rows.norm(dim=1) * torch.linalg.matrix_norm(U, 2) / m
    l2 = _least(W, U, rows, False, diagonal, steps, lambda done, of: watch(done, 2 * of))
    linf = _least(W, U, rows, True, diagonal, steps, lambda done, of: watch(of + done, 2 * of))
    return LipschitzBounds(torch.minimum(l2, simple), linf, simple, True)


def _least(
    W: Tensor, U: Tensor, rows: Tensor, weighted: bool, diagonal: bool, steps: int, watch: Watch
) -> Tensor:
    """The least verified γ(Σd)^½ (γ alone, with d = 1, if not weighted) that a descent finds."""
    live = rows.norm(dim=1) > 0
    result = torch.zeros(len(rows), dtype=W.dtype, device=W.device)
    if bool(live.any()):
        inequality = _Inequality(W, U, rows[live], weighted, diagonal)
        result[live] = inequality.verified(descend(inequality, inequality.start, steps, watch))
    return result


class _Inequality:
    """The least γ(Σd)^½ (γ, if not weighted) of each row as a function of its log Λ and log d."""

    def __init__(self, W: Tensor, U: Tensor, rows: Tensor, weighted: bool, diagonal: bool) -> None:
        self.W, self.U, self.rows = W, U, rows
        self.weighted, self.diagonal = weighted, diagonal

    @property
    def start(self) -> Tensor:
        """The best multiple of the identity, and weights by the columns of U."""
        count, n = self.rows.shape
        scale = self.rows.norm(dim=1, keepdim=True) / torch.linalg.matrix_norm(self.U, 2)
        columns = self.U.norm(dim=0) if self.weighted else torch.ones_like(self.U[0])
        log_weight = columns.clamp_min(1e-6 * float(columns.max())).log()
        return torch.cat([scale.log().expand(count, n), log_weight.expand(count, -1)], dim=1)

    def matrices(self, point: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Λ, d, S and N."""
        n = self.rows.shape[1]
        multiplier, weight = point[:, :n].exp(), point[:, n:].exp()
        LW = multiplier[:, :, None] * self.W
        S = 2 * torch.diag_embed(multiplier) - LW - LW.mT
        LU = multiplier[:, :, None] * (self.U / weight[:, None, :].sqrt())
        N = LU @ LU.mT + self.rows[:, :, None] * self.rows[:, None, :]
        return multiplier, weight, S, N

    def __call__(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """The value, infinite where S is not positive definite, and the gradient of its log."""
        n = self.rows.shape[1]
        multiplier, weight, S, N = self.matrices(point)
        L, info = torch.linalg.cholesky_ex(S)
        lost = info != 0
        L = torch.where(lost[:, None, None], torch.eye(n, dtype=S.dtype, device=S.device), L)
        A = torch.linalg.solve_triangular(L, N, upper=False)
        A = torch.linalg.solve_triangular(L, A.mT, upper=False)
        values, vectors = torch.linalg.eigh((A + A.mT) / 2)
        value, v = values[:, -1], vectors[:, :, -1]
        y = torch.linalg.solve_triangular(L.mT, v[:, :, None], upper=True)[:, :, 0]
        total = weight.sum(dim=1)
        bound = value * total.sqrt() if self.weighted else value
        # yᵀSy = 1: gradients of log λ (+ ½ log Σd) in log Λ and log d
        reach = (multiplier * y) @ self.U
        by_multiplier = 2 * y * ((reach / weight) @ self.U.T) / value[:, None]
        by_multiplier = multiplier * (by_multiplier - 2 * y * (y - y @ self.W.T))
        by_weight = torch.zeros_like(weight)
        if self.weighted:
            by_weight = weight / (2 * total[:, None]) - reach**2 / weight / value[:, None]
        if not self.diagonal:
            by_multiplier = by_multiplier.sum(dim=1, keepdim=True).expand(-1, n)
        gradient = torch.cat([by_multiplier, by_weight], dim=1)
        return torch.where(lost, torch.inf, bound)[:, None], gradient

    def verified(self, point: Tensor) -> Tensor:
        """The values at a point, raised by the margin, after S − N/γ ≻ 0 has been checked."""
        _, weight, S, N = self.matrices(point)
        total = weight.sum(dim=1).sqrt() if self.weighted else torch.ones_like(weight[:, 0])
        bound = self(point)[0][:, 0] * (1 + MARGIN)
        gamma = (bound / total)[:, None, None]
        least = torch.linalg.eigvalsh(S - N / gamma)[:, 0]
        size = torch.linalg.matrix_norm(S) + torch.linalg.matrix_norm(N / gamma)
        rounding = 8 * S.shape[1] * torch.finfo(S.dtype).eps * size
        if not bool((least > rounding).all()):
            raise ArithmeticError(
                "the matrix inequality of a Lipschitz bound holds only up to rounding "
                f"(least eigenvalue {float(least.min()):.2g}): raise m, or rescale the layer"
            )
        return bound
