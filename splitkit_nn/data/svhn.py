"""SVHN, cropped digits: 32 × 32 house numbers in colour, 73,257 to train on, 26,032 to test.

Two MATLAB files, each with X of shape (32, 32, 3, samples) and y of shape (samples, 1), where the
digit 0 has the label 10.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from splitkit_nn.data.dataset import Dataset, Normalization
from splitkit_nn.data.download import Source
from splitkit_nn.data.files import CHUNK, as_labels, fault, find_file

NORMALIZATION = Normalization(
    mean=(0.4377, 0.4438, 0.4728), std=(0.1980, 0.2010, 0.1970), scale=255
)
SHAPE = (32, 32, 3)
CLASSES = 10
LARGEST = 1_000_000  # images of a file; more are not read
COMPRESSED = 15  # kind of an element of a MATLAB file

SOURCE = Source(
    url="http://ufldl.stanford.edu/housenumbers/",
    files={
        "train_32x32.mat": (
            "sha256:435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"
        ),
        "test_32x32.mat": (
            "sha256:cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"
        ),
    },
)


def load_svhn(directory: str | Path) -> Dataset:
    """Read SVHN's cropped digits from a directory, or its folder ``svhn``, with the two files.

    Parameters
    ----------
    directory : str or Path
        Holds ``train_32x32.mat`` and ``test_32x32.mat``.

    Returns
    -------
    Dataset
        Images of shape (samples, 3, 32, 32), uint8, on the CPU; the label of the digit 0 is 0.

    Raises
    ------
    FileNotFoundError
        The directory or one of the files is missing.
    ValueError
        A file is not such a MATLAB file, or a label is not in 1 … 10.
    """
    directory = Path(directory)
    train_x, train_y = _read(directory, "train_32x32.mat")
    test_x, test_y = _read(directory, "test_32x32.mat")
    return Dataset(
        name=f"SVHN in {directory}",
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=CLASSES,
        normalization=NORMALIZATION,
    )


def _read(directory: Path, name: str) -> tuple[Tensor, Tensor]:
    # Imported here, since it takes a while that no other data set should pay.
    from scipy.io import loadmat, whosmat

    path = find_file(
        directory, [name], folder="svhn", what="SVHN's cropped digits, two .mat files,"
    )
    try:
        promised = {name: shape for name, shape, _ in whosmat(path)}
        if math.prod(promised.get("X", ())) > LARGEST * math.prod(SHAPE):
            raise ValueError(f"X of shape {promised['X']}, more than {LARGEST} images")
        if math.prod(promised.get("y", ())) > LARGEST:
            raise ValueError(f"y of shape {promised['y']}, more than {LARGEST} labels")
        entries = math.prod(promised.get("X", ())) + 8 * math.prod(promised.get("y", ()))
        _check_packed(path, entries + CHUNK)
        content = loadmat(path, variable_names=["X", "y"])
    except Exception as error:  # SciPy's reader fails on foreign bytes in a dozen ways
        raise _fault(path, f"no readable MATLAB file ({error})") from error
    missing = {"X", "y"} - content.keys()
    if missing:
        raise _fault(path, f"no variable {' nor '.join(sorted(missing))}")
    images, labels = np.asarray(content["X"]), np.asarray(content["y"]).ravel()
    if images.ndim != 4 or images.shape[:3] != SHAPE or images.dtype != np.uint8:
        raise _fault(path, f"X of shape {images.shape} and type {images.dtype}")
    if labels.dtype.kind not in "iu" or not np.all((1 <= labels) & (labels <= CLASSES)):
        raise _fault(path, f"labels y between {labels.min()} and {labels.max()}")
    ordered = np.ascontiguousarray(images.transpose(3, 2, 0, 1))
    return torch.from_numpy(ordered), as_labels(path, labels % CLASSES, CLASSES)


def _check_packed(path: Path, most: int) -> None:
    """Raise ValueError if what is packed in a MATLAB file is larger than its headers promise."""
    with path.open("rb") as file:
        order = "<" if file.read(128).endswith(b"IM") else ">"
        while len(tag := file.read(8)) == 8:
            kind, left = struct.unpack(f"{order}2I", tag)
            if kind != COMPRESSED:
                file.seek(left, 1)
                continue
            packed = zlib.decompressobj()
            while left and (chunk := file.read(min(left, CHUNK))):
                left -= len(chunk)
                while chunk and not packed.eof:
                    most -= len(packed.decompress(chunk, CHUNK))
                    chunk = packed.unconsumed_tail
                    if most < 0:
                        raise ValueError("more is packed in it than its headers promise")


def _fault(path: Path, found: str) -> ValueError:
    expected = f"X, uint8, of shape {SHAPE} and samples, with labels y in 1 … {CLASSES}"
    return fault(path, found, expected, "SVHN's cropped digits")
