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

import math

import torch
from torch import Tensor, nn

from splitkit.arguments import POSITIVE, check_flag, check_integer, check_number
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
    learned : bool
        Whether γ is a parameter, which begins at ``gamma``: a loss that weighs ``bound`` finds the
        γ that the data are worth.

    Attributes
    ----------
    bound : Tensor
        γ, tracked if it is learned; then positive whatever its parameter ``log_gamma``.
    P, Q : torch.nn.Parameter
        Of shape (features, features), initialized uniformly in ±1/√features.
    U, readout : torch.nn.Linear
        The input map and the readout, with bias.

    Raises
    ------
    TypeError, ValueError
        A size is no positive integer, or m or ``gamma`` no positive number.

    Examples
    --------
    >>> W = sknn.MonotoneLipschitz(in_features=4, features=8, out_features=3, gamma=2.0)
    >>> model = torch.nn.Sequential(sknn.MonDEQ(W), W.readout)  # 2-Lipschitz
    >>> model(torch.randn(5, 4)).shape
    torch.Size([5, 3])
    """

    formula = r"W = (1 - m)I - (W_o^\top W_o + UU^\top)/(2\gamma) - P^\top P + Q - Q^\top"

    def __init__(
        self,
        in_features: int,
        features: int,
        out_features: int,
        gamma: float,
        m: float = 1.0,
        *,
        learned: bool = False,
    ) -> None:
        super().__init__(in_features, features, m)
        self._gamma = check_number("gamma", gamma, POSITIVE)
        self.learned = check_flag("learned", learned)
        if self.learned:
            self.log_gamma = nn.Parameter(torch.full((1,), math.log(self._gamma)))
        self.readout = nn.Linear(features, check_integer("out_features", out_features, 1))
        self.P = self.new_parameter(features, features)
        self.Q = self.new_parameter(features, features)

    @property
    def out_features(self) -> int:
        """Of the readout."""
        return self.readout.out_features

    @property
    def gamma(self) -> float:
        """γ as it is now."""
        return float(self.log_gamma.detach().double().exp()) if self.learned else self._gamma

    @property
    def bound(self) -> Tensor:
        """γ, tracked."""
        return self.log_gamma.exp() if self.learned else self.like.new_tensor([self._gamma])

    def reset_parameters(self) -> None:
        """Draw P and Q anew, and set γ to what it was first; ``U`` and ``readout`` have methods of
        their own.
        """
        for parameter in (self.P, self.Q):
            self._draw(parameter)
        if self.learned:
            nn.init.constant_(self.log_gamma, math.log(self._gamma))

    def weights(self) -> dict[str, Tensor]:
        unused = {"U.bias", "readout.bias"}
        return {name: p for name, p in self.named_parameters() if name not in unused}

    def weight(self) -> Tensor:
        U = self.input_matrix()
        W_o = matrix_of(self.readout, self.like, self.features)
        gamma = self.log_gamma.exp() if self.learned else self._gamma
        gain = (W_o.T @ W_o + U @ U.T) / (2 * gamma)
        return (1 - self.m) * self.identity(self.P) - gain - self.P.T @ self.P + (self.Q - self.Q.T)
