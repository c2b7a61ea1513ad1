"""SVHN with a single convolution network: that row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 88.7 ± 1.1 % with 172,218 parameters.
"""

from __future__ import annotations

from splitkit_nn.data.svhn import SOURCE
from splitkit_nn.models import ConvClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay


def build(recipe: Recipe) -> ConvClassifier:
    """The untrained model: single convolution, 81 channels."""
    return ConvClassifier(3, 81, 32, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter)


RECIPE = Recipe(
    name="svhn-conv",
    summary="SVHN, single convolution, 81 channels: 88.7 ± 1.1 % in the paper",
    load=files.svhn,
    source=SOURCE,
    build=build,
    epochs=40,
    batch_size=128,
    lr=1e-3,
    schedule=StepDecay(every=25),
    m=1.0,
    tol=1e-2,
    max_iter=300,
)
