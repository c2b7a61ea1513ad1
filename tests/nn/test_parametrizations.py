"""What every parametrization must be: monotone, its own dense matrix, differentiable, exact."""

import copy
import io
import pickle

import array_api_compat.torch as xtorch
import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.testing import check_linear_operator, suite
from tests.nn.dense_matrices import (
    conv2d_matrix,
    dense_matrix,
    free_entries,
    infinity_matrix,
    lipschitz_matrix,
    multitier_matrix,
    triangular_matrix,
)
from tests.sampling import every_other, pairwise

CASES = {
    "dense": (lambda: sknn.MonotoneDense(5, 7, m=0.3), dense_matrix, (5,), (7,)),
    "triangular": (lambda: sknn.MonotoneTriangular(3, 6, m=0.5), triangular_matrix, (3,), (6,)),
    "triangular-blocks": (
        lambda: sknn.MonotoneTriangular(3, 6, 3, m=0.5),
        triangular_matrix,
        (3,),
        (6,),
    ),
    "infinity": (lambda: sknn.MonotoneInfinity(3, 6, m=0.4), infinity_matrix, (3,), (6,)),
    "lipschitz": (
        lambda: sknn.MonotoneLipschitz(4, 6, 2, gamma=0.5, m=0.4),
        lipschitz_matrix,
        (4,),
        (6,),
    ),
    "conv": (lambda: sknn.MonotoneConv2d(2, 3, (2, 3), m=0.3), conv2d_matrix, (2, 2, 3), (3, 4, 5)),
    "conv-torus": (
        lambda: sknn.MonotoneConv2d(1, 2, (5, 4), 5, m=1.7, border=0),
        conv2d_matrix,
        (1, 5, 4),
        (2, 5, 4),
    ),
    "conv-wide-kernel": (
        lambda: sknn.MonotoneConv2d(1, 2, 1, 5),
        conv2d_matrix,
        (1, 1, 1),
        (2, 3, 3),
    ),
    "tiers": (
        lambda: sknn.MonotoneMultiTier(1, (1, 2, 1), (4, 4)),
        multitier_matrix,
        (1, 4, 4),
        (1 * 6 * 6 + 2 * 4 * 4 + 1 * 3 * 3,),
    ),
    "two-tiers": (
        lambda: sknn.MonotoneMultiTier(1, (1, 1), 2),
        multitier_matrix,
        (1, 2, 2),
        (4 * 4 + 3 * 3,),
    ),
    "tiers-torus-stride-3": (
        lambda: sknn.MonotoneMultiTier(2, (2, 1), (3, 6), stride=3, border=0),
        multitier_matrix,
        (2, 3, 6),
        (2 * 3 * 6 + 1 * 1 * 2,),
    ),
    "one-tier": (
        lambda: sknn.MonotoneMultiTier(1, [2], 2, m=0.5),
        multitier_matrix,
        (1, 2, 2),
        (2 * 4 * 4,),
    ),
}
BOUNDED = (
    "tiers",
    "two-tiers",
    "tiers-torus-stride-3",
    "one-tier",
)  # constants that hold, not exact ones
each = pytest.mark.parametrize("name", CASES)


