"""Certified radii under attack, and how much each way to bound a network's constants gives.

    python benchmarks/robustness.py [--samples 32] [--restarts 100] [--digits] [--parts FOLDER]

For each model and norm, five attacks from so many random points of each certified ball: the points
themselves; one step along the gradient; ascent of the loss; ascent of the margin of each other
class; and steps to where the model's linearization changes the class (Moosavi-Dezfooli, Fawzi,
Frossard 2016), kept in the ball. They run in float32 on equilibria to 1e-3; of each attack on a
radius the point at which another class came nearest is judged in float64, on exact equilibria.
"broken" are radii within which a class changed: 0, or a bound is false. Beside them what share of
its lead the right class lost, in the median and at most (1: all of it), the median radius, and that
over the one by the product ‖W_o‖‖U‖/m of norms. ``--digits`` trains each classifier on
scikit-learn's digits for two epochs first, of which samples are the test part, then the training
part. ``--parts`` keeps what is done in a folder and goes on from there.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import splitkit_nn as sknn
from splitkit_nn.certify.robustness import Norm
from splitkit_nn.data import load_digits

STEPS = 8
SIDE = 8
CHUNK = 40  # samples that are attacked at a time
Value = Callable[[Tensor, Tensor], Tensor]  # of logits and labels, for each sample


def solved(model: nn.Module, dtype: torch.dtype, tol: float) -> nn.Module:
    """A copy in this precision whose equilibria have this tolerance."""
    model = copy.deepcopy(model).to(dtype).eval().requires_grad_(False)
    for each in model.modules():
        if isinstance(each, sknn.MonDEQ):
            each.tol, each.max_iter = tol, 10_000
    return model


def wrapped(layer: sknn.MonDEQ, size: int) -> nn.Module:
    """A stem and a head of one's own around a layer."""
    stem = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    return nn.Sequential(*stem, nn.Linear(64, 16), nn.BatchNorm1d(16), layer, nn.Linear(size, 10))


MODELS: dict[str, Callable[[], nn.Module]] = {
    "dense, 100 units": lambda: sknn.DenseClassifier(64, 100, 10),
    "dense, 520 units": lambda: sknn.DenseClassifier(64, 520, 10),
    "convolution": lambda: sknn.ConvClassifier(1, 16, SIDE, 10),
    "three tiers": lambda: sknn.MultiTierClassifier(1, (8, 16, 16), SIDE, 10),
    "infinity": lambda: nn.Sequential(
        nn.Flatten(), sknn.MonDEQ(sknn.MonotoneInfinity(64, 60)), nn.Linear(60, 10)
    ),
    "stem and head": lambda: wrapped(sknn.MonDEQ(sknn.MonotoneDense(16, 40)), 40),
    "two layers": lambda: wrapped(
        nn.Sequential(
            sknn.MonDEQ(sknn.MonotoneDense(16, 30), "tanh"),
            nn.Linear(30, 12),
            sknn.MonDEQ(sknn.MonotoneTriangular(12, 20)),
        ),
        20,
    ),
}


class Search:
    """Points of balls, so many restarts for each, and those at which another class came nearest."""

    def __init__(
        self, model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm, restarts: int
    ) -> None:
        self.model, self.norm, self.restarts = model, norm, restarts
        self.x, self.labels, radius = (
            each.repeat_interleave(restarts, 0) for each in (x, labels, radius)
        )
        self.radius = radius.reshape(-1, 1, 1, 1)
        self.nearest = torch.full((len(x),), -torch.inf)
        self.points = x.clone()

    def within(self, d: Tensor, *, onto: bool = False) -> Tensor:
        """d in its ball; ``onto``: on the sphere."""
        if self.norm == "linf":
            return self.radius * d.sign() if onto else torch.clamp(d, -self.radius, self.radius)
        length = d.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(self.radius.shape)
        share = self.radius / length
        return d * (share if onto else share.clamp_max(1.0))

    def start(self) -> Tensor:
        """A random point of each sphere."""
        return self.within(torch.randn_like(self.x), onto=True)

    def look(self, d: Tensor, value: Value | None = None) -> tuple[Tensor, Tensor]:
        """A value's gradient and itself; without one 0, and the points are only looked at."""
        point = (self.x + d).requires_grad_(value is not None)
        logits = self.model(point)
        self._note(point.detach(), margin(logits.detach(), self.labels))
        if value is None:
            return torch.zeros_like(d), torch.zeros_like(self.radius)
        found = value(logits, self.labels)
        (gradient,) = torch.autograd.grad(found.sum(), point)
        return gradient, found.detach()

    def _note(self, points: Tensor, margins: Tensor) -> None:
        best, which = margins.reshape(-1, self.restarts).max(dim=1)
        nearer = best > self.nearest
        rows = torch.arange(len(best)) * self.restarts + which
        self.nearest = torch.where(nearer, best, self.nearest)
        self.points[nearer] = points[rows[nearer]]


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other class is ahead."""
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return others.amax(1) - logits.gather(1, labels[:, None])[:, 0]


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each sample."""
    return nn.functional.cross_entropy(logits, labels, reduction="none")


