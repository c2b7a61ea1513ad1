"""The neural ODE solves its equation, has the published sizes, and trains by its recipe."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from splitkit_nn.__main__ import main
from splitkit_nn.baselines import NeuralODE
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.train import train
from splitkit_nn.training.trainer import initial_model
from tests.nn.data.idx_files import write_mnist

pytest.importorskip("torchdiffeq")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cifar10-node", 172_358),
        ("cifar10-anode", 171_799),
        ("svhn-node", 172_358),
        ("mnist-node", 84_395),
        ("mnist-anode", 84_816),
    ],
)
def test_the_sizes_are_the_published(name: str, parameters: int) -> None:
    model = initial_model(find_recipe(name))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_a_linear_field_gives_the_matrix_exponential() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NeuralODE(2, 3, 4, 5, augment=1, tol=1e-8).double()
    x = torch.rand(2, 2, 3, 3, dtype=torch.float64)
    rate = torch.tensor([[0.3, -1.0, 0.2], [1.0, 0.1, 0.0], [0.5, 0.0, -0.4]]).double()
    model.field.maps = torch.nn.Conv2d(3, 3, 1, bias=False)  # type: ignore[assignment]
    model.field.maps.weight = torch.nn.Parameter(rate[:, :, None, None])
    start = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, 1))
    end = torch.einsum("ij,bjhw->bihw", torch.linalg.matrix_exp(rate), start)
    torch.testing.assert_close(model(x), model.head(end.flatten(1)), rtol=1e-6, atol=1e-6)
    forward, backward = model.evaluations
    assert forward > 0
    assert backward == 0
    model(x).sum().backward()
    assert model.evaluations[1] > 0


def test_a_recipe_trains_from_files_to_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mnist(tmp_path / "data", train=10, test=10)
    recipe = replace(find_recipe("mnist-node"), epochs=1)
    data = recipe.load(tmp_path / "data")
    config = Config(recipe, tmp_path / "data")
    report = train(config, data, tmp_path / "run", torch.device("cpu"), progress=False)
    assert "parameters: 84,395" in report
    assert not any("equilibrium:" in line for line in report)
    assert main(["certify", str(tmp_path / "run")]) == 2
    assert "nothing is certified" in capsys.readouterr().err


def test_a_step_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"alpha = .*mnist-node has no monDEQ"):
        initial_model(replace(find_recipe("mnist-node"), alpha=0.5))
