"""Training, one pass over the data at a time.

An epoch is a function of the state before it, the seed and its number: the order of the samples,
the augmentation and whatever is random in the model are drawn afresh from (seed, epoch). So the
state at the end of an epoch is all that a checkpoint needs. A loss that is not finite stops the
training before it reaches the parameters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import splitkit as sk
from splitkit_nn.data.dataset import Dataset, PartName
from splitkit_nn.training.layer import solver_work
from splitkit_nn.training.processes import Processes
from splitkit_nn.training.recipe import Recipe
from splitkit_nn.training.schedule import Momentum, set_momentum


class Step(NamedTuple):
    """What one batch was like: means over its samples, the solver's iterations, its step size, the
    seconds of its solves.
    """

    loss: float
    accuracy: float
    forward_iterations: float
    backward_iterations: float
    alpha: float
    forward_seconds: float
    backward_seconds: float


@dataclass(frozen=True)
class EpochMetrics:
    """What an epoch was like.

    The training figures are means over its samples, taken while the parameters moved; the accuracy
    on held-out samples (None: nothing was held out) tells which epoch is the best; test accuracy
    and loss are there for the curve and decide nothing. The seconds of the solves are those of a
    step. What an older version did not take is None.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    forward_iterations: float
    backward_iterations: float
    alpha: float
    valid_accuracy: float | None
    test_accuracy: float
    seconds: float
    test_loss: float | None = None
    forward_seconds: float | None = None
    backward_seconds: float | None = None


class Trainer:
    """Adam on the cross-entropy of a recipe's model.

    Parameters
    ----------
    recipe : Recipe
        What to train and how.
    dataset : Dataset
        It is moved to ``device`` as a whole.
    device : torch.device
        Where the model lives and all work is done.
    processes : Processes
        That train together, each on its share of every batch.

    Attributes
    ----------
    model, optimizer, scheduler, history
        They are the whole state of a training.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        device: torch.device,
        processes: Processes = Processes(),  # noqa: B008 (it has no state)
    ) -> None:
        self.recipe, self.processes = recipe, processes
        if recipe.validation:
            dataset = dataset.hold_out(recipe.validation, recipe.seed)
        self.dataset = dataset.to(device)
        self.device = device
        self.dtype: torch.dtype = getattr(torch, recipe.precision)
        self.batches = math.ceil(len(dataset.train_x) / recipe.batch_size)
        self.model = initial_model(recipe).to(device)
        if recipe.compile:
            self.model.compile()
        self._parallel = processes.parallel(self.model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.lr)
        self.scheduler = recipe.schedule(self.optimizer, recipe.epochs, self.batches)
        self.history: list[EpochMetrics] = []
        self.steps = 0
        self._set_momentum()

    def run_epoch(self, watch: Callable[[int, Step], None]) -> EpochMetrics:
        """Train on every sample once; ``watch(epoch, step)`` is called after every batch.

        Raises
        ------
        FloatingPointError
            The loss is not finite; the message names epoch and batch.
        splitkit.NotConvergedError
            An equilibrium was not found within the recipe's iteration limit.
        """
        started, learning_rate = time.perf_counter(), self.learning_rate
        epoch = len(self.history) + 1
        steps, sizes = [], []
        self.model.train()
        seed = int(np.random.SeedSequence((self.recipe.seed, epoch)).generate_state(1)[0])
        with fork_generators(seed, self.device):
            for batch, (images, labels) in enumerate(self._shuffled(seed), start=1):
                steps.append(self._step(images, labels, f"epoch {epoch}, batch {batch}"))
                sizes.append(len(labels))
                watch(epoch, steps[-1])
        means = Step(*np.average(steps, axis=0, weights=sizes).tolist())
        validated = bool(self.recipe.validation)
        held_out = self._evaluate("valid")[0] if validated else None
        tested, test_loss = self._evaluate("test")
        seconds = time.perf_counter() - started
        ends = held_out, tested, seconds, test_loss
        self.history.append(EpochMetrics(epoch, learning_rate, *means[:5], *ends, *means[5:]))
        return self.history[-1]

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next batch."""
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the highest accuracy on held-out samples, the first of equals."""
        held_out = [metrics.valid_accuracy for metrics in self.history]
        known = [value for value in held_out if value is not None]
        return 1 + held_out.index(max(known)) if known else None

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs; tensors and plain values only."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": [asdict(metrics) for metrics in self.history],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a trainer of the same recipe stood when it gave this state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history = [EpochMetrics(**metrics) for metrics in state["history"]]
        self.steps = len(self.history) * self.batches

    def _evaluate(self, part: PartName) -> tuple[float, float]:
        return evaluate(self.model, self.dataset, part, processes=self.processes)

    def _set_momentum(self) -> None:
        momentum = self.recipe.momentum
        if isinstance(momentum, Momentum):
            share = self.steps / (self.recipe.epochs * self.batches)
            set_momentum(self.optimizer, momentum.at(share))

    def _shuffled(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The training samples in batches, in a random order, augmented and normalized."""
        augmentation = torch.Generator(self.device).manual_seed(seed)
        order = torch.randperm(
            len(self.dataset.train_x), generator=torch.Generator().manual_seed(seed)
        )
        for chosen in torch.split(order.to(self.device), self.recipe.batch_size):
            pixels = self.dataset.train_x[chosen]
            if self.recipe.augment is not None:
                pixels = self.recipe.augment(pixels, augmentation)
            yield self.dataset.normalization(pixels, self.dtype), self.dataset.train_y[chosen]

    def _step(self, images: Tensor, labels: Tensor, where: str) -> Step:
        self.optimizer.zero_grad()
        whole, labels = len(labels), self.processes.share(labels)
        part = len(labels) / whole
        try:
            logits = self._parallel(self.processes.share(images))
            mean = nn.functional.cross_entropy(logits, labels) if part else 0.0 * logits.sum()
            ((loss,)) = self.processes.total([part * mean.item()], logits)
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss}")
            (mean * (part * self.processes.count)).backward()
        except (FloatingPointError, sk.NotConvergedError) as error:
            error.add_note(f"in {where}; a smaller learning rate (--lr) may help")
            raise
        self.optimizer.step()
        self.scheduler.step()
        self.steps += 1
        self._set_momentum()
        hits = (logits.argmax(1) == labels).sum().item() / whole
        work = [part * each for each in solver_work(self.model)]
        return Step(loss, *self.processes.total([hits, *work], logits))


