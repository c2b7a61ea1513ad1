"""Krylov's inverse is accurate for each sample and fails loudly; Lanczos says what it is."""

import math

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

from splitkit import backend
from splitkit.backend import Space
from splitkit.linear import (
    BlockDiagonalMap,
    DenseMatrix,
    Diagonal,
    Gradient,
    Iterative,
    MatrixFree,
    Sparse,
    estimate_norm,
    wrap,
)
from tests.functions.namespaces import every_library

rng = np.random.default_rng(1)
S = rng.standard_normal((6, 6))
P, K = S @ S.T, S - S.T


@pytest.mark.parametrize("M", [P, P + K, K], ids=["symmetric", "general", "skew"])
@pytest.mark.parametrize("tol", [1e-3, 1e-8])
def test_the_error_is_at_most_the_tolerance_for_every_sample(M, tol):
    y = rng.standard_normal((5, 6)) * 10.0 ** np.arange(-6, 9, 3)[:, None]
    V = Iterative(DenseMatrix(M), tol=tol, batch_ndim=1).shifted_inverse(0.8)
    exact = np.linalg.solve(np.eye(6) + 0.8 * M, y.T).T
    error = np.linalg.norm(V(y) - exact, axis=1)
    assert np.all(error <= tol * np.linalg.norm(y, axis=1))
    exact = np.linalg.solve(np.eye(6) + 0.8 * M.T, y.T).T
    error = np.linalg.norm(V.T(y) - exact, axis=1)
    assert np.all(error <= tol * np.linalg.norm(y, axis=1))


@every_library
def test_every_library_and_dtype_reaches_its_rounding(asarray, dtype):
    eps = float(np.finfo(dtype).eps)
    for M in (P, P + K):
        y = rng.standard_normal((3, 6))
        V = Iterative(DenseMatrix(asarray(M)), batch_ndim=1).shifted_inverse(2.0)
        x = V(asarray(y))
        exact = np.linalg.solve(np.eye(6) + 2.0 * M, y.T).T
        size = 1 + 2 * np.linalg.norm(M, 2)
        np.testing.assert_allclose(backend.to_numpy(x), exact, atol=100 * eps * size)
        assert x.dtype == asarray(y).dtype


def test_a_step_for_each_sample():
    y = rng.standard_normal((3, 6))
    alphas = np.asarray([0.01, 1.0, 50.0])
    V = Iterative(DenseMatrix(P + K)).shifted_inverse(alphas)
    for alpha, x, b in zip(alphas, V(y), y, strict=True):
        np.testing.assert_allclose(x, np.linalg.solve(np.eye(6) + alpha * (P + K), b), atol=1e-11)


def counted(M):
    calls = []

    def forward(x):
        calls.append(1)
        return x @ M.T

    L = MatrixFree(
        forward, lambda y: y @ M, (len(M),), (len(M),), norm=float(np.linalg.norm(M, 2)),
        strong_monotonicity=0.0, symmetric=bool(np.all(M == M.T)),
    )  # fmt: skip
    return L, calls


def test_a_good_guess_saves_iterations():
    n = 200
    M = np.diag(np.linspace(0.0, 100.0, n))
    L, calls = counted(M)
    V = Iterative(L, tol=1e-8).shifted_inverse(1.0)
    y = rng.standard_normal(n)
    x = V(y)
    cold = len(calls)
    calls.clear()
    near = V(y + 1e-6 * rng.standard_normal(n), x)
    assert len(calls) < cold / 2
    calls.clear()
    np.testing.assert_array_equal(V(y, x), x)
    assert len(calls) == 1  # its residual
    assert np.linalg.norm(near - x) < 1e-4


def test_one_sample_does_not_change_another():
    y = rng.standard_normal((2, 6))
    V = Iterative(DenseMatrix(P), tol=1e-6, batch_ndim=1).shifted_inverse(1.0)
    together = V(y)
    alone = V(np.stack([y[0], 0 * y[1]]))
    np.testing.assert_array_equal(together[0], alone[0])
    np.testing.assert_array_equal(alone[1], 0)


@every_library
@pytest.mark.parametrize("M", [P, P + K], ids=["symmetric", "general"])
def test_squares_of_no_size_are_in_the_way(M, asarray, dtype):
    far = 25 if dtype == "float32" else 200
    sizes = 10.0 ** np.asarray([[-far], [0], [far]])
    y = rng.standard_normal((3, 6))
    V = Iterative(DenseMatrix(asarray(M)), batch_ndim=1).shifted_inverse(0.8)
    exact = np.linalg.solve(np.eye(6) + 0.8 * M, y.T).T
    found = backend.to_numpy(V(asarray(sizes * y))).astype(float) / sizes
    np.testing.assert_allclose(found, exact, atol=1000 * float(np.finfo(dtype).eps))


