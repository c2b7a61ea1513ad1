"""The equilibrium network as two monotone inclusions, on arrays of any library.

Forward. z = σ(Wz + Ux + b), σ = prox_f, is the zero of F + G with

    F(z) = (I − W)z − (Ux + b),   G = ∂f.

I − W ⪰ mI makes F m-strongly monotone: z exists and is unique.

Backward. With J the Jacobian of σ at Wz + Ux + b (symmetric, 0 ⪯ J ⪯ I) and a cotangent v of z,
(I − JW)⁻ᵀv = v + Wᵀũ, where ũ = J(v + Wᵀũ) is the zero of F̃ + G̃ with

    F̃(ũ) = (I − Wᵀ)ũ,   G̃(ũ) = Dũ − v,   J = (I + D)⁻¹.

F̃ has F's constants and its resolvent is the transpose of F's: the factorization serves both. ũ is
the cotangent of the pre-activation. D is never formed.

Source: Winston, Kolter, *Monotone operator equilibrium networks* (2020), Thms. 1-3, with the
corrections that ``docs/errata.md`` lists.
"""

from __future__ import annotations

from splitkit import Affine, LinearOperator, Operator
from splitkit.backend import Array, Scalar
from splitkit.operators.base import PointMap
from splitkit.properties import Properties
from splitkit_nn.activations.jacobians import (
    DiagonalJacobian,
    Jacobian,
    Slopes,
    subgradient_properties,
)


def forward_inclusion(M: LinearOperator, bias: Array, G: Operator) -> tuple[Affine, Operator]:
    """(F, G) for M = I − W and bias = Ux + b, of shape (batch, features)."""
    return Affine(M, bias), G


def cotangent_inclusion(
    M: LinearOperator,
    J: Jacobian | Array,
    v: Array,
    slopes: Slopes = (0.0, 1.0),
    *,
    transposed: bool = True,
) -> tuple[Affine, Operator]:
    """(F̃, G̃) for M = I − W, the Jacobian J (an array: its diagonal) and the cotangent v, a point;
    ``slopes`` bound J's eigenvalues, so that F̃ + G̃ has the constants of F + G.

    ``transposed=False`` puts W in the place of Wᵀ: the equation of second derivatives.
    """
    F = Affine.of_finite(M.T if transposed else M)
    return F, LinearizedActivation(J, v, slopes)


class LinearizedActivation(Operator):
    """ũ ↦ Dũ − v with J = (I + D)⁻¹; a normal cone where J is singular.

    R_α(x) = J_α(x + αv) with J_α = J((1 − α)J + αI)⁻¹, the Jacobian of prox_{αf}; on a diagonal
    J(x + αv)/(J + α(1 − J)).
    """

    properties: Properties

    def __init__(self, J: Jacobian | Array, v: Array, slopes: Slopes = (0.0, 1.0)) -> None:
        self.J, self.v = J if isinstance(J, Jacobian) else DiagonalJacobian(J), v
        self.properties = subgradient_properties(slopes, linear=True)
        self._cayley: tuple[Scalar, PointMap] | None = None  # for the last step size

    def make_resolvent(self, alpha: Scalar) -> PointMap:
        slope = self.J.proximal(alpha)
        return slope.plus(slope(alpha * self.v))

    def make_cayley(self, alpha: Scalar) -> PointMap:
        if self._cayley is None or self._cayley[0] is not alpha:
            slope = self.J.proximal(alpha)
            self._cayley = alpha, slope.reflected().plus(slope((2 * alpha) * self.v))
        return self._cayley[1]
