"""The command line: ``python -m splitkit_nn`` train, evaluate, certify, reproduce.

A command first gathers all that it needs, where a mistake of the user's ends it with status 2, and
then works, where trouble ends it with status 1; Ctrl-C ends it with status 130.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

import splitkit as sk
from splitkit_nn.certify import certify_robustness
from splitkit_nn.data import Dataset
from splitkit_nn.models import Classifier
from splitkit_nn.reproduce.command import add_reproduce
from splitkit_nn.training.command import Work, add_train
from splitkit_nn.training.layer import has_equilibrium
from splitkit_nn.training.report import accuracy_line, certificate_lines, certify_on_test
from splitkit_nn.training.run import BEST, MODEL, Run
from splitkit_nn.training.trainer import accuracy, initial_model

CERTIFIED = "certified.png"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    try:
        work: Work = options.prepare(options)
    except (ValueError, OSError, ImportError) as error:
        return _failed(error, 2)
    try:
        work()
    except (sk.NotConvergedError, FloatingPointError, ValueError, OSError, ImportError) as error:
        return _failed(error, 1)
    return 0


def _failed(error: Exception, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status


def prepare_evaluate(options: argparse.Namespace) -> Work:
    """Read a run's model and its data; return the printing of its test accuracy."""
    model, dataset = _read_run(options, BEST if options.best else MODEL)
    return lambda: print(accuracy_line("test", accuracy(model, dataset, "test")))


def prepare_certify(options: argparse.Namespace) -> Work:
    """Read a run's model and its data; return the printing of its certificate."""
    model, dataset = _read_run(options, MODEL)
    if options.steps < 0:
        raise ValueError(f"--steps {options.steps}: give 0 or more")
    if not has_equilibrium(model):
        raise ValueError(f"{options.run}: its model has no equilibrium, so nothing is certified")

    def work() -> None:
        certificate, samples = certify_on_test(model, dataset)
        print(certificate)
        print("\n".join(certificate_lines(certificate, samples, len(dataset.test_x))))
        if isinstance(model, Classifier):
            _certify_robustness(model, dataset, samples, options)

    return work


def _certify_robustness(
    model: Classifier, dataset: Dataset, samples: int, options: argparse.Namespace
) -> None:
    """Print and draw the certified accuracy on the first so many test images."""
    dtype = next(model.parameters()).dtype
    images = dataset.normalization(dataset.test_x[:samples], dtype)
    scale = torch.tensor(dataset.normalization.std, dtype=torch.float64)
    labels = dataset.test_y[:samples]
    robustness = certify_robustness(model, images, labels, scale=scale, steps=options.steps)
    print(f"certified accuracy of exact equilibria, {samples} test images, pixels in [0, 1]:")
    print(robustness)
    if find_spec("matplotlib") is not None:
        from splitkit_nn.training.plots import draw_certified_accuracy

        picture = draw_certified_accuracy(robustness, "Certified accuracy on the test data")
        print(f"picture: {Run(options.run).write(CERTIFIED, picture)}")


def _read_run(options: argparse.Namespace, name: str) -> tuple[nn.Module, Dataset]:
    """A trained model of ``options.run`` and its data set, on the CPU."""
    run = Run(options.run)
    config = run.read_config()
    model = initial_model(config.recipe)
    run.read_model(model, name)
    model.eval()
    return model, config.recipe.load(config.data if options.data is None else options.data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m splitkit_nn", description="Monotone operator equilibrium networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_train(commands.add_parser("train", help="train a recipe into a directory"))
    evaluate = commands.add_parser("evaluate", help="print the test accuracy of a run")
    evaluate.set_defaults(prepare=prepare_evaluate)
    evaluate.add_argument(
        "--best", action="store_true", help="of the epoch that did best on held-out samples"
    )
    certified = commands.add_parser(
        "certify", help="print what is proved of a run's model on the test data"
    )
    certified.set_defaults(prepare=prepare_certify)
    add_reproduce(
        commands.add_parser("reproduce", help="print the paper's tables and redraw its figures")
    )
    for command in (evaluate, certified):
        command.add_argument("run", type=Path, metavar="RUN", help="directory of a training")
        command.add_argument("--data", type=Path, metavar="DIR", help="if the data has moved")
    help_text = "of the search for Lipschitz multipliers (60)"
    certified.add_argument("--steps", type=int, default=60, metavar="X", help=help_text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
