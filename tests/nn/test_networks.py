"""Certificates of whole networks: constants hold, radii stand attacks, what is unknown is named."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import splitkit_nn as sknn
from splitkit_nn.certify.gains import gain_of_module, is_affine
from splitkit_nn.certify.stages import trace

SHAPE = (2, 6, 6)


class Functional(nn.Module):
    """Two branches of which one is an equilibrium, written as one writes them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, stride=2)
        self.norm = nn.BatchNorm1d(12)
        self.first = sknn.MonDEQ(sknn.MonotoneDense(12, 12, m=2.0), "tanh")
        self.second = sknn.MonDEQ(sknn.MonotoneDense(24, 5))
        self.head = nn.Linear(5, 3)
        self.norm.running_var.uniform_(0.5, 4.0)

    def forward(self, x):
        y = functional.relu(self.stem((x - 0.2) / 0.5)).view(x.shape[0], -1)
        z = torch.cat((y + self.first(self.norm(y)), torch.tanh(y)), dim=1)
        return self.head(self.second(z)) * 2.0 + 1.0


def in_a_row():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 8),
        nn.BatchNorm1d(8),
        sknn.MonDEQ(sknn.MonotoneDense(8, 6)),
        nn.Linear(6, 3),
    )


def images():
    return nn.Sequential(
        sknn.MonDEQ(sknn.MonotoneConv2d(2, 3, 6)),
        nn.AvgPool2d(3, stride=2, padding=1),
        nn.Flatten(),
        sknn.MonDEQ(sknn.MonotoneDense(48, 7), "softplus"),
        nn.Linear(7, 5),
        sknn.MonDEQ(sknn.MonotoneTriangular(5, 6, 3), "hardtanh"),
        nn.Dropout(),
        nn.Linear(6, 3),
    )


def behind():
    """What is behind the layer is no affine map."""
    return nn.Sequential(
        sknn.MonDEQ(sknn.MonotoneMultiTier(2, (2, 3), 6)),
        nn.Linear(203, 6),
        nn.Softplus(),
        nn.Linear(6, 3),
    )


def alone():
    return nn.Sequential(nn.Flatten(), sknn.MonDEQ(sknn.MonotoneDense(72, 3)))


MODELS = {
    "functional": Functional,
    "in a row": in_a_row,
    "images": images,
    "behind": behind,
    "alone": alone,
}


def make(name, **layer):
    torch.manual_seed(1)
    model = MODELS[name]().double().eval()
    for each in model.modules():
        if isinstance(each, sknn.MonDEQ):
            each.tol, each.max_iter = 1e-9, 5000
    return model


def inputs(count, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)


def jacobian(model, x):
    found = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], x)
    return found.reshape(-1, x.numel())


@pytest.mark.parametrize("name", MODELS)
def test_the_constants_of_a_network_hold(name):
    model = make(name)
    gain = trace(model, inputs(2)).result.gain
    for x in inputs(6, seed=3):
        J = jacobian(model, x)
        assert float(torch.linalg.matrix_norm(J, 2)) <= gain.l2
        assert float(J.abs().sum(1).max()) <= gain.linf


def attacked(model, x, labels, radius, norm, restarts=4, steps=8):
    """Projected ascent of the margins from random points: whether any class changed."""
    shape = (-1, *(1 for _ in SHAPE))
    x, labels, radius = (each.repeat_interleave(restarts, 0) for each in (x, labels, radius))
    d = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    radius, changed = radius.reshape(shape), torch.zeros(len(x), dtype=torch.bool)
    for _ in range(steps):
        if norm == "l2":
            d = d * radius / d.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(shape)
        else:
            d = torch.clamp(d, -radius, radius)
        d = d.detach().requires_grad_()
        logits = model(x + d)
        changed |= logits.argmax(1) != labels
        others = logits.scatter(1, labels[:, None], -torch.inf)
        margin = others.amax(1) - logits.gather(1, labels[:, None])[:, 0]
        (g,) = torch.autograd.grad(margin.sum(), d)
        length = g.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(shape)
        d = d + radius * (g / length if norm == "l2" else g.sign())
    return bool(changed.any())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_no_attack_breaks_a_radius_of_a_network(name, norm):
    model, x = make(name), inputs(8)
    with torch.no_grad():
        labels = model(x).argmax(1)
    found = sknn.certify_robustness(model, x, labels, steps=8)
    radius = getattr(found, norm)
    assert bool(found.correct.all())
    assert int((radius > 0).sum()) >= 7
    assert not attacked(model, x, labels, 0.9999 * radius, norm)
    assert attacked(model, x, labels, 1000 * radius, norm)


