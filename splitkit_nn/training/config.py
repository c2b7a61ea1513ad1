"""What a training was asked to do, as JSON that makes the same recipe again.

Its last entry is the SHA-256 checksum of the others, so that no setting changes unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from splitkit_nn.models.files import UNREADABLE
from splitkit_nn.training.recipe import SETTINGS, Recipe
from splitkit_nn.training.recipes import find_recipe

CHECKSUM = "sha256"
SINCE = ("momentum", "backward_tol", "activation", "method", "gradient", "on_failure")


@dataclass(frozen=True)
class Config:
    """A recipe as it was run, where its data lay (None: it brings its own), and on what device."""

    recipe: Recipe
    data: Path | None
    device: str = "cpu"

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the parameters, but for data and device, as plain values."""
        recipe = self.recipe
        return {"recipe": recipe.name, **recipe.settings, "augment": repr(recipe.augment)}

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
        return json.dumps({**content, CHECKSUM: _checksum(content)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read it back; ValueError if it is not what ``to_json`` writes."""
        try:
            content = json.loads(text)
            if CHECKSUM in content and content.pop(CHECKSUM) != _checksum(content):
                raise ValueError("it has changed since it was written: its checksum is another")
            recipe = find_recipe(content["recipe"])
            # a setting that an older version did not have is the recipe's own
            settings = {key: recipe.settings[key] for key in SINCE} | content["settings"]
            recipe = replace(recipe, **{key: settings[key] for key in SETTINGS})
            data = None if content["data"] is None else Path(content["data"])
            torch.device(content["device"])
            return cls(recipe, data, content["device"])
        except UNREADABLE as error:
            raise ValueError(f"not a run's configuration ({error})") from error


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
