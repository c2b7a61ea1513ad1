"""Second derivatives as linear maps, whose inverses Newton's method takes."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.testing import check_function

F = sk.functions
RNG = np.random.default_rng(0)
A, b = RNG.standard_normal((30, 5)), np.sign(RNG.standard_normal(30))


def newton(f, x, steps):
    for _ in range(steps):
        x = x - f.hessian(x).inverted()(f.gradient(x))
    return x


@pytest.mark.parametrize(
    "f",
    [
        F.Logistic(b) @ A + F.SquaredL2(0.1),
        F.PseudoHuber(0.5) @ A + F.LeastSquares(A, b) + 2.0,
        0.5 * (F.LogCosh().translate(b) @ A) + F.Quadratic(np.diag([1.0, 2.0, 3.0, 4.0, 5.0])),
        F.MoreauEnvelope(F.SquaredL2(2.0, b[:5]), 0.5) + F.Rescaled(F.Fair(), 3.0),
    ],
    ids=str,
)
def test_newtons_method_takes_the_inverse_of_the_hessian(f):
    x = newton(f, np.zeros(5), 8)
    assert np.linalg.norm(f.gradient(x)) <= 1e-11 * np.linalg.norm(f.gradient(np.zeros(5)))
    H = f.hessian(x)
    assert H.properties.gradient
    assert H.properties.strong_monotonicity >= f.strong_convexity * (1 - 1e-12) > 0


def test_of_an_even_function_at_complex_points_its_inverses_are_closed():
    f, z = F.PseudoHuber(), np.array([3.0 - 1.0j, 0.0, 0.2j])
    H = f.hessian(z)
    for alpha in (0.3, 2.0):  # the prox of the quadratic model, by the closed inverse
        d = H.shifted_inverse(alpha)(z)
        np.testing.assert_allclose(d + alpha * H(d), z, atol=1e-14)
    np.testing.assert_allclose(H.inverted()(H(z)), z, atol=1e-14)


@pytest.mark.parametrize(
    ("f", "shape"),
    [
        (F.LogSumExp().along(-2, np.array([0.5, 2.0])), (3, 2)),
        (F.LogSumExp().on([[0, 2], [3]], np.array([1.0, 0.3])), (2, 5)),
        (F.Spectral(F.LogCosh(0.7)), (3, 2)),
        (F.Quadratic(np.diag([2.0, 3.0])).conjugate, (2,)),
        (F.SeparableSum(F.Logistic(), F.SquaredL2(0.5)), ((2,), (3,))),
    ],
    ids=str,
)
def test_of_parts_and_matrices_it_is_the_derivative_of_the_gradient(f, shape):
    assert f.has_hessian or not f.has_gradient
    check_function(f, shape, max_examples=4)


def test_a_wrong_one_is_found_and_what_has_none_says_so():
    class Steeper(F.Logistic):
        def curvatures(self, x):
            return 1.01 * super().curvatures(x)

    with pytest.raises(AssertionError, match="hessian"):
        check_function(Steeper(), (3,), max_examples=6)
    x = np.ones(2)
    for f in (F.L1Norm(), F.LpPower(1.5), F.MoreauEnvelope(F.L1Norm()), F.Simplex()):
        assert not f.has_hessian
    with pytest.raises(TypeError, match="second derivative"):
        F.L1Norm().hessian(x)
    with pytest.raises(TypeError, match="second derivative"):
        F.MoreauEnvelope(F.L1Norm()).hessian(x)
    with pytest.raises(ValueError, match="taken at a point of shapes"):
        F.LogSumExp().hessian(x)(np.ones(3))


@pytest.mark.parametrize(
    "f",
    [
        F.KullbackLeibler(b + 1.5).translate(-0.1 * b) @ abs(A),
        F.LogBarrier() + F.SquaredL2(),
        2.0 * F.NegativeEntropy() + F.Linear(np.arange(5.0)),
        F.Rescaled(F.BoxBarrier(), 0.2),
        F.LogBarrier().on([[0, 2], [1, 3, 4]], np.array([1.0, 0.3])),
    ],
    ids=str,
)
def test_barriers_have_theirs_inside_and_are_taken_by_their_prox(f):
    assert f.has_hessian
    assert f.smooth_inside
    assert not sk.Subdifferential(f).has_evaluation
    x, d, h = np.linspace(1.0, 2.0, 5), np.linspace(-1.0, 2.0, 5), 1e-5
    slope = (f(x + h * d) - f(x - h * d)) / (2 * h)
    np.testing.assert_allclose(np.sum(f.gradient(x) * d), slope, rtol=1e-7)
    central = (f.gradient(x + h * d) - f.gradient(x - h * d)) / (2 * h)
    np.testing.assert_allclose(f.hessian(x)(d), central, rtol=1e-7)


def test_outside_of_the_domain_there_is_neither():
    f, X = F.NegativeLogDet(2.0), np.array([[2.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(f.gradient(X), -2 * np.linalg.inv(X))
    for g, x in ((f, -X), (f, np.triu(X)), (F.LogBarrier() @ A, np.ones(5))):
        assert np.isnan(g.gradient(x)).all()
        with pytest.raises(ValueError, match="no second derivative at x"):
            g.hessian(x)
    assert F.KullbackLeibler(0.0).gradient(np.zeros(1)) == 1  # no counts: linear on x ≥ 0
    assert not F.LogBarrier().conjugate.has_gradient  # known, but by no formula here
    for smoothed in (F.MoreauEnvelope(F.LogBarrier(), 0.5), F.MoreauEnvelope(f, 0.5)):
        assert not smoothed.smooth_inside
