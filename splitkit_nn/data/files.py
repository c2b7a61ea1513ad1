"""What the readers of files share: where a file is looked for, how much of it is read, and how a
damaged one is told.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BROKEN_GZIP = (OSError, EOFError, zlib.error)
CHUNK = 2**20


def find_file(directory: Path, names: Sequence[str], *, folder: str, what: str) -> Path:
    """The first of ``names`` that is a file in ``directory`` or in its ``folder``.

    Raises
    ------
    FileNotFoundError
        None is; the message names all of them and ``what`` belongs there.
    """
    if not directory.is_dir():
        raise FileNotFoundError(
            f"{directory} is no directory; give the one that holds {what} or add --download"
        )
    for place in (directory, directory / folder):
        for name in names:
            if (place / name).is_file():
                return place / name
    raise FileNotFoundError(
        f"{directory} holds none of {', '.join(names)}, nor does its {folder}; put {what} there, "
        "name the directory that has them, or let --download fetch them"
    )


def read_at_most(file: IO[bytes], count: int) -> bytearray:
    """The next bytes, as many as there are: what is not there takes no memory."""
    found = bytearray()
    while len(found) < count and (chunk := file.read(min(count - len(found), CHUNK))):
        found += chunk
    return found


def as_labels(path: Path, labels: NDArray[np.integer], classes: int) -> Tensor:
    """Labels read from ``path`` as int64; ValueError unless each is in 0 … classes − 1."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise fault(path, f"label {wrong[0]}", f"0 … {classes - 1}", "of this data set")
    return torch.from_numpy(labels.astype(np.int64))


def fault(path: Path, found: str, expected: str, kind: str) -> ValueError:
    """The error that a file is not what it should be, of that kind."""
    return ValueError(
        f"{path}: found {found}, expected {expected}; the file is damaged or not {kind}: download "
        "it again"
    )
