"""The picture of a trained layer: how fast the methods converge, and that the certificate holds."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from splitkit_nn.certify.robustness import Norm, Robustness
from splitkit_nn.training.convergence import LIMIT, Convergence

COLOURS = {"Peaceman-Rachford": "tab:blue", "forward-backward": "tab:orange"}


def draw_convergence(convergence: Convergence, title: str) -> bytes:
    """Two panels, iterations over the step size and error over iterations, as a PNG file."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    _draw_iterations(left, convergence)
    _draw_errors(right, convergence)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def draw_certified_accuracy(robustness: Robustness, title: str) -> bytes:
    """Certified accuracy over the radius, in ℓ2 beside the usual rules and in ℓ∞, as a PNG file."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    rules: dict[Norm, str] = {
        "l2": "certified",
        "rule √2": "margin/(√2γ), γ = ‖W_o‖‖U‖/m",
        "rule 2": "margin/(2γ)",
    }
    _draw_accuracies(left, robustness, rules, float(robustness.l2.max()))
    left.set_xlabel("ℓ2 radius ε")
    _draw_accuracies(right, robustness, {"linf": "certified"}, float(robustness.linf.max()))
    right.set_xlabel("ℓ∞ radius ε")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def _draw_accuracies(
    axes: Axes, robustness: Robustness, norms: dict[Norm, str], largest: float
) -> None:
    radii = np.linspace(0, largest, 200)
    for norm, label in norms.items():
        shares = [100 * robustness.accuracy(float(radius), norm) for radius in radii]
        axes.plot(radii, shares, label=label)
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False)


def _draw_iterations(axes: Axes, convergence: Convergence) -> None:
    alphas = np.array(convergence.alphas)
    for name, counts in convergence.iterations.items():
        iterations = np.array(counts)
        axes.plot(alphas, iterations, "o-", markersize=4, color=COLOURS[name], label=name)
        failed = alphas[np.isnan(iterations)]
        if len(failed):
            label = f"{name}: no convergence in {LIMIT}"
            at_limit = np.full_like(failed, LIMIT)
            axes.plot(failed, at_limit, "x", color=COLOURS[name], label=label)
    chosen = f"chosen by the layer: α = {convergence.alpha:.3g}"
    axes.axvline(convergence.alpha, color="grey", linestyle=":", label=chosen)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_title(f"Iterations to a relative residual of {convergence.tol:g}")
    axes.set_xlabel("step size α")
    axes.set_ylabel("iterations")
    _place_legend(axes)


def _draw_errors(axes: Axes, convergence: Convergence) -> None:
    steps = range(1, len(convergence.errors) + 1)
    axes.plot(
        steps, convergence.bounds, "s-", markersize=4, color="tab:green", label="certified bound"
    )
    axes.plot(steps, convergence.errors, "o-", markersize=4, color="tab:blue", label="true error")
    axes.set_yscale("log")
    axes.set_title("Distance to the true equilibrium, largest of the batch")
    axes.set_xlabel("iteration of Peaceman-Rachford")
    axes.set_ylabel("distance ‖z − z*‖")
    _place_legend(axes)


def _place_legend(axes: Axes) -> None:
    """Below the axes, where it covers no curve."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
