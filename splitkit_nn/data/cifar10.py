"""CIFAR-10, binary version: 32 × 32 colour images of ten kinds, 50,000 to train on, 10,000 to test.

Six files of equally many records: a label byte, then 3,072 pixel bytes, channel by channel and row
by row. The Python version of the data set, which is pickled, is not read.
"""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import IO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from splitkit_nn.data.dataset import Dataset, Normalization
from splitkit_nn.data.download import Source
from splitkit_nn.data.files import (
    as_labels,
    fault,
    find_file,
    read_at_most,
)

NORMALIZATION = Normalization(
    mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616), scale=255
)
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
CLASSES = 10
LARGEST = 10_000  # records of a file; more are not read
BESIDE = 2**20  # bytes of the archive that are of none of the files

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"

SOURCE = Source(
    url="https://www.cs.toronto.edu/~kriz/",
    files={ARCHIVE: "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
)


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
    if not path.is_file():
        what = f"CIFAR-10's binary version, six .bin files or {ARCHIVE},"
        path = find_file(path, (TRAIN[0], ARCHIVE), folder=FOLDER, what=what)
    where = path.parent if path.name == TRAIN[0] else path
    batches = _read(where)
    return Dataset(
        name=f"CIFAR-10 in {where}",
        train_x=torch.cat([_images(batches[name]) for name in TRAIN]),
        train_y=torch.cat([_labels(where / name, batches[name]) for name in TRAIN]),
        test_x=_images(batches[TEST]),
        test_y=_labels(where / TEST, batches[TEST]),
        classes=CLASSES,
        normalization=NORMALIZATION,
    )


def _read(where: Path) -> dict[str, NDArray[np.uint8]]:
    """The records of the six files, each in a folder or in the archive."""
    packed = where.is_file()
    contents = _unpacked(where) if packed else _in_folder(where)
    missing = ", ".join(name for name in (*TRAIN, TEST) if name not in contents)
    if missing and packed:
        raise ValueError(f"{where} lacks {missing}: give the binary version of CIFAR-10, {ARCHIVE}")
    if missing:
        raise FileNotFoundError(f"{where} lacks {missing}; unpack the archive again")
    batches = {}
    for name in (*TRAIN, TEST):
        samples, rest = divmod(len(contents[name]), RECORD)
        if rest or not samples:
            found, expected = f"{len(contents[name])} bytes", f"records of {RECORD}"
            raise fault(where / name, found, expected, "CIFAR-10's")
        batches[name] = np.frombuffer(contents[name], np.uint8).reshape(samples, RECORD)
    # a file that was cut between two records has fewer than the others
    largest = max(map(len, batches.values()))
    for name, batch in batches.items():
        if len(batch) != largest:
            found, expected = f"{len(batch)} records", f"{largest} as in the other files"
            raise fault(where / name, found, expected, "CIFAR-10's")
    return batches


def _in_folder(where: Path) -> dict[str, bytearray]:
    """The files of a folder by name."""
    contents: dict[str, bytearray] = {}
    for path in (where / name for name in (*TRAIN, TEST)):
        if path.is_file():
            size = path.stat().st_size
            if size > LARGEST * RECORD:
                raise fault(path, f"{size} bytes", _at_most(), "CIFAR-10's")
            with path.open("rb") as file:
                contents[path.name] = read_at_most(file, size)
    return contents


def _unpacked(path: Path) -> dict[str, bytearray]:
    """The files of the archive by name, read in place, and the whole archive by its checksum:
    nothing is unpacked, and nothing else in it is kept.
    """
    contents = {}
    try:
        with gzip.open(path) as file:
            stream = _Bounded(file)
            with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as archive:
                for member in archive:
                    name = Path(member.name).name
                    if not member.isreg() or name not in (*TRAIN, TEST) or name in contents:
                        continue
                    if member.size > LARGEST * RECORD:
                        raise tarfile.TarError(f"{member.size} bytes of {name}, {_at_most()}")
                    stream.end += member.size
                    part = archive.extractfile(member)
                    assert part is not None  # it is regular
                    contents[name] = read_at_most(part, member.size)
            # what is left are zeros, and the checksum, which is compared at the end
            while stream.read(tarfile.RECORDSIZE):
                pass
    except Exception as error:  # foreign bytes fail in a dozen ways
        found = f"a broken archive ({error})"
        raise fault(path, found, "CIFAR-10's binary version", "its archive") from error
    return contents


class _Bounded:
    """A packed file of which nothing behind ``end`` is unpacked, whatever the headers in it say."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self.end = file, BESIDE

    def read(self, size: int) -> bytes:
        self._check(self.tell() + size)
        return self._file.read(size)

    def seek(self, position: int) -> int:
        self._check(position)
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def _check(self, position: int) -> None:
        if position > self.end:
            raise tarfile.TarError(f"more than {BESIDE} bytes beside CIFAR-10's files")


def _at_most() -> str:
    return f"at most {LARGEST} records of {RECORD}"


def _images(batch: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(batch[:, 1:].reshape(-1, *SHAPE).copy())


def _labels(path: Path, batch: NDArray[np.uint8]) -> Tensor:
    return as_labels(path, batch[:, 0], CLASSES)
