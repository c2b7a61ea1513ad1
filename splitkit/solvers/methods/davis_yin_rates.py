"""Linear rates of Davis-Yin splitting, and of the primal-dual methods that evaluate C.

Davis-Yin in units of α = 1: x = R_B z, a = z − x ∈ Bx, w = x − Cx, y = R_A(w − a), z⁺ = a + y.
With ℓ = Lip(I − C), B γ-strongly monotone and δ-cocoercive (one of them 0), P = (1 + 2γ)/ℓ² and
Q = 1 + 2δ,

    ‖z‖² ≥ P‖w‖² + Q‖a‖²,

and then, of A β-cocoercive or μ-strongly monotone,

    ‖z⁺‖² ≤ ρ²‖z‖²,   ρ² = 1/P if P ≤ Q(1 + 2β), else (β²/P + 1/Q)/(1 + β)²,
                      ρ² = 1/Q if Q ≤ P(1 + 2μ), else (μ²/Q + 1/P)/(1 + μ)².

Proof.  b = w − a − y ∈ Ay and ⟨b, y⟩ ≥ β‖b‖², that is ⟨w, b⟩ ≥ (1 + β)‖b‖² + ⟨a, b⟩, make for every
κ ≥ 0 of  z⁺ = w − b

    ‖z⁺‖² ≤ ‖w‖² − 2(1 − κ)⟨w, b⟩ − 2κ⟨a, b⟩ + (1 − 2κ(1 + β))‖b‖²,

at most ρ²(P‖w‖² + Q‖a‖²) for all of w, a, b if (ρ²P − 1)(2κ(1 + β) − 1 − κ²/(ρ²Q)) ≥ (1 − κ)².
The least ρ² for which some κ does it is the one above, κ = 1 in the first case. With z⁺ = a + y and
⟨w, y⟩ ≥ ⟨a, y⟩ + (1 + μ)‖y‖² the roles of (w, P, β) and (a, Q, μ) are exchanged.

Relaxed by λ ≤ 1 the factor is 1 − λ(1 − ρ); by 1 < λ < 1 + η, η = 1 − α/(2β_C), its square is at
most 1 − λ(1 − ρ²)(1 − (λ − 1)/η), since ‖z⁺‖² ≤ ‖z‖² − η‖z⁺ − z‖².

PD3O is Davis-Yin's method on [L K]ᵀB[L K], with K such that [L K][L K]ᵀ = I/(τσ): B composed is
σδ-cocoercive at α = τ, A and C are as they were. Condat-Vũ has another state; with M its metric,

    ‖p⁺‖²_M + 2γ‖x⁺‖² + 2δ‖y⁺‖² ≤ ‖p‖²_M − h‖x‖²,   h = (1 − ℓ²)/τ̂,  1/τ̂ = 1/τ − σ‖L‖²,

ℓ = Lip(I − τ̂C), so that W = ‖p‖²_M − h‖x‖² falls by 1/(1 + q), for the lesser root of
((2γ + h)τ − q(1 − hτ))(2δσ − q) = q²τσ‖L‖². It is not tight: ``linear_rate`` finds functions with a
1 − ρ that is a quarter more.

Source: for P, Q and κ = 1 Condat, Malinovsky, Richtárik, *Distributed proximal splitting
algorithms with rates and acceleration* (2022), of functions; O'Connor, Vandenberghe, *On the
equivalence of the primal-dual hybrid gradient method and Douglas-Rachford splitting* (2020), for K.
"""

from __future__ import annotations

import math

from splitkit.properties import Constants
from splitkit.solvers.methods.douglas_rachford_rates import split_rate
from splitkit.solvers.methods.primal_dual_steps import Steps
from splitkit.solvers.splitting import CERTAINLY_BELOW_1


def davis_yin_rate(
    A: Constants, B: Constants, C: Constants, alpha: float, relaxation: float
) -> float | None:
    """The least factor that is known; None: none below 1."""
    β_C = C.cocoercivity
    if C.lipschitz == 0:
        return split_rate(A, B, alpha, relaxation)
    if β_C is None:
        return None
    P = _expansion(C, alpha)
    found = []
    if 0 < (δ := A.cocoercivity or 0.0) < math.inf:
        found.append(contraction(P * (1 + 2 * alpha * _strong(B)), 1.0, δ / alpha))
    if 0 < (δ := B.cocoercivity or 0.0) < math.inf:
        found.append(contraction(1 + 2 * δ / alpha, P, alpha * _strong(A)))
    if not found:
        return None
    return _known(_relaxed(min(found), relaxation, 1 - alpha / (2 * β_C)))


def pd3o_rate(A: Constants, B: Constants, C: Constants, steps: Steps) -> float | None:
    """The factor in ‖w‖²/τ − 2⟨Lw, y⟩ + ‖y‖²/σ, with B the composed term; None: none below 1."""
    δ = B.cocoercivity or 0.0
    if not 0 < δ < math.inf:
        return None
    P = _expansion(C, steps.tau) * (1 + 2 * steps.tau * _strong(A))
    return _known(math.sqrt(contraction(P, 1.0, steps.sigma * δ)))


def condat_vu_rate(
    A: Constants, B: Constants, C: Constants, norm: float, steps: Steps
) -> float | None:
    """The factor in W; None: none below 1."""
    (tau, sigma, _), δ = steps, B.cocoercivity or 0.0
    coupling = tau * sigma * norm**2
    if not (0 < δ < math.inf and coupling < 1):
        return None
    least = tau / (1 - coupling)
    h = tau * (1 - 1 / _expansion(C, least)) / least
    a, b, d = 2 * tau * _strong(A) + h, 1 - h, 2 * sigma * δ
    if not 0 < a < math.inf:
        return None
    p = a + b * d
    q = 2 * a * d / (p + math.sqrt(max(0.0, p * p - 4 * (b - coupling) * a * d)))
    return _known(1 / math.sqrt(1 + q))


def contraction(P: float, Q: float, β: float) -> float:
    """ρ² of ‖z‖² ≥ P‖w‖² + Q‖a‖² and A β-cocoercive."""
    return 1 / P if P <= Q * (1 + 2 * β) else (β * β / P + 1 / Q) / (1 + β) ** 2


def _relaxed(square: float, λ: float, η: float) -> float:
    if λ <= 1:
        return 1 - λ * (1 - math.sqrt(square))
    return math.sqrt(max(0.0, 1 - λ * (1 - square) * (1 - (λ - 1) / η)))


def _expansion(C: Constants, alpha: float) -> float:
    """1/Lip(I − αC)²; 1 where C says no more than that αC is ½-cocoercive."""
    factor = C.properties.step_lipschitz(alpha)
    return 1.0 if factor is None else 1 / max(factor, 1e-150) ** 2


def _strong(A: Constants) -> float:
    m = A.strong_monotonicity
    return 0.0 if m is None else max(m, 0.0)


def _known(rate: float) -> float | None:
    return rate if rate < CERTAINLY_BELOW_1 else None
