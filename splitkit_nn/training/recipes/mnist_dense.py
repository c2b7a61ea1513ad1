"""MNIST with one dense layer of 87 units: the fully connected row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 98.1 ± 0.1 % with 84,313 parameters.
"""

from __future__ import annotations

from pathlib import Path

from splitkit_nn.data import Dataset, load_mnist
from splitkit_nn.data.mnist import SOURCE
from splitkit_nn.models import DenseClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.schedule import StepDecay


def load(directory: Path | None) -> Dataset:
    """Load MNIST from the directory with its IDX files."""
    if directory is None:
        raise ValueError(
            "recipe mnist-dense reads MNIST's four IDX files: give their directory with --data DIR"
        )
    return load_mnist(directory)


def build(recipe: Recipe) -> DenseClassifier:
    """One dense equilibrium layer of 87 units between 784 pixels and 10 classes."""
    return DenseClassifier(784, 87, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter)


RECIPE = Recipe(
    name="mnist-dense",
    summary="MNIST, dense, 87 units: 98.1 ± 0.1 % in the paper",
    load=load,
    source=SOURCE,
    build=build,
    epochs=40,
    batch_size=128,
    lr=1e-3,
    schedule=StepDecay(every=10),
    m=1.0,
    tol=1e-2,
    max_iter=300,
)
