"""Multiples, quotients, sums and compositions of operators, functions and linear maps."""

import re

import numpy as np
import pylops
import pytest
import scipy.sparse as sp
import torch

import splitkit as sk
from splitkit import functions, linear
from splitkit.backend import to_numpy
from splitkit.testing import check_function
from tests.arguments.kinds import NO_SCALARS, arrays, numbers

M = np.array([[2.0, 1.0], [-1.0, 3.0]])
X = np.array([0.5, -2.0])

THINGS = {
    "operator": (sk.Affine(M, np.array([1.0, -1.0])), sk.Identity()),
    "map": (linear.DenseMatrix(M), linear.ScaledIdentity(3.0)),
}
both = pytest.mark.parametrize(("A", "B"), THINGS.values(), ids=THINGS)


@both
@pytest.mark.parametrize("c", numbers(2), ids=lambda v: type(v).__name__)
def test_multiples_and_quotients_by_every_kind_of_number(A, B, c):
    for multiple in (c * A, A * c):
        np.testing.assert_array_equal(multiple(X), 2.0 * A(X))
    np.testing.assert_array_equal((A / c)(X), 0.5 * A(X))


@both
def test_multiples_by_the_scalars_of_every_library(A, B, xp):
    for c in arrays(xp, 2):
        products = [A * c]
        if xp.__name__ != "array_api_strict":  # which raises, and does not ask the other operand
            products.append(c * A)
        for multiple in products:
            np.testing.assert_array_equal(multiple(X), 2.0 * A(X))
        np.testing.assert_array_equal((A / c)(X), 0.5 * A(X))


@both
def test_a_multiple_keeps_the_dtype_of_points(A, B):
    x = X.astype(np.float32)
    for c in (np.float64(2), np.asarray(2.0), torch.tensor(2.0, dtype=torch.float64)):
        assert (c * B)(x).dtype == np.float32


@both
def test_sums_differences_and_negatives(A, B):
    np.testing.assert_allclose((A + B)(X), A(X) + B(X), rtol=1e-15)
    np.testing.assert_allclose((A - B)(X), A(X) - B(X), rtol=1e-15)
    np.testing.assert_array_equal((-A)(X), -A(X))
    np.testing.assert_allclose(sum([A, B, A])(X), 2 * A(X) + B(X), rtol=1e-15)
    assert sum([A]) is A
    assert 0.0 + A is A


@both
@pytest.mark.parametrize("c", [c for c in NO_SCALARS if c is not float], ids=repr)
def test_no_multiple_by_what_is_no_scalar(A, B, c):
    for product in (lambda: A * c, lambda: c * A, lambda: A / c):
        with pytest.raises(TypeError):
            product()


@both
def test_refused_factors_are_named(A, B):
    for c, error in ((True, TypeError), (np.ones(2), TypeError), (2j, TypeError),
                     (np.inf, ValueError), (np.nan, ValueError)):  # fmt: skip
        with pytest.raises(error, match=re.escape(f"c = {c!r}: give a finite number")):
            A * c
    for c in (0, 0.0, np.float32(0), torch.tensor(0.0)):
        with pytest.raises(ValueError, match=re.escape(f"c = {c!r}: give") + ".*other than 0"):
            A / c
    tracked = torch.tensor(0.5, requires_grad=True)
    with pytest.raises(TypeError, match=r"c = tensor\(0\.5.*detached"):
        tracked * A


@both
@pytest.mark.parametrize("other", [1.0, X, "A", None], ids=repr)
def test_no_sum_with_what_is_none(A, B, other):
    for combine in (lambda: A + other, lambda: other + A, lambda: A - other, lambda: other - A):
        with pytest.raises(TypeError):
            combine()


@both
def test_a_point_after_at_is_an_application(A, B, xp):
    x = xp.asarray([1.0, 2.0])
    for point in (x, (x, x)):
        with pytest.raises(TypeError, match=r"call A\(x\)"):
            A @ point
    assert to_numpy(A(X)).shape == (2,)
    np.testing.assert_allclose((A @ B)(X), A(B(X)), rtol=1e-15)
    with pytest.raises(TypeError, match="unsupported operand"):
        A @ "B"