def make(name, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    p = CASES[name][0]().to(dtype)
    with torch.no_grad():
        for value in p.parameters():
            value += 0.2 * torch.randn_like(value)  # scales that are not 1
    return p


def used(p):
    """The parameters on which an equilibrium depends."""
    return [value for name, value in p.named_parameters() if name != "readout.bias"]


def matrix(name, p):
    return CASES[name][1](p)


def points(name, count, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *CASES[name][3], generator=generator, dtype=torch.float64)


def inputs(name, count, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *CASES[name][2], generator=generator, dtype=torch.float64)


def times(matrix, z):
    return (z.flatten(1) @ torch.as_tensor(matrix).T).reshape(z.shape)


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@each
def test_equals_its_dense_matrix(name):
    p, z = make(name), points(name, 4)
    W, weight = matrix(name, p), p.weight().detach()
    close(p.multiply(weight, z), times(W, z))
    close(p.multiply_transpose(weight, z), times(W.T, z))
    for exact in (True, False):
        M = p.operator(exact=exact)
        close(M(z), z - times(W, z))
        close(M.adjoint(z), z - times(W.T, z))
        close(M.T(z), z - times(W.T, z))


@each
def test_outer_is_the_derivative_in_the_weight(name):
    p, z, v = make(name), points(name, 4), points(name, 4, seed=3)
    weight = p.weight().detach().requires_grad_()
    expected = torch.autograd.grad((v * p.multiply(weight, z)).sum(), weight)[0]
    close(p.outer(weight, v, z), expected)
    expected = torch.autograd.grad((v * p.multiply_transpose(weight, z)).sum(), weight)[0]
    close(p.outer(weight, z, v), expected)


@each
@pytest.mark.parametrize("alpha", [0.1, 1.0, 30.0])
def test_shifted_inverse_its_transpose_and_its_reflection(name, alpha):
    p, z = make(name), points(name, 4)
    M = np.eye(z[0].numel()) - matrix(name, p)
    V = np.linalg.inv(np.eye(len(M)) + alpha * M)
    L = p.operator(exact=True)
    inverse = L.shifted_inverse(alpha)
    close(inverse(z), times(V, z))
    close(inverse.T(z), times(V.T, z))
    close(L.T.shifted_inverse(alpha)(z), times(V.T, z))
    assert L.shifted_inverse(alpha) is inverse
    reflected, transposed = L.reflected_inverse(alpha), L.T.reflected_inverse(alpha)
    close(reflected(z), times(2 * V - np.eye(len(M)), z))
    close(transposed(z), times(2 * V.T - np.eye(len(M)), z))


def constants(M):
    return np.linalg.eigvalsh((M + M.T) / 2)[0], np.linalg.norm(M, 2)


@each
def test_constants(name):
    p = make(name)
    M = np.eye(len(matrix(name, p))) - matrix(name, p)
    m, L = constants(M)
    exact, bounds = sk.Affine(p.operator(exact=True)), sk.Affine(p.operator(exact=False))
    assert bounds.strong_monotonicity == pytest.approx(p.m)
    assert p.m - 1e-12 <= m
    assert L * (1 - 1e-12) <= exact.lipschitz <= bounds.lipschitz * (1 + 1e-12)
    assert p.operator(exact=False).reflected_norm(0.7) is None
    if name in BOUNDED:
        assert exact.strong_monotonicity == p.m
        assert exact.lipschitz < 1.5 * L
        return
    assert exact.strong_monotonicity == pytest.approx(m, rel=1e-10)
    assert exact.lipschitz == pytest.approx(L, rel=1e-10)
    reflected = 2 * np.linalg.inv(np.eye(len(M)) + 0.7 * M) - np.eye(len(M))
    found = p.operator(exact=True).reflected_norm(0.7)
    assert found == pytest.approx(np.linalg.norm(reflected, 2), rel=1e-10)


@each
def test_passes_the_public_check(name):
    p = make(name)
    shape = CASES[name][3]
    M, place = p.operator(exact=True), {"xp": xtorch, "dtype": torch.float64}
    check_linear_operator(M, shape, shape, max_examples=4, **place)


@each
@pytest.mark.parametrize("property", ["input_norm", "state_dict", "tracked_weight"])
def test_a_layer_of_it_has(name, property):
    suite(sknn.MonDEQ(make(name))).run(2, only=property)


@each
def test_input_map(name):
    p, x = make(name), inputs(name, 3)
    difference = p.bias(x) - p.bias(torch.zeros_like(x))
    assert p.bias(x).shape == points(name, 3).shape
    jacobian = torch.func.jacrev(lambda v: p.bias(v[None])[0].flatten())(x[0]).detach().flatten(1)
    assert p.input_norm() >= float(torch.linalg.matrix_norm(jacobian, 2)) * (1 - 1e-12)
    close(difference.detach().flatten(1), x.flatten(1) @ jacobian.T)


EXTREMES = {
    "zero": lambda v: v.zero_(),
    "huge": lambda v: v.mul_(1e3),
    "tiny": lambda v: v.mul_(1e-30),
    "negative": lambda v: v.abs_().neg_(),
    "mixed": lambda v: v.mul_(100).neg_(),
}


@pytest.mark.parametrize(("name", "extreme"), every_other(CASES, EXTREMES))
def test_monotone_for_every_parameter_value(name, extreme):
    p = make(name)
    names = list(p.weights())
    for group in *([n] for n in names), names:
        q = copy.deepcopy(p)
        with torch.no_grad():
            for n in group:
                EXTREMES[extreme](q.get_parameter(n))
        M = np.eye(len(matrix(name, q))) - matrix(name, q)
        m, L = constants(M)
        assert m >= q.m - 1e-12 * L
        z = points(name, 2)
        close(q.operator(exact=True)(z), times(M, z), 1e-12 * max(1.0, L))
        q.weight().square().sum().backward()
        assert all(torch.isfinite(value.grad).all() for value in q.weights().values())


@each
@pytest.mark.parametrize("extreme", ["zero", "negative"])
def test_layer_at_the_edge_of_the_parameters(name, extreme):
    p = make(name)
    with torch.no_grad():
        for value in p.weights().values():
            EXTREMES[extreme](value)
    layer = sknn.MonDEQ(p, tol=1e-6)
    layer(inputs(name, 2)).square().sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in used(p))


ENORMOUS = {  # in float32: squares of W overflow, its m is far below rounding, or both
    "A": {"A": 1e10, "g": 1e20},
    "B": {"B": 1e12, "h": 1e12},
    "both": {"A": 1e10, "g": 1e20, "B": 1e20, "h": 1e20},
}


