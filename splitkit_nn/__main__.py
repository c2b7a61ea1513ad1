"""The command line: ``python -m splitkit_nn train RECIPE --out RUN``, ``evaluate``, ``certify``.

A command first gathers all that it needs, where a mistake of the user's ends it with status 2, and
then works, where trouble ends it with status 1; Ctrl-C ends it with status 130.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

import splitkit as sk
from splitkit_nn.certify import certify
from splitkit_nn.data import Dataset, download
from splitkit_nn.models import DenseClassifier
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import RECIPES, find_recipe
from splitkit_nn.training.report import accuracy_line, certificate_lines
from splitkit_nn.training.run import Run, refuse_existing
from splitkit_nn.training.train import train
from splitkit_nn.training.trainer import accuracy

Work = Callable[[], None]

OVERRIDES = {
    "epochs": (int, "passes over the training data"),
    "seed": (int, "decides parameters, order and augmentation"),
    "batch_size": (int, "samples a step"),
    "lr": (float, "first learning rate"),
    "tol": (float, "relative tolerance of the equilibrium solver"),
    "m": (float, "strong monotonicity of the layer"),
}


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
    except (ValueError, OSError) as error:
        return _failed(error, 2)
    try:
        work()
    except (sk.NotConvergedError, FloatingPointError, OSError) as error:
        return _failed(error, 1)
    return 0


def _failed(error: Exception, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status


def prepare_train(options: argparse.Namespace) -> Work:
    """Check recipe, device, run directory and data; return the training."""
    given = {key: getattr(options, key) for key in OVERRIDES}
    changes = {key: value for key, value in given.items() if value is not None}
    recipe = replace(find_recipe(options.recipe), **changes)
    device = _usable_device(options.device)
    refuse_existing(options.out)
    dataset = _load(recipe, options.data, options.download)
    config = Config(recipe, options.data)

    def work() -> None:
        try:
            report = train(config, dataset, options.out, device, progress=not options.no_progress)
        except BaseException:
            _say_what_was_kept(Run(options.out))
            raise
        print("\n".join(report))

    return work


def _load(recipe: Recipe, directory: Path | None, may_download: bool) -> Dataset:
    """The recipe's data; what the directory lacks is downloaded only if the user said so."""
    try:
        return recipe.load(directory)
    except FileNotFoundError:
        if not may_download or recipe.source is None or directory is None:
            raise
    download(recipe.source, directory)
    return recipe.load(directory)


def prepare_evaluate(options: argparse.Namespace) -> Work:
    """Read a run's model and its data; return the printing of its test accuracy."""
    model, dataset = _read_run(options)
    return lambda: print(accuracy_line("test", accuracy(model, dataset, "test")))


def prepare_certify(options: argparse.Namespace) -> Work:
    """Read a run's model and its data; return the printing of its certificate."""
    model, dataset = _read_run(options)

    def work() -> None:
        certificate = certify(model, dataset.normalization(dataset.test_x))
        print(certificate)
        print("\n".join(certificate_lines(certificate)))

    return work


def _read_run(options: argparse.Namespace) -> tuple[DenseClassifier, Dataset]:
    """The trained model and the data set of ``options.run``, on the CPU."""
    run = Run(options.run)
    config = run.read_config()
    model = config.recipe.build(config.recipe)
    run.read_model(model)
    model.eval()
    return model, config.recipe.load(config.data if options.data is None else options.data)


def _usable_device(name: str) -> torch.device:
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device {name}: not usable here ({reason}); try cpu") from error
    return torch.device(name)


def _say_what_was_kept(run: Run) -> None:
    if run.model_path.exists():
        print(f"kept: {run.path} with the model of the last full epoch", file=sys.stderr)
    else:
        print("nothing was saved: no epoch was complete", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m splitkit_nn", description="Monotone operator equilibrium networks."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands.add_parser("train", help="train a recipe into a new directory"))
    for name, prepare, help_text in (
        ("evaluate", prepare_evaluate, "print the test accuracy of a run"),
        ("certify", prepare_certify, "print what is proved of a run's model on the test data"),
    ):
        command = commands.add_parser(name, help=help_text)
        command.set_defaults(prepare=prepare)
        command.add_argument("run", type=Path, metavar="RUN", help="directory of a training")
        command.add_argument("--data", type=Path, metavar="DIR", help="if the data has moved")
    return parser


def _add_train(command: argparse.ArgumentParser) -> None:
    command.set_defaults(prepare=prepare_train)
    command.add_argument("recipe", metavar="RECIPE", help=f"one of {', '.join(RECIPES)}")
    command.add_argument("--out", type=Path, metavar="RUN", required=True, help="new directory")
    command.add_argument("--data", type=Path, metavar="DIR", help="where the data files lie")
    command.add_argument("--download", action="store_true", help="fetch what --data DIR lacks")
    command.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, … (default: cpu)")
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    for key, (kind, help_text) in OVERRIDES.items():
        flag = "--" + key.replace("_", "-")
        command.add_argument(flag, type=kind, metavar="X", help=f"{help_text} (recipe's own)")


if __name__ == "__main__":
    sys.exit(main())
