"""What a training was asked to do, as JSON that makes the same recipe again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import find_recipe

NUMBERS = ("epochs", "batch_size", "lr", "m", "tol", "max_iter", "seed")


@dataclass(frozen=True)
class Config:
    """A recipe as it was run, and where its data lay (None: it brings its own)."""

    recipe: Recipe
    data: Path | None

    def to_json(self) -> str:
        """Every number of the recipe; its functions by the recipe's name."""
        content = {
            "recipe": self.recipe.name,
            "numbers": {key: getattr(self.recipe, key) for key in NUMBERS},
            "schedule": repr(self.recipe.schedule),
            "augment": repr(self.recipe.augment),
            "data": None if self.data is None else str(self.data.resolve()),
            "torch": torch.__version__,
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read it back; ValueError if it is not what ``to_json`` writes."""
        try:
            content = json.loads(text)
            numbers = {key: content["numbers"][key] for key in NUMBERS}
            recipe = replace(find_recipe(content["recipe"]), **numbers)
            return cls(recipe, None if content["data"] is None else Path(content["data"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"not a run's configuration ({error})") from error
