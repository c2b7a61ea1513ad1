"""A layer with a readout whose Lipschitz constant is at most γ, whatever the parameters:

    W = (1−m)I − (W_oᵀW_o + UUᵀ)/(2γ) − PᵀP + Q − Qᵀ,    x ↦ z = σ(Wz + Ux + b) ↦ W_o z + b_o.

For two inputs, ⟨Δz, WΔz + UΔx − Δz⟩ ≥ 0, since a proximal map is firmly nonexpansive. That is
½⟨Δz, SΔz⟩ ≤ ⟨Δz, UΔx⟩ with S = 2I − W − Wᵀ ⪰ (W_oᵀW_o + UUᵀ)/γ. So
‖W_oΔz‖² + ‖UᵀΔz‖² ≤ 2γ⟨UᵀΔz, Δx⟩ ≤ ‖UᵀΔz‖² + γ²‖Δx‖², which is ‖W_oΔz‖ ≤ γ‖Δx‖.

A positive diagonal Ψ between this condition and the layer, W = I − Ψ[…], is a change of variables
Ψ^{−½}z: what is called z here is the state in that metric, in which I − W ⪰ mI holds as it stands.
Nothing is lost by Ψ = I with an activation such that σ(tz) = tσ(z) for t > 0, as for ReLU.
Source: Revay, Wang, Manchester, *Lipschitz bounded equilibrium networks* (2020), Thm. 2.
"""

from __future__ import annotations

from torch import Tensor, nn

from splitkit.arguments import POSITIVE, check_integer, check_number
from splitkit_nn.linear.affine import matrix_of
from splitkit_nn.linear.dense import MatrixParametrization


class MonotoneLipschitz(MatrixParametrization):
    """W that depends on the input map and on the readout, which it owns.

    ``readout(MonDEQ(parametrization)(x))`` is γ-Lipschitz in x, in ℓ2, for every activation.

    Parameters
    ----------
    in_features, features, out_features : int
        Sizes of the input x, of the equilibrium z and of the output.
    gamma : float
        γ, positive.
    m : float
        Strong monotonicity of I − W, positive.

    Attributes
    ----------
    P, Q : torch.nn.Parameter
        Of shape (features, features), initialized uniformly in ±1/√features.
    U, readout : torch.nn.Linear
        The input map and the readout, with bias.
    """

    def __init__(
        self, in_features: int, features: int, out_features: int, gamma: float, m: float = 1.0
    ) -> None:
        super().__init__(in_features, features, m)
        self.gamma = check_number("gamma", gamma, POSITIVE)
        self.readout = nn.Linear(features, check_integer("out_features", out_features, 1))
        self.P = self.new_parameter(features, features)
        self.Q = self.new_parameter(features, features)

    @property
    def out_features(self) -> int:
        """Of the readout."""
        return self.readout.out_features

    def weights(self) -> dict[str, Tensor]:
        unused = {"U.bias", "readout.bias"}
        return {name: p for name, p in self.named_parameters() if name not in unused}

    def weight(self) -> Tensor:
        U = self.input_matrix()
        W_o = matrix_of(self.readout, self.like, self.features)
        gain = (W_o.T @ W_o + U @ U.T) / (2 * self.gamma)
        return (1 - self.m) * self.identity(self.P) - gain - self.P.T @ self.P + (self.Q - self.Q.T)
