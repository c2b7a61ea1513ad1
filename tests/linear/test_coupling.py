"""Saddle operators with matrices and with linear maps."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

import splitkit as sk
from splitkit.testing import check_linear_operator

f = sk.functions
ISOMETRY = np.array([[1.2, 1.6, 0.0], [0.0, 0.0, 2.0]])  # KKᵀ = 4I


class MatrixFree(sk.LinearOperator):
    """A matrix that is known by its products, its norm and, perhaps, KKᵀ = νI."""

    def __init__(self, matrix, gram=None):
        self.matrix, self.gram = matrix, gram
        self.norm = float(np.linalg.norm(matrix, 2))

    def __call__(self, x):
        return x @ self.matrix.T

    def adjoint(self, y):
        return y @ self.matrix

    def range_space(self, space):
        return sk.DenseMatrix(self.matrix).range_space(space)


def test_a_saddle_with_a_linear_map_is_that_with_its_matrix():
    A = sk.Subdifferential(f.SquaredL2(center=np.array([3.0, -1.0, 2.0])))
    B = sk.Subdifferential(f.L1Norm(0.5).conjugate)
    start = (np.zeros(3), np.zeros(2))
    matrix = sk.solve(sk.Saddle(A, B, ISOMETRY), start, tol=1e-12).x
    mapped = sk.solve(sk.Saddle(A, B, MatrixFree(ISOMETRY, 4.0)), start, tol=1e-12).x
    for mine, theirs in zip(mapped, matrix, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-9)
    # x minimizes ½‖x − c‖² + ½‖Kx‖₁
    x = sk.minimize(
        f.SquaredL2(center=np.array([3.0, -1.0, 2.0])) + f.L1Norm(0.5) @ ISOMETRY, np.zeros(3)
    ).x
    np.testing.assert_allclose(mapped[0], x, atol=1e-7)


def test_the_remedy_for_a_pullback_without_closed_form():
    rng = np.random.default_rng(0)
    L, v = rng.normal(size=(3, 3)), np.array([1.0, 2.0, -1.0])
    A, B = sk.Subdifferential(f.L1Norm()), sk.Subdifferential(f.SquaredL2(center=v))
    with pytest.raises(TypeError, match="Saddle"):
        A.pullback(sk.DenseMatrix(L)).resolvent(1.0)(v)
    x, y = sk.solve(sk.Saddle(B, A.inverse, L), (v, v), tol=1e-12).x
    np.testing.assert_allclose(x - v + L.T @ y, 0, atol=1e-9)
    assert bool(A.contains(L @ x, y, 1e-7))


def test_couplings_by_linear_maps_pass_the_public_check():
    shapes = ((3,), (2,))
    check_linear_operator(sk.Coupling(MatrixFree(ISOMETRY, 4.0)), shapes, shapes)
    check_linear_operator(sk.Coupling(MatrixFree(np.ones((2, 3)))), shapes, shapes)


@pytest.mark.parametrize("wrapped", [sk.DenseMatrix, lambda K: sk.linear.Sparse(csr_array(K))])
def test_a_tall_coupling_is_inverted_on_its_shorter_side(wrapped):
    K = np.random.default_rng(0).normal(size=(2000, 3))
    a, b = np.arange(3.0), np.linspace(-1, 1, 2000)
    tracemalloc.start()
    V = sk.Coupling(wrapped(K)).shifted_inverse(0.5)
    x, y = V((a, b))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000 * 2000  # an eighth of KKᵀ
    np.testing.assert_allclose(x + 0.5 * K.T @ y, a, atol=1e-10)
    np.testing.assert_allclose(y - 0.5 * K @ x, b, atol=1e-10)
    p, q = V.T((a, b))
    np.testing.assert_allclose(p - 0.5 * K.T @ q, a, atol=1e-10)
    np.testing.assert_allclose(q + 0.5 * K @ p, b, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cayley_operator_of_a_skew_matrix_is_an_isometry_whatever_rounding_says(dtype):
    K = np.array([[0.0, 1.0, 3.0], [-1.0, 0.0, 0.7], [-3.0, -0.7, 0.0]], dtype=dtype)
    for alpha in (0.1, 0.3, 2.5):
        C = sk.Affine(K).cayley(alpha)
        assert C.lipschitz == pytest.approx(1.0)
        # the eigenvalues (1 − αki)/(1 + αki) with |k| ≤ ‖K‖
        square = (alpha * np.linalg.norm(K, 2)) ** 2
        assert C.strong_monotonicity == pytest.approx((1 - square) / (1 + square), rel=1e-5)


@pytest.mark.parametrize(
    ("K", "point", "says"),
    [
        (ISOMETRY, np.ones(3), "pairs of arrays"),
        (ISOMETRY, (np.ones(3), np.ones(3)), r"takes \(3,\) to \(2,\)"),
        (ISOMETRY, (np.ones(2), np.ones(2)), "length 3"),
        (MatrixFree(ISOMETRY), (np.ones(3), np.ones(3)), r"takes \(3,\) to \(2,\)"),
    ],
)
def test_spaces_that_do_not_fit_are_named(K, point, says):
    with pytest.raises(ValueError, match=says):
        sk.Coupling(K).check_space(sk.backend.Space.of(point))
