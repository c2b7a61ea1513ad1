"""What is particular to one function: hard numbers, limits, brute force over sets, messages."""

import numpy as np
import pytest
from scipy.optimize import brentq, nnls

from splitkit import backend
from splitkit.backend import Space
from splitkit.functions import (
    AffineSet,
    Box,
    Conjugate,
    GroupL2Norm,
    Huber,
    L1Norm,
    L2Ball,
    Logistic,
    Quadratic,
    Scaled,
    Simplex,
    SquaredL2,
    Subdifferential,
)
from splitkit.linear import DenseMatrix
from tests.functions.namespaces import every_library

A = np.asarray([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
P = np.asarray([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 3.0]])


# -- sets by the optimality conditions -----------------------------------------------------------

CENTER = np.asarray([0.1, 0.2, -0.3])
SETS = {  # the constraints g(z) ≤ 0 and their gradients
    "box": (
        Box(-0.5, 1.0),
        lambda z: np.concatenate([z - 1.0, -0.5 - z]),
        lambda z: np.concatenate([np.eye(3), -np.eye(3)]),
    ),
    "simplex": (
        Simplex(2.0),
        lambda z: np.concatenate([-z, [np.sum(z) - 2.0, 2.0 - np.sum(z)]]),
        lambda z: np.concatenate([-np.eye(3), [np.ones(3), -np.ones(3)]]),
    ),
    "ball": (
        L2Ball(0.7, CENTER),
        lambda z: np.asarray([np.sum((z - CENTER) ** 2) - 0.49]),
        lambda z: 2 * (z - CENTER)[None],
    ),
    "affine": (
        AffineSet(A, np.asarray([1.0, -1.0])),
        lambda z: np.concatenate([A @ z - [1.0, -1.0], [1.0, -1.0] - A @ z]),
        lambda z: np.concatenate([A, -A]),
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_projection_meets_the_optimality_conditions(name):
    """g(p) ≤ 0 and y − p = Σ λᵢ∇gᵢ(p), λ ≥ 0, over the constraints that bind at p."""
    C, g, gradients = SETS[name]
    rng = np.random.default_rng(0)
    for y in 2 * rng.standard_normal((20, 3)):
        p = C.project(y)
        rounding = 32 * np.finfo(float).eps * (1 + np.linalg.norm(y))
        assert np.max(g(p)) <= rounding
        normals = gradients(p)[g(p) >= -rounding]
        distance = nnls(normals.T, y - p)[1] if len(normals) else np.linalg.norm(y - p)
        assert distance <= rounding


# -- logistic ------------------------------------------------------------------------------------


@every_library
def test_logistic_prox_to_stated_accuracy(asarray, dtype):
    """For step sizes over 24 decades and points on both sides of every switch of the method."""
    eps = float(np.finfo(dtype).eps)
    for alpha in (1e-12, 1e-6, 1e-3, 0.1, 1.0, 3.0, 30.0, 1e3, 1e6, 1e12):
        a = float(np.asarray(alpha, dtype=dtype))
        near = [0.0, 0.5, 1.0, 3.0, 20.0, 80.0]
        offsets = [0.0, -a / 2, -a, np.log(a), -1.3 * a, -0.1 * a, a, np.log(a / 2) - 1]
        v = np.asarray([o + s * n for o in offsets for n in near for s in (1, -1)], dtype=dtype)
        result = backend.to_numpy(Logistic().prox(asarray(v), a)).astype(float)
        for y, x in zip(v.astype(float), result, strict=True):
            # in s > 0, by the symmetry (s, v) ↦ (−s, −v − α), to keep the reference accurate
            w = y if y >= -a / 2 else -y - a
            high = max(w, 0.0) + min(a, 100.0 + np.log1p(a)) + 1.0
            root = brentq(
                lambda s, w=w, a=a: s - w - a * np.exp(-s) / (1 + np.exp(-s)),
                -1e-6,
                high,
                xtol=1e-15,
            )
            exact = root if y >= -a / 2 else -root
            assert abs(x - exact) <= 8 * eps * max(1.0, abs(y), abs(exact)), (alpha, y)


@every_library
def test_logistic_prox_with_labels_and_a_step_for_each_sample(asarray, dtype):
    y = asarray([1.0, -1.0, -1.0])
    x = np.asarray([[0.3, -2.0, 900.0], [-700.0, 5.0, 0.0]])
    alphas = [1e-6, 1e6]
    result = backend.to_numpy(Logistic(y, batch_ndim=1).prox(asarray(x), asarray(alphas)))
    assert np.all(np.isfinite(result))
    for k, alpha in enumerate(alphas):
        for j, label in enumerate((1.0, -1.0, -1.0)):
            one = label * Logistic().prox(np.asarray([label * x[k, j]]), alpha)[0]
            assert result[k, j] == pytest.approx(one, rel=1e-5 if dtype == "float32" else 1e-13)


@every_library
def test_logistic_is_stable_far_out(asarray, dtype):
    x = asarray([-2000.0, 2000.0])
    assert float(Logistic()(x)) == 2000.0
    np.testing.assert_array_equal(backend.to_numpy(Logistic().gradient(x)), [-1.0, 0.0])


# -- the others' limits --------------------------------------------------------------------------


@every_library
def test_group_norm_at_zero(asarray, dtype):
    f = GroupL2Norm()
    x = asarray([[0.0, 0.0], [3.0, 4.0], [0.3, 0.4]])
    result = backend.to_numpy(f.prox(x, 1.0))
    np.testing.assert_allclose(result, [[0, 0], [2.4, 3.2], [0, 0]], rtol=1e-6)
    assert float(f(x)) == pytest.approx(5.5, rel=1e-6)
    np.testing.assert_array_equal(backend.to_numpy(GroupL2Norm(0.0).prox(x)), backend.to_numpy(x))


def test_group_norm_of_single_entries_is_the_l1_norm():
    x = np.random.default_rng(1).standard_normal((5, 1))
    np.testing.assert_allclose(GroupL2Norm(0.4).prox(x, 2.0), L1Norm(0.4).prox(x, 2.0), atol=1e-15)


@every_library
def test_simplex_of_many_entries_keeps_its_sum(asarray, dtype):
    rng = np.random.default_rng(2)
    scales = (0.0, 1e-4, 3e-4, 1e-3, 1.0)
    for x in [*(scale * rng.random(20000) for scale in scales), 1e4 + 1e-3 * rng.random(20000)]:
        p = backend.to_numpy(Simplex(3.0).project(asarray(x)))
        assert np.min(p) >= 0
        assert np.sum(p.astype(float)) == pytest.approx(3.0, rel=4 * float(np.finfo(dtype).eps))


def test_simplex_runs_over_all_axes_that_are_not_batch():
    x = np.random.default_rng(3).standard_normal((2, 3, 4))
    p = Simplex(1.5, batch_ndim=1).project(x)
    np.testing.assert_allclose(np.sum(p, axis=(1, 2)), [1.5, 1.5])
    np.testing.assert_allclose(p[0], Simplex(1.5).project(x[0]))


@every_library
def test_ball_of_radius_zero_and_points_inside(asarray, dtype):
    x = asarray([3.0, 4.0])
    assert np.all(backend.to_numpy(L2Ball(0.0).project(x)) == 0)
    assert np.all(backend.to_numpy(L2Ball(0.0).project(x * 0)) == 0)
    inside = backend.to_numpy(L2Ball(6.0, asarray([0.1, 0.2])).project(x))
    np.testing.assert_array_equal(inside, backend.to_numpy(x))


@every_library
def test_affine_set_with_nearly_dependent_rows(asarray, dtype):
    gap = 1e-2 if dtype == "float32" else 1e-6
    matrix = [[1.0, 1.0, 0.0], [1.0, 1.0, gap]]
    C = AffineSet(asarray(matrix), asarray([1.0, 1.0]))
    p = C.project(asarray([5.0, -2.0, 7.0]))
    residual = np.asarray(matrix) @ backend.to_numpy(p).astype(float) - 1.0
    assert np.max(abs(residual)) <= 20 * np.finfo(dtype).eps
    assert float(C(p)) == 0
    # R⁻ᵀ, of size 1/gap, enters once
    tolerance = 20 * np.finfo(dtype).eps / gap
    np.testing.assert_allclose(backend.to_numpy(p), [4.0, -3.0, 0.0], atol=tolerance)


@every_library
def test_box_may_be_unbounded(asarray, dtype):
    inf = float("inf")
    x = asarray([-5.0, 0.5, 7.0])
    np.testing.assert_array_equal(backend.to_numpy(Box(-inf, inf).project(x)), [-5, 0.5, 7])
    np.testing.assert_array_equal(backend.to_numpy(Box(0, inf).project(x)), [0, 0.5, 7])


def test_huber_keeps_digits_at_large_steps():
    x = np.asarray([1.0], dtype=np.float32)
    assert Huber().prox(x, 1e6)[0] == pytest.approx(1 / (1 + 1e6), rel=1e-6)


def test_huber_is_the_envelope_of_the_absolute_value():
    x = np.linspace(-3, 3, 13)
    p = L1Norm(0.7).prox(x, 1.0)
    assert Huber(0.7)(x) == pytest.approx(L1Norm(0.7)(p) + np.sum((x - p) ** 2) / 2)


def test_closed_conjugates():
    assert isinstance(L1Norm(0.3).conjugate, Box)
    assert isinstance(Box(-0.3, 0.3).conjugate, L1Norm)
    assert isinstance(Box(0, 1).conjugate, Conjugate)
    assert isinstance(Box(-float("inf"), float("inf")).conjugate, Conjugate)
    dual = SquaredL2(np.asarray([2.0, 0.5])).conjugate
    assert isinstance(dual, SquaredL2)
    np.testing.assert_array_equal(dual.weight, [0.5, 2.0])
    assert isinstance(SquaredL2(0.0).conjugate, Conjugate)
    assert isinstance(SquaredL2(1.0, 2.0).conjugate, Conjugate)


@every_library
def test_quadratic_constants_are_eigenvalues(asarray, dtype):
    eigenvalues = np.linalg.eigvalsh(P)
    f = Quadratic(asarray(P))
    assert f.strong_convexity == pytest.approx(eigenvalues[0], rel=1e-5)
    assert f.smoothness == pytest.approx(eigenvalues[-1], rel=1e-5)
    singular = Quadratic(asarray([[1.0, -1.0], [-1.0, 1.0]]))
    assert singular.strong_convexity == 0
    assert Quadratic(asarray([[0.0]])).smoothness == 0


@every_library
def test_subdifferential_of_quadratic_is_its_affine_map(asarray, dtype):
    f = Quadratic(asarray(P), asarray([1.0, -2.0, 0.5]))
    x = asarray([[0.3, -1.0, 2.0], [4.0, 0.0, -0.2]])
    op = Subdifferential(f)
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-13}
    np.testing.assert_allclose(
        backend.to_numpy(op.resolvent(0.7)(x)), backend.to_numpy(f.prox(x, 0.7)), **tolerance
    )
    np.testing.assert_allclose(
        backend.to_numpy(op.cayley(0.7)(x)), backend.to_numpy(2 * f.prox(x, 0.7) - x), **tolerance
    )
    values = np.linalg.eigvalsh(P)
    exact = np.max(abs((1 - 0.7 * values) / (1 + 0.7 * values)))
    assert op.cayley(0.7).lipschitz == pytest.approx(exact, rel=1e-5)


def test_quadratic_inverts_once_for_a_step(monkeypatch):
    calls = []
    prepare = DenseMatrix.shifted_inverse

    def counted(self, alpha):
        calls.append(alpha)
        return prepare(self, alpha)

    monkeypatch.setattr(DenseMatrix, "shifted_inverse", counted)
    op = Subdifferential(Quadratic(P))
    for step in (op.resolvent(0.5), op.cayley(0.25)):
        for _ in range(3):
            step(np.ones(3))
    assert calls == [0.5, 0.25]


def test_quadratic_takes_a_matrix_symmetric_to_rounding():
    M = np.random.default_rng(4).standard_normal((20, 20))
    almost = M @ M.T
    almost[0, 1] *= 1 + 4e-16
    f = Quadratic(almost)
    np.testing.assert_array_equal(f.P, f.P.T)


@every_library
def test_parameters_given_as_numpy_numbers_keep_float32(asarray, dtype):
    w = np.float64(0.3)
    x = asarray([1.0, -2.0])
    functions = [L1Norm(w), GroupL2Norm(w), SquaredL2(w, w), Box(-w, w), Simplex(w)]
    functions += [L2Ball(w, w), Huber(w, w), Scaled(w, L1Norm())]
    for f in functions:
        assert f.prox(x, 0.5).dtype == x.dtype


# -- messages ------------------------------------------------------------------------------------

nan, inf = float("nan"), float("inf")
INVALID = [
    (lambda: L1Norm(-1), ValueError, "weight = -1"),
    (lambda: L1Norm(np.asarray([1.0, nan])), ValueError, "weight"),
    (lambda: L1Norm("1"), TypeError, "weight = '1'"),
    (lambda: GroupL2Norm(-0.5), ValueError, "weight = -0.5"),
    (lambda: GroupL2Norm(axis=(0, 1)), TypeError, r"axis = \(0, 1\)"),
    (lambda: GroupL2Norm(axis=0, batch_ndim=1), ValueError, "batch axis"),
    (lambda: SquaredL2(-2.0), ValueError, "weight = -2"),
    (lambda: SquaredL2(inf), ValueError, "weight = inf"),
    (lambda: SquaredL2(1.0, np.asarray([nan])), ValueError, "center"),
    (lambda: Box(1, 0), ValueError, "lower = 1 exceeds upper = 0"),
    (lambda: Box(np.asarray([0.0, 2.0]), 1.0), ValueError, "exceeds upper = 1"),
    (lambda: Box(nan, 1.0), ValueError, "lower = nan"),
    (lambda: Box(0.0, np.asarray([1.0, nan])), ValueError, "upper"),
    (lambda: Box(inf, inf), ValueError, "lower = inf"),
    (lambda: Simplex(0.0), ValueError, "radius = 0"),
    (lambda: Simplex(nan), ValueError, "radius = nan"),
    (lambda: L2Ball(-1.0), ValueError, "radius = -1"),
    (lambda: L2Ball(1.0, nan), ValueError, "center = nan"),
    (lambda: Huber(0.0), ValueError, "delta = 0"),
    (lambda: Huber(1.0, -1.0), ValueError, "weight = -1"),
    (lambda: Logistic(np.asarray([0.0, 1.0])), ValueError, "labels −1 and 1"),
    (lambda: Logistic(np.asarray([nan])), ValueError, "labels −1 and 1"),
    (lambda: AffineSet(np.asarray([[1.0, 2.0], [2.0, 4.0]]), np.ones(2)), ValueError, "rank 1"),
    (lambda: AffineSet(np.zeros((1, 2)), np.ones(1)), ValueError, "rank 0"),
    (lambda: AffineSet(np.ones((3, 2)), np.asarray([1.0, 1.0, 2.0])), ValueError, "rank 1"),
    (lambda: AffineSet(A, np.ones(3)), ValueError, "b must have length 2"),
    (lambda: AffineSet(A, np.ones(2, dtype=np.float32)), TypeError, "b has dtype float32"),
    (lambda: AffineSet(A[0], np.ones(1)), ValueError, "2-D"),
    (lambda: AffineSet(A * nan, np.ones(2)), ValueError, "A has entries"),
    (lambda: AffineSet([[1.0]], np.ones(1)), TypeError, "A is a list"),
    (lambda: Quadratic(np.asarray([[1.0, 2.0], [0.0, 1.0]])), ValueError, "not symmetric.* 2"),
    (
        lambda: Quadratic(np.asarray([[1.0, 1j], [1j, 1.0]])),
        ValueError,
        r"not Hermitian, max \|P − Pᴴ\| = 2: give \(P \+ Pᴴ\)/2",
    ),
    (lambda: Quadratic(np.diag([1.0, -0.25])), ValueError, "eigenvalue -0.25"),
    (lambda: Quadratic(A), ValueError, r"shape \(2, 3\)"),
    (lambda: Quadratic(P, np.asarray([0.0, nan, 0.0])), ValueError, "q = "),
]


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_invalid_parameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


MISFITS = [
    (lambda: L1Norm(np.ones(2)), (3,), 0, ValueError, r"weight of L1Norm.* shape \(2,\)"),
    (lambda: GroupL2Norm(np.ones(3)), (2, 3), 0, ValueError, "weight of GroupL2Norm"),
    (lambda: GroupL2Norm(axis=2), (2, 3), 0, ValueError, "axis of GroupL2Norm"),
    (lambda: GroupL2Norm(axis=-2, batch_ndim=1), (2, 3), 1, ValueError, "axis of GroupL2Norm"),
    (lambda: Simplex(np.ones(3), batch_ndim=1), (2, 3), 1, ValueError, "radius of Simplex"),
    (Simplex, (2, 3), 1, ValueError, "batch_ndim=1"),
    (lambda: L2Ball(np.ones(3)), (3,), 0, ValueError, "radius of L2Ball"),
    (lambda: L2Ball(1.0, np.ones(2)), (3,), 0, ValueError, "center of L2Ball"),
    (lambda: AffineSet(A, np.ones(2)), (4,), 0, ValueError, "must have length 3"),
    (lambda: AffineSet(A, np.ones((5, 2))), (4, 3), 0, ValueError, "b of AffineSet"),
    (lambda: Quadratic(P), (4,), 0, ValueError, "P of Quadratic.* length 3"),
    (lambda: Quadratic(P, np.ones(2)), (3,), 0, ValueError, "q has shape"),
    (lambda: Quadratic(P, batch_ndim=1), (3,), 1, ValueError, "no batch axis"),
    (lambda: Logistic(np.ones(2, dtype=np.float32)), (2,), 0, TypeError, "y of Logistic"),
]


@pytest.mark.parametrize(("make", "shape", "batch_ndim", "error", "message"), MISFITS)
def test_spaces_that_do_not_fit_are_refused(make, shape, batch_ndim, error, message):
    with pytest.raises(error, match=message):
        make().check_space(Space.of(np.ones(shape), batch_ndim))


def test_scaled_quadratic_agrees():
    x = np.ones(3)
    np.testing.assert_allclose((2.0 * Quadratic(P)).prox(x, 0.5), Quadratic(2 * P).prox(x, 0.5))
