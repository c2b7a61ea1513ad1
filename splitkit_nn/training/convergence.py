"""How the splitting methods converge on a trained model, measured in double precision."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor, nn

import splitkit as sk
from splitkit_nn.layers import MonDEQ
from splitkit_nn.layers.copies import copied
from splitkit_nn.linear.bounds.base import Watch, unwatched
from splitkit_nn.training.layer import equilibrium_layer, follow, loss_cotangent

ALPHAS = tuple(2.0**k for k in range(-9, 5))
TOL = 1e-4  # where the layer has another stopping rule
LIMIT = 300  # iterations after which a method counts as not converging
EXACT = 1e-13  # relative tolerance of the solution that stands for the true one
STEPS = 30  # iterations whose bounds and errors are shown
ENTRIES = 100_000  # of the equilibria of all samples, at most: they are computed many times over

Method = sk.PeacemanRachford | sk.ForwardBackward
METHODS: dict[str, type[Method]] = {
    "Peaceman-Rachford": sk.PeacemanRachford,
    "forward-backward": sk.ForwardBackward,
}
Pass = Literal["forward", "backward"]
PASSES: tuple[Pass, ...] = ("forward", "backward")


@dataclass(frozen=True)
class Convergence:
    """What the picture shows, for one batch of inputs.

    Attributes
    ----------
    samples : int
        How many inputs.
    alphas : sequence of float
        The step sizes tried.
    iterations : mapping
        For each pass, "forward" and "backward", and each method, by name, its iterations at each
        step size; nan: it did not converge.
    tol : float
        The tolerance of those solves.
    alpha : float
        The layer's own step size, at which bounds and errors are taken.
    bounds, errors : sequence of float
        After each Peaceman-Rachford iteration forward, the certified and the true distance to the
        equilibrium: the largest in the batch.
    """

    samples: int
    alphas: Sequence[float]
    iterations: Mapping[Pass, Mapping[str, Sequence[float]]]
    tol: float
    alpha: float
    bounds: Sequence[float]
    errors: Sequence[float]


def measure_convergence(
    model: nn.Module, images: Tensor, labels: Tensor | None, watch: Watch = unwatched
) -> Convergence:
    """Solve a model's two inclusions, of the equilibrium and of its cotangent, in many ways.

    Of the images at most as many are taken as is quick. The model is left as it is: a copy in
    float64 does the work, on the model's device, where the images are. Without labels the cotangent
    is that of the output's square. ``watch`` is called with (solves done, of all) after each.
    """
    twin = copied(model).double()
    layer = equilibrium_layer(twin)
    images = images.double()
    with torch.no_grad():
        entries = follow(twin, images[:1]).z.numel()
    samples = min(len(images), max(1, ENTRIES // entries))
    if labels is not None:
        labels = labels[:samples]
    x, v = loss_cotangent(twin, images[:samples], labels)
    inclusions: dict[Pass, _Inclusion] = {
        "forward": _Inclusion(*layer.inclusion(x), torch.zeros_like(v)),
        "backward": _Inclusion(*layer.cotangent_inclusion(x, v), torch.zeros_like(v)),
    }
    tol = layer.tol if isinstance(layer.tol, float) else TOL
    alpha = _own_step(layer)
    iterations: dict[Pass, dict[str, list[float]]] = {
        direction: {name: [] for name in METHODS} for direction in PASSES
    }
    ways = list(product(PASSES, METHODS, ALPHAS))
    of = len(ways) + 1
    for done, (direction, name, a) in enumerate(ways, start=1):
        count = inclusions[direction].iterations(METHODS[name], a, tol)
        iterations[direction][name].append(count)
        watch(done, of)
    bounds, errors = inclusions["forward"].bounds_and_errors(alpha)
    watch(of, of)
    return Convergence(
        samples=samples,
        alphas=ALPHAS,
        iterations=iterations,
        tol=tol,
        alpha=alpha,
        bounds=bounds,
        errors=errors,
    )


def _own_step(layer: MonDEQ) -> float:
    """The step size of the latest solve, or that of unrolled steps, which solve nothing."""
    if layer.last_solve.forward is not None:
        return layer.last_solve.forward.alpha
    given: float | None = getattr(layer.gradient, "alpha", None)
    if given is not None:
        return given
    m, L = layer.parametrization.constants(layer.parametrization.operator(exact=True))
    return m / L**2


def as_table(convergence: Convergence) -> str:
    """The iterations at each step size, and the bound and the error after some, as lines."""
    columns = [(direction, name) for direction in PASSES for name in METHODS]
    lines = ["α          " + "   ".join(f"{name}, {direction}" for direction, name in columns)]
    for i, alpha in enumerate(convergence.alphas):
        counts = [convergence.iterations[direction][name][i] for direction, name in columns]
        cells = [
            f"{'–' if math.isnan(count) else format(count, '.0f'):>{len(f'{name}, {direction}')}}"
            for count, (direction, name) in zip(counts, columns, strict=True)
        ]
        lines.append(f"{alpha:<11.4g}" + "   ".join(cells))
    lines += [
        f"–: no convergence in {LIMIT}",
        f"the layer's own step size: {convergence.alpha:.4g}",
    ]
    lines.append("iteration   certified distance   true distance")
    for k in range(0, len(convergence.errors), 5):
        lines.append(f"{k + 1:<9} {convergence.bounds[k]:18.2e} {convergence.errors[k]:15.2e}")
    return "\n".join(lines)


@dataclass(frozen=True)
class _Inclusion:
    """0 ∈ F(z) + G(z) for a batch of inputs, in float64."""

    F: sk.Affine
    G: sk.Operator
    start: Tensor

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

    def bounds_and_errors(self, alpha: float) -> tuple[list[float], list[float]]:
        """Certified and true distance after each Peaceman-Rachford iteration, largest of all."""
        method = sk.PeacemanRachford(alpha=alpha)
        true = self.solve(method, EXACT, 100 * LIMIT).x
        bounds, errors = [], []
        inclusion = self.F + self.G
        for state in method.iterate(inclusion, self.start, tol=0.0, max_iter=STEPS, batch_ndim=1):
            assert state.error_bound is not None
            bounds.append(float(state.error_bound.max()))
            errors.append(float((state.x - true).flatten(1).norm(dim=1).max()))
        return bounds, errors
