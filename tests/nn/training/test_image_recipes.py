"""The image recipes train from files to report on a few images, and resume bit for bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from splitkit_nn.__main__ import main
from splitkit_nn.models import MultiTierClassifier
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import RECIPES, find_recipe
from splitkit_nn.training.trainer import Step, Trainer
from tests.nn.data.idx_files import write_mnist
from tests.nn.data.image_files import write_cifar10, write_svhn


def few_mnist(directory: Path) -> None:
    write_mnist(directory, train=10, test=10)


def few_cifar10(directory: Path) -> None:
    write_cifar10(directory, records=2)


WRITERS = {"mnist": few_mnist, "cifar10": few_cifar10, "svhn": write_svhn}


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "digits"])
def test_a_recipe_loads_its_data_and_says_what_it_needs(tmp_path: Path, name: str) -> None:
    WRITERS[name.split("-")[0]](tmp_path)
    recipe = find_recipe(name)
    assert len(recipe.load(tmp_path).train_x) >= 10
    with pytest.raises(ValueError, match="give their directory with --data DIR"):
        recipe.load(None)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", ["mnist-conv", "cifar10-multitier"])
def test_a_recipe_trains_from_files_to_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    WRITERS[name.split("-")[0]](tmp_path / "data")
    arguments = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    quick = ["--epochs", "1", "--no-progress", "--batch-size", "10"]
    assert main(["train", name, *arguments, *quick]) == 0
    printed = capsys.readouterr().out
    assert f"recipe: {name}" in printed
    assert "distance to the true equilibrium: at most" in printed
    assert main(["evaluate", str(tmp_path / "run")]) == 0


def build_small(recipe: Recipe) -> MultiTierClassifier:
    return MultiTierClassifier(3, (2, 3), 32, 10, m=recipe.m, tol=recipe.tol)


def unwatched(epoch: int, step: Step) -> None:
    pass


def test_an_augmented_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    write_cifar10(tmp_path, records=3)
    augment = find_recipe("cifar10-conv-large").augment
    recipe = replace(find_recipe("cifar10-multitier"), augment=augment, epochs=2, build=build_small)
    data = recipe.load(tmp_path)
    straight, first, second = (Trainer(recipe, data, torch.device("cpu")) for _ in range(3))
    for _ in range(2):
        straight.run_epoch(unwatched)
    first.run_epoch(unwatched)
    second.restore(first.state())
    second.run_epoch(unwatched)
    expected = straight.model.state_dict()
    assert all(
        torch.equal(value, expected[key]) for key, value in second.model.state_dict().items()
    )
