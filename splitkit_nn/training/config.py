"""What a training was asked to do, as JSON that makes the same recipe again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from splitkit_nn.training.recipe import SETTINGS, Recipe
from splitkit_nn.training.recipes import find_recipe


@dataclass(frozen=True)
class Config:
    """A recipe as it was run, where its data lay (None: it brings its own), and on what device."""

    recipe: Recipe
    data: Path | None
    device: str = "cpu"

    def to_json(self) -> str:
        """Every setting of the recipe; its functions by the recipe's name."""
        content = {
            "recipe": self.recipe.name,
            "settings": self.recipe.settings,
            "augment": repr(self.recipe.augment),
            "data": None if self.data is None else str(self.data.resolve()),
            "device": self.device,
            "torch": torch.__version__,
        }
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read it back; ValueError if it is not what ``to_json`` writes."""
        try:
            content = json.loads(text)
            settings = {key: content["settings"][key] for key in SETTINGS}
            recipe = replace(find_recipe(content["recipe"]), **settings)
            data = None if content["data"] is None else Path(content["data"])
            return cls(recipe, data, content["device"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"not a run's configuration ({error})") from error
