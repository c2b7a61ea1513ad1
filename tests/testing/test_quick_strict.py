"""Interned dtypes and devices change nothing of what array-api-strict says."""

import copy
import pickle

import array_api_strict as xp
import numpy as np
import pytest
from array_api_strict import Device

DTYPES = (xp.bool, xp.int32, xp.uint8, xp.float32, xp.float64, xp.complex64)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", ["CPU_DEVICE", "device1"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_keeps_dtype_and_device(dtype, name, copied):
    x = xp.ones(3, dtype=dtype, device=Device(name))
    y = copied(x)
    assert y.dtype is dtype
    assert (y.device == Device(name)) == (y.device is x.device)
    assert bool(xp.all(x == y))


def test_devices_and_dtypes_differ():
    there = xp.ones(3, device=Device("device1"))
    assert there.device != xp.ones(3).device
    with pytest.raises(ValueError, match="different devices"):
        there + xp.ones(3)
    with pytest.raises(ValueError, match="not a valid choice"):
        Device("elsewhere")
    with pytest.raises(ValueError, match="does not support"):
        xp.ones(3, dtype=xp.float64, device=Device("no_float64"))
    assert xp.float32 != xp.float64
    with pytest.warns(UserWarning, match="NumPy native dtype"):
        assert xp.float64 != np.float64


def test_mixed_kinds_and_what_is_no_dtype_are_refused():
    with pytest.raises(TypeError, match="promoted together"):
        xp.ones(3) + xp.ones(3, dtype=xp.int64)
    with pytest.raises(TypeError, match="does not support the dtype"):
        xp.asarray(np.ones(3, np.float16))
    with pytest.raises(TypeError, match="Only numeric dtypes"):
        xp.asarray([True]) * xp.asarray([True])
    with pytest.raises(TypeError, match="Expected Array or Python scalar"):
        xp.ones(3) * np.float64(2)
    with pytest.raises(IndexError):
        xp.ones((3, 2))["a", 0]
    assert float(xp.arange(3.0)[xp.asarray(1)]) == 1.0


def test_float_types_promote():
    assert (xp.ones(1, dtype=xp.float32) + xp.ones(1)).dtype == xp.float64
    assert (1j * xp.ones(1, dtype=xp.float32)).dtype == xp.complex64
    assert xp.finfo(xp.ones(1, dtype=xp.float32)).dtype is xp.float32
    assert xp.__array_namespace_info__().dtypes()["float64"] is xp.float64
