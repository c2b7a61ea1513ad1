"""What is guaranteed of a trained layer, as numbers: m, L, rate, distance to the equilibrium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import splitkit as sk
from splitkit.display import Shown
from splitkit_nn.certify.distance import distance_bound
from splitkit_nn.certify.readout import readout_rows
from splitkit_nn.certify.stages import inputs_gain
from splitkit_nn.equilibrium.solver import StepMethod
from splitkit_nn.layers import MonDEQ
from splitkit_nn.layers.copies import copied
from splitkit_nn.models import Classifier


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """Guarantees of a layer, and how they compare with what it does on a batch.

    Attributes
    ----------
    m, L : float
        Strong monotonicity (the least eigenvalue of the symmetric part) and Lipschitz constant (the
        largest singular value) of I − W: exact up to rounding, which never takes m below the
        parametrization's; for more than 1,024 features and for tiers that m, and a bound L.
    alpha : float
        The step size of the solve.
    method : str
        What solved.
    rate : float or None
        Guaranteed contraction factor of an iteration, for every activation; None: none is proved.
    base_rate : float or None
        Of the method that an accelerator wraps, to whose steps it falls back; else ``rate``.
    observed_rate : float
        The geometric mean factor by which a step ‖u⁺ − u‖ shrank, worst of the batch.
    iterations : int
        Of the layer's own solve on this batch.
    solve_error : float
        Certified: no sample's output is further than this from the true equilibrium, in ℓ2.
    relative_error : float
        The same over the output's norm, worst of the batch (0 where both are 0).
    lipschitz : float
        Bound of the Lipschitz constant of x ↦ z, or of x ↦ logits for a whole model: ‖U‖/m, times
        ‖W_o‖ and what the stages before the layer have.

    Examples
    --------
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0)).eval()
    >>> print(sknn.certify(layer, torch.randn(5, 4)).m >= 1)
    True
    """

    m: float
    L: float
    alpha: float
    method: str
    rate: float | None
    base_rate: float | None
    observed_rate: float
    iterations: int
    solve_error: float
    relative_error: float
    lipschitz: float

    @property
    def rates(self) -> str:
        """The guaranteed and the observed contraction of an iteration, in words."""
        if self.rate is not None:
            proved = f"{self.rate:.4f} guaranteed"
        elif self.base_rate is not None:
            proved = f"none guaranteed of {self.method}, {self.base_rate:.4f} of the steps it wraps"
        else:
            proved = f"none guaranteed of {self.method}"
        return f"{proved}, {self.observed_rate:.4f} observed"

    def proved(self, which: str) -> list[str]:
        """What is proved of the layer on those inputs, and beside it what was seen, in words."""
        distance = f"distance to the true equilibrium: at most {self.solve_error:.2e}"
        return [
            f"{distance}, certified for {which}",
            f"strong monotonicity m: {self.m:.4g}, Lipschitz constant L: {self.L:.4g}",
            f"contraction an iteration: {self.rates}, at alpha = {self.alpha:.4g}",
        ]

    def heading(self) -> str:
        """What solved."""
        return f"Certificate of a layer, by {self.method} at alpha = {self.alpha:.4g}"

    def rows(self) -> Iterator[tuple[str, Any]]:
        """The constants and bounds."""
        yield "strong monotonicity", self.m
        yield "Lipschitz constant", self.L
        yield "contraction", self.rates
        yield "iterations", self.iterations
        yield "error at most", self.solve_error
        yield "relative error at most", self.relative_error
        yield "Lipschitz bound of the network", self.lipschitz

    def summary(self, which: str = "the batch") -> str:
        """All of it in words, a line each."""
        return "\n".join(
            (
                *self.proved(which),
                f"relative to the output: at most {self.relative_error:.1e}",
                f"solver iterations: {self.iterations}",
                f"Lipschitz bound of the network: {self.lipschitz:.4g}",
            )
        )

    def __str__(self) -> str:
        return self.summary()


def certify(model: MonDEQ | Classifier, x: Tensor) -> Certificate:
    """Certify a layer, or a model with one, on a batch of inputs.

    Parameters
    ----------
    model : MonDEQ or Classifier
        Not changed.
    x : Tensor
        Inputs as the model takes them; on its dtype and device.

    Returns
    -------
    Certificate
        The solve is the layer's own, at its tolerance, in its precision; constants, rates and the
        bound ‖r‖/m are computed in float64.

    Raises
    ------
    TypeError, ValueError, splitkit.NotConvergedError
        As the layer raises them; ValueError for an empty batch, or a layer of unrolled steps;
        TypeError where nothing is known of a stage before the layer.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=4, features=8, m=1.0))
    >>> model = sknn.DenseClassifier.of(layer.eval(), torch.nn.Linear(8, 3))
    >>> found = sknn.certify(model, torch.randn(5, 4))
    >>> print(found.m >= 1, found.lipschitz > 0)
    True True
    """
    if not isinstance(model, (MonDEQ, Classifier)):
        raise TypeError(f"model is a {type(model).__name__}: give a MonDEQ or a Classifier")
    if x.shape[0] == 0:
        raise ValueError("x is an empty batch: give at least one sample")
    model = copied(model).eval()
    into = readout = 1.0
    with torch.no_grad():
        if isinstance(model, Classifier):
            into = inputs_gain(model, x).l2
            layer, x = model.layer, model.inputs(x)
        else:
            layer = model
        z = layer(x)
    record = layer.last_solve.forward
    if record is None:
        raise ValueError(
            f"the layer has gradient = {layer.gradient!r}, which solves nothing: set its gradient "
            'to sknn.CotangentSolve(), or make it with gradient="cotangent"'
        )
    double, z = layer.double(), z.double()
    if isinstance(model, Classifier):
        rows = readout_rows(model.double(), z)
        readout = float(torch.linalg.matrix_norm(rows.flatten(1), 2))
    F, G = double.inclusion(x.double())
    method = double.method.with_alpha(record.alpha)
    rate = method.guarantee(F, G).rate
    wrapped = method.method.guarantee(F, G).rate if isinstance(method, sk.Accelerator) else rate
    m, L = double.parametrization.constants(F.M)
    error = distance_bound(F, z, double, m)
    size = z.flatten(1).norm(dim=1)
    relative = torch.where(error > 0, error / size, 0.0)
    return Certificate(
        m=m,
        L=L,
        alpha=record.alpha,
        method=method.label,
        rate=rate,
        base_rate=wrapped,
        observed_rate=_observed_rate(F, G, method),
        iterations=record.iterations,
        solve_error=float(error.max()),
        relative_error=float(relative.max()),
        lipschitz=into * double.parametrization.input_norm() / m * readout,
    )


def _observed_rate(F: sk.Affine, G: sk.Operator, method: StepMethod) -> float:
    solution = sk.solve(
        F + G,
        torch.zeros_like(F.q),
        method,
        tol=1e-6,
        batch_ndim=1,
        progress=False,
        on_failure="return",
    )
    k, steps = solution.history.iteration, solution.history.fixed_point_residual
    if len(k) < 2:
        return 0.0
    first, last = steps[0], steps[-1]
    factors = torch.where(first > 0, (last / first) ** (1 / (k[-1] - k[0])), 0.0)
    return float(factors.max())
