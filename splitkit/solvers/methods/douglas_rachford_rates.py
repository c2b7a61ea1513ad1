"""Linear rates of Douglas-Rachford splitting where its two constants are split between the terms.

Of A μ-strongly monotone and B β-cocoercive, or monotone and L-Lipschitz, both maximal monotone, the
step I − θR_B + θR_A(2R_B − I), 0 < θ < 2, contracts by the factors below, and by no smaller ones;
so does the step in which A and B change places. At a step size α the constants are αμ, β/α and αL.

Chambolle-Pock's method, and linearized ADMM, are this step at α = τ for B composed with [L K], K
such that [L K][L K]ᵀ = I/(τσ): the constants are τμ, σβ and L/σ, and ‖u‖²/τ is the square of their
metric.

Source: Ryu, Taylor, Bergeling, Giselsson, *Operator splitting performance estimation* (2020),
Thms. 4.1 and 4.3 (where μ, β are those at α = 1); O'Connor, Vandenberghe, *On the equivalence of
the primal-dual hybrid gradient method and Douglas-Rachford splitting* (2020), for K.
"""

from __future__ import annotations

import math

from scipy.optimize import minimize_scalar

from splitkit.properties import Constants


def split_rate(A: Constants, B: Constants, alpha: float, relaxation: float) -> float | None:
    """The least factor that one term's strong monotonicity and the other's β or L give; None: none
    below 1.
    """
    if not (A.properties.maximal and B.properties.maximal):
        return None
    ways = [one_way(*pair, alpha, 1 / alpha, relaxation) for pair in ((A, B), (B, A))]
    return min((rate for rate in ways if rate is not None), default=None)


def one_way(
    A: Constants, B: Constants, tau: float, sigma: float, relaxation: float
) -> float | None:
    """The least factor by A's strong monotonicity and B's β or L; None: none below 1."""
    m, β, L = A.strong_monotonicity, B.cocoercivity, B.lipschitz
    if m is None or not 0 < m < math.inf:
        return None
    found: list[float] = []
    if β is not None and 0 < β < math.inf:
        found.append(with_cocoercive(tau * m, sigma * β, relaxation))
    if L is not None and 0 < L < math.inf:
        found.append(with_lipschitz(tau * m, L / sigma, relaxation))
    return min((rate for rate in found if rate < 1), default=None)


def best_split_step(A: Constants, B: Constants, start: float, relaxation: float) -> float | None:
    """The α around this one with the least of these factors; None: there is none below 1."""

    def rate(log_alpha: float) -> float:
        return split_rate(A, B, math.exp(log_alpha), relaxation) or 1.0

    centre = math.log(start)
    found = minimize_scalar(
        rate, bounds=(centre - 7, centre + 7), method="bounded", options={"xatol": 1e-3}
    )
    return math.exp(float(found.x)) if found.fun < min(1.0, rate(centre)) else None


def with_cocoercive(μ: float, β: float, θ: float) -> float:
    """Of A μ-strongly monotone, B β-cocoercive."""
    product = μ * β
    if product - μ + β < 0 and θ <= (
        2 * (β + 1) * (μ - β - product) / (μ + product - β - β * β - 2 * product * β)
    ):
        return abs(1 - θ * β / (β + 1))
    squares = μ * μ + β * β + μ + β
    if product - μ - β > 0 and θ <= (
        2 * (squares + product - product**2) / (squares + product * (μ + β) - 2 * product**2)
    ):
        return abs(1 - θ * (1 + product) / ((μ + 1) * (β + 1)))
    if θ >= 2 * (product + μ + β) / (2 * product + μ + β):
        return abs(1 - θ)
    if product + μ - β < 0 and θ <= (
        2 * (μ + 1) * (β - μ - product) / (β + product - μ - μ * μ - 2 * product * μ)
    ):
        return abs(1 - θ * μ / (μ + 1))
    rest = 2 - θ
    first = rest * μ * (β + 1) + θ * β * (1 - μ)
    second = rest * β * (μ + 1) + θ * μ * (1 - β)
    below = product * (2 * product * (1 - θ) + rest * (μ + β + 1))
    return _root(rest * first * second / (4 * below))


def with_lipschitz(μ: float, L: float, θ: float) -> float:
    """Of A μ-strongly monotone, B monotone and L-Lipschitz."""
    square = L * L
    p, q = 2 * (θ - 1) * μ + θ - 2, θ - 2 * (μ + 1)
    size = math.hypot(p, L * q)
    if μ * (square * q - p) <= size * math.sqrt(square + 1):
        return (θ + size / math.sqrt(square + 1)) / (2 * (μ + 1))
    if L < 1 and μ > (square + 1) / (L - 1) ** 2:
        above = 2 * (μ + 1) * (L + 1) * (μ + μ * square - square - 2 * μ * L - 1)
        below = 2 * μ * μ * (1 - L) - μ * (1 + L + 3 * square - L**3) - (L + 1) * (square + 1)
        if θ <= above / below:
            return abs(1 - θ * (L + μ) / ((μ + 1) * (L + 1)))
    first = θ * (1 - 2 * μ + square) - 2 * μ * (square - 1)
    second = θ * (1 + 2 * μ + square) - 2 * (μ + 1) * (square + 1)
    below = 2 * μ * (θ + square - 1) - (2 - θ) * (1 - square)
    return _root((2 - θ) * first * second / (4 * μ * (square + 1) * below))


def _root(x: float) -> float:
    """√x; ∞ where rounding has left nothing of it."""
    return math.sqrt(x) if x >= 0 else math.inf
