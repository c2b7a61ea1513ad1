"""IDX, the file format of MNIST: two zero bytes, a type code, the rank, the sizes, the values.

Sizes are big-endian 32-bit integers and the values follow in row-major order, up to the end of
the file exactly. Only unsigned bytes (type code 0x08), MNIST's own type, are read here.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splitkit_nn.data.files import fault

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
LARGEST = 2**31  # bytes; a header that promises more is not believed


def read_idx(path: str | Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzip-compressed.

    Parameters
    ----------
    path : str or Path
        The file. Compression is recognized by content, so the name does not matter.

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
    data = _read_bytes(path)
    shape, start = _parse_header(path, data)
    expected, found = math.prod(shape), len(data) - start
    if found != expected:
        trouble = "truncated" if found < expected else "followed by trailing garbage"
        raise _fault(
            path, f"{found} bytes of values ({trouble})", f"{expected} for its shape {shape}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def _read_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(GZIP_MAGIC) and path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _fault(path, f"broken gzip ({error})", "a whole gzip file") from error


def _parse_header(path: Path, data: bytes) -> tuple[tuple[int, ...], int]:
    """The shape that the header states, and where the values begin."""
    if len(data) < 4:
        raise _fault(path, f"{len(data)} bytes", "an IDX header of at least 4")
    magic, code, rank = struct.unpack_from(">HBB", data)
    if magic != 0:
        raise _fault(path, f"first bytes {data[:2].hex(' ')}", "00 00, the magic number of IDX")
    if code != UNSIGNED_BYTE:
        raise _fault(path, f"type code 0x{code:02x}", "0x08, unsigned bytes")
    start = 4 + 4 * rank
    if rank == 0 or len(data) < start:
        raise _fault(
            path, f"{len(data)} bytes with {rank} dimensions", "a header with every dimension"
        )
    shape = struct.unpack_from(f">{rank}I", data, 4)
    if math.prod(shape) > LARGEST:
        raise _fault(path, f"absurd dimensions {shape}", f"at most {LARGEST} values")
    return shape, start


def _fault(path: Path, found: str, expected: str) -> ValueError:
    return fault(path, found, expected, "IDX data")
