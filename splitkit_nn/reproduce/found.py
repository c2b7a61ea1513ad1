"""The runs under a directory, and which of them are repetitions of one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from splitkit_nn.training.config import Config
from splitkit_nn.training.recipes import RECIPES
from splitkit_nn.training.run import CONFIG, METRICS, RunDirectory
from splitkit_nn.training.seeds import Spread
from splitkit_nn.training.trainer import EpochMetrics

REPETITION = {"seed", "compile"}  # settings by which repetitions differ


@dataclass(frozen=True)
class FoundRun:
    """A run of at least one epoch."""

    path: Path
    config: Config
    history: list[EpochMetrics]

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.config.recipe.name

    @property
    def whole(self) -> bool:
        """Whether every epoch was trained."""
        return len(self.history) == self.config.recipe.epochs

    @property
    def changed(self) -> str:
        """Where the run's settings differ from the recipe's own, in words; empty: nowhere."""
        own = RECIPES[self.name].settings
        differing = {
            key: value
            for key, value in self.config.recipe.settings.items()
            if key not in REPETITION and value != own[key]
        }
        return ", ".join(f"{key} = {value}" for key, value in differing.items())

    @property
    def label(self) -> str:
        """What a curve is called."""
        changed = f", {self.changed}" if self.changed else ""
        return f"{self.name}{changed}, seed {self.config.recipe.seed}"

    @property
    def seconds(self) -> float:
        """How long the training took so far."""
        return sum(metrics.seconds for metrics in self.history)


@dataclass(frozen=True)
class Group:
    """Whole runs that differ in their seeds only, and what they give on average."""

    changed: str
    runs: tuple[FoundRun, ...]

    @property
    def accuracy(self) -> Spread:
        """Test accuracy after the last epoch, in percent."""
        return Spread.of([100 * run.history[-1].test_accuracy for run in self.runs])

    @property
    def forward(self) -> Spread:
        """Forward iterations a step in the last epoch."""
        return Spread.of([run.history[-1].forward_iterations for run in self.runs])

    @property
    def backward(self) -> Spread:
        """Backward iterations a step in the last epoch."""
        return Spread.of([run.history[-1].backward_iterations for run in self.runs])

    @property
    def seconds(self) -> Spread:
        """Of the whole training."""
        return Spread.of([run.seconds for run in self.runs])


def find_runs(directory: Path) -> list[FoundRun]:
    """Every run in ``directory`` and below, by path; one that is damaged is an error."""
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is no directory; give the one that holds the runs")
    paths = sorted(config.parent for config in directory.rglob(CONFIG))
    return [
        FoundRun(run.path, run.read_config(), run.read_history())
        for run in map(RunDirectory, paths)
        if (run.path / METRICS).is_file()
    ]


def group(runs: Iterable[FoundRun]) -> list[Group]:
    """The whole ones among the runs of one recipe, those with its own settings first."""
    kinds: dict[str, list[FoundRun]] = {}
    for run in runs:
        if run.whole:
            kinds.setdefault(run.changed, []).append(run)
    return [Group(changed, tuple(kinds[changed])) for changed in sorted(kinds)]
