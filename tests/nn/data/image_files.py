"""Files in the layouts of CIFAR-10 and SVHN, made by hand, for tests."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from splitkit_nn.data.cifar10 import TEST, TRAIN


def bright_rows(samples: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Random images (samples, 3, 32, 32) in which a bright row tells the label."""
    labels = (np.arange(samples) % 10).astype(np.uint8)
    shape = (samples, 3, 32, 32)
    images = np.random.default_rng(seed).integers(0, 50, shape, dtype=np.uint8)
    images[np.arange(samples), :, 3 * labels] = 255
    return images, labels


def write_cifar10(folder: Path, *, records: int = 5) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate((*TRAIN, TEST)):
        images, labels = bright_rows(records, seed)
        content = np.concatenate([labels[:, None], images.reshape(records, -1)], axis=1)
        (folder / name).write_bytes(content.tobytes())


def write_svhn(folder: Path, *, train: int = 20, test: int = 10) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in (("train", train), ("test", test)):
        images, labels = bright_rows(samples, samples)
        named_ten = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        content = {"X": images.transpose(2, 3, 1, 0), "y": named_ten}
        savemat(folder / f"{name}_32x32.mat", content, do_compression=True)
