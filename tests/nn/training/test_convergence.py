"""What the picture shows is true: bounds hold, and the methods fail where theory lets them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import splitkit as sk
from splitkit_nn import DenseClassifier
from splitkit_nn.training import convergence as module
from splitkit_nn.training.convergence import (
    ALPHAS,
    LIMIT,
    PASSES,
    Convergence,
    Pass,
    measure_convergence,
)
from splitkit_nn.training.plots import draw_convergence


@pytest.fixture(scope="module")
def model() -> DenseClassifier:
    """A model whose W is large enough for forward-backward to fail at large steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DenseClassifier(6, 12, 3, tol=1e-4)
        with torch.no_grad():
            for parameter in model.layer.parameters():
                parameter.mul_(2)
    return model


@pytest.fixture(scope="module")
def convergence(model: DenseClassifier) -> Convergence:
    inputs = torch.linspace(-1, 1, 30).view(5, 6)
    return measure_convergence(model, inputs, torch.arange(5) % 3)


def test_the_bound_is_never_below_the_error(convergence: Convergence) -> None:
    pairs = list(zip(convergence.bounds, convergence.errors, strict=True))
    assert len(pairs) > 10
    # Down to where the errors of rounding and of the reference solution take over.
    assert all(bound >= error for bound, error in pairs if error > 1e-11)


def test_the_error_vanishes(convergence: Convergence) -> None:
    assert convergence.errors[-1] < 1e-3 * convergence.errors[0]


@pytest.mark.parametrize("direction", PASSES)
def test_peaceman_rachford_converges_at_every_step_size_near_its_best(
    convergence: Convergence, direction: Pass
) -> None:
    counts = convergence.iterations[direction]["Peaceman-Rachford"]
    best = ALPHAS[counts.index(min(count for count in counts if not math.isnan(count)))]
    near = [n for a, n in zip(ALPHAS, counts, strict=True) if best / 8 <= a <= best * 8]
    assert all(1 <= n <= LIMIT for n in near)


@pytest.mark.parametrize("direction", PASSES)
def test_forward_backward_fails_at_large_steps_only(
    convergence: Convergence, direction: Pass
) -> None:
    failed = [math.isnan(count) for count in convergence.iterations[direction]["forward-backward"]]
    assert failed[-1]
    assert not all(failed)
    last_success = max(i for i, fails in enumerate(failed) if not fails)
    assert all(failed[last_success + 1 :])


def test_the_layer_is_left_as_it_is(model: DenseClassifier) -> None:
    before = nn.utils.parameters_to_vector(model.parameters()).clone()
    measure_convergence(model, torch.ones(2, 6), torch.tensor([0, 1]))
    after = nn.utils.parameters_to_vector(model.parameters())
    assert after.dtype == torch.float32
    assert torch.equal(before, after)


def test_the_picture_is_a_png_of_a_readable_size(convergence: Convergence) -> None:
    picture = draw_convergence(convergence, "A title")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(picture[i : i + 4], "big") for i in (16, 20))
    assert width >= 1000
    assert height >= 400


@pytest.mark.parametrize(
    "options", [{"method": sk.ForwardBackward()}, {"gradient": "unrolled"}, {}]
)
def test_every_layer_has_a_step_size_of_its_own(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that chooses none for Peaceman-Rachford: its report ended with α = nan."""
    monkeypatch.setattr(module, "ALPHAS", (0.5,))
    torch.manual_seed(0)
    found = measure_convergence(DenseClassifier(2, 3, 2, **options), torch.ones(2, 2), None)
    assert 0 < found.alpha < 1
    assert (np.array(found.errors) <= np.array(found.bounds) + 1e-9).all()
    assert found.bounds[-1] < found.bounds[0]
