"""The commands that look at a saved model: ``evaluate``, ``certify``, ``figures``."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

import torch

from splitkit_nn.certify import certify_robustness
from splitkit_nn.layers import MonDEQ
from splitkit_nn.training.convergence import as_table
from splitkit_nn.training.plots import draw_certified_accuracy, draw_convergence
from splitkit_nn.training.progress import steps_bar
from splitkit_nn.training.report import accuracy_line, certify_subject
from splitkit_nn.training.run import BEST, MODEL
from splitkit_nn.training.subject import (
    Subject,
    Work,
    add_subject,
    read_subject,
    require_equilibrium,
)
from splitkit_nn.training.train import CONVERGENCE, NO_PICTURE
from splitkit_nn.training.trainer import accuracy

CERTIFIED = "certified.png"
BARE = "certified accuracy: needs a classifier and its images: give a whole model, and --recipe"


def add_inspections(commands: Any) -> None:
    """The commands ``evaluate``, ``certify``, ``figures``."""
    does = "print the test accuracy of a saved model"
    command = add_subject(commands, "evaluate", prepare_evaluate, does)
    command.add_argument(
        "--best", action="store_true", help="of the epoch that did best on held-out samples"
    )
    does = "print what is proved of a saved model on its images"
    command = add_subject(commands, "certify", prepare_certify, does)
    help_text = "of the search for Lipschitz multipliers (60)"
    command.add_argument("--steps", type=int, default=60, metavar="X", help=help_text)
    does = "draw how the methods converge on a saved model"
    add_subject(commands, "figures", prepare_figures, does)


def prepare_evaluate(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the printing of its test accuracy."""
    subject = read_subject(options, BEST if options.best else MODEL)
    dataset = subject.dataset
    if dataset is None:
        raise ValueError(f"{subject.path} is a file: say by --recipe which images it classifies")
    return lambda: print(accuracy_line("test", accuracy(subject.model, dataset, "test")))


def prepare_certify(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the printing of its certificate."""
    subject = read_subject(options)
    if options.steps < 0:
        raise ValueError(f"--steps {options.steps}: give 0 or more")
    require_equilibrium(subject)

    def work() -> None:
        certificate, samples = certify_subject(subject)
        print(certificate.summary(subject.which(samples)), flush=True)
        _certify_robustness(subject, samples, options.steps)

    return work


def _certify_robustness(subject: Subject, samples: int, steps: int) -> None:
    """Print and draw the certified accuracy on the first so many test images."""
    model, dataset = subject.model, subject.dataset
    if isinstance(model, MonDEQ) or dataset is None:
        print(BARE)
        return
    images, labels = subject.images(samples), dataset.test_y[:samples]
    scale = torch.tensor(dataset.normalization.std, dtype=torch.float64)
    with steps_bar("searching for multipliers") as watch:
        robustness = certify_robustness(
            model, images, labels, scale=scale, steps=steps, watch=watch
        )
    print(f"certified accuracy of exact equilibria, {samples} test images, pixels in [0, 1]:")
    print(robustness)
    if find_spec("matplotlib") is not None:
        picture = draw_certified_accuracy(robustness, "Certified accuracy on the test data")
        print(f"picture: {subject.write(CERTIFIED, picture)}")


def prepare_figures(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the counting of iterations over the step size, and the
    picture of them.
    """
    subject = read_subject(options)
    require_equilibrium(subject)

    def work() -> None:
        with steps_bar("solving") as watch:
            convergence, title = subject.convergence(watch)
        shown = subject.which(convergence.samples)
        print(f"iterations over the step size on {shown}, at tolerance {convergence.tol:g}:")
        print(as_table(convergence))
        if find_spec("matplotlib") is None:
            print(f"picture: {NO_PICTURE}")
            return
        print(f"picture: {subject.write(CONVERGENCE, draw_convergence(convergence, title))}")

    return work
