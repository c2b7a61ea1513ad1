"""Softmax."""

from __future__ import annotations

from splitkit.backend import Array, Scalar, align, namespace
from splitkit_nn.activations.base import Activation
from splitkit_nn.activations.jacobians import DiagonalPlusRankOne, group_sum
from splitkit_nn.activations.sparsemax import Sparsemax

STEPS = 10  # eight suffice at every α tried, from 1e-6 to 1e4
START = 3  # Newton steps of the start


class Softmax(Activation):
    """e^{yᵢ}/Σe^{yⱼ} along axis 1: over the features, or over the channels at each place.

    Softmax: f(z) = Σ zᵢ log zᵢ − ½‖z‖² on the simplex; J = diag(z) − zzᵀ at z = σ(y).

    At α ≠ 1, prox_{αf}(y) = σ(t) with (1 − α)σ(t) + αt = y − μ1 for a scalar μ: t minimizes
    h(t) = (1 − α) log Σe^{tᵢ} + ½α‖t‖² − ⟨y, t⟩ up to multiples of 1, which σ does not see. With
    z = σ(t), d = (1 − α)z + α and r = y − (1 − α)z − αt, the Newton step with ⟨z, Δ⟩ = 0 is

        Δ = (r − ν1)/d,   ν = Σ(zᵢrᵢ/dᵢ) / Σ(zᵢ/dᵢ).

    The third derivative of log Σe^{tᵢ} is at most ‖Δ‖_∞⟨Δ, JΔ⟩ along Δ, so that steps log(1 + δ)/δ,
    δ = ‖Δ‖_∞, converge from everywhere. No number here grows as α → 0: t = log z.

    Sources: Combettes, Pesquet (2020), Ex. 2.23; Sun, Tran-Dinh, *Generalized self-concordant
    functions: a recipe for Newton-type methods* (2019), for the step.

    Examples
    --------
    >>> σ = sknn.Softmax()
    >>> y = torch.tensor([[2.0, -0.5, 0.3]])
    >>> print(σ(y), σ.prox(y, 2.0))
    tensor([[0.7907, 0.0649, 0.1444]]) tensor([[0.6365, 0.1424, 0.2210]])
    """

    elementwise = False
    slopes = (0.0, 0.5)  # Var ≤ ¼(max − min)² of a vector of norm 1

    def __call__(self, y: Array) -> Array:
        xp = namespace(y)
        e = xp.exp(y - xp.max(y, axis=1, keepdims=True))
        return e / xp.sum(e, axis=1, keepdims=True)

    def jacobian(self, y: Array) -> DiagonalPlusRankOne:
        z = self(y)
        return DiagonalPlusRankOne(z, z, sign=-1.0)

    def prox(self, y: Array, alpha: Scalar = 1.0) -> Array:
        if isinstance(alpha, (int, float)) and alpha == 1:
            return self(y)
        xp = namespace(y)
        alpha = align(alpha, y)
        t = _start(y, alpha)
        for _ in range(STEPS):
            z = xp.exp(t)
            r, d = y - (1 - alpha) * z - alpha * t, (1 - alpha) * z + alpha
            newton = (r - group_sum(z * r / d, 1) / group_sum(z / d, 1)) / d
            t = _normalized(t + newton * _damping(xp.max(xp.abs(newton), axis=1, keepdims=True)))
        return xp.exp(t)


def _damping(delta: Array) -> Array:
    """log(1 + δ)/δ, 1 at 0."""
    xp = namespace(delta)
    small = delta < 1e-8
    safe = xp.where(small, xp.ones_like(delta), delta)
    return xp.where(small, xp.ones_like(delta), xp.log1p(safe) / safe)


def _normalized(t: Array) -> Array:
    """log σ(t)."""
    xp = namespace(t)
    t = t - xp.max(t, axis=1, keepdims=True)
    return t - xp.log(group_sum(xp.exp(t), 1))


def _start(y: Array, alpha: Scalar) -> Array:
    """log z near its solution.

    For α ≥ ½ the term (1 − 1/α)z in log z = (y − μ)/α + (1 − 1/α)z is within [−1, 1]. Below, μ is
    near that of the projection onto {z ≥ 0, Σz = 1 − α}, and z = κω with ω + log ω = x,
    x = (y − μ)/α − log κ, κ = α/(1 − α).
    """
    xp = namespace(y)
    small = xp.minimum(alpha * xp.ones_like(y), 0.5 * xp.ones_like(y))
    projected = (1 - small) * Sparsemax()(y / (1 - small))
    mu = xp.max(y, axis=1, keepdims=True) - xp.max(projected, axis=1, keepdims=True)
    x = (y - mu) / small - xp.log(small / (1 - small))
    one = xp.ones_like(x)
    u = xp.where(x > 1, xp.log(xp.maximum(x, one)), x)  # above log ω, as e^u + u is above x
    for _ in range(START):
        e = xp.exp(u)
        u = u - (e + u - x) / (e + 1)
    return _normalized(xp.where(alpha * one < 0.5, u, y / alpha))
