"""Operators made of another one's graph: s A(s·), A_γ, A_V, A □ B; membership; product space."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import splitkit as sk
from splitkit.operators import Consensus, ParallelSum, copies, product_space
from tests.operators.test_algebra import M, V, inverse_of, matrix_of, vectors
from tests.properties.matrices import monotone, positive

few = settings(max_examples=25, deadline=None, derandomize=True, database=None)
f = sk.functions
NORM = sk.Subdifferential(f.L1Norm())
BOX = sk.NormalCone(f.Box(-1.0, 1.0))
signed = st.builds(math.copysign, positive, st.sampled_from((-1, 1)))


def line(direction):
    """N_V with V the line through a vector of the plane, as an operator and as P_V."""
    a, b = direction
    normal = sk.NormalCone(f.AffineSet(np.array([[b, -a]]), np.zeros(1)))
    return normal, np.outer(direction, direction) / (direction @ direction)


@few
@given(monotone(2), signed, positive, vectors)
def test_a_scaled_argument(A, s, alpha, x):
    B = sk.Affine(A).scale_argument(s)
    np.testing.assert_allclose(matrix_of(B), s * s * A, atol=1e-12)
    assert np.allclose(B.resolvent(alpha)(x), inverse_of(s * s * A, alpha) @ x)
    assert np.allclose(B.cayley(alpha)(x), 2 * B.resolvent(alpha)(x) - x)
    np.testing.assert_allclose(matrix_of((1 / s) * B), s * A, atol=1e-12)


def test_a_scaled_argument_of_a_set_valued_operator():
    x = np.array([2.5, -0.1])
    # ‖s x‖₁ = s‖x‖₁
    expected = NORM.resolvent(0.7 * 3.0)(x)
    np.testing.assert_allclose(NORM.scale_argument(3.0).resolvent(0.7)(x), expected)
    np.testing.assert_allclose(NORM.scale_argument(-3.0).resolvent(0.7)(x), expected)
    assert NORM.scale_argument(2.0).scale_argument(0.5) is NORM


@few
@given(monotone(2, strongly=True), positive, positive, vectors)
def test_a_yosida_approximation(A, gamma, alpha, x):
    Y = sk.Affine(A).yosida(gamma)
    expected = np.linalg.inv(gamma * np.eye(2) + np.linalg.inv(A))
    np.testing.assert_allclose(matrix_of(Y), expected, atol=1e-9)
    assert np.allclose(Y.resolvent(alpha)(x), inverse_of(expected, alpha) @ x)
    again = Y.yosida(0.5)
    twice = np.linalg.inv((gamma + 0.5) * np.eye(2) + np.linalg.inv(A))
    np.testing.assert_allclose(matrix_of(again), twice, atol=1e-9)
    assert Y.cocoercivity >= gamma


@pytest.mark.parametrize("gamma", [-1.0, 0.0, np.inf])
def test_a_yosida_approximation_has_a_positive_gamma(gamma):
    with pytest.raises(ValueError, match="give a positive finite number"):
        sk.operators.Yosida(sk.Affine(np.eye(2)), gamma)


def test_the_yosida_approximation_of_the_l1_norm_is_the_gradient_of_hubers_function():
    x = np.array([-3.0, -0.2, 0.0, 0.4, 5.0])
    np.testing.assert_allclose(NORM.yosida(0.5)(x), np.clip(x / 0.5, -1, 1))
    huber = sk.Subdifferential(f.Huber(0.5, 2.0))
    np.testing.assert_allclose(NORM.yosida(0.5)(x), huber(x))
    assert NORM.yosida(0.5).lipschitz == pytest.approx(2.0)


@few
@given(monotone(2, strongly=True), positive)
def test_a_parallel_sum_with_a_multiple_of_the_identity(A, c):
    a, expected = sk.Affine(A), np.linalg.inv(np.linalg.inv(A) + np.eye(2) / c)
    for Y in (a.parallel(c * sk.Identity()), (c * sk.Identity()).parallel(a)):
        np.testing.assert_allclose(matrix_of(Y), expected, atol=1e-9)


class Difference(sk.LinearOperator):
    """L(x, y) = x − y, LLᵀ = 2I."""

    norm, gram = 2**0.5, 2.0

    def __call__(self, x):
        return x[0] - x[1]

    def adjoint(self, y):
        return y, -y

    def range_space(self, space):
        return space.block_spaces()[0]


def test_the_remedy_for_a_parallel_sum_solves_for_its_parts():
    A, B, C = M, M.T + np.eye(2), np.diag([1.0, 3.0])
    split = sk.Affine(A).parallel(sk.Affine(B))
    assert not split.has_resolvent
    assert not split.has_evaluation
    whole = sk.BlockDiagonal((sk.Affine(C, V), sk.Affine(B)))
    found = sk.solve(whole + sk.Affine(A).pullback(Difference()), (V, V), tol=1e-12)
    parallel = np.linalg.inv(np.linalg.inv(A) + np.linalg.inv(B))
    np.testing.assert_allclose(found.x[0], np.linalg.solve(C + parallel, V), atol=1e-9)


def test_parallel_sums_are_simple():
    a = sk.Operator.from_callable(lambda x: x, name="A", monotone=True)
    b = sk.Operator.from_callable(lambda x: x, name="B", monotone=True)
    assert repr(a.parallel(b).parallel(a)) == "A □ B □ A"
    assert repr(a.parallel(b).inverse) == "A⁻¹ + B⁻¹"
    assert a.parallel(sk.Zero().inverse) is a
    assert isinstance(a.parallel(sk.Zero()), ParallelSum)


@few
@given(monotone(2), st.sampled_from((1.0, 0.0, -2.0)), vectors, vectors)
def test_a_partial_inverse(A, slope, x, z):
    normal, P = line(np.array([1.0, slope]))
    u = A @ x
    a = sk.Affine(A)
    partial = a.partial_inverse(normal)
    Q = np.eye(2) - P
    y, v = P @ x + Q @ u, P @ u + Q @ x
    assert np.allclose(partial.exchange(x, u), (y, v), atol=1e-9)
    assert np.allclose(partial.exchange(y, v), (x, u), atol=1e-9)
    assert bool(partial.contains(y, v, 1e-7)) or np.allclose(y, 0)
    # R_{A_V}(y + v) = y
    assert np.allclose(partial.resolvent(1.0)(y + v), y, atol=1e-9)
    R = np.linalg.inv(np.eye(2) + A)
    assert np.allclose(partial.cayley(1.0)(z), (2 * P - np.eye(2)) @ (2 * R - np.eye(2)) @ z)
    assert partial.properties.maximal == a.properties.maximal


def test_the_proximal_point_method_on_a_partial_inverse_solves_over_the_subspace():
    normal, P = line(np.array([1.0, 2.0]))
    target = np.array([3.0, -1.0])
    a = sk.Subdifferential(f.SquaredL2(center=target))
    R = a.partial_inverse(normal).resolvent(1.0)
    z = np.array([5.0, 5.0])
    for _ in range(60):
        z = R(z)
    np.testing.assert_allclose(P @ z, P @ target, atol=1e-12)
    np.testing.assert_allclose(z - P @ z, P @ target - target, atol=1e-12)  # the multiplier


def point(values):
    return tuple(map(np.array, values)) if isinstance(values, tuple) else np.array(values)


def test_membership_of_functions_and_sets():
    for A, x, inside, outside in [
        (BOX, [1.0, 0.0], [3.0, 0.0], [-1.0, 0.0]),
        (BOX, [1.0, -1.0], [0.0, -0.5], [1.0, 0.5]),
        (BOX, [0.3, 0.2], [0.0, 0.0], [0.1, 0.0]),
        (NORM, [2.0, 0.0], [1.0, 0.7], [1.0, 1.1]),
        (NORM.inverse, [1.0, 0.7], [2.0, 0.0], [2.0, 0.1]),
        (sk.Affine(M, V), [1.0, 1.0], M @ [1.0, 1.0] - V, M @ [1.0, 1.0]),
        (sk.Affine(M) + BOX, [1.0, 0.0], [4.0, -1.0], [1.0, -1.0]),
        (NORM.shift(V), [2.0, 0.0], [0.5, 1.5], [1.0, 0.7]),
        (sk.Affine(M) + BOX + sk.Identity(), [1.0, 0.0], [5.0, -1.0], [2.0, -1.0]),
        ((sk.Affine(M) + BOX).shift(V), [1.0, 0.0], [3.5, 0.0], [0.5, 0.0]),
        ((sk.Affine(M) + BOX).translate(np.ones(2)), [2.0, 1.0], [4.0, -1.0], [1.0, -1.0]),
        (NORM.scale_argument(2.0), [2.0, 0.0], [2.0, 1.4], [2.0, 2.2]),
        (-1.0 * sk.Affine(M), [1.0, 1.0], [-3.0, 0.0], [3.0, 0.0]),
        (Consensus(2), ([1.0], [1.0]), ([3.0], [-3.0]), ([3.0], [-2.0])),
    ]:
        x, inside, outside = map(point, (x, inside, outside))
        for alpha in (0.1, 1.0, 10.0):
            assert bool(A.contains(x, inside, alpha=alpha))
            assert not bool(A.contains(x, outside, alpha=alpha))


def test_membership_is_told_for_each_element_of_a_batch(xp, dtype):
    box = sk.NormalCone(f.Box(-1.0, 1.0, batch_ndim=1))
    x = xp.asarray([[1.0, 0.0], [1.0, 0.0], [2.0, 0.0]], dtype=dtype)
    u = xp.asarray([[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0]], dtype=dtype)
    found = box.contains(x, u, batch_ndim=1)
    assert [bool(found[i]) for i in range(3)] == [True, False, False]
    distances = box.graph_residual(x, u, alpha=1.0, batch_ndim=1)
    assert [float(distances[i]) for i in range(3)] == [0.0, 2.0, 1.0]


@pytest.mark.parametrize("s", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("t", [1e-12, 1.0, 1e12])
def test_membership_does_not_depend_on_units(s, t):
    """Of t A(·/s): su ∈ A(x) by the same relative error, and 0, which has no size, too."""
    near = np.array([1.0, 1.0 + 1e-6])
    affine, hinge = sk.Affine(M + np.eye(2), V), sk.Subdifferential(f.Hinge())
    inside = affine(np.array([1.0, 0.2]))
    for A, x, u, off in [
        (NORM, [2.0, 0.0], [1.0, 0.7], [1.0, 1.0 + 1e-6]),
        (NORM, [2.0, 0.0], [1.0, 0.7], [1.0 - 1e-6, 0.7]),
        (NORM, [0.0, 0.0], [0.3, -1.0], [0.3, -1.0 - 1e-6]),
        (NORM, [0.0, 0.0], [0.0, 0.0], [0.3, 1.1]),
        (BOX, [1.0, 0.5], [3.0, 0.0], [3.0, 1e-4]),
        (hinge, [1.0, 3.0], [-0.5, 0.0], [-0.5, 1e-6]),
        (affine, [1.0, 1.0], affine(np.ones(2)), affine(near)),
        (affine, np.linalg.solve(M + np.eye(2), V), [0.0, 0.0], [1e-6, 0.0]),
        (affine + BOX, [1.0, 0.2], inside + np.array([2.0, 0.0]),
         inside + np.array([2.0, 1e-6])),
        (NORM.inverse, [1.0, 0.7], [2.0, 0.0], [2.0, 1e-6]),
        (sk.Subdifferential(f.Huber()).shift(V), [0.2, 0.3], [0.2, 0.3] - V, [0.2, 0.301] - V),
    ]:  # fmt: skip
        x, u, off = (np.asarray(each, dtype=float) for each in (x, u, off))
        terms = getattr(A, "terms", (A,))  # scale_argument(1/s) is x ↦ A(x/s)/s
        parts = [(t * s) * term.scale_argument(1 / s) for term in terms]
        there = sum(parts[1:], start=parts[0])
        assert bool(there.contains(s * x, t * u)), A
        assert not bool(there.contains(s * x, t * off)), A
        if np.any(x):  # else nothing has a length; the same A may know less of its own data there
            ratio = there.graph_residual(s * x, t * off) / s / A.graph_residual(x, off)
            assert 0.25 <= ratio <= 4


def test_a_solution_is_recognized_by_membership():
    inclusion = sk.Affine(M + np.eye(2), V) + BOX
    x = sk.solve(inclusion, np.zeros(2), tol=1e-12).x
    assert bool(inclusion.contains(x, np.zeros(2)))
    assert not bool(inclusion.contains(x + 1e-3, np.zeros(2)))


def test_the_product_space_brings_three_resolvents_to_two():
    v = np.array([3.0, 0.4, -1.7, 1.2])
    total = NORM + BOX + sk.Subdifferential(f.SquaredL2(center=v))
    joint = product_space(total)
    assert repr(joint).endswith("+ Consensus(3)")
    solution = sk.solve(joint, copies(np.zeros(4), 3), tol=1e-10)
    expected = np.clip(np.sign(v) * np.maximum(np.abs(v) - 1, 0), -1, 1)
    for block in solution.x:
        np.testing.assert_allclose(block, expected, atol=1e-8)


def test_the_flags_of_an_operator():
    rotation = sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]))
    assert rotation.is_skew
    assert not rotation.is_symmetric
    assert sk.Affine(np.diag([1.0, 2.0])).is_symmetric
    assert not sk.Affine(M).is_symmetric
    assert not NORM.is_symmetric
    assert NORM.comonotonicity == 0.0
    assert (NORM.inverse - 0.5 * sk.Identity()).inverse.comonotonicity == pytest.approx(-0.5)


VALUE_ONLY = sk.Operator.from_callable(lambda x: x, name="A", monotone=True)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: NORM.scale_argument(0.0), ValueError, "s = 0.0"),
        (lambda: NORM.scale_argument("2"), TypeError, "s = '2'"),
        (lambda: NORM.yosida(-1.0), ValueError, "gamma = -1.0"),
        (lambda: NORM.yosida(None), TypeError, "gamma = None"),
        (lambda: NORM.parallel(3), TypeError, "B = 3"),
        (lambda: NORM.parallel(BOX).resolvent(1.0)(V), TypeError, "LLᵀ = 2I"),
        (lambda: NORM.partial_inverse(BOX), TypeError, "linear subspace"),
        (lambda: NORM.partial_inverse(M), TypeError, "linear subspace"),
        (lambda: NORM.partial_inverse(line(V)[0]).resolvent(0.5), TypeError, "only at 1"),
        (
            lambda: NORM.partial_inverse(line(V)[0]).resolvent(np.ones(2)),
            TypeError,
            "only at 1",
        ),
        (
            lambda: NORM.partial_inverse(sk.Identity()).check_space(sk.backend.Space.of(V)),
            ValueError,
            "no projection",
        ),
        (
            lambda: NORM.partial_inverse(
                sk.NormalCone(f.AffineSet(np.ones((1, 2)), np.ones(1)))
            ).check_space(sk.backend.Space.of(V)),
            ValueError,
            "moves 0",
        ),
        (lambda: (NORM + BOX).contains(V, V), TypeError, "cannot be told"),
        (lambda: BOX.contains(V, np.ones(3)), ValueError, "u has shape"),
        (lambda: Consensus(0), ValueError, "n = 0"),
        (lambda: Consensus(2).contains((V, V[:1]), (V, V[:1])), ValueError, "one shape"),
        (lambda: product_space(NORM), TypeError, "give a sum"),
        (lambda: VALUE_ONLY.pullback(sk.DenseMatrix(M)).resolvent(1.0)(V), TypeError, "Saddle"),
        (
            lambda: sk.Operator.from_callable(abs, strong_monotonicity=2.0, lipschitz=1.0),
            ValueError,
            "abs: no operator has strong_monotonicity=2.0",
        ),
    ],
)
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()
