"""Whole models: the paper's parameter counts, what the heads read, and their certificates."""

import pytest
import torch

import splitkit_nn as sknn

COUNTS = [
    (sknn.DenseClassifier, (784, 87, 10), 84_313),
    (sknn.ConvClassifier, (1, 54, 28, 10), 79_500),
    (sknn.ConvClassifier, (1, 56, 28, 10), 84_460),
    (sknn.ConvClassifier, (3, 81, 32, 10), 172_218),
    (sknn.ConvClassifier, (3, 200, 32, 10), 853_612),
    (sknn.MultiTierClassifier, (1, (16, 32, 32), 28, 10), 81_394),
    (sknn.MultiTierClassifier, (3, (16, 32, 60), 32, 10), 170_194),
    (sknn.MultiTierClassifier, (3, (64, 128, 128), 32, 10), 1_014_546),
]


@pytest.mark.parametrize(("kind", "arguments", "count"), COUNTS)
def test_the_paper_s_parameter_counts(kind, arguments, count):
    model = kind(*arguments)
    assert sum(p.numel() for p in model.parameters()) == count


SMALL = {
    "dense": (lambda: sknn.DenseClassifier(12, 7, 3, m=0.5), (1, 3, 4)),
    "conv": (lambda: sknn.ConvClassifier(2, 3, (7, 5), 4, m=0.5), (2, 7, 5)),
    "tiers": (lambda: sknn.MultiTierClassifier(1, (2, 3), (4, 6), 4, m=0.5), (1, 4, 6)),
}
each = pytest.mark.parametrize("name", SMALL)


def make(name):
    torch.manual_seed(0)
    return SMALL[name][0](), torch.randn(6, *SMALL[name][1])


@each
def test_learns_a_few_labels(name):
    model, x = make(name)
    labels = torch.arange(6) % 3
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    assert torch.equal(model(x).argmax(1), labels)


@each
def test_certificate(name):
    """‖U‖, the head and what it reads, bound the Jacobian; the solve error is certified."""
    model, x = make(name)
    certificate = sknn.certify(model, x)
    with torch.no_grad():
        z = model.layer(model.inputs(x))
        model = model.double()
        model.layer.tol = 1e-12
        exact = model.layer(model.inputs(x.double()))
    error = float((z - exact).flatten(1).norm(dim=1).max())
    assert error <= certificate.solve_error < 100 * error
    found = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], x[0].double())
    assert 0 < float(torch.linalg.matrix_norm(found.flatten(1), 2)) <= certificate.lipschitz


@each
def test_the_bound_of_a_model_has_the_norm_of_its_readout(name):
    model, x = make(name)
    z = model.layer(model.inputs(x)).detach()
    matrix = torch.autograd.functional.jacobian(lambda v: model.readout(v[None])[0], z[0])
    norm = float(torch.linalg.matrix_norm(matrix.flatten(1), 2))
    whole, alone = sknn.certify(model, x), sknn.certify(model.layer, model.inputs(x))
    assert whole.lipschitz == pytest.approx(norm * alone.lipschitz, rel=1e-4)
    assert model.features(z).shape == (6, model.head.in_features)


def test_the_heads_read_what_the_paper_s_read():
    conv = sknn.ConvClassifier(1, 2, 28, 10)
    z = torch.arange(30.0 * 30).reshape(1, 1, 30, 30).repeat(1, 2, 1, 1)
    features = conv.features(z)  # 30 = 7 · 4 + 2: two rows and columns drop out
    assert features.shape == (1, 2 * 7 * 7)
    assert float(features[0, 0]) == float(z[0, 0, :4, :4].mean())
    assert float(features[0, 48]) == float(z[0, 0, 24:28, 24:28].mean())
    tiers = sknn.MultiTierClassifier(1, (2, 3), 4, 10)
    z = torch.randn(5, 2 * 36 + 3 * 16)
    assert torch.equal(tiers.features(z), tiers.layer.parametrization.tiers(z)[-1].flatten(1))


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="side = 1"):
        sknn.ConvClassifier(1, 2, 1, 10)
