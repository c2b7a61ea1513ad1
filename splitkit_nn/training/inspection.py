"""The commands that look at a saved model: ``evaluate``, ``certify``, ``figures``."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

import torch

from splitkit_nn.certify import certify_robustness
from splitkit_nn.models import Classifier
from splitkit_nn.training.command import Work
from splitkit_nn.training.convergence import as_table, measure_convergence
from splitkit_nn.training.plots import draw_certified_accuracy, draw_convergence
from splitkit_nn.training.progress import steps_bar
from splitkit_nn.training.report import accuracy_line, certificate_lines, certify_batch
from splitkit_nn.training.run import BEST, MODEL
from splitkit_nn.training.subject import Subject, add_subject, read_subject, require_equilibrium
from splitkit_nn.training.train import CONVERGENCE, NO_PICTURE, PICTURED
from splitkit_nn.training.trainer import accuracy

CERTIFIED = "certified.png"
BARE = "certified accuracy: needs a classifier and its images: give a whole model, and --recipe"


def add_evaluate(command: argparse.ArgumentParser) -> None:
    """Give the parser of ``evaluate`` its arguments."""
    command.set_defaults(prepare=prepare_evaluate)
    add_subject(command)
    command.add_argument(
        "--best", action="store_true", help="of the epoch that did best on held-out samples"
    )


def prepare_evaluate(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the printing of its test accuracy."""
    subject = read_subject(options, BEST if options.best else MODEL)
    dataset = subject.dataset
    if dataset is None:
        raise ValueError(f"{subject.path} is a file: say by --recipe which images it classifies")
    return lambda: print(accuracy_line("test", accuracy(subject.model, dataset, "test")))


def add_certify(command: argparse.ArgumentParser) -> None:
    """Give the parser of ``certify`` its arguments."""
    command.set_defaults(prepare=prepare_certify)
    add_subject(command)
    help_text = "of the search for Lipschitz multipliers (60)"
    command.add_argument("--steps", type=int, default=60, metavar="X", help=help_text)


def prepare_certify(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the printing of its certificate."""
    subject = read_subject(options)
    if options.steps < 0:
        raise ValueError(f"--steps {options.steps}: give 0 or more")
    require_equilibrium(subject)

    def work() -> None:
        certificate, samples = certify_batch(subject.model, subject.images, subject.available)
        print("\n".join(certificate_lines(certificate, subject.which(samples))))
        print(f"relative to the output: at most {certificate.relative_error:.1e}")
        print(f"solver iterations: {certificate.iterations}")
        print(f"Lipschitz bound of the network: {certificate.lipschitz:.4g}", flush=True)
        _certify_robustness(subject, samples, options.steps)

    return work


def _certify_robustness(subject: Subject, samples: int, steps: int) -> None:
    """Print and draw the certified accuracy on the first so many test images."""
    model, dataset = subject.model, subject.dataset
    if not isinstance(model, Classifier) or dataset is None:
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


def add_figures(command: argparse.ArgumentParser) -> None:
    """Give the parser of ``figures`` its arguments."""
    command.set_defaults(prepare=prepare_figures)
    add_subject(command)


def prepare_figures(options: argparse.Namespace) -> Work:
    """Read a model and its data; return the counting of iterations over the step size, and the
    picture of them.
    """
    subject = read_subject(options)
    require_equilibrium(subject)

    def work() -> None:
        images, labels = subject.images(PICTURED), subject.labels(PICTURED)
        with steps_bar("solving") as watch:
            convergence = measure_convergence(subject.model, images, labels, watch)
        shown = subject.which(convergence.samples)
        print(f"iterations over the step size on {shown}, at tolerance {convergence.tol:g}:")
        print(as_table(convergence))
        if find_spec("matplotlib") is None:
            print(f"picture: {NO_PICTURE}")
            return
        picture = draw_convergence(convergence, f"{subject.name} on {shown}")
        print(f"picture: {subject.write(CONVERGENCE, picture)}")

    return work
