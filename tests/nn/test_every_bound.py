"""2,240 Lipschitz constants of 28 layers against the changes of their equilibria; and no attack on
the certified radii of half of them, or in a thorough run of all, succeeds.
"""

import pytest
import torch
from torch import nn

import splitkit_nn as sknn
from tests.sampling import every_other

KINDS = {
    "dense": lambda: sknn.MonotoneDense(4, 6, m=0.4),
    "triangular": lambda: sknn.MonotoneTriangular(4, 6, 2, m=0.4),
    "infinity": lambda: sknn.MonotoneInfinity(4, 6, m=0.4),
    "lipschitz": lambda: sknn.MonotoneLipschitz(4, 6, 3, gamma=0.7, m=0.4),
    "learned": lambda: sknn.MonotoneLipschitz(4, 6, 3, gamma=0.7, m=0.4, learned=True),
    "conv": lambda: sknn.MonotoneConv2d(1, 2, 3, m=0.4),
    "tiers": lambda: sknn.MonotoneMultiTier(1, (2, 1), 4, m=0.4),
}
ACTIVATIONS = ("relu", "tanh", "leakyrelu", "softmax")
ROWS = 40
every = pytest.mark.parametrize("kind", KINDS)
each = pytest.mark.parametrize("activation", ACTIVATIONS)


def make(kind, activation, scale=1.0):
    torch.manual_seed(0)
    p = KINDS[kind]().double()
    if (kind, activation) == ("tiers", "softmax"):
        activation = "sigmoid"  # tiers take elementwise ones
    with torch.no_grad():
        for value in p.weights().values():
            value.mul_(scale)
    return sknn.MonDEQ(p, activation, tol=1e-8, max_iter=20_000).eval()


@every
@each
def test_bounds_hold(kind, activation):
    layer = make(kind, activation, scale=3.0)
    p = layer.parametrization
    x = torch.randn(12, *p.input_shape, dtype=torch.float64, requires_grad=True)
    z = layer(x)
    rows = torch.randn(ROWS, *z.shape[1:], dtype=torch.float64)
    (steep,) = torch.autograd.grad((z * rows[:12]).sum(), x)
    with torch.no_grad():
        d = torch.cat((steep[:6] * 1e-2, torch.randn_like(x[6:])))
        change = ((layer(x + d) - z).flatten(1) @ rows.flatten(1).T).abs()
    bounds = p.lipschitz_bounds(layer.activation, rows, torch.eye(ROWS).double(), steps=2)
    d = d.flatten(1)
    assert bool((change <= bounds.l2 * d.norm(dim=1, keepdim=True) + 1e-7).all())
    assert bool((change <= bounds.linf * d.abs().amax(1, keepdim=True) + 1e-7).all())
    assert bool((bounds.l2 <= bounds.simple * (1 + 1e-5)).all())


@pytest.mark.parametrize(("kind", "activation"), every_other(KINDS, ACTIVATIONS))
def test_radii_hold(kind, activation):
    layer = make(kind, activation)
    x = torch.randn(2, *layer.parametrization.input_shape, dtype=torch.float64)
    with torch.no_grad():
        size = layer(x)[0].numel()
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(size, 4).double())
    with torch.no_grad():
        labels = model(x).argmax(1)
    found = sknn.certify_robustness(model, x, labels, steps=2)
    for norm, radius in (("l2", found.l2), ("linf", found.linf)):
        assert bool((radius > 0).all())
        assert not attacked(model, x, labels, 0.9999 * radius, norm)


def attacked(model, x, labels, radius, norm, restarts=3, steps=4):
    """Projected ascent of the margins from random points: whether any class changed."""
    x, labels, radius = (each.repeat_interleave(restarts, 0) for each in (x, labels, radius))
    radius = radius.reshape(-1, *[1] * (x.ndim - 1))
    d, changed = torch.randn_like(x), False
    for _ in range(steps):
        if norm == "linf":
            d = torch.clamp(d, -radius, radius)
        else:
            length = d.flatten(1).norm(dim=1).reshape(radius.shape)
            d = d * (radius / length.clamp_min(1e-30))
        d = d.detach().requires_grad_()
        logits = model(x + d)
        changed = changed or bool((logits.argmax(1) != labels).any())
        others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
        (g,) = torch.autograd.grad((others - logits.gather(1, labels[:, None])[:, 0]).sum(), d)
        length = g.flatten(1).norm(dim=1).clamp_min(1e-30).reshape(radius.shape)
        d = d + radius * (g.sign() if norm == "linf" else g / length)
    return changed
