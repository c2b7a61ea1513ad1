"""What stands before the equilibrium layer: its constants hold, and no certified radius breaks."""

import pytest
import torch
from torch import nn

import splitkit_nn as sknn
from splitkit_nn.certify.stages import inputs_gain

SHAPE = (2, 4, 4)  # of an input


class Model(sknn.DenseClassifier):
    """Whatever the stem makes of x, flattened, into a dense equilibrium network."""

    def __init__(self, stem):
        torch.manual_seed(0)
        super().__init__(stem(torch.ones(1, *SHAPE)).flatten(1).shape[1], 6, 3, tol=1e-6)
        self.stem = stem

    def inputs(self, x):
        return torch.flatten(self.stem(x), 1)


class Operations(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.register_buffer("std", torch.tensor([0.1, 0.25])[:, None, None])

    def forward(self, x):
        return self.function(x, self.std)


def normalization():
    norm = nn.BatchNorm2d(2)
    with torch.no_grad():
        norm.running_var.copy_(torch.tensor([0.01, 4.0]))
        norm.weight.copy_(torch.tensor([-1.5, 2.0]))
    return norm.eval()


STEMS = {
    "nothing": nn.Identity,
    "constants": lambda: Operations(lambda x, std: 2 * ((x - 0.3) / std) + std),
    "shapes": lambda: Operations(
        lambda x, std: 3.0 * x.view(x.shape[0], -1).reshape(x.size(0), -1)
    ),
    "twice": lambda: Operations(lambda x, std: x + x - (-x)),
    "normalization": normalization,
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 5)),
    "convolution": lambda: nn.Conv2d(2, 3, 3, padding=1),
    "strided": lambda: nn.Sequential(nn.Conv2d(2, 3, 2, stride=2, dilation=2), nn.ReLU()),
    "branches": lambda: Operations(lambda x, std: x / std + 2 * x),
}
REFUSED = {
    "square": (lambda: Operations(lambda x, std: x * x), "mul"),
    "own mean": (lambda: Operations(lambda x, std: x - x.mean()), "mean"),
    "transpose": (lambda: Operations(lambda x, std: 2 * x.mT), "getattr"),
    "layer norm": (lambda: nn.LayerNorm(SHAPE), "stem"),
    "no statistics": (lambda: nn.BatchNorm2d(2, track_running_stats=False), "stem"),
    "broadcast": (lambda: Operations(lambda x, std: x[:, :1] / std), "getitem"),
    "control flow": (lambda: Operations(lambda x, std: x if x.sum() > 0 else 2 * x), "followed"),
}


def make(stem):
    torch.manual_seed(1)
    return Model(stem()).eval()


def inputs(count):
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", STEMS)
def test_constants_hold_and_are_nearly_attained(name):
    model, x = make(STEMS[name]).double(), inputs(1).double()
    gain = inputs_gain(model, x)
    J = torch.func.jacrev(lambda v: model.inputs(v[None])[0])(x[0]).detach().flatten(1)
    l2, linf = float(torch.linalg.matrix_norm(J, 2)), float(J.abs().sum(1).max())
    assert l2 * (1 - 1e-9) <= gain.l2 <= 3 * l2
    assert linf * (1 - 1e-9) <= gain.linf <= 3 * linf


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_named(name):
    stem, match = REFUSED[name]
    model, x = make(stem), inputs(2)
    with pytest.raises(TypeError, match=match):
        sknn.certify_robustness(model, x, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(TypeError, match=match):
        sknn.certify(model, x)


def test_a_hook_is_refused():
    model = make(STEMS["linear"])
    model.stem[1].register_forward_hook(lambda *_: None)
    with pytest.raises(TypeError, match="stem_1"):
        sknn.certify(model, inputs(2))


def attacked(model, x, labels, radius, norm):
    """Projected gradient ascent on the loss within the ball of each sample."""
    shape = (-1, *(1 for _ in SHAPE))
    d = torch.zeros_like(x)
    for _ in range(6):
        d.requires_grad_()
        loss = nn.functional.cross_entropy(model(x + d), labels, reduction="sum")
        (g,) = torch.autograd.grad(loss, d)
        d = d.detach()
        if norm == "l2":
            d = d + radius.reshape(shape) * g / g.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(
                shape
            )
            size = d.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(shape)
            d = d * (radius.reshape(shape) / size).clamp_max(1.0)
        else:
            d = radius.reshape(shape) * g.sign()
    return d


@pytest.mark.parametrize("name", ["constants", "normalization", "linear", "strided"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_no_attack_breaks_a_certified_radius(name, norm):
    model, x = make(STEMS[name]).double(), inputs(8).double()
    with torch.no_grad():
        labels = model(x).argmax(1)
    found = sknn.certify_robustness(model, x, labels, steps=5)
    radius = getattr(found, norm)
    assert bool((radius > 0).all())
    d = attacked(model, x, labels, radius, norm)
    with torch.no_grad():
        assert torch.equal(model(x + 0.999 * d).argmax(1), labels)
        moved = (model(x + d) - model(x)).norm(dim=1)
    bound = sknn.certify(model, x).lipschitz
    assert bool((moved <= bound * d.flatten(1).norm(dim=1) + 1e-4).all())


def test_certify_leaves_running_statistics_as_they_are():
    model = make(STEMS["normalization"]).train()
    before = model.stem.running_mean.clone()
    sknn.certify(model, inputs(3))
    assert torch.equal(model.stem.running_mean, before)
    assert model.training
