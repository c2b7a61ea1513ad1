"""Files of tensors and plain values: written whole or not at all, read without running code."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

TEMPORARY = ".tmp"  # ends the name of a file that is not written whole
# whatever the reader of pickles says of bytes that are none
UNREADABLE = (
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


def as_bytes(content: dict[str, Any]) -> bytes:
    """What ``torch.save`` would write."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Give a file this content, all of it or none: a temporary one takes its name."""
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
        torch.save did not write it, or wrote whole objects into it.
    """
    if not os.path.isfile(name):
        raise FileNotFoundError(f"path = {name!r}: no such file")
    try:
        return torch.load(name, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        kind = (
            "no file of tensors written by torch.save, or a damaged one: write it by "
            "torch.save(model.state_dict(), path)"
        )
        if zipfile.is_zipfile(name) and any(
            entry.endswith("data.pkl") for entry in zipfile.ZipFile(name).namelist()
        ):
            kind = (
                "a file of whole objects, as torch.save(model, path) writes, and loading it would "
                "run their code: save model.state_dict() instead"
            )
        raise ValueError(f"path = {name!r} is {kind}") from error
