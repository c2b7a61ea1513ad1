"""What splitkit asks of CuPy, held against what CuPy has; without CuPy, by this list.

The list is of CuPy 13.6 behind array_api_compat 1.15: a function's keywords (those of the standard
that are used here). What is called comes from everything that stands, and from layers, on NumPy's
namespace with a recorder before it.
"""

import ast
import importlib
import inspect
import sys
import warnings
from pathlib import Path

import array_api_compat.numpy as xnp
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit import backend
from splitkit.backend import clip
from splitkit.testing import registered, suite
from tests.testing import toy
from tests.testing.recorded import recording

ROOT = Path(__file__).parents[2]
MAKING = ("dtype", "device")
ALONG = ("axis", "keepdims")

ELEMENTWISE = (
    "abs acos acosh asin asinh atan atan2 atanh ceil conj cos cosh exp expm1 floor hypot imag "
    "isfinite isinf isnan log log1p log2 logaddexp logical_and logical_not logical_or maximum "
    "minimum real round sign sin sinh sqrt square tan tanh trunc where"
)

CUPY = {
    **dict.fromkeys(ELEMENTWISE.split(), ()),
    **dict.fromkeys(("finfo", "isdtype", "matmul", "matrix_transpose", "moveaxis"), ()),
    **dict.fromkeys(("permute_dims", "tril", "triu", "vecdot"), ()),
    **dict.fromkeys(("astype", "broadcast_to", "clip", "reshape"), ()),
    **dict.fromkeys(("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "sum"), ALONG),
    **dict.fromkeys(
        ("arange", "empty", "eye", "full", "full_like", "ones", "zeros", "zeros_like"), MAKING
    ),
    **dict.fromkeys(("concat", "expand_dims", "flip", "roll", "stack"), ("axis",)),
    **dict.fromkeys(("take", "take_along_axis"), ("axis",)),
    "argsort": ("axis", "descending", "stable"),
    "asarray": (*MAKING, "copy"),
    "cumulative_sum": ("axis", "include_initial"),
    "fft.fftn": ("axes", "norm"),
    "fft.ifftn": ("axes", "norm"),
    "fft.irfftn": ("axes", "s"),
    "fft.rfftn": ("axes",),
    "linalg.cholesky": (),
    "linalg.diagonal": (),
    "linalg.eigh": (),
    "linalg.eigvalsh": (),
    "linalg.inv": (),
    "linalg.matrix_norm": (),
    "linalg.qr": (),
    "linalg.solve": (),
    "linalg.svd": ("full_matrices",),
    "linalg.svdvals": (),
    "ones_like": MAKING,
    "sort": ("axis", "descending", "stable"),
}
# CuPy's arrays have neither, though the standard's do
MISSING_ATTRIBUTES = {"mT", "to_device", "__array_namespace__"}


@pytest.fixture(scope="module")
def calls():
    """What the registered things, a few methods and the layers call."""
    with pytest.MonkeyPatch.context() as patch, recording(patch) as xp:
        for thing in registered():
            made, *shapes = thing.make(xp, xp.float64)
            checked = suite(made, *shapes, xp=xp, dtype=xp.float64)
            (case,) = checked.spread(1, 0)
            for name in {each.names[0] for each in checked.properties}:
                checked.replay(name, case)
        F = sk.Affine(np.array([[2.0, 1.0], [-1.0, 2.0]]), np.array([1.0, -2.0]))
        G = sk.NormalCone(sk.functions.Box(-1.0, 1.0))
        for method in (sk.SuperMann, sk.Anderson, sk.Halpern):
            sk.solve(F + G, np.zeros(2), method(sk.DouglasRachford()))
        for parametrization, shape in (
            (sknn.MonotoneDense(3, 4), (2, 3)),
            (sknn.MonotoneConv2d(2, 3, 4), (2, 2, 4, 4)),
            (sknn.MonotoneMultiTier(2, (2, 3), 4), (2, 2, 4, 4)),
        ):
            for gradient in ("cotangent", "jacobian_free"):
                layer = sknn.MonDEQ(parametrization, gradient=gradient, solve_in="numpy")
                layer(torch.ones(shape)).sum().backward()
    return dict(xp.calls)


def test_cupy_has_what_is_called(calls):
    assert len(calls) > 40
    assert set(calls) <= set(CUPY)
    for name, kinds in calls.items():
        keywords = {keyword for _, used, _ in kinds for keyword in used}
        assert keywords <= set(CUPY[name]), name


def test_its_factorizations_take_what_they_are_given(calls):
    """Matrices and stacks of them, real or complex; a stack of systems with as many right sides."""
    for name, kinds in calls.items():
        for _, _, arrays in kinds:
            if name.startswith("linalg."):
                assert all(dtype in "fc" and ndim >= 2 for dtype, ndim in arrays), name
            if name == "linalg.solve":
                assert len({ndim for _, ndim in arrays}) == 1


def test_no_attribute_is_used_that_its_arrays_lack():
    for file in sorted((ROOT / "splitkit").rglob("*.py")):
        used = {n.attr for n in ast.walk(ast.parse(file.read_text("utf-8"))) if hasattr(n, "attr")}
        assert not used & MISSING_ATTRIBUTES, file


def test_the_list_is_true_of_the_cupy_that_is_installed():
    """It needs no GPU: only signatures are looked at."""
    pytest.importorskip("cupy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy complains where it finds no CUDA
        xp = importlib.import_module("array_api_compat.cupy")
    ndarray = sys.modules["cupy"].ndarray
    for name, keywords in CUPY.items():
        function = xp
        for part in name.split("."):
            function = getattr(function, part)
        if keywords:
            parameters = inspect.signature(function).parameters
            assert set(keywords) <= set(parameters), name
    for name in ("T", "device", "dtype", "ndim", "shape", "size", "get", "__dlpack__"):
        assert hasattr(ndarray, name)
    stream = sys.modules["cupy"].cuda.ExternalStream
    assert stream.__init__.__doc__.startswith("ExternalStream.__init__(self, ptr, device_id=")


def test_clipping_on_cupy_takes_two_passes_and_no_mask(monkeypatch):
    monkeypatch.setattr(
        backend.array_api_compat, "is_cupy_array", lambda x: isinstance(x, toy.Array)
    )
    values = np.array([-2.0, 0.5, 3.0, np.nan])
    x = toy.asarray(values.tolist())
    for low, high in ((0.0, None), (None, 1.0), (-1.0, 1.0), (toy.asarray([1.0] * 4), None)):
        limits = [np.asarray(a) if isinstance(a, toy.Array) else a for a in (low, high)]
        found = np.asarray(clip(x, low, high))
        np.testing.assert_array_equal(found, xnp.clip(values, *limits))
