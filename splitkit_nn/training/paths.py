"""Paths that a command is given: what cannot be written in the end is refused in the beginning."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def path_argument(text: str) -> Path:
    """A path whose name can be printed and kept in a page; argparse's error otherwise."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8: give it another name") from None
    return Path(text)


def check_writable(directory: Path) -> None:
    """Raise OSError unless files can be made in the directory, or it can be made itself."""
    place = next(each for each in (directory, *directory.absolute().parents) if each.exists())
    if not place.is_dir():
        raise NotADirectoryError(f"{directory}: {place} is no directory; give another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{directory}: {place} cannot be written to; give another")
