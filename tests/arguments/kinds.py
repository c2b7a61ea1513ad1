"""Scalars of every kind that is installed, and what looks like one and is none."""

from decimal import Decimal
from fractions import Fraction

import numpy as np

NUMPY = [
    np.float16, np.float32, np.float64, np.longdouble, np.int8, np.int64, np.uint64,
]  # fmt: skip


def numbers(value):
    """An integer as each kind of number, and as NumPy's arrays without axes."""
    kinds = [int, float, Fraction, *NUMPY]
    return [kind(value) for kind in kinds] + [np.asarray(kind(value)) for kind in NUMPY]


def integers(value):
    """The same, of the kinds that are integers."""
    kinds = [int, np.int8, np.int64, np.uint64]
    return [kind(value) for kind in kinds] + [np.asarray(kind(value)) for kind in kinds[1:]]


def arrays(xp, value):
    """An integer as the library's arrays without axes."""
    dtypes = (xp.float32, xp.float64, xp.int32, xp.int64)
    return [xp.asarray(value, dtype=dtype) for dtype in dtypes]


NO_SCALARS = [
    True, np.True_, np.asarray(True), "2", b"2", None, 2j, np.complex64(2), np.asarray(2j), [2.0],
    (2.0,), np.ones(1), np.ones((1, 1)), Decimal(2), Exception(), np.asarray("2"), float,
]  # fmt: skip
