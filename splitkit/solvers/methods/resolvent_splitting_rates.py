"""Linear rates of the splittings by n resolvents: all operators but one Lipschitz, one strong.

Differences to a fixed point: points xⱼ, elements aⱼ ∈ Aⱼ, in units of α = 1, and z of the state are

    z = Cx + Ea,   Σ aⱼ = ⟨t, x⟩,   ‖z⁺‖² = ‖z‖² − 2λ Σ⟨xⱼ, aⱼ⟩ − Σ wᵣ‖⟨uᵣ, x⟩‖²

for the u of the steps, with w = λ(1 − λ), and of x₁ − xₙ or, of Ryu's, x₁ − x₂, with w = λ; of the
product space, whose x₀ is the mean, of the xⱼ − x₀ with w = λ(2 − λ). So for Aⱼ that are
μⱼ-strongly monotone, and for D = 2λ diag(μ) + Σ wᵣuᵣuᵣᵀ > 0,

    ‖z⁺‖² ≤ ‖z‖² − ⟨x, Dx⟩,   ‖xⱼ‖² ≤ (D⁻¹)ⱼⱼ⟨x, Dx⟩,   ‖aⱼ‖ ≤ Lⱼ‖xⱼ‖,

and ‖z‖² ≤ κ⟨x, Dx⟩, ‖z⁺‖² ≤ (1 − 1/κ)‖z‖² with √κ = ‖CD^{−1/2}‖ + ‖|E|v‖, vⱼ = Lⱼ√(D⁻¹)ⱼⱼ. One of
the a is the sum of all minus the others, so that one A need not be Lipschitz; the least κ counts.

These rates are not tight: 1 − ρ is between a half and an eighth of what ``Method.proof`` finds.

Source: the equation for ‖z⁺‖² is that of Malitsky, Tam, *Resolvent splitting for sums of monotone
operators with minimal lifting* (2023), who show linear convergence without a factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitkit.properties import Constants
from splitkit.solvers.splitting import CERTAINLY_BELOW_1


@dataclass(frozen=True)
class Scheme:
    """z = Cx + Ea, Σ aⱼ = ⟨total, x⟩, and (u, w) of each square; x may hold points of no operator,
    which come first.
    """

    C: Any
    E: Any
    total: Any
    squares: Sequence[tuple[Any, float]]


def ryu(n: int, relaxation: float) -> Scheme:
    """x₁ = z₁ − a₁, x₂ = z₂ + x₁ − a₂, x₃ = x₁ − z₁ + x₂ − z₂ − a₃."""
    x = np.eye(n)
    E = x[:2]
    C = np.array([x[0], x[1] - x[0]])
    λ = relaxation
    steps = [(x[2] - x[i], λ * (1 - λ)) for i in range(2)]
    return Scheme(C, E, x[0] - x[2], [*steps, (x[0] - x[1], λ)])


def malitsky_tam(n: int, relaxation: float) -> Scheme:
    """zᵢ = xᵢ + a₁ + … + aᵢ."""
    x, λ = np.eye(n), relaxation
    steps = [(x[i + 1] - x[i], λ * (1 - λ)) for i in range(n - 1)]
    return Scheme(x[:-1], np.tril(np.ones((n - 1, n))), x[0] - x[-1], [*steps, (x[0] - x[-1], λ)])


def product_space(n: int, relaxation: float) -> Scheme:
    """zᵢ = 2x₀ − xᵢ − aᵢ."""
    x, λ = np.eye(n + 1), relaxation
    steps = [(x[i] - x[0], λ * (2 - λ)) for i in range(1, n + 1)]
    return Scheme(2 * x[0] - x[1:], -x[1:], n * x[0] - x[1:].sum(axis=0), steps)


def rate_of(
    scheme: Scheme, terms: Sequence[Constants], alpha: float, relaxation: float
) -> float | None:
    """The least factor that is known of the operators; None: none below 1."""
    C, E = scheme.C, scheme.E
    points, count = C.shape[1], len(terms)
    μ, L = np.zeros(points), np.zeros(points)
    μ[-count:] = [A.strong_monotonicity or 0.0 for A in terms]
    L[-count:] = [math.inf if A.lipschitz is None else A.lipschitz for A in terms]
    rough = np.flatnonzero(np.isinf(L))
    if not (np.any(μ > 0) and np.all(np.isfinite(μ)) and len(rough) <= 1):
        return None
    D = 2 * relaxation * alpha * np.diag(μ)
    for u, w in scheme.squares:
        D = D + w * np.outer(u, u)
    if not np.linalg.eigvalsh(D)[0] > 0:
        return None
    inverse = np.linalg.inv(D)
    found = []
    for j in (*rough,) or (None, *range(points - count, points)):
        mixed, direct = E, C
        if j is not None:  # of this one the others and the sum are known
            direct = C + np.outer(E[:, j], scheme.total)
            mixed = E - E[:, [j]] * (np.arange(points) >= points - count)
        v = alpha * np.where(np.isinf(L), 0.0, L) * np.sqrt(np.diag(inverse))
        size = math.sqrt(float(np.linalg.norm(direct @ inverse @ direct.T, 2)))
        found.append((size + float(np.linalg.norm(np.abs(mixed) @ v))) ** 2)
    rate = math.sqrt(max(0.0, 1 - 1 / min(found)))
    return rate if rate < CERTAINLY_BELOW_1 else None
