"""A RUN directory: the configuration, the checkpoint, the metrics, the models, report and pictures.

Every file is written whole: to a temporary one first, which then takes its name. The checkpoint is
written last in its epoch, so that whatever it stands for is there; the report last of all, so that
a run with a report is finished. A directory is in use by one training at a time, and given up again
if no checkpoint was saved in it.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from torch import nn

from splitkit_nn.models.files import TEMPORARY, UNREADABLE, as_bytes, of_bytes, write_whole
from splitkit_nn.training.config import Config
from splitkit_nn.training.trainer import EpochMetrics, Trainer

CONFIG, CHECKPOINT, METRICS = "config.json", "checkpoint.pt", "metrics.csv"
MODEL, BEST, REPORT = "model.pt", "best.pt", "report.md"
LOCK = ".lock"
MAY_LACK = {"valid_accuracy", "test_loss", "forward_seconds", "backward_seconds"}


class DamagedFileError(ValueError):
    """A file of a run is not what its name says."""


@dataclass(frozen=True)
class RunDirectory:
    """Where a training is kept; ``claim`` makes a new one, ``RunDirectory(path)`` reads one."""

    path: Path

    @property
    def model_path(self) -> Path:
        """Where the last epoch's state dict lies."""
        return self.path / MODEL

    @property
    def finished(self) -> bool:
        """Whether its training came to its end."""
        return (self.path / REPORT).is_file()

    @property
    def has_checkpoint(self) -> bool:
        """Whether an epoch of it was saved."""
        return (self.path / CHECKPOINT).is_file()

    def write(self, name: str, content: bytes) -> Path:
        """Give the file ``name`` this content, all of it or none; return its path."""
        write_whole(self.path / name, content)
        return self.path / name

    def write_config(self, config: Config) -> None:
        """Save what the training was asked to do."""
        self.write(CONFIG, config.to_json().encode())

    def write_epoch(self, trainer: Trainer) -> None:
        """Save where the training stands: its last act is the checkpoint."""
        self.write_model(trainer.model)
        if trainer.best_epoch == len(trainer.history):
            self.write_model(trainer.model, BEST)
        self.write_metrics(trainer.history)
        settings = Config(trainer.recipe, None).settings
        self.write(CHECKPOINT, as_bytes({"settings": settings, **trainer.state()}))

    def write_metrics(self, history: Sequence[EpochMetrics]) -> None:
        """Save one line an epoch."""
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, fieldnames=list(asdict(history[0])), lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(metrics) for metrics in history)
        self.write(METRICS, text.getvalue().encode())

    def write_model(self, model: nn.Module, name: str = MODEL) -> None:
        """Save the state dict."""
        self.write(name, as_bytes(model.state_dict()))

    def read_config(self) -> Config:
        """What the training was asked to do; errors if this is not a run."""
        path = self.path / CONFIG
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} is not a run: it has no {CONFIG}; give the directory that "
                "`train` got as --out"
            )
        try:
            return Config.from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DamagedFileError(f"{path}: {error}; train again") from error

    def read_checkpoint(self, trainer: Trainer) -> None:
        """Bring the trainer to where the run stands; nothing happens if no epoch was saved.

        Raises
        ------
        DamagedFileError
            It is damaged, or of a training with other settings than the trainer's.
        """
        if not self.has_checkpoint:
            return
        path = self.path / CHECKPOINT
        with _told(path, "a checkpoint of this run's recipe"):
            state = of_bytes(path.read_bytes())
            begun = state.get("settings", {})
            for key, value in Config(trainer.recipe, None).settings.items():
                if key in begun and begun[key] != value:
                    raise ValueError(f"{key} = {begun[key]} there, {value} in {CONFIG}")
            trainer.restore(state)

    def read_history(self) -> list[EpochMetrics]:
        """The saved metrics.

        Raises
        ------
        DamagedFileError
            They are damaged, or other than those that the checkpoint has, as when a digit changed.
        """
        history, path = read_metrics(self.path / METRICS), self.path / CHECKPOINT
        if self.has_checkpoint:
            with _told(path, "a checkpoint of this run"):
                saved = [EpochMetrics(**each) for each in of_bytes(path.read_bytes())["history"]]
            # by their digits, since nan is no number; an epoch's metrics are written before it is
            if list(map(repr, saved)) != list(map(repr, history[: len(saved)])):
                raise DamagedFileError(
                    f"{self.path / METRICS}: its numbers are not those of {CHECKPOINT}; train again"
                )
        return history

    def read_model(self, model: nn.Module, name: str = MODEL, inside: str | None = None) -> None:
        """Load the saved parameters, or those ``inside`` of what was saved, on its device."""
        path = self.path / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{self.path} holds no {name}: its training ended before the first epoch did, or "
                "held nothing out to find its best (--validation); train again"
            )
        with _told(path, "the parameters of this run's recipe"):
            state = of_bytes(path.read_bytes())
            model.load_state_dict(state if inside is None else state[inside])


