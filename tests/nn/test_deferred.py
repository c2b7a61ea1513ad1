"""Modules made on "meta", moved, averaged and loaded: all on which z depends comes along."""

import copy

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

import splitkit_nn as sknn

KINDS = {
    "dense": lambda: sknn.MonotoneDense(3, 4, m=0.5),
    "triangular": lambda: sknn.MonotoneTriangular(3, 4, 2, m=0.5),
    "infinity": lambda: sknn.MonotoneInfinity(3, 4),
    "learned": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=2.0, learned=True),
    "lipschitz": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=1.0),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, (2, 3)),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 1), 2),
}
each = pytest.mark.parametrize("kind", KINDS)


def make(kind, seed=0):
    torch.manual_seed(seed)
    layer = sknn.MonDEQ(KINDS[kind](), tol=1e-5).eval()
    x = torch.randn(2, *layer.parametrization.input_shape, generator=torch.manual_seed(9))
    return layer, x


@each
@pytest.mark.parametrize("assign", [False, True])
def test_meta_then_a_strict_state_dict(kind, assign):
    layer, x = make(kind)
    expected = layer(x).detach()
    with torch.device("meta"):
        other, _ = make(kind, seed=1)
    if not assign:
        other = other.to_empty(device="cpu")
        for p in other.parameters():
            p.data.fill_(float("nan"))
    other.load_state_dict(layer.state_dict(), strict=True, assign=assign)
    found = other.eval()(x)
    torch.testing.assert_close(found.detach(), expected, rtol=0, atol=1e-6)
    found.sum().backward()


@each
def test_reset_parameters_draws_as_the_constructor(kind):
    p = KINDS[kind]()
    sizes = {
        name: float(v.detach().abs().max()) if v.numel() else 0.0 for name, v in p.weights().items()
    }
    with torch.device("meta"):
        other = KINDS[kind]()
    other = other.to_empty(device="cpu")
    for module in other.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    for name, value in other.weights().items():
        assert bool(torch.isfinite(value).all())
        if value.numel():
            assert 0.2 * sizes[name] <= float(value.detach().abs().max()) < 5 * sizes[name] + 1e-12
    if kind in ("conv", "tiers"):
        assert all(bool((v == 1).all()) for v in other.weights().values() if v.ndim == 1)


@each
def test_every_tensor_can_be_averaged_and_sharded(kind):
    p = KINDS[kind]()
    assert all(v.ndim > 0 for v in p.parameters())
    assert not list(p.buffers())
    mean = AveragedModel(p, use_buffers=True)
    other = KINDS[kind]()
    mean.update_parameters(p)
    mean.update_parameters(other)
    for a, b, c in zip(mean.module.parameters(), p.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.data, (b.data + c.data) / 2)


