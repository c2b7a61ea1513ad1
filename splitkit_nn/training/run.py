"""A RUN directory: the configuration, the metrics, the model, the report and the picture.

Every file is written whole: to a temporary one first, which then takes its name. A directory is
claimed once, never overwritten, and given up again if no model was saved in it.
"""

from __future__ import annotations

import csv
import io
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from splitkit_nn.training.config import Config
from splitkit_nn.training.trainer import EpochMetrics

CONFIG, METRICS, MODEL = "config.json", "metrics.csv", "model.pt"


@dataclass(frozen=True)
class Run:
    """A training's directory; ``claim`` makes a new one, ``Run(path)`` reads one that is there."""

    path: Path

    @property
    def model_path(self) -> Path:
        """Where the state dict lies."""
        return self.path / MODEL

    def write(self, name: str, content: bytes) -> Path:
        """Give the file ``name`` this content, all of it or none; return its path."""
        temporary = self.path / f".{name}.tmp"
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path / name)
        finally:
            temporary.unlink(missing_ok=True)
        return self.path / name

    def write_config(self, config: Config) -> None:
        """Save what the training was asked to do."""
        self.write(CONFIG, config.to_json().encode())

    def write_metrics(self, history: Sequence[EpochMetrics]) -> None:
        """Save one line an epoch."""
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, fieldnames=list(asdict(history[0])), lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(metrics) for metrics in history)
        self.write(METRICS, text.getvalue().encode())

    def write_model(self, model: nn.Module) -> None:
        """Save the state dict."""
        content = io.BytesIO()
        torch.save(model.state_dict(), content)
        self.write(MODEL, content.getvalue())

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
            raise ValueError(f"{path}: {error}; train again") from error

    def read_model(self, model: nn.Module) -> None:
        """Load the saved parameters into ``model``, on its device."""
        if not self.model_path.is_file():
            raise FileNotFoundError(
                f"{self.path} holds no {MODEL}: its training ended before the first epoch did; "
                "train again"
            )
        try:
            model.load_state_dict(torch.load(self.model_path, "cpu", weights_only=True))
        except (pickle.UnpicklingError, RuntimeError, EOFError, TypeError) as error:
            raise ValueError(
                f"{self.model_path}: not the parameters of this run's recipe ({error}); train again"
            ) from error


def refuse_existing(path: Path) -> None:
    """Raise FileExistsError if there is anything at ``path``."""
    if path.exists():
        raise FileExistsError(
            f"{path} exists and is never overwritten; give another --out, or remove it first"
        )


@contextmanager
def claim(path: Path) -> Iterator[Run]:
    """Make a run's directory; on an error before a model is saved nothing of it is left."""
    refuse_existing(path)
    missing = [parent for parent in path.parents if not parent.exists()]
    path.mkdir(parents=True)
    run = Run(path)
    try:
        yield run
    except BaseException:
        if not run.model_path.exists():
            shutil.rmtree(path)
            with suppress(OSError):  # a parent that someone else uses by now stays
                for parent in missing:
                    parent.rmdir()
        raise
