"""The recipes by name: to add one, write its file and list it here."""

from __future__ import annotations

import difflib

from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import (
    cifar10_conv,
    cifar10_conv_large,
    cifar10_multitier,
    cifar10_multitier_large,
    deq,
    digits,
    mnist_conv,
    mnist_dense,
    mnist_multitier,
    neural_ode,
    svhn_conv,
    svhn_multitier,
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        digits.RECIPE,
        mnist_dense.RECIPE,
        mnist_conv.RECIPE,
        mnist_multitier.RECIPE,
        cifar10_conv.RECIPE,
        cifar10_multitier.RECIPE,
        cifar10_conv_large.RECIPE,
        cifar10_multitier_large.RECIPE,
        svhn_conv.RECIPE,
        svhn_multitier.RECIPE,
        *neural_ode.RECIPES,
        deq.CIFAR10,
        deq.MNIST,
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; ValueError with the nearest names if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES)
    question = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"unknown recipe {name!r}: {question}recipes are {', '.join(RECIPES)}")
