"""Functions of singular values and eigenvalues, by their optimality conditions and SDP duality."""

import math

import numpy as np
import pytest

import splitkit as sk
from splitkit import backend, functions
from splitkit.backend import Space
from splitkit.functions import (
    Box,
    Huber,
    L1Ball,
    L1Norm,
    LargestEigenvalue,
    NegativeLogDet,
    NonNegative,
    NuclearBall,
    NuclearNorm,
    PositiveSemidefinite,
    Quadratic,
    Rank,
    SchattenNorm,
    Simplex,
    SortedL1,
    Spectral,
    SpectralSymmetric,
    SquaredL2,
    WeightedNuclearNorm,
)
from tests.functions.namespaces import every_library

rng = np.random.default_rng(0)
MATRICES = [s * rng.standard_normal((4, 3)) for s in (0.1, 1.0, 10.0)]
MATRICES += [np.zeros((4, 3)), np.eye(4, 3), np.outer(np.arange(4.0), np.arange(3.0))]
SQUARES = [s * rng.standard_normal((3, 3)) for s in (0.1, 1.0, 10.0)] + [np.eye(3), -np.eye(3)]


def values(X):
    return np.linalg.svd(X, compute_uv=False)


def length(s):
    return np.sqrt(np.sum(s * s))


@pytest.mark.parametrize("alpha", [0.05, 1.0, 8.0])
@pytest.mark.parametrize(
    ("f", "norm", "dual"),
    [
        (NuclearNorm(0.7), lambda s: 0.7 * s.sum(), lambda s: s.max() / 0.7),
        (SchattenNorm(1, 0.7), lambda s: 0.7 * s.sum(), lambda s: s.max() / 0.7),
        (SchattenNorm(2, 1.3), lambda s: 1.3 * length(s), lambda s: length(s) / 1.3),
        (SchattenNorm(math.inf, 2.0), lambda s: 2 * s.max(), lambda s: s.sum() / 2),
    ],
    ids=["nuclear", "p=1", "p=2", "p=inf"],
)  # fmt: skip
def test_norms_by_the_dual_norm(f, norm, dual, alpha):
    """u = (y − x)/α is a subgradient of a norm at x: ‖u‖_* ≤ 1 and ⟨u, x⟩ = ‖x‖."""
    for y in MATRICES:
        x = f.prox(y, alpha)
        u = (y - x) / alpha
        slack = 1e-12 * (1 + np.abs(y).max() / alpha)
        assert dual(values(u)) <= 1 + slack
        assert np.sum(u * x) == pytest.approx(norm(values(x)), abs=slack * (1 + np.abs(y).max()))
        assert f(y) == pytest.approx(norm(values(y)), rel=1e-12)


