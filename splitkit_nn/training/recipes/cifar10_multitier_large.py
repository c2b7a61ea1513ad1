"""CIFAR-10, augmented with a multi-tier network: that row of the monDEQ paper's Table 1.

Winston & Kolter (NeurIPS 2020) report 89.0 ± 0.3 % with 1,014,546 parameters.
"""

from __future__ import annotations

from splitkit_nn.data.cifar10 import SOURCE
from splitkit_nn.models import MultiTierClassifier
from splitkit_nn.training.augment import Chain, Flip, RandomShift
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import OneCycle


def build(recipe: Recipe) -> MultiTierClassifier:
    """The untrained model: multi-tier, 64/128/128 channels."""
    return MultiTierClassifier(
        3, (64, 128, 128), 32, 10, m=recipe.m, tol=recipe.tol, max_iter=recipe.max_iter
    )


RECIPE = Recipe(
    name="cifar10-multitier-large",
    summary="CIFAR-10, augmented, multi-tier, 64/128/128 channels: 89.0 ± 0.3 % in the paper",
    load=files.cifar10,
    source=SOURCE,
    build=build,
    epochs=65,
    batch_size=128,
    lr=1e-3,
    schedule=OneCycle(peak=0.05, rise=30 / 65),
    augment=Chain((RandomShift(pixels=4), Flip())),
    m=1.0,
    tol=1e-2,
    max_iter=300,
)
