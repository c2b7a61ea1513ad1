"""CVXPY's own standard tests of a solver: values, points and multipliers."""

import numpy as np
import pytest

cp = pytest.importorskip("cvxpy")
helpers = pytest.importorskip("cvxpy.tests.solver_test_helpers")
from splitkit.interfaces.cvxpy import Splitkit  # noqa: E402 (cvxpy may not be there)

KINDS = ("LPs", "QPs", "SOCPs", "SDPs", "ECPs", "MixedCPs", "PCPs")
# integers; bounds that are no constraints, which a conic solver has not; one that needs sdpa
OTHERS = ("test_mi_", "test_lp_bound_attr", "test_qp_bound_attr", "test_lp_7")
STANDARD = [
    getattr(suite, name)
    for suite in (getattr(helpers, f"StandardTest{kind}") for kind in KINDS)
    for name in dir(suite)
    if name.startswith("test_") and not name.startswith(OTHERS)
]
INFEASIBLE = helpers.StandardTestInfeasibleProblems
UNDECIDED = ()
pytestmark = pytest.mark.filterwarnings("default")


@pytest.mark.parametrize("standard", STANDARD, ids=lambda test: test.__name__)
def test_a_standard_test(standard):
    standard(Splitkit())


@pytest.mark.parametrize("name", [name for name in dir(INFEASIBLE) if name.startswith("test_")])
def test_a_problem_without_a_solution(name):
    getattr(INFEASIBLE, name)(Splitkit())


def test_an_unbounded_problem():
    x = cp.Variable(2)
    problem = cp.Problem(cp.Minimize(x[0] - x[1]), [x[0] >= 0, x[1] >= x[0]])
    problem.solve(solver=Splitkit())
    assert problem.status == cp.UNBOUNDED


def test_parameters_change_and_the_factorization_stays():
    rng = np.random.default_rng(0)
    A, target, x = rng.normal(size=(12, 5)), cp.Parameter(12), cp.Variable(5)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(A @ x - target)), [x >= 0, cp.sum(x) == 1])
    solver = Splitkit()
    for _ in range(3):
        target.value = rng.normal(size=12)
        problem.solve(solver=solver, warm_start=True, tol=1e-9)
        mine = x.value
        problem.solve(solver=cp.CLARABEL)
        np.testing.assert_allclose(mine, x.value, atol=1e-5)


def test_options_are_those_of_the_program():
    x = cp.Variable(2)
    problem = cp.Problem(cp.Minimize(cp.norm(x)), [cp.sum(x) == 1])
    problem.solve(solver=Splitkit(), tol=1e-9)
    np.testing.assert_allclose(x.value, [0.5, 0.5], atol=1e-7)
    with pytest.raises(TypeError, match="eps is no option"):
        problem.solve(solver=Splitkit(), eps=1e-9)


def test_bounds_that_are_infinite_bound_nothing():
    x = cp.Variable(2)
    limits = [x >= np.array([-np.inf, 1.0]), x <= np.array([3.0, np.inf])]
    problem = cp.Problem(cp.Minimize(cp.sum_squares(x - 5)), limits)
    problem.solve(solver=Splitkit())
    np.testing.assert_allclose(x.value, [3.0, 5.0], atol=1e-6)
    np.testing.assert_allclose(limits[0].dual_value, 0.0, atol=1e-6)
    np.testing.assert_allclose(limits[1].dual_value, [4.0, 0.0], atol=1e-5)


def test_integers_are_refused_by_name():
    x = cp.Variable(2, integer=True)
    with pytest.raises(cp.SolverError, match="SPLITKIT is not MIP-capable"):
        cp.Problem(cp.Minimize(cp.sum_squares(x - 0.4))).solve(solver=Splitkit())