def test_a_classifier_and_the_same_as_a_sequence_have_the_same_radii():
    torch.manual_seed(0)
    whole = sknn.DenseClassifier(8, 6, 3).double()
    parts = nn.Sequential(nn.Flatten(), whole.layer, whole.head)
    x = torch.randn(10, 2, 4, dtype=torch.float64)
    labels = whole(x).argmax(1)
    for norm in ("l2", "linf"):
        a, b = (
            getattr(sknn.certify_robustness(m, x, labels, steps=20), norm) for m in (whole, parts)
        )
        torch.testing.assert_close(a, b, rtol=1e-6, atol=0)


def test_matrices_in_a_row_are_multiplied_before_they_are_bounded():
    """P maps on what U forgets, and W_o reads what P keeps: products of norms know neither."""
    torch.manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q
    P = rotation @ torch.diag(torch.tensor([3.0, 3, 3, 0.1, 0.1, 0.1]).double()) @ rotation.T
    model = nn.Sequential(nn.Linear(6, 6), sknn.MonDEQ(sknn.MonotoneDense(6, 4)), nn.Linear(4, 3))
    model.double().eval().requires_grad_(False)
    layer = model[1].parametrization
    with torch.no_grad():
        model[0].weight.copy_(P)
        layer.U.weight.copy_((rotation @ torch.diag(torch.ones(6).double())).T[2:] @ P.inverse())
    x = torch.randn(5, 6, dtype=torch.float64)
    stages = trace(model, x)
    m, _ = layer.constants(layer.operator(exact=True))
    norms = [float(torch.linalg.matrix_norm(model[i].weight, 2)) for i in (0, 2)]
    product = norms[0] * layer.input_norm() / m * norms[1]
    assert stages.result.gain.l2 < product / 5
    J = torch.stack([torch.linalg.matrix_norm(jacobian(model, each), 2) for each in x])
    assert float(J.max()) <= stages.result.gain.l2


@pytest.mark.parametrize("name", ["functional", "images", "behind"])
def test_equilibria_that_are_not_exact_are_within_the_error(name):
    model, x = make(name), inputs(4)
    exact = model(x)
    for each in model.modules():
        if isinstance(each, sknn.MonDEQ):
            each.tol = 3e-2
    found = trace(model, x)
    with torch.no_grad():
        moved = (found.readout(found.env[found.result.source]) - exact).norm(dim=1)
    assert bool((moved <= found.result.error).all())
    assert float(moved.max()) > 1e-6


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.layer = sknn.MonDEQ(sknn.MonotoneDense(72, 3))

    def forward(self, x):
        return self.function(self.layer, x.flatten(1))


