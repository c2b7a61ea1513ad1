"""Semidefinite programs in files of the format of SDPA (.dat-s), as of SDPLIB:

    minimize ⟨c, x⟩ subject to F₁x₁ + … + Fₘxₘ − F₀ positive semidefinite,

the matrices block diagonal, with blocks of non-negative diagonals among them.

Source: Fujisawa, Fukuda, Kojima, Nakata, *SDPA user's manual* (2008); Borchers, *SDPLIB 1.2*
(1999).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csc_array

from splitkit.problems.programs.conic import ConicProgram

SEPARATORS = re.compile(r"[\s,{}()]+")


def read_sdpa(path: str | Path) -> ConicProgram:
    """The semidefinite program of a sparse SDPA file (.dat-s, .dat-s.gz), whose x it is of.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError, ValueError
        There is no such file; it is not in this format.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from splitkit.problems import read_sdpa
    >>> matrices = ["0 1 1 2 1.0", "1 1 1 1 1.0", "1 1 2 2 1.0"]  # k, block, row, column, entry
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "largest.dat-s")
    ...     _ = path.write_text("\\n".join(["1", "1", "2", "1.0", *matrices]))
    ...     program = read_sdpa(path)  # the least x with xI ⪰ [[0, 1], [1, 0]]
    >>> print(program.solve().x)
    [1.]
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"path = {str(path)!r}: there is no such file")
    try:
        return _program(_lines(Path(path)))
    except (ValueError, IndexError, StopIteration, EOFError) as error:
        raise ValueError(
            f"path = {str(path)!r} is no sparse SDPA file: {str(error) or 'it ends too early'}"
        ) from error


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line, without comments and punctuation."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as file:
        for line in file:
            words = SEPARATORS.split(line.strip())
            if line.strip() and line.lstrip()[0] not in '"*':
                yield [word for word in words if word]


def _program(lines: Iterator[list[str]]) -> ConicProgram:
    m, blocks = int(next(lines)[0]), int(next(lines)[0])
    orders = [int(word) for word in _several(lines, blocks)]
    c = np.array([float(word) for word in _several(lines, m)])
    cones = [("nonnegative", -order) if order < 0 else ("psd", order) for order in orders]
    rows = [-order if order < 0 else order * (order + 1) // 2 for order in orders]
    first = np.concatenate(([0], np.cumsum(rows)))
    entries = np.array([[float(word) for word in words[:5]] for words in lines]).reshape(-1, 5)
    which, block, i, j = (entries[:, k].astype(int) for k in range(4))
    if entries.size and (which.max() > m or block.max() > blocks or min(which.min(), i.min()) < 0):
        raise ValueError("an entry is of no matrix or block")
    order = np.abs(orders)[block - 1]
    if (np.maximum(i, j) > order).any() or (np.minimum(i, j) < 1).any():
        raise ValueError("an entry is outside of its block")
    low, high = np.maximum(i, j) - 1, np.minimum(i, j) - 1  # row ≥ column of the lower triangle
    within = high * order - high * (high - 1) // 2 + low - high
    within = np.where(np.array(orders)[block - 1] < 0, low, within)
    values = entries[:, 4] * np.where(low == high, 1.0, 2**0.5)
    F = csc_array((values, (first[block - 1] + within, which)), shape=(int(first[-1]), m + 1))
    return ConicProgram(None, c, -F[:, 1:], -F[:, [0]].toarray().ravel(), cones)


def _several(lines: Iterator[list[str]], count: int) -> list[str]:
    """So many words, of as many lines as they take."""
    found: list[str] = []
    while len(found) < count:
        found += next(lines)
    return found[:count]
