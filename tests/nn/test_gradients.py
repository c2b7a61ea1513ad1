"""The menu of gradients: the exact ones agree, the others have the bias that theory gives them."""

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.activations import ACTIVATIONS


def make_layer(gradient="cotangent", activation="tanh", parametrization=None, **options):
    torch.manual_seed(0)
    options = {"tol": 1e-12, "max_iter": 5000} | options
    parametrization = parametrization or sknn.MonotoneDense(3, 6).double()
    return sknn.MonDEQ(parametrization, activation, gradient=gradient, **options)


@pytest.fixture
def x():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_cotangent_inclusion_is_that_of_the_backward_pass(activation):
    """With U = I the cotangent of x is ũ; the constants are those of D for slopes in [p, q]."""
    layer = make_layer(activation=activation, parametrization=sknn.MonotoneDense(6, 6).double())
    layer.parametrization.U.weight.data = torch.eye(6).double()
    x, v = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1)).double()
    (u_tilde,) = torch.autograd.grad(layer(x.requires_grad_()), x, v)
    F, G = layer.cotangent_inclusion(x.detach(), v)
    found = sk.solve(F + G, torch.zeros_like(v), tol=1e-12, batch_ndim=1, max_iter=5000)
    torch.testing.assert_close(found.x, u_tilde, rtol=0, atol=1e-9)
    p, q = layer.activation.slopes
    assert G.strong_monotonicity == pytest.approx(1 / q - 1)
    assert G.lipschitz == (pytest.approx(1 / p - 1) if p else None)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_direct_equals_cotangent_with_second_derivatives(x, activation):
    results = []
    for gradient in ("cotangent", "direct"):
        layer = make_layer(gradient, activation)
        z = layer(x)
        v = torch.linspace(-1, 1, z.numel(), dtype=z.dtype).reshape(z.shape)
        first = torch.autograd.grad((z * v).sum(), tuple(layer.parameters()), create_graph=True)
        total = sum(g.square().sum() for g in first)
        second = torch.autograd.grad(total, tuple(layer.parameters()))
        results.append((*first, *second))
    assert layer.last_solve.backward is None
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_jacobian_free_leaves_out_the_term_of_W(x):
    layer = make_layer("jacobian_free")
    z = layer(x)
    v = torch.ones_like(z)
    z.backward(v)
    J = 1 - z.detach() ** 2  # tanh′ at the pre-activation
    torch.testing.assert_close(layer.parametrization.U.bias.grad, (J * v).sum(0))


def test_truncated_has_the_error_of_its_steps(x):
    layer = make_layer()
    menu = [sknn.Truncated(steps=k) for k in (1, 4, 16, 64)]
    found = sknn.compare_gradients(layer, x, gradients=menu)
    errors = [bias.relative_error for bias in found.values()]
    layer(x)
    rate = layer.last_solve.forward.rate
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[2] < 10 * rate**16
    assert errors[3] < 1e-9


def test_unrolled_is_the_derivative_of_the_iteration_and_tends_to_the_exact_one(x):
    steps = sknn.Unrolled(steps=3, alpha=0.2)
    layer = make_layer(steps)
    names = [name for name, _ in layer.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]

    def function(*values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, values)
    assert torch.autograd.gradgradcheck(function, values, fast_mode=True)
    menu = [sknn.Unrolled(steps=k) for k in (5, 20, 200)]
    found = sknn.compare_gradients(layer, x, gradients=menu)
    errors = [bias.relative_error for bias in found.values()]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-10


def test_compare_gradients(x):
    layer = make_layer(tol=1e-8)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    found = sknn.compare_gradients(layer.float(), x.float())
    assert list(found) == ["cotangent", "direct", "jacobian_free", "truncated", "unrolled"]
    assert found["direct"].relative_error == 0.0
    assert 0 < found["cotangent"].relative_error < 1e-6
    assert found["jacobian_free"].relative_error > 0.1
    assert found["jacobian_free"].cosine < found["truncated"].cosine < 1 + 1e-12
    assert "cosine" in str(found["truncated"])
    after = layer.state_dict()
    for name, value in before.items():
        if name not in ("alpha", "bound"):
            assert torch.equal(after[name].double(), value.float().double())


def test_compare_gradients_of_frozen_parameters_and_bad_arguments(x):
    layer = make_layer()
    expected = sknn.compare_gradients(layer, x)
    frozen = sknn.compare_gradients(layer.requires_grad_(False), x)
    assert frozen["truncated"] == expected["truncated"]
    owner = sknn.MonDEQ(sknn.MonotoneLipschitz(3, 6, 2, gamma=1.0), tol=1e-8)
    assert sknn.compare_gradients(owner, x)["cotangent"].relative_error < 1e-6
    with pytest.raises(ValueError, match="exact gradient is 0"):
        sknn.compare_gradients(layer, x, torch.zeros(4, 6))
    with pytest.raises(ValueError, match=r"cotangent has shape \(3, 6\)"):
        sknn.compare_gradients(layer, x, torch.ones(3, 6))
    with pytest.raises(TypeError, match="Linear"):
        sknn.compare_gradients(torch.nn.Linear(3, 6), x)


@pytest.mark.parametrize("gradient", ["jacobian_free", "truncated"])
def test_second_derivatives_of_an_inexact_first_are_refused(x, gradient):
    layer = make_layer(gradient)
    (first,) = torch.autograd.grad(layer(x).sum(), layer.parametrization.A, create_graph=True)
    with pytest.raises(RuntimeError, match="exact first one"):
        first.sum().backward()


