"""What a person wants to know of a trained model, in a few lines."""

from __future__ import annotations

from collections.abc import Sequence

from splitkit_nn.certify import Certificate, certify
from splitkit_nn.training.trainer import EpochMetrics, Trainer, accuracy


def training_report(trainer: Trainer, history: Sequence[EpochMetrics]) -> list[str]:
    """The lines about a training that is over; the test accuracy is the last accuracy."""
    recipe, data, model = trainer.recipe, trainer.dataset, trainer.model
    last = history[-1]
    return [
        f"recipe: {recipe.name} ({recipe.summary})",
        f"parameters: {sum(p.numel() for p in model.parameters()):,}",
        (
            f"training: {len(history)} epochs in {sum(m.seconds for m in history):.0f} s, "
            f"loss {last.train_loss:.4f} in the last"
        ),
        accuracy_line("train", accuracy(model, data, "train")),
        accuracy_line("test", accuracy(model, data, "test")),
        (
            f"solver iterations: {last.forward_iterations:.1f} forward, "
            f"{last.backward_iterations:.1f} backward, on average over the last epoch "
            f"at tolerance {recipe.tol:g}"
        ),
        *certificate_lines(certify(model, data.normalization(data.test_x))),
    ]


def accuracy_line(part: str, share: float) -> str:
    """The line that says which share of a part of the data is classified as labelled."""
    return f"{part} accuracy: {100 * share:.2f} %"


def certificate_lines(certificate: Certificate) -> list[str]:
    """What is proved of the layer, and beside it what was seen."""
    return [
        (
            f"distance to the true equilibrium: at most {certificate.solve_error:.2e}, "
            "certified for every test image"
        ),
        f"strong monotonicity m: {certificate.m:.4g}, Lipschitz constant L: {certificate.L:.4g}",
        (
            f"contraction an iteration: {certificate.rate:.4f} guaranteed, "
            f"{certificate.observed_rate:.4f} observed, at alpha = {certificate.alpha:.4g}"
        ),
    ]


def as_markdown(title: str, lines: Sequence[str], picture: str | None) -> str:
    """The report as a page, with the picture if there is one."""
    page = f"# {title}\n\n" + "".join(f"- {line}\n" for line in lines)
    return page if picture is None else f"{page}\n![Convergence on this model]({picture})\n"
