"""A schedule turns an optimizer into a scheduler, as torch's, that is stepped after every batch.

Its text, as the command line takes it, is ``constant``, ``step:EVERY[:FACTOR]``, ``cosine`` or
``one-cycle:PEAK:RISE`` for the learning rate, and ``constant:BETA`` or
``one-cycle:RISE[:HIGH:LOW]`` for Adam's momentum β₁.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    LRScheduler,
    OneCycleLR,
    StepLR,
)

FORMS = (
    "give step:EVERY[:FACTOR] in epochs, constant, cosine, or one-cycle:PEAK:RISE, RISE a share of "
    "all"
)
MOMENTUM_FORMS = "give constant:BETA, or one-cycle:RISE[:HIGH:LOW], RISE a share of all"


class RateSchedule(Protocol):
    """How the learning rate moves over a training of ``epochs`` epochs of ``batches`` batches."""

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler: ...


@dataclass(frozen=True)
class Constant:
    """The learning rate stays."""

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return ConstantLR(optimizer, factor=1.0)

    def __str__(self) -> str:
        return "constant"


@dataclass(frozen=True)
class StepDecay:
    """The learning rate is multiplied by ``factor`` after every ``every`` epochs."""

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        if self.every < 1 or not self.factor > 0:
            raise ValueError(f"{self}: give positive numbers")

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return StepLR(optimizer, step_size=self.every * batches, gamma=self.factor)

    def __str__(self) -> str:
        return f"step:{self.every}:{self.factor:g}"


@dataclass(frozen=True)
class Cosine:
    """The learning rate falls to zero along half a cosine."""

    def __call__(self, optimizer: Optimizer, epochs: int, batches: int) -> LRScheduler:
        return CosineAnnealingLR(optimizer, T_max=epochs * batches)

    def __str__(self) -> str:
        return "cosine"


@dataclass(frozen=True)
class OneCycle:
    """The learning rate rises to ``peak`` and falls back, straight, each over the share ``rise``.

    Then it stays. Adam's β₁ moves the other way: 0.95 → 0.85 → 0.95.

    Source: Smith, Topin, *Super-convergence* (2018).
    """

    peak: float
    rise: float

    def __post_init__(self) -> None:
        if not (self.peak > 0 and 0 < self.rise < 0.5):
            raise ValueError(f"{self}: give a positive peak, and a rise between 0 and 0.5")

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

    def __str__(self) -> str:
        return f"one-cycle:{self.peak!r}:{self.rise!r}"


def find_schedule(text: str) -> RateSchedule:
    """The schedule of that text; ValueError if it is none."""
    kind, *numbers = text.split(":")
    try:
        match kind, numbers:
            case "constant", []:
                return Constant()
            case "cosine", []:
                return Cosine()
            case "step", [every]:
                return StepDecay(int(every))
            case "step", [every, factor]:
                return StepDecay(int(every), float(factor))
            case "one-cycle", [peak, rise]:
                return OneCycle(float(peak), float(rise))
    except ValueError as error:
        raise ValueError(f"schedule = {text!r}: {error}; {FORMS}") from None
    raise ValueError(f"schedule = {text!r}: {FORMS}")


@dataclass(frozen=True)
class Momentum:
    """Adam's β₁ falls from ``high`` to ``low`` and rises back, straight, each over the share
    ``rise`` of all batches, and then stays; whatever the schedule of the learning rate does to it.

    The paper's code takes it from 0.95 to 0.85 with any schedule of the learning rate.
    """

    rise: float
    high: float = 0.95
    low: float = 0.85

    def __post_init__(self) -> None:
        if not (0 < self.rise <= 0.5 and 0 <= self.low <= self.high < 1):
            raise ValueError(f"{self}: give 0 < RISE ≤ 0.5 and 0 ≤ LOW ≤ HIGH < 1")

    def at(self, share: float) -> float:
        """β₁ after this share of all batches."""
        depth = max(0.0, 1 - abs(share / self.rise - 1))
        return self.high - depth * (self.high - self.low)

    def __str__(self) -> str:
        if self.high == self.low:
            return f"constant:{self.high!r}"
        return f"one-cycle:{self.rise!r}:{self.high!r}:{self.low!r}"


def set_momentum(optimizer: Optimizer, momentum: float) -> None:
    """Give Adam this β₁."""
    for group in optimizer.param_groups:
        group["betas"] = (momentum, *group["betas"][1:])


def find_momentum(text: str) -> Momentum:
    """The momentum schedule of that text; ValueError if it is none."""
    kind, *numbers = text.split(":")
    try:
        match kind, [float(number) for number in numbers]:
            case "constant", [beta]:
                return Momentum(0.5, beta, beta)
            case "one-cycle", [rise]:
                return Momentum(rise)
            case "one-cycle", [rise, high, low]:
                return Momentum(rise, high, low)
    except ValueError as error:
        raise ValueError(f"momentum = {text!r}: {error}; {MOMENTUM_FORMS}") from None
    raise ValueError(f"momentum = {text!r}: {MOMENTUM_FORMS}")
