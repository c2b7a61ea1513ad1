"""An epoch visits every sample once, is decided by its seed, and stops loudly at a bad loss."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from splitkit_nn.data import Dataset
from splitkit_nn.training.config import Config
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.recipes import find_recipe
from splitkit_nn.training.report import training_report
from splitkit_nn.training.subject import Subject
from splitkit_nn.training.trainer import Step, Trainer, accuracy, evaluate

CPU = torch.device("cpu")
DIGITS = find_recipe("digits").load(None)
FEW = replace(DIGITS, train_x=DIGITS.train_x[:150], train_y=DIGITS.train_y[:150])


def unwatched(epoch: int, step: Step) -> None:
    pass


def trained(seed: int, epochs: int = 2) -> Tensor:
    trainer = Trainer(replace(find_recipe("digits"), seed=seed, epochs=epochs), FEW, CPU)
    for _ in range(epochs):
        trainer.run_epoch(unwatched)
    return nn.utils.parameters_to_vector(trainer.model.parameters()).detach()


def test_the_seed_decides_the_parameters_bit_for_bit() -> None:
    assert torch.equal(trained(seed=3), trained(seed=3))
    assert not torch.equal(trained(seed=3), trained(seed=4))


def test_the_global_random_state_is_neither_used_nor_changed() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = trained(seed=3, epochs=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(trained(seed=3, epochs=1), first)


def with_loss(change: Callable[[Tensor], Tensor]) -> Trainer:
    """A trainer whose model's logits are changed on their way out."""
    trainer = Trainer(find_recipe("digits"), FEW, CPU)
    trainer.model.register_forward_hook(lambda module, inputs, logits: change(logits))
    return trainer


def test_an_epoch_visits_every_sample_once_in_an_order_of_its_own() -> None:
    marks = torch.arange(150.0).view(150, 1, 1, 1).expand(150, 1, 8, 8) / 150
    marked = Dataset("marked", marks, FEW.train_y, marks, FEW.train_y, 10)
    recipe: Recipe = replace(find_recipe("digits"), augment=None)
    trainer = Trainer(recipe, marked, CPU)
    seen: list[Tensor] = []
    trainer.model.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0]) if module.training else None
    )
    for _ in range(2):
        trainer.run_epoch(unwatched)
    orders = torch.cat(seen)[:, 0, 0, 0].view(2, 150)
    assert [len(images) for images in seen] == 2 * [64, 64, 22]
    assert torch.equal(orders.sort(dim=1).values, marks[:, 0, 0, 0].expand(2, 150))
    assert not torch.equal(orders[0], orders[1])


def test_the_metrics_are_means_over_samples() -> None:
    steps: list[Step] = []
    trainer = Trainer(find_recipe("digits"), FEW, CPU)
    metrics = trainer.run_epoch(lambda epoch, step: steps.append(step))
    sizes = [64, 64, 22]
    expected = sum(n * step.loss for n, step in zip(sizes, steps, strict=True)) / 150
    assert metrics.train_loss == pytest.approx(expected)
    assert metrics.learning_rate == 5e-3
    assert metrics.test_accuracy == accuracy(trainer.model, FEW, "test")
    assert min(metrics.forward_iterations, metrics.backward_iterations) >= 1


def test_a_recipe_may_have_its_model_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []

    def record(model: nn.Module) -> None:
        compiled.append(model)

    monkeypatch.setattr(nn.Module, "compile", record)
    plain = Trainer(find_recipe("digits"), FEW, CPU)
    assert compiled == []
    trainer = Trainer(replace(find_recipe("digits"), compile=True), FEW, CPU)
    assert compiled == [trainer.model]
    assert plain.model.state_dict().keys() == trainer.model.state_dict().keys()


def test_training_lowers_the_loss() -> None:
    trainer = Trainer(replace(find_recipe("digits"), epochs=10), DIGITS, CPU)
    losses = [trainer.run_epoch(unwatched).train_loss for _ in range(10)]
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_parameters(bad: float) -> None:
    calls = iter([1.0, bad])
    trainer = with_loss(lambda logits: logits * next(calls))
    with pytest.raises(FloatingPointError, match="nan\nin epoch 1, batch 2"):
        trainer.run_epoch(unwatched)
    assert all(p.isfinite().all() for p in trainer.model.parameters())


def test_accuracy_counts_over_batches_and_records_no_gradient() -> None:
    class Threshold(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            assert not self.training
            return torch.cat([-x, x], dim=1).flatten(1)

    images = torch.linspace(-1, 1, 10).view(10, 1, 1, 1)
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    data = replace(FEW, test_x=images, test_y=labels)
    assert accuracy(Threshold(), data, "test", batch_size=3) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("gradient", "method"),
    [
        ("cotangent", "anderson"),
        ("cotangent", "forward-backward"),
        ("direct", "forward-backward"),
        ("truncated", "douglas-rachford"),
        ("jacobian_free", "peaceman-rachford"),
        ("unrolled", "peaceman-rachford"),
        ("unrolled", "forward-backward"),
    ],
)
def test_every_gradient_and_method_of_a_recipe_trains(gradient: str, method: str) -> None:
    few = replace(
        DIGITS,
        **{name: getattr(DIGITS, name)[:64] for name in ("train_x", "train_y", "test_x", "test_y")},
    )
    recipe = replace(find_recipe("digits"), gradient=gradient, method=method)
    trainer = Trainer(recipe, few, CPU)
    first = trainer.run_epoch(unwatched)
    assert first.test_loss is not None
    assert first.forward_seconds is not None
    assert first.backward_seconds is not None
    assert 0 <= first.forward_seconds + first.backward_seconds < first.seconds
    assert (first.backward_iterations > 0) == (gradient in ("cotangent", "truncated"))
    assert (first.forward_seconds > 0) == (gradient != "unrolled")
    subject = Subject(Path(), recipe.name, trainer.model.eval(), few)
    report = "\n".join(training_report(trainer, Config(recipe, None), subject))
    assert ("certificate: none, since unrolled steps" in report) == (gradient == "unrolled")
    assert "test accuracy" in report


def test_the_test_loss_is_the_mean_cross_entropy() -> None:
    trainer = Trainer(find_recipe("digits"), DIGITS, CPU)
    found = evaluate(trainer.model, DIGITS, "test", batch_size=7)
    with torch.no_grad():
        logits = trainer.model(DIGITS.test_x)
    assert found[1] == pytest.approx(float(nn.functional.cross_entropy(logits, DIGITS.test_y)))
    assert found[0] == accuracy(trainer.model, DIGITS, "test")
