"""A batch solved in slices is the batch solved at once."""

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import Space
from splitkit.solvers.plan import solve_given
from splitkit_nn.activations import ReLU
from splitkit_nn.activations.masked import Masked
from splitkit_nn.linear import slices as module
from splitkit_nn.linear.slices import slices

MODELS = {
    "conv": (lambda: sknn.MonotoneConv2d(1, 2, 4), (1, 4, 4)),
    "tiers": (lambda: sknn.MonotoneMultiTier(1, (2, 1), 4), (1, 4, 4)),
}


@pytest.fixture
def small(monkeypatch):
    """Slices of one or two samples."""
    monkeypatch.setattr(module, "SLICE_BYTES", 1000)


def test_slices_cover_the_batch(small):
    for count, entries in ((7, 100), (5, 1000), (1, 1000), (0, 4), (3, 1)):
        x = torch.arange(count * entries, dtype=torch.float32).reshape(count, entries)
        parts = slices(x)
        assert torch.equal(torch.cat([x[part] for part in parts]), x)
        most = max(x[part].numel() * x.element_size() for part in parts)
        assert most <= 1000 or max(len(x[part]) for part in parts) == 1
    assert len(slices(torch.zeros(7, 100))) == 4


def gradients(layer, x):
    """z, its record and the gradients of a function of it."""
    layer.zero_grad()
    z = layer(x)
    z.square().sum().backward()
    return z.detach(), [p.grad.clone() for p in layer.parameters()]


@pytest.mark.parametrize("name", MODELS)
def test_the_same_equilibrium_and_gradients(name, monkeypatch):
    torch.manual_seed(0)
    make, shape = MODELS[name]
    layer = sknn.MonDEQ(make().double(), tol=1e-12, max_iter=5000)
    x = torch.randn(5, *shape, dtype=torch.float64)
    whole, expected = gradients(layer, x)
    monkeypatch.setattr(module, "SLICE_BYTES", 1000)
    z, found = gradients(layer, x)
    torch.testing.assert_close(z, whole, rtol=0, atol=1e-10)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    for record in (layer.last_solve.forward, layer.last_solve.backward):
        assert record.converged
        assert record.mean_iterations <= record.iterations
    gradient = sknn.MonDEQ(layer.parametrization, tol=1e-12, gradient="truncated")
    assert gradients(gradient, x)[0].shape == z.shape


def test_a_failure_is_about_the_whole_batch(small):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneConv2d(1, 2, 4), tol=1e-6, max_iter=1)
    with pytest.raises(sk.NotConvergedError) as caught:
        layer(torch.randn(5, 1, 4, 4))
    assert caught.value.solution.x.shape == (5, 2, 6, 6)


def test_the_jacobian_at_a_value():
    y = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.rand(4, 4, generator=torch.Generator().manual_seed(1)) < 0.5
    for sigma in (ReLU(), Masked(ReLU(), mask)):
        assert torch.equal(sigma.jacobian_at_value(sigma(y)).d, sigma.jacobian(y).d)
    assert Masked(sknn.activations.SoftThreshold(0.5), mask).jacobian_at_value(y) is None


def test_nothing_is_measured_before_the_first_check():
    F = sk.Affine(np.diag([1.0, 2.0]), np.ones(2))
    G = sk.NormalCone(sk.functions.NonNegative())
    how = {"tol": sk.Relative(1e-8), "max_iter": 99, "first_check": 9}
    solved, _ = solve_given(
        sk.PeacemanRachford(), (F, G), np.zeros(2), Space.of(np.zeros(2)), **how
    )
    assert solved.history.iteration[0] == 9
    np.testing.assert_allclose(solved.x, [1.0, 0.5], atol=1e-7)
