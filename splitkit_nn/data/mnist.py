"""MNIST from its four IDX files: 28 × 28 handwritten digits, 60,000 to train on, 10,000 to test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splitkit_nn.data.dataset import Dataset
from splitkit_nn.data.idx import read_idx

MEAN, STD = 0.1307, 0.3081  # of the training images' pixels in [0, 1]
SIDE = 28
CLASSES = 10


def load_mnist(directory: str | Path) -> Dataset:
    """Read MNIST from a directory with its four files.

    Parameters
    ----------
    directory : str or Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
        and ``t10k-labels-idx1-ubyte``; with a dot in place of the last hyphen but one
        (``train-images.idx3-ubyte``) and with ``.gz`` they are found as well.

    Returns
    -------
    Dataset
        Images of shape (samples, 1, 28, 28) as (pixel/255 − 0.1307)/0.3081, on the CPU.

    Raises
    ------
    FileNotFoundError
        The directory or one of the files is missing.
    ValueError
        A file is not IDX, images are not 28 × 28, images and labels differ in number, or a label
        is not in 0 … 9.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(
            f"{directory} is no directory; give the one that holds MNIST's four IDX files"
        )
    return Dataset(
        name=f"MNIST in {directory}",
        train_x=_read_images(directory, "train"),
        train_y=_read_labels(directory, "train"),
        test_x=_read_images(directory, "t10k"),
        test_y=_read_labels(directory, "t10k"),
        classes=CLASSES,
        scale=STD,
    )


def _read_images(directory: Path, part: str) -> Tensor:
    path = _find(directory, f"{part}-images", "idx3-ubyte")
    pixels = read_idx(path)
    if pixels.ndim != 3 or pixels.shape[1:] != (SIDE, SIDE):
        raise _foreign(path, pixels, f"(samples, {SIDE}, {SIDE})")
    images = torch.from_numpy(pixels).unsqueeze(1).to(torch.float32)
    return images.div_(255).sub_(MEAN).div_(STD)


def _read_labels(directory: Path, part: str) -> Tensor:
    path = _find(directory, f"{part}-labels", "idx1-ubyte")
    labels = read_idx(path)
    if labels.ndim != 1:
        raise _foreign(path, labels, "(samples,)")
    if labels.max(initial=0) >= CLASSES:
        raise ValueError(
            f"{path}: found label {labels.max()}, expected 0 … {CLASSES - 1}; "
            "the file is damaged or belongs to other data: download it again"
        )
    return torch.from_numpy(labels).to(torch.int64)


def _find(directory: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz")]
    for name in names:
        if (directory / name).is_file():
            return directory / name
    raise FileNotFoundError(
        f"{directory} holds none of {', '.join(names)}; "
        "put MNIST's four IDX files there, or name the directory that has them"
    )


def _foreign(path: Path, array: NDArray[np.uint8], expected: str) -> ValueError:
    return ValueError(
        f"{path}: found an array of shape {array.shape}, expected {expected}; "
        "this is not MNIST's file: download it again"
    )