def read_metrics(path: Path) -> list[EpochMetrics]:
    """What ``RunDirectory.write_metrics`` wrote; ValueError if the file is not that."""
    with _told(path, "a run's metrics"):
        text = path.read_bytes().decode()
        history = [
            EpochMetrics(**{key: _number(key, value) for key, value in row.items()})
            for row in csv.DictReader(io.StringIO(text, newline=""))
        ]
        epochs = [each.epoch for each in history]
        if not (history and text.endswith("\n") and epochs == [*range(1, len(epochs) + 1)]):
            raise ValueError("its lines are not, whole, those of epochs 1, 2, …")
        return history


def _number(key: str, value: str | None) -> Any:
    """An epoch, a figure, or None for one that was not taken."""
    if key == "epoch":
        return int(value or "")
    if not value:
        if value == "" and key in MAY_LACK:
            return None
        raise ValueError(f"a line without {key}")
    return float(value)


@contextmanager
def _told(path: Path, expected: str) -> Iterator[None]:
    """Whatever torch says of a file that is damaged or foreign, said with its name."""
    try:
        yield
    except (*UNREADABLE, csv.Error) as e:
        reason = str(e).split("\n", 1)[0]
        raise DamagedFileError(f"{path}: not {expected} ({reason}); train again") from e


def check_free(path: Path, *, resume: bool) -> None:
    """Raise FileExistsError if there is anything at ``path``; to resume, anything but a run."""
    if not path.exists():
        return
    if not resume:
        raise FileExistsError(
            f"{path} exists and is never overwritten; give another --out, remove it first, or "
            "go on with it by --resume"
        )
    if not (path.is_dir() and (contents_of(path) == [] or is_run(path))):
        raise FileExistsError(f"{path} is not a run, so it cannot go on; give another --out")


def is_run(path: Path) -> bool:
    """Whether a training wrote its configuration there."""
    return (path / CONFIG).is_file()


def contents_of(path: Path) -> list[str]:
    """What is in the directory, but for a lock and files that were not written whole."""
    hidden = {LOCK, f".{CONFIG}{TEMPORARY}"}
    return sorted(found.name for found in path.iterdir() if found.name not in hidden)


@contextmanager
def claim(path: Path, *, resume: bool = False) -> Iterator[RunDirectory]:
    """Make a run's directory, or take up the one that is there, for this process alone.

    On an error before a checkpoint is saved nothing of a new directory is left.

    Raises
    ------
    FileExistsError
        There is something at ``path``, and not ``resume``; or it is not a run.
    BlockingIOError
        Another process trains in it.
    """
    check_free(path, resume=resume)
    missing = [place for place in (path, *path.parents) if not place.exists()]
    path.mkdir(parents=True, exist_ok=resume)
    run = RunDirectory(path)
    with _locked(path):
        try:
            for unfinished in path.glob(f".*{TEMPORARY}"):
                unfinished.unlink()
            yield run
        except BaseException:
            if path in missing and not run.has_checkpoint:
                shutil.rmtree(path)
                with suppress(OSError):  # a parent that someone else uses by now stays
                    for parent in missing[1:]:
                        parent.rmdir()
            raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The directory's lock, which the system gives back when the process ends, however it ends."""
    try:
        held = FileLock(path / LOCK, timeout=0).acquire()
    except Timeout as error:
        holder = (path / LOCK).read_text(encoding="utf-8") or "another process"
        raise BlockingIOError(
            f"{path} is in use by {holder}: wait until it ends, or give another --out"
        ) from error
    with held:
        try:
            (path / LOCK).write_text(f"process {os.getpid()}", encoding="utf-8")
        except OSError as error:  # a full disk names no file
            raise OSError(error.errno, error.strerror, str(path / LOCK)) from error
        yield
