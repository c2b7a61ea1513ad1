"""The processes that train one model together, as ``torchrun`` starts them; alone there is one.

Each takes its share of every batch: of processes r = 0, …, p − 1 sample i goes to r = i mod p. The
gradients are those of the whole batch, (1/B) Σᵢ ∇ℓᵢ = (1/p) Σᵣ (p/B) Σ_{i ≡ r} ∇ℓᵢ, whose mean over
the processes ``DistributedDataParallel`` takes, so that their parameters stay the same. The first
process alone writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Which of how many this one is."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this one writes and prints."""
        return self.rank == 0

    def share(self, batch: Tensor) -> Tensor:
        """Of a batch the samples of this process."""
        return batch[self.rank :: self.count] if self.count > 1 else batch

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model, whose gradients are the means over the processes."""
        return DistributedDataParallel(model) if self.count > 1 else model

    def total(self, values: Sequence[float], like: Tensor) -> list[float]:
        """The sums over the processes of numbers that each has."""
        if self.count == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=like.device)
        dist.all_reduce(sums)
        return [float(value) for value in sums]

    def of_the_first(self, value: T) -> T:
        """The first process' value, which the others wait for."""
        if self.count == 1:
            return value
        kept: list[Any] = [value]
        dist.broadcast_object_list(kept)
        found: T = kept[0]
        return found


def is_first() -> bool:
    """Whether this process is alone, or the first of those that ``torchrun`` started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that ``torchrun`` started with this one, joined while they work: once, however
    many trainings that is.

    Raises
    ------
    ConnectionError
        Another one has ended, or waits longer than the process group allows.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    if dist.is_initialized():
        yield Processes(dist.get_rank(), dist.get_world_size())
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    rank = dist.get_rank()
    try:
        yield Processes(rank, dist.get_world_size())
    except RuntimeError as error:
        if "onnection" in str(error) or "imed out" in str(error):
            raise ConnectionError(
                f"process {rank} of {count} lost another one, which says why it ended: go on with "
                "--resume"
            ) from error
        raise
    finally:
        dist.destroy_process_group()
