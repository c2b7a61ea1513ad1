"""What a person wants to know of a trained model, in a few lines."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence

import torch
from torch import nn

from splitkit_nn.certify import Certificate, certify
from splitkit_nn.data import Dataset
from splitkit_nn.models import Classifier
from splitkit_nn.training.config import Config
from splitkit_nn.training.layer import equilibrium_layer, follow, has_equilibrium
from splitkit_nn.training.trainer import Trainer

ENTRIES = 4_000_000  # of the certified equilibria, at most: more take too much memory in float64


def training_report(trainer: Trainer, config: Config) -> list[str]:
    """The lines about a training that is over; the test accuracy is the last accuracy."""
    recipe, history = trainer.recipe, trainer.history
    last = history[-1]
    return [
        f"recipe: {recipe.name} ({recipe.summary})",
        f"parameters: {sum(p.numel() for p in trainer.model.parameters()):,}",
        (
            f"training: {len(history)} epochs in {sum(m.seconds for m in history):.0f} s, "
            f"loss {last.train_loss:.4f} in the last"
        ),
        f"machine: {machine(torch.device(config.device))}, {datetime.date.today().isoformat()}",
        accuracy_line("train", trainer.accuracy("train")),
        *_held_out(trainer),
        accuracy_line("test", trainer.accuracy("test")),
        (
            f"solver iterations: {last.forward_iterations:.1f} forward, "
            f"{last.backward_iterations:.1f} backward, on average over the last epoch "
            f"at tolerance {recipe.tol:g}"
        ),
        *_certified(trainer),
    ]


def _held_out(trainer: Trainer) -> list[str]:
    """The lines about the best epoch, where samples were held out to find it."""
    if trainer.best_epoch is None:
        return []
    best = trainer.history[trainer.best_epoch - 1]
    assert best.valid_accuracy is not None
    return [
        f"best epoch on held-out samples: {best.epoch}",
        accuracy_line("best epoch's held-out", best.valid_accuracy),
        accuracy_line("best epoch's test", best.test_accuracy),
    ]


def accuracy_line(part: str, share: float) -> str:
    """The line that says which share of a part of the data is classified as labelled."""
    return f"{part} accuracy: {100 * share:.2f} %"


def machine(device: torch.device) -> str:
    """The device and the software, in words."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{device.type}, {torch.get_num_threads()} threads, {platform.machine()}"
    return f"{name}, torch {torch.__version__}"


def _certified(trainer: Trainer) -> list[str]:
    """The lines of the certificate; none for a model without an equilibrium."""
    if not has_equilibrium(trainer.model):
        return []
    certificate, samples = certify_on_test(trainer.model, trainer.dataset)
    return certificate_lines(certificate, samples, len(trainer.dataset.test_x))


def certify_on_test(model: nn.Module, dataset: Dataset) -> tuple[Certificate, int]:
    """The certificate on test images, as many as fit into memory, and their number.

    Of a model that ``certify`` knows as a whole, else of its equilibrium layer.
    """
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        one = dataset.normalization(dataset.test_x[:1], dtype)
        entries = follow(model.eval(), one).z.numel()
        images = dataset.normalization(dataset.test_x[: max(1, ENTRIES // entries)], dtype)
        if isinstance(model, Classifier):
            return certify(model, images), len(images)
        return certify(equilibrium_layer(model), follow(model, images).x), len(images)


def certificate_lines(certificate: Certificate, samples: int, of: int) -> list[str]:
    """What is proved of the layer on so many of the test images, and beside it what was seen."""
    which = "every test image" if samples == of else f"the first {samples} test images"
    return [
        (
            f"distance to the true equilibrium: at most {certificate.solve_error:.2e}, "
            f"certified for {which}"
        ),
        f"strong monotonicity m: {certificate.m:.4g}, Lipschitz constant L: {certificate.L:.4g}",
        f"contraction an iteration: {certificate.rates}, at alpha = {certificate.alpha:.4g}",
    ]


def as_markdown(config: Config, lines: Sequence[str], pictures: Sequence[str]) -> str:
    """The report as a page, with the settings and the pictures."""
    settings = config.recipe.settings.items()
    return "".join(
        (
            f"# {config.recipe.name}\n\n",
            *(f"- {line}\n" for line in lines),
            "\n| setting | value |\n|---|---|\n",
            *(f"| {key} | {value} |\n" for key, value in settings if value is not None),
            f"| augment | {config.recipe.augment} |\n",
            *(f"\n![{picture.removesuffix('.png')}]({picture})\n" for picture in pictures),
        )
    )
