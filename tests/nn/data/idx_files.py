"""IDX files made by hand, for tests."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    header = struct.pack(">HBB", 0, 0x08, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_mnist(
    directory: Path, *, train: int = 40, test: int = 20, joint: str = "-", end: str = ""
) -> None:
    """Four files with random images in which a bright row tells the label."""
    random = np.random.default_rng(0)
    directory.mkdir(exist_ok=True)
    for part, samples in (("train", train), ("t10k", test)):
        labels = (np.arange(samples) % 10).astype(np.uint8)
        images = random.integers(0, 50, (samples, 28, 28), dtype=np.uint8)
        images[np.arange(samples), 2 * labels] = 255
        write_idx(directory / f"{part}-images{joint}idx3-ubyte{end}", images)
        write_idx(directory / f"{part}-labels{joint}idx1-ubyte{end}", labels)
