"""Equilibrium networks beside multilayer perceptrons of as many parameters, on small real data.

    python benchmarks/tables.py [--epochs 60] [--folds 5]

scikit-learn's breast cancer and wine (classes), diabetes (regression), and its handwritten digits
read as sequences of eight rows of eight pixels: there the layer, or the perceptron, sees each row
with the mean of the rows before it, and the head all of its outputs. Both are trained alike, by
Adam on standardized inputs, on each fold; the error is the share misclassified, or the root mean
square in the target's standard deviations, on the parts left out: its mean and standard deviation
over the folds.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from sklearn import datasets, model_selection
from torch import Tensor, nn

import splitkit_nn as sknn

UNITS = 24
BATCH = 64


class Table(NamedTuple):
    """Inputs of shape (samples, …, features), targets, and how many classes: 0, a number."""

    x: Tensor
    y: Tensor
    classes: int


def table(load: Callable[..., tuple[object, object]], classes: int) -> Table:
    """One of scikit-learn's."""
    x, y = load(return_X_y=True)
    found = torch.tensor(y, dtype=torch.long if classes else torch.float32)
    if not classes:
        found = (found - found.mean()) / found.std()
    return Table(torch.tensor(x, dtype=torch.float32), found, classes)


def rows_of_digits() -> Table:
    """Each row beside the mean of those before it."""
    x, y, classes = table(datasets.load_digits, 10)
    rows = x.reshape(-1, 8, 8)
    before = rows.cumsum(1) - rows
    before = before / torch.arange(8).clamp_min(1)[:, None]
    return Table(torch.cat((rows, before), dim=2), y, classes)


TABLES: dict[str, Callable[[], Table]] = {
    "breast cancer": lambda: table(datasets.load_breast_cancer, 2),
    "wine": lambda: table(datasets.load_wine, 3),
    "diabetes": lambda: table(datasets.load_diabetes, 0),
    "digits, row by row": rows_of_digits,
}


def equilibrium(features: int) -> nn.Module:
    """An equilibrium layer."""
    return sknn.MonDEQ(sknn.MonotoneDense(features, UNITS), tol=1e-3)


def perceptron(features: int) -> nn.Module:
    """Two hidden layers that have as many parameters as the equilibrium layer, or a few more."""
    wanted = sum(p.numel() for p in equilibrium(features).parameters())
    # h(features + 1) + UNITS(h + 1), and the head reads UNITS numbers
    hidden = math.ceil((wanted - UNITS) / (features + 1 + UNITS))
    return nn.Sequential(
        nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, UNITS), nn.ReLU()
    )


MODELS: dict[str, Callable[[int], nn.Module]] = {"monDEQ": equilibrium, "MLP": perceptron}


def error(kind: str, data: Table, train: Tensor, test: Tensor, epochs: int, seed: int) -> float:
    """On the test part, after training on the other."""
    torch.manual_seed(seed)
    mean, std = data.x[train].mean(0), data.x[train].std(0).clamp_min(1e-3)
    x = (data.x - mean) / std
    entries = UNITS * math.prod(x.shape[1:-1])
    head = nn.Linear(entries, max(1, data.classes))
    model = nn.Sequential(MODELS[kind](x.shape[-1]), nn.Flatten(), head)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    measure = nn.functional.cross_entropy if data.classes else squares
    for _ in range(epochs):
        for chosen in train[torch.randperm(len(train))].split(BATCH):
            optimizer.zero_grad()
            measure(model(x[chosen]), data.y[chosen]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        found = model(x[test])
    if data.classes:
        return float((found.argmax(1) != data.y[test]).double().mean())
    return float(squares(found, data.y[test])) ** 0.5


def squares(found: Tensor, y: Tensor) -> Tensor:
    """Their mean."""
    return (found[:, 0] - y).square().mean()


def main() -> None:
    """Print a row for each table and model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'data':<22}{'model':<8}{'parameters':>11}{'error':>9}{'±':>9}")
    for name, load in TABLES.items():
        data = load()
        kind = model_selection.StratifiedKFold if data.classes else model_selection.KFold
        folds = [
            *kind(options.folds, shuffle=True, random_state=0).split(data.y.numpy(), data.y.numpy())
        ]
        for model in MODELS:
            parts = [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in folds]
            errors = [error(model, data, *part, options.epochs, i) for i, part in enumerate(parts)]
            count = sum(p.numel() for p in MODELS[model](data.x.shape[-1]).parameters())
            spread = torch.tensor(errors).std()
            print(
                f"{name:<22}{model:<8}{count:>11,}{sum(errors) / len(errors):>9.4f}{spread:>9.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
