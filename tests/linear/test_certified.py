"""Constants of matrices too large for eigenvalue decompositions: bounds that hold, and are near."""

import numpy as np
import pytest
import scipy.sparse

import splitkit as sk
from splitkit import functions
from splitkit.linear import DenseMatrix, Sparse, certified, dense, sparse
from tests.functions.namespaces import every_library, maker

RNG = np.random.default_rng(4)
A = RNG.standard_normal((60, 40))
UNITS = 10.0 ** RNG.uniform(-4, 4, 40)
WIDE = RNG.standard_normal((9, 40))
LINE = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(40, 40))
INDEFINITE = A.T @ A - 30 * np.eye(40)


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(dense, "EXACT_SIZE", 4)
    monkeypatch.setattr(sparse, "EXACT_SIZE", 4)
    monkeypatch.setattr(dense, "EXACT_ENTRIES", 16)


def symmetric(M):
    return (M + M.T) / 2


CASES = {
    "definite": symmetric(A.T @ A),
    "bad units": symmetric(UNITS[:, None] * (A.T @ A) * UNITS),
    "singular": symmetric(WIDE.T @ WIDE),
    "indefinite": symmetric(INDEFINITE),
    "negative": symmetric(-A.T @ A),
    "tiny": 1e-12 * symmetric(A.T @ A),
    "huge": 1e12 * symmetric(A.T @ A),
    "double": np.diag(np.repeat([1.0, 7.0], 20)),
}


@pytest.mark.parametrize("name", CASES)
@every_library
@pytest.mark.usefixtures("everything_is_large")
def test_constants_of_symmetric_matrices(name, asarray, dtype):
    M = asarray(CASES[name])
    exact = np.asarray(CASES[name].astype(dtype), dtype=np.float64)
    least, *_, greatest = np.linalg.eigvalsh(exact)
    size = max(abs(least), abs(greatest))
    F = sk.Affine(M)
    assert F.lipschitz >= size * (1 - 1e-14)
    assert F.lipschitz <= size * (1 + 1e-4)
    m, rounding = F.strong_monotonicity, 1e-11 * size
    if dtype == "float32" and name == "singular":  # what rounding to it makes of 0
        rounding = 1e-6 * size
    assert m <= least + rounding
    assert m >= least - 1e-5 * abs(least) - rounding
    assert (F.cocoercivity is not None) == (least > -rounding)


@every_library
@pytest.mark.usefixtures("everything_is_large")
def test_constants_of_other_matrices(asarray, dtype):
    for M in (A, A.T, A[:40], WIDE, 1e-7 * A, A[:40] - A[:40].T):
        rounded = M.astype(dtype).astype(np.float64)
        values = np.linalg.svd(rounded, compute_uv=False)
        L = DenseMatrix(asarray(M))
        assert values[0] * (1 - 1e-14) <= L.norm <= values[0] * (1 + 1e-4)
        assert L.least_gain <= values[-1] * (1 + 1e-12)
        if M.shape[0] > M.shape[1]:
            assert L.least_gain >= values[-1] * (1 - 1e-4)
        if M.shape[0] == M.shape[1]:
            m = np.linalg.eigvalsh((rounded + rounded.T) / 2)[0]
            assert m - 1e-4 * values[0] <= L.properties.strong_monotonicity <= m + 1e-11 * values[0]


@pytest.mark.parametrize("shift", [0.0, 0.3, -1.0, 1e6])
@pytest.mark.usefixtures("everything_is_large")
def test_constants_of_banded_matrices(shift):
    M = scipy.sparse.csr_array(LINE + shift * scipy.sparse.eye_array(40))
    order = RNG.permutation(40)  # which hides the band
    L = Sparse(M[order][:, order])
    least, *_, greatest = np.linalg.eigvalsh(M.toarray())
    size = max(abs(least), abs(greatest))
    assert size * (1 - 1e-14) <= L.norm <= size * (1 + 1e-3)
    m = L.properties.strong_monotonicity
    assert least - 1e-4 * abs(least) - 1e-9 * size <= m <= least + 1e-11 * size


