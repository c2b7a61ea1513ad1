"""Recipes are found by name, say what the paper says, and refuse impossible numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.reproduce.paper import ROWS, Row
from splitkit_nn.training.augment import Chain, Flip, RandomShift
from splitkit_nn.training.config import Config
from splitkit_nn.training.layer import equilibrium_layer
from splitkit_nn.training.recipes import RECIPES, find_recipe
from splitkit_nn.training.schedule import (
    Constant,
    Cosine,
    OneCycle,
    RateSchedule,
    StepDecay,
    find_momentum,
    set_momentum,
)
from splitkit_nn.training.trainer import initial_model

DEFAULTS = {
    "momentum": None,
    "backward_tol": None,
    "activation": "relu",
    "method": "peaceman-rachford",
    "gradient": "cotangent",
    "on_failure": "raise",
    "schedule": "step:10:0.1",
    "alpha": None,
    "seed": 0,
    "validation": 0.0,
    "precision": "float32",
    "compile": False,
}


def test_mnist_dense_is_the_papers() -> None:
    recipe = find_recipe("mnist-dense")
    assert recipe.settings == {
        **DEFAULTS,
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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.recipe)
def test_each_row_of_the_paper_has_its_recipe(row: Row) -> None:
    recipe = find_recipe(row.recipe)
    assert (recipe.epochs, recipe.lr) == (row.epochs, row.lr)
    assert (recipe.batch_size, recipe.m, recipe.tol, recipe.max_iter) == (128, 1.0, 1e-2, 300)
    assert sum(p.numel() for p in initial_model(recipe).parameters()) == row.parameters
    large = row.recipe.endswith("large")
    assert (recipe.augment is not None) == large
    if large:
        peak = {"cifar10-conv-large": 0.01, "cifar10-multitier-large": 0.05}[row.recipe]
        assert recipe.schedule == OneCycle(peak=peak, rise=30 / 65)
        assert recipe.augment == Chain((RandomShift(pixels=4), Flip()))
    else:
        every = 25 if row.recipe in ("cifar10-conv", "svhn-conv") else 10
        assert recipe.schedule == StepDecay(every=every, factor=0.1)


@pytest.mark.parametrize("name", ["digits", *(row.recipe for row in ROWS)])
def test_a_recipe_is_found_by_its_name(name: str) -> None:
    assert find_recipe(name).name == name
    assert RECIPES[name] is find_recipe(name)


def test_the_documentation_names_every_recipe() -> None:
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text("utf-8")
    assert [name for name in RECIPES if f"`{name}`" not in page] == []


def test_the_model_takes_its_numbers_from_the_recipe() -> None:
    recipe = replace(find_recipe("digits"), tol=0.25)
    assert equilibrium_layer(recipe.build(recipe)).tol == 0.25


def test_the_recipe_decides_step_size_precision_and_first_parameters() -> None:
    recipe = replace(find_recipe("digits"), alpha=0.25, precision="float64", seed=3)
    model, again = initial_model(recipe), initial_model(recipe)
    assert equilibrium_layer(model).method == sk.PeacemanRachford(alpha=0.25)
    weights = [dict(m.named_parameters())["head.weight"] for m in (model, again)]
    assert weights[0].dtype == torch.float64
    assert torch.equal(*weights)


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
        ("alpha", 0.0),
        ("validation", 1.0),
        ("validation", -0.1),
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


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("step:7", StepDecay(every=7)),
        ("step:7:0.5", StepDecay(every=7, factor=0.5)),
        ("constant", Constant()),
        ("cosine", Cosine()),
        ("one-cycle:0.05:0.3", OneCycle(peak=0.05, rise=0.3)),
    ],
)
def test_a_schedule_is_given_as_text_and_survives_json(text: str, schedule: RateSchedule) -> None:
    recipe = replace(find_recipe("digits"), schedule=text)
    assert recipe.schedule == schedule
    assert Config.from_json(Config(recipe, None).to_json()).recipe == recipe


@pytest.mark.parametrize(
    "text", ["step", "step:x", "step:0", "step:3:-1", "cosine:3", "one-cycle:0.1:0.7", "linear", ""]
)
def test_a_text_that_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"schedule = '{text}'.*give step:EVERY"):
        replace(find_recipe("digits"), schedule=text)


def learning_rates(schedule: RateSchedule, epochs: int, batches: int) -> list[float]:
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


def test_one_cycle_rises_falls_and_stays_while_momentum_falls_and_rises() -> None:
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=1e-3)
    batches = 100
    scheduler = OneCycle(peak=0.05, rise=30 / 65)(optimizer, 65, batches)
    rates, momenta = [], []
    for _ in range(65 * batches):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        scheduler.step()
    at = [0, 15 * batches, 30 * batches, 45 * batches, 60 * batches, 65 * batches - 1]
    # two batches of rounding at each corner
    expected = pytest.approx([1e-3, 0.0255, 0.05, 0.0255, 1e-3, 1e-3], abs=1e-4)
    assert [rates[i] for i in at] == expected
    expected = pytest.approx([0.95, 0.90, 0.85, 0.90, 0.95, 0.95], abs=2e-4)
    assert [momenta[i] for i in at] == expected
    assert {betas[1] for betas in [optimizer.param_groups[0]["betas"]]} == {0.999}


def betas(momentum: str, epochs: int = 4, batches: int = 5) -> list[float]:
    """Adam's β₁ at each batch."""
    found, schedule = find_momentum(momentum), []
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    for step in range(epochs * batches):
        set_momentum(optimizer, found.at(step / (epochs * batches)))
        schedule.append(optimizer.param_groups[0]["betas"][0])
    return schedule