METHODS = [sk.PeacemanRachford(), sk.ForwardBackward(), sk.DouglasRachford()]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_warm_start_from_the_solution_takes_one_step(x, method):
    layer = make_layer(method=method, tol=1e-9)
    z = layer(x).detach()
    assert layer.last_solve.forward.iterations > 5
    again = layer(x, z0=z)
    assert layer.last_solve.forward.iterations <= 2
    torch.testing.assert_close(again.detach(), z, rtol=0, atol=1e-7)
    again.sum().backward()
    with pytest.raises(ValueError, match="z0 has shape"):
        layer(x, z0=z[:1])
    with pytest.raises(TypeError, match="z0 is a list"):
        layer(x, z0=[0.0])


def test_certified_tolerance(x):
    layer = make_layer(tol=sk.CertifiedError(1e-3))
    z = layer(x).detach()
    assert layer.last_solve.forward.error_bound <= 1e-3
    layer.tol = 1e-13
    assert float((layer(x).detach() - z).norm(dim=1).max()) <= 1e-3
    assert "CertifiedError" in repr(make_layer(tol=sk.CertifiedError(1e-3)))


def test_failure_is_raised_warned_of_or_damped(x):
    with pytest.raises(sk.NotConvergedError, match="max_iter = 3"):
        make_layer(max_iter=3)(x)
    layer = make_layer(max_iter=3, on_failure="warn")
    with pytest.warns(sk.NotConvergedWarning, match="max_iter = 3") as warned:
        z = layer(x)
    assert warned[0].filename == __file__  # where the user calls, not where the layer warns
    assert not layer.last_solve.forward.converged
    with pytest.warns(sk.NotConvergedWarning) as warned:
        z.sum().backward()
    assert warned[0].filename == __file__
    assert torch.isfinite(layer.parametrization.A.grad).all()
    with pytest.raises(ValueError, match="on_failure = 'ignore'"):
        make_layer(on_failure="ignore")


def test_damping_saves_a_diverging_iteration(x):
    method = sk.ForwardBackward(alpha=20.0, check=False)  # far too long
    with pytest.raises(sk.NotConvergedError):
        make_layer(method=method, max_iter=300)(x)
    layer = make_layer(method=method, on_failure="damp", max_iter=2000)
    z = layer(x)
    assert layer.last_solve.forward.method == "Douglas-Rachford"
    torch.testing.assert_close(z, make_layer()(x), rtol=0, atol=1e-9)
    z.sum().backward()
    assert layer.last_solve.backward.method == "Douglas-Rachford"
    with pytest.raises(sk.NotConvergedError, match="Douglas-Rachford"):
        make_layer(on_failure="damp", max_iter=2)(x)


@pytest.mark.parametrize(
    "method",
    [
        sk.Anderson(sk.PeacemanRachford()),
        sk.Anderson(sk.DouglasRachford()),
        sk.Anderson(sk.ForwardBackward()),
        sk.Halpern(sk.PeacemanRachford()),
        sk.Tseng(),
        sk.ForwardReflectedBackward(),
    ],
    ids=lambda method: method.label,
)
def test_every_method_with_a_step_size_finds_the_same(x, method):
    results = []
    for layer in (make_layer(), make_layer(method=method, tol=1e-9, max_iter=20_000).train()):
        z = layer(x)
        results.append([z, *torch.autograd.grad(z.square().sum(), tuple(layer.parameters()))])
    record = layer.last_solve
    assert record.forward.method == record.backward.method == method.label
    from_zero = record.forward.iterations
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)
    again = layer.eval()(x, z0=z)
    assert layer.last_solve.forward.iterations < from_zero
    torch.testing.assert_close(again, z, rtol=0, atol=1e-7)
    assert sknn.certify(layer, x).solve_error < 1e-6


def test_unrolled_steps_are_loud(x):
    layer = make_layer(sknn.Unrolled(400, alpha=100.0), activation="relu")
    with pytest.raises(sk.NoGuaranteeError, match=r"alpha = 100\.0 is too long"):
        layer(x)
    layer.gradient = sknn.Unrolled()
    with pytest.raises(ValueError, match="x has NaN"):
        layer(x * float("nan"))
    layer(x)
    with pytest.raises(ValueError, match="solves nothing"):
        sknn.certify(layer, x)
    with torch.no_grad():
        layer.parametrization.U.bias.fill_(float("inf"))
    with pytest.raises(ValueError, match="parameter U"):
        layer(x)


def test_statistics(x):
    layer = make_layer()
    layer(x)
    record = layer.last_solve.forward
    assert record.method == "Peaceman-Rachford"
    assert 0 < record.mean_iterations <= record.iterations


def test_samples_that_are_done_are_frozen(x):
    layer = make_layer(tol=sk.Relative(1e-12))  # a rule is looked at where its decrease says so
    z0 = layer(x).detach().clone()
    z0[1:] = 0.0  # one starts at its equilibrium, the others do not
    layer(x, z0)
    record = layer.last_solve.forward
    assert record.mean_iterations < record.iterations - 1


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: make_layer("exact"), "gradient = 'exact'"),
        (lambda: make_layer(method=sk.DavisYin()), "takes 3 operators"),
        (lambda: make_layer(method=sk.ProximalPoint()), "takes 1 operators"),
        (lambda: sknn.Truncated(steps=0), "steps = 0"),
        (lambda: sknn.Unrolled(steps=-2), "steps = -2"),
        (lambda: sknn.Unrolled(alpha=-1.0), r"alpha = -1\.0"),
    ],
)
def test_bad_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
