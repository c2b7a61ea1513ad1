"""What the two parametrizations promise beside monotonicity, and one of a user's own."""

import numpy as np
import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.linear.bounds.comparison import comparison_bounds


@pytest.mark.parametrize("block", [1, 2, 3, 6])
def test_triangular_and_not_overparametrized(block):
    torch.manual_seed(0)
    p = sknn.MonotoneTriangular(2, 6, block, m=0.5).double()
    W = p.weight().detach().numpy()
    tier = np.arange(6) // block
    assert np.all(W[tier[:, None] < tier] == 0)
    assert np.all(W[tier[:, None] >= tier] != 0)
    count = sum(value.numel() for value in p.weights().values())
    assert count == np.sum(tier[:, None] >= tier)


@pytest.mark.parametrize("block", [1, 3])
def test_every_triangular_monotone_matrix_is_reached(block):
    rng, n, m = np.random.default_rng(0), 6, 0.5
    tier = np.arange(n) // block
    M = rng.normal(size=(n, n)) * (tier[:, None] >= tier)
    M += (m + 0.1 - np.linalg.eigvalsh((M + M.T) / 2)[0]) * np.eye(n)
    P = (M + M.T) / 2 - m * np.eye(n)
    p = sknn.MonotoneTriangular(2, n, block, m=m).double()
    skew = (M.T - M) / 2
    with torch.no_grad():
        p.A.copy_(torch.as_tensor(np.linalg.cholesky(P)[np.tril_indices(n)]))
        for i, row in enumerate([] if p.B is None else p.B):
            at = slice(i * block, (i + 1) * block)
            row.copy_(torch.as_tensor(skew[at, at][np.tril_indices(block, -1)]))
    np.testing.assert_allclose(p.weight().detach().numpy(), np.eye(n) - M, atol=1e-12)


def test_a_block_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="block = 4 does not divide features = 6"):
        sknn.MonotoneTriangular(2, 6, 4)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("gamma", [0.2, 3.0])
def test_lipschitz_bound_holds_and_is_not_idle(activation, scale, gamma):
    torch.manual_seed(0)
    p = sknn.MonotoneLipschitz(4, 6, 3, gamma=gamma, m=0.1).double()
    with torch.no_grad():
        p.U.weight.mul_(scale)
        p.readout.weight.mul_(scale)
        p.P.mul_(0.1)
        p.Q.mul_(0.1)
    layer = sknn.MonDEQ(p, activation, tol=1e-12, max_iter=100_000)
    x = torch.randn(40, 4, dtype=torch.float64)
    near = x + 1e-3 * torch.randn(40, 4, dtype=torch.float64)
    with torch.no_grad():
        change = (p.readout(layer(x)) - p.readout(layer(near))).norm(dim=1)
    gains = change / (x - near).norm(dim=1)
    assert float(gains.max()) <= gamma * (1 + 1e-6)
    if scale == 20.0 and activation == "relu":
        assert float(gains.max()) > 0.2 * gamma