def test_momentum_falls_rises_and_stays_as_in_the_papers_code() -> None:
    epochs = 20
    papers = np.interp(
        np.arange(5 * epochs) / 5,
        [0, (epochs - 5) / 2, epochs - 5, epochs],
        [0.95, 0.85, 0.95, 0.95],
    )
    np.testing.assert_allclose(betas("one-cycle:0.375", epochs), papers)
    assert betas("constant:0.7") == [0.7] * 20
    assert min(betas("one-cycle:0.5:0.9:0.4")) == pytest.approx(0.4)
    for text in ("constant:0.7", "one-cycle:0.375:0.95:0.85"):
        assert str(find_momentum(text)) in (text, "constant:0.7")
        assert find_momentum(str(find_momentum(text))) == find_momentum(text)
    for text in (
        "constant",
        "constant:1",
        "one-cycle:0.6",
        "one-cycle:0.4:0.1:0.2",
        "cosine",
        "x:y",
    ):
        with pytest.raises(ValueError, match=r"momentum = |give 0 < RISE"):
            find_momentum(text)


def test_the_recipe_decides_what_the_layer_is_made_of() -> None:
    names = {
        "activation": "tanh",
        "method": "anderson",
        "gradient": "direct",
        "on_failure": "damp",
        "backward_tol": 1e-3,
    }
    recipe = replace(find_recipe("mnist-conv"), alpha=0.5, **names)  # type: ignore[arg-type]
    layer = equilibrium_layer(initial_model(recipe))
    assert isinstance(layer.activation.activation, sknn.Tanh)  # type: ignore[attr-defined]
    assert layer.method == sk.Anderson(sk.PeacemanRachford(alpha=0.5))
    assert (layer.gradient, layer.on_failure) == (sknn.Direct(), "damp")
    assert (layer.tol, layer.backward_tol, layer.max_iter) == (1e-2, 1e-3, 300)
    for key, value in names.items():
        with pytest.raises(ValueError, match=f"{key} = .*has no monDEQ layer"):
            initial_model(replace(find_recipe("mnist-deq"), **{key: value}))  # type: ignore[arg-type]


def test_a_configuration_of_an_older_version_is_read() -> None:
    content = json.loads(Config(find_recipe("digits"), None).to_json())
    for key in ("activation", "method", "momentum"):
        del content["settings"][key]
    del content["sha256"]
    assert Config.from_json(json.dumps(content)).recipe == find_recipe("digits")
