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
        Over the batch: samples that are done at a check are frozen. With a number as tolerance
        there are few checks but the last; with a rule, such as ``splitkit.Relative``, more.
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
    def of(cls, *solutions: sk.Solution) -> SolveRecord:
        """The record of solutions with one batch axis, by the same method on parts of a batch."""
        first = solutions[0]
        assert isinstance(first.method, StepMethod)
        iterations, residuals, bounds = (
            torch.cat([getattr(each, name) for each in solutions]).double()
            for name in ("iterations", "residual", "error_bound")
        )
        most, mean, residual, bound = 0.0, 0.0, 0.0, 0.0
        if len(residuals):
            figures = iterations.max(), iterations.mean(), residuals.max(), bounds.max()
            most, mean, residual, bound = torch.stack(figures).tolist()  # one wait for the device
        return cls(
            iterations=int(most),
            mean_iterations=mean,
            residual=residual,
            error_bound=bound,
            converged=all(each.converged for each in solutions),
            status=str(first.status),
            method=first.method.label,
            alpha=float(first.method.alpha),
            rate=first.rate,
        )


@dataclass
class LastSolve:
    """The latest forward and backward solve of a layer; None: there was none (a gradient such as
    "direct" needs no iteration)."""

    forward: SolveRecord | None = None
    backward: SolveRecord | None = None
