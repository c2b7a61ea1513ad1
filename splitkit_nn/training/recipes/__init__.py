"""The recipes by name: to add one, write its file and list it here."""

from __future__ import annotations

import difflib

from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import digits, mnist_dense

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        digits.RECIPE,
        mnist_dense.RECIPE,
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; ValueError with the nearest names if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES)
    question = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"unknown recipe {name!r}: {question}recipes are {', '.join(RECIPES)}")
