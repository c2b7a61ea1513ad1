"""A schedule turns an optimizer into torch's scheduler that is stepped after every batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR, StepLR


class Schedule(Protocol):
    """How the learning rate moves over a training of ``epochs`` epochs of ``batches`` batches."""

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler: ...


@dataclass(frozen=True)
class StepDecay:
    """The learning rate is multiplied by ``factor`` after every ``every`` epochs."""

    every: int
    factor: float = 0.1

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return StepLR(optimizer, step_size=self.every * batches, gamma=self.factor)


@dataclass(frozen=True)
class Cosine:
    """The learning rate falls to zero along half a cosine."""

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return CosineAnnealingLR(optimizer, T_max=epochs * batches)


@dataclass(frozen=True)
class OneCycle:
    """The learning rate rises to ``peak`` and falls back, straight, each over the share ``rise``.

    Then it stays. Adam's β₁ moves the other way: 0.95 → 0.85 → 0.95.

    Source: Smith, Topin, *Super-convergence* (2018).
    """

    peak: float
    rise: float

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return OneCycleLR(
            optimizer,
            max_lr=self.peak,
            total_steps=epochs * batches,
            pct_start=self.rise,
            anneal_strategy="linear",
            div_factor=self.peak / optimizer.param_groups[0]["lr"],
            final_div_factor=1.0,
            three_phase=True,
        )
