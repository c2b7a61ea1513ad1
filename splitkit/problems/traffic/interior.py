"""Equilibrium on the paths at hand, by a primal-dual interior-point method.

Path flows h ≥ 0 with the incidence Δ of links in paths and B of paths in pairs, costs t(Δh) of
links, times κ of pairs and demands D(κ), which do not increase:

    Δᵀt(Δh) − Bᵀκ = z ≥ 0,    Bh = D(κ),    hᵢzᵢ = μ → 0.

With Θ = Z/H, T = t′(Δh) and E = −D′(κ), a Newton step costs one symmetric system of as many
unknowns as links, whatever the number of paths: with the diagonal G = BΘ⁻¹Bᵀ + E,

    (I + T^½ (ΔΘ⁻¹Δᵀ − ΔΘ⁻¹Bᵀ G⁻¹ BΘ⁻¹Δᵀ) T^½) s = T^½ (ΔΘ⁻¹ρ + ΔΘ⁻¹Bᵀ G⁻¹ σ),

and where demands are fixed, only the links count that some paths of a pair have and others not.

Sources: Mehrotra, *On the implementation of a primal-dual interior point method* (1992), for the
corrected step; Wright, *Primal-Dual Interior-Point Methods* (1997), chs. 5 and 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array

from splitkit.problems.traffic.costs import LinkCosts

Vector = Any  # a NumPy array of float64
Demand = Callable[[Vector], tuple[Vector, Vector]]  # κ ↦ D(κ), −D′(κ)

STEPS, HALVINGS = 60, 12
TO_THE_EDGE = 0.99
CENTRAL = 1e-3  # no product hᵢzᵢ may be less than this part of their mean


@dataclass(frozen=True)
class PathProblem:
    """Costs and demands on some paths.

    Attributes
    ----------
    costs : LinkCosts
    demand : callable
    incidence : sparse array, shape (links, paths)
    pair : array, shape (paths,)
        The pair of each path.
    """

    costs: LinkCosts
    demand: Demand
    incidence: Any
    pair: Vector

    def equilibrium(self, h: Vector, kappa: Vector, accuracy: float) -> tuple[Vector, Vector]:
        """(h, κ) where ⟨h, z⟩ and what is unequal are at most ``accuracy`` times what all travel,
        or the last ones; from h > 0, and κ below the costs of all paths.
        """
        count, (links, n) = len(kappa), self.incidence.shape
        B = csr_array((np.ones(n), (self.pair, np.arange(n))), shape=(count, n))
        z = self.incidence.T @ self.costs.value(self.incidence @ h) - kappa[self.pair]
        of_cost, of_demand, fall = self._errors(B, h, z, kappa)
        deciding = np.ones(links, bool) if np.any(fall > 0) else self._deciding(B)
        step = 1.0
        for _ in range(STEPS):
            v = self.incidence @ h
            wrong = h @ z + abs(of_cost) @ h + abs(of_demand) @ abs(kappa)
            if wrong <= accuracy * float(self.costs.value(v) @ v):
                break
            root = np.sqrt(np.maximum(self.costs.slope(v), 0.0)) * deciding
            newton = _Newton(self, B, h, z, (of_cost, of_demand, fall), root)
            mu = float(h @ z) / n
            d_h, d_z, _ = newton.step(np.zeros(n))
            far = _furthest(h, d_h, z, d_z)
            left = float((h + far * d_h) @ (z + far * d_z)) / n
            # after a short step to the center first, without the correction
            center = max((left / mu) ** 3, 1e-3 if step >= 0.1 else 0.9)
            bend = d_h * d_z if step >= 0.1 else 0.0
            d_h, d_z, d_kappa = newton.step(center * mu - bend)
            step = min(1.0, TO_THE_EDGE * _furthest(h, d_h, z, d_z))
            for _ in range(HALVINGS):
                new = h + step * d_h, z + step * d_z, kappa + step * d_kappa
                tried = self._errors(B, *new)
                product = new[0] * new[1]
                size = np.sum(product) + abs(tried[0]) @ new[0] + abs(tried[1]) @ abs(new[2])
                less = size <= (1 - 1e-3 * step) * wrong
                if less and np.min(product) >= CENTRAL * np.mean(product):
                    break
                step /= 2
            (h, z, kappa), (of_cost, of_demand, fall) = new, tried
        return h, kappa

    def _errors(self, B: Any, h: Vector, z: Vector, kappa: Vector) -> tuple[Vector, ...]:
        """What is wrong with the costs and with the demands, and −D′(κ)."""
        wanted, fall = self.demand(kappa)
        costs = self.incidence.T @ self.costs.value(self.incidence @ h)
        return costs - kappa[self.pair] - z, B @ h - wanted, fall

    def _deciding(self, B: Any) -> Vector:
        """The links that some paths of a pair have and others not."""
        shared = csr_array(self.incidence @ B.T).tocoo()
        link, pair = shared.coords
        varies = shared.data < np.asarray(B.sum(axis=1))[pair]
        return np.bincount(link, varies, self.incidence.shape[0]) > 0


class _Newton:
    """The system of one step, factored."""

    def __init__(
        self,
        problem: PathProblem,
        B: Any,
        h: Vector,
        z: Vector,
        errors: tuple[Vector, ...],
        root: Vector,
    ) -> None:
        self.pair, self.B, self.h, self.z, self.inverse = problem.pair, B, h, z, h / z
        self.of_cost, self.of_demand, fall = errors
        kept = np.flatnonzero(root)
        self.root, self.rows = root[kept], csr_array(problem.incidence)[kept]
        self.G = B @ self.inverse + fall
        self.scaled = csr_array(self.rows @ diags_array(self.inverse))
        self.C = csr_array(self.scaled @ B.T)
        Q = self.scaled @ self.rows.T - self.C @ diags_array(1 / self.G) @ self.C.T
        weighted = diags_array(self.root) @ Q @ diags_array(self.root)
        self.factor = cho_factor(np.eye(len(kept)) + weighted.toarray()) if len(kept) else None

    def step(self, product: Vector) -> tuple[Vector, Vector, Vector]:
        """In h, z and κ, towards hz = product."""
        rho = product / self.h - self.z - self.of_cost
        inner = rho
        if self.factor is not None:
            short = -self.of_demand - self.B @ (self.inverse * rho)
            side = self.root * (self.scaled @ rho + self.C @ (short / self.G))
            inner = rho - self.rows.T @ (self.root * cho_solve(self.factor, side))
        d_kappa = (-self.of_demand - self.B @ (self.inverse * inner)) / self.G
        d_h = self.inverse * (inner + d_kappa[self.pair])
        return d_h, (product - self.z * d_h) / self.h - self.z, d_kappa


def _furthest(h: Vector, d_h: Vector, z: Vector, d_z: Vector) -> float:
    """The longest step, at most 1/``TO_THE_EDGE``, that leaves h and z non-negative."""
    longest = [1 / TO_THE_EDGE]
    for x, d in ((h, d_h), (z, d_z)):
        down = d < 0
        longest.append(float(np.min(-x[down] / d[down], initial=np.inf)))
    return min(longest)
