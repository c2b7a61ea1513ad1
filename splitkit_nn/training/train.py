"""From a recipe to a finished run: train, save after every epoch, report, draw.

The model that is reported is the last epoch's, whatever its test accuracy; where samples are held
out, the model of the epoch that did best on them is kept beside it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from splitkit_nn.data import Dataset
from splitkit_nn.training.config import Config
from splitkit_nn.training.events import MISSING, can_write_events, open_events
from splitkit_nn.training.layer import has_equilibrium
from splitkit_nn.training.plots import draw_convergence, draw_history
from splitkit_nn.training.processes import joined
from splitkit_nn.training.progress import training_bar
from splitkit_nn.training.report import as_markdown, training_report
from splitkit_nn.training.run import REPORT, RunDirectory, claim
from splitkit_nn.training.subject import Subject
from splitkit_nn.training.trainer import Trainer

EVENTS = "events"
CONVERGENCE, HISTORY = "convergence.png", "history.png"
NO_PICTURE = "not drawn, since matplotlib is missing: pip install 'splitkit[plot]'"


def train(
    config: Config,
    dataset: Dataset,
    out: Path,
    device: torch.device,
    *,
    progress: bool | None = None,
    resume: bool = False,
) -> list[str]:
    """Train ``config.recipe`` on ``dataset`` into the directory ``out``; return the report.

    Parameters
    ----------
    config, dataset, out, device :
        What, on what, into which directory, and where.
    progress : bool, optional
        Whether a progress bar is shown; None: on a terminal and in a notebook.
    resume : bool
        Whether ``out`` may be a run that was broken off, of this same configuration: it goes on
        after its last checkpoint, and on the CPU comes to the same parameters bit for bit.

    Raises
    ------
    FileExistsError, BlockingIOError
        There is something at ``out`` that can't be taken up, or is in use.
    FloatingPointError, splitkit.NotConvergedError
        The training broke down; what the last full epoch gave stays in ``out``.
    """
    with joined(device) as processes:
        if not processes.leads:
            _follow(Trainer(config.recipe, dataset, device, processes))
            return []
        with claim(out, resume=resume) as run:
            trainer = Trainer(config.recipe, dataset, device, processes)
            run.read_checkpoint(trainer)
            run.write_config(config)
            processes.of_the_first(trainer.state())
            done = len(trainer.history)
            with (
                training_bar(trainer, shown=progress) as watch,
                open_events(run.path / EVENTS, done) as write_events,
            ):
                for _ in range(done, trainer.recipe.epochs):
                    metrics = trainer.run_epoch(watch)
                    run.write_epoch(trainer)
                    write_events(metrics)
            return _finish(trainer, run, config)


def _follow(trainer: Trainer) -> None:
    """Train with the first process, which writes, from where it stands."""
    trainer.restore(trainer.processes.of_the_first(trainer.state()))
    for _ in range(len(trainer.history), trainer.recipe.epochs):
        trainer.run_epoch(lambda epoch, step: None)


def _finish(trainer: Trainer, run: RunDirectory, config: Config) -> list[str]:
    """Draw and report; the report is the mark of a finished run."""
    subject = Subject(run.path, trainer.recipe.name, trainer.model.eval(), trainer.dataset)
    report = training_report(trainer, config, subject)
    drawn = _draw(trainer, subject)
    report += [
        f"model: {run.model_path}",
        f"pictures: {', '.join(map(str, drawn)) or NO_PICTURE}",
        f"TensorBoard events: {run.path / EVENTS if can_write_events() else MISSING}",
    ]
    page = as_markdown(config, report, [picture.name for picture in drawn])
    run.write(REPORT, page.encode())
    return report


def _draw(trainer: Trainer, subject: Subject) -> list[Path]:
    """Save the pictures and return their paths; none without matplotlib, which is an extra."""
    if find_spec("matplotlib") is None:
        return []
    history = draw_history(trainer.history, f"The training of {subject.name}")
    drawn = [subject.write(HISTORY, history)]
    if has_equilibrium(subject.model):
        drawn.append(subject.write(CONVERGENCE, draw_convergence(*subject.convergence())))
    return drawn
