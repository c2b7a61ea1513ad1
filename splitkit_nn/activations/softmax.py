"""Softmax: f(z) = Σ zᵢ log zᵢ − ½‖z‖² on the simplex; J = diag(z) − zzᵀ at z = σ(y).

At α ≠ 1, prox_{αf}(y) = σ(s) with (1 − α)σ(s) + αs = y: s minimizes the strongly convex
h(s) = (1 − α) log Σe^{sᵢ} + ½α‖s‖² − ⟨y, s⟩, whose third derivative is bounded by √2‖v‖⟨v, h″v⟩
along v. Newton's method with steps log(1 + δ)/δ, δ = √2‖Δs‖, therefore converges from everywhere.

Sources: Combettes, Pesquet (2020), Ex. 2.23; Sun, Tran-Dinh, *Generalized self-concordant
functions: a recipe for Newton-type methods* (2019), for the step.
"""

from __future__ import annotations

from splitkit.backend import Array, Scalar, align, namespace
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.sparsemax import Sparsemax
from splitkit_nn.jacobians import DiagonalPlusRankOne, group_sum

STEPS = 12  # ten suffice at α = 1e-3, five at α ≥ 1


class Softmax(Activation):
    """e^{yᵢ}/Σe^{yⱼ} along axis 1: over the features, or over the channels at each place."""

    elementwise = False
    slopes = (0.0, 0.5)  # Var ≤ ¼(max − min)² of a vector of norm 1

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        e = xp.exp(y - xp.max(y, axis=1, keepdims=True))
        return e / xp.sum(e, axis=1, keepdims=True)

    def jacobian(self, y: Array) -> DiagonalPlusRankOne:
        return _jacobian(self(y))

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        if isinstance(alpha, (int, float)) and alpha == 1:
            return self(y)
        xp = namespace(y)
        alpha = align(alpha, y)
        # as α → 0 the proximal map becomes the projection onto the simplex
        s = (y - (1 - alpha) * Sparsemax()(y)) / alpha
        for _ in range(STEPS):
            z = self(s)
            r = y - (1 - alpha) * z - alpha * s
            # ((1 − α)J + αI)⁻¹ = (I − (1 − α)J_α)/α
            newton = (r - (1 - alpha) * _jacobian(z).proximal(alpha)(r)) / alpha
            delta = xp.sqrt(2 * group_sum(newton * newton, 1))
            s = s + newton * _damping(delta)
        return self(s)


def _jacobian(z: Array) -> DiagonalPlusRankOne:
    return DiagonalPlusRankOne(z, z, sign=-1.0)


def _damping(delta: Array) -> Array:
    """log(1 + δ)/δ, 1 at 0."""
    xp = namespace(delta)
    small = delta < 1e-8
    safe = xp.where(small, xp.ones_like(delta), delta)
    return xp.where(small, xp.ones_like(delta), xp.log1p(safe) / safe)
