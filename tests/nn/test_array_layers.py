"""The array layer agrees with the Torch layer and with finite differences, on every library."""

import subprocess
import sys

import array_api_compat.numpy as xnp
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import to_numpy
from tests.sampling import sampled


@pytest.fixture
def parts():
    torch.manual_seed(0)
    p = sknn.MonotoneDense(3, 6, m=0.5).double()
    return p, [a.detach().numpy() for a in (p.weight(), p.U.weight, p.U.bias)]


CASES = [
    ("relu", sk.PeacemanRachford()),
    ("relu", sk.DouglasRachford()),
    ("softmax", sk.ForwardBackward()),
    ("tanh", sk.PeacemanRachford()),
    ("groupshrinkage", sk.PeacemanRachford()),
]


@sampled(lambda given: CASES.index((given["activation"], given["method"])))
@pytest.mark.parametrize(("activation", "method"), CASES, ids=lambda c: getattr(c, "label", c))
def test_agrees_with_the_torch_layer(parts, xp, activation, method):
    p, arrays = parts
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(4, 3)), rng.normal(size=(4, 6))
    torch_layer = sknn.MonDEQ(p, activation, method, tol=1e-13, max_iter=20_000)
    given = torch.tensor(x, requires_grad=True)
    z = torch_layer(given)
    W = p.weight()
    z.backward(torch.tensor(v))
    mine = [xp.asarray(a.tolist(), dtype=xp.float64) for a in arrays]
    layer = sknn.ArrayMonDEQ(*mine, activation, method, tol=1e-13, max_iter=20_000)
    x, v = (xp.asarray(a.tolist(), dtype=xp.float64) for a in (x, v))
    np.testing.assert_allclose(to_numpy(layer(x)), z.detach().numpy(), rtol=0, atol=1e-10)
    found = layer.vjp(x, v)
    np.testing.assert_allclose(to_numpy(found.x), given.grad.numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(to_numpy(found.U), p.U.weight.grad.numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(to_numpy(found.b), p.U.bias.grad.numpy(), rtol=0, atol=1e-10)
    # the cotangent of B, through W = … + B − Bᵀ
    of_B = to_numpy(found.W) - to_numpy(found.W).T
    np.testing.assert_allclose(of_B, p.B.grad.numpy(), rtol=0, atol=1e-10)
    assert W.shape == found.W.shape


def test_cotangents_are_finite_differences(parts):
    _, arrays = parts
    rng = np.random.default_rng(1)
    x, v = rng.normal(size=(4, 3)), rng.normal(size=(4, 6))

    def value(x, *arrays):
        return np.sum(v * sknn.ArrayMonDEQ(*arrays, "tanh", tol=1e-13)(x))

    found = sknn.ArrayMonDEQ(*arrays, "tanh", tol=1e-13).vjp(x, v)
    primals = [x, *arrays]
    for i, cotangent in enumerate(found):
        d = rng.normal(size=primals[i].shape)
        ends = [
            value(*(a + s * 1e-6 * d if j == i else a for j, a in enumerate(primals)))
            for s in (1, -1)
        ]
        assert np.sum(cotangent * d) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_dtype_and_warm_start(parts):
    _, arrays = parts
    arrays = [a.astype(np.float32) for a in arrays]
    layer = sknn.ArrayMonDEQ(*arrays, tol=1e-5)
    x = np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32)
    z = layer(x)
    assert z.dtype == np.float32
    cold = layer.last_solution.iterations.max()
    layer(x, z0=z)
    assert layer.last_solution.iterations.max() < cold
    assert "Peaceman-Rachford" in repr(layer)


def test_what_does_not_fit_is_refused(parts):
    _, (W, U, b) = parts
    with pytest.raises(ValueError, match="strongly monotone"):
        sknn.ArrayMonDEQ(2 * np.eye(6), U, b)
    with pytest.raises(ValueError, match="U has shape"):
        sknn.ArrayMonDEQ(W, U.T, b)
    with pytest.raises(TypeError, match="b has dtype"):
        sknn.ArrayMonDEQ(W, U, b.astype(np.float32))
    with pytest.raises(ValueError, match=r"W has shape \(\)"):
        sknn.ArrayMonDEQ(np.array(1.0), U, b)
    with pytest.raises(ValueError, match="U has entries that are NaN"):
        sknn.ArrayMonDEQ(W, U * np.nan, b)
    with pytest.raises(TypeError, match="method = 'pr'"):
        sknn.ArrayMonDEQ(W, U, b, method="pr")
    for options, error in (
        ({"tol": -1.0}, ValueError),
        ({"tol": 0.0}, ValueError),
        ({"tol": "1e-3"}, TypeError),
        ({"max_iter": 0}, ValueError),
        ({"max_iter": 10.0}, TypeError),
    ):
        with pytest.raises(error, match=next(iter(options))):
            sknn.ArrayMonDEQ(W, U, b, **options)
    layer = sknn.ArrayMonDEQ(W, U, b)
    for call in (
        lambda array: layer(np.ones((2, 3)), array),
        lambda array: layer.vjp(np.ones((2, 3)), array),
        lambda array: layer.vjp(np.ones((2, 3)), np.ones((2, 6)), array),
    ):
        with pytest.raises(ValueError, match=r"shape \(1, 6\): give \(2, 6\)"):
            call(np.ones((1, 6)))
        with pytest.raises(ValueError, match="NaN"):
            call(np.full((2, 6), np.nan))
    with pytest.raises(ValueError, match="in_features = 3"):
        layer(np.zeros((2, 4)))
    with pytest.raises(TypeError, match="W is a"):
        layer(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(sk.NotConvergedError):
        sknn.ArrayMonDEQ(W, U, b, tol=1e-12, max_iter=1)(np.ones((2, 3)))
    assert xnp.asarray(W) is not None


def test_arrays_that_change_later_do_not_reach_the_layer(parts):
    _, (W, U, b) = parts
    x, v = np.ones((2, 3)), np.ones((2, 6))
    layer = sknn.ArrayMonDEQ(W, U, b)
    z, cotangents = layer(x), layer.vjp(x, v)
    for array in (W, U, b):
        array *= 0.5
    np.testing.assert_array_equal(layer(x), z)
    for found, expected in zip(layer.vjp(x, v), cotangents, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_runs_where_torch_is_missing():
    script = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Missing())
import numpy as np
import splitkit_nn as sknn
print(sknn.ArrayMonDEQ(0 * np.eye(2), np.eye(2), np.zeros(2))(np.ones((1, 2))))
try:
    sknn.MonDEQ
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "[[1. 1.]]" in done.stdout
    assert "MonDEQ needs torch, which is not installed: pip install 'splitkit[nn]'" in done.stdout
