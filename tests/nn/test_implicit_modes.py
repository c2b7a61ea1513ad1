"""``ImplicitSolve``: random modules, both modes of differentiation, every order, its cost."""

import copy

import pytest
import torch
from torch import nn

import splitkit as sk
import splitkit_nn as sknn
from splitkit.derivatives import recorded
from splitkit.derivatives.gmres import gmres

N = 4
METHODS = [sk.PeacemanRachford(), sk.DouglasRachford(), sk.ForwardBackward(), None]
# torch scripts its own decompositions when forward mode first asks for them
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
by_method = pytest.mark.parametrize("method", METHODS, ids=str)


def matrix(n=N, seed=0):
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(n, n, generator=generator, dtype=torch.float64) / n**0.5
    return A @ A.T + torch.eye(n, dtype=torch.float64) + A - A.T


class Random(nn.Module):
    """A quadratic whose linear term is drawn, or normalized."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.M, self.seen = inner, nn.Parameter(matrix()), []

    def forward(self, q):
        q = self.inner(q)
        self.seen.append(q.detach())
        return sk.Affine(self.M, q) + sk.Subdifferential(sk.functions.L1Norm(0.1, batch_ndim=1))


@by_method
def test_dropout_is_drawn_once(method):
    torch.manual_seed(0)
    build = Random(nn.Dropout(0.5))
    layer = sknn.ImplicitSolve(build, method, tol=1e-12, batch_ndim=1)
    q = torch.randn(3, N, dtype=torch.float64, requires_grad=True)
    x = layer(torch.zeros(3, N, dtype=torch.float64), q)
    after = torch.get_rng_state()
    (found,) = torch.autograd.grad(x.square().sum(), q)
    assert torch.equal(torch.get_rng_state(), after)
    dropped = build.seen[0]
    assert 0 < int((dropped == 0).sum()) < dropped.numel()
    first = build.seen[0]
    expected = torch.where(first.abs() > 0, 2.0, 0.0)
    F = sk.Affine(build.M.detach(), first)
    residual = x.detach() - sk.functions.L1Norm(0.1).prox(x.detach() - F(x.detach()))
    assert float(residual.abs().max()) < 1e-9  # x solves the inclusion of the first mask
    fixed = sknn.ImplicitSolve(build.eval(), method, tol=1e-12, batch_ndim=1)
    p = (q.detach() * expected).requires_grad_()
    y = fixed(torch.zeros(3, N, dtype=torch.float64), p)
    (of_p,) = torch.autograd.grad(y.square().sum(), p)
    torch.testing.assert_close(found, of_p * expected, rtol=0, atol=1e-8)
    torch.manual_seed(1)
    build.train()
    layer(torch.zeros(3, N, dtype=torch.float64), q)
    once = torch.get_rng_state()
    torch.manual_seed(1)
    nn.functional.dropout(q.detach(), 0.5)
    assert torch.equal(torch.get_rng_state(), once)


@by_method
def test_batch_normalization_counts_one_batch(method):
    torch.manual_seed(0)
    build = Random(nn.BatchNorm1d(N).double())
    alone = copy.deepcopy(build.inner)
    layer = sknn.ImplicitSolve(build, method, tol=1e-12, batch_ndim=1)
    q = torch.randn(5, N, dtype=torch.float64, requires_grad=True)
    x = layer(torch.zeros(5, N, dtype=torch.float64), q)
    (found,) = torch.autograd.grad(x.square().sum(), q)
    normed = alone(q)
    for name, value in build.inner.named_buffers():
        torch.testing.assert_close(value, dict(alone.named_buffers())[name])
    build.inner = nn.Identity()
    y = layer(torch.zeros(5, N, dtype=torch.float64), normed)
    torch.testing.assert_close(x, y, rtol=0, atol=1e-9)
    (expected,) = torch.autograd.grad(y.square().sum(), q)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-8)


@by_method
def test_forward_mode_is_the_transpose_of_reverse_mode(method):
    build = Random(nn.Identity())
    layer = sknn.ImplicitSolve(build, method, tol=1e-13, batch_ndim=1)
    start = torch.zeros(2, N, dtype=torch.float64)
    q = 2 * torch.randn(2, N, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    J = torch.autograd.functional.jacobian(lambda q: layer(start, q), q)
    assert float(J.abs().max()) > 0.1
    with torch.no_grad():
        found = torch.func.jacfwd(lambda q: layer(start, q))(q)
        torch.testing.assert_close(found, J, rtol=0, atol=1e-10)
        along = torch.ones_like(q)
        x, tangent = torch.func.jvp(lambda q: layer(start, q), (q,), (along,))
        torch.testing.assert_close(tangent, torch.tensordot(J, along, 2), rtol=0, atol=1e-10)
        torch.testing.assert_close(x, layer(start, q), rtol=0, atol=1e-10)
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(q, along)
            unpacked = torch.autograd.forward_ad.unpack_dual(layer(start, dual))
        torch.testing.assert_close(unpacked.tangent, tangent, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        torch.func.jacrev(lambda q: layer(start, q))(q), J, rtol=0, atol=1e-10
    )


M = matrix()


def smooth(t):
    n = torch.ones(N, dtype=torch.float64)
    return sk.Affine(M * (1 + t**2), torch.sin(t) * n) + sk.Subdifferential(
        sk.functions.SquaredL2()
    )


def closed_form(t):
    n = torch.ones(N, dtype=torch.float64)
    A = M * (1 + t**2) + torch.eye(N, dtype=torch.float64)
    return torch.linalg.solve(A, torch.sin(t) * n).sum()


@by_method
def test_derivatives_of_the_first_four_orders(method):
    layer = sknn.ImplicitSolve(smooth, method, tol=1e-14)

    def solved(t):
        return layer(torch.zeros(N, dtype=torch.float64), t).sum()

    t = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    ours, theirs = solved(t), closed_form(t)
    for _ in range(4):
        (ours,) = torch.autograd.grad(ours, t, create_graph=True)
        (theirs,) = torch.autograd.grad(theirs, t, create_graph=True)
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("order", ["ff", "fr", "rf", "rr", "frf"])
def test_modes_in_any_order(order):
    layer = sknn.ImplicitSolve(smooth, tol=1e-14)

    def solved(t):
        return layer(torch.zeros(N, dtype=torch.float64), t).sum()

    ours, theirs = solved, closed_form
    for mode in order:
        ours = torch.func.jacfwd(ours) if mode == "f" else torch.func.jacrev(ours)
        theirs = torch.func.jacrev(theirs)  # twice forward, torch's own solve is wrong
    t = torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(ours(t), theirs(t), rtol=1e-8, atol=1e-8)


def test_vmap_over_inputs_is_refused_by_name():
    layer = sknn.ImplicitSolve(smooth, tol=1e-10)
    t = torch.tensor([0.3, 0.4], dtype=torch.float64)

    def solved(t):
        return layer(torch.zeros(N, dtype=torch.float64), t).sum()

    with pytest.raises(NotImplementedError, match="batch_ndim"):
        torch.vmap(torch.func.grad(solved))(t)


def test_a_backward_pass_evaluates_the_inclusion_a_few_times_and_its_constants_once(monkeypatch):
    n, count = 300, []
    M = matrix(n)

    def build(q):
        count.append(1)
        return sk.Affine(M, q) + sk.Subdifferential(sk.functions.L1Norm(0.1))

    layer = sknn.ImplicitSolve(build, tol=1e-10)
    q = torch.randn(n, dtype=torch.float64, requires_grad=True)
    x = layer(torch.zeros(n, dtype=torch.float64), q)
    forward = len(count)

    def computed(self):
        raise AssertionError("constants are computed again")

    monkeypatch.setattr(sk.DenseMatrix, "_known_properties", property(computed))
    x.sum().backward()
    assert forward <= 3
    assert len(count) - forward <= 2


@pytest.mark.parametrize("transposed", [True, False])
def test_a_system_that_takes_gmres_long_is_factored(transposed, monkeypatch):
    """Of n different eigenvalues GMRES needs n steps."""
    n = 200
    slopes = torch.linspace(-5, 0.99, n, dtype=torch.float64)
    turn = torch.linalg.qr(matrix(n))[0]
    T = turn @ torch.diag(slopes) @ turn.T + torch.triu(matrix(n), 1) / n
    calls = []

    class Linear:
        def step(self, u, values):
            calls.append(1)
            return (u[0] @ T.T + values[0],)

    u = torch.zeros(n, dtype=torch.float64)
    rhs = torch.randn(n, dtype=torch.float64)
    steps = []

    def counted(operator, right, max_steps=500):
        steps.append(max_steps)
        return gmres(operator, right, max_steps)

    monkeypatch.setattr(recorded, "gmres", counted)
    (w,) = recorded._solve(Linear(), transposed, (u,), (u,), (rhs,))
    A = torch.eye(n, dtype=torch.float64) - T
    expected = torch.linalg.solve(A.T if transposed else A, rhs)
    torch.testing.assert_close(w, expected, rtol=1e-8, atol=1e-8)
    assert steps == [recorded.PATIENCE]
    assert len(calls) == 1
