"""From a recipe to a finished run: train, save after every epoch, report, draw.

The model that is kept is the last epoch's, whatever its test accuracy.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from splitkit_nn.data import Dataset
from splitkit_nn.training.config import Config
from splitkit_nn.training.convergence import measure_convergence
from splitkit_nn.training.progress import ProgressBar
from splitkit_nn.training.report import as_markdown, training_report
from splitkit_nn.training.run import Run, claim
from splitkit_nn.training.trainer import EpochMetrics, Trainer

PICTURE, REPORT = "convergence.png", "report.md"
PICTURED = 64  # test images that the picture is about
NO_PICTURE = "not drawn, since matplotlib is missing: pip install 'splitkit[plot]'"


def train(
    config: Config, dataset: Dataset, out: Path, device: torch.device, *, progress: bool = True
) -> list[str]:
    """Train ``config.recipe`` on ``dataset`` into the new directory ``out``; return the report.

    Raises
    ------
    FileExistsError
        There is something at ``out``.
    FloatingPointError, splitkit.NotConvergedError
        The training broke down; if an epoch was complete, its model stays in ``out``.
    """
    trainer = Trainer(config.recipe, dataset, device)
    with claim(out) as run:
        run.write_config(config)
        history = _run_epochs(trainer, run, progress)
    report = training_report(trainer, history)
    drawn = _draw(trainer, run)
    report += [f"model: {run.model_path}", f"picture: {drawn or NO_PICTURE}"]
    page = as_markdown(config.recipe.name, report, drawn.name if drawn else None)
    run.write(REPORT, page.encode())
    return report


def _run_epochs(trainer: Trainer, run: Run, progress: bool) -> list[EpochMetrics]:
    history: list[EpochMetrics] = []
    with ProgressBar(trainer, shown=progress) as watch:
        for epoch in range(1, trainer.recipe.epochs + 1):
            history.append(trainer.run_epoch(epoch, watch))
            run.write_model(trainer.model)
            run.write_metrics(history)
    return history


def _draw(trainer: Trainer, run: Run) -> Path | None:
    """Save the picture and return its path; None without matplotlib, which is an extra."""
    if find_spec("matplotlib") is None:
        return None
    from splitkit_nn.training.plots import draw_convergence

    data = trainer.dataset
    batch = data.normalization(data.test_x[:PICTURED]).flatten(1)
    convergence = measure_convergence(trainer.model.layer, batch)
    title = f"The trained {trainer.recipe.name} model on {len(batch)} test images"
    return run.write(PICTURE, draw_convergence(convergence, title))
