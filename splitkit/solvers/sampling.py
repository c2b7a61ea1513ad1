"""Random choices by counting: those of iteration k depend on the seed and k alone.

So they are the same for every library of arrays and in every process, and a solve that is resumed
goes on with those that it would have made.

Source: Salmon, Moraes, Dror, Shaw, *Parallel random numbers: as easy as 1, 2, 3* (2011), Philox.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from splitkit.arguments import check_integer

KEYS = 2**128  # of Philox


def check_seed(name: str, value: Any) -> int:
    """An integer that is a key."""
    seed = check_integer(name, value, 0)
    if seed >= KEYS:
        raise ValueError(f"{name} = {seed}: give an integer below 2**128")
    return seed


def generator(seed: int, k: int) -> np.random.Generator:
    """That of iteration k."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, k]))