@each
def test_under_another_default_device(kind):
    layer, x = make(kind)
    expected = layer(x).detach()
    fresh = copy.deepcopy(layer)
    fresh.alpha.fill_(float("nan"))
    with torch.device("meta"):
        found = fresh(x)
        found.sum().backward()
    torch.testing.assert_close(found.detach(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", ["conv", "tiers"])
def test_scales_of_older_state_dicts_have_no_axis(kind):
    layer, x = make(kind)
    old = {k: v.reshape(()) if v.shape == (1,) else v for k, v in layer.state_dict().items()}
    assert any(v.ndim == 0 and v.is_floating_point() and "alpha" not in k for k, v in old.items())
    other, _ = make(kind, seed=1)
    other.load_state_dict(old)
    assert torch.equal(other(x), layer(x))


@each
@pytest.mark.parametrize("use_buffers", [False, True])
def test_a_whole_layer_can_be_averaged(kind, use_buffers):
    """The mean of layers is the layer of the mean parameters, whatever they had solved before."""
    mean = None
    for seed in range(3):
        layer, x = make(kind, seed)
        layer.train()(x).sum().backward()
        mean = mean or AveragedModel(layer, use_buffers=use_buffers)
        mean.update_parameters(layer)
    fresh = sknn.MonDEQ(KINDS[kind](), tol=1e-5).eval()
    for p, *others in zip(
        fresh.parameters(), *(make(kind, seed)[0].parameters() for seed in range(3)), strict=True
    ):
        p.data = sum(q.data for q in others) / 3
    torch.testing.assert_close(mean.eval()(x), fresh(x), rtol=0, atol=1e-4)


@pytest.mark.parametrize("block", [1, 2, 4])
def test_no_parameter_is_without_entries(block):
    layer = sknn.MonDEQ(sknn.MonotoneTriangular(3, 4, block))
    layer(torch.ones(2, 3)).sum().backward()
    assert all(p.numel() for p in layer.parameters())
    largest = max(float(p.grad.abs().max()) for p in layer.parameters())
    found = torch.nn.utils.clip_grad_norm_(layer.parameters(), 1e9, norm_type=float("inf"))
    assert float(found) == largest


def test_an_older_state_dict_with_a_parameter_without_entries(tmp_path):
    layer = sknn.MonDEQ(sknn.MonotoneTriangular(3, 4)).eval()
    old = layer.state_dict() | {"parametrization.B": torch.empty(4, 0)}
    torch.save(old, tmp_path / "state.pt")
    other = sknn.MonDEQ(sknn.MonotoneTriangular(3, 4)).eval()
    other.load_state_dict(old)
    x = torch.ones(2, 3)
    for loaded in (other, sknn.load(tmp_path / "state.pt")):
        torch.testing.assert_close(loaded(x), layer(x), rtol=0, atol=1e-3)


@each
def test_reset_parameters_of_the_layer_gives_what_is_its_own(kind):
    layer, x = make(kind)
    layer.train()(x)
    layer.reset_parameters()
    fresh, _ = make(kind)
    for name in ("alpha", "bound", "age"):
        expected = fresh.state_dict()[name]
        torch.testing.assert_close(layer.state_dict()[name], expected, equal_nan=True)


def test_reset_parameters_gives_learned_activations_their_first_values():
    slope = torch.nn.Parameter(torch.tensor(0.25))
    layer = sknn.MonDEQ(sknn.MonotoneDense(3, 4), sknn.LeakyReLU(slope))
    slope.data.fill_(0.5)
    layer.reset_parameters()
    assert layer.learned["slope"].item() == 0.25


LEARNED = {
    "softthreshold": lambda: sknn.SoftThreshold(torch.nn.Parameter(torch.tensor(0.2))),
    "leakyrelu": lambda: sknn.LeakyReLU(torch.nn.Parameter(torch.tensor(0.3))),
    "elu": lambda: sknn.ELU(torch.nn.Parameter(torch.tensor(0.6))),
    "clamp": lambda: sknn.Clamp(
        torch.nn.Parameter(torch.tensor(-0.3)), torch.nn.Parameter(torch.tensor(0.4))
    ),
}


@pytest.mark.parametrize("name", LEARNED)
def test_learned_activations_are_made_on_meta(name):
    def made():
        torch.manual_seed(0)
        return sknn.MonDEQ(sknn.MonotoneDense(3, 4), LEARNED[name](), tol=1e-5)

    layer, x = made(), torch.ones(2, 3)
    with torch.device("meta"):
        other = made()
    other = other.to_empty(device="cpu")
    with pytest.raises(ValueError, match="made on meta, so that its first value is not known"):
        other.reset_parameters()
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other(x), layer(x))


@each
def test_a_call_on_meta_says_what_to_do(kind):
    with torch.device("meta"):
        layer, x = sknn.MonDEQ(KINDS[kind]()), torch.ones(2, *KINDS[kind]().input_shape)
    with pytest.raises(ValueError, match=r"the layer is on meta, .*to_empty"):
        layer(x)


@pytest.mark.parametrize("kind", ["dense", "triangular", "conv", "tiers"])
def test_the_state_dict_of_a_parametrization_alone(kind, tmp_path):
    p = KINDS[kind]()
    torch.save(p.state_dict(), tmp_path / "state.pt")
    side = getattr(p, "side", None)
    loaded = sknn.load(tmp_path / "state.pt", m=p.m, side=side)
    assert type(loaded.parametrization) is type(p)
    x = torch.ones(2, *p.input_shape)
    torch.testing.assert_close(loaded(x), sknn.MonDEQ(p).eval()(x))


def test_the_state_dict_of_a_bare_triangular_layer(tmp_path):
    for block in (1, 2):
        torch.manual_seed(0)
        layer = sknn.MonDEQ(sknn.MonotoneTriangular(3, 4, block))
        torch.save(layer.state_dict(), tmp_path / "state.pt")
        loaded = sknn.load(tmp_path / "state.pt")
        x = torch.ones(2, 3)
        assert loaded.parametrization.block == block
        torch.testing.assert_close(loaded(x), layer.eval()(x))


def test_the_state_dict_of_a_bare_lipschitz_layer_lacks_gamma(tmp_path):
    layer, _ = make("lipschitz")
    torch.save(layer.state_dict(), tmp_path / "state.pt")
    with pytest.raises(ValueError, match="gamma"):
        sknn.load(tmp_path / "state.pt")
