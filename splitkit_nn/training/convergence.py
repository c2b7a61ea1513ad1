"""How the splitting methods converge on a trained layer, measured in double precision."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import splitkit as sk
from splitkit_nn.layers import MonDEQ

ALPHAS = tuple(2.0 ** (k / 2) for k in range(-18, 9))
TOL = 1e-4  # where the layer has another stopping rule
LIMIT = 500  # iterations after which a method counts as not converging
EXACT = 1e-13  # relative tolerance of the solution that stands for the true one
STEPS = 40  # iterations whose bounds and errors are shown

Method = sk.PeacemanRachford | sk.ForwardBackward
METHODS: dict[str, type[Method]] = {
    "Peaceman-Rachford": sk.PeacemanRachford,
    "forward-backward": sk.ForwardBackward,
}


@dataclass(frozen=True)
class Convergence:
    """What the picture shows, for one batch of inputs.

    Attributes
    ----------
    alphas : sequence of float
        The step sizes tried.
    iterations : dict
        For each method, by name, its iterations at each step size; nan: it did not converge.
    tol : float
        The tolerance of those solves.
    alpha : float
        The layer's own step size, at which bounds and errors are taken.
    bounds, errors : sequence of float
        After each Peaceman-Rachford iteration, the certified and the true distance to the
        equilibrium: the largest in the batch.
    """

    alphas: Sequence[float]
    iterations: dict[str, list[float]]
    tol: float
    alpha: float
    bounds: list[float]
    errors: list[float]


def measure_convergence(layer: MonDEQ, inputs: Tensor) -> Convergence:
    """Solve the layer's inclusion for ``inputs``, shape (samples, in_features), in many ways.

    The layer is left as it is: a copy in float64 on the CPU does the work.
    """
    equilibrium = _Equilibrium(layer, inputs)
    tol = layer.tol if isinstance(layer.tol, float) else TOL
    bounds, errors = equilibrium.bounds_and_errors()
    return Convergence(
        alphas=ALPHAS,
        iterations={
            name: [equilibrium.iterations(method, alpha, tol) for alpha in ALPHAS]
            for name, method in METHODS.items()
        },
        tol=tol,
        alpha=equilibrium.alpha,
        bounds=bounds,
        errors=errors,
    )


class _Equilibrium:
    """The inclusion 0 ∈ F(z) + G(z) of a layer for a batch of inputs, in float64."""

    def __init__(self, layer: MonDEQ, inputs: Tensor) -> None:
        twin = copy.deepcopy(layer).to("cpu", torch.float64)
        with torch.no_grad():
            inputs = inputs.to("cpu", torch.float64)
            self.start = torch.zeros_like(twin(inputs))
            self.F, self.G = twin.inclusion(inputs)
        self.alpha = float(twin.alpha)

    def solve(self, method: Method, tol: float, max_iter: int) -> sk.Solution:
        return sk.solve(
            self.F + self.G,
            self.start,
            method,
            tol=tol,
            max_iter=max_iter,
            batch_ndim=1,
            on_failure="return",
        )

    def iterations(self, method: type[Method], alpha: float, tol: float) -> float:
        """How many the slowest sample takes; nan if it does not converge."""
        solution = self.solve(method(alpha=alpha, check=False), tol, LIMIT)
        return float(solution.iterations.max()) if solution.converged else math.nan

    def bounds_and_errors(self) -> tuple[list[float], list[float]]:
        """Certified and true distance after each Peaceman-Rachford iteration, largest of all."""
        method = sk.PeacemanRachford(alpha=self.alpha)
        true = self.solve(method, EXACT, 100 * LIMIT).x
        solutions = [self.solve(method, 0.0, k) for k in range(1, STEPS + 1)]
        bounds = [float(solution.error_bound.max()) for solution in solutions]
        errors = [float((solution.x - true).norm(dim=-1).max()) for solution in solutions]
        return bounds, errors
