"""Each activation is the proximal map it says, at every step size, with its Jacobian."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize

import splitkit as sk
import splitkit_nn as sknn
from splitkit.backend import namespace, to_numpy
from splitkit.testing import check_operator
from splitkit_nn.activations import ACTIVATIONS
from splitkit_nn.activations.jacobians import DiagonalJacobian
from tests.sampling import sampled


def hard_sigmoid():
    def derivative(y):
        xp = namespace(y)
        return xp.astype(xp.abs(y) < 3, y.dtype) / 6

    return sknn.ScalarActivation(
        lambda y: namespace(y).clip(y / 6 + 0.5, 0.0, 1.0),
        derivative,
        greatest_slope=1 / 6,
        name="hard sigmoid",
    )


CASES = {
    **{name: make() for name, make in ACTIVATIONS.items()},
    "leakyrelu": sknn.LeakyReLU(0.3),
    "leakyrelu(0)": sknn.LeakyReLU(0.0),
    "clamp(-1, inf)": sknn.Clamp(-1.0, float("inf")),
    "elu(0.4)": sknn.ELU(0.4),
    "celu(2.5)": sknn.CELU(2.5),
    "groups": sknn.GroupShrinkage(0.7, groups=3),
    "scalar": hard_sigmoid(),
}
ALPHAS = (0.1, 1.0, 10.0)
SHAPE = (5, 6)
every = pytest.mark.parametrize("sigma", CASES.values(), ids=CASES.keys())
scalar = pytest.mark.parametrize(
    "sigma",
    [a for name, a in CASES.items() if a.elementwise],
    ids=[name for name, a in CASES.items() if a.elementwise],
)


def points(scale=2.0):
    y = scale * np.random.default_rng(0).normal(size=SHAPE)
    y[0] *= 30.0
    return y


@every
@pytest.mark.parametrize("alpha", ALPHAS)
def test_prox_at_every_step_size(sigma, alpha):
    """x = prox_{αf}(y) exactly if x = σ(s) with s = (y − (1 − α)x)/α."""
    y = points()
    x = sigma.prox(y, alpha)
    s = (y - (1 - alpha) * x) / alpha
    np.testing.assert_allclose(sigma(s), x, rtol=0, atol=1e-12 * np.max(np.abs(y)))


@scalar
@pytest.mark.parametrize("alpha", ALPHAS)
def test_prox_equals_bisection(sigma, alpha):
    y = np.concatenate([np.linspace(-9, 9, 19) + 0.1, [-2e3, 2e3]])
    wide = 1e4 * (1 + 1 / alpha)
    for value, x in zip(y, sigma.prox(y, alpha), strict=True):

        def equation(s, value=value):
            return float((1 - alpha) * sigma(np.array([s]))[0] + alpha * s - value)

        s = brentq(equation, -wide, wide, xtol=1e-14, rtol=1e-14)
        assert x == pytest.approx(sigma(np.array([s]))[0], rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_softmax_prox_minimizes(alpha):
    """argmin over the simplex of Σ z log z − ½‖z‖² + ‖z − y‖²/(2α), by another solver."""
    y = 0.5 * np.random.default_rng(1).normal(size=4)

    def objective(t):
        z = np.exp(t - t.max())
        z /= z.sum()
        return np.sum(z * np.log(z + 1e-300)) - z @ z / 2 + np.sum((z - y) ** 2) / (2 * alpha)

    best = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-10})
    z = np.exp(best.x - best.x.max())
    np.testing.assert_allclose(sknn.Softmax().prox(y[None], alpha)[0], z / z.sum(), atol=2e-7)


@pytest.mark.parametrize("alpha", [1e-6, 1e-4, 1e-2, 1e4])
@every
def test_prox_at_extreme_step_sizes(sigma, alpha):
    """prox_{αf} is nonexpansive, so that rounding of (1 − α)σ(s) + αs grows by nothing."""
    for scale in (0.1, 3.0, 100.0):
        s = scale * np.random.default_rng(2).normal(size=(50, 6))
        y = (1 - alpha) * sigma(s) + alpha * s
        size = max(1.0, (1 + alpha) * np.max(np.abs(s)))
        np.testing.assert_allclose(sigma.prox(y, alpha), sigma(s), rtol=0, atol=1e-13 * size)


@pytest.mark.parametrize("alpha", [1e-6, 1e-4, 1e-2, 0.1, 0.5, 3.0, 50.0, 1e4])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1000.0])
def test_softmax_newton_converges_from_everywhere(alpha, scale):
    """(1 − α)z + α log z − y is constant, on the entries that do not underflow; ties included."""
    y = np.concatenate(
        [
            scale * np.random.default_rng(2).normal(size=(200, 8)),
            scale * np.random.default_rng(3).integers(-3, 3, size=(200, 8)) / 10,
            scale * np.array([[1, 1, 1 - 1e-3, 1 - 1e-6, 1 - 1e-9, 0, -1, -2]]),
        ]
    )
    z = sknn.Softmax().prox(y, alpha)
    np.testing.assert_allclose(z.sum(axis=1), 1.0, rtol=1e-14)
    seen = z > 1e-300
    value = (1 - alpha) * z + alpha * np.log(np.where(seen, z, 1.0)) - y
    spread = np.max(np.where(seen, value, -np.inf), 1) - np.min(np.where(seen, value, np.inf), 1)
    terms = max(1.0, np.max(np.abs(y)), alpha * np.max(-np.log(z[seen])))
    assert np.max(spread) <= 2e-15 * terms * max(1.0, alpha)  # z to 2e-15·terms, and α log z
    single = sknn.Softmax().prox(y.astype(np.float32), alpha)
    exact = sknn.Softmax().prox(y.astype(np.float32).astype(float), alpha)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=0, atol=2e-6 * max(1.0, scale / max(1.0, alpha)))


def dense(J, like):
    """The matrix of J for each sample: its columns are J e_i."""
    basis = np.eye(like.shape[1])
    return np.stack([J(0 * like + e) for e in basis], axis=2)


@every
@pytest.mark.parametrize("alpha", ALPHAS)
def test_jacobian_of_the_prox(sigma, alpha):
    """J_α is the derivative of prox_{αf} by central differences, symmetric, with 0 ⪯ J_α ⪯ I."""
    y = points(1.3)[1:]
    x = sigma.prox(y, alpha)
    s = (y - (1 - alpha) * x) / alpha
    J = dense(sigma.jacobian(s).proximal(alpha), y)
    h = 1e-6
    for i in range(SHAPE[1]):
        e = h * np.eye(SHAPE[1])[i]
        difference = (sigma.prox(y + e, alpha) - sigma.prox(y - e, alpha)) / (2 * h)
        np.testing.assert_allclose(J[:, :, i], difference, rtol=0, atol=2e-8)
    np.testing.assert_allclose(J, J.transpose(0, 2, 1), atol=1e-14)
    values = np.linalg.eigvalsh(J)
    assert values.min() >= -1e-13
    assert values.max() <= 1 + 1e-13
    at_one = np.linalg.eigvalsh(dense(sigma.jacobian(y), y))
    assert at_one.min() >= sigma.slopes[0] - 1e-12
    assert at_one.max() <= sigma.slopes[1] + 1e-12


@every
def test_jacobian_algebra(sigma):
    """reflected is 2J − I, and gradient is the derivative of ⟨q, Jh⟩ in the arrays."""
    rng = np.random.default_rng(3)
    y = points()
    q, h = rng.normal(size=(2, *SHAPE))
    J = sigma.jacobian(y)
    np.testing.assert_allclose(J.reflected()(h), 2 * J(h) - h, atol=1e-14)
    for k, slope in enumerate(J.gradient(q, h)):
        d = rng.normal(size=SHAPE)
        moved = [a + 1e-6 * d * (i == k) for i, a in enumerate(J.arrays)]
        back = [a - 1e-6 * d * (i == k) for i, a in enumerate(J.arrays)]
        difference = np.sum(q * (J.of(*moved)(h) - J.of(*back)(h))) / 2e-6
        assert np.sum(slope * d) == pytest.approx(difference, rel=1e-7, abs=1e-8)


@every
@pytest.mark.parametrize(("xp", "dtype"), [(np, "float64"), (torch, "float32")])
def test_operator_keeps_what_it_declares(sigma, xp, dtype):
    place = {"xp": namespace(xp.zeros(1)), "dtype": getattr(xp, dtype)}
    check_operator(sigma.operator, (2, 6), **place, batch_ndim=1, max_examples=2)


@sampled(lambda given: list(CASES.values()).index(given["sigma"]))
@every
def test_same_on_every_library(sigma, xp):
    y = points()
    for function in (
        sigma,
        sigma.prox,
        lambda y: sigma.prox(y, 0.3),
        lambda y: sigma.jacobian(y)(y),
    ):
        mine = function(xp.asarray(y.tolist(), dtype=xp.float64))
        assert mine.dtype == xp.float64
        np.testing.assert_allclose(to_numpy(mine), function(y), rtol=1e-12, atol=1e-12)


def make_layer(sigma, method=None, m=0.5):
    torch.manual_seed(0)
    return sknn.MonDEQ(
        sknn.MonotoneDense(3, 6, m=m).double(), sigma, method, tol=1e-13, max_iter=5000
    )


@every
@pytest.mark.parametrize("alpha", [0.3, 2.0])
def test_the_solution_is_the_equilibrium(sigma, alpha):
    """A wrong prox converges to a wrong point: what counts is ‖z − σ(Wz + Ux + b)‖."""
    layer = make_layer(sigma, sk.PeacemanRachford(alpha=alpha))
    x = 2 * torch.randn(8, 3, dtype=torch.float64)
    with torch.no_grad():
        z = layer(x)
        p = layer.parametrization
        y = p.multiply(p.weight(), z) + p.bias(x)
        assert float((z - sigma(y)).norm(dim=1).max()) < 1e-11


@every
def test_derivatives_of_first_and_second_order(sigma):
    layer = make_layer(sigma)
    names = [name for name, _ in layer.named_parameters()]
    values = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)

    def function(x, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(function, (x, *values), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, *values), fast_mode=True)


@pytest.mark.parametrize("sigma", [sknn.Tanh(), sknn.Softmax()])
def test_a_border_held_at_zero(sigma):
    """KσK has the Jacobian KJK and the proximal maps K prox_{αf}."""
    y = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    mask = np.zeros((4, 5), dtype=bool)
    mask[1:-1, 1:-1] = True
    masked = sknn.Masked(sigma, mask)
    np.testing.assert_array_equal(masked(y), mask * sigma(y))
    np.testing.assert_array_equal(masked.prox(y, 0.3), mask * sigma.prox(y, 0.3))
    np.testing.assert_allclose(masked.jacobian(y)(y), mask * sigma.jacobian(y)(mask * y))
    small = sknn.Masked(sigma, np.array([[True, False]]))
    check_operator(small.operator, (2, 2, 1, 2), batch_ndim=1, max_examples=4)


def test_channels_are_groups_at_each_place():
    y = np.random.default_rng(0).normal(size=(2, 6, 3, 4))
    for sigma in (sknn.Softmax(), sknn.Sparsemax(), sknn.GroupShrinkage(0.5, groups=2)):
        flat = np.moveaxis(y, 1, -1).reshape(-1, 6)
        for act in (sigma, lambda y, s=sigma: s.prox(y, 0.3), lambda y, s=sigma: s.jacobian(y)(y)):
            expected = np.moveaxis(act(flat).reshape(2, 3, 4, 6), -1, 1)
            np.testing.assert_allclose(act(y), expected, atol=1e-14)


def test_one_step_size_for_each_sample():
    y = points()
    alpha = np.array([0.1, 0.5, 1.0, 2.0, 10.0])
    for sigma in CASES.values():
        expected = np.stack(
            [sigma.prox(row[None], float(a))[0] for row, a in zip(y, alpha, strict=True)]
        )
        np.testing.assert_allclose(sigma.prox(y, alpha), expected, rtol=1e-10, atol=1e-10)


def test_strong_convexity_of_f_sharpens_the_certificate():
    """Slopes of σ of at most ¼ make ∂f 3-strongly monotone, and ‖z − z*‖ ≤ ‖r‖/(m + 3)."""
    layer = make_layer("sigmoid")
    layer.tol = 1e-4
    layer(torch.ones(1, 3, dtype=torch.float64))
    record = layer.last_solve.forward
    assert record.error_bound == pytest.approx(record.residual / 3.5)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: sknn.ELU(1.5), ValueError, r"a = 1\.5.*CELU"),
        (lambda: sknn.CELU(0.0), ValueError, r"a = 0\.0"),
        (lambda: sknn.LeakyReLU(1.2), ValueError, r"slope = 1\.2"),
        (lambda: sknn.Clamp(1.0, 0.0), ValueError, "lower < upper"),
        (lambda: sknn.SoftThreshold(-1.0), ValueError, "threshold"),
        (lambda: sknn.GroupShrinkage(1.0, groups=0), ValueError, "groups = 0"),
        (lambda: sknn.GroupShrinkage(1.0, 4)(np.ones((2, 6))), ValueError, "does not divide"),
        (lambda: sknn.ScalarActivation(np.sin, np.cos), ValueError, "chord outside"),
        (lambda: sknn.ScalarActivation(lambda y: 2 * y, lambda y: 0 * y + 1), ValueError, "chord"),
        (
            lambda: sknn.ScalarActivation(np.tanh, lambda y: 0 * y + 0.5),
            ValueError,
            "not the deriv",
        ),
        (lambda: sknn.ScalarActivation(np.exp, np.exp), ValueError, "outside"),
        (lambda: sknn.ScalarActivation(lambda y: y / 0, np.cos), ValueError, "finite"),
        (lambda: sknn.ScalarActivation(np.tanh, 1.0), TypeError, "not callable"),
        (
            lambda: sknn.ScalarActivation(np.tanh, np.tanh, least_slope=2.0),
            ValueError,
            "least_slope",
        ),
    ],
)
def test_what_is_no_proximal_map_is_refused(make, error, match):
    with np.errstate(all="ignore"), pytest.raises(error, match=match):
        make()


def test_gelu_is_refused_by_check_too():
    gelu = torch.nn.functional.gelu

    def function(y):
        return gelu(torch.tensor(y)).numpy()

    with pytest.raises(ValueError, match="no proximal map"):
        sknn.ScalarActivation(function, lambda y: 0 * y + 0.5, name="gelu")


def test_a_diagonal_may_be_given_as_an_array():
    assert isinstance(sknn.ReLU().jacobian(np.ones((2, 3))), DiagonalJacobian)