@pytest.mark.usefixtures("everything_is_large")
def test_norms_of_sparse_matrices_are_those_of_the_smaller_product():
    D = scipy.sparse.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(40, 41))
    for M in (D, D.T):
        L = Sparse(scipy.sparse.csr_array(M))
        exact = np.linalg.norm(M.toarray(), 2)
        assert exact * (1 - 1e-14) <= L.norm <= min(2.0, exact * (1 + 1e-3))


@pytest.mark.usefixtures("everything_is_large")
def test_constants_are_computed_when_they_are_asked_for(monkeypatch):
    asked = []
    for name in ("greatest", "least"):
        known = getattr(certified.Definite, name)

        def counted(self, *args, known=known, name=name):
            asked.append(name)
            return known(self, *args)

        monkeypatch.setattr(certified.Definite, name, counted)
    monkeypatch.setattr(functions.losses.least_squares, "SMALL", 0)
    monkeypatch.setattr(functions.losses.quadratic, "EXACT_SIZE", 4)
    for f in (functions.LeastSquares(A, A[:, 0]), functions.Quadratic(A.T @ A, A[0])):
        known = sk.Subdifferential(f + functions.L1Norm(1.0)).terms[0].properties
        assert known.monotone
        assert known.gradient
        f.prox(A[0], 0.3)
        assert asked == []
        assert f.strong_convexity > 0
        assert asked == ["least"]
        assert f.smoothness > f.strong_convexity
        assert set(asked) == {"least", "greatest"}
        asked.clear()


def test_a_step_that_finds_its_own_length_needs_no_norm(monkeypatch):
    def fail(*_):
        raise AssertionError("a norm was computed")

    monkeypatch.setattr(functions.losses.least_squares, "SMALL", 0)
    monkeypatch.setattr(DenseMatrix, "norm", property(fail))
    f = functions.LeastSquares(A, A[:, 0])
    monkeypatch.setattr(dense, "EXACT_ENTRIES", 16)
    monkeypatch.setattr(dense, "EXACT_SIZE", 4)
    solution = sk.minimize(
        f + functions.L1Norm(0.1), np.zeros(40), sk.AdaptiveProximalGradient(), tol=1e-8
    )
    assert solution.error_bound < 1e-5


@pytest.mark.usefixtures("everything_is_large")
def test_a_large_quadratic_that_is_not_convex_names_its_eigenvalue(monkeypatch):
    monkeypatch.setattr(functions.losses.quadratic, "EXACT_SIZE", 4)
    least = np.linalg.eigvalsh(CASES["indefinite"])[0]
    with pytest.raises(ValueError, match=f"eigenvalue of {least:.3g} or below"):
        functions.Quadratic(CASES["indefinite"])
    functions.Quadratic(CASES["singular"])
    functions.Quadratic(maker("torch", "float32")(CASES["singular"]))


@pytest.mark.parametrize("shape", [(70, 300), (300, 70), (70, 70)])
def test_the_norm_of_a_matrix_of_any_shape_holds_and_is_sharp(shape):
    """Of wide ones it is found by the Gram matrix."""
    A = np.random.default_rng(0).normal(size=shape)
    assert (1 - 1e-14) * np.linalg.norm(A, 2) <= DenseMatrix(A).norm
    assert DenseMatrix(A).norm <= (1 + 1e-9) * np.linalg.norm(A, 2)


@pytest.mark.parametrize("off", [0.0, 1e-9])
def test_rows_that_are_orthogonal_and_of_one_length_are_seen(off):
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(300, 70)))[0].T
    Q[0] *= 1 + off
    assert DenseMatrix(3 * Q).gram == (pytest.approx(9.0) if off == 0 else None)


def test_rows_of_many_entries_are_orthogonal_only_if_they_are():
    M = np.random.default_rng(0).normal(size=(8, 2**16)).astype(np.float32)
    assert DenseMatrix(M).gram is None
    Q = np.linalg.qr(M.T)[0].T
    assert DenseMatrix(np.ascontiguousarray(Q)).gram == pytest.approx(1.0, abs=1e-5)
