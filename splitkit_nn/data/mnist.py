"""MNIST from its four IDX files: 28 × 28 handwritten digits, 60,000 to train on, 10,000 to test."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from splitkit_nn.data.dataset import Dataset, Normalization
from splitkit_nn.data.download import Source
from splitkit_nn.data.files import as_labels, fault, find_file
from splitkit_nn.data.idx import read_idx

NORMALIZATION = Normalization(mean=(0.1307,), std=(0.3081,), scale=255)
SIDE = 28
CLASSES = 10
LARGEST = 500_000  # images of a file, as of larger sets of digits; more are not read

SOURCE = Source(
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    files={
        "train-images-idx3-ubyte.gz": (
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
)


def load_mnist(directory: str | Path) -> Dataset:
    """Read MNIST from a directory with its four files, or with a folder ``mnist`` that has them.

    Parameters
    ----------
    directory : str or Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
        and ``t10k-labels-idx1-ubyte``; with a dot in place of the last hyphen but one
        (``train-images.idx3-ubyte``) and with ``.gz`` they are found as well.

    Returns
    -------
    Dataset
        Images of shape (samples, 1, 28, 28), uint8, on the CPU, to be normalized to
        (pixel/255 − 0.1307)/0.3081.

    Raises
    ------
    FileNotFoundError
        The directory or one of the files is missing.
    ValueError
        A file is not IDX, images are not 28 × 28, images and labels differ in number, or a label
        is not in 0 … 9.
    """
    directory = Path(directory)
    return Dataset(
        name=f"MNIST in {directory}",
        train_x=_read_images(directory, "train"),
        train_y=_read_labels(directory, "train"),
        test_x=_read_images(directory, "t10k"),
        test_y=_read_labels(directory, "t10k"),
        classes=CLASSES,
        normalization=NORMALIZATION,
    )


def _read_images(directory: Path, part: str) -> Tensor:
    path = _find(directory, f"{part}-images", "idx3-ubyte")
    pixels = read_idx(path, LARGEST * SIDE**2)
    if pixels.ndim != 3 or pixels.shape[1:] != (SIDE, SIDE):
        raise fault(path, f"shape {pixels.shape}", f"(samples, {SIDE}, {SIDE})", "MNIST's")
    return torch.from_numpy(pixels).unsqueeze(1)


def _read_labels(directory: Path, part: str) -> Tensor:
    path = _find(directory, f"{part}-labels", "idx1-ubyte")
    labels = read_idx(path, LARGEST)
    if labels.ndim != 1:
        raise fault(path, f"shape {labels.shape}", "(samples,)", "MNIST's")
    return as_labels(path, labels, CLASSES)


def _find(directory: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz")]
    return find_file(directory, names, folder="mnist", what="MNIST's four IDX files")
