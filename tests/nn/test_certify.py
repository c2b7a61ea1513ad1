"""The certificate's numbers are what they say, by independent computation."""

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn


@pytest.fixture
def model():
    torch.manual_seed(0)
    return sknn.DenseClassifier(6, 9, 3, m=0.3, tol=1e-2)


def test_numbers(model):
    x = torch.randn(20, 6)
    certificate = sknn.certify(model, x)
    M = torch.eye(9).double() - model.layer.parametrization.weight().detach().double()
    assert certificate.m == pytest.approx(float(torch.linalg.eigvalsh((M + M.T) / 2)[0]), rel=1e-5)
    assert certificate.m >= 0.3 - 1e-6
    assert certificate.L == pytest.approx(float(torch.linalg.matrix_norm(M, 2)), rel=1e-5)
    eye = torch.eye(9).double()
    C = torch.linalg.solve(eye + certificate.alpha * M, eye - certificate.alpha * M)
    assert certificate.rate == pytest.approx(float(torch.linalg.matrix_norm(C, 2)), rel=1e-5)
    assert 0 < certificate.observed_rate <= certificate.rate
    with torch.no_grad():
        z = model.layer(x)
        exact = model.double()
        exact.layer.tol = 1e-13
        error = float((z - exact.layer(x.double())).norm(dim=1).max())
    assert 0 < error <= certificate.solve_error < 20 * error


def test_lipschitz_bound_holds(model):
    certificate = sknn.certify(model, torch.randn(5, 6))
    model = model.double()
    model.layer.tol = 1e-13
    x = torch.randn(6, dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda v: model(v[None])[0], x)
    assert 0 < float(torch.linalg.matrix_norm(jacobian, 2)) <= certificate.lipschitz


def test_model_is_not_changed_and_prints(model):
    x = torch.randn(5, 6)
    model(x)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    text = str(sknn.certify(model, x))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.training
    assert "distance to the true equilibrium: at most" in text
    assert len(text.splitlines()) == len(set(text.splitlines())) == 6


def test_an_accelerated_layer_says_what_is_guaranteed(model):
    x = torch.randn(5, 6)
    plain = sknn.certify(model, x)
    assert plain.rate == plain.base_rate
    model.layer.method = sk.Anderson(sk.PeacemanRachford(alpha=plain.alpha))
    accelerated = sknn.certify(model, x)
    assert accelerated.rate is None
    assert accelerated.base_rate == pytest.approx(plain.rate)
    assert f"{plain.rate:.4f} of the steps it wraps" in str(accelerated)
    assert "none guaranteed of" in str(accelerated)


def test_bad_arguments(model):
    with pytest.raises(TypeError, match="Linear"):
        sknn.certify(torch.nn.Linear(2, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="empty batch"):
        sknn.certify(model, torch.zeros(0, 6))
