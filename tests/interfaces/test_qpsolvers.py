"""Quadratic programs as qpsolvers states them, against multipliers and known answers."""

import numpy as np
import pytest
import scipy.sparse

from splitkit.interfaces.qpsolvers import solve_problem, solve_qp

M = np.array([[1.0, 2.0, 0.0], [-8.0, 3.0, 2.0], [0.0, 1.0, 1.0]])
P, Q = M.T @ M, np.array([3.0, 2.0, 3.0]) @ M
G, H = np.array([[1.0, 2.0, 1.0], [2.0, 0.0, 1.0], [-1.0, 2.0, -1.0]]), np.array([3.0, 2.0, -2.0])
A, B = np.ones((1, 3)), np.array([1.0])


@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csc_matrix, scipy.sparse.csr_array])
def test_the_example_of_qpsolvers(make):
    """Its solution stands in the documentation of qpsolvers."""
    x = solve_qp(make(P), Q, make(G), H, make(A), B, tol=1e-9)
    np.testing.assert_allclose(x, [0.30769231, -0.69230769, 1.38461538], atol=1e-6)


def test_bounds_alone_and_rows_alone():
    x = solve_qp(np.eye(2), [-3.0, 1.0], lb=0.0, ub=[1.0, 1.0])
    np.testing.assert_allclose(x, [1, 0], atol=1e-8)
    x = solve_qp(np.eye(2), np.zeros(2), A=np.ones((1, 2)), b=np.array([2.0]))
    np.testing.assert_allclose(x, [1, 1], atol=1e-8)
    x = solve_qp(np.eye(2), np.zeros(2), G=np.array([[-1.0, 0.0]]), h=np.array([-2.0]))
    np.testing.assert_allclose(x, [2, 0], atol=1e-6)


def test_no_solution_is_none_and_halves_are_refused():
    rows = np.array([[1.0], [-1.0]])
    assert solve_qp(np.eye(1), np.zeros(1), rows, np.array([-1.0, -1.0])) is None
    with pytest.raises(ValueError, match="G and h belong together"):
        solve_qp(P, Q, G)
    with pytest.raises(TypeError, match="eps_abs is no option: give some of tol"):
        solve_qp(P, Q, eps_abs=1e-3)


def test_a_problem_of_qpsolvers_and_its_multipliers():
    qpsolvers = pytest.importorskip("qpsolvers")
    problem = qpsolvers.Problem(P, Q, G, H, A, B, lb=np.full(3, -0.5), ub=np.full(3, 2.0))
    solution = solve_problem(problem, tol=1e-9)
    assert solution.found
    assert solution.primal_residual() < 1e-7
    assert solution.dual_residual() < 1e-7
    assert abs(solution.duality_gap()) < 1e-6
    assert solution.z.shape == (3,)
    assert solution.y.shape == (1,)
