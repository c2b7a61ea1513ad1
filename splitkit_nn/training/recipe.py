"""A recipe is all that decides a training: data, model, schedule, augmentation, numbers, seed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from splitkit_nn.data import Dataset, Source
from splitkit_nn.models import DenseClassifier
from splitkit_nn.training.augment import Augmentation
from splitkit_nn.training.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training that can be repeated; ``dataclasses.replace`` changes single values.

    Parameters
    ----------
    name, summary : str
        What the command line calls it, and a line on what it is.
    load : callable
        From the directory with the data (None: not given) to a ``Dataset``.
    source : Source or None
        Where its files can be downloaded; None: it brings its own data.
    build : callable
        From the recipe to an untrained model; it takes ``m``, ``tol`` and ``max_iter`` from it.
    epochs, batch_size : int
        Positive.
    lr : float
        Adam's first learning rate, positive.
    schedule : Schedule
        What becomes of the learning rate.
    augment : Augmentation or None
        What happens to the pixels of each training batch, before they are normalized.
    m, tol, max_iter :
        Strong monotonicity of the layer, relative tolerance and iteration limit of its solver.
    seed : int
        Decides the first parameters, the order of the samples and the augmentation.

    Raises
    ------
    ValueError
        A number is not positive (the seed: negative) or not finite.
    """

    name: str
    summary: str
    load: Callable[[Path | None], Dataset]
    source: Source | None
    build: Callable[[Recipe], DenseClassifier]
    epochs: int
    batch_size: int
    lr: float
    schedule: Schedule
    augment: Augmentation | None = None
    m: float = 1.0
    tol: float = 1e-2
    max_iter: int = 300
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("epochs", "batch_size", "max_iter"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} = {getattr(self, key)}: give at least 1")
        for key in ("lr", "m", "tol"):
            if not 0 < getattr(self, key) < math.inf:
                raise ValueError(f"{key} = {getattr(self, key)}: give a positive, finite number")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed = {self.seed}: give an integer from 0 up to 2⁶³ − 1")
