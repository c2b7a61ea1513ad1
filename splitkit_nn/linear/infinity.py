"""A layer that is monotone in a weighted ℓ∞ as well: μ_∞(ΩWΩ⁻¹) ≤ 1 − m, ‖z‖ = max |zᵢ|ωᵢ.

    W = (1−m)I + T − diag(r),   rᵢ = max(aᵢ, (aᵢ + bᵢ)/2),
    aᵢ = ωᵢΣⱼ|Tᵢⱼ|/ωⱼ,   bᵢ = ωᵢΣⱼ|Tⱼᵢ|/ωⱼ.

Rows: Wᵢᵢ + ωᵢΣ_{j≠i}|Wᵢⱼ|/ωⱼ ≤ 1 − m + Tᵢᵢ − |Tᵢᵢ| ≤ 1 − m, so that in ℓ∞ with ω = 1 the layer is
‖U‖_∞/m-Lipschitz for every activation that acts entry by entry, without a factor that grows with
the sizes; ``comparison_bounds`` finds the like for every ω. The mean of row and column: by
Gershgorin's theorem on Ω(W + Wᵀ)Ω⁻¹/2 the symmetric part of W is at most 1 − m too. So I − W ⪰ mI,
and splitting methods converge at every step, with certificates in ℓ2, as on any other layer.

Jafarpour et al. ask for rows alone. By these and σ entry by entry, forward-backward and
Peaceman-Rachford splitting contract in ℓ∞ by 1 − αm and (1 − αm)/(1 + αm), but for α ≤ 1/max(1 −
Wᵢᵢ) only, and in ℓ2 nothing is known. Nothing is lost here where σ(tz) = tσ(z) for t > 0, as for
ReLU: with N = I − diag(W) − |W − diag(W)|, N1 ≥ m1 and any m′ < m, p = (N − m′I)⁻ᵀ1 is positive,
and in the variables P^½z, P = diag(p), rows and columns are dominant by m′ for ω = p^{−½}.

Sources: Jafarpour, Davydov, Proskurnikov, Bullo, *Robust implicit networks via non-Euclidean
contractions* (2021); Davydov, Jafarpour, Proskurnikov, Bullo, *Non-Euclidean monotone operator
theory and applications* (2024).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from splitkit_nn.activations import Activation
from splitkit_nn.linear.bounds.comparison import comparison_bounds
from splitkit_nn.linear.dense import MatrixParametrization


class MonotoneInfinity(MatrixParametrization):
    """W with weighted dominant diagonal of I − W, by rows and by the means of rows and columns.

    Parameters
    ----------
    in_features, features : int
        Sizes of the input x and of the equilibrium z.
    m : float
        Of I − W in the weighted ℓ∞ and in ℓ2, positive.

    Attributes
    ----------
    T : torch.nn.Parameter
        Of shape (features, features), initialized uniformly in ±1/features.
    log_weights : torch.nn.Parameter
        log ω, of shape (features,), 0 at first.
    U : torch.nn.Linear
        The input map, with bias.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m no positive number.

    Examples
    --------
    >>> W = sknn.MonotoneInfinity(in_features=4, features=8)
    >>> sknn.MonDEQ(W)(torch.randn(2, 4)).shape
    torch.Size([2, 8])
    """

    formula = r"W = (1 - m)I + T - \mathrm{diag}(r)"

    def __init__(self, in_features: int, features: int, m: float = 1.0) -> None:
        super().__init__(in_features, features, m)
        self.T = self.new_parameter(features, features)
        self.log_weights = nn.Parameter(torch.zeros(features))

    def reset_parameters(self) -> None:
        """Draw T anew, and set ω to 1; ``U`` has a method of its own."""
        self._draw(self.T)
        nn.init.zeros_(self.log_weights)

    def weight(self) -> Tensor:
        T, log_weights = self.T, self.log_weights
        ratio = (log_weights[:, None] - log_weights).exp()  # ωᵢ/ωⱼ
        rows, columns = (T.abs() * ratio).sum(dim=1), (T.abs().T * ratio).sum(dim=1)
        r = torch.maximum(rows, (rows + columns) / 2)
        return T + torch.diag(1 - self.m - r)

    def linf_gain(self, activation: Activation) -> float:
        if not activation.elementwise:
            return super().linf_gain(activation)
        found = comparison_bounds(self.weight(), self.input_matrix(exact=True), self.identity())
        return super().linf_gain(activation) if found is None else float(found[1].max())

    def _draw(self, parameter: Tensor) -> None:
        nn.init.uniform_(parameter, -1 / self.features, 1 / self.features)
