"""The recipes, a row of ``ROWS`` each.

The monDEQs are those of Winston, Kolter (NeurIPS 2020), Table 1, with the accuracy that it reports;
on MNIST it lists 54 channels for the convolution, and the parameters of 56. The others are what it
compares with: neural ODEs of the sizes of Dupont, Doucet, Teh, *Augmented neural ODEs* (2019), with
as many parameters, and unconstrained equilibrium networks solved by Broyden, which diverged within
a few epochs. Broyden's method is given 30 steps where the paper gave it up to 300, since it keeps a
copy of every equilibrium for each. The numbers of ``digits`` were chosen by cross-validation within
its training part.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from splitkit_nn import data
from splitkit_nn.baselines import BroydenDEQ, NeuralODE
from splitkit_nn.data import cifar10, mnist, svhn
from splitkit_nn.models import ConvClassifier, DenseClassifier, MultiTierClassifier
from splitkit_nn.training.augment import Chain, Flip, RandomShift
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.schedule import Cosine, OneCycle, RateSchedule, StepDecay

CLASSES = 10
OF_MONDEQS = {
    each.name: each.default
    for each in fields(Recipe)
    if each.name in ("alpha", "activation", "method", "gradient", "on_failure", "backward_tol")
}


class Model(NamedTuple):
    """A kind of model in words, and how it is built for images of so many channels and side."""

    words: str
    build: Callable[[Recipe, int, int], nn.Module]


@dataclass(frozen=True)
class Images:
    """A data set in words, its loader, and its files: None where it brings its own data."""

    words: str
    loader: Callable[..., data.Dataset]
    channels: int
    side: int
    files: str | None = None
    source: data.Source | None = None

    def load(self, directory: Path | None) -> data.Dataset:
        """Load them from the directory with their files."""
        if self.files is None and directory is not None:
            raise ValueError(
                f"--data {directory}: this recipe brings its own data; leave --data out"
            )
        if self.files is not None and directory is None:
            raise ValueError(
                f"this recipe reads {self.files}: give their directory with --data DIR"
            )
        return self.loader() if directory is None else self.loader(directory)


IMAGES = {
    "digits": Images("scikit-learn's 1,797 digits", data.load_digits, 1, 8),
    "mnist": Images("MNIST", data.load_mnist, 1, 28, "MNIST's four IDX files", mnist.SOURCE),
    "cifar10": Images(
        "CIFAR-10", data.load_cifar10, 3, 32, "CIFAR-10's binary version", cifar10.SOURCE
    ),
    "svhn": Images(
        "SVHN", data.load_svhn, 3, 32, "SVHN's two .mat files of cropped digits", svhn.SOURCE
    ),
}


def dense(units: int) -> Model:
    """A dense equilibrium layer."""
    return _mondeq(f"dense, {units} units", DenseClassifier, lambda n, side: (n * side**2, units))


def conv(width: int) -> Model:
    """A single convolution of so many channels."""
    words = f"single convolution, {width} channels"
    return _mondeq(words, ConvClassifier, lambda n, side: (n, width, side))


def multitier(*widths: int) -> Model:
    """Tiers of so many channels."""
    words = f"multi-tier, {'/'.join(map(str, widths))} channels"
    return _mondeq(words, MultiTierClassifier, lambda n, side: (n, widths, side))


def _mondeq(words: str, kind: Callable[..., nn.Module], sizes: Callable[..., Any]) -> Model:
    """A classifier of the sizes that belong to images of n channels."""

    def build(recipe: Recipe, channels: int, side: int) -> nn.Module:
        shape = *sizes(channels, side), CLASSES
        return kind(*shape, m=recipe.m, **recipe.layer)

    return Model(words, build)


def deq(width: int) -> Model:
    """An equilibrium network of so many channels that need not have an equilibrium."""

    def build(recipe: Recipe, channels: int, side: int) -> nn.Module:
        _check_baseline(recipe, "torchdeq")
        return BroydenDEQ(channels, width, side, CLASSES, tol=recipe.tol, max_iter=recipe.max_iter)

    return Model("unconstrained equilibrium network, for comparison", build)


def node(filters: int, augment: int = 0) -> Model:
    """A neural ODE, augmented by so many channels."""

    def build(recipe: Recipe, channels: int, side: int) -> nn.Module:
        _check_baseline(recipe, "torchdiffeq")
        return NeuralODE(channels, side, filters, CLASSES, augment=augment, tol=recipe.tol)

    return Model(f"{'augmented ' if augment else ''}neural ODE, for comparison", build)


def _check_baseline(recipe: Recipe, package: str) -> None:
    if find_spec(package) is None:
        raise ModuleNotFoundError(f"{recipe.name} needs {package}: pip install {package}")
    for name in OF_MONDEQS:
        value = getattr(recipe, name)
        if value != OF_MONDEQS[name]:
            raise ValueError(f"{name} = {value}: {recipe.name} has no monDEQ layer; leave it out")


def _row(name: str, model: Model, accuracy: str, schedule: RateSchedule, **more: Any) -> Recipe:
    """A recipe whose name begins with its images'; the accuracy is the paper's, in percent."""
    images = IMAGES[name.partition("-")[0]]
    words = [images.words, *(["augmented"] if name.endswith("large") else []), model.words]
    return Recipe(
        name=name,
        summary=", ".join(words) + (f": {accuracy} % in the paper" if accuracy else ""),
        load=images.load,
        source=images.source,
        build=lambda recipe: model.build(recipe, images.channels, images.side),
        schedule=schedule,
        **{"epochs": 40, "batch_size": 128, "lr": 1e-3, **more},
    )


def _large(name: str, model: Model, accuracy: str, peak: float) -> Recipe:
    crops = Chain((RandomShift(pixels=4), Flip()))
    return _row(name, model, accuracy, OneCycle(peak, rise=30 / 65), epochs=65, augment=crops)


FAST, SLOW = StepDecay(every=10), StepDecay(every=25)
ROWS = (
    _row(
        "digits",
        dense(100),
        "",
        Cosine(),
        epochs=60,
        batch_size=64,
        lr=5e-3,
        tol=1e-3,
        augment=RandomShift(pixels=1, probability=0.5),
    ),
    _row("mnist-dense", dense(87), "98.1 ± 0.1", FAST),
    _row("mnist-conv", conv(56), "99.1 ± 0.1", FAST),
    _row("mnist-multitier", multitier(16, 32, 32), "99.0 ± 0.1", FAST),
    _row("cifar10-conv", conv(81), "74.0 ± 0.1", SLOW),
    _row("cifar10-multitier", multitier(16, 32, 60), "72.0 ± 0.3", FAST, lr=1e-2),
    _large("cifar10-conv-large", conv(200), "82.0 ± 0.3", peak=0.01),
    _large("cifar10-multitier-large", multitier(64, 128, 128), "89.0 ± 0.3", peak=0.05),
    _row("svhn-conv", conv(81), "88.7 ± 1.1", SLOW),
    _row("svhn-multitier", multitier(16, 32, 60), "92.4 ± 0.1", FAST),
    _row("cifar10-node", node(125), "", SLOW, tol=1e-3),
    _row("cifar10-anode", node(64, augment=10), "", SLOW, tol=1e-3),
    _row("svhn-node", node(125), "", SLOW, tol=1e-3),
    _row("svhn-anode", node(64, augment=10), "", SLOW, tol=1e-3),
    _row("mnist-node", node(92), "", SLOW, tol=1e-3),
    _row("mnist-anode", node(64, augment=5), "", SLOW, tol=1e-3),
    _row("cifar10-deq", deq(81), "", SLOW, max_iter=30),
    _row("mnist-deq", deq(56), "", FAST, max_iter=30),
)
RECIPES = {recipe.name: recipe for recipe in ROWS}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; ValueError with the nearest names if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES)
    question = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"unknown recipe {name!r}: {question}recipes are {', '.join(RECIPES)}")
