"""Loading for the recipes whose data lies in the directory that --data names."""

from __future__ import annotations

from pathlib import Path

from splitkit_nn.data import Dataset, load_cifar10, load_mnist, load_svhn


def mnist(directory: Path | None) -> Dataset:
    """Load MNIST from the directory with its IDX files."""
    return load_mnist(_given(directory, "MNIST's four IDX files"))


def cifar10(directory: Path | None) -> Dataset:
    """Load CIFAR-10 from the directory with its binary version."""
    return load_cifar10(_given(directory, "CIFAR-10's binary version"))


def svhn(directory: Path | None) -> Dataset:
    """Load SVHN from the directory with its cropped digits."""
    return load_svhn(_given(directory, "SVHN's two .mat files of cropped digits"))


def _given(directory: Path | None, what: str) -> Path:
    if directory is None:
        raise ValueError(f"this recipe reads {what}: give their directory with --data DIR")
    return directory
