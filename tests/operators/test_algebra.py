"""Resolvents follow the rules, reprs read as formulas, errors name argument and remedy."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import splitkit as sk
from tests.properties.matrices import monotone, positive, square

few = settings(max_examples=25, deadline=None, derandomize=True, database=None)
f = sk.functions
M = np.array([[2.0, 1.0], [-1.0, 1.0]])
V = np.array([0.5, -1.0])
vectors = st.lists(st.floats(-5, 5, width=16), min_size=2, max_size=2).map(np.array)


def matrix_of(A, n=2):
    """The matrix of a linear operator."""
    return np.stack([A(e) for e in np.eye(n)], axis=1)


def inverse_of(M, alpha):
    return np.linalg.inv(np.eye(len(M)) + alpha * M)


@few
@given(monotone(2), monotone(2), positive)
def test_evaluation_is_that_of_matrices(A, B, c):
    a, b = sk.Affine(A), sk.Affine(B)
    cases = {
        a + b: A + B,
        a - b: A - B,
        -a: -A,
        c * a: c * A,
        a @ b: A @ B,
        a @ b @ a: A @ B @ A,
        sk.Identity() - c * a: np.eye(2) - c * A,
        a + c * sk.Identity() + b: A + B + c * np.eye(2),
        2.0 * (c * a): 2 * c * A,
        0.0 * a: np.zeros((2, 2)),
    }
    for operator, expected in cases.items():
        np.testing.assert_allclose(matrix_of(operator), expected, atol=1e-12)


@few
@given(monotone(2), positive, positive, vectors)
def test_resolvent_rules(A, alpha, c, x):
    a, R = sk.Affine(A), lambda M, alpha: inverse_of(M, alpha) @ x
    assert np.allclose(a.resolvent(alpha)(x), R(A, alpha))
    assert np.allclose((c * a).resolvent(alpha)(x), R(c * A, alpha))
    assert np.allclose((a + c * sk.Identity()).resolvent(alpha)(x), R(A + c * np.eye(2), alpha))
    assert np.allclose(a.cayley(alpha)(x), 2 * R(A, alpha) - x)
    shifted = a.shift(V).resolvent(alpha)(x)
    assert np.allclose(shifted, inverse_of(A, alpha) @ (x + alpha * V))
    translated = a.translate(V).resolvent(alpha)(x)
    assert np.allclose(translated, V + inverse_of(A, alpha) @ (x - V))
    moreau = a.resolvent(alpha)(x) + alpha * a.inverse.resolvent(1 / alpha)(x / alpha)
    assert np.allclose(moreau, x)


@few
@given(monotone(2, strongly=True), positive, vectors)
def test_the_resolvent_of_the_inverse(A, alpha, x):
    expected = inverse_of(np.linalg.inv(A), alpha) @ x
    assert np.allclose(sk.Affine(A).inverse.resolvent(alpha)(x), expected)


@few
@given(square(3), positive, positive)
def test_the_resolvent_of_a_pullback_by_a_multiple_of_an_isometry(B, alpha, scale):
    Q = np.linalg.qr(B + 10 * np.eye(3))[0][:2] * scale
    a = sk.Affine(M).pullback(sk.DenseMatrix(Q))
    x = np.array([1.0, -2.0, 0.5])
    assert a.has_resolvent
    np.testing.assert_allclose(a(x), Q.T @ M @ Q @ x, atol=1e-9)
    np.testing.assert_allclose(a.resolvent(alpha)(x), inverse_of(Q.T @ M @ Q, alpha) @ x, atol=1e-9)


def test_an_operator_that_scales_its_argument():
    s, alpha, x = 3.0, 0.7, np.array([1.0, -0.1])
    A = sk.Subdifferential(f.L1Norm())
    B = A.pullback(sk.DenseMatrix(s * np.eye(2)))
    expected = A.resolvent(alpha * s * s)(s * x) / s
    np.testing.assert_allclose(B.resolvent(alpha)(x), expected)


def test_what_is_given_back_is_simple():
    a = sk.Affine(M)
    assert a.inverse.inverse is a
    assert (1.0 * a) is a
    assert a + sk.Zero() is a
    assert isinstance(sk.Identity() - sk.Identity(), sk.Zero)
    assert isinstance(0.5 * sk.Identity() + 0.5 * sk.Identity(), sk.Identity)
    assert len((a + a.shift(V) + a.translate(V)).terms) == 3


def test_reprs_read_as_formulas():
    a = sk.Operator.from_callable(lambda x: x, name="A")
    b = sk.Operator.from_callable(lambda x: x, name="B")
    expected = {
        a + b: "A + B",
        2.5 * a: "2.5 A",
        a @ b: "A B",
        -2.0 * a: "−2 A",
        -a: "−A",
        a - 0.5 * b: "A − 0.5 B",
        sk.Identity() - 0.5 * a: "I − 0.5 A",
        0.5 * (a + b): "0.5 (A + B)",
        (a + b) @ a: "(A + B) A",
        a @ (2.0 * b) @ -a: "A (2 B) (−A)",
        a.inverse: "A⁻¹",
        (a + b).inverse: "(A + B)⁻¹",
        sk.Subdifferential(f.Huber()).inverse: "(∂Huber(delta=1, weight=1))⁻¹",
        a.pullback(sk.DenseMatrix(M)): "DenseMatrix(2×2)ᵀ A DenseMatrix(2×2)",
        sk.Affine(M): "DenseMatrix(2×2)",
        2.0 * sk.Affine(M, V): "2 (DenseMatrix(2×2) − q)",
        a.resolvent(0.5): "R[0.5 A]",
        a.cayley(0.5): "C[0.5 A]",
        (a + b).cayley(1.0): "C[A + B]",
        (-a).resolvent(2.0): "R[2 (−A)]",
        a.shift(V): "A − v",
        a.shift(V) @ b: "(A − v) B",
        a.translate(V): "A(· − v)",
        sk.Zero(): "0",
        sk.BlockDiagonal((a + b, b)): "((A + B) × B)",
        sk.Subdifferential(f.L1Norm()): "∂L1Norm(weight=1)",
        sk.Subdifferential(2.0 * f.L1Norm()): "2 ∂L1Norm(weight=1)",
        sk.NormalCone(f.NonNegative()): "N_NonNegative",
    }
    assert {repr(operator) for operator in expected} == set(expected.values())
    for operator, text in expected.items():
        assert repr(operator) == text


def test_composition_keeps_what_its_factors_return():
    a = sk.Affine(M)
    value, seen = (a @ a @ a).trace(V)
    np.testing.assert_allclose(value, M @ M @ M @ V)
    assert len(seen) == 3
    np.testing.assert_allclose(seen[0], M @ V)
    value, seen = (0.5 * sk.Identity() + 0.5 * (a @ a)).trace(V)
    np.testing.assert_allclose(value, V / 2 + M @ M @ V / 2)
    np.testing.assert_allclose(seen[0], M @ V)


def test_arrays_do_not_capture_operators():
    a = sk.Affine(M)
    assert isinstance(np.float64(2.0) * a, sk.Operator)
    with pytest.raises(TypeError):
        np.ones(2) * a
    with pytest.raises(TypeError):
        a + 1


A_SET = sk.NormalCone(f.Box(0.0, 1.0))
VALUE_ONLY = sk.Operator.from_callable(lambda x: x, name="A")


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: A_SET(V), TypeError, "not differentiable|set-valued"),
        (lambda: VALUE_ONLY.resolvent(1.0)(V), TypeError, "define make_resolvent"),
        (lambda: (VALUE_ONLY + A_SET).resolvent(1.0)(V), TypeError, "splitkit.solve"),
        (lambda: (-1.0 * A_SET).resolvent(1.0)(V), TypeError, "no resolvent"),
        (lambda: VALUE_ONLY.resolvent(0.0), ValueError, "alpha = 0.0"),
        (lambda: VALUE_ONLY.cayley(-1), ValueError, "alpha = -1"),
        (lambda: VALUE_ONLY.resolvent(float("nan")), ValueError, "alpha = nan"),
        (lambda: VALUE_ONLY.resolvent("1"), TypeError, "alpha = '1'"),
        (lambda: VALUE_ONLY.resolvent(True), TypeError, "alpha = True"),
        (lambda: VALUE_ONLY.resolvent(np.array([1.0, -1.0])), ValueError, "alpha"),
        (lambda: float("inf") * VALUE_ONLY, ValueError, "finite number"),
        (lambda: sk.Affine(M).pullback(sk.DenseMatrix(M)).resolvent(1.0)(V), TypeError, "LLᵀ = νI"),
        (lambda: sk.BlockDiagonal(()), TypeError, "non-empty"),
        (lambda: sk.BlockDiagonal((M,)), TypeError, "operators"),
        (sk.Operator.from_callable, TypeError, "function f, a resolvent"),
        (lambda: sk.Operator.from_callable(3), TypeError, "f = 3 is not callable"),
        (lambda: sk.Operator.from_callable(abs, lipschitz=-1.0), ValueError, "lipschitz = -1.0"),
        (lambda: sk.Operator.from_callable(abs, lipschitz="1"), TypeError, "lipschitz = '1'"),
        (lambda: sk.Affine("M"), TypeError, "M = 'M'"),
        (lambda: sk.Affine(np.ones((2, 3))), ValueError, "square"),
        (lambda: sk.Affine(np.ones(3)), ValueError, "2-D"),
        (lambda: sk.Affine(np.array([[np.nan]])), ValueError, "NaN"),
        (lambda: sk.Affine(np.ones((2, 2), dtype=int)), TypeError, "floating"),
        (
            lambda: sk.Affine(-3 * np.eye(2)).resolvent(1 / 3)(V),
            np.linalg.LinAlgError,
            "ingular|monotone",
        ),
        (lambda: sk.Subdifferential(abs), TypeError, "splitkit.functions"),
        (lambda: sk.NormalCone(f.L1Norm()), TypeError, "give a set"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()


@pytest.mark.parametrize(
    "alpha", [0.7, np.array([0.5, 2.0, 0.1]), np.linspace(0.2, 3, 12).reshape(3, 4)]
)
@pytest.mark.parametrize(
    "make",
    [
        lambda A: A,
        lambda A: A.shift(np.arange(4.0)),
        lambda A: A.translate(np.arange(4.0)),
        lambda A: A.inverse,
        lambda A: A.yosida(0.7),
        lambda A: A.scale_argument(-2.0),
        lambda A: 0.5 * sk.Identity() + 2.0 * A,
        lambda A: A.pullback(sk.linear.Diagonal(np.array([0.5, -2.0, 1.0, 3.0]))),
        lambda A: A.shift(np.ones(4)).pullback(sk.linear.Diagonal(np.array([0.5, 2.0, 1.0, 3.0]))),
    ],
)
def test_resolvents_of_elementwise_operators_take_steps_of_any_shape(make, alpha):
    """Each entry by itself, a number, is what the array of numbers gives."""
    A = make(sk.Subdifferential(f.L1Norm(0.6).translate(np.asarray(0.4))))
    assert A.elementwise
    y = np.random.default_rng(0).normal(size=(3, 4)) * 3
    steps = np.broadcast_to(
        np.reshape(alpha, np.shape(alpha) + (1,) * (2 - np.ndim(alpha))), (3, 4)
    )
    found = A.make_resolvent(alpha)(y)
    for i, j in np.ndindex(3, 4):
        alone = A.make_resolvent(float(steps[i, j]))(y)[i, j]
        assert found[i, j] == pytest.approx(alone, rel=1e-14, abs=1e-14)
