"""SVHN with a multi-tier network: that row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 92.4 ± 0.1 % with 170,194 parameters.
"""

from __future__ import annotations

from splitkit_nn.data.svhn import SOURCE
from splitkit_nn.models import MultiTierClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay


def build(recipe: Recipe) -> MultiTierClassifier:
    """The untrained model: multi-tier, 16/32/60 channels."""
    return MultiTierClassifier(
        3, (16, 32, 60), 32, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter
    )


RECIPE = Recipe(
    name="svhn-multitier",
    summary="SVHN, multi-tier, 16/32/60 channels: 92.4 ± 0.1 % in the paper",
    load=files.svhn,
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
