"""CIFAR-10, binary version: 32 × 32 colour images of ten kinds, 50,000 to train on, 10,000 to test.

Six files of equally many records: a label byte, then 3,072 pixel bytes, channel by channel and row
by row. The Python version of the data set, which is pickled, is not read.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splitkit_nn.data.dataset import Dataset, Normalization
from splitkit_nn.data.download import Source
from splitkit_nn.data.files import as_labels, find_file

NORMALIZATION = Normalization(
    mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), scale=255
)
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
CLASSES = 10

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"

SOURCE = Source(
    url="https://www.cs.toronto.edu/~kriz/",
    files={ARCHIVE: "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
)

Batches = Mapping[str, NDArray[np.uint8]]


def load_cifar10(directory: str | Path) -> Dataset:
    """Read CIFAR-10 from its six files or from the archive with them.

    Parameters
    ----------
    directory : str or Path
        Holds ``data_batch_1.bin`` … ``data_batch_5.bin`` and ``test_batch.bin``, or a folder
        ``cifar-10-batches-bin`` with them, or ``cifar-10-binary.tar.gz``; or is that archive.

    Returns
    -------
    Dataset
        Images of shape (samples, 3, 32, 32), uint8, on the CPU.

    Raises
    ------
    FileNotFoundError
        The directory or one of the files is missing.
    ValueError
        The archive is damaged, a file is not made of whole records or has fewer than the others,
        or a label is not in 0 … 9.
    """
    path = Path(directory)
    names = (TRAIN[0], ARCHIVE)
    first = path
    if not path.is_file():
        what = f"CIFAR-10's binary version, six .bin files or {ARCHIVE},"
        first = find_file(path, names, folder=FOLDER, what=what)
    unpacked = first.name == TRAIN[0]
    batches = _read_folder(first.parent) if unpacked else _read_archive(first)
    where = first.parent if unpacked else first
    _check_sizes(where, batches)
    return Dataset(
        name=f"CIFAR-10 in {where}",
        train_x=torch.cat([_images(batches[name]) for name in TRAIN]),
        train_y=torch.cat([_labels(where / name, batches[name]) for name in TRAIN]),
        test_x=_images(batches[TEST]),
        test_y=_labels(where / TEST, batches[TEST]),
        classes=CLASSES,
        normalization=NORMALIZATION,
    )


def _read_folder(folder: Path) -> Batches:
    missing = [name for name in (*TRAIN, TEST) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; unpack the archive again")
    return {name: _records(folder / name, (folder / name).read_bytes()) for name in (*TRAIN, TEST)}


def _read_archive(path: Path) -> Batches:
    """The six files of the archive, read in place: nothing is unpacked."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            contents = {
                Path(member.name).name: archive.extractfile(member).read()  # type: ignore[union-attr]
                for member in archive
                if member.isfile()
            }
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{path}: found a broken archive ({error}), expected CIFAR-10's binary version; "
            "download it again"
        ) from error
    missing = [name for name in (*TRAIN, TEST) if name not in contents]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}: give the binary version of CIFAR-10, {ARCHIVE}"
        )
    return {name: _records(path / name, contents[name]) for name in (*TRAIN, TEST)}


def _records(path: Path, content: bytes) -> NDArray[np.uint8]:
    samples, rest = divmod(len(content), RECORD)
    if rest or not samples:
        raise ValueError(
            f"{path}: found {len(content)} bytes, expected records of {RECORD}; "
            "the file is truncated or not CIFAR-10's: download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(samples, RECORD)


def _check_sizes(where: Path, batches: Batches) -> None:
    """A file that was cut between two records has fewer than the others."""
    largest = max(len(batch) for batch in batches.values())
    for name, batch in batches.items():
        if len(batch) != largest:
            raise ValueError(
                f"{where / name}: found {len(batch)} records, expected {largest} as in the other "
                "files; the file is truncated: download it again"
            )


def _images(batch: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(batch[:, 1:].reshape(-1, *SHAPE).copy())


def _labels(path: Path, batch: NDArray[np.uint8]) -> Tensor:
    return as_labels(path, batch[:, 0], CLASSES)
