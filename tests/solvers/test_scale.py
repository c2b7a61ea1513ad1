"""Units change neither the answer nor the work: steps that no constant fixes are measured."""

from types import SimpleNamespace

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, to_numpy
from splitkit.solvers.engine import in_doubt
from splitkit.solvers.scale import Arbitrary, natural_step
from splitkit.solvers.stopping import Measurement
from tests.collection.problems import asarray
from tests.sampling import sampled

f = sk.functions


def program(s, t):
    """min t(.001x₁ + .002x₂), x₁ + x₂ = 10⁶s, 0 ≤ x₁ ≤ 4·10⁵s, x₂ ≥ 0: at (4, 6)·10⁵s."""
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), -t * np.array([0.001, 0.002]))
    line = f.AffineSet(np.ones((1, 2)), np.array([1e6 * s]))
    return cost + sk.NormalCone(line) + sk.NormalCone(f.Box(0.0, np.array([4e5 * s, np.inf])))


@pytest.mark.parametrize("kind", [None, sk.DavisYin, sk.Ryu, sk.MalitskyTam])
@pytest.mark.parametrize("t", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("s", [1e-12, 1e-4, 1.0, 1e8, 1e12])
def test_a_linear_program_in_any_units(s, t, kind):
    method = None if kind is None else kind()
    plain = sk.solve(program(1.0, 1.0), np.zeros(2), method)
    found = sk.solve(program(s, t), np.zeros(2), method)
    np.testing.assert_allclose(found.x / s, [4e5, 6e5], rtol=1e-6)
    assert plain.iterations / 2 <= found.iterations <= 2 * plain.iterations


SIZES = [("float32", 1e-24), ("float32", 1e24), ("float64", 1e-165), ("float64", 1e165)]


@sampled(1)
@pytest.mark.parametrize("kind", [sk.DouglasRachford, sk.Tseng])
@pytest.mark.parametrize(("dtype", "s"), SIZES)
def test_residuals_and_bounds_hold_at_sizes_whose_squares_do_not(
    dtype, s, kind, xp_backend, xp, strongly_monotone
):
    """‖x − x*‖ ≤ ‖r‖/m, where the rounding of a solution in float32 is far below both."""
    if xp_backend.gpu and dtype == "float64":
        pytest.skip("squares in double precision are plain where a look would wait for a device")
    M, q, exact = strongly_monotone

    def array(v):
        return xp.asarray(v.tolist(), dtype=getattr(xp, dtype))

    inclusion = sk.Affine(array(M), array(s * q)) + sk.NormalCone(f.NonNegative())
    zero = xp.zeros(exact.shape, dtype=getattr(xp, dtype))
    early = sk.solve(inclusion, zero, kind(), tol=0, max_iter=4, batch_ndim=1, on_failure="return")
    found = sk.solve(inclusion, zero, kind(), tol=1e-4, batch_ndim=1)
    assert bool(xp.all(xp.asarray(found.converged)))
    for solution in (early, found):
        x = to_numpy(solution.x).astype(float) / s
        error = np.linalg.norm(x - exact, axis=-1)
        assert np.all(error <= to_numpy(solution.error_bound).astype(float) / s)
        assert np.all(to_numpy(solution.residual).astype(float) / s > 0.2 * error)
    assert np.all(error <= 1e-2 * np.linalg.norm(exact, axis=-1))


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("dtype", "s"), [("float32", 1e-36), ("float64", 1e-304)])
def test_a_tolerance_below_the_normal_numbers_is_one(dtype, s, library):
    """‖r‖ ≤ tol·S means it where tol·S has few digits left."""
    array = asarray(library, dtype)
    M, q = np.array([[2.0, 1.0], [-1.0, 2.0]]), np.array([4.0, -7.0])  # x = (2, 0)
    inclusion = sk.Affine(array(M), array(s * q)) + sk.NormalCone(f.NonNegative())
    for kind in (None, sk.ForwardBackward(), sk.DouglasRachford(alpha=0.1)):
        found = sk.solve(inclusion, array(np.zeros(2)), kind, tol=1e-4)
        x = to_numpy(found.x).astype(float) / s
        assert np.linalg.norm(x - [2.0, 0.0]) <= 1e-4 * np.linalg.norm(q) / 2
        assert found.error_bound / s >= 0.99 * np.linalg.norm(x - [2.0, 0.0])


