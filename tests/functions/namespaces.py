"""The array libraries and dtypes that the functions are tested on."""

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest
import torch

from tests.sampling import is_thorough, of_pairs

NAMESPACES = {"numpy": np, "torch": torch, "strict": array_api_strict}
DTYPES = ("float64", "float32")


def maker(library: str, dtype: str = "float64") -> Callable[[Any], Any]:
    """The function that makes an array of this library and dtype from lists or a NumPy array."""
    xp = NAMESPACES[library]
    return lambda values: xp.asarray(np.asarray(values).tolist(), dtype=getattr(xp, dtype))


def every_library(test: Any) -> Any:
    """Run a test with ``asarray`` of each library and dtype, and the dtype's name."""
    cases = [
        pytest.param(maker(library, dtype), dtype, id=f"{library}-{dtype}")
        for library in NAMESPACES
        for dtype in DTYPES
    ]
    return pytest.mark.parametrize(("asarray", "dtype"), cases)(test)


def on_pairs(cases: Any) -> Any:
    """Run a test of (cls, i) with ``asarray`` and the dtype's name, of which an ordinary run takes
    what it takes of pairs of a library and a dtype.
    """
    taken = [
        pytest.param(*case.values, maker(library, dtype), dtype, id=f"{case.id}-{library}-{dtype}")
        for position, case in enumerate(cases)
        for library in NAMESPACES
        for dtype in DTYPES
        if of_pairs(library, dtype == "float64", position) or is_thorough()
    ]
    return pytest.mark.parametrize(("cls", "i", "asarray", "dtype"), taken)
