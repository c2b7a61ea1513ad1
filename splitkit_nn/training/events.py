"""TensorBoard's event files, one point an epoch, where the tensorboard package is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from splitkit_nn.training.trainer import EpochMetrics

MISSING = "not written, since tensorboard is missing: pip install tensorboard"


def can_write_events() -> bool:
    """Whether the tensorboard package is there."""
    return find_spec("tensorboard") is not None


@contextmanager
def open_events(directory: Path, done: int) -> Iterator[Callable[[EpochMetrics], None]]:
    """A function that writes an epoch's metrics; what an earlier training wrote beyond its first
    ``done`` epochs no longer counts.
    """
    if not can_write_events():
        yield lambda metrics: None
        return
    # imported here, since it needs the tensorboard package
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(directory), purge_step=done + 1) as writer:

        def write(metrics: EpochMetrics) -> None:
            for name, value in asdict(metrics).items():
                if name != "epoch" and value is not None:
                    writer.add_scalar(name, value, metrics.epoch)
            writer.flush()

        yield write
