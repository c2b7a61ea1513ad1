"""A saved model to look at, wherever it lies, and inputs for it: a run's, a recipe's, or random."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from splitkit_nn.data import Dataset
from splitkit_nn.linear.bounds.base import Watch, unwatched
from splitkit_nn.models.saved import load
from splitkit_nn.training.convergence import Convergence, measure_convergence
from splitkit_nn.training.layer import equilibrium_layer, has_equilibrium
from splitkit_nn.training.paths import check_writable, path_argument
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.run import CHECKPOINT, MODEL, RunDirectory, is_run
from splitkit_nn.training.trainer import initial_model

Work = Callable[[], None]
Prepare = Callable[[argparse.Namespace], Work]

RANDOM = 64  # inputs that are drawn where there are no images
PICTURED = 64  # inputs that a picture is about


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode, and what it is shown, on one device.

    Attributes
    ----------
    path : Path
        The run, or the file.
    name : str
        What titles call the model.
    model : nn.Module
    dataset : Dataset or None
        Its test part is what the model is shown; None: standard normal inputs, without labels.
    """

    path: Path
    name: str
    model: nn.Module
    dataset: Dataset | None

    @property
    def available(self) -> int:
        """How many inputs there are."""
        return RANDOM if self.dataset is None else len(self.dataset.test_x)

    def images(self, count: int) -> Tensor:
        """The first inputs, as the model takes them."""
        dtype = next(self.model.parameters()).dtype
        if self.dataset is not None:
            return self.dataset.normalization(self.dataset.test_x[:count], dtype)
        shape = equilibrium_layer(self.model).parametrization.input_shape
        generator = torch.Generator().manual_seed(0)
        return torch.randn(RANDOM, *shape, generator=generator, dtype=dtype)[:count]

    def labels(self, count: int) -> Tensor | None:
        """The classes of the first inputs, where they are known."""
        return None if self.dataset is None else self.dataset.test_y[:count]

    def which(self, count: int) -> str:
        """The first inputs, in words."""
        if self.dataset is None:
            return f"{count} standard normal inputs"
        return "every test image" if count == self.available else f"the first {count} test images"

    def convergence(self, watch: Watch = unwatched) -> tuple[Convergence, str]:
        """How the methods converge on the first inputs, and what a title calls that."""
        images, labels = self.images(PICTURED), self.labels(PICTURED)
        found = measure_convergence(self.model, images, labels, watch)
        return found, f"{self.name} on {self.which(found.samples)}"

    @property
    def directory(self) -> Path:
        """Where pictures belong: the run, or where the file lies."""
        return self.path if self.path.is_dir() else self.path.parent

    def write(self, picture: str, content: bytes) -> Path:
        """Save a picture in the run, or beside the file with its name in front."""
        name = picture if self.path.is_dir() else f"{self.path.stem}-{picture}"
        return RunDirectory(self.directory).write(name, content)


def add_subject(commands: Any, name: str, prepare: Prepare, does: str) -> argparse.ArgumentParser:
    """A command with the arguments of ``read_subject``."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=does)
    command.set_defaults(prepare=prepare)
    command.add_argument(
        "model",
        type=path_argument,
        metavar="MODEL",
        help="a training's directory, or a model's file",
    )
    command.add_argument(
        "--recipe", metavar="NAME", help="whose test images a file's model is shown"
    )
    command.add_argument(
        "--data", type=path_argument, metavar="DIR", help="where those lie, or now lie"
    )
    command.add_argument("--m", type=float, metavar="X", help="of a state dict's layer (1)")
    command.add_argument(
        "--side", type=int, nargs="+", metavar="N", help="of the images of a state dict's model"
    )
    return command


def read_subject(options: argparse.Namespace, name: str = MODEL) -> Subject:
    """The model that ``options.model`` names: ``name`` of a run, or a file in or outside of one.

    Raises
    ------
    FileNotFoundError, ValueError
        There is none, or an option does not fit; the message says what to do.
    """
    path: Path = options.model
    if is_run(path.parent) and path.suffix == ".pt" and not path.is_dir():
        path, name = path.parent, path.name
    if path.is_dir():
        for option in ("recipe", "m", "side"):
            if is_run(path) and getattr(options, option) is not None:
                raise ValueError(f"--{option}: {path} is a run, which knows its own; leave it out")
        return subject_of_run(path, name, options.data)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is neither a run nor a model's file")
    model = load(path, m=1.0 if options.m is None else options.m, side=_side(options.side))
    if options.recipe is None:
        if options.data is not None:
            raise ValueError(f"--data {options.data}: say by --recipe what is to be read there")
        return Subject(path, path.name, model, None)
    recipe = find_recipe(options.recipe)
    dataset = recipe.load(options.data)
    subject = Subject(path, path.name, model, dataset)
    _check_fit(subject, options.recipe)
    return subject


def subject_of_run(path: Path, name: str = MODEL, data: Path | None = None) -> Subject:
    """The model of that name in a run, and its recipe's data, which may have moved."""
    run = RunDirectory(path)
    config = run.read_config()
    dataset = config.recipe.load(config.data if data is None else data)
    model = initial_model(config.recipe)
    run.read_model(model, name, inside="model" if name == CHECKPOINT else None)
    return Subject(path, config.recipe.name, model.eval(), dataset)


def _side(given: list[int] | None) -> int | tuple[int, int] | None:
    if given is None:
        return None
    if len(given) > 2:
        raise ValueError(f"--side {' '.join(map(str, given))}: give one number, or two")
    return given[0] if len(given) == 1 else (given[0], given[1])


def _check_fit(subject: Subject, recipe: str) -> None:
    """Raise ValueError unless the model takes the recipe's images."""
    try:
        with torch.no_grad():
            subject.model(subject.images(1))
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"{subject.path}: its model does not take the images of {recipe} ({error}); give "
            "another --recipe, or none"
        ) from error


def require_equilibrium(subject: Subject) -> None:
    """Raise ValueError if there is nothing to be certified or drawn, OSError if no picture can be
    saved.
    """
    check_writable(subject.directory)
    if not has_equilibrium(subject.model):
        raise ValueError(f"{subject.path}: its model has no equilibrium, so nothing is certified")