def initial_model(recipe: Recipe) -> nn.Module:
    """The untrained model that the recipe's seed decides, in its precision, on the CPU."""
    with fork_generators(recipe.seed, torch.device("cpu")):
        model = recipe.build(recipe)
    if recipe.precision == "float64":
        model = model.double()
    return model


@contextmanager
def fork_generators(seed: int, device: torch.device) -> Iterator[None]:
    """Torch's global generators start at ``seed`` here and go on afterwards as if nothing was."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield


def accuracy(model: nn.Module, dataset: Dataset, part: PartName, *, batch_size: int = 250) -> float:
    """The share of a part's images that the model classifies as labelled, in [0, 1]."""
    return evaluate(model, dataset, part, batch_size=batch_size)[0]


def evaluate(
    model: nn.Module,
    dataset: Dataset,
    part: PartName,
    *,
    batch_size: int = 250,
    processes: Processes = Processes(),  # noqa: B008 (it has no state)
) -> tuple[float, float]:
    """The ``accuracy`` on a part's images, and the mean cross-entropy; processes share the batches.

    The model, on the data set's device, is put into evaluation mode and left there; no gradient is
    recorded.
    """
    model.eval()
    dtype = next(model.parameters()).dtype
    pixels, labels = dataset.part(part)
    batches = zip(torch.split(pixels, batch_size), torch.split(labels, batch_size), strict=True)
    hits, loss = 0.0, 0.0
    with torch.no_grad():
        for x, y in list(batches)[processes.rank :: processes.count]:
            logits = model(dataset.normalization(x, dtype))
            hits += float((logits.argmax(1) == y).sum())
            loss += float(nn.functional.cross_entropy(logits, y, reduction="sum"))
    hits, loss = processes.total([hits, loss], labels)
    return hits / len(labels), loss / len(labels)