# -- functions ------------------------------------------------------------------------------------

F = functions.L1Norm(0.5)
SQUARE = functions.SquaredL2(3.0, np.array([1.0, -2.0]))
SMOOTH = functions.Quadratic(M.T @ M, np.array([1.0, 0.0]))
LINEAR = functions.Quadratic(np.zeros((2, 2)), np.array([2.0, -1.0]))


@pytest.mark.parametrize("c", numbers(2), ids=lambda v: type(v).__name__)
def test_multiples_of_functions(c):
    for multiple in (c * F, F * c, F / (1 / c)):
        assert multiple(X) == 2.0 * F(X)
        np.testing.assert_array_equal(multiple.prox(X, 0.7), F.prox(X, 1.4))


def test_multiples_of_functions_by_the_scalars_of_every_library(xp):
    for c in arrays(xp, 2):
        assert (F * c)(X) == 2.0 * F(X)
        assert (F / c)(X) == 0.5 * F(X)
        assert (F + c)(X) == F(X) + 2.0
        if xp.__name__ != "array_api_strict":
            assert (c * F)(X) == 2.0 * F(X)
            assert (c + F)(X) == F(X) + 2.0


def test_sums_of_functions():
    assert sum([F, SMOOTH, SQUARE])(X) == pytest.approx(F(X) + SMOOTH(X) + SQUARE(X))
    assert sum([F]) is F
    assert 0 + F is F + 0.0 is F - 0 is F


@pytest.mark.parametrize("c", [3.0, -0.5, np.float32(2), torch.tensor(-1)], ids=repr)
@pytest.mark.parametrize("f", [F, SMOOTH, functions.Box(-1.0, 1.0)], ids=repr)
def test_a_constant_raises_the_value_alone(f, c):
    x = np.array([0.5, -0.25])
    for raised, sign in ((f + c, 1.0), (c + f, 1.0), (f - c, -1.0), (f + 1.0 + c - 1, 1.0)):
        assert raised(x) == pytest.approx(f(x) + sign * float(c))
        np.testing.assert_array_equal(raised.prox(X, 0.3), f.prox(X, 0.3))
        assert (raised.smoothness, raised.strong_convexity) == (f.smoothness, f.strong_convexity)
        assert raised.convex
        u = np.array([0.1, -0.2])
        assert raised.conjugate(u) == pytest.approx(f.conjugate(u) - sign * float(c))
        np.testing.assert_allclose(raised.conjugate.prox(X), f.conjugate.prox(X), atol=1e-15)
    if f.has_gradient:
        np.testing.assert_array_equal((f + c).gradient(x), f.gradient(x))


def test_a_constant_changes_no_minimizer():
    f = functions.LeastSquares(M, np.ones(2))
    plain = sk.minimize(f + F @ M, np.zeros(2))
    for raised in (f + (F @ M + 2.0), f + F @ M + 2.0, 2.0 + f + F @ M, (f - 1) + F @ M):
        assert raised(X) == pytest.approx((f + F @ M)(X) + (raised(X) - (f + F @ M)(X)))
        np.testing.assert_allclose(sk.minimize(raised, np.zeros(2)).x, plain.x, atol=1e-7)
    assert repr(F + 2.0) == f"{F!r} + 2"
    assert repr(F - 2.0) == f"{F!r} − 2"
    assert (F - 2.0).latex().endswith(" - 2")


@pytest.mark.parametrize("f", [F, SMOOTH, SQUARE], ids=repr)
@pytest.mark.parametrize("g", [SQUARE, functions.SquaredL2(0.5), LINEAR, SQUARE + 1.0], ids=repr)
def test_a_function_of_affine_gradient_is_subtracted(f, g):
    difference = f - g
    assert difference(X) == pytest.approx(f(X) - g(X))
    assert difference.strong_convexity == pytest.approx(f.strong_convexity - g.smoothness)
    assert difference.convex == (difference.strong_convexity >= 0)
    if f.has_gradient:
        np.testing.assert_allclose(difference.gradient(X), f.gradient(X) - g.gradient(X))
        assert difference.smoothness <= f.smoothness + g.smoothness + 1e-12
    check_function(-0.25 * g, (2,), max_examples=20)


