"""Parameters of activations are learned: their derivatives, of both orders, are the layer's."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import splitkit_nn as sknn
from splitkit_nn.activations import ACTIVATIONS
from tests.sampling import is_thorough


def parameter(value, *shape):
    return nn.Parameter(torch.full(shape, value, dtype=torch.float64))


MAKE = {
    "softthreshold": lambda: sknn.SoftThreshold(parameter(0.2)),
    "clamp": lambda: sknn.Clamp(parameter(-0.3, 1), parameter(0.4)),
    "clamp-upper": lambda: sknn.Clamp(-float("inf"), parameter(0.4)),
    "elu": lambda: sknn.ELU(parameter(0.6)),
    "celu": lambda: sknn.CELU(parameter(0.6)),
    "leakyrelu": lambda: sknn.LeakyReLU(parameter(0.3)),
    "groupshrinkage": lambda: sknn.GroupShrinkage(parameter(0.3), 2),
}
RULES = ["cotangent", "direct", sknn.Unrolled(steps=8, alpha=0.1)]
# of each activation a rule in turn
CASES = [
    pytest.param(name, rule, id=f"{rule!r}-{name}")
    for i, name in enumerate(MAKE)
    for j, rule in enumerate(RULES)
    if j == i % len(RULES) or is_thorough()
]
each = pytest.mark.parametrize("name", MAKE)


def make(name, parametrization=None, **options):
    torch.manual_seed(0)
    p = (parametrization or (lambda: sknn.MonotoneDense(3, 4, m=0.5)))()
    layer = sknn.MonDEQ(p.double(), MAKE[name](), tol=1e-11, max_iter=5000, **options)
    x = torch.randn(2, *p.input_shape, dtype=torch.float64)
    return layer, x


def function_of_theta(layer):
    names = [name for name, _ in layer.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]

    def function(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    return function, values


def test_every_activation_with_parameters_is_here():
    with_ranges = {name for name, kind in ACTIVATIONS.items() if kind.ranges}
    assert with_ranges - set(MAKE) == {"hardtanh", "relu6"}  # clamps of fixed bounds


@pytest.mark.parametrize(("name", "rule"), CASES)
def test_derivatives_of_both_orders(name, rule):
    layer, x = make(name, gradient=rule)
    function, values = function_of_theta(layer)
    assert torch.autograd.gradcheck(function, (x.requires_grad_(), *values), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *values), fast_mode=True)


@pytest.mark.parametrize(
    "kind",
    [
        lambda: sknn.MonotoneTriangular(3, 4, 2, m=0.5),
        lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=1.0),
        lambda: sknn.MonotoneConv2d(1, 2, 2),
        lambda: sknn.MonotoneMultiTier(1, (1, 1), 2),
    ],
)
@pytest.mark.parametrize("name", ["softthreshold", "clamp"])
def test_on_every_parametrization(kind, name):
    layer, x = make(name, kind)
    layer(x).square().sum().backward()
    for p in layer.learned.values():
        found, h, values = float(p.grad.sum()), 1e-6, []
        for sign in (1, -1):
            with torch.no_grad():
                p += sign * h
                values.append(float(layer(x).square().sum()))
                p -= sign * h
        assert found == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-5, abs=1e-7)


@each
@pytest.mark.parametrize("rule", ["truncated", "jacobian_free"])
def test_inexact_rules_reach_them_too(name, rule):
    layer, x = make(name, gradient=rule)
    layer(x).sum().backward()
    assert all(bool(torch.isfinite(p.grad).all()) for p in layer.learned.values())


@each
def test_copied_saved_and_loaded(name, tmp_path):
    layer, x = make(name)
    expected = layer.eval()(x).detach()
    with torch.no_grad():
        for p in layer.learned.values():
            p += 0.05
    moved = layer(x).detach()
    assert not torch.equal(moved, expected)  # though W is the same
    sknn.save(layer, tmp_path / "layer.pt")
    other, _ = make(name)
    other.load_state_dict(layer.state_dict())
    for again in (copy.deepcopy(layer), sknn.load(tmp_path / "layer.pt"), other.eval()):
        assert set(again.learned) == set(layer.learned)
        torch.testing.assert_close(again(x).detach(), moved, rtol=0, atol=1e-10)
    layer.tol = 1e-4
    assert layer.float()(x.float()).dtype == torch.float32


def test_training_learns_it():
    layer, x = make("softthreshold")
    target = make("softthreshold")[0]
    with torch.no_grad():
        target.learned["threshold"].fill_(0.4)
        wanted = target(x)
    optimizer = torch.optim.Adam(layer.learned.values(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (layer(x) - wanted).square().sum().backward()
        optimizer.step()
    assert float(layer.learned["threshold"].detach()) == pytest.approx(0.4, abs=0.02)


def test_per_sample_gradients():
    layer, x = make("softthreshold")
    function, values = function_of_theta(layer)

    def loss(theta, one):
        return function(one[None], *values[:-1], theta).square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(values[-1], x)
    expected = [torch.autograd.grad(loss(values[-1], one), values[-1])[0] for one in x]
    torch.testing.assert_close(found, torch.stack(expected))


@each
@pytest.mark.parametrize("rule", ["cotangent", "unrolled"])
def test_a_parameter_out_of_its_range_is_named(name, rule):
    layer, x = make(name, gradient=rule)
    first = next(iter(layer.learned))
    with torch.no_grad():
        layer.learned[first].fill_(float("nan"))
    with pytest.raises(ValueError, match=f"{first} = nan.*keep a learned one there"):
        layer(x)


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="one number"):
        sknn.SoftThreshold(nn.Parameter(torch.ones(3)))
    with pytest.raises(ValueError, match="threshold"):
        sknn.SoftThreshold(nn.Parameter(torch.tensor(-1.0)))
    computed = 2 * nn.Parameter(torch.tensor(0.2))
    with pytest.raises(TypeError, match="computed from others"):
        sknn.MonDEQ(sknn.MonotoneDense(2, 3), sknn.SoftThreshold(computed))
    bend = nn.PReLU()
    hidden = sknn.ScalarActivation(np.tanh, lambda y: 1 - np.tanh(y) ** 2)
    hidden.function = bend
    with pytest.raises(TypeError, match="holds in function what wants a gradient"):
        sknn.MonDEQ(sknn.MonotoneDense(2, 3), hidden)
    eye = torch.eye(2)
    with pytest.raises(ValueError, match="learned"):
        sknn.ArrayMonDEQ(-eye, eye, eye[0], sknn.SoftThreshold(nn.Parameter(torch.tensor(0.2))))