def test_units_change_no_bit():
    y = rng.standard_normal(6)
    V = Iterative(DenseMatrix(P + K)).shifted_inverse(0.8)
    for k in (-900, -30, 1, 40, 900):
        np.testing.assert_array_equal(V(2.0**k * y), 2.0**k * V(y))


def test_failing_is_loud():
    M = np.diag(np.linspace(0.0, 1e6, 50))
    V = Iterative(DenseMatrix(M), max_iter=3).shifted_inverse(1.0)
    with pytest.raises(np.linalg.LinAlgError, match=r"in 3 iterations.*larger max_iter"):
        V(np.ones(50))
    L = MatrixFree(lambda x: x * np.nan, lambda x: x, (3,), (3,), strong_monotonicity=0.0)
    with pytest.raises(np.linalg.LinAlgError, match="nan"):
        L.shifted_inverse(1.0)(np.ones(3))
    unknown = MatrixFree(lambda x: x * 1e6, lambda x: x, (3,), (3,), strong_monotonicity=0.0)
    with pytest.raises(np.linalg.LinAlgError, match="relative residual"):  # no adjoint of it
        unknown.shifted_inverse(np.ones(2))(np.ones((2, 3)) * np.arange(3.0))
    liar = MatrixFree(lambda x: -x, lambda x: -x, (3,), (3,), norm=1.0, strong_monotonicity=0.0)
    with pytest.raises(np.linalg.LinAlgError, match="relative residual"):
        liar.shifted_inverse(1.0)(np.ones(3))


def test_ill_conditioned_systems_come_as_near_as_rounding_lets_them():
    M = DenseMatrix(np.diag(10.0 ** np.linspace(0, 7, 40)))
    y = rng.standard_normal(40)
    x = Iterative(M, max_iter=4000).shifted_inverse(1.0)(y)
    exact = y / (1 + np.diag(M.matrix))
    assert np.linalg.norm(x - exact) < 1e-8 * np.linalg.norm(y)


def test_tuples_are_solved_as_one_system():
    L = Iterative(BlockDiagonalMap([DenseMatrix(P), Diagonal(np.asarray([1.0, 4.0]))]))
    y = (rng.standard_normal(6), rng.standard_normal(2))
    x = L.shifted_inverse(0.5)(y)
    np.testing.assert_allclose(x[0], np.linalg.solve(np.eye(6) + 0.5 * P, y[0]), atol=1e-12)
    np.testing.assert_allclose(x[1], y[1] / (1 + 0.5 * np.asarray([1.0, 4.0])), atol=1e-13)


# -- wrapped operators -----------------------------------------------------------------------------


class StandIn:
    """What PyLops operators have."""

    def __init__(self, M):
        self.M, self.shape, self.dtype = M, M.shape, M.dtype

    def matvec(self, x):
        assert x.ndim == 1
        return self.M @ x

    def rmatvec(self, y):
        assert y.ndim == 1
        return self.M.T @ y


@every_library
@pytest.mark.parametrize("op", [StandIn, scipy.sparse.linalg.aslinearoperator])
def test_wrapped_operators_act_on_every_librarys_points(op, asarray, dtype):
    M = S[:4]
    L = wrap(op(M), norm=20.0)
    x = rng.standard_normal((2, 3, 6))
    tol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(backend.to_numpy(L(asarray(x))), x @ M.T, atol=tol)
    y = asarray(x[..., :4])
    np.testing.assert_allclose(backend.to_numpy(L.T(y)), x[..., :4] @ M, atol=tol)
    assert L(asarray(x)).dtype == y.dtype
    square = wrap(op(P), norm=float(np.linalg.norm(P, 2)), strong_monotonicity=0, symmetric=True)
    inverse = np.linalg.inv(np.eye(6) + P)
    tol = 1e-11 if dtype == "float64" else 1e-3
    found = backend.to_numpy(square.shifted_inverse(1.0)(asarray(x)))
    np.testing.assert_allclose(found, x @ inverse.T, atol=tol)


class _Careless(scipy.sparse.linalg.LinearOperator):
    """2x, in one array for all values, or in its argument, or the argument itself."""

    def __init__(self, kind):
        super().__init__(np.dtype(float), (3, 3))
        self.kind, self.kept = kind, np.zeros(3)

    def _matvec(self, x):
        if self.kind == "argument":
            x *= 2
            return x
        if self.kind == "identity":
            return x
        self.kept[:] = 2 * x
        return self.kept

    _rmatvec = _matvec