def random_points(search: Search) -> None:
    """A random point of the sphere."""
    search.look(search.start())


def uphill(search: Search, value: Value, steps: int) -> None:
    """Steps of the ball's size along the gradient of a value."""
    d = search.start()
    for _ in range(steps):
        gradient, _ = search.look(d, value)
        d = search.within(d + search.within(gradient, onto=True))
    search.look(d)


def targeted(search: Search) -> None:
    """Ascent of the margin of one class, drawn at random, over the right one."""
    target = torch.randint_like(search.labels, 10)[:, None]

    def ahead(logits: Tensor, own: Tensor) -> Tensor:
        return (logits.gather(1, target) - logits.gather(1, own[:, None]))[:, 0]

    uphill(search, ahead, STEPS)


def linearized(search: Search) -> None:
    """To where the linearized margin vanishes, and a little beyond."""
    d = 0.1 * search.start()
    for _ in range(STEPS):
        g, value = search.look(d, margin)
        square = g.flatten(1).square().sum(1).clamp_min(1e-30)
        d = search.within(d - 1.02 * (value / square).reshape(-1, 1, 1, 1) * g)
    search.look(d)


ATTACKS: dict[str, Callable[[Search], None]] = {
    "random": random_points,
    "one step": lambda search: uphill(search, margin, 1),
    "loss": lambda search: uphill(search, loss, STEPS),
    "margins": targeted,
    "linearized": linearized,
}


def attacked(
    rough: nn.Module,
    exact: nn.Module,
    x: Tensor,
    labels: Tensor,
    radius: Tensor,
    norm: Norm,
    restarts: int,
) -> Tensor:
    """The share of its lead that each right class loses at most; above 1 another has it."""
    lead = -margin(exact(x), labels)
    worst = torch.zeros_like(lead)
    for attack in ATTACKS.values():
        search = Search(rough, x.float(), labels, radius.float(), norm, restarts)
        attack(search)
        # rounding of the point must not take it out of its ball
        d = search.points.double() - x
        size = d.flatten(1).norm(dim=1) if norm == "l2" else d.flatten(1).abs().amax(1)
        d = d * (radius * (1 - 1e-6) / size.clamp_min(1e-30)).clamp_max(1.0).reshape(-1, 1, 1, 1)
        worst = torch.maximum(worst, 1 + margin(exact(x + d), labels) / lead)
    return worst


def rows_of(name: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What came out for a model, in each norm."""
    data = load_digits()
    x = torch.cat((data.test_x, data.train_x))[: options.samples].double()
    torch.manual_seed(0)
    model = MODELS[name]()
    if options.digits:
        learn(model, data.train_x, data.train_y)
    rough, exact = solved(model, torch.float32, 1e-3), solved(model, torch.float64, 1e-7)
    labels = exact(x).argmax(1)
    found = sknn.certify_robustness(exact, x, labels)
    radii: dict[Norm, Tensor] = {"l2": found.l2, "linf": found.linf}
    for norm, radius in radii.items():
        chunks = zip(*(each.split(CHUNK) for each in (x, labels, radius)), strict=True)
        lost: list[float] = []
        for i, chunk in enumerate(chunks):
            file = None
            if options.parts:
                kind = "digits" if options.digits else "random"
                parts = name, kind, norm, options.restarts, i, len(chunk[0])
                file = options.parts / ("-".join(map(str, parts)).replace(" ", "_") + ".json")
            if file and file.exists():
                lost += json.loads(file.read_text())
                continue
            torch.manual_seed(i)
            shares = attacked(rough, exact, *chunk, norm, options.restarts).tolist()
            lost += shares
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(shares))
        yield {
            "model": name,
            "norm": norm,
            "radii": len(lost),
            "median radius": f"{float(radius.median()):.4f}",
            "over product": f"{float((found.l2 / found.simple).median()):.2f}",
            "lost": f"{statistics.median(lost):.2f}",
            "at most": f"{max(lost):.3f}",
            "broken": sum(share >= 1 for share in lost),
        }


def main() -> None:
    """Print a row for each model and norm."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--digits", action="store_true", help="train for two epochs first")
    parser.add_argument("--only", choices=MODELS, nargs="*", default=list(MODELS))
    parser.add_argument("--parts", type=Path, help="a folder that keeps what is done")
    options = parser.parse_args()
    heads = "model", "norm", "radii", "median radius", "over product", "lost", "at most", "broken"
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name in options.only:
        for row in rows_of(name, options):
            print("| " + " | ".join(str(row[each]) for each in heads) + " |", flush=True)


def learn(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Two epochs of Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(2):
        for chosen in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()


if __name__ == "__main__":
    main()
