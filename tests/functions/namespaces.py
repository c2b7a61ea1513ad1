"""The array libraries and dtypes that the functions are tested on."""

from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest
import torch

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