@pytest.mark.parametrize("kind", ["argument", "identity", "one array", "fresh"])
def test_what_an_operator_does_to_its_arrays_is_not_seen(kind):
    L, factor = wrap(_Careless(kind)), 1.0 if kind == "identity" else 2.0
    if kind == "fresh":
        L = wrap(scipy.sparse.linalg.aslinearoperator(2 * np.eye(3)))
    points = [np.zeros(3), *(k * np.ones(3) for k in range(1, 6))]
    given, values = [x.copy() for x in points], [L(x) for x in points]
    for x, before, value in zip(points, given, values, strict=True):
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(value, factor * before)
        assert not np.may_share_memory(x, value)


def test_pylops_operators_are_wrapped():
    pylops = pytest.importorskip("pylops")
    L = wrap(pylops.FirstDerivative(7, kind="forward", dtype="float64"), norm=2.0)
    x = rng.standard_normal((2, 7))
    D = np.eye(7, k=1) - np.eye(7)
    D[-1] = 0
    np.testing.assert_allclose(L(x), x @ D.T, atol=1e-14)
    np.testing.assert_allclose(L.T(x), x @ D, atol=1e-14)


def test_pylops_operators_keep_their_dims():
    pylops = pytest.importorskip("pylops")
    D = pylops.Gradient(dims=(4, 5), kind="forward", dtype="float64")
    L = wrap(D, norm=8**0.5)
    x, y = rng.standard_normal((3, 4, 5)), rng.standard_normal((2, 4, 5))
    np.testing.assert_array_equal(L(x)[1].ravel(), D @ x[1].ravel())
    np.testing.assert_array_equal(L(x[1]), L(x)[1])
    np.testing.assert_array_equal(L.T(y).ravel(), D.H @ y.ravel())
    with pytest.raises(ValueError, match=r"axes must be \(4, 5\)"):
        L.check_space(Space.of(x.reshape(3, 20)))


# -- estimates -------------------------------------------------------------------------------------


@every_library
def test_the_estimate_brackets_the_norm(asarray, dtype):
    M = rng.standard_normal((30, 50))
    exact = np.linalg.norm(M, 2)
    found = estimate_norm(DenseMatrix(asarray(M)), asarray(np.zeros(50)))
    assert found.value <= exact * (1 + 1e-4)
    assert exact <= found.upper_bound * (1 + 1e-4)
    assert found.upper_bound <= 1.01 * found.value * (1 + 1e-6)
    assert found.steps <= 50


def test_the_failure_probability_holds():
    """A spectrum that is hard to tell apart: with few steps the bound fails no more often."""
    n, p = 400, 0.2
    L = Diagonal(np.sqrt(np.linspace(0.0, 1.0, n)))
    estimates = [
        estimate_norm(L, np.zeros(n), probability=p, accuracy=0.3, seed=k) for k in range(100)
    ]
    assert all(e.steps < 12 for e in estimates)
    assert all(e.value < 1 for e in estimates)
    failed = sum(e.upper_bound < 1 for e in estimates)
    assert failed <= 100 * p


def test_an_estimate_is_no_norm():
    L = Gradient(shape=(40, 40))
    found = estimate_norm(L, np.zeros((40, 40)), accuracy=0.05)
    assert found.value <= L.norm <= found.upper_bound
    with pytest.raises(TypeError):
        float(found)
    n = 3000
    big = Sparse(scipy.sparse.random_array((n, n), density=1e-3, rng=np.random.default_rng(2)))
    estimate = estimate_norm(big, np.zeros(n), accuracy=0.1)
    assert big.norm >= estimate.value  # a bound that holds
    free = wrap(scipy.sparse.linalg.aslinearoperator(big.matrix))
    assert free.norm == math.inf
    assert free.properties.lipschitz is None
    again = estimate_norm(free, np.zeros(n), accuracy=0.1)
    assert again.value == pytest.approx(estimate.value, rel=1e-9)
    assert free.norm == math.inf


def test_the_estimate_is_exact_where_the_steps_span_the_space():
    found = estimate_norm(Diagonal(np.asarray([3.0, -4.0, 1.0])), np.zeros(3))
    assert found.value == found.upper_bound == pytest.approx(4.0)
    assert estimate_norm(Diagonal(np.zeros(3)), np.zeros(3)).value == 0
    assert estimate_norm(DenseMatrix(np.eye(50)), np.zeros(50)).steps == 1


def test_wrong_arguments_are_named():
    L = DenseMatrix(P)
    for keyword, value in (("probability", 0.0), ("probability", 1.0), ("accuracy", 0.0)):
        with pytest.raises(ValueError, match=f"{keyword} = {value}"):
            estimate_norm(L, np.zeros(6), **{keyword: value})
    with pytest.raises(ValueError, match="must have length 6"):
        estimate_norm(L, np.zeros(5))
    with pytest.raises(TypeError, match="L ="):
        estimate_norm(P, np.zeros(6))
