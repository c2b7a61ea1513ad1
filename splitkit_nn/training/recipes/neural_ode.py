"""The paper's comparison: neural ODEs and augmented ones with as many parameters as the monDEQs.

They need torchdiffeq. Sizes: Dupont, Doucet, Teh, *Augmented neural ODEs* (2019). What is trained
otherwise than there: batches of 128 and 40 epochs, as for the monDEQs.
"""

from __future__ import annotations

from importlib.util import find_spec

from splitkit_nn.baselines import NeuralODE
from splitkit_nn.data import cifar10, mnist, svhn
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay

DATA = {
    "cifar10": ("CIFAR-10", files.cifar10, cifar10.SOURCE, (3, 32)),
    "svhn": ("SVHN", files.svhn, svhn.SOURCE, (3, 32)),
    "mnist": ("MNIST", files.mnist, mnist.SOURCE, (1, 28)),
}
FILTERS = {(3, 32): 125, (1, 28): 92}  # without augmentation
AUGMENT, AUGMENTED_FILTERS = {(3, 32): 10, (1, 28): 5}, 64


def _recipe(key: str, *, augmented: bool) -> Recipe:
    data, load, source, image = DATA[key]

    def build(recipe: Recipe) -> NeuralODE:
        if find_spec("torchdiffeq") is None:
            raise ModuleNotFoundError(f"{recipe.name} needs torchdiffeq: pip install torchdiffeq")
        if recipe.alpha is not None:
            raise ValueError(f"alpha = {recipe.alpha}: {recipe.name} has no equilibrium to solve")
        filters = AUGMENTED_FILTERS if augmented else FILTERS[image]
        augment = AUGMENT[image] if augmented else 0
        return NeuralODE(*image, filters, 10, augment=augment, tol=recipe.tol)

    return Recipe(
        name=f"{key}-{'anode' if augmented else 'node'}",
        summary=f"{data}, {'augmented ' if augmented else ''}neural ODE, for comparison",
        load=load,
        source=source,
        build=build,
        epochs=40,
        batch_size=128,
        lr=1e-3,
        schedule=StepDecay(every=25),
        tol=1e-3,
    )


RECIPES = tuple(_recipe(key, augmented=augmented) for key in DATA for augmented in (False, True))
