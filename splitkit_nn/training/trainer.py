"""Training, one pass over the data at a time.

An epoch is a function of the state before it, the seed and its number: the order of the samples
and the augmentation are drawn afresh from (seed, epoch). A loss that is not finite stops the
training before it reaches the parameters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from splitkit_nn.data.dataset import Dataset, PartName
from splitkit_nn.training.recipe import Recipe


class Step(NamedTuple):
    """What one batch was like: means over its samples, and the solver's iterations."""

    loss: float
    accuracy: float
    forward_iterations: float
    backward_iterations: float


@dataclass(frozen=True)
class EpochMetrics:
    """What an epoch was like.

    The training figures are means over its samples, taken while the parameters moved; the test
    accuracy after it is there for the curve and decides nothing.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    forward_iterations: float
    backward_iterations: float
    test_accuracy: float
    seconds: float


class Trainer:
    """Adam on the cross-entropy of a recipe's model.

    Parameters
    ----------
    recipe : Recipe
        What to train and how.
    dataset : Dataset
        It is moved to ``device`` as a whole.
    device : torch.device
        Where the model lives and all work is done, in float32.

    Attributes
    ----------
    model, optimizer, scheduler
        With the number of epochs done they are the whole state of a training.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, device: torch.device) -> None:
        self.recipe = recipe
        self.dataset = dataset.to(device)
        self.device = device
        self.batches = math.ceil(len(dataset.train_x) / recipe.batch_size)
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(recipe.seed)
            self.model = recipe.build(recipe).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.lr)
        self.scheduler = recipe.schedule(self.optimizer, recipe.epochs, self.batches)

    def run_epoch(self, epoch: int, watch: Callable[[int, Step], None]) -> EpochMetrics:
        """Train on every sample once; ``watch(epoch, step)`` is called after every batch.

        Raises
        ------
        FloatingPointError
            The loss is not finite; the message names epoch and batch.
        splitkit.NotConvergedError
            An equilibrium was not found within the recipe's iteration limit.
        """
        started, learning_rate = time.perf_counter(), self.learning_rate
        steps, sizes = [], []
        self.model.train()
        for batch, (images, labels) in enumerate(self._shuffled(epoch), start=1):
            steps.append(self._step(images, labels, f"epoch {epoch}, batch {batch}"))
            sizes.append(len(labels))
            watch(epoch, steps[-1])
        means = Step(*np.average(steps, axis=0, weights=sizes).tolist())
        tested = accuracy(self.model, self.dataset, "test")
        return EpochMetrics(epoch, learning_rate, *means, tested, time.perf_counter() - started)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next batch."""
        return float(self.optimizer.param_groups[0]["lr"])

    def _shuffled(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The training samples in batches, in a random order, augmented."""
        seed = int(np.random.SeedSequence((self.recipe.seed, epoch)).generate_state(1)[0])
        augmentation = torch.Generator(self.device).manual_seed(seed)
        order = torch.randperm(
            len(self.dataset.train_x), generator=torch.Generator().manual_seed(seed)
        )
        for chosen in torch.split(order.to(self.device), self.recipe.batch_size):
            pixels = self.dataset.train_x[chosen]
            if self.recipe.augment is not None:
                pixels = self.recipe.augment(pixels, augmentation)
            yield self.dataset.normalization(pixels), self.dataset.train_y[chosen]

    def _step(self, images: Tensor, labels: Tensor, where: str) -> Step:
        self.optimizer.zero_grad()
        logits = self.model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"the loss is {loss.item()} at {where}; a smaller learning rate (--lr) may help"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.scheduler.step()
        forward = self.model.layer.last_solve.forward
        backward = self.model.layer.last_solve.backward
        assert forward is not None
        assert backward is not None
        return Step(
            loss.item(),
            (logits.argmax(1) == labels).float().mean().item(),
            forward.iterations,
            backward.iterations,
        )


def accuracy(model: nn.Module, dataset: Dataset, part: PartName, batch_size: int = 1000) -> float:
    """The share of a part's images that the model classifies as labelled, in [0, 1].

    The model is put into evaluation mode and left there; no gradient is recorded. The data set
    lives on the model's device.
    """
    model.eval()
    pixels, labels = dataset.part(part)
    batches = zip(torch.split(pixels, batch_size), torch.split(labels, batch_size), strict=True)
    with torch.no_grad():
        hits = sum(int((model(dataset.normalization(x)).argmax(1) == y).sum()) for x, y in batches)
    return hits / len(labels)