def test_the_readout_learns_with_the_layer():
    torch.manual_seed(0)
    p = sknn.MonotoneLipschitz(2, 8, 1, gamma=2.0)
    layer, x = sknn.MonDEQ(p, tol=1e-4), torch.linspace(-1, 1, 32)[:, None] * torch.ones(2)
    target = x[:, :1].abs()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    losses = []
    for _ in range(120):
        optimizer.zero_grad()
        loss = (p.readout(layer(x)) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.05 * losses[0]


def test_bad_gamma_is_refused():
    with pytest.raises(ValueError, match="gamma = 0"):
        sknn.MonotoneLipschitz(4, 6, 3, gamma=0)


def test_gamma_is_learned_and_stays_a_bound():
    torch.manual_seed(0)
    p = sknn.MonotoneLipschitz(2, 8, 1, gamma=4.0, m=0.5, learned=True)
    layer, x = sknn.MonDEQ(p, tol=1e-4), torch.linspace(-1, 1, 32)[:, None] * torch.ones(2)
    target = 0.1 * x[:, :1].abs()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        ((p.readout(layer(x)) - target).square().mean() + 1e-3 * p.bound.sum()).backward()
        optimizer.step()
    assert 0.07 * 0.99 < p.gamma < 1.0  # the target's constant is 0.1/√2
    layer.double()
    layer.tol = 1e-10
    near = x.double() + 1e-3 * torch.randn(32, 2, dtype=torch.float64)
    with torch.no_grad():
        change = (p.readout(layer(x.double())) - p.readout(layer(near))).norm(dim=1)
    assert bool((change <= p.gamma * (1 + 1e-6) * (x.double() - near).norm(dim=1)).all())
    p.reset_parameters()
    assert p.gamma == pytest.approx(4.0)


def test_the_gradient_in_gamma_is_that_of_differences():
    torch.manual_seed(0)
    p = sknn.MonotoneLipschitz(3, 5, 2, gamma=0.7, learned=True).double()
    layer, x = sknn.MonDEQ(p, "tanh", tol=1e-12), torch.randn(4, 3, dtype=torch.float64)

    def function(log_gamma):
        changed = {"parametrization.log_gamma": log_gamma}
        return torch.func.functional_call(layer, changed, (x,))

    start = p.log_gamma.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(function, (start,))
    assert torch.autograd.gradgradcheck(function, (start,))


@pytest.mark.parametrize("activation", ["relu", "tanh", "softthreshold"])
@pytest.mark.parametrize("scale", [0.1, 10.0])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_the_constant_in_infinity_holds_entry_by_entry(activation, scale, spread):
    torch.manual_seed(0)
    p = sknn.MonotoneInfinity(20, 30, m=0.5).double()
    with torch.no_grad():
        p.T.mul_(scale)
        p.log_weights.normal_().mul_(spread)
    layer = sknn.MonDEQ(p, activation, tol=1e-12, max_iter=10_000)
    gain = p.linf_gain(layer.activation)
    U, W, w = p.U.weight.detach(), p.weight().detach(), p.log_weights.detach().exp()
    excess = 1 - W.diagonal() - w * ((W - torch.diag(W.diagonal())).abs() / w).sum(1)
    assert float(excess.min()) >= 0.5 * (1 - 1e-12)
    assert float(torch.linalg.eigvalsh(W + W.T)[-1]) <= 2 * 0.5 + 1e-12
    # in the weighted ℓ∞ by ‖U‖/m, which is that of its worst row
    assert gain <= float((w * U.abs().sum(1) / excess).max() / w.min()) * (1 + 1e-6)
    x = torch.randn(60, 20, dtype=torch.float64)
    near = x + 0.3 * torch.randn(60, 20, dtype=torch.float64).sign()
    with torch.no_grad():
        moved = (layer(x) - layer(near)).abs()
    assert float(moved.max()) <= 0.3 * gain
    w = torch.randn(4, 30, dtype=torch.float64)
    l2, linf = comparison_bounds(W, U, w)
    change = moved @ w.abs().T
    assert bool((change.amax(0) <= 0.3 * linf).all())
    assert bool((change.amax(0) <= 0.3 * 20**0.5 * l2).all())
    bounds = p.lipschitz_bounds(layer.activation, w, torch.eye(4).double(), steps=2)
    assert bool((bounds.linf <= linf).all())
    assert bool((bounds.l2 <= l2).all())


@pytest.mark.parametrize("activation", ["relu", "leakyrelu"])
def test_every_layer_whose_rows_are_dominant_is_reached(activation):
    """In other variables, by weights: rows alone are what Jafarpour et al. (2021) ask for."""
    torch.manual_seed(0)
    n, m, less = 8, 0.5, 0.5 - 1e-3
    W = torch.randn(n, n, dtype=torch.float64) * torch.logspace(-2, 1, n).double()
    V = W.abs().fill_diagonal_(0.0)
    W += torch.diag(1 - m - V.sum(1) - W.diagonal() - torch.rand(n, dtype=torch.float64))
    assert float(torch.linalg.eigvalsh(W + W.T)[-1]) > 2  # in ℓ2 I − W is not monotone
    N, one = torch.diag(1 - W.diagonal()) - V, torch.ones(n, dtype=torch.float64)
    scale = torch.linalg.solve((N - less * torch.eye(n)).T, one).sqrt()
    other = scale[:, None] * W / scale
    p = sknn.MonotoneInfinity(3, n, m=less).double()
    with torch.no_grad():
        U, b = p.U.weight.clone(), p.U.bias.clone()
        p.log_weights.copy_(-scale.log())
        p.T.copy_(other)
        p.T.fill_diagonal_(0.0)
        left = p.weight().diagonal() - other.diagonal()
        assert float(left.min()) >= -1e-9
        p.T.add_(torch.diag(-left / 2))
        torch.testing.assert_close(p.weight(), other)
        p.U.weight.mul_(scale[:, None])
        p.U.bias.mul_(scale)
    layer, x = sknn.MonDEQ(p, activation, tol=1e-12, max_iter=10_000), torch.randn(4, 3).double()
    with torch.no_grad():
        z = layer(x) / scale
    torch.testing.assert_close(z, layer.activation(z @ W.T + x @ U.T + b), rtol=0, atol=1e-9)


def test_entry_by_entry_the_bound_is_attained_where_signs_agree():
    """σ = ReLU on its linear part, W ≥ 0 off the diagonal, U ≥ 0: |Δz| = N⁻¹|U||Δx|."""
    torch.manual_seed(0)
    p = sknn.MonotoneInfinity(3, 5).double()
    with torch.no_grad():
        p.T.abs_()
        p.U.weight.abs_()
    layer, x = sknn.MonDEQ(p, tol=1e-13, max_iter=10_000), torch.ones(1, 3, dtype=torch.float64)
    with torch.no_grad():
        p.U.bias.fill_(5.0)
        moved = layer(x + 1) - layer(x)
    assert float(moved.max()) == pytest.approx(p.linf_gain(layer.activation), rel=1e-6)
    ones = torch.ones(1, 5, dtype=torch.float64)
    bounds = p.lipschitz_bounds(layer.activation, ones, torch.eye(1).double())
    by_multipliers = sknn.lipschitz_bounds(p.weight(), p.U.weight, ones)
    assert float(moved.sum()) == pytest.approx(float(bounds.linf), rel=1e-6)
    assert float(bounds.linf) < 0.99 * float(by_multipliers.l2) * 3**0.5


def test_without_dominance_nothing_is_claimed_entry_by_entry():
    W = torch.tensor([[0.0, 2.0], [-2.0, 0.0]], dtype=torch.float64)
    assert comparison_bounds(W, torch.eye(2).double(), torch.eye(2).double()) is None
    softmax = sknn.Softmax()
    assert sknn.MonotoneInfinity(3, 5).linf_gain(softmax) == float("inf")


class LowRank(sknn.MatrixParametrization):
    """W = (1−m)I − AᵀA with few rows in A: a parametrization of a user's own."""

    def __init__(self, in_features, features, rank, m=1.0):
        super().__init__(in_features, features, m)
        self.A = self.new_parameter(rank, features)

    def weight(self):
        return (1 - self.m) * self.identity() - self.A.T @ self.A


def test_a_parametrization_of_one_s_own():
    torch.manual_seed(0)
    layer = sknn.MonDEQ(LowRank(3, 6, 2, m=0.5).double(), "tanh", tol=1e-12)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    z = layer(x)
    p = layer.parametrization
    torch.testing.assert_close(z, torch.tanh(z @ p.weight().T + p.bias(x)), rtol=0, atol=1e-11)
    assert torch.autograd.gradcheck(layer, (x,), fast_mode=True)


@pytest.mark.parametrize("kind", [sknn.MonotoneDense, sknn.MonotoneTriangular])
def test_forward_backward_knows_the_norm_where_rounding_hides_m(kind):
    """The least eigenvalue of I − W, computed in float32, may lie just below the theorem's m."""
    for seed in range(8):
        torch.manual_seed(seed)
        p = kind(20, 30)
        M = p.operator(exact=True)
        assert M.properties.strong_monotonicity >= p.m
        exact = float(torch.linalg.matrix_norm(M.matrix.double(), 2))
        assert M.properties.lipschitz == pytest.approx(exact, rel=1e-5)
        sknn.MonDEQ(p, method=sk.ForwardBackward(), max_iter=5000)(torch.randn(3, 20))
