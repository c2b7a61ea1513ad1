"""array-api-strict as it is, in a fraction of the time: dtypes and devices are one object each, and
what it never refuses goes a short way.

For each array it compares dtypes and devices several times, by hashes and equalities written in
Python, which is most of what its operations take. As one object each they are found by where they
lie. Arrays of one dtype on the CPU, and Python's floats beside floating ones, are what nearly all
operations get: they are told by identities, and all else is left to the library. What is refused,
warned of and returned stays.
"""

from abc import ABC

import array_api_strict
import numpy as np
from array_api_strict import _array_object, _devices, _dtypes

DType, Device = _dtypes.DType, _devices.Device
DTYPES = {each._np_dtype: each for each in _dtypes._all_dtypes}
DEVICES = {each._device: each for each in _devices.ALL_DEVICES}
Array, CPU = _array_object.Array, _devices.CPU_DEVICE
FLOATING = frozenset((array_api_strict.float64, array_api_strict.float32))


class Index(ABC):  # noqa: B024 (its hook alone is asked)
    """What has ``__index__``: Python 3.11 takes long to tell whether an array keeps a protocol."""

    @classmethod
    def __subclasshook__(cls, kind):
        return hasattr(kind, "__index__")


def equal(self, other):
    """Whether two dtypes are equal; a comparison with NumPy's warns, as before."""
    if type(other) is DType:
        return self._np_dtype == other._np_dtype
    return _of_another_kind(self, other)


_of_another_kind = DType.__eq__


# -- short ways -----------------------------------------------------------------------------------

_slow_new, _slow_promotion = Array._new, Array._promote_scalar
_slow_dtypes, _slow_devices = Array._check_allowed_dtypes, Array._check_type_device
_slow_pair, _slow_where, _slow_clip = (
    Array._normalize_two_args,
    array_api_strict.where,
    array_api_strict.clip,
)


def new(x, /, device):
    """``Array._new``."""
    dtype = DTYPES.get(x.dtype)
    if dtype is None or (device is not CPU and device is not None):
        return _slow_new(x, device)
    made = object.__new__(Array)
    made._array = x if type(x) is np.ndarray else np.asarray(x)
    made._dtype, made._device = dtype, CPU
    return made


def promoted(self, scalar):
    """``Array._promote_scalar``."""
    if type(scalar) is float and self._dtype in FLOATING:
        return new(np.array(scalar, dtype=self._dtype._np_dtype), self._device)
    return _slow_promotion(self, scalar)


def of_allowed_dtypes(self, other, category, op):
    """``Array._check_allowed_dtypes``."""
    dtype = self._dtype
    if dtype in FLOATING and category in OF_FLOATING:
        if type(other) is Array and other._dtype is dtype:
            return other
        if type(other) is float:
            return promoted(self, other)
    return _slow_dtypes(self, other, category, op)


def check_devices(self, other):
    """``Array._check_type_device``."""
    if type(other) is float or (type(other) is Array and other._device is self._device):
        return
    _slow_devices(self, other)


def pair(x1, x2):
    """``Array._normalize_two_args``."""
    if (x1._array.ndim == 0) is (x2._array.ndim == 0):
        return x1, x2
    return _slow_pair(x1, x2)


def where(condition, x1, x2, /):
    """Of arrays of one dtype."""
    if (
        type(condition) is type(x1) is type(x2) is Array
        and condition._dtype is array_api_strict.bool
        and x1._dtype is x2._dtype
        and condition._device is x1._device is x2._device
    ):
        x1, x2 = pair(x1, x2)
        return new(np.where(condition._array, x1._array, x2._array), x1._device)
    return _slow_where(condition, x1, x2)


def clip(x, /, min=None, max=None):
    """Between Python's floats; what is no number is neither less nor greater."""
    bounds = (min is None or type(min) is float) and (max is None or type(max) is float)
    if not (bounds and type(x) is Array and x._dtype in FLOATING):
        return _slow_clip(x, min, max)
    if min != min or max != max or (min is not None and max is not None and min > max):
        return _slow_clip(x, min, max)
    found = x._array.copy()
    if min is not None:
        np.copyto(found, min, where=found < min)
    if max is not None:
        np.copyto(found, max, where=found > max)
    return new(found, x._device)


OF_FLOATING = {
    name for name, each in _dtypes._dtype_categories.items() if FLOATING.issubset(set(each))
}


def intern():
    """Let each dtype and device be one object from now on, and short ways be gone."""
    DType.__new__ = staticmethod(lambda cls, name: DTYPES.get(np.dtype(name)))  # None is refused
    DType.__init__ = lambda self, name: None
    DType.__reduce__ = lambda self: (DType, (self._np_dtype,))
    DType.__eq__, DType.__hash__ = equal, object.__hash__
    Device.__new__ = staticmethod(
        lambda cls, name="CPU_DEVICE": DEVICES.get(name) or object.__new__(cls)
    )
    Device.__reduce__ = lambda self: (Device, (self._device,))
    Device.__eq__, Device.__hash__ = object.__eq__, object.__hash__
    for table in (_dtypes._promotion_table, _dtypes._real_to_complex_map):
        entries = list(table.items())  # in a dictionary they would keep their hashes
        table.clear()
        table.update(entries)
    categories = _dtypes._dtype_categories
    categories.update({kind: frozenset(each) for kind, each in categories.items()})
    for name, each in vars(_array_object).items():
        if name.endswith("_dtypes") and isinstance(each, tuple):
            setattr(_array_object, name, frozenset(each))
    _array_object.DType = DTYPES.get
    _array_object.SupportsIndex = Index
    Array._new, Array._normalize_two_args = staticmethod(new), staticmethod(pair)
    Array._promote_scalar = promoted
    Array._check_allowed_dtypes, Array._check_type_device = of_allowed_dtypes, check_devices
    array_api_strict.where, array_api_strict.clip = where, clip
