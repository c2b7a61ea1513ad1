"""What a person wants to know of a trained model, in a few lines."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence

import torch

from splitkit_nn.certify import Certificate, certify
from splitkit_nn.implicit.gradients import Unrolled
from splitkit_nn.models import Classifier
from splitkit_nn.training.config import Config
from splitkit_nn.training.layer import equilibrium_layer, follow, has_equilibrium
from splitkit_nn.training.subject import Subject
from splitkit_nn.training.trainer import Trainer

ENTRIES = 4_000_000  # of the certified equilibria, at most: more take too much memory in float64


def training_report(trainer: Trainer, config: Config, subject: Subject) -> list[str]:
    """The lines about a training that is over, and what it is of."""
    recipe, history = trainer.recipe, trainer.history
    last = history[-1]
    certified: Sequence[str] = []
    if has_equilibrium(subject.model) and _unrolled(subject):
        certified = ["certificate: none, since unrolled steps solve nothing"]
    elif has_equilibrium(subject.model):
        certificate, samples = certify_subject(subject)
        certified = certificate.proved(subject.which(samples))
    return [
        f"recipe: {recipe.name} ({recipe.summary})",
        f"parameters: {sum(p.numel() for p in trainer.model.parameters()):,}",
        (
            f"training: {len(history)} epochs in {sum(m.seconds for m in history):.0f} s, "
            f"loss {last.train_loss:.4f} in the last"
        ),
        f"machine: {machine(torch.device(config.device))}, {datetime.date.today().isoformat()}",
        accuracy_line("train", last.train_accuracy) + ", batch by batch while it was trained",
        *_held_out(trainer),
        accuracy_line("test", last.test_accuracy),
        (
            f"solver iterations: {last.forward_iterations:.1f} forward, "
            f"{last.backward_iterations:.1f} backward, on average over the last epoch "
            f"at tolerance {recipe.tol:g}"
        ),
        *certified,
    ]


def _unrolled(subject: Subject) -> bool:
    return isinstance(equilibrium_layer(subject.model).gradient, Unrolled)


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


def certify_subject(subject: Subject) -> tuple[Certificate, int]:
    """The certificate on the first inputs, as many as fit into memory, and their number.

    Of a model that ``certify`` knows as a whole, else of its equilibrium layer.
    """
    model = subject.model
    with torch.no_grad():
        entries = follow(model, subject.images(1)).z.numel()
        batch = subject.images(max(1, ENTRIES // entries))
        if isinstance(model, Classifier):
            return certify(model, batch), len(batch)
        return certify(equilibrium_layer(model), follow(model, batch).x), len(batch)


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
