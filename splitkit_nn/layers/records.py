"""What the solves of a layer did, as figures of the worst sample of the batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor

import splitkit as sk
from splitkit.display import Shown
from splitkit.meshes import gathered
from splitkit_nn.equilibrium.solver import StepMethod

_MEASURED = attrgetter("converged", "iterations", "residual", "error_bound")


@dataclass(frozen=True, repr=False)
class SolveRecord(Shown):
    """What a solve of the layer did; figures are the worst of the batch, read from the device when
    they are asked for.

    Attributes
    ----------
    iterations : int
    mean_iterations : float
        Over the batch: samples that are done at a check are frozen. With a number as tolerance
        there are few checks but the last; with a rule, such as ``splitkit.Relative``, more.
    residual : float
        ‖r‖ for an explicit element r of the inclusion.
    error_bound : float
        Certified distance ‖r‖/m to the true solution (of the linear cotangent equation, backward).
    converged : bool
    status : str
    method : str
        Douglas-Rachford after another method failed, where ``on_failure="damp"``; "Anderson
        acceleration of …" where a solve took more than 50 iterations, and went on with that.
    alpha : float
        The step size.
    rate : float or None
        The guaranteed contraction factor of an iteration.
    seconds : float
        From the first look at its arguments to its last iteration, factorizations included.
    measured : tuple of Tensor
        Iterations, residual and error bound of each sample.
    """

    converged: bool
    status: str
    method: str
    alpha: float
    rate: float | None
    measured: tuple[Tensor, ...] = field(repr=False, compare=False)
    seconds: float = field(default=math.nan, compare=False)

    @classmethod
    def of(cls, *solutions: sk.Solution, seconds: float) -> SolveRecord:
        """The record of solutions with one batch axis, by the same method on parts of a batch."""
        first = solutions[0]
        assert isinstance(first.method, StepMethod)
        parts = list(map(_MEASURED, solutions))
        converged, *measured = zip(*parts, strict=True)
        return cls(
            converged=all(converged),
            status=str(first.status),
            method=first.method.label,
            alpha=float(first.method.alpha),
            rate=first.rate,
            measured=tuple(map(torch.cat, measured)) if parts[1:] else parts[0][1:],
            seconds=seconds,
        )

    @cached_property
    def _figures(self) -> list[float]:
        """The most and the mean iterations, the greatest residual and bound."""
        iterations, residuals, bounds = (gathered(each).double() for each in self.measured)
        if not len(residuals):
            return [0.0] * 4
        figures = iterations.max(), iterations.mean(), residuals.max(), bounds.max()
        return torch.stack(figures).tolist()  # one wait for the device

    @property
    def iterations(self) -> int:
        """See the class."""
        return int(self._figures[0])

    @property
    def mean_iterations(self) -> float:
        """See the class."""
        return self._figures[1]

    @property
    def residual(self) -> float:
        """See the class."""
        return self._figures[2]

    @property
    def error_bound(self) -> float:
        """See the class."""
        return self._figures[3]

    def heading(self) -> str:
        return f"SolveRecord: {self.status} by {self.method} at alpha = {self.alpha:.4g}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        yield "iterations", self.iterations
        yield "residual", self.residual
        yield "error at most", self.error_bound
        yield "rate", self.rate
        yield "seconds", self.seconds

    def in_a_line(self) -> str:
        """Its first figures."""
        return (
            f"{self.status} by {self.method}: {self.iterations} iterations, error at most "
            f"{self.error_bound:.2g}, {self.seconds:.2g} s"
        )


@dataclass(repr=False)
class LastSolve(Shown):
    """The latest forward and backward solve of a layer; None: there was none (a gradient such as
    "direct" needs no iteration)."""

    forward: SolveRecord | None = None
    backward: SolveRecord | None = None

    def rows(self) -> Iterator[tuple[str, Any]]:
        yield "forward", self.forward and self.forward.in_a_line()
        yield "backward", self.backward and self.backward.in_a_line()
