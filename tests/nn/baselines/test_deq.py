"""The unconstrained equilibrium network finds equilibria where there are some, with gradients."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from splitkit_nn.baselines import BroydenDEQ
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.train import train
from splitkit_nn.training.trainer import initial_model
from tests.nn.data.idx_files import write_mnist

pytest.importorskip("torchdeq")


def test_logits_and_gradients_are_those_of_the_equilibrium() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BroydenDEQ(1, 3, 6, 4, tol=1e-9, max_iter=60).double()
        x = torch.rand(2, 1, 6, 6, dtype=torch.float64)
    bias, z = model.U(x), torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    for _ in range(300):  # recorded: the gradient of the fixed-point iteration itself
        z = torch.relu(model.W(z) + bias)
    expected = model.head(torch.nn.functional.avg_pool2d(z, 4).flatten(1))
    logits = model(x)
    torch.testing.assert_close(logits, expected, rtol=1e-6, atol=1e-8)
    parameters = list(model.parameters())
    found = torch.autograd.grad(logits.square().sum(), parameters)
    wanted = torch.autograd.grad(expected.square().sum(), parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert min(model.evaluations) >= 1


def test_a_recipe_trains_from_files_to_report(tmp_path: Path) -> None:
    write_mnist(tmp_path / "data", train=10, test=10)
    recipe = replace(find_recipe("mnist-deq"), epochs=1, max_iter=5)
    data = recipe.load(tmp_path / "data")
    config = Config(recipe, tmp_path / "data")
    report = train(config, data, tmp_path / "run", torch.device("cpu"), progress=False)
    assert report[0].startswith("recipe: mnist-deq")


def test_a_step_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"alpha = .*cifar10-deq has no monDEQ"):
        initial_model(replace(find_recipe("cifar10-deq"), alpha=0.5))
