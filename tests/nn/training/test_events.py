"""Metrics go to TensorBoard where it is installed, and nowhere where it is not."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from splitkit_nn.training.events import open_events
from splitkit_nn.training.trainer import EpochMetrics

METRICS = EpochMetrics(3, 1e-3, 0.5, 0.8, 9.0, 8.0, 0.25, None, 0.75, 1.5)


class Writer:
    """Keeps what a SummaryWriter is told."""

    made: list["Writer"]

    def __init__(self, directory: str, purge_step: int) -> None:
        self.directory, self.purge_step = directory, purge_step
        self.points: list[tuple[str, float, int]] = []
        Writer.made.append(self)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.points.append((name, value, step))

    def flush(self) -> None:
        pass


def test_every_figure_of_an_epoch_becomes_a_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = ModuleType("torch.utils.tensorboard")
    stand_in.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", stand_in)
    monkeypatch.setattr("splitkit_nn.training.events.can_write_events", lambda: True)
    Writer.made = []
    with open_events(tmp_path / "events", done=2) as write:
        write(METRICS)
    (writer,) = Writer.made
    assert writer.directory == str(tmp_path / "events")
    assert writer.purge_step == 3
    assert ("test_accuracy", 0.75, 3) in writer.points
    assert {name for name, _, _ in writer.points} == {
        "learning_rate",
        "train_loss",
        "train_accuracy",
        "forward_iterations",
        "backward_iterations",
        "alpha",
        "test_accuracy",
        "seconds",
    }


def test_without_tensorboard_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("splitkit_nn.training.events.can_write_events", lambda: False)
    with open_events(tmp_path / "events", done=0) as write:
        write(METRICS)
    assert list(tmp_path.iterdir()) == []
