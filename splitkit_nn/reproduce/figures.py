"""The paper's figures from the runs' metrics and saved models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from splitkit_nn.reproduce.found import FoundRun
from splitkit_nn.training.convergence import PASSES
from splitkit_nn.training.layer import has_equilibrium
from splitkit_nn.training.plots import draw_convergence, draw_curves
from splitkit_nn.training.run import RunDirectory
from splitkit_nn.training.subject import subject_of_run

ACCURACY = "Test accuracy over the epochs (Figures 1 and F1)"
ITERATIONS = "Peaceman-Rachford iterations a step over training, {} pass (Figure {})"
FIGURES = {"forward": "2", "backward": "F2"}


def draw_figures(runs: Sequence[FoundRun], out: Path, data: Path | None) -> Iterator[str]:
    """Draw what the runs allow into ``out``; a line for each picture, or why there is none."""
    directory = RunDirectory(out)
    for kind in sorted({run.name.split("-")[0] for run in runs}):
        chosen = [run for run in runs if run.name.split("-")[0] == kind]
        epochs = {run.label: [metrics.epoch for metrics in run.history] for run in chosen}
        accuracies = {
            run.label: (epochs[run.label], [100 * m.test_accuracy for m in run.history])
            for run in chosen
        }
        picture = draw_curves(accuracies, f"{kind}: {ACCURACY}", y="test accuracy in %")
        yield f"{ACCURACY}: {directory.write(f'{kind}-accuracy.png', picture)}"
        for direction in PASSES:
            counts = {
                run.label: (
                    epochs[run.label],
                    [getattr(m, f"{direction}_iterations") for m in run.history],
                )
                for run in chosen
            }
            title = ITERATIONS.format(direction, FIGURES[direction])
            picture = draw_curves(counts, f"{kind}: {title}", y="iterations")
            yield f"{title}: {directory.write(f'{kind}-{direction}.png', picture)}"
    for run in _one_each(runs):
        yield _draw_convergence(run, directory, data)


def _one_each(runs: Sequence[FoundRun]) -> list[FoundRun]:
    """The first whole run of each recipe, with the recipe's own settings where there is one."""
    whole = sorted((run for run in runs if run.whole), key=lambda run: run.changed)
    return list({run.name: run for run in reversed(whole)}.values())[::-1]


def _draw_convergence(run: FoundRun, directory: RunDirectory, data: Path | None) -> str:
    """Iterations over the step size on a trained model, both passes."""
    title = f"{run.label}: iterations over the step size, both passes (Figure 3)"
    try:
        subject = replace(subject_of_run(run.path, data=data), name=run.label)
    except OSError as error:
        return f"{title}: not drawn, since its data is missing ({error})"
    if not has_equilibrium(subject.model):
        return f"{title}: not drawn, since the model has no equilibrium"
    picture = draw_convergence(*subject.convergence())
    return f"{title}: {directory.write(f'{run.name}-convergence.png', picture)}"
