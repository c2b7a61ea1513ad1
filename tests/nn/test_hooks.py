"""Hooks, pruning, adapters, quantization: what is computed is what is certified."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

import splitkit_nn as sknn
from tests.sampling import every_other

KINDS = {
    "dense": lambda: sknn.MonotoneDense(3, 4, m=0.5),
    "triangular": lambda: sknn.MonotoneTriangular(3, 4, 2, m=0.5),
    "lipschitz": lambda: sknn.MonotoneLipschitz(3, 4, 2, gamma=0.7),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, (2, 3)),
    "torus": lambda: sknn.MonotoneConv2d(1, 2, (2, 3), border=0),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 1), 2),
}
each = pytest.mark.parametrize("kind", KINDS)
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")


def make(kind, activation="tanh", dtype=torch.float64):
    torch.manual_seed(0)
    layer = sknn.MonDEQ(KINDS[kind](), activation, tol=1e-11, max_iter=10_000).to(dtype)
    return layer, torch.randn(3, *layer.parametrization.input_shape).to(dtype)


def kernels(parametrization):
    """(module, name) of a matrix or kernel on which W depends, and of U's."""
    for module in (parametrization, *parametrization.children()):
        for name, p in module.named_parameters(recurse=False):
            if p.ndim >= 2:
                yield module, name


class Half(nn.Module):
    """A reparametrization."""

    def forward(self, X):
        return X / 2


def pruned(module, name):
    prune.l1_unstructured(module, name, 0.4)


def halved(module, name):
    parametrize.register_parametrization(module, name, Half())


def normed(module, name):
    parametrizations.weight_norm(module, name)


CHANGES = {
    "prune": pruned,
    "weight_norm": weight_norm,
    "spectral_norm": spectral_norm,
    "parametrize": halved,
    "parametrized weight_norm": normed,
}


def plain_twin(kind, layer):
    """A layer of the values that the changed one works with, held as parameters."""
    twin, _ = make(kind)
    for (theirs, name), (module, _) in zip(
        kernels(twin.parametrization), kernels_of(kind, layer), strict=True
    ):
        theirs._parameters[name].data = getattr(module, name).detach().clone()
    for name, p in twin.named_parameters():
        if p.ndim < 2:
            p.data = layer.get_parameter(name).detach().clone()
    return twin


def kernels_of(kind, layer):
    """The same (module, name) in a layer whose parameters have other names by now."""
    twin = make(kind)[0].parametrization
    names = {id(m): n for n, m in twin.named_modules()}
    return [
        (layer.parametrization.get_submodule(names[id(module)]), name)
        for module, name in kernels(twin)
    ]


@pytest.mark.parametrize(("kind", "change"), every_other(KINDS, CHANGES))
def test_what_changes_parameters_before_a_call_works_step_after_step(kind, change):
    layer, x = make(kind)
    for module, name in list(kernels(layer.parametrization)):
        CHANGES[change](module, name)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        layer(x).square().sum().backward()
        assert all(p.grad is not None for n, p in layer.named_parameters() if "readout" not in n)
        optimizer.step()
    layer.eval()
    z = layer(x)
    if kind != "lipschitz":  # whose readout is called by W
        twin = plain_twin(kind, layer).eval()
        torch.testing.assert_close(z, twin(x), rtol=0, atol=1e-8)
    certificate = sknn.certify(layer, x)
    assert certificate.m > 0
    near = x + 1e-3 * torch.randn(x.shape, dtype=x.dtype)
    change_of_z = (layer(near) - z).flatten(1).norm(dim=1)
    assert bool((change_of_z <= certificate.lipschitz * (near - x).flatten(1).norm(dim=1)).all())


