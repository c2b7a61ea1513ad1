"""Derivatives of solutions against closed forms, dense formulas and finite differences."""

import math

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit.derivatives.gmres import gmres

METHODS = [sk.PeacemanRachford(), sk.DouglasRachford(), sk.ForwardBackward()]


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def variational_inequality(M, q):
    box = sk.functions.Box(-1.0, 1.0, batch_ndim=1)
    return sk.Affine(M, q) + sk.NormalCone(box)


def monotone(seed=0, n=4):
    A = randn(n, n, seed=seed)
    return torch.eye(n, dtype=torch.float64) + A - A.T


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_first_and_second_derivatives_of_a_variational_inequality(method):
    M, q = monotone().requires_grad_(), (2 * randn(3, 4, seed=1)).requires_grad_()
    layer = sknn.ImplicitSolve(variational_inequality, method, tol=1e-13, batch_ndim=1)
    start = torch.zeros(3, 4, dtype=torch.float64)

    def function(M, q):
        return layer(start, M, q)

    x = function(M, q)
    clipped = (x.detach().abs() > 1 - 1e-9).sum()
    assert 0 < int(clipped) < x.numel()  # both kinds of entries occur
    # products of unaligned vectors differ in their last bit
    assert torch.autograd.gradcheck(function, (M, q), nondet_tol=1e-11)
    assert torch.autograd.gradgradcheck(function, (M, q), fast_mode=True, nondet_tol=1e-11)


def test_lasso_path():
    """x(λ) of ½‖Ax − b‖² + λ‖x‖₁ has dx/dλ = −(A_SᵀA_S)⁻¹ sign(x_S) on its support S."""
    A, b = randn(12, 5), randn(12, seed=1)

    class Soft(sk.Operator):
        properties = sk.Properties.of(monotone=True, gradient=True, maximal=True)

        def __init__(self, weight):
            self.weight = weight

        def make_resolvent(self, alpha):
            return lambda y: y - torch.clamp(y, -alpha * self.weight, alpha * self.weight)

    def inclusion(b, weight):
        return sk.Affine(A.T @ A, A.T @ b) + Soft(weight)

    weight = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    b = b.requires_grad_()
    layer = sknn.ImplicitSolve(inclusion, tol=1e-13)
    x = layer(torch.zeros(5, dtype=torch.float64), b, weight)
    support = x.detach() != 0
    assert 0 < int(support.sum()) < 5
    v = randn(5, seed=2)
    of_b, of_weight = torch.autograd.grad(x, (b, weight), v)
    S = A[:, support]
    w = torch.linalg.solve(S.T @ S, v[support])
    torch.testing.assert_close(of_b, S @ w)
    torch.testing.assert_close(of_weight, -(x.detach()[support].sign() @ w))


def test_block_points_and_modules():
    """A saddle point in two blocks: x, y with x + Kᵀy = a, y − Kx = b."""

    class Game(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.K = torch.nn.Parameter(randn(2, 3))

        def forward(self, a, b):
            one = sk.DenseMatrix(torch.eye(3, dtype=torch.float64))
            two = sk.DenseMatrix(torch.eye(2, dtype=torch.float64))
            return sk.Saddle(sk.Affine(one, a), sk.Affine(two, b), self.K)

    game = Game()
    a, b = randn(3, seed=1).requires_grad_(), randn(2, seed=2).requires_grad_()
    layer = sknn.ImplicitSolve(game, sk.DouglasRachford(), tol=1e-13)
    assert [name for name, _ in layer.named_parameters()] == ["build.K"]
    start = torch.zeros(3, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    x, y = layer(start, a, b)
    K = game.K
    expected = torch.linalg.solve(torch.eye(3, dtype=torch.float64) + K.T @ K, a - K.T @ b)
    torch.testing.assert_close(x, expected)
    v = randn(3, seed=3)
    for mine, theirs in zip(
        torch.autograd.grad(x, (K, a, b), v, retain_graph=True),
        torch.autograd.grad(expected, (K, a, b), v),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs)
    assert y.requires_grad


def test_no_gradient_is_recorded_where_none_is_asked_for():
    layer = sknn.ImplicitSolve(variational_inequality, batch_ndim=1)
    start = torch.zeros(2, 4, dtype=torch.float64)
    assert not layer(start, monotone(), randn(2, 4)).requires_grad
    with torch.no_grad():
        assert not layer(start, monotone().requires_grad_(), randn(2, 4)).requires_grad
    assert layer.last_solution.converged


@pytest.mark.parametrize("size", [1e-30, 1e-23, 1e30])
def test_derivatives_are_as_exact_for_cotangents_of_every_size(size):
    M, q = monotone().float().requires_grad_(), (2 * randn(3, 4, seed=1)).float()
    layer = sknn.ImplicitSolve(variational_inequality, tol=1e-6, batch_ndim=1)
    x = layer(torch.zeros(3, 4), M, q)
    v = torch.randn(3, 4, generator=torch.Generator().manual_seed(2))
    (expected,) = torch.autograd.grad(x, M, v, retain_graph=True)
    (found,) = torch.autograd.grad(x, M, v * size, retain_graph=True)
    torch.testing.assert_close(found / size, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_cotangents_that_are_not_finite_have_no_derivatives(bad):
    M = monotone().requires_grad_()
    layer = sknn.ImplicitSolve(variational_inequality, batch_ndim=1)
    x = layer(torch.zeros(3, 4, dtype=torch.float64), M, 2 * randn(3, 4, seed=1))
    (found,) = torch.autograd.grad(x, M, torch.full_like(x, bad))
    assert found.isnan().any()


def test_what_build_depends_on_must_be_given():
    M, q = monotone().requires_grad_(), randn(3, 4, seed=1)
    start = torch.zeros(3, 4, dtype=torch.float64)
    layer = sknn.ImplicitSolve(lambda q: variational_inequality(M, q), batch_ndim=1)
    with pytest.raises(TypeError, match="neither an input nor a parameter"):
        layer(start, q.requires_grad_())
    with torch.no_grad():
        assert not layer(start, q).requires_grad
    M.requires_grad_(False)
    assert layer(start, q).requires_grad


@pytest.mark.parametrize(
    ("x0", "q", "match"),
    [
        ([0.0] * 4, randn(4), "x0 = "),
        (torch.zeros(4, dtype=torch.int64), randn(4), "x0 = "),
        (torch.zeros(4, dtype=torch.float64), 3.0, r"inputs\[0\] = 3.0"),
    ],
)
def test_bad_inputs(x0, q, match):
    layer = sknn.ImplicitSolve(lambda q: variational_inequality(monotone(), q))
    with pytest.raises(TypeError, match=match):
        layer(x0, q)


def test_gmres_solves_singular_consistent_systems_and_refuses_others():
    P = torch.diag(torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64))
    rhs = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    (w,) = gmres(lambda w: (P @ w[0],), (rhs,))
    torch.testing.assert_close(P @ w, rhs)
    with pytest.raises(ArithmeticError, match="not unique"):
        gmres(lambda w: (P @ w[0],), (torch.ones(3, dtype=torch.float64),))


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: sknn.ImplicitSolve(3), TypeError, "build = 3"),
        (lambda: sknn.ImplicitSolve(abs, method="pr"), TypeError, "method = .pr."),
        (lambda: sknn.ImplicitSolve(abs, tol=0.0), ValueError, r"tol = 0\.0"),
        (lambda: sknn.ImplicitSolve(abs)(torch.zeros(2), torch.ones(2)), TypeError, "Operator"),
    ],
)
def test_bad_arguments(make, error, match):
    with pytest.raises(error, match=match):
        make()
