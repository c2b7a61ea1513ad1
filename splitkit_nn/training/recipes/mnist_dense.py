"""MNIST with a fully connected network: that row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 98.1 ± 0.1 % with 84,313 parameters.
"""

from __future__ import annotations

from splitkit_nn.data.mnist import SOURCE
from splitkit_nn.models import DenseClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay


def build(recipe: Recipe) -> DenseClassifier:
    """The untrained model: dense, 87 units."""
    return DenseClassifier(784, 87, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter)


RECIPE = Recipe(
    name="mnist-dense",
    summary="MNIST, dense, 87 units: 98.1 ± 0.1 % in the paper",
    load=files.mnist,
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