class LowRank(nn.Module):
    """A LoRA adapter: U and what two factors add."""

    def __init__(self, base, rank=1, size=3.0):
        super().__init__()
        self.base = base
        if isinstance(base, nn.Conv2d):
            self.down = nn.Conv2d(base.in_channels, rank, base.kernel_size, bias=False)
            self.up = nn.Conv2d(rank, base.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(base.in_features, rank, bias=False)
            self.up = nn.Linear(rank, base.out_features, bias=False)
        for p in (*self.down.parameters(), *self.up.parameters()):
            nn.init.normal_(p, std=size)
        self.to(base.weight.dtype)

    @property
    def weight(self):  # as PEFT has it: the base's alone
        return self.base.weight

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def adapted(U):
    return LowRank(U)


def hooked(U):
    U.register_forward_hook(lambda module, args, out: 20 * out)
    return U


def patched(U):
    U.forward = lambda x, forward=U.forward: 20 * forward(x)
    return U


ADAPTERS = {"adapter": adapted, "hook": hooked, "patch": patched}


@pytest.mark.parametrize(("kind", "adapter"), every_other(KINDS, ADAPTERS))
def test_an_adapter_on_the_input_map_is_computed_and_certified(kind, adapter):
    layer, x = make(kind)
    layer.eval()
    before = layer(x).detach()
    bound = sknn.certify(layer, x).lipschitz
    p = layer.parametrization
    p.U = ADAPTERS[adapter](p.U)
    z = layer(x).detach()
    assert float((z - before).abs().max()) > 1e-3  # it is not bypassed
    if adapter != "patch":  # a closure over the module goes with no copy
        jacobian = torch.func.jacrev(lambda one: p.bias(one[None]))(x[0]).detach()
        exact = float(torch.linalg.matrix_norm(jacobian.reshape(-1, x[0].numel()), 2))
        assert exact <= p.input_norm() * (1 + 1e-9)
        certificate = sknn.certify(layer, x)
        assert certificate.lipschitz > bound
        for _ in range(5):
            near = x + torch.randn(x.shape, dtype=x.dtype)
            far = (near - x).flatten(1).norm(dim=1)
            assert bool(
                ((layer(near) - z).flatten(1).norm(dim=1) <= certificate.lipschitz * far).all()
            )
    if adapter == "adapter":
        layer(x).square().sum().backward()
        assert all(q.grad is not None and q.grad.any() for q in p.U.down.parameters())


def test_gamma_holds_for_what_the_input_map_does():
    layer, x = make("lipschitz")
    p = layer.parametrization
    p.U, p.readout = LowRank(p.U, size=1.0), LowRank(p.readout)
    layer.eval()
    near = x + 0.1 * torch.randn(x.shape, dtype=x.dtype)
    change = (p.readout(layer(near)) - p.readout(layer(x))).norm(dim=1)
    assert bool((change <= p.gamma * (near - x).norm(dim=1) * (1 + 1e-9)).all())


@each
def test_a_changed_layer_is_not_saved_as_a_plain_one(kind, tmp_path):
    layer, x = make(kind)
    layer.parametrization.U = LowRank(layer.parametrization.U)
    with pytest.raises(TypeError, match=r"parametrization\.U\.down\.weight"):
        sknn.save(layer, tmp_path / "layer.pt")
    layer, x = make(kind)
    prune.l1_unstructured(layer.parametrization.U, "weight", 0.4)
    with pytest.raises(TypeError, match=r"parametrization\.U\.weight_mask"):
        sknn.save(layer, tmp_path / "layer.pt")
    prune.remove(layer.parametrization.U, "weight")
    sknn.save(layer, tmp_path / "layer.pt")
    torch.testing.assert_close(sknn.load(tmp_path / "layer.pt")(x), layer.eval()(x))


def test_radii_with_an_adapter_hold():
    torch.manual_seed(0)
    model = sknn.DenseClassifier(3, 5, 2, tol=1e-9).double().eval()
    model.layer.parametrization.U = LowRank(model.layer.parametrization.U)
    x = torch.randn(20, 3, dtype=torch.float64)
    labels = model(x).argmax(1)
    radii = sknn.certify_robustness(model, x, labels).l2
    for _ in range(50):
        d = torch.randn(x.shape, dtype=x.dtype)
        d *= (radii / d.norm(dim=1))[:, None]
        assert bool((model(x + d).argmax(1) == labels)[radii > 0].all())


def test_radii_with_an_adapter_on_the_head_hold():
    torch.manual_seed(0)
    model = sknn.DenseClassifier(3, 5, 2, tol=1e-9).double().eval()
    x = torch.randn(2, 3, dtype=torch.float64)
    bound = sknn.certify(model, x).lipschitz
    model.head = LowRank(model.head, size=20.0)
    certificate = sknn.certify(model, x)
    assert certificate.lipschitz > bound
    J = torch.func.jacrev(lambda one: model(one[None])[0])(x[0]).detach()
    assert float(torch.linalg.matrix_norm(J, 2)) <= certificate.lipschitz


class Bent(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def forward(self, x):
        return self.base(x).relu()


@each
def test_an_input_map_that_is_not_affine_is_refused_where_it_is_certified(kind):
    layer, x = make(kind)
    layer.parametrization.U = Bent(layer.parametrization.U)
    layer(x)
    with pytest.raises(TypeError, match="Bent is in the place of an affine"):
        sknn.certify(layer, x)


@each
def test_a_hook_that_gives_another_weight_is_refused_where_it_is_certified(kind):
    layer, x = make(kind)
    seen = []
    layer.parametrization.register_forward_hook(lambda module, args, out: seen.append(out[0]))
    sknn.certify(layer, x)
    layer(x)
    assert seen
    layer.parametrization.register_forward_hook(lambda m, args, out: (out[0] * 0.9, out[1]))
    with pytest.raises(TypeError, match="a hook on"):
        sknn.certify(layer, x)


@pytest.mark.parametrize("kind", KINDS)
def test_dynamic_quantization_of_a_model(kind):
    """U alone is a Linear module: its rounded weight is what is applied, W is as it was."""
    layer, x = make(kind, dtype=torch.float32)
    layer.tol = 1e-5
    model = nn.Sequential(layer, nn.Flatten()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rounded = torch.ao.quantization.quantize_dynamic(
            copy.deepcopy(model), {nn.Linear}, dtype=torch.qint8
        )
        found = rounded(x)
    torch.testing.assert_close(found, model(x).detach(), rtol=0, atol=0.1)
    with torch.no_grad():
        bias = rounded[0].parametrization.bias(x)
        z = rounded[0](x)
        y = rounded[0].parametrization.multiply(rounded[0].parametrization.weight(), z) + bias
    torch.testing.assert_close(z, rounded[0].activation(y), rtol=0, atol=1e-5)
