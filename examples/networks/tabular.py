"""An equilibrium network on a table: wine cultivars from 13 measurements, with plain torch."""

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

import splitkit_nn as sknn


def main() -> dict[str, float]:
    """Train, report; return the accuracies."""
    torch.manual_seed(0)
    table, cultivars = load_wine(return_X_y=True)
    x, y = torch.tensor(table, dtype=torch.float32), torch.tensor(cultivars)
    train, test = train_test_split(range(len(y)), test_size=0.3, stratify=y, random_state=0)
    x = (x - x[train].mean(0)) / x[train].std(0)  # by the training rows alone

    layer = sknn.MonDEQ(sknn.MonotoneDense(in_features=13, features=32), "relu")
    model = nn.Sequential(layer, nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x[train]), y[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        right = model(x).argmax(1) == y
    solve = layer.last_solve.forward
    print(f"loss {loss:.4f}, {solve.iterations} iterations, error at most {solve.error_bound:.0e}")
    parts = {"train": train, "test": test}
    return {name: float(right[rows].float().mean()) for name, rows in parts.items()}


if __name__ == "__main__":
    print(main())
