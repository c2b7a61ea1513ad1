"""An equilibrium layer as a block of a residual network, trained on 8 × 8 digits in plain torch.

A residual block computes x + f(x) once; here one block is the point z with z = σ(Wz + Ux + b), as
if it had been repeated for ever. It is a ``torch.nn.Module`` as any other: it stands in
``Sequential``, and an optimizer trains it. That z is the equilibrium is checked in float64.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from pictures import run, save
from sklearn.datasets import load_digits
from torch import nn

import splitkit_nn as sknn

CHANNELS, EPOCHS, TESTED = 8, 4, 397


class Residual(nn.Module):
    """x + f(x) of two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        convolution = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.f = nn.Sequential(convolution, nn.ReLU(), nn.Conv2d(CHANNELS, CHANNELS, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.f(x)


def main(picture: str | Path | None = None) -> dict[str, float]:
    """Train, draw; return by how much z differs from σ(Wz + Ux + b), relatively."""
    torch.manual_seed(0)
    digits = load_digits()
    x, y = torch.tensor(digits.images).float()[:, None] / 16, torch.tensor(digits.target)
    equilibrium = sknn.MonDEQ(sknn.MonotoneConv2d(CHANNELS, CHANNELS, side=8), "relu", tol=1e-2)
    model = nn.Sequential(
        nn.Conv2d(1, CHANNELS, 3, padding=1), Residual(), equilibrium, nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(CHANNELS * 5 * 5, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses, iterations = [], []
    for _ in range(EPOCHS):
        for batch in (TESTED + torch.randperm(len(x) - TESTED)).split(64):
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            iterations.append(equilibrium.last_solve.forward.iterations)

    model.eval().requires_grad_(False)
    accuracy = float((model(x[:TESTED]).argmax(1) == y[:TESTED]).float().mean())
    model.double()
    equilibrium.tol = 1e-10
    given = model[:2](x[:20].double())
    z = equilibrium(given)
    W, bias = equilibrium.parametrization(given)
    sigma = equilibrium.parametrization.confine(equilibrium.activation)  # 0 beyond the border
    again = sigma(equilibrium.parametrization.multiply(W, z) + bias)

    solve = equilibrium.last_solve.forward
    done = "met the tolerance" if solve.converged else solve.status
    print(f"{solve.method} {done} after {solve.iterations} iterations")
    print(f"test accuracy {accuracy:.1%} after {EPOCHS} epochs")
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, name, values in zip(figure.subplots(1, 2), ("loss", "iterations of the equilibrium"),
                                  (losses, iterations), strict=True):  # fmt: skip
        axes.plot(values)
        axes.set(title=name, xlabel="training step")
    save(figure, "resnet", picture)
    return {"equilibrium": float((again - z).norm() / z.norm())}


if __name__ == "__main__":
    run(main, __doc__)
