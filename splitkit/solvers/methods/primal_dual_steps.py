"""The steps τ of a primal and σ of a dual variable for which primal-dual methods converge:

    θσ‖L‖² ≤ 1/τ − (1 − κ)/(2β)  (< where κ = 0 and there is a β-cocoercive C),  τ < 2β,

and, where A and B are subdifferentials, without C, the longer τσ‖L‖² < 4/(1 + 2θ) for θ > ½: 4/3
for θ = 1, and no more, as A = 0, B = N_{0} and L = I show.

See ``primal_dual.py`` for θ and κ; linearized ADMM is the case without C, with ρ in the place of σ.

Source: Banert, Upadhyaya, Giselsson, *The Chambolle-Pock method converges weakly with θ > 1/2 and
τσ‖L‖² < 4/(1 + 2θ)* (2023); for linearized ADMM He, Ma, Yuan, *Optimally linearizing the
alternating direction method of multipliers for convex programming* (2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from splitkit.arguments import check_square
from splitkit.solvers.splitting import exceeds


class Steps(NamedTuple):
    """τ, σ, and the extrapolation θ."""

    tau: float
    sigma: float
    theta: float = 1.0


@dataclass(frozen=True)
class Region:
    """The steps of the theorem.

    Attributes
    ----------
    norm : float
        ‖L‖; inf: unknown.
    beta : float
        β; inf without C, 0 where it is unknown.
    kappa : int
        κ, 0 or 1.
    """

    norm: float
    beta: float = math.inf
    kappa: int = 0

    def __post_init__(self) -> None:
        check_square("L", self.norm)

    @property
    def is_known(self) -> bool:
        """Whether it depends on the steps at all, and how."""
        return 0 < self.norm < math.inf and self.beta > 0

    @property
    def is_open(self) -> bool:
        """Whether its bound of σ may not be attained."""
        return self.kappa == 0 and self.beta < math.inf

    def room(self, tau: float) -> float:
        """The bound of θσ‖L‖²."""
        return 1 / tau - (1 - self.kappa) / (2 * self.beta)

    def has(self, steps: Steps) -> bool:
        """Whether the theorem holds for these steps."""
        coupling, room = steps.theta * steps.sigma * self.norm**2, self.room(steps.tau)
        fits = coupling < room if self.is_open else coupling <= room * (1 + 1e-12)
        return fits and steps.tau < 2 * self.beta

    def has_of_functions(self, steps: Steps) -> bool:
        """Whether the one for subdifferentials does."""
        tau, sigma, theta = steps
        longest = 4 / (1 + 2 * theta)
        return self.beta == math.inf and theta > 0.5 and tau * sigma * self.norm**2 < longest

    def tau(self, sigma: float | None) -> float:
        """A long τ for this σ; without one, as long as σ then is, where C allows it."""
        coupling = self.norm if sigma is None else sigma * self.norm**2
        tau = min(1 / (coupling + (1 - self.kappa) / (2 * self.beta)), 1.9 * self.beta)
        return tau if sigma is None or not self.is_open else 0.999 * tau

    def sigma(self, tau: float) -> float:
        """A long σ for this τ; 1/(τ‖L‖²) where there is none."""
        room = self.room(tau)
        return (0.999 * room if self.is_open and room > 0 else 1 / tau) / self.norm**2

    def completed(self, tau: float | None, sigma: float | None) -> Steps:
        """The steps that are given, and others where they are not; a σ that exceeds the longest
        one by less than norms are known to is shortened to it.
        """
        if not self.is_known:
            return Steps(tau or 1.0, sigma or 1.0)
        tau = tau or self.tau(sigma)
        sigma = sigma or self.sigma(tau)
        longest = self.sigma(tau)
        return Steps(tau, longest if exceeds(sigma, longest) else sigma)

    def at(self, tau: float) -> Steps:
        """The steps with this τ, or with the longest one at which σ stays in proportion."""
        tau = min(tau, (1 + 0.9 * self.kappa) * self.beta)
        return Steps(tau, self.sigma(tau))

    @property
    def condition(self) -> str:
        """What it is, for a sentence."""
        if self.beta == math.inf:
            return "τσ‖L‖² ≤ 1"
        return "1/τ − σ‖L‖² > 1/(2β)" if self.is_open else "τ < 2β, τσ‖L‖² ≤ 1"

    def remedy(self, tau: float, name: str) -> str:
        """What to do where the steps are too long, σ going by this name."""
        if tau < 2 * self.beta:
            return f"with this tau, {name} must be at most {self.sigma(tau):.8g}"
        return f"tau must be below 2β = {2 * self.beta:.4g}"
