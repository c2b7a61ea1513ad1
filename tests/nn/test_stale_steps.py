"""A step size that was chosen for other parameters is not kept where it no longer serves."""

import copy
import pickle

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from tests.sampling import pairwise

KINDS = {
    "dense": lambda: sknn.MonotoneDense(3, 8),
    "triangular": lambda: sknn.MonotoneTriangular(3, 8, 2),
    "lipschitz": lambda: sknn.MonotoneLipschitz(3, 8, 2, gamma=1.0),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, 4),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 3), 4),
}
each = pytest.mark.parametrize("kind", KINDS)


def make(kind, activation="relu", **options):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(KINDS[kind](), activation, max_iter=20_000, **options)
    return layer, torch.randn(6, *layer.parametrization.input_shape)


def grown(layer, factor):
    with torch.no_grad():
        for p in layer.parametrization.weights().values():
            p.mul_(factor)
    return layer


def loaded(layer):
    layer.load_state_dict(layer.state_dict())
    return layer


def pickled(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize(
    ("kind", "grows", "activation"),
    pairwise(KINDS, [(0.01, True), (10, True), (30, False)], ["relu", "tanh"]),
)
def test_parameters_that_grew_cost_what_they_cost_a_new_layer(kind, grows, activation):
    factor, training = grows
    layer, x = make(kind, activation)
    fresh = grown(copy.deepcopy(layer), factor).train(training)
    fresh(x)
    layer.train(training)(x)
    for copied in (lambda same: same, copy.deepcopy, pickled, loaded):
        other = grown(copied(copy.deepcopy(layer)), factor)
        other(x)
        assert other.last_solve.forward.iterations <= fresh.last_solve.forward.iterations
        assert float(other.alpha) == float(fresh.alpha)


@each
@pytest.mark.parametrize("training", [True, False])
def test_small_changes_keep_the_step(kind, training):
    layer, x = make(kind)
    layer.train()(x)
    alpha = float(layer.alpha)
    grown(layer, 1.02)(x)
    assert float(layer.alpha) == alpha


def fit(choose_anew):
    layer, x = make("dense", tol=1e-5)
    head = torch.nn.Linear(8, 1)
    y = x.square().sum(1, keepdim=True)
    optimizer = torch.optim.LBFGS([*layer.parameters(), *head.parameters()], lr=1, max_iter=40)
    count = []

    def closure():
        optimizer.zero_grad()
        if choose_anew:
            layer.alpha.fill_(float("nan"))
        loss = (head(layer(x)) - y).square().mean()
        loss.backward()
        count.append(layer.last_solve.forward.iterations)
        return loss

    optimizer.step(closure)
    return sum(count) / len(count)


def test_line_searches_that_try_far_parameters():
    assert fit(choose_anew=False) <= 2 * fit(choose_anew=True)


@each
def test_a_state_dict_goes_on_bit_for_bit(kind):
    def steps(layer, count):
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
        for _ in range(count):
            optimizer.zero_grad()
            z = layer(x)
            z.square().sum().backward()
            optimizer.step()
            grown(layer, 1.2)
        return z

    layer, x = make(kind)
    steps(layer, 3)
    other, _ = make(kind)
    other.load_state_dict(copy.deepcopy(layer.state_dict()))
    assert torch.equal(steps(layer, 6), steps(other, 6))
    assert torch.equal(layer.alpha, other.alpha)


def test_older_state_dicts_have_no_bound():
    layer, x = make("dense")
    layer(x)
    old = {name: value for name, value in layer.state_dict().items() if name != "bound"}
    other, _ = make("dense")
    other.load_state_dict(old)
    torch.testing.assert_close(other.eval()(x), layer.eval()(x), rtol=0, atol=1e-3)
    assert torch.isfinite(other.bound)


@pytest.mark.parametrize(
    ("kind", "activation", "tol"),
    [
        ("triangular", "tanh", 1e-11),
        ("dense", "softsign", sk.CertifiedError(1e-7)),
        ("conv", "relu", 1e-11),
    ],
)
def test_what_is_not_over_soon_is_accelerated(kind, activation, tol):
    """Parameters a hundred times as large: L/m is 1e4 times what it was."""
    layer, x = make(kind, activation, tol=tol)
    layer, x = grown(layer.double().eval(), 100), x.double()
    layer.max_iter = 1000
    z = layer(x)
    forward = layer.last_solve.forward
    assert forward.iterations > 50
    assert forward.method.startswith("Anderson")
    W, bias = layer.parametrization(x)
    pre = layer.parametrization.multiply(W, z) + bias
    size = float(pre.detach().abs().max())
    torch.testing.assert_close(layer.activation(pre), z, rtol=0, atol=1e-6 * size)
    parameters = list(layer.parametrization.weights().values())
    v = torch.randn_like(z)
    found = torch.autograd.grad((z * v).sum(), parameters, retain_graph=True)
    layer.gradient = "direct"
    exact = torch.autograd.grad((layer(x) * v).sum(), parameters)
    for ours, true in zip(found, exact, strict=True):
        assert float((ours - true).norm() / true.norm()) < 1e-4


def test_samples_that_are_done_first_are_counted_as_before():
    torch.manual_seed(3)
    parametrization = sknn.MonotoneTriangular(3, 20, 5)
    layer = sknn.MonDEQ(parametrization, "tanh", tol=sk.CertifiedError(1e-4)).double().eval()
    torch.nn.init.zeros_(parametrization.U.bias)
    x = torch.tensor([[0.0] * 3, [1e-6] * 3, [0.3, -1, 2]], dtype=torch.float64)
    grown(layer, 100)(x)
    after, *_ = layer.last_solve.forward.measured
    assert layer.last_solve.forward.method.startswith("Anderson")
    layer.max_iter, layer.on_failure = 50, "warn"
    with pytest.warns(sk.NotConvergedWarning):
        layer(x)
    before, *_ = layer.last_solve.forward.measured
    early = before < 50
    assert early.any()
    assert (after[early] == before[early]).all()
    assert (after[~early] > 50).all()