REFUSED = {
    "layer norm": (lambda layer, x: layer(functional.layer_norm(x, (72,))), "layer_norm"),
    "product": (lambda layer, x: layer(x) * layer(x), r"stage mul of Calls"),
    "softmax of the batch": (lambda layer, x: layer(functional.softmax(x, dim=0)), "softmax"),
    "joined batch": (lambda layer, x: layer(torch.cat((x, x))), "cat"),
    "samples": (lambda layer, x: layer(x[:1]), "getitem"),
    "transpose": (lambda layer, x: layer(x.mT), "getattr"),
    "control flow": (lambda layer, x: layer(x if x.sum() > 0 else -x), "cannot be followed"),
    "keywords": (lambda layer, x: layer(torch.add(x, x, alpha=3.0)), "add"),
    "mean of the batch": (lambda layer, x: layer(x - x.mean(0, keepdim=True)), "stage mean of"),
    "greatest of the batch": (lambda layer, x: layer(x) - layer(x).amax(0), "stage amax of"),
    "dropout": (lambda layer, x: layer(functional.dropout(x, 0.5)), "stage dropout of"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_stage_of_which_nothing_is_known_is_named(name):
    function, match = REFUSED[name]
    x, labels = inputs(2), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(TypeError, match=match):
        sknn.certify_robustness(Calls(function).double(), x, labels)
    hooked = alone().double()
    hooked[1].register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match=r"stage _1 of Sequential"):
        sknn.certify_robustness(hooked, x, labels)
    with pytest.raises(TypeError, match=r"shape \(2, 2, 6, 6\): give one of \(batch, classes\)"):
        sknn.certify_robustness(nn.Identity(), x, labels)


STAGES = [
    nn.AvgPool2d(2),
    nn.AvgPool2d(3, stride=2),
    nn.AvgPool2d((2, 3), stride=1, padding=1),
    nn.AvgPool2d(2, divisor_override=-3),
    nn.AvgPool2d(4, stride=3, ceil_mode=True),
    nn.AvgPool2d(3, padding=1, count_include_pad=False),
    nn.AdaptiveAvgPool2d((3, 4)),
    nn.AdaptiveAvgPool2d(1),
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=1, padding=1),
    nn.MaxPool2d(2, stride=1, dilation=2),
    nn.AdaptiveMaxPool2d((4, 1)),
    nn.Conv2d(2, 4, 3, groups=2, stride=2, padding=2, dilation=2),
    nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"),
    nn.Conv2d(2, 3, 3, padding=2, padding_mode="circular"),
    nn.Conv2d(2, 3, (3, 2), padding="same", padding_mode="replicate"),
    nn.Conv2d(2, 3, 3, padding=2, padding_mode="reflect"),
    nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
    nn.ZeroPad2d(2),
    nn.ConstantPad2d(1, -2.0),
    nn.ReplicationPad2d(2),
    nn.Upsample(scale_factor=2, mode="bilinear"),
    nn.PixelUnshuffle(3),
    nn.InstanceNorm2d(2, affine=True, track_running_stats=True),
    nn.Softmax(dim=1),
    nn.Softmax2d(),
    nn.LogSoftmax(dim=-1),
    nn.LeakyReLU(-2.0),
    nn.PReLU(2, init=1.5),
    nn.RReLU(1.0, 2.0),
    nn.ELU(2.5),
    nn.GELU(),
    nn.SiLU(),
    nn.Mish(),
    nn.Hardswish(),
    nn.SELU(),
    nn.Sigmoid(),
    nn.Softshrink(0.1),
]


@pytest.mark.parametrize("module", STAGES, ids=str)
def test_the_constants_of_a_stage_hold_and_are_nearly_attained(module):
    module = module.double().eval().requires_grad_(False)
    x = inputs(2 if is_affine(module) else 40, seed=5) * 2
    gain = gain_of_module(module, x)
    J = [jacobian(module, each) for each in (*x, torch.zeros_like(x[0]))]
    l2 = max(float(torch.linalg.matrix_norm(each, 2)) for each in J)
    linf = max(float(each.abs().sum(1).max()) for each in J)
    assert l2 * (1 - 1e-9) <= gain.l2 <= 2.5 * l2
    assert linf * (1 - 1e-9) <= gain.linf <= 2.5 * linf


def test_what_a_stage_does_is_not_guessed():
    x = inputs(1)
    for module in (
        nn.Softmax(dim=0),
        nn.Dropout().train(),
        nn.RReLU().train(),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.GroupNorm(1, 2),
        nn.Upsample(scale_factor=2, mode="bicubic"),
        nn.LPPool2d(2, 2),
        nn.Hardshrink(),
        nn.Softplus(threshold=1),  # it jumps
    ):
        assert gain_of_module(module, x) is None


