"""IDX, the file format of MNIST: two zero bytes, a type code, the rank, the sizes, the values.

Sizes are big-endian 32-bit integers and the values follow in row-major order, up to the end of
the file exactly. Only unsigned bytes (type code 0x08), MNIST's own type, are read here, and no more
than the header promises.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from splitkit_nn.data.files import BROKEN_GZIP, fault, read_at_most

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
LARGEST = 2**31  # values


def read_idx(path: str | Path, largest: int = LARGEST) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzip-compressed.

    Parameters
    ----------
    path : str or Path
        The file. Compression is recognized by content, so the name does not matter.
    largest : int
        So many values: a header that promises more is not believed, and nothing behind it is read.

    Returns
    -------
    ndarray
        A new, writable uint8 array with the shape that the file's header states.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is not exactly one IDX array of unsigned bytes: it is truncated, goes on after
        its values, has another magic number, type code or impossible sizes, or is broken gzip.
    """
    path = Path(path)
    with path.open("rb") as file:
        packed = path.suffix == ".gz" or file.read(2) == GZIP_MAGIC
    with cast(IO[bytes], gzip.open(path) if packed else path.open("rb")) as file:
        try:
            shape, expected = _read_header(path, file, largest)
            data = read_at_most(file, expected)
            found = len(data) + (len(file.read(1)) if len(data) == expected else 0)
        except BROKEN_GZIP as error:
            raise _fault(path, f"broken gzip ({error})", "a whole gzip file") from error
    if found != expected:
        trouble = "truncated" if found < expected else "followed by trailing garbage"
        raise _fault(
            path, f"{found} bytes of values ({trouble})", f"{expected} for its shape {shape}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


def _read_header(path: Path, file: IO[bytes], largest: int) -> tuple[tuple[int, ...], int]:
    """The shape that the header states, and how many values follow it."""
    data = file.read(4)
    if len(data) < 4:
        raise _fault(path, f"{len(data)} bytes", "an IDX header of at least 4")
    magic, code, rank = struct.unpack(">HBB", data)
    if magic != 0:
        raise _fault(path, f"first bytes {data[:2].hex(' ')}", "00 00, the magic number of IDX")
    if code != UNSIGNED_BYTE:
        raise _fault(path, f"type code 0x{code:02x}", "0x08, unsigned bytes")
    sizes = file.read(4 * rank)
    if rank == 0 or len(sizes) < 4 * rank:
        raise _fault(
            path, f"{4 + len(sizes)} bytes with {rank} dimensions", "a header with every dimension"
        )
    shape = struct.unpack(f">{rank}I", sizes)
    if math.prod(shape) > largest:
        raise _fault(path, f"absurd dimensions {shape}", f"at most {largest} values")
    return shape, math.prod(shape)


def _fault(path: Path, found: str, expected: str) -> ValueError:
    return fault(path, found, expected, "IDX data")
