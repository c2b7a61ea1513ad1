"""Recipes are found by name, say what the paper says, and refuse impossible numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from splitkit_nn.training.config import NUMBERS, Config
from splitkit_nn.training.recipes import RECIPES, find_recipe
from splitkit_nn.training.schedule import Cosine, Schedule, StepDecay


def test_mnist_dense_is_the_papers() -> None:
    recipe = find_recipe("mnist-dense")
    numbers = {key: getattr(recipe, key) for key in NUMBERS if key != "seed"}
    assert numbers == {
        "epochs": 40,
        "batch_size": 128,
        "lr": 1e-3,
        "m": 1.0,
        "tol": 1e-2,
        "max_iter": 300,
    }
    assert recipe.schedule == StepDecay(every=10, factor=0.1)
    assert recipe.augment is None
    assert sum(p.numel() for p in recipe.build(recipe).parameters()) == 84_313


@pytest.mark.parametrize("name", ["digits", "mnist-dense"])
def test_a_recipe_is_found_by_its_name(name: str) -> None:
    assert find_recipe(name).name == name
    assert RECIPES[name] is find_recipe(name)


def test_the_model_takes_its_numbers_from_the_recipe() -> None:
    recipe = replace(find_recipe("digits"), tol=0.25)
    assert recipe.build(recipe).layer.tol == 0.25


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean mnist-dense"):
        find_recipe("mnist_dense")
    with pytest.raises(ValueError, match="unknown recipe 'zzz': recipes are digits, mnist-dense"):
        find_recipe("zzz")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("batch_size", -1),
        ("lr", 0.0),
        ("lr", float("inf")),
        ("m", 0.0),
        ("m", -1.0),
        ("tol", 0.0),
        ("tol", float("nan")),
        ("seed", -1),
    ],
)
def test_impossible_numbers_are_refused(key: str, value: float) -> None:
    change: dict[str, Any] = {key: value}
    with pytest.raises(ValueError, match=f"{key} = {value}: give"):
        replace(find_recipe("digits"), **change)


@pytest.mark.parametrize("data", [None, Path("/some/where")])
def test_a_configuration_survives_json(data: Path | None) -> None:
    recipe = replace(find_recipe("mnist-dense"), epochs=3, lr=0.1, seed=7, m=0.3)
    assert Config.from_json(Config(recipe, data).to_json()) == Config(recipe, data)


def learning_rates(schedule: Schedule, epochs: int, batches: int) -> list[float]:
    """The learning rate at each epoch's first batch, and after the last."""
    optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = schedule(optimizer, epochs, batches)
    found = [1.0]
    for _ in range(epochs):
        for _ in range(batches):
            optimizer.step()
            scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_step_decay_divides_by_ten_after_every_so_many_epochs() -> None:
    found = learning_rates(StepDecay(every=2), epochs=5, batches=3)
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_falls_to_zero_through_one_half() -> None:
    found = learning_rates(Cosine(), epochs=4, batches=3)
    assert found[2] == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0, abs=1e-12)
    assert found == sorted(found, reverse=True)
