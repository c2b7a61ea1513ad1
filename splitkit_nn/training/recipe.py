"""A recipe is all that decides a training: data, model, schedule, augmentation, numbers, seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from torch import nn

import splitkit as sk
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
from splitkit_nn.activations import find_activation
from splitkit_nn.data import Dataset, Source
from splitkit_nn.equilibrium.solver import StepMethod
from splitkit_nn.implicit.gradients import GRADIENTS
from splitkit_nn.training.augment import Augmentation
from splitkit_nn.training.schedule import Momentum, RateSchedule, find_momentum, find_schedule

PRECISIONS = ("float32", "float64")
ON_FAILURE = ("raise", "warn", "damp")
METHODS: dict[str, Callable[[float | None], StepMethod]] = {
    "peaceman-rachford": lambda alpha: sk.PeacemanRachford(alpha=alpha),
    "douglas-rachford": lambda alpha: sk.DouglasRachford(alpha=alpha),
    "forward-backward": lambda alpha: sk.ForwardBackward(alpha=alpha),
    "anderson": lambda alpha: sk.Anderson(sk.PeacemanRachford(alpha=alpha)),
}
"""The methods that a recipe may name, with a step size, or None."""

SETTINGS = {
    "epochs": "passes over the training data",
    "batch_size": "samples a step",
    "lr": "first learning rate",
    "schedule": "of the learning rate: constant, step:EVERY[:FACTOR], cosine, one-cycle:PEAK:RISE",
    "momentum": "schedule of Adam's β₁: constant:BETA, or one-cycle:RISE[:HIGH:LOW]",
    "m": "strong monotonicity of the layer",
    "tol": "relative tolerance of the equilibrium solver",
    "backward_tol": "of its solves in the backward pass, in the place of tol",
    "max_iter": "iteration limit of the equilibrium solver",
    "alpha": "fixed step size of the equilibrium solver, in place of a tuned one",
    "activation": "of the layer, by name",
    "method": f"of the equilibrium solver: {', '.join(METHODS)}",
    "gradient": f"how derivatives are found: {', '.join(GRADIENTS)}",
    "on_failure": f"of a solve: {', '.join(ON_FAILURE)}",
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
    momentum : Momentum or str or None
        What becomes of Adam's β₁; None: what the schedule does, if it does.
    backward_tol : float or None
        The tolerance of the backward solves; None: ``tol``.
    activation, method, gradient, on_failure : str
        Of the layer, by name.
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
    momentum: Momentum | str | None = None
    augment: Augmentation | None = None
    m: float = option(1.0, check_number, within=POSITIVE)
    tol: float = option(1e-2, check_number, within=Range(0.0, 1.0))
    backward_tol: float | None = option(None, check_number, within=Range(0.0, 1.0))
    max_iter: int = option(300, check_integer, least=1)
    alpha: float | None = option(None, check_number, within=POSITIVE)
    activation: str = "relu"
    method: str = option("peaceman-rachford", check_choice, choices=tuple(METHODS))
    gradient: str = option("cotangent", check_choice, choices=tuple(GRADIENTS))
    on_failure: str = option("raise", check_choice, choices=ON_FAILURE)
    seed: int = option(0, check_integer, least=0)
    validation: float = option(0.0, check_number, within=Range(0.0, 1.0, "[)"))
    precision: str = option("float32", check_choice, choices=PRECISIONS)
    compile: bool = option(False, check_flag)

    def __post_init__(self) -> None:
        if isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", find_schedule(self.schedule))
        if isinstance(self.momentum, str):
            object.__setattr__(self, "momentum", find_momentum(self.momentum))
        check_options(self)
        find_activation(self.activation)
        if self.seed >= 2**63:
            raise ValueError(f"seed = {self.seed}: give an integer from 0 up to 2⁶³ − 1")

    @property
    def settings(self) -> dict[str, int | float | str | None]:
        """Every value of ``SETTINGS`` by name."""
        values = {key: getattr(self, key) for key in SETTINGS}
        momentum = None if self.momentum is None else str(self.momentum)
        return {**values, "schedule": str(self.schedule), "momentum": momentum}

    @property
    def layer(self) -> dict[str, Any]:
        """What an equilibrium layer of this recipe takes beside its parametrization."""
        names = ("activation", "gradient", "on_failure", "tol", "backward_tol", "max_iter")
        values = {name: getattr(self, name) for name in names}
        return {**values, "method": METHODS[self.method](self.alpha)}