def test_differences_are_minimized():
    f = functions.ElasticNet(0.3, 2.0)
    b = np.array([2.0, -1.0])
    linear_part = functions.Quadratic(np.zeros((2, 2)), b)
    s = sk.minimize(f - linear_part, np.zeros(2))
    np.testing.assert_allclose(s.x, [0.85, -0.35], atol=1e-7)
    s = sk.minimize(SMOOTH - functions.SquaredL2(0.5), np.zeros(2))
    slope = M.T @ M @ s.x + [1.0, 0.0] - 0.5 * s.x
    np.testing.assert_allclose(slope, 0.0, atol=1e-6)


@pytest.mark.parametrize("g", [F, SMOOTH, functions.Box(-1.0, 1.0), F + 3.0], ids=repr)
def test_no_other_difference(g):
    with pytest.raises(TypeError, match=r"f − g with g = .*only if ∇g is affine.*subtract"):
        F - g
    for negative in (lambda: -g, lambda: -2.0 * g, lambda: 0.0 * g):
        with pytest.raises(ValueError, match=r"c = -?[021]\.0: give a positive"):
            negative()
    with pytest.raises(TypeError):
        3.0 - g


@pytest.mark.parametrize("bad", [True, np.ones(2), "f", None, 2j, sk.Identity()], ids=repr)
def test_no_sum_of_a_function_with_what_is_none(bad):
    for combine in (lambda: F + bad, lambda: bad + F, lambda: F - bad, lambda: bad - F):
        with pytest.raises(TypeError):
            combine()
    with pytest.raises(ValueError, match="c = nan"):
        F + np.nan


# -- matrices of every kind -----------------------------------------------------------------------

K = np.array([[1.0, 0.0, 2.0], [0.0, -1.0, 1.0]])
Z = np.array([0.5, -1.0, 2.0])
MATRICES = [
    K, sp.csr_array(K), sp.coo_matrix(K), sp.linalg.aslinearoperator(K), pylops.MatrixMult(K),
    linear.DenseMatrix(K),
]  # fmt: skip


@pytest.mark.parametrize("L", MATRICES, ids=lambda L: type(L).__name__)
def test_functions_of_matrices_and_pullbacks_by_them(L):
    f = F @ L
    assert f(Z) == pytest.approx(F(K @ Z))
    smooth = SQUARE @ L
    np.testing.assert_allclose(smooth.gradient(Z), K.T @ SQUARE.gradient(K @ Z))
    A = sk.Affine(M).pullback(L)
    np.testing.assert_allclose(A(Z), K.T @ M @ K @ Z)
    square = K.T @ K
    for given in (square, sp.csr_array(square)):
        np.testing.assert_allclose(sk.Affine(given, Z)(Z), square @ Z - Z)


def test_a_point_after_a_function_is_an_application(xp):
    for point in (xp.asarray([1.0, 2.0]), xp.ones((2, 2, 2)), (xp.ones(2), xp.ones(2))):
        with pytest.raises(TypeError, match=r"call A\(x\)"):
            F @ point
    with pytest.raises(TypeError, match="unsupported operand"):
        F @ "L"
    with pytest.raises(TypeError, match="L = 'L'"):
        sk.Affine(M).pullback("L")


def test_operators_and_functions_are_not_added():
    A = sk.Identity()
    for combine in (lambda: A + F, lambda: F + A, lambda: sum([F, A])):
        with pytest.raises(TypeError, match=r"NormalCone\(C\)"):
            combine()
    with pytest.raises(TypeError, match=r"f @ A is f\(Ax\)"):
        M @ F