def test_a_maximum_over_images_without_channels_is_over_both_sides():
    x = inputs(8)[:, 0]
    gain = gain_of_module(nn.MaxPool2d(3, stride=1), x)
    assert gain.l2 == pytest.approx(3.0)


class Written(nn.Module):
    """Functions of a sample, written as one writes them."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.W = nn.Parameter(torch.randn(5, 72) / 9)
        self.K = nn.Parameter(torch.randn(3, 2, 3, 3) / 4)
        self.register_buffer("variance", torch.rand(2) + 0.2)

    def forward(self, x):
        return self.function(self, x)


FUNCTIONS = {
    "mean": lambda self, x: x.mean(dim=(-2, -1)),
    "sum": lambda self, x: torch.sum(x, 1),
    "permute": lambda self, x: x.permute(0, 2, 3, 1).flatten(1)[:, 3:],
    "pad": lambda self, x: functional.pad(x, (1, 2, 1, 1), "replicate"),
    "interpolate": lambda self, x: functional.interpolate(x, scale_factor=2),
    "linear": lambda self, x: functional.linear(x.flatten(1), self.W) - 1,
    "matmul": lambda self, x: x.flatten(1) @ self.W.T,
    "conv2d": lambda self, x: functional.conv2d(x, self.K, stride=2, padding=1),
    "batch_norm": lambda self, x: functional.batch_norm(x, self.variance, self.variance),
    "dropout": lambda self, x: functional.dropout(x, 0.5, self.training),
    "hardtanh": lambda self, x: functional.hardtanh(x, -0.5, 2.0),
    "clamp": lambda self, x: x.clamp(-1, 1).abs().sin(),
    "amax": lambda self, x: x.amax((2, 3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_constants_of_a_function_hold(name):
    torch.manual_seed(0)
    model, x = Written(FUNCTIONS[name]).double().eval().requires_grad_(False), inputs(6, seed=5)
    gain = trace(model, x).result.gain
    J = [jacobian(model, each) for each in x]
    l2 = max(float(torch.linalg.matrix_norm(each, 2)) for each in J)
    linf = max(float(each.abs().sum(1).max()) for each in J)
    assert l2 * (1 - 1e-9) <= gain.l2 <= 2.5 * l2
    assert linf * (1 - 1e-9) <= gain.linf <= 2.5 * linf


@pytest.mark.parametrize("last", [nn.Softmax(dim=1), nn.LogSoftmax(dim=-1), nn.Sigmoid()], ids=str)
def test_radii_are_of_the_logits_before_what_keeps_their_order(last):
    model, x = alone().double(), inputs(5)
    whole, labels = nn.Sequential(*model, last), model(x).argmax(1)
    a, b = (sknn.certify_robustness(each, x, labels, steps=5).l2 for each in (model, whole))
    assert bool((a > 0).any())
    assert torch.equal(a, b)


class InPlace(nn.Module):
    """Reads what an activation has overwritten, through a view or as it is."""

    def __init__(self, view):
        super().__init__()
        self.view = view
        self.stem, self.head = nn.Linear(72, 6), nn.Linear(6, 3)

    def forward(self, x):
        y = self.stem(x.flatten(1))
        functional.leaky_relu(y.view(-1, 6) if self.view else y, 2.0, inplace=True)
        return self.head(y)


def test_what_is_overwritten_in_place_is_not_taken_for_affine():
    torch.manual_seed(0)
    labels = torch.zeros(2, dtype=torch.int64)
    for view, match in ((True, "changes in place what it uses"), (False, "stage leaky_relu of")):
        with pytest.raises(TypeError, match=match):
            sknn.certify_robustness(InPlace(view).double(), inputs(2), labels)
    ordinary = nn.Sequential(nn.Flatten(), nn.Linear(72, 6), nn.ReLU(inplace=True), nn.Linear(6, 3))
    sknn.certify_robustness(ordinary.double(), inputs(2), labels)
