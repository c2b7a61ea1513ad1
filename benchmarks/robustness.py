"""Certified radii under attack, and how much each way to bound a network's constants gives.

    python benchmarks/robustness.py [--samples 32] [--restarts 100] [--digits]

For each model and norm, five attacks from so many random points of each certified ball: the points
themselves; one step along the gradient; ascent of the loss; ascent of the margin of each other
class; and steps to where the model's linearization changes the class (Moosavi-Dezfooli, Fawzi,
Frossard 2016), kept in the ball. "broken" are radii within which a class changed: 0, or a bound is
false. Beside them the median radius over that by the product ‖W_o‖‖U‖/m of norms. ``--digits``
trains each classifier on scikit-learn's digits for two epochs first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

import splitkit_nn as sknn
from splitkit_nn.certify.robustness import Norm
from splitkit_nn.data import load_digits

STEPS = 8
SIDE = 8
Attack = Callable[[nn.Module, Tensor, Tensor, Tensor, Norm], Iterator[Tensor]]


def seen(m: nn.Module) -> nn.Module:
    """A model in float64 whose equilibria are exact."""
    for each in m.double().eval().modules():
        if isinstance(each, sknn.MonDEQ):
            each.tol, each.max_iter = 1e-7, 10_000
    return m


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


def within(d: Tensor, radius: Tensor, norm: Norm, *, onto: bool = False) -> Tensor:
    """d in its ball; ``onto``: on the sphere."""
    radius = radius.reshape(-1, 1, 1, 1)
    if norm == "linf":
        return radius * d.sign() if onto else torch.clamp(d, -radius, radius)
    share = radius / d.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(radius.shape)
    return d * (share if onto else share.clamp_max(1.0))


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other class is ahead."""
    others = logits.scatter(1, labels[:, None], -torch.inf)
    return others.amax(1) - logits.gather(1, labels[:, None])[:, 0]


def slope(model: nn.Module, x: Tensor, value: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """The gradient in x of a value of the logits for each sample, and that value."""
    x = x.detach().requires_grad_()
    found = value(model(x))
    (gradient,) = torch.autograd.grad(found.sum(), x)
    return gradient, found.detach()


def uphill(value: Callable[[Tensor, Tensor], Tensor], steps: int) -> Attack:
    """Steps of the ball's size along the gradient of a value of (logits, labels)."""

    def attack(
        model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm
    ) -> Iterator[Tensor]:
        d = within(torch.randn_like(x), radius, norm, onto=True)
        for _ in range(steps):
            g, _ = slope(model, x + d, lambda logits: value(logits, labels))
            d = within(d + within(g, radius, norm, onto=True), radius, norm)
            yield d

    return attack


def random_points(
    model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm
) -> Iterator[Tensor]:
    """A random point of the sphere."""
    yield within(torch.randn_like(x), radius, norm, onto=True)


def linearized(
    model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm
) -> Iterator[Tensor]:
    """To where the linearized margin vanishes, and a little beyond."""
    d = 0.1 * within(torch.randn_like(x), radius, norm, onto=True)
    for _ in range(STEPS):
        g, value = slope(model, x + d, lambda logits: margin(logits, labels))
        square = g.flatten(1).square().sum(1).clamp_min(1e-30)
        d = within(d - 1.02 * (value / square).reshape(-1, 1, 1, 1) * g, radius, norm)
        yield d


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of each sample."""
    return nn.functional.cross_entropy(logits, labels, reduction="none")


def targeted(
    model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm
) -> Iterator[Tensor]:
    """Ascent of the margin of one class, drawn at random, over the right one."""
    target = torch.randint_like(labels, 10)[:, None]

    def ahead(logits: Tensor, own: Tensor) -> Tensor:
        return (logits.gather(1, target) - logits.gather(1, own[:, None]))[:, 0]

    yield from uphill(ahead, STEPS)(model, x, labels, radius, norm)


ATTACKS: dict[str, Attack] = {
    "random": random_points,
    "one step": uphill(margin, 1),
    "loss": uphill(loss, STEPS),
    "margins": targeted,
    "linearized": linearized,
}


def broken(
    model: nn.Module, x: Tensor, labels: Tensor, radius: Tensor, norm: Norm, restarts: int
) -> int:
    """How many radii an attack breaks."""
    x, labels, radius = (each.repeat_interleave(restarts, 0) for each in (x, labels, radius))
    hit = torch.zeros(len(x), dtype=torch.bool)
    for attack in ATTACKS.values():
        for d in attack(model, x, labels, radius * (1 - 1e-6), norm):
            with torch.no_grad():
                hit |= model(x + d).argmax(1) != labels
    return int(hit.reshape(-1, restarts).any(dim=1).sum())


def main() -> None:
    """Print a row for each model and norm."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--restarts", type=int, default=100)
    parser.add_argument("--digits", action="store_true", help="train for two epochs first")
    options = parser.parse_args()
    data = load_digits()
    x = data.test_x[: options.samples].double()
    heads = f"{'model':<18}{'norm':<6}{'radii':>6}{'median radius':>15}"
    print(f"{heads}{'over product':>14}{'broken':>8}")
    for name, build in MODELS.items():
        torch.manual_seed(0)
        model = build()
        if options.digits:
            learn(model, data.train_x, data.train_y)
        seen(model)
        with torch.no_grad():
            labels = model(x).argmax(1)
        found = sknn.certify_robustness(model, x, labels)
        radii: dict[Norm, Tensor] = {"l2": found.l2, "linf": found.linf}
        for norm, radius in radii.items():
            ratio = float((found.l2 / found.simple).median())
            count = broken(model, x, labels, radius, norm, options.restarts)
            ahead = f"{ratio:>14.2f}" if norm == "l2" else f"{'':>14}"
            print(
                f"{name:<18}{norm:<6}{len(x):>6}{float(radius.median()):>15.4f}{ahead}{count:>8}",
                flush=True,
            )


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
