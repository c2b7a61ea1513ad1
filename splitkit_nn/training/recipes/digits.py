"""scikit-learn's 8 × 8 digits: half a minute on a laptop, no download.

The numbers were chosen by cross-validation within the training part; the test part was not asked.
"""

from __future__ import annotations

from pathlib import Path

from splitkit_nn.data import Dataset, load_digits
from splitkit_nn.models import DenseClassifier
from splitkit_nn.training.augment import RandomShift
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.schedule import Cosine


def load(directory: Path | None) -> Dataset:
    """Load the digits; a data directory is refused, since it would not be read."""
    if directory is not None:
        raise ValueError(f"--data {directory}: recipe digits brings its own data; leave --data out")
    return load_digits()


def build(recipe: Recipe) -> DenseClassifier:
    """One dense equilibrium layer of 100 units between 64 pixels and 10 classes."""
    return DenseClassifier(64, 100, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter)


RECIPE = Recipe(
    name="digits",
    summary="scikit-learn's 1,797 digits, dense, 100 units",
    load=load,
    source=None,
    build=build,
    epochs=60,
    batch_size=64,
    lr=5e-3,
    schedule=Cosine(),
    augment=RandomShift(pixels=1, probability=0.5),
    m=1.0,
    tol=1e-3,
)
