"""Variational inequalities and complementarity: solutions, residuals, gaps and error bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import brentq

import splitkit as sk
from splitkit.solvers.rewrites import flatten
from tests.properties.matrices import monotone
from tests.sampling import sampled

few = settings(max_examples=20, deadline=None, derandomize=True, database=None)
f = sk.functions
M = np.array([[2.0, 1.0], [-1.0, 1.0]])
Q = np.array([1.0, -0.5])
F = sk.Affine(M, Q)
vectors = st.lists(st.floats(-3, 3, width=16), min_size=3, max_size=3).map(np.array)


def linear_complementarity(M, q):
    """The solution of smallest support, by trying every support."""
    n = len(q)
    for size in range(n + 1):
        for support in map(list, itertools.combinations(range(n), size)):
            z = np.zeros(n)
            z[support] = np.linalg.lstsq(M[np.ix_(support, support)], -q[support], rcond=None)[0]
            w = M @ z + q
            if z.min() >= -1e-10 and w.min() >= -1e-10 and abs(z @ w) <= 1e-9:
                return z
    raise AssertionError("no solution")


@few
@given(monotone(3, strongly=True), vectors)
def test_linear_complementarity_is_that_of_every_support(M, q):
    problem = sk.LCP(M, q)
    z = sk.solve(problem, np.zeros(3), tol=1e-12, max_iter=100_000).x
    expected = linear_complementarity(M, q)
    np.testing.assert_allclose(z, expected, atol=1e-8)
    assert bool(problem.is_solution(expected))
    assert all(float(v) <= 1e-7 for v in problem.violations(z).values())
    residual = float(problem.natural_residual(z))
    assert residual == pytest.approx(np.linalg.norm(np.minimum(z, M @ z + q)), abs=1e-12)


@few
@given(monotone(3, strongly=True), vectors, vectors)
def test_the_error_bound_holds(M, q, x):
    problem = sk.LCP(M, q)
    distance = np.linalg.norm(x - linear_complementarity(M, q))
    assert distance <= float(problem.error_bound(x)) + 1e-9


@few
@given(monotone(3), vectors, vectors, st.sampled_from((0.1, 1.0, 5.0)))
def test_gaps_are_the_maxima_that_define_them(M, q, x, alpha):
    box = f.Box(-1.0, 1.0)
    x = np.clip(x, -1, 1)
    problem = sk.VI(sk.Affine(M, q), box)
    Fx = M @ x - q
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    gap = float(problem.gap(x))
    assert gap == pytest.approx(max((x - y) @ Fx for y in corners), abs=1e-9)
    rng = np.random.default_rng(0)
    points = np.vstack([corners, rng.uniform(-1, 1, (200, 3))])
    regularized = float(problem.regularized_gap(x, alpha))
    values = [(x - y) @ Fx - (x - y) @ (x - y) / (2 * alpha) for y in points]
    assert max(values) <= regularized + 1e-9
    residual = float(problem.natural_residual(x, alpha))
    assert residual**2 / (2 * alpha) <= regularized + 1e-9
    assert regularized <= gap + 1e-9
    # Minty's gap is below, and equal for a skew operator
    minty = max((x - y) @ (M @ y - q) for y in points)
    assert minty <= gap + 1e-9
    skew = sk.Affine(M - M.T, q)
    dual = max((x - y) @ (skew(y)) for y in corners)
    assert float(sk.VI(skew, box).gap(x)) == pytest.approx(dual, abs=1e-9)


def test_complementarity_of_nothing_is_solved():
    assert sk.solve(sk.LCP(np.zeros((0, 0)), np.zeros(0)), np.zeros(0)).converged


def test_the_terms_stay_what_solve_takes():
    problem = sk.VI(F + sk.Affine(M.T), f.Simplex())
    assert [repr(term) for term in flatten(problem)[0]] == [
        "DenseMatrix(2×2) − q", "DenseMatrix(2×2)", "N_Simplex(radius=1)",
    ]  # fmt: skip
    assert flatten(problem + sk.Identity())[0][-1] is problem.terms[-1]
    solution = sk.solve(problem, np.array([0.5, 0.5]), tol=1e-12)
    assert bool(problem.is_solution(solution.x))
    assert not bool(problem.is_solution(solution.x + 0.1))


def test_a_nonlinear_complementarity_problem():
    q = np.array([3.0, -1.0, 2.0])

    def g(x):
        return x + x / np.sqrt(1 + x * x) - q

    G = sk.Operator.from_callable(g, strong_monotonicity=1.0, lipschitz=2.0, gradient=True)
    problem = sk.NCP(G)
    x = sk.solve(problem, np.zeros(3), tol=1e-13).x
    roots = [brentq(lambda t, i=i: g(t)[i], -5, 5, xtol=1e-14) for i in range(3)]
    np.testing.assert_allclose(x, np.maximum(roots, 0), atol=1e-10)
    assert bool(problem.is_solution(x))


def test_a_mixed_problem_has_an_equation_and_a_bound():
    inf = float("inf")
    problem = sk.MixedComplementarity(F, np.array([-inf, 0.0]), np.array([inf, 0.25]))
    x = sk.solve(problem, np.zeros(2), tol=1e-12).x
    # 2x₁ + x₂ = 1, with x₂ at one of its bounds
    candidates = [(lambda t: np.array([(1 - t) / 2, t]))(t) for t in (0.0, 0.25)]
    assert any(np.allclose(x, c, atol=1e-9) for c in candidates)
    first, second = F(x)
    assert abs(first) <= 1e-9
    assert second * (1 if x[1] < 0.1 else -1) >= -1e-9


@sampled(0)
def test_a_batch_of_problems_is_measured_element_by_element(xp, dtype):
    matrix = xp.asarray(M.tolist(), dtype=dtype)
    q = xp.asarray([[-1.0, 0.5], [1.0, 1.0]], dtype=dtype)
    problem = sk.LCP(matrix, q, batch_ndim=1)
    x = xp.asarray([[0.5, 0.0], [0.0, 1.0]], dtype=dtype)
    residual = problem.natural_residual(x)
    # min(x, Mx + q): (0, 0) and (0, 1)
    assert [float(residual[i]) for i in range(2)] == pytest.approx([0.0, 1.0], abs=1e-6)
    assert [bool(problem.is_solution(x)[i]) for i in range(2)] == [True, False]
    found = sk.solve(problem, 0.0 * x, batch_ndim=1).x
    assert bool(xp.all(problem.is_solution(found, 1e-4)))


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: sk.VI(f.Box(0.0, 1.0), f.Box(0.0, 1.0)), TypeError, "F = Box"),
        (lambda: sk.VI(sk.NormalCone(f.Box(0.0, 1.0)), f.Box(0.0, 1.0)), TypeError, "evaluated"),
        (lambda: sk.VI(F, f.L1Norm()), TypeError, "give a set"),
        (lambda: sk.VI(sk.Affine(M - M.T), f.Simplex()).error_bound(Q), TypeError, "declare them"),
        (lambda: sk.VI(F, f.Simplex()).natural_residual(np.ones(3)), ValueError, "length 2"),
        (lambda: sk.MixedComplementarity(F, 1.0, 0.0), ValueError, "empty"),
        (lambda: sk.LCP(np.eye(2), np.ones(3)), ValueError, r"q has shape \(3,\), which does not"),
        (lambda: sk.LCP(np.eye(2), [1.0, 2.0]), TypeError, "q is a list: give an array"),
        (lambda: sk.LCP(np.eye(2), np.full(2, np.nan)), ValueError, "q has entries that are NaN"),
        (lambda: sk.KKT(f.SquaredL2(), np.eye(2), np.full(2, np.nan)), ValueError, "b has entries"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()
