"""MNIST with a multi-tier network: that row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 99.0 ± 0.1 % with 81,394 parameters.
"""

from __future__ import annotations

from splitkit_nn.data.mnist import SOURCE
from splitkit_nn.models import MultiTierClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay


def build(recipe: Recipe) -> MultiTierClassifier:
    """The untrained model: multi-tier, 16/32/32 channels."""
    return MultiTierClassifier(
        1, (16, 32, 32), 28, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter
    )


RECIPE = Recipe(
    name="mnist-multitier",
    summary="MNIST, multi-tier, 16/32/32 channels: 99.0 ± 0.1 % in the paper",
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
