"""A recipe is all that decides a training: data, model, schedule, augmentation, numbers, seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass
from pathlib import Path

from torch import nn

from splitkit.arguments import (
    POSITIVE,
    Range,
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_options,
    option,
)
from splitkit_nn.data import Dataset, Source
from splitkit_nn.training.augment import Augmentation
from splitkit_nn.training.schedule import RateSchedule, find_schedule

PRECISIONS = ("float32", "float64")

SETTINGS = {
    "epochs": "passes over the training data",
    "batch_size": "samples a step",
    "lr": "first learning rate",
    "schedule": "of the learning rate: step:EVERY[:FACTOR], cosine, or one-cycle:PEAK:RISE",
    "m": "strong monotonicity of the layer",
    "tol": "relative tolerance of the equilibrium solver",
    "max_iter": "iteration limit of the equilibrium solver",
    "alpha": "fixed step size of the equilibrium solver, in place of a tuned one",
    "seed": "decides parameters, order and augmentation",
    "validation": "share of the training data held out, by which the best epoch is kept",
    "precision": f"of all arithmetic: {' or '.join(PRECISIONS)}",
    "compile": "let torch.compile work on the model",
}
"""The values of a recipe that one training may have otherwise than the next, and what they are."""


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
        From the recipe to an untrained model, logits of a batch of images; it takes ``m``, ``tol``
        and ``max_iter`` from the recipe.
    epochs, batch_size : int
        Positive.
    lr : float
        Adam's first learning rate, positive.
    schedule : RateSchedule or str
        What becomes of the learning rate; a text as in ``schedule`` is turned into it.
    augment : Augmentation or None
        What happens to the pixels of each training batch, before they are normalized.
    m, tol, max_iter :
        Strong monotonicity of the layer, relative tolerance and iteration limit of its solver.
    alpha : float or None
        The solver's step size; None: the layer chooses it again and again while it trains.
    seed : int
        Decides the first parameters, the order of the samples and the augmentation.
    validation : float
        The share of the training part, in [0, 1), on which epochs are compared. At 0 the model of
        the last epoch is the only one kept; the test part is never asked.
    precision : str
        "float32" or "float64".
    compile : bool
        Whether torch.compile works on the model.

    Raises
    ------
    TypeError, ValueError
        A value is of another type, a number is not positive (the seed, the validation share:
        negative) or not finite, the tolerance not below 1, or the schedule is none.
    """

    name: str
    summary: str
    load: Callable[[Path | None], Dataset]
    source: Source | None
    build: Callable[[Recipe], nn.Module]
    epochs: int = option(MISSING, check_integer, least=1)
    batch_size: int = option(MISSING, check_integer, least=1)
    lr: float = option(MISSING, check_number, within=POSITIVE)
    schedule: RateSchedule
    augment: Augmentation | None = None
    m: float = option(1.0, check_number, within=POSITIVE)
    tol: float = option(1e-2, check_number, within=Range(0.0, 1.0))
    max_iter: int = option(300, check_integer, least=1)
    alpha: float | None = option(None, check_number, within=POSITIVE)
    seed: int = option(0, check_integer, least=0)
    validation: float = option(0.0, check_number, within=Range(0.0, 1.0, "[)"))
    precision: str = option("float32", check_choice, choices=PRECISIONS)
    compile: bool = option(False, check_flag)

    def __post_init__(self) -> None:
        if isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", find_schedule(self.schedule))
        check_options(self)
        if self.seed >= 2**63:
            raise ValueError(f"seed = {self.seed}: give an integer from 0 up to 2⁶³ − 1")

    @property
    def settings(self) -> dict[str, int | float | str | None]:
        """Every value of ``SETTINGS`` by name."""
        values = {key: getattr(self, key) for key in SETTINGS}
        return {**values, "schedule": str(self.schedule)}
