"""A convolutional equilibrium network on images, 8 × 8 digits, in batches and with its own head."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import splitkit_nn as sknn


def main(epochs: int = 3) -> dict[str, float]:
    """Train, report; return the accuracies."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    data = TensorDataset(images, torch.tensor(digits.target))
    train, test = torch.utils.data.random_split(data, [1400, 397])

    layer = sknn.MonDEQ(sknn.MonotoneConv2d(in_channels=1, channels=12, side=8), "relu", tol=1e-3)
    head = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12 * 5 * 5, 10))  # 8 + 2 border
    model = nn.Sequential(layer, head)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(epochs):
        for x, y in DataLoader(train, batch_size=64, shuffle=True):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        steps = layer.last_solve
        print(f"epoch {epoch + 1}: {loss:.3f}, {steps.forward.iterations} iterations forward")

    model.eval()
    with torch.no_grad():
        right = model(images).argmax(1) == data.tensors[1]
    parts = {"train": train, "test": test}
    return {name: float(right[part.indices].float().mean()) for name, part in parts.items()}


if __name__ == "__main__":
    print(main())
