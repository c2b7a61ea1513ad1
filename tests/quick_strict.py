"""array-api-strict as it is, in a half to a third of the time: dtypes and devices are one object
each.

For each array it compares dtypes and devices several times, by hashes and equalities written in
Python, which is most of what its operations take. As one object each they are found by where they
lie. What is refused, warned of and returned stays.
"""

from abc import ABC

import numpy as np
from array_api_strict import _array_object, _devices, _dtypes

DType, Device = _dtypes.DType, _devices.Device
DTYPES = {each._np_dtype: each for each in _dtypes._all_dtypes}
DEVICES = {each._device: each for each in _devices.ALL_DEVICES}


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


def intern():
    """Let each dtype and device be one object from now on."""
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
