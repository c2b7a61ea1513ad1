"""A monotone equilibrium network on 8 × 8 digits: z = σ(Wz + Ux + b), and a linear head on z.

W = (1 − m)I − AᵀA + B − Bᵀ makes the equilibrium exist, unique, for all A and B, so that an
optimizer moves them freely; gradients are those of the equilibrium, whatever steps found it. That z
is the equilibrium is checked in float64, and the certified error against the true one.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import load_digits

import splitkit_nn as sknn

EPOCHS, TESTED, SHOWN = 5, 397, 12


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Train, test, draw; return by how much z misses its equation, and the bound its error."""
    digits = load_digits()
    images, labels = torch.tensor(digits.images).float() / 16, torch.tensor(digits.target)
    x, y, seen = images[:TESTED], labels[:TESTED], range(TESTED, len(images))
    torch.manual_seed(0)
    model = sknn.DenseClassifier(64, 32, 10, m=1.0, tol=1e-3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    curve = []
    for _ in range(EPOCHS):
        for batch in (torch.randperm(len(seen)) + TESTED).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            curve.append(float((model(x).argmax(1) == y).double().mean()))

    found = model.eval().requires_grad_(False)(x).argmax(1)
    certificate = sknn.certify(model, x)
    layer = model.layer.double()
    layer.tol = 1e-12
    z = layer(x.double().flatten(1))
    W, bias = layer.parametrization(x.double().flatten(1))
    missed = z - layer.activation(z @ W.T + bias)
    solve = layer.last_solve.forward
    print(f"{solve.method} {'met the tolerance' if solve.converged else solve.status}")
    print(f"{curve[-1]:.1%} of {TESTED} test images right; {certificate.iterations} iterations")

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    grid = figure.add_gridspec(3, 8)
    wrong_first = (found == y).double().argsort(stable=True)[:SHOWN]
    for place, i in enumerate(wrong_first):
        axes = figure.add_subplot(grid[place // 4, place % 4])
        axes.imshow(x[i].numpy(), cmap="gray_r")
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"{found[i]}", color="C2" if found[i] == y[i] else "C3")
    axes = figure.add_subplot(grid[:, 4:])
    axes.plot(range(1, EPOCHS + 1), curve, "o-")
    axes.set(xlabel="epoch", ylabel="test accuracy", xticks=range(1, EPOCHS + 1))
    save(figure, "digits-mondeq", picture)
    return {"equilibrium": float(missed.abs().max()), "last solve": solve.error_bound}


if __name__ == "__main__":
    run(main, __doc__)
