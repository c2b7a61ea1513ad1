"""Quadratics of what acts as a matrix are those of the matrix, which is never made."""

import numpy as np
import pylops
import pytest
import scipy.sparse as sp

import splitkit as sk
from splitkit import functions, linear

RNG = np.random.default_rng(3)
A = RNG.standard_normal((5, 7))
B = RNG.standard_normal(5)
P = A.T @ A + 0.5 * np.eye(7)
Q = RNG.standard_normal(7)


def as_maps(M, **known):
    """The matrix as each kind of map: (map, whether its constants are known)."""
    forward, adjoint = (lambda x: x @ M.T), (lambda y: y @ M)
    rows, columns = M.shape
    known = {name: value for name, value in known.items() if value is not None}
    return [
        (sp.csr_array(M), True),
        (sp.csc_matrix(M), True),
        (linear.Sparse(sp.coo_array(M)), True),
        (linear.wrap(sp.linalg.aslinearoperator(M), **known), False),
        (linear.wrap(pylops.MatrixMult(M), **known), False),
        (linear.MatrixFree(forward, adjoint, (columns,), (rows,), **known), False),
    ]


@pytest.mark.parametrize(("L", "knows"), as_maps(A), ids=lambda v: type(v).__name__)
def test_least_squares(L, knows):
    f, dense = (
        functions.LeastSquares(L, B, batch_ndim=1),
        functions.LeastSquares(A, B, batch_ndim=1),
    )
    x = RNG.standard_normal((4, 7)) * np.array([[1e-6], [1.0], [10.0], [1e6]])
    np.testing.assert_allclose(f(x), dense(x), rtol=1e-12)
    np.testing.assert_allclose(f.gradient(x), dense.gradient(x), rtol=1e-10)
    for alpha in (0.3, 20.0, np.array([0.1, 1.0, 10.0, 0.5])):
        moved = f.prox(x, alpha)
        for i in range(4):  # each sample to its own size
            size = np.linalg.norm(x[i])
            np.testing.assert_allclose(moved[i], dense.prox(x, alpha)[i], atol=1e-12 * (1 + size))
    if knows:
        assert f.smoothness == pytest.approx(dense.smoothness)
    else:
        assert f.smoothness is None
    with pytest.raises(TypeError, match="no formula"):
        f.conjugate(x)


@pytest.mark.parametrize(
    ("L", "knows"),
    as_maps(P, symmetric=True, strong_monotonicity=0.5),
    ids=lambda v: type(v).__name__,
)
def test_quadratic(L, knows):
    f, dense = functions.Quadratic(L, Q, batch_ndim=1), functions.Quadratic(P, Q, batch_ndim=1)
    x = RNG.standard_normal((2, 7))
    np.testing.assert_allclose(f(x), dense(x), rtol=1e-12)
    np.testing.assert_allclose(f.gradient(x), dense.gradient(x), rtol=1e-12)
    for alpha in (0.3, 20.0, np.array([0.1, 10.0])):
        np.testing.assert_allclose(f.prox(x, alpha), dense.prox(x, alpha), atol=1e-12)
    assert f.strong_convexity == pytest.approx(0.5, rel=1e-10)
    assert (f.smoothness == pytest.approx(dense.smoothness)) if knows else f.smoothness is None


def test_a_row_gram_that_is_known_is_used():
    D = linear.Mask(np.array([True, False, True]))
    f, b = functions.LeastSquares(D, np.array([1.0, 2.0])), np.array([3.0, 4.0, 5.0])
    np.testing.assert_allclose(f.prox(b, 1.0), [2.0, 4.0, 3.5], rtol=1e-15)


def test_images_and_blocks():
    x = RNG.standard_normal((4, 5))
    f = functions.LeastSquares(linear.Gradient())
    assert f(x) == pytest.approx(
        float(np.sum(np.diff(x, axis=0) ** 2) + np.sum(np.diff(x) ** 2)) / 2
    )
    p = f.prox(x, 0.7)
    np.testing.assert_allclose(p + 0.7 * f.gradient(p), x, atol=1e-13)
    pair = functions.Quadratic(linear.ScaledIdentity(2.0), (np.ones(2), np.ones(3)))
    y = (np.zeros(2), np.ones(3))
    assert pair(y) == 6.0
    assert sk.minimize(pair, y).x[1] == pytest.approx(-0.5 * np.ones(3))


def test_a_large_sparse_problem_is_solved_without_its_matrix():
    n = 3000
    D = sp.diags_array([-np.ones(n - 1), np.ones(n)], offsets=[-1, 0], format="csr")
    f = functions.LeastSquares(D, np.ones(n))
    s = sk.minimize(f + functions.SquaredL2(0.1), np.zeros(n), tol=1e-10)
    residual = D.T @ (D @ s.x - 1) + 0.1 * s.x
    assert np.linalg.norm(residual) <= 1e-8


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: functions.LeastSquares("A"), TypeError, "A = 'A'"),
        (lambda: functions.Quadratic(sp.csr_array(A)), ValueError, "P = Sparse.*known to be"),
        (lambda: functions.Quadratic(sp.csr_array(P - 9 * np.eye(7))), ValueError, "P = Sparse"),
        (lambda: functions.Quadratic(sp.csr_array(P + np.tri(7))), ValueError, "declare it"),
        (lambda: functions.LeastSquares(sp.csr_array(A), [1.0]), TypeError, "b is a list"),
    ],
)
def test_what_is_no_quadratic_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_points_that_do_not_fit_are_named():
    f = functions.LeastSquares(sp.csr_array(A), np.ones(3))
    with pytest.raises(ValueError, match=r"b of .*shape \(3,\)"):
        f.check_space(sk.backend.Space.of(np.ones(7)))
    with pytest.raises(ValueError, match=r"A of .*length 7"):
        f.check_space(sk.backend.Space.of(np.ones(6)))
    with pytest.raises(ValueError, match=r"q has shape \(3,\).*last axes are \(7,\)"):
        functions.Quadratic(sp.csr_array(P), np.ones(3))
