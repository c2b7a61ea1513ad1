"""An IDX file is read exactly, or refused by name with what was found and what was expected."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from splitkit_nn.data import read_idx
from tests.nn.data.idx_files import idx_bytes, write_idx

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = idx_bytes(VALUES)


@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a-idx3-ubyte.gz"])
@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 3, 4), (0, 5)])
def test_what_was_written_is_read(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_idx(tmp_path / name, array)
    found = read_idx(tmp_path / name)
    assert found.dtype == np.uint8
    assert found.shape == shape
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


def test_gzip_is_recognized_by_content(tmp_path: Path) -> None:
    (tmp_path / "a-idx3-ubyte").write_bytes(gzip.compress(WHOLE))
    np.testing.assert_array_equal(read_idx(tmp_path / "a-idx3-ubyte"), VALUES)


FAULTS = {
    "empty": (b"", "found 0 bytes"),
    "header cut in the magic": (WHOLE[:3], "found 3 bytes"),
    "header cut in the sizes": (WHOLE[:9], "9 bytes with 3 dimensions"),
    "no dimensions": (WHOLE[:3] + b"\x00", "0 dimensions"),
    "values cut": (WHOLE[:-1], r"found 23 bytes of values \(truncated\), expected 24"),
    "no values": (WHOLE[:16], "found 0 bytes of values"),
    "trailing garbage": (WHOLE + b"x", r"found 25 bytes of values \(followed by trailing garbage"),
    "foreign file": (b"<html>404 Not Found</html>", "first bytes 3c 68, expected 00 00"),
    "float values": (b"\x00\x00\x0d\x03" + WHOLE[4:], "type code 0x0d, expected 0x08"),
    "absurd sizes": (WHOLE[:4] + struct.pack(">3I", *[2**32 - 1] * 3), "absurd dimensions"),
    "gzip cut": (gzip.compress(WHOLE)[:-9], "broken gzip"),
    "gzip damaged": (gzip.compress(WHOLE)[:12] + b"\xff" * 30, "found (broken gzip|first bytes)"),
}


@pytest.mark.parametrize(("content", "found"), FAULTS.values(), ids=FAULTS.keys())
def test_a_faulty_file_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=found) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "download it again" in str(caught.value)


def test_plain_bytes_under_a_gzip_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(WHOLE)
    with pytest.raises(ValueError, match="broken gzip"):
        read_idx(tmp_path / "a.gz")


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_idx(tmp_path / "nothing")
