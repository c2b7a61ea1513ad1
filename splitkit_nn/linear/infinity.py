"""A layer that is monotone in ℓ∞ as well: μ_∞(W) ≤ 1 − m, and so are its columns.

    W = (1−m)I + T − diag(r),   rᵢ = max(Σⱼ|Tᵢⱼ|, Σⱼ|Tⱼᵢ|).

Rows: Wᵢᵢ + Σ_{j≠i}|Wᵢⱼ| ≤ 1 − m + Tᵢᵢ − |Tᵢᵢ| ≤ 1 − m, so that in ℓ∞ the layer is ‖U‖_∞/m-Lipschitz
for every activation that acts entry by entry, without a factor that grows with the sizes. Columns
alike, so that the symmetric part of W has μ_∞ ≤ 1 − m too: I − W ⪰ mI, and splitting methods
converge as on any other layer.

Source: Jafarpour, Davydov, Proskurnikov, Bullo, *Robust implicit networks via non-Euclidean
contractions* (2021), where rows alone are asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from splitkit_nn.activations import Activation
from splitkit_nn.linear.bounds.comparison import comparison_bounds
from splitkit_nn.linear.dense import MatrixParametrization


class MonotoneInfinity(MatrixParametrization):
    """W with dominant diagonal of I − W, by rows and by columns.

    Parameters
    ----------
    in_features, features : int
        Sizes of the input x and of the equilibrium z.
    m : float
        Of I − W in ℓ∞, ℓ1 and ℓ2, positive.

    Attributes
    ----------
    T : torch.nn.Parameter
        Of shape (features, features), initialized uniformly in ±1/features.
    U : torch.nn.Linear
        The input map, with bias.

    Examples
    --------
    >>> W = sknn.MonotoneInfinity(in_features=4, features=8)
    >>> sknn.MonDEQ(W)(torch.randn(2, 4)).shape
    torch.Size([2, 8])
    """

    def __init__(self, in_features: int, features: int, m: float = 1.0) -> None:
        super().__init__(in_features, features, m)
        self.T = self.new_parameter(features, features)

    def weight(self) -> Tensor:
        T = self.T
        size = T.abs()
        r = torch.maximum(size.sum(dim=1), size.sum(dim=0))
        return T + torch.diag(1 - self.m - r)

    def linf_gain(self, activation: Activation) -> float:
        if not activation.elementwise:
            return super().linf_gain(activation)
        found = comparison_bounds(self.weight(), self.input_matrix(exact=True), self.identity())
        return super().linf_gain(activation) if found is None else float(found[1].max())

    def _draw(self, parameter: Tensor) -> None:
        nn.init.uniform_(parameter, -1 / self.features, 1 / self.features)
