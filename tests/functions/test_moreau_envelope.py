"""Moreau envelopes: the known ones, and the Yosida approximation as their gradient."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import splitkit as sk
from splitkit.functions import (
    Box,
    Conjugate,
    Huber,
    Intersection,
    L1Norm,
    L2Ball,
    MoreauEnvelope,
    NonNegative,
    SquaredL2,
)

X = np.array([-3.0, -0.2, 0.0, 0.4, 5.0])
WEIGHTS = np.arange(5.0, 0.0, -1.0)


def test_the_envelope_of_the_l1_norm_is_hubers_function():
    envelope, huber = MoreauEnvelope(L1Norm(), 0.5), Huber(0.5, 2.0)
    assert float(envelope(X)) == pytest.approx(float(huber(X)))
    np.testing.assert_allclose(envelope.gradient(X), huber.gradient(X))
    np.testing.assert_allclose(envelope.prox(X, 0.7), huber.prox(X, 0.7))
    assert envelope.smoothness == huber.smoothness


def test_the_envelope_of_a_set_is_its_squared_distance():
    envelope = MoreauEnvelope(Box(-1.0, 1.0), 2.0)
    outside = np.maximum(np.abs(X) - 1, 0)
    assert float(envelope(X)) == pytest.approx(outside @ outside / 4)


def test_the_value_is_the_minimum_that_defines_it():
    f, gamma = Huber(0.3), 0.8
    for x in X:
        least = minimize_scalar(
            lambda y, x=x: float(f(np.array([y]))) + (x - y) ** 2 / (2 * gamma),
            bounds=(-6, 6), method="bounded", options={"xatol": 1e-10},
        ).fun  # fmt: skip
        assert float(MoreauEnvelope(f, gamma)(np.array([x]))) == pytest.approx(least, abs=1e-12)


def test_its_gradient_is_the_yosida_approximation():
    f = L1Norm(0.7)
    A, Y = sk.Subdifferential(MoreauEnvelope(f, 0.5)), sk.Subdifferential(f).yosida(0.5)
    np.testing.assert_allclose(A(X), Y(X))
    np.testing.assert_allclose(A.resolvent(0.3)(X), Y.resolvent(0.3)(X))
    assert A.cocoercivity == pytest.approx(Y.cocoercivity)


def test_constants_of_a_quadratic():
    envelope = MoreauEnvelope(SquaredL2(3.0), 2.0)
    assert envelope.smoothness == pytest.approx(3 / 7)
    assert envelope.strong_convexity == pytest.approx(3 / 7)
    assert repr(envelope) == "SquaredL2(weight=3)_2"


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: MoreauEnvelope(abs), TypeError, "f = "),
        (lambda: MoreauEnvelope(L1Norm() + L1Norm()), TypeError, "with a prox"),
        (lambda: MoreauEnvelope(sk.functions.L0Norm()), TypeError, "convex"),
        (lambda: MoreauEnvelope(L1Norm(), 0.0), ValueError, "gamma = 0.0"),
        (lambda: MoreauEnvelope(L1Norm(), X), TypeError, "gamma = "),
        (
            lambda: MoreauEnvelope(Conjugate(Intersection((NonNegative(), L2Ball()))))(X),
            TypeError,
            "sets as terms of their own",
        ),
    ],
)
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()