LARGE = [
    NuclearNorm(0.7),
    NuclearBall(2.0),
    SchattenNorm(math.inf),
    LargestEigenvalue(),
    PositiveSemidefinite(),
    SpectralSymmetric(Simplex()),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("f", LARGE, ids=repr)
def test_proxes_of_large_matrices_lie_in_their_domains(f, dtype):
    Y = np.random.default_rng(1).standard_normal((60, 60))
    for matrix in (Y, np.outer(Y[0], Y[1])):
        for scale in (1e-8, 1e-2, 1.0, 1e2, 1e8):
            y = (scale * matrix).astype(dtype)
            assert f(f.prox(y)) < np.inf
            assert f.conjugate(f.conjugate.prox(y)) < np.inf


@pytest.mark.parametrize("f", [NuclearBall(), Spectral(L1Ball())], ids=repr)
def test_the_rounding_of_a_sum_of_singular_values_grows_with_their_number(f):
    """A matrix counts as a point of the ball up to n roundings, and not up to more."""
    n, eps = 400, np.finfo(float).eps
    assert f((1 + 200 * eps) * np.eye(n) / n) == 0
    assert f((1 + 1e5 * eps) * np.eye(n) / n) == np.inf
    assert f((1 + 200 * eps) * np.eye(2) / 2) == np.inf


@pytest.mark.parametrize("alpha", [0.05, 1.0, 8.0])
def test_the_largest_eigenvalue_by_its_spectraplex(alpha):
    f = LargestEigenvalue(0.7)
    for Y in SQUARES:
        X = f.prox(Y, alpha)
        U = ((Y + Y.T) / 2 - X) / alpha
        np.testing.assert_allclose(X, X.T, atol=1e-14)
        slack = 1e-12 * (1 + np.abs(Y).max() / alpha)
        assert np.linalg.eigvalsh(U)[0] >= -slack
        assert np.trace(U) == pytest.approx(0.7, abs=slack)
        top = np.linalg.eigvalsh(X)[-1]
        assert np.sum(U * X) == pytest.approx(0.7 * top, abs=slack * (1 + np.abs(Y).max()))
        assert f(X) == pytest.approx(0.7 * top, abs=1e-13)


@pytest.mark.parametrize("alpha", [0.05, 1.0, 8.0])
def test_log_det_by_its_gradient(alpha):
    f = NegativeLogDet(0.5)
    for Y in SQUARES:
        X = f.prox(Y, alpha)
        assert np.linalg.eigvalsh(X)[0] > 0
        slope = X - (Y + Y.T) / 2 - alpha * 0.5 * np.linalg.inv(X)
        cond = np.linalg.cond(X)
        np.testing.assert_allclose(slope, 0, atol=1e-13 * cond * (1 + np.abs(Y).max()))
        assert f(X) == pytest.approx(-0.5 * np.linalg.slogdet(X)[1], abs=1e-12)
    assert f(-np.eye(3)) == math.inf
    assert f(np.triu(np.ones((3, 3)))) == math.inf  # not symmetric


def test_the_lift_of_the_box_is_the_ball_of_the_spectral_norm():
    f = Spectral(Box(-1.0, 1.0))
    y = 3 * rng.standard_normal((4, 3))
    x = f.prox(y, 1.0)
    assert values(x).max() <= 1 + 1e-14
    assert f(x) == 0
    assert f(y) == math.inf
    # the projection theorem against the ball's extreme points on the same side
    U, _, Vt = np.linalg.svd(y - x, full_matrices=False)
    assert np.sum((y - x) * (U @ Vt - x)) <= 1e-12
    assert isinstance(f.conjugate, Spectral)
    assert f.conjugate(y) == pytest.approx(values(y).sum())


def test_the_lift_of_the_squared_norm_is_the_squared_norm():
    f, y = Spectral(SquaredL2(0.3)), MATRICES[1]
    assert f(y) == pytest.approx(0.15 * np.sum(y * y))
    np.testing.assert_allclose(f.gradient(y), 0.3 * y, atol=1e-14)
    np.testing.assert_allclose(f.prox(y, 2.0), y / 1.6, atol=1e-14)
    assert (f.smoothness, f.strong_convexity) == (0.3, 0.3)
    g = SpectralSymmetric(SquaredL2(0.3))
    assert g.strong_convexity == 0.3
    assert (g.smooth_inside, g.smoothness) == (True, None)  # it is inf beside the symmetric ones


def test_the_gradient_of_a_smooth_lift_by_finite_differences():
    f, X, D = Spectral(Huber(0.8)), MATRICES[1], MATRICES[0]
    h = 1e-6
    slope = (f(X + h * D) - f(X - h * D)) / (2 * h)
    assert slope == pytest.approx(np.sum(f.gradient(X) * D), rel=1e-7)


def test_rank_is_the_best_truncation():
    """Against every rank, by Eckart and Young: wr + Σ_{i>r} σᵢ²/(2α)."""
    f = Rank(0.6)
    for Y in MATRICES:
        for alpha in (0.05, 1.0, 8.0):
            X = f.prox(Y, alpha)
            s = values(Y)
            found = f(X) + np.sum((X - Y) ** 2) / (2 * alpha)
            best = min(0.6 * r + np.sum(s[r:] ** 2) / (2 * alpha) for r in range(4))
            assert found == pytest.approx(best, rel=1e-12, abs=1e-14)
            assert f(X) == pytest.approx(0.6 * np.linalg.matrix_rank(X))


@every_library
def test_rank_on_every_library(asarray, dtype):
    f = Rank(0.5, batch_ndim=1)
    y = asarray([[[3.0, 0.0], [0.0, 0.1]], [[1.0, 1.0], [1.0, 1.0]]])
    np.testing.assert_allclose(backend.to_numpy(f(y)), [1.0, 0.5])
    x = f.prox(y, asarray([1.0, 9.0]))
    assert x.dtype == y.dtype
    expected = [[[3.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    np.testing.assert_allclose(backend.to_numpy(x), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 40), (2, 50, 33), (35, 48)], ids=str)
@pytest.mark.parametrize("of", [float, complex])
@every_library
def test_large_matrices_shrink_by_their_gram_matrices_as_by_their_singular_values(
    asarray, dtype, shape, of
):
    """Far above the threshold, near it, below it, in one unit and at the ends of the floats."""
    X = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if of is complex else 0)
    size = np.linalg.norm(X, 2, axis=(-2, -1)).max()
    eps = np.finfo(dtype).eps
    for part, unit in [(0.9, 1.0), (0.3, 1e30), (0.02, 1.0), (1e-5, 1.0), (2.0, 1e-30)]:
        U, sigma, Vt = np.linalg.svd(unit * X, full_matrices=False)
        least = part * size * unit
        expected = (U * np.maximum(sigma - least, 0.0)[..., None, :]) @ Vt
        x = asarray(unit * X) if of is float else backend.complexified(asarray(unit * X.real))
        if of is complex:
            x = x + 1j * asarray(unit * X.imag)
        found = backend.to_numpy(NuclearNorm(batch_ndim=len(shape) - 2).prox(x, float(least)))
        lost = 1.0 if part < 1e-3 or dtype == "float32" else 0.5 / part
        assert np.abs(found - expected).max() <= 8 * len(sigma.T) * eps * size * unit * max(1, lost)


def test_rank_claims_nothing():
    f = Rank()
    assert not f.convex
    A = sk.Subdifferential(f)
    assert A.strong_monotonicity is None
    assert not A.properties.monotone
    assert not A.properties.maximal
    with pytest.raises(TypeError, match="not convex"):
        _ = f.conjugate
    with pytest.raises(sk.NoGuaranteeError):
        sk.solve(sk.Affine(np.eye(2)) + A, np.eye(2), sk.DouglasRachford())


def test_the_nearest_correlation_matrix():
    """Higham (2002), example of §5, by Dykstra's method from the two projections."""
    Y = 2 * np.eye(4) - np.eye(4, k=1) - np.eye(4, k=-1)
    semidefinite = SpectralSymmetric(Box(0.0, math.inf))
    x, p = Y, np.zeros((4, 4))
    for _ in range(500):
        s = semidefinite.prox(x + p, 1.0)
        p = x + p - s
        x = s - np.diag(np.diag(s)) + np.eye(4)
    expected = [[1.0, -0.8084, 0.1916, 0.1068], [-0.8084, 1.0, -0.6562, 0.1916]]
    np.testing.assert_allclose(x[:2], expected, atol=5e-5)


def test_arguments_are_checked():
    cases = [
        (lambda: Spectral(2.0), TypeError, "f = 2.0"),
        (lambda: Spectral(L1Norm(np.ones(3))), ValueError, "weight of L1Norm"),
        (lambda: Spectral(Simplex()), ValueError, "changes of sign"),
        (lambda: Spectral(NonNegative()), ValueError, "changes of sign"),
        (
            lambda: SpectralSymmetric(Quadratic(np.diag([1.0, 2.0, 3.0]))),
            ValueError,
            "permutations",
        ),
        (lambda: SchattenNorm(3), ValueError, "p = 3"),
        (lambda: NuclearNorm(-1.0), ValueError, "weight = -1"),
        (lambda: NegativeLogDet(0.0), ValueError, "weight = 0"),
        (lambda: LargestEigenvalue(math.inf), ValueError, "weight = inf"),
        (lambda: Rank(-1), ValueError, "weight = -1"),
    ]
    for make, error, message in cases:
        with pytest.raises(error, match=message):
            make()
    for f, shape in (
        (NuclearNorm(), (3,)),
        (Rank(batch_ndim=1), (2, 3)),
        (LargestEigenvalue(), (2, 3)),
    ):
        with pytest.raises(ValueError, match=r"matrices"):
            f.check_space(Space.of(np.ones(shape), f.batch_ndim))
    SpectralSymmetric(Simplex())  # permutations suffice
    assert isinstance(NuclearNorm().conjugate, Spectral)


@pytest.mark.parametrize("weights", [[0.0, 0.5, 2.0], [2.0, 0.5, 0.1], [0.3, 2.0, 0.1]])
def test_no_singular_values_beat_those_of_the_weighted_nuclear_norm(weights):
    f = WeightedNuclearNorm(np.asarray(weights))
    assert f.convex == (weights[0] == 2.0)
    draw = np.random.default_rng(5)
    for Y in MATRICES:
        for alpha in (0.05, 1.0, 8.0):
            best = f.prox(Y, alpha)
            lowest = float(f(best)) + np.sum((best - Y) ** 2) / (2 * alpha)
            for size in (1.0, 1e-2):
                s = -np.sort(-abs(values(best) + size * draw.standard_normal((40, 3))))
                # with Y's singular vectors, by von Neumann the nearest
                there = s @ np.asarray(weights) + np.sum((values(Y) - s) ** 2, axis=1) / (2 * alpha)
                assert lowest <= np.min(there) + 1e-12 * (1 + lowest)
    if f.convex:
        sorted_l1 = Spectral(SortedL1(np.asarray(weights)))
        np.testing.assert_allclose(f.prox(Y), sorted_l1.prox(Y), atol=1e-13)
    else:
        with pytest.raises(TypeError, match="not convex"):
            _ = f.conjugate


def test_a_box_barrier_keeps_its_digits_in_the_middle_and_at_the_ends():
    """f ≈ x² and x⁺ ≈ x/(1 + 2α) near 0, f*(v) ≈ v²/4; f*(v) + v l ≈ log(…) far out."""
    f = sk.functions.BoxBarrier(-1.0, 1.0)
    x = np.array([1e-9])
    np.testing.assert_allclose(f(x), 1e-18, rtol=1e-14)
    np.testing.assert_allclose(f.prox(x, 1.0), x / 3, rtol=1e-14)
    np.testing.assert_allclose(f.gradient(x), 2 * x, rtol=1e-14)
    np.testing.assert_allclose(f.conjugate(x), 1e-18 / 4, rtol=1e-14)
    wide = sk.functions.BoxBarrier(-1e-30, 1e30)  # u = −1/p + 1e-30 at p = 1, u p = −1
    value = wide(np.ones(1))
    np.testing.assert_allclose(value + wide.conjugate(-np.ones(1)), -1.0, rtol=1e-12)
    spectral = sk.functions.Spectral(sk.functions.BoxBarrier(-1.0, 1.0))
    X = 1e-5 * np.array([[1.0, 2.0], [0.0, 1.0]])
    P = spectral.prox(X, 1.0)
    U = X - P
    np.testing.assert_allclose(spectral(P) + spectral.conjugate(U), np.sum(P * U), rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        functions.SpectralSymmetric(functions.NegativeEntropy()),
        functions.SpectralSymmetric(functions.Huber(0.5)),
        functions.SpectralSymmetric(functions.LogSumExp()),
        functions.SpectralSymmetric(functions.BoxBarrier(0.0, 9.0)),
        functions.NegativeLogDet(),
    ],
    ids=repr,
)
def test_derivatives_of_functions_of_eigenvalues(f):
    """Along symmetric directions, at a matrix with equal eigenvalues too; NaN at others."""
    draw = np.random.default_rng(4)
    A = draw.standard_normal((3, 3))
    D, h = A + A.T, 1e-5
    for X in (A @ A.T / 4 + np.eye(3) / 10, np.diag([0.3, 0.3, 2.0])):
        difference = (f(X + h * D) - f(X - h * D)) / (2 * h)
        assert np.sum(f.gradient(X) * D) == pytest.approx(difference, rel=1e-6)
        if f.has_hessian:
            bend = (f.gradient(X + h * D) - f.gradient(X - h * D)) / (2 * h)
            np.testing.assert_allclose(f.hessian(X)(D), bend, rtol=1e-5, atol=1e-5)
    assert np.isnan(f.gradient(A)).all()
