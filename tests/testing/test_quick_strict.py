"""Interned dtypes and devices change nothing of what array-api-strict says."""

import copy
import math
import pickle

import array_api_strict as xp
import numpy as np
import pytest
from array_api_strict import Device

from tests import quick_strict

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


SLOW_CLIP = quick_strict._slow_clip


@pytest.mark.parametrize("dtype", [xp.float32, xp.float64])
@pytest.mark.parametrize("bounds", [(0.1, None), (None, 0.1), (-0.0, 0.3), (0.0, math.inf), (1.0,)])
def test_the_short_clip_is_the_library_s_bit_for_bit(dtype, bounds):
    near = np.nextafter(np.float32(0.1), [np.float32(-1), np.float32(1)])
    x = np.asarray([math.nan, -math.inf, math.inf, 0.0, -0.0, 0.1, 0.3, 7.0, *near])
    for values in (xp.asarray(x, dtype=dtype), xp.asarray(0.2, dtype=dtype)):
        found, expected = xp.clip(values, *bounds), SLOW_CLIP(values, *bounds)
        assert found.dtype is expected.dtype
        assert found.shape == expected.shape
        assert found._array.tobytes() == expected._array.tobytes()
        assert not np.shares_memory(found._array, values._array)


def test_short_ways_refuse_what_the_library_refuses():
    there, x = xp.ones(3, device=Device("device1")), xp.ones(3)
    truth, count = x > 0, xp.ones(3, dtype=xp.int64)
    refused = [
        (lambda: xp.where(truth, x, there), ValueError, "same device"),
        (lambda: xp.where(x, x, x), TypeError, "boolean data type"),
        (lambda: xp.where(truth, x, count), TypeError, "promoted together"),
        (lambda: xp.where(truth, x, np.float64(1)), TypeError, "neither Array nor Python scalar"),
        (lambda: xp.clip(x, 1.0, 0.0), ValueError, "less than or equal"),
        (lambda: xp.clip(x, np.float64(0.0)), TypeError, "min must be"),
        (lambda: xp.clip(count, 0.5), TypeError, "must be integral"),
        (lambda: x * True, TypeError, "bool scalars"),
        (lambda: count * 0.5, TypeError, "float scalars"),
        (lambda: x & x, TypeError, "Only integer or boolean"),
        (lambda: x % (x + 1j), TypeError, "Only real numeric"),
        (lambda: xp.asarray(np.ones(3, ">f8")), TypeError, "does not support the dtype"),
        (lambda: x + np.float64(1.0), TypeError, "Expected Array"),
    ]
    for call, kind, words in refused:
        with pytest.raises(kind, match=words):
            call()
    single = xp.ones(3, dtype=xp.float32)
    with pytest.raises(TypeError, match="Cannot perform __iadd__"):
        single += x


def test_what_meets_an_array_without_axes_is_promoted_alike():
    single, double = xp.ones(3, dtype=xp.float32), xp.asarray(1.0)
    assert (single + double).dtype is xp.float64
    assert xp.where(single > 0, single, xp.asarray(2.0, dtype=xp.float32)).dtype is xp.float32
    assert xp.where(single > 0, single, double).dtype is xp.float64
    assert (single * 1e-3).dtype is xp.float32
    assert float((single * 0.1)[0]) == float(np.float32(0.1))
    assert xp.sum(single).shape == ()
    assert type(xp.sum(single)._array) is np.ndarray
