"""Certified radii as a picture: how far each digit is from any image that the network, an
equilibrium layer with a linear head, classifies otherwise, at least.

The layer is Lipschitz with a constant that its strong monotonicity gives; the margin of the logits
by that constant is a radius. Random steps and steps along the gradient, as long as the radius, must
not change the class.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import load_digits

import splitkit_nn as sknn

EPOCHS, TESTED = 6, 100


def trained(x: torch.Tensor, y: torch.Tensor) -> sknn.DenseClassifier:
    """A small network that classifies these."""
    torch.manual_seed(0)
    model = sknn.DenseClassifier(64, 20, 10, tol=1e-3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Train, certify, attack, draw; return the share of radii that an attack has broken."""
    digits = load_digits()
    images, labels = torch.tensor(digits.images).float() / 16, torch.tensor(digits.target)
    model = trained(images[TESTED:], labels[TESTED:])
    model.layer.tol = 1e-6
    x, y = images[:TESTED], labels[:TESTED]
    found = sknn.certify_robustness(model, x, y, steps=20)
    radii = 0.999 * found.l2.float()[:, None, None]

    moved = x.clone().requires_grad_(True)
    torch.nn.functional.cross_entropy(model(moved), y).backward()
    steps = [moved.grad, *(torch.randn_like(x) for _ in range(20))]
    attacked = [x + radii * step / step.norm(dim=(1, 2), keepdim=True) for step in steps]
    broken = sum(int((model(each).argmax(1) != y)[found.correct].sum()) for each in attacked)

    solve = model.layer.last_solve.forward
    done = "met the tolerance" if solve.converged else solve.status
    print(f"{solve.method} {done} after {solve.iterations} iterations")
    print(f"{int(found.correct.sum())} of {TESTED} right, median radius {found.l2.median():.2f}")
    figure = Figure(figsize=(10, 4), layout="constrained")
    grid = figure.add_gridspec(2, 8)
    order = found.l2.argsort()
    order = order[found.correct[order]]
    for row, (chosen, what) in enumerate(((order[:4], "least"), (order[-4:], "greatest"))):
        for column, i in enumerate(chosen):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(x[i].numpy(), cmap="gray_r")
            axes.set(title=f"{what} {found.l2[i]:.2f}", xticks=[], yticks=[])
    axes = figure.add_subplot(grid[:, 4:])
    epsilon = torch.linspace(0, float(found.l2.max()), 100)
    axes.plot(epsilon, [found.accuracy(float(e)) for e in epsilon], label="certified")
    axes.plot(epsilon, [found.accuracy(float(e), "rule 2") for e in epsilon], label="margin/(2γ)")
    axes.set(xlabel="radius in ℓ₂", ylabel="accuracy")
    axes.legend()
    save(figure, "certified_radii", picture)
    return {"broken radii": broken / TESTED}


if __name__ == "__main__":
    run(main, __doc__)
