"""What the paper printed: Tables 1 and E1 of Winston, Kolter (NeurIPS 2020).

The parameter counts are those of Table E1. Of the channels it lists 54 for the single convolution
on MNIST, which give 79,500 parameters; its count is that of 56.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A monDEQ of the paper.

    Attributes
    ----------
    recipe : str
        The name of the recipe that trains it here.
    data, model, size : str
        In words; the size is units or channels.
    parameters : int
    accuracy : str
        Test accuracy in percent, mean ± standard deviation of three runs.
    schedule : str
        What becomes of the learning rate, in words.
    epochs : int
    lr : float
        The initial learning rate.
    """

    recipe: str
    data: str
    model: str
    size: str
    parameters: int
    accuracy: str
    schedule: str
    epochs: int = 40
    lr: float = 1e-3


@dataclass(frozen=True)
class Published:
    """A model of another kind in Table 1, and the recipe that trains it here, if there is one."""

    recipe: str
    data: str
    model: str
    parameters: str
    accuracy: str


def _large(recipe: str, model: str, size: str, parameters: int, accuracy: str, peak: str) -> Row:
    schedule = f"one cycle to {peak}"
    return Row(recipe, "CIFAR-10, augmented", model, size, parameters, accuracy, schedule, 65)


FAST, SLOW = "÷ 10 every 10 epochs", "÷ 10 every 25 epochs"
ROWS = (
    Row("cifar10-conv", "CIFAR-10", "single conv", "81", 172_218, "74.0 ± 0.1", SLOW),
    Row(
        "cifar10-multitier",
        "CIFAR-10",
        "multi-tier",
        "16, 32, 60",
        170_194,
        "72.0 ± 0.3",
        FAST,
        lr=1e-2,
    ),
    _large("cifar10-conv-large", "single conv", "200", 853_612, "82.0 ± 0.3", "0.01"),
    _large(
        "cifar10-multitier-large", "multi-tier", "64, 128, 128", 1_014_546, "89.0 ± 0.3", "0.05"
    ),
    Row("svhn-conv", "SVHN", "single conv", "81", 172_218, "88.7 ± 1.1", SLOW),
    Row("svhn-multitier", "SVHN", "multi-tier", "16, 32, 60", 170_194, "92.4 ± 0.1", FAST),
    Row("mnist-dense", "MNIST", "fully connected", "87", 84_313, "98.1 ± 0.1", FAST),
    Row("mnist-conv", "MNIST", "single conv", "54", 84_460, "99.1 ± 0.1", FAST),
    Row("mnist-multitier", "MNIST", "multi-tier", "16, 32, 32", 81_394, "99.0 ± 0.1", FAST),
)

PUBLISHED = (
    Published("cifar10-node", "CIFAR-10", "neural ODE", "172K", "55.3 ± 0.3"),
    Published("cifar10-anode", "CIFAR-10", "augmented neural ODE", "172K", "58.9 ± 2.8"),
    Published("cifar10-deq", "CIFAR-10", "DEQ by Broyden, unconstrained", "–", "diverges"),
    Published("", "CIFAR-10, augmented", "neural ODE, best before diverging", "1M", "59.9"),
    Published("", "CIFAR-10, augmented", "aug. neural ODE, best before diverging", "1M", "73.4"),
    Published("svhn-node", "SVHN", "neural ODE", "172K", "81.0"),
    Published("svhn-anode", "SVHN", "augmented neural ODE", "172K", "83.5"),
    Published("mnist-node", "MNIST", "neural ODE", "84K", "96.4"),
    Published("mnist-anode", "MNIST", "augmented neural ODE", "84K", "98.2"),
)
