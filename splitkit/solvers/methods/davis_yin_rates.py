"""Linear rates of Davis-Yin splitting, and of the primal-dual methods that evaluate C.

Davis-Yin in units of α = 1: x = R_B z, a = z − x ∈ Bx, w = x − Cx, y = R_A(w − a), z⁺ = a + y.
With ℓ = Lip(I − C), and B γ-strongly monotone or δ-cocoercive,

    ‖z‖² ≥ P‖w‖² + Q‖a‖²,   P = (1 + 2γ + qγ²)/ℓ², Q = 1 − q,  or  P = (1 − q)/ℓ²,
                                                               Q = 1 + 2δ + qδ²

for every 0 ≤ q < 1, as ‖x + a‖² is (1 + 2γ + qγ²)‖x‖² + (1 − q)‖a‖² + 2(1 + qγ)(⟨x, a⟩ − γ‖x‖²) +
q‖a − γx‖², and so with x and a exchanged. Then, of A β-cocoercive or μ-strongly monotone,

    ‖z⁺‖² ≤ ρ²‖z‖²,   ρ² = 1/P if P ≤ Q(1 + 2β), else (β²/P + 1/Q)/(1 + β)²,
                      ρ² = 1/Q if Q ≤ P(1 + 2μ), else (μ²/Q + 1/P)/(1 + μ)².

Proof.  b = w − a − y ∈ Ay and ⟨b, y⟩ ≥ β‖b‖², that is ⟨w, b⟩ ≥ (1 + β)‖b‖² + ⟨a, b⟩, make for every
κ ≥ 0 of  z⁺ = w − b

    ‖z⁺‖² ≤ ‖w‖² − 2(1 − κ)⟨w, b⟩ − 2κ⟨a, b⟩ + (1 − 2κ(1 + β))‖b‖²,

at most ρ²(P‖w‖² + Q‖a‖²) for all of w, a, b if (ρ²P − 1)(2κ(1 + β) − 1 − κ²/(ρ²Q)) ≥ (1 − κ)².
The least ρ² for which some κ does it is the one above, κ = 1 in the first case. It is taken at the
best q. With z⁺ = a + y and
⟨w, y⟩ ≥ ⟨a, y⟩ + (1 + μ)‖y‖² the roles of (w, P, β) and (a, Q, μ) are exchanged.

Relaxed by λ ≤ 1 the factor is 1 − λ(1 − ρ); by 1 < λ < 1 + η, η = 1 − α/(2β_C), its square is at
most 1 − λ(1 − ρ²)(1 − (λ − 1)/η), since ‖z⁺‖² ≤ ‖z‖² − η‖z⁺ − z‖². Often less, for B δ-cocoercive,

    ρ² = max(χ, (1 − 2(λ − 1)δ)/(1 + 2δ)),  χ = max of (1 − λ + λw)² + λ(1 − λ)²(1 − w)²/(2 − λ)

over the ends w of a disc about the w with x = 1.  Proof.  With g = (1 − λ)(x + a) + λw the next z
is g − λb, and 2λ⟨w − a − b, b⟩ ≥ 0 makes its square at most

    ‖g‖² + ‖w − a − g‖²λ/(2 − λ)
        = ‖a‖² − 2(λ − 1)⟨x, a⟩ + ‖(1 − λ)x + λw‖² + ‖x − w‖²λ(1 − λ)²/(2 − λ),

whose squares of w are convex, and linear in ⟨x, w⟩ on the disc's border.

PD3O is Davis-Yin's method on [L K]ᵀB[L K], with K such that [L K][L K]ᵀ = I/(τσ): B composed is
σδ-cocoercive at α = τ, A and C are as they were. Condat-Vũ has another state; with M its metric,

    ‖p⁺‖²_M + 2γ‖x⁺‖² + 2δ‖y⁺‖² ≤ ‖p‖²_M − h‖x‖²,   h = (1 − ℓ²)/τ̂,  1/τ̂ = 1/τ − σ‖L‖²,

ℓ = Lip(I − τ̂C), so that W = ‖p‖²_M − h‖x‖² falls by 1/(1 + q), for the lesser root of
((2γ + h)τ − q(1 − hτ))(2δσ − q) = q²τσ‖L‖². And p⁺ = R(p − M⁻¹(Cx, 0)) for R the step without C,
‖p − M⁻¹(Cx, 0)‖²_M ≤ W(p), so that W falls by the factor of ``douglas_rachford_rates.py`` as well.

Source: for P, Q and κ = 1 Condat, Malinovsky, Richtárik, *Distributed proximal splitting
algorithms with rates and acceleration* (2022), of functions; O'Connor, Vandenberghe, *On the
equivalence of the primal-dual hybrid gradient method and Douglas-Rachford splitting* (2020), for K.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from splitkit.properties import Constants
from splitkit.solvers.methods.douglas_rachford_rates import one_way, split_rate
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
        found.append(contraction(alpha * _strong(B), δ / alpha, P, 1.0))
    if 0 < (δ := B.cocoercivity or 0.0) < math.inf:
        found.append(contraction(δ / alpha, alpha * _strong(A), 1.0, P))
    if not found:
        return None
    factor = _relaxed(min(found), relaxation, 1 - alpha / (2 * β_C))
    if relaxation > 1 and 0 < (δ := B.cocoercivity or 0.0) < math.inf:
        factor = min(factor, over_relaxed(δ / alpha, _discs(C, alpha), relaxation))
    return _known(factor)


def pd3o_rate(A: Constants, B: Constants, C: Constants, steps: Steps) -> float | None:
    """The factor in ‖w‖²/τ − 2⟨Lw, y⟩ + ‖y‖²/σ, with B the composed term; None: none below 1."""
    δ = B.cocoercivity or 0.0
    if not 0 < δ < math.inf:
        return None
    P = _expansion(C, steps.tau)
    return _known(math.sqrt(contraction(steps.tau * _strong(A), steps.sigma * δ, P, 1.0)))


def condat_vu_rate(
    A: Constants, B: Constants, C: Constants, norm: float, steps: Steps
) -> float | None:
    """The factor in W; None: none below 1."""
    (tau, sigma, _), δ = steps, B.cocoercivity or 0.0
    coupling = tau * sigma * norm**2
    if coupling >= 1:
        return None
    least = tau / (1 - coupling)
    h = tau * (1 - 1 / _expansion(C, least)) / least
    without_C = one_way(A, B, tau, sigma, 1.0) if h >= 0 else None
    found = [] if without_C is None else [without_C]
    a, b, d = 2 * tau * _strong(A) + h, 1 - h, 2 * sigma * δ
    if 0 < a < math.inf and 0 < d < math.inf:
        p = a + b * d
        q = 2 * a * d / (p + math.sqrt(max(0.0, p * p - 4 * (b - coupling) * a * d)))
        found.append(1 / math.sqrt(1 + q))
    return _known(min(found)) if found else None


def contraction(γ: float, β: float, of_w: float, of_a: float) -> float:
    """The least ρ² of ‖z‖² ≥ P‖w‖² + Q‖a‖² and A β-cocoercive, P = (1 + 2γ + qγ²) of_w and
    Q = (1 − q) of_a: 1/P falls with q, and the other case is least at one q.
    """
    more, ratio = 1 + 2 * γ, γ * β * math.sqrt(of_a / of_w)
    meet = (of_a * (1 + 2 * β) - of_w * more) / (of_w * γ * γ + of_a * (1 + 2 * β))
    least = (ratio - more) / (γ * γ + ratio) if ratio else 0.0
    q = max(0.0, meet, least)
    P, Q = of_w * (more + q * γ * γ), of_a * (1 - q)
    return 1 / P if q <= meet else (β * β / P + 1 / Q) / (1 + β) ** 2


def over_relaxed(δ: float, discs: Sequence[tuple[float, float]], λ: float) -> float:
    """ρ of a relaxation λ > 1, of B δ-cocoercive, by the discs of w."""
    over, share = λ - 1, λ * (λ - 1) ** 2 / (2 - λ)
    worst = (max((λ * w - over) ** 2 + share * (1 - w) ** 2 for w in ends) for ends in discs)
    χ = min(worst, default=math.inf)
    return math.sqrt(max(χ, (1 - 2 * over * δ) / (1 + 2 * δ)))


def _discs(C: Constants, alpha: float) -> list[tuple[float, float]]:
    """The ends on the real line of discs in which x − αCx lies for x = 1."""
    found = []
    for a, b, c in C.properties.forms:
        if c < 0 and all(map(math.isfinite, (a, b, c))):
            root = math.sqrt(max(0.0, b * b - a * c))
            found.append((1 - alpha * (b - root) / -c, 1 - alpha * (b + root) / -c))
    return found


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
