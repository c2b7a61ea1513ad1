"""What the solves of a layer did, as figures of the worst sample of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

import splitkit as sk
from splitkit_nn.equilibrium import StepMethod


@dataclass(frozen=True)
class SolveRecord:
    """What a solve of the layer did; figures are the worst of the batch.

    Attributes
    ----------
    iterations : int
    mean_iterations : float
        Over the batch: samples that are done are frozen.
    residual : float
        ‖r‖ for an explicit element r of the inclusion.
    error_bound : float
        Certified distance ‖r‖/m to the true solution (of the linear adjoint equation, backward).
    converged : bool
    status : str
    method : str
        Douglas-Rachford after another method failed, where ``on_failure="damp"``.
    alpha : float
        The step size.
    rate : float or None
        The guaranteed contraction factor of an iteration.
    """

    iterations: int
    mean_iterations: float
    residual: float
    error_bound: float
    converged: bool
    status: str
    method: str
    alpha: float
    rate: float | None

    @classmethod
    def of(cls, solution: sk.Solution) -> SolveRecord:
        """The record of a solution with one batch axis."""
        empty = solution.residual.numel() == 0
        bound = solution.error_bound
        assert bound is not None
        assert isinstance(solution.method, StepMethod)
        most, mean, residual, error_bound = 0.0, 0.0, 0.0, 0.0
        if not empty:
            counts, worst = solution.iterations.double(), torch.stack((solution.residual, bound))
            most, mean, residual, error_bound = torch.cat(
                (counts.max()[None], counts.mean()[None], worst.double().amax(dim=1))
            ).tolist()  # one wait for the device
        return cls(
            iterations=int(most),
            mean_iterations=mean,
            residual=residual,
            error_bound=error_bound,
            converged=solution.converged,
            status=str(solution.status),
            method=solution.method.label,
            alpha=float(solution.method.alpha),
            rate=solution.rate,
        )


@dataclass
class LastSolve:
    """The latest forward and backward solve of a layer; None: there was none (a gradient such as
    "direct" needs no iteration)."""

    forward: SolveRecord | None = None
    backward: SolveRecord | None = None
