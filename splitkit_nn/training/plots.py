"""Pictures of a training and of the trained model: accuracy, iterations, certificate."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from splitkit_nn.certify.robustness import Norm, Robustness
from splitkit_nn.training.convergence import LIMIT, PASSES, Convergence
from splitkit_nn.training.trainer import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"Peaceman-Rachford": "tab:blue", "forward-backward": "tab:orange"}
PASS_TITLES = {"forward": "forward pass", "backward": "backward pass"}


def draw_convergence(convergence: Convergence, title: str) -> bytes:
    """Iterations over the step size, forward and backward, and error over iterations: a PNG."""
    figure = new_figure(16, 5, title)
    *panels, last = figure.subplots(1, 3)
    for axes, direction in zip(panels, PASSES, strict=True):
        axes.set_title(f"Iterations to {convergence.tol:g}, {PASS_TITLES[direction]}")
        _draw_iterations(axes, convergence, convergence.iterations[direction])
    _draw_errors(last, convergence)
    return as_png(figure)


def draw_history(history: Sequence[EpochMetrics], title: str) -> bytes:
    """Accuracy, loss and solver iterations over the epochs: a PNG."""
    figure = new_figure(16, 5, title)
    accuracy, loss, iterations = figure.subplots(1, 3)
    epochs = [metrics.epoch for metrics in history]
    shares = {"test": "test_accuracy", "training": "train_accuracy", "held out": "valid_accuracy"}
    for label, key in shares.items():
        values = [getattr(metrics, key) for metrics in history]
        if None not in values:
            accuracy.plot(epochs, 100 * np.array(values), ".-", label=label)
    loss.plot(epochs, [metrics.train_loss for metrics in history], ".-", label="training loss")
    loss.set_yscale("log")
    for direction in PASSES:
        counts = [getattr(metrics, f"{direction}_iterations") for metrics in history]
        iterations.plot(epochs, counts, ".-", label=PASS_TITLES[direction])
    finish(accuracy, "epoch", "accuracy in %")
    finish(loss, "epoch", "cross-entropy")
    finish(iterations, "epoch", "solver iterations a step")
    return as_png(figure)


def draw_curves(
    curves: Mapping[str, tuple[Iterable[float], Iterable[float]]], title: str, *, y: str
) -> bytes:
    """One curve over the epochs for each label: a PNG."""
    figure = new_figure(8, 5.5, title)
    axes = figure.subplots()
    for label, (epochs, values) in curves.items():
        axes.plot(list(epochs), list(values), ".-", label=label)
    finish(axes, "epoch", y)
    return as_png(figure)


def draw_certified_accuracy(robustness: Robustness, title: str) -> bytes:
    """Certified accuracy over the radius, in ℓ2 beside the usual rules and in ℓ∞, as a PNG file."""
    figure = new_figure(11, 4.5, title)
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
    return as_png(figure)


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


def _draw_iterations(
    axes: Axes, convergence: Convergence, counted: Mapping[str, Sequence[float]]
) -> None:
    alphas = np.array(convergence.alphas)
    for name, counts in counted.items():
        iterations = np.array(counts)
        axes.plot(alphas, iterations, "o-", markersize=4, color=COLOURS[name], label=name)
        failed = alphas[np.isnan(iterations)]
        if len(failed):
            label = f"{name}: no convergence in {LIMIT}"
            at_limit = np.full_like(failed, LIMIT)
            axes.plot(failed, at_limit, "x", color=COLOURS[name], label=label)
    chosen = f"the layer's own: α = {convergence.alpha:.3g}"
    axes.axvline(convergence.alpha, color="grey", linestyle=":", label=chosen)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    finish(axes, "step size α", "iterations")


def _draw_errors(axes: Axes, convergence: Convergence) -> None:
    steps = range(1, len(convergence.errors) + 1)
    axes.plot(
        steps, convergence.bounds, "s-", markersize=4, color="tab:green", label="certified bound"
    )
    axes.plot(steps, convergence.errors, "o-", markersize=4, color="tab:blue", label="true error")
    axes.set_yscale("log")
    axes.set_title("Distance to the equilibrium, worst of the batch")
    finish(axes, "iteration of Peaceman-Rachford", "distance ‖z − z*‖")


def finish(axes: Axes, x: str, y: str) -> None:
    """Name the axes; put the legend below them, where it covers no curve."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), frameon=False)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of that size in inches."""
    # imported here, since it is an extra
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title)
    return figure


def as_png(figure: Figure) -> bytes:
    """The figure as the content of a PNG file."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