def test_rounding_beyond_the_constants_is_no_success():
    """r may be 0 by chance where its rounding is larger than all data; without any, r is 0."""
    one, rounding = np.float64(1.0), np.float64(1e3)
    measured = Measurement(0 * one, ((0 * one, one),), None, None, lambda: [rounding])
    for known, doubted in ((one, True), (0 * one, False)):
        task = SimpleNamespace(
            stopping=sk.Relative(1e-8), space=Space.of(np.zeros(1)), least_sizes=[known]
        )
        assert (in_doubt(measured, task) > 1) == doubted


@pytest.mark.parametrize("s", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("t", [1e-6, 1e6])
def test_a_natural_step_has_the_units_of_the_problem(s, t):
    """‖x − R_{αA}x‖ = ‖x‖/2, for A = t ∂‖·‖₁ at sx."""
    x = s * np.array([1.0, -3.0, 0.5])
    alpha = natural_step(sk.Subdifferential(f.L1Norm(t)), x, Space.of(x))
    moved = np.linalg.norm(x - f.L1Norm(t).prox(x, alpha))
    np.testing.assert_allclose(moved, np.linalg.norm(x) / 2, rtol=0.02)
    one = natural_step(sk.Subdifferential(f.L1Norm()), x / s, Space.of(x))
    np.testing.assert_allclose(alpha, one * s / t, rtol=0.02)


def test_a_cone_has_none_and_a_step_that_is_given_stays():
    x = np.array([1.0, -2.0])
    assert natural_step(sk.NormalCone(f.NonNegative()), x, Space.of(x)) is None
    sets = sk.NormalCone(f.NonNegative()) + sk.NormalCone(f.L2Ball(1.0))
    assert sk.plan(sets, x, sk.DouglasRachford(alpha=0.3)).method.alpha == 0.3
    assert not isinstance(sk.plan(sets, x).method.alpha, Arbitrary)


def test_rows_whose_constants_are_far_apart_are_judged_by_themselves():
    """min ‖A(x − 1)‖²/2 with A = diag(10⁴, 1): one step solves the first row, not the second."""
    A = np.diag([1e4, 1.0])
    inclusion = sk.Subdifferential(f.SquaredL2(center=A @ np.ones(2)) @ A + f.L1Norm(1e-9))
    found = sk.solve(inclusion, np.zeros(2), sk.FISTA(alpha=1e-8), max_iter=50, on_failure="return")
    assert not found.converged


LOGISTIC = np.array([[1.0, -2, 3, -4, 5], [2, -1, 0, -1, 3], [-1, 0, 4, -3, 2], [-1, -1, -1, 1, 3]])


@pytest.mark.parametrize("kind", [sk.TsengLineSearch, sk.AdaptiveProximalGradient, sk.GoldenRatio])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("s", [1e-9, 1e-4, 1.0, 1e4, 1e9])
def test_first_steps_are_found_where_the_operator_is_bounded(s, dtype, kind):
    """A logistic loss: far away F x vanishes, and ‖F x − F x₀‖/‖x − x₀‖ ≈ 1/α whatever α is."""
    A, b = (LOGISTIC / s).astype(dtype), np.arange(1.0, 5.0, dtype=dtype)
    problem = f.Logistic().translate(b) @ A + f.L1Norm(0.1 / s)
    x0, tol = np.zeros(5, dtype), 1e-3 if dtype == "float32" else 1e-6
    found = sk.solve(problem, x0, kind(), tol=tol)
    exact = sk.solve(f.Logistic().translate(np.arange(1.0, 5.0)) @ LOGISTIC + f.L1Norm(0.1),
                     np.zeros(5), sk.FISTA(), tol=1e-10)  # fmt: skip
    values = [float(problem(x)) for x in (found.x, (s * exact.x).astype(dtype), x0)]
    assert values[0] - values[1] <= 10 * tol * values[2]
    plain = f.Logistic().translate(b) @ LOGISTIC.astype(dtype) + f.L1Norm(0.1)
    base = sk.solve(plain, x0, kind(), tol=tol).iterations
    assert base / 2 <= found.iterations <= 2 * base


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_projective_splitting_weighs_primal_and_dual_by_the_problem(dtype):
    """Lasso and box in units whose squares float32 does not hold: x in s, values in t."""
    rng = np.random.default_rng(7)
    A, b = rng.standard_normal((8, 4)), rng.standard_normal(8)
    units = [(1.0, 1.0), (1e-24, 1e-24), (1e18, 1e18), (1e-4, 1e8), (1e6, 1e-6)]
    found = []
    for s, t in units:
        M, q = (t / s * A.T @ A).astype(dtype), (t * A.T @ b).astype(dtype)
        sets = sk.NormalCone(f.Box(-0.1 * s, 0.3 * s)) + sk.Subdifferential(f.L1Norm(0.2 * t))
        method, tol = sk.ProjectiveSplitting(), 1e-4 if dtype == "float32" else 1e-8
        solution = sk.solve(sk.Affine(M, q) + sets, np.zeros(4, dtype), method, tol=tol)
        found.append((solution.iterations, solution.x / np.asarray(s, dtype)))
    for iterations, x in found[1:]:
        np.testing.assert_allclose(x, found[0][1], atol=1e-3 if dtype == "float32" else 1e-7)
        assert abs(iterations - found[0][0]) <= 2 + found[0][0] // 10


class Products:
    """A matrix of which products alone are known."""

    def __init__(self, A):
        self.A, self.shape, self.dtype = A, A.shape, A.dtype

    def matvec(self, x):
        return self.A @ x

    def rmatvec(self, y):
        return self.A.T @ y


@pytest.mark.parametrize("unit", [1e-5, 1.0, 1e5])
@pytest.mark.parametrize("known", ["L1", "box"])
def test_a_map_of_unknown_norm_takes_as_many_iterations_as_its_matrix(known, unit):
    """Lx = 0 at the solution of the first: only ‖L‖ tells what its rounding is."""
    rng = np.random.default_rng(0)
    A, center = unit * rng.normal(size=(6, 12)), rng.normal(size=12)
    g = f.L1Norm(1 / unit) if known == "L1" else f.Box(-0.3 * unit, 0.3 * unit)
    maps = sk.DenseMatrix(A), sk.linear.wrap(Products(A))
    of_matrix, of_products = (
        sk.minimize(g @ L + f.SquaredL2(center=center), 0 * center) for L in maps
    )
    assert of_products.method.label == of_matrix.method.label == "ADMM"
    assert of_products.iterations <= 1.5 * of_matrix.iterations
    np.testing.assert_allclose(of_products.x, of_matrix.x, atol=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        sk.ADMM(rho=1.0),
        sk.ChambollePock(tau=0.17, sigma=0.17, check=False),
        sk.LinearizedADMM(tau=0.17, rho=0.17, check=False),
        sk.CondatVu(tau=0.1, sigma=0.1, check=False),
    ],
)
def test_residuals_of_a_map_of_unknown_norm_are_judged_in_its_units(method):
    rng = np.random.default_rng(0)
    A, center = rng.normal(size=(6, 12)), rng.normal(size=12)
    counts = [
        sk.minimize(f.L1Norm() @ L + f.SquaredL2(center=center), 0 * center, method).iterations
        for L in (sk.DenseMatrix(A), sk.linear.wrap(Products(A)))
    ]
    assert counts[1] <= 1.5 * counts[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_primal_steps_are_natural_where_each_trial_leads_to_another(dtype):
    """The multipliers of a barrier grow by √σ: a few iterations tell of σ, and nothing of them."""
    R = (1.01 + 0.05 * np.random.default_rng(7).standard_normal((100, 8))).astype(dtype)
    objective = f.LogBarrier() @ R + f.Simplex()
    found = sk.minimize(objective, np.full(8, 1 / 8, dtype), sk.ChambollePock())
    gradient = -R.T @ (1 / (R @ found.x))  # optimal: least on the support, with ⟨gradient, x⟩
    assert abs(np.min(gradient) - gradient @ found.x) <= 2e-4 * abs(np.min(gradient))
