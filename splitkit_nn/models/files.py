"""Files of tensors and plain values: written whole or not at all, read without running code.

What is written is what ``torch.save`` writes, sealed: the comment that ends its zip archive is the
SHA-256 checksum of all bytes before it. ``torch.load`` reads such a file as any other; here one
that has changed since, by a single bit, is refused. Of files that other code wrote the archive's
own checksums, a CRC-32 for each tensor, are compared.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

TEMPORARY = ".tmp"  # ends the name of a file that is not written whole
MARK = b"sha256:"
SEAL = len(MARK) + 64
UNPACKED = 10  # times its own size, at most
DIRECTORY = 0x10  # an attribute
ZIP_END, ZIP_END_LENGTH = b"PK\x05\x06", 22  # what ends an archive, but for its comment
# whatever the reader of pickles, or of archives, says of bytes that are none
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
)


def as_bytes(content: dict[str, Any]) -> bytes:
    """What ``torch.save`` would write, sealed."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    archive = buffer.getvalue()[:-2] + SEAL.to_bytes(2, "little")  # the comment's length
    return archive + _seal(archive)


def of_bytes(data: bytes) -> Any:
    """The tensors and plain values in a file's bytes, on the CPU.

    Raises
    ------
    ValueError
        They are not what was written.
    Exception
        One of ``UNREADABLE``: torch.save did not write them, or wrote whole objects.
    """
    _check_whole(data)
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def write_whole(path: Path, content: bytes) -> None:
    """Give a file this content, all of it or none: a temporary one takes its name.

    Raises
    ------
    OSError
        It cannot be written, or what is there is no file, as a device.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is no file, and stays as it is: give the path of a file")
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:  # a full disk names no file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_tensors(name: str) -> Any:
    """What torch.save wrote into the file: tensors and plain values, on the CPU.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        torch.save did not write it, or wrote whole objects into it, or it has changed since.
    """
    if not os.path.isfile(name):
        raise FileNotFoundError(f"path = {name!r}: no such file")
    data = Path(name).read_bytes()
    try:
        return of_bytes(data)
    except UNREADABLE as error:
        kind = (
            f"no file of tensors written by torch.save, or a damaged one ({_first_line(error)}): "
            "write it by torch.save(model.state_dict(), path)"
        )
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(io.BytesIO(data)):
            kind = (
                "a file of whole objects, as torch.save(model, path) writes, and loading it would "
                "run their code: save model.state_dict() instead"
            )
        raise ValueError(f"path = {name!r} is {kind}") from error


def _seal(archive: bytes) -> bytes:
    return MARK + hashlib.sha256(archive).hexdigest().encode()


def _check_whole(data: bytes) -> None:
    """Raise ValueError if the bytes are sealed, or should be, by another checksum than theirs."""
    archive, seal = data[:-SEAL], data[-SEAL:]
    sealed = archive[-ZIP_END_LENGTH:].startswith(ZIP_END) or seal.startswith(MARK)
    if sealed and seal != _seal(archive):
        raise ValueError("its checksum is another: it has changed since it was written")
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            entries = found.infolist()
            # torch.save packs nothing; what is packed can be of any size
            if (size := sum(entry.file_size for entry in entries)) > UNPACKED * len(data):
                raise ValueError(f"{size} bytes are packed into its {len(data)}: that is no model")
            # torch reads nothing of what says that it is a directory, and leaves values as they are
            if any(each.external_attr & DIRECTORY and not each.is_dir() for each in entries):
                raise ValueError("one of its files says that it is a directory: it is damaged")
            kept = any(entry.CRC for entry in entries)  # torch can leave them out
            if not sealed and kept and (damaged := found.testzip()):
                raise ValueError(f"the checksum of its {damaged} is another: it is damaged")


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]
