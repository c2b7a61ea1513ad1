"""The paper's other comparison: equilibrium networks without a guarantee, solved by Broyden.

They need torchdeq. The paper's diverged within a few epochs. Broyden's method is given 30 steps
where the paper gave it up to 300, since it keeps a copy of every equilibrium for each.
"""

from __future__ import annotations

from importlib.util import find_spec

from splitkit_nn.baselines import BroydenDEQ
from splitkit_nn.data import cifar10, mnist
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import files
from splitkit_nn.training.schedule import StepDecay

SHAPES = {"mnist-deq": (1, 56, 28, 10), "cifar10-deq": (3, 81, 32, 10)}


def build(recipe: Recipe) -> BroydenDEQ:
    """The channels of the single convolution with the same name's data."""
    if find_spec("torchdeq") is None:
        raise ModuleNotFoundError(f"{recipe.name} needs torchdeq: pip install torchdeq")
    if recipe.alpha is not None:
        raise ValueError(f"alpha = {recipe.alpha}: {recipe.name} has no step size")
    return BroydenDEQ(*SHAPES[recipe.name], tol=recipe.tol, max_iter=recipe.max_iter)


MNIST = Recipe(
    name="mnist-deq",
    summary="MNIST, unconstrained equilibrium network, for comparison",
    load=files.mnist,
    source=mnist.SOURCE,
    build=build,
    epochs=40,
    batch_size=128,
    lr=1e-3,
    schedule=StepDecay(every=10),
    max_iter=30,
)
CIFAR10 = Recipe(
    name="cifar10-deq",
    summary="CIFAR-10, unconstrained equilibrium network, for comparison",
    load=files.cifar10,
    source=cifar10.SOURCE,
    build=build,
    epochs=40,
    batch_size=128,
    lr=1e-3,
    schedule=StepDecay(every=25),
    max_iter=30,
)
