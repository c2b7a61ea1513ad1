"""A library of the Array API standard that no package knows: NumPy behind a wall.

Its arrays are no NumPy arrays and mix with none; all that works on them goes through the standard.
"""

import builtins
import operator

import array_api_compat.numpy as np

float64, float32, int64, int32, bool = np.float64, np.float32, np.int64, np.int32, np.bool
complex128, complex64 = np.complex128, np.complex64
pi, inf, nan, newaxis = np.pi, np.inf, np.nan, None


class Array:
    """Holds an array of the other library."""

    device = "toy"
    __array_priority__ = 1000

    def __init__(self, held):
        self.held = held

    def __array_namespace__(self, api_version=None):
        import tests.testing.toy

        return tests.testing.toy

    def __array__(self, dtype=None, copy=None):
        return np.array(self.held, dtype=dtype)

    def __getattr__(self, name):
        if name not in ("shape", "ndim", "dtype", "size", "T", "mT"):
            raise AttributeError(name)
        return wrap(getattr(self.held, name))

    def __getitem__(self, key):
        return wrap(self.held[unwrap(key)])

    def __setstate__(self, state):
        vars(self).update(state)

    def __repr__(self):
        return f"toy{self.held!r}"


def wrap(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return Array(np.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(wrap, value))
    return value


def unwrap(value):
    if isinstance(value, Array):
        return value.held
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(map(unwrap, value))
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array among toy arrays")
    return value


def lifted(f):
    def call(*args, **kwargs):
        kwargs.pop("device", None)
        return wrap(f(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()}))

    return call


BINARY = ("add", "sub", "mul", "truediv", "pow", "and_", "or_")
OTHERS = ("matmul", "mod", "eq", "ne", "lt", "le", "gt", "ge", "xor", "neg", "pos", "abs", "invert")


def swapped(f):
    return lambda x, y: f(y, x)


for _name in BINARY + OTHERS:
    _function = getattr(operator, _name)
    setattr(Array, f"__{_name.strip('_')}__", lifted(_function))
    if _name in BINARY:
        setattr(Array, f"__r{_name.strip('_')}__", lifted(swapped(_function)))
for _kind in (float, int, builtins.bool):
    setattr(Array, f"__{_kind.__name__}__", lambda self, kind=_kind: kind(self.held))


class linalg:
    """The standard's extension."""

    solve, svdvals, eigvalsh = map(lifted, (np.linalg.solve, np.linalg.svdvals, np.linalg.eigvalsh))
    qr, inv, vector_norm = map(lifted, (np.linalg.qr, np.linalg.inv, np.linalg.vector_norm))
    svd, eigh, cholesky = map(lifted, (np.linalg.svd, np.linalg.eigh, np.linalg.cholesky))
    matrix_norm, norm = map(lifted, (np.linalg.matrix_norm, np.linalg.norm))
    diagonal = lifted(np.linalg.diagonal)


class fft:
    """The standard's extension."""

    fftn, ifftn = map(lifted, (np.fft.fftn, np.fft.ifftn))
    rfftn, irfftn = map(lifted, (np.fft.rfftn, np.fft.irfftn))
    rfft, irfft = map(lifted, (np.fft.rfft, np.fft.irfft))


def asarray(values, dtype=None, device=None, copy=None):
    given = values if isinstance(values, np.ndarray) else unwrap(values)  # as the standard takes
    return wrap(np.asarray(given, dtype=dtype))


def __getattr__(name):
    if name.startswith("_"):
        raise AttributeError(name)
    return lifted(getattr(np, name))
