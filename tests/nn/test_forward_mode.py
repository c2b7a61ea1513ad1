"""Forward mode through a layer: tangents by one more solve, the transpose of reverse mode."""

import pytest
import torch

import splitkit_nn as sknn
from splitkit_nn.activations.masked import Masked
from tests.sampling import every_other

KINDS = {
    "dense": lambda: sknn.MonotoneDense(3, 4),
    "triangular": lambda: sknn.MonotoneTriangular(3, 4, 2),
    "infinity": lambda: sknn.MonotoneInfinity(3, 4),
    "learned": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=1.0, learned=True),
    "lipschitz": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=1.0),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, 2),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 1), 2),
}
ACTIVATIONS = {
    "relu": lambda: "relu",
    "tanh": lambda: "tanh",
    "softmax": lambda: "softmax",
    "learned": lambda: sknn.SoftThreshold(torch.nn.Parameter(torch.tensor(0.05))),
    "learned elu": lambda: sknn.ELU(torch.nn.Parameter(torch.tensor(0.7))),
}
each = pytest.mark.parametrize("kind", KINDS)
# torch scripts its own decompositions when forward mode first asks for them
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning"),
]


def make(kind, activation="tanh", **options):
    torch.manual_seed(0)
    options = {"tol": 1e-12, "max_iter": 10_000} | options
    layer = sknn.MonDEQ(KINDS[kind](), ACTIVATIONS[activation](), **options).double()
    x = torch.randn(2, *layer.parametrization.input_shape, dtype=torch.float64)
    parameters = {name: p.detach() for name, p in layer.named_parameters()}

    def value(x, parameters):
        return torch.func.functional_call(layer, parameters, (x,))

    return value, x, parameters


def same(a, b, atol=1e-9):
    for ours, theirs in zip(
        torch.utils._pytree.tree_leaves(a), torch.utils._pytree.tree_leaves(b), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("kind", "activation"),  # tiers take elementwise activations
    [pair for pair in every_other(KINDS, ACTIVATIONS) if pair != ("tiers", "softmax")],
)
def test_both_modes_give_one_jacobian(kind, activation):
    value, x, parameters = make(kind, activation)
    found = torch.func.jacfwd(value, argnums=(0, 1))(x, parameters)
    same(found, torch.func.jacrev(value, argnums=(0, 1))(x, parameters))


@pytest.mark.parametrize(("kind", "gradient"), every_other(KINDS, ["cotangent", "direct"]))
def test_second_derivatives_in_all_orders_of_modes(kind, gradient):
    value, x, parameters = make(kind, gradient=gradient)
    rev, fwd = torch.func.jacrev, torch.func.jacfwd

    def loss(x):
        return value(x, parameters).square().sum()

    expected = rev(rev(loss))(x)
    assert float(expected.abs().max()) > 1e-3
    for outer, inner in ((fwd, rev), (rev, fwd), (fwd, fwd)):
        same(outer(inner(loss))(x), expected)


@each
def test_the_hessian_in_the_parameters(kind):
    value, x, parameters = make(kind, "learned elu")
    name = next(n for n in parameters if n.endswith((".A", "A.0", ".P", ".T")))

    def loss(A):
        return value(x, parameters | {name: A}).square().sum()

    rev, fwd = torch.func.jacrev, torch.func.jacfwd
    expected = rev(rev(loss))(parameters[name])
    same(torch.func.hessian(loss)(parameters[name]), expected)
    same(fwd(fwd(loss))(parameters[name]), expected)


@each
def test_tangents_are_differences(kind):
    value, x, parameters = make(kind)
    along = torch.randn_like(x)
    z, tangent = torch.func.jvp(lambda x: value(x, parameters), (x,), (along,))
    step = 1e-5
    difference = value(x + step * along, parameters) - value(x - step * along, parameters)
    torch.testing.assert_close(tangent, difference / (2 * step), rtol=0, atol=1e-7)
    same(z, value(x, parameters))
    forward_ad = torch.autograd.forward_ad
    with forward_ad.dual_level():
        dual = value(forward_ad.make_dual(x, along), parameters)
        same(forward_ad.unpack_dual(dual).tangent, tangent)


def test_second_tangents_of_an_inexact_gradient_are_refused():
    value, x, parameters = make("dense", gradient="jacobian_free")
    torch.func.jvp(lambda x: value(x, parameters), (x,), (x,))
    with pytest.raises(RuntimeError, match="exact"):
        torch.func.jacfwd(torch.func.jacfwd(lambda x: value(x, parameters)))(x)


@pytest.mark.parametrize(
    ("kind", "method"), every_other(KINDS, ["cotangent", "direct", "truncated"])
)
def test_a_mask_for_each_sample(kind, method):
    torch.manual_seed(0)
    p = KINDS[kind]().double()
    x = torch.randn(5, *p.input_shape, dtype=torch.float64)
    mask = torch.rand(sknn.MonDEQ(p)(x).shape) > 0.4
    options = {"tol": 1e-11, "max_iter": 10_000, "gradient": method}

    def layer(mask):
        return sknn.MonDEQ(p, Masked(sknn.Tanh(), mask), **options)

    x.requires_grad_()
    z = layer(mask)(x)
    alone = torch.cat([layer(mask[i : i + 1])(x[i : i + 1]) for i in range(5)])
    assert not z[~mask].any()
    torch.testing.assert_close(z, alone, rtol=0, atol=1e-9)
    found, expected = (torch.autograd.grad(y.square().sum(), x)[0] for y in (z, alone))
    torch.testing.assert_close(
        found, expected, rtol=0, atol=1e-1 if method == "truncated" else 1e-8
    )


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_batches_that_are_solved_in_slices(kind, monkeypatch):
    torch.manual_seed(0)
    p = KINDS[kind]()
    x = torch.randn(6, *p.input_shape)
    mask = torch.rand(sknn.MonDEQ(p)(x).shape) > 0.4
    whole = sknn.MonDEQ(p, Masked(sknn.ReLU(), mask), tol=1e-5)(x)
    monkeypatch.setattr("splitkit_nn.linear.slices.SLICE_BYTES", 2 * whole[0].numel() * 4)
    layer = sknn.MonDEQ(p, Masked(sknn.ReLU(), mask), tol=1e-5)
    z = layer(x)
    z.sum().backward()
    torch.testing.assert_close(z, whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["cotangent", "direct", "truncated", "jacobian_free", "unrolled"])
def test_a_gradient_set_by_its_name(name):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(sknn.MonotoneDense(3, 4), tol=1e-6)
    other = sknn.MonDEQ(layer.parametrization, tol=1e-6, gradient=name)
    x = torch.ones(2, 3)
    layer.gradient = name
    for each_layer in (layer, other):
        each_layer.zero_grad()
        each_layer(x).square().sum().backward()
        assert layer.parametrization.A.grad.any()
    assert repr(layer) == repr(other)


def test_an_unknown_gradient_is_named():
    layer = sknn.MonDEQ(sknn.MonotoneDense(3, 4))
    layer.gradient = "directly"
    with pytest.raises(ValueError, match="gradient = 'directly'"):
        layer(torch.ones(2, 3))


@each
def test_a_tolerance_below_rounding_is_named(kind):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(KINDS[kind](), "tanh", tol=1e-13)
    x = torch.randn(3, *layer.parametrization.input_shape)
    with pytest.raises(RuntimeError, match=r"tol = 1e-13 in torch.float32.*give tol ≥ 1e-06"):
        layer(x)