@pytest.mark.parametrize(
    ("name", "which", "dtype"),
    pairwise(["dense", "conv", "tiers"], ENORMOUS, [torch.float32, torch.float64]),
)
def test_enormous_parameters_have_an_equilibrium(name, which, dtype):
    p = make(name, dtype=dtype)
    with torch.no_grad():
        for n, value in p.weights().items():
            value.mul_(ENORMOUS[which].get(n.split(".")[0], 1.0))
    layer = sknn.MonDEQ(p, max_iter=3000)
    x = inputs(name, 2).to(dtype)
    if which == "B":  # L/m = 1e12: the iterations do not suffice, or rounding loses I beside αM
        lost = (sk.NotConvergedError, torch.linalg.LinAlgError)
        with pytest.raises(lost, match=r"max_iter|singular"):
            layer(x)
    else:
        layer(x).square().sum().backward()
        assert layer.last_solve.forward.converged
        assert layer.last_solve.backward.converged
        F, _ = layer.inclusion(x)
        assert p.m <= F.strong_monotonicity < float("inf")
        assert F.lipschitz > 1e10


def test_parameters_at_which_the_weight_overflows_are_named():
    p = make("dense", dtype=torch.float32)
    with torch.no_grad():
        p.A.mul_(1e25)
    with pytest.raises(ValueError, match=r"parameter A .* W overflows in torch\.float32"):
        sknn.MonDEQ(p)(inputs("dense", 2).float())


def newton(W, bias, free):
    """The zero of z − σ(Wz + b) by semismooth Newton; σ is ReLU where free and zero elsewhere."""
    z = np.zeros(len(bias))
    for _ in range(200):
        y = W @ z + bias
        active = (y > 0) & free
        residual = z - np.where(active, y, 0)
        if np.linalg.norm(residual) < 1e-13:
            return z
        z = z - np.linalg.solve(np.eye(len(z)) - active[:, None] * W, residual)
    pytest.fail("Newton's method did not converge")


def exact_equilibria(name, layer, x):
    """By Newton's method on the dense matrix, flattened."""
    p = layer.parametrization
    W, bias = matrix(name, p), p.bias(x).detach().flatten(1).numpy()
    return np.stack([newton(W, b, free_entries(p)) for b in bias])


@each
def test_layer_equals_dense_newton_and_finite_differences(name):
    p, x = make(name), inputs(name, 2)
    layer = sknn.MonDEQ(p, tol=1e-13, max_iter=10_000)
    z, v = layer(x), points(name, 2, seed=5)
    exact = exact_equilibria(name, layer, x)
    np.testing.assert_allclose(z.detach().flatten(1).numpy(), exact, rtol=0, atol=1e-10)
    z.backward(v)
    generator = torch.Generator().manual_seed(6)
    for parameter in used(p):
        step = 1e-6 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * step
                values.append(float((v * layer(x)).sum()))
                parameter -= sign * step
        found, slope = float((parameter.grad * step).sum()), (values[0] - values[1]) / 2
        assert found == pytest.approx(slope, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("name", ["dense", "conv", "two-tiers"])
@pytest.mark.parametrize("method", [sk.ForwardBackward(), sk.DouglasRachford()], ids=repr)
def test_other_methods_find_the_same(name, method):
    layer, x = sknn.MonDEQ(make(name), method=method, tol=1e-9, max_iter=10_000), inputs(name, 2)
    with torch.no_grad():
        z = layer(x).flatten(1).numpy()
    np.testing.assert_allclose(z, exact_equilibria(name, layer, x), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["dense", "triangular-blocks", "lipschitz", "conv", "tiers-torus-stride-3"]
)
def test_gradcheck_of_both_orders(name):
    p = make(name)
    layer = sknn.MonDEQ(p, tol=1e-11, max_iter=10_000)
    names = [n for n, _ in layer.named_parameters()]
    x = inputs(name, 1).requires_grad_()
    values = [v.detach().clone().requires_grad_() for v in layer.parameters()]

    def function(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, (x, *values), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *values), fast_mode=True)


@each
def test_copies_and_state_dict(name):
    layer = sknn.MonDEQ(make(name, dtype=torch.float32), tol=1e-5).eval()
    x = inputs(name, 2).float()
    expected = layer(x).detach()
    other = sknn.MonDEQ(make(name, seed=9, dtype=torch.float32), tol=1e-5).eval()
    stored = io.BytesIO()
    torch.save(layer.state_dict(), stored)
    stored.seek(0)
    other.load_state_dict(torch.load(stored, weights_only=True))
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), other):
        assert torch.equal(copied(x).detach(), expected)
    double = layer.double()(inputs(name, 2)).detach()
    torch.testing.assert_close(double.float(), expected, rtol=0, atol=1e-3)


@each
def test_shapes_and_empty_batches(name):
    layer = sknn.MonDEQ(make(name))
    assert layer(inputs(name, 3)[:0]).shape == (0, *CASES[name][3])
    for bad in (inputs(name, 2)[0], torch.zeros(2, *CASES[name][2], 77), inputs(name, 2)[..., :-1]):
        with pytest.raises(ValueError, match="x has shape"):
            layer(bad.double())
