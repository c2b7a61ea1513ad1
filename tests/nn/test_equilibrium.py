"""The equilibrium against a dense Newton method, on every method, dtype and library."""

import array_api_compat.numpy as xnp
import array_api_strict
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.activations import ReLU
from splitkit_nn.equilibrium.inclusions import (
    LinearizedActivation,
    cotangent_inclusion,
    forward_inclusion,
)
from tests.sampling import every_other

METHODS = [sk.PeacemanRachford(), sk.ForwardBackward(), sk.DouglasRachford()]


def make_layer(method=None, *, sizes=(5, 7), tol=1e-13, m=0.5, seed=0, stretch=2.0):
    torch.manual_seed(seed)
    parametrization = sknn.MonotoneDense(*sizes, m=m).double()
    with torch.no_grad():
        parametrization.A.mul_(stretch)
        parametrization.B.mul_(stretch)
    return sknn.MonDEQ(parametrization, method=method, tol=tol, max_iter=20_000)


def newton(W, bias):
    """The zero of z − relu(Wz + b) by semismooth Newton, for one sample."""
    z = np.zeros(len(bias))
    for _ in range(100):
        y = W @ z + bias
        residual = z - np.maximum(y, 0)
        if np.linalg.norm(residual) < 1e-14:
            return z
        z = z - np.linalg.solve(np.eye(len(z)) - (y > 0)[:, None] * W, residual)
    pytest.fail("Newton's method did not converge")


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
@pytest.mark.parametrize("seed", range(4))
def test_equals_dense_newton(method, seed):
    layer = make_layer(method, seed=seed)
    x = torch.randn(6, 5, dtype=torch.float64)
    z = layer(x).detach().numpy()
    W = layer.parametrization.weight().detach().numpy()
    bias = layer.parametrization.bias(x).detach().numpy()
    for i in range(6):
        np.testing.assert_allclose(z[i], newton(W, bias[i]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_gradient_equals_dense_formula(method):
    layer = make_layer(method)
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    v = torch.randn(3, 7, dtype=torch.float64)
    layer(x).backward(v)
    W = layer.parametrization.weight().detach()
    y = layer(x.detach()).detach() @ W.T + layer.parametrization.bias(x).detach()
    U = layer.parametrization.U.weight.detach()
    for i in range(3):
        J = torch.diag((y[i] > 0).double())
        u = torch.linalg.solve((torch.eye(7, dtype=torch.float64) - J @ W).T, v[i])
        torch.testing.assert_close(x.grad[i], U.T @ J @ u, rtol=0, atol=1e-10)


def test_gradcheck_for_inputs_and_all_parameters():
    method = sk.PeacemanRachford()  # others find the same
    layer = make_layer(method, sizes=(2, 4), m=1.0, stretch=1.0)
    names = [name for name, _ in layer.named_parameters()]
    assert len(names) == 4
    x = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert 0 < (layer(x) > 0).sum() < 8  # units of both kinds
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]

    def function(x, *values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(layer, given, (x,))

    assert torch.autograd.gradcheck(function, (x, *parameters))
    assert torch.autograd.gradgradcheck(function, (x, *parameters))


@pytest.mark.parametrize("xp", [xnp, array_api_strict], ids=["numpy", "array_api_strict"])
def test_the_page_of_the_paper_runs_on_other_libraries(xp):
    layer = make_layer()
    x = torch.randn(4, 5, dtype=torch.float64)
    expected = layer(x).detach().numpy()
    M = sk.DenseMatrix(xp.asarray((torch.eye(7) - layer.parametrization.weight()).detach().numpy()))
    bias = xp.asarray(layer.parametrization.bias(x).detach().numpy())
    F, G = forward_inclusion(M, bias, ReLU().operator)
    solution = sk.solve(F + G, xp.zeros_like(bias), sk.PeacemanRachford(), tol=1e-13, batch_ndim=1)
    np.testing.assert_allclose(np.asarray(solution.x), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("alpha", [0.1, 1.0, 7.0])
def test_linearized_activation_inverts_its_relation(alpha):
    """R = (I + αG̃)⁻¹ with G̃(ũ) = Dũ − v, checked through D where J > 0."""
    rng = np.random.default_rng(0)
    J, v, x = rng.uniform(0.05, 1, (2, 6)), rng.normal(size=(2, 6)), rng.normal(size=(2, 6))
    G = LinearizedActivation(J, v)
    u = G.resolvent(alpha)(x)
    np.testing.assert_allclose(u + alpha * ((1 / J - 1) * u - v), x, atol=1e-12)
    np.testing.assert_allclose(G.cayley(alpha)(x), 2 * u - x, atol=1e-12)
    dead = LinearizedActivation(0 * J, v).resolvent(alpha)(x)
    assert np.array_equal(dead, 0 * x)


def test_cotangent_inclusion_solves_the_transposed_system():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(6, 6))
    W = -A.T @ A / 6 + rng.normal(size=(1,)) * (A - A.T) / 6
    J, v = (rng.uniform(size=(3, 6)) > 0.4).astype(float), rng.normal(size=(3, 6))
    for transposed in (True, False):
        F, G = cotangent_inclusion(sk.DenseMatrix(np.eye(6) - W), J, v, transposed=transposed)
        u = sk.solve(F + G, 0 * v, sk.PeacemanRachford(), tol=1e-14, batch_ndim=1).x
        product = u @ W if transposed else u @ W.T
        np.testing.assert_allclose(u, J * (v + product), atol=1e-12)


def test_a_sample_does_not_depend_on_its_batch():
    layer = make_layer(tol=1e-10)
    x = torch.randn(32, 5, dtype=torch.float64) * torch.logspace(-3, 3, 32).double()[:, None]
    together = layer(x).detach()
    alone = torch.cat([layer(row[None]).detach() for row in x])
    difference = (together - alone).norm(dim=1) / alone.norm(dim=1).clamp_min(1e-300)
    assert float(difference.max()) < 1e-8


SATURATING = ["tanh", "hardtanh", "sigmoid", "arctan", "softsign", "softmax", "sparsemax"]


@pytest.mark.parametrize(("activation", "size"), every_other(SATURATING, [1e9, 1e15, 1e19, 1e30]))
def test_what_saturates_at_huge_inputs_is_not_lost_beside_them(activation, size):
    """u = z + αb ≈ αb: as half a sum of such points z would be nothing but their rounding."""
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(5, 4), activation, tol=1e-5)
    x = (size * torch.randn(3, 5, dtype=torch.float64)).float()
    z = layer(x).detach()
    p = layer.parametrization
    y = p.multiply(p.weight(), z) + p.bias(x)  # Wz is nothing beside b
    torch.testing.assert_close(z, layer.activation(y.detach()), rtol=0, atol=1e-5)


def test_error_bound_is_an_upper_bound():
    layer = make_layer(tol=1e-3)
    x = torch.randn(16, 5, dtype=torch.float64)
    z = layer(x).detach()
    bound = layer.last_solve.forward.error_bound
    layer.tol = 1e-14
    exact = layer(x).detach()
    assert 0 < float((z - exact).norm(dim=1).max()) <= bound


@pytest.mark.parametrize(("kernel_size", "enough"), [(3, 1), (5, 2)])
def test_a_border_wide_enough_keeps_apart_what_a_torus_joins(kernel_size, enough):
    """W has radius k − 1: where 2·border ≥ k − 1, a wider border changes nothing inside."""

    def inside(border):
        torch.manual_seed(0)
        p = sknn.MonotoneConv2d(2, 3, (6, 5), kernel_size, m=0.3, border=border).double()
        with torch.no_grad():
            p.g.mul_(3), p.h.mul_(3)
        x = torch.randn(4, 2, 6, 5, dtype=torch.float64)
        z = sknn.MonDEQ(p, tol=1e-13, max_iter=20_000)(x).detach()
        return z[:, :, border : border + 6, border : border + 5]

    wide = inside(enough + 2)
    for border in (enough, enough + 1):
        torch.testing.assert_close(inside(border), wide, rtol=0, atol=1e-11)
    assert float((inside(enough - 1) - wide).abs().max()) > 1e-3
