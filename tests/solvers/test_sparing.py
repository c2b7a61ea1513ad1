"""A solve whose roles are given measures where the length of the step promises the end."""

import math

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space
from splitkit.solvers.plan import solve_given

RNG = np.random.default_rng(0)
N, BATCH = 12, 5
S = RNG.normal(size=(N, N))
M = np.eye(N) + 0.1 * S.T @ S + S - S.T
Q = RNG.normal(size=(BATCH, N))
F = sk.Affine(M, Q)
G = sk.NormalCone(sk.functions.NonNegative(batch_ndim=1))
METHODS = (sk.PeacemanRachford(), sk.DouglasRachford(), sk.ForwardBackward(), sk.Tseng())


def given(method, x0, *, tol=1e-9, terms=(F, G), max_iter=5000):
    return solve_given(method, terms, x0, Space.of(x0, 1), tol=tol, max_iter=max_iter)[0]


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)
def test_it_meets_the_tolerance_of_an_ordinary_solve_with_fewer_measurements(method):
    x0 = np.zeros((BATCH, N))
    plain = sk.solve(F + G, x0, method, tol=1e-9, batch_ndim=1)
    sparing = given(method, x0)
    assert sparing.converged
    assert len(sparing.history.iteration) <= min(3, len(plain.history.iteration) - 2)
    assert np.all(np.linalg.norm(sparing.x - plain.x, axis=1) <= plain.error_bound * 2 + 1e-12)
    assert np.all(sparing.error_bound <= 1e-9 * 1e3)
    assert sparing.rate == plain.rate
    assert max(sparing.iterations) <= 1.5 * max(plain.iterations)


def test_a_start_at_the_solution_is_seen_at_once():
    end = given(sk.PeacemanRachford(), np.zeros((BATCH, N)), tol=1e-12)
    again = given(end.method, end.u, tol=1e-6)
    assert np.all(again.iterations == 1)


def test_an_iteration_limit_is_measured():
    solution = given(sk.PeacemanRachford(), np.zeros((BATCH, N)), max_iter=3)
    assert solution.status is sk.Status.ITERATION_LIMIT
    assert solution.history.iteration == [3]
    r = solution.x @ M.T - Q
    assert np.all(np.isfinite(r))


def test_a_number_of_iterations_is_run_at_tolerance_zero():
    solution = given(sk.PeacemanRachford(), np.zeros((BATCH, N)), tol=0.0, max_iter=7)
    assert np.all(solution.iterations == 7)


def test_rules_other_than_a_number_look_at_every_check():
    solution = given(sk.PeacemanRachford(), np.zeros((BATCH, N)), tol=sk.Relative(1e-9))
    assert solution.history.iteration[:2] == [1, 2]


def test_an_empty_batch_ends():
    empty = sk.Affine(M, np.zeros((0, N)))
    solution = given(sk.PeacemanRachford(), np.zeros((0, N)), terms=(empty, G))
    assert solution.converged


def test_nan_of_one_sample_does_not_reach_the_others():
    def broken(x):
        value = M @ x[..., None]
        return np.where(x[:, :1] > 0.2, math.nan, value[..., 0] - Q)

    A = sk.Operator.from_callable(broken, strong_monotonicity=1.0, lipschitz=np.linalg.norm(M, 2))
    solution = given(sk.ForwardBackward(), np.zeros((BATCH, N)), terms=(A, G))
    assert solution.status is sk.Status.NONFINITE
    assert "returned it at iteration" in solution.message
    assert np.isfinite(solution.x).all(axis=1).any()


def test_an_operator_that_changes_the_point_is_named():
    A = sk.Operator.from_callable(
        lambda x: x.astype(np.float32), strong_monotonicity=1.0, lipschitz=1.0
    )
    with pytest.raises(ValueError, match="changed the point at iteration 1"):
        given(sk.ForwardBackward(), np.ones((BATCH, N)), terms=(A, G))


def test_nothing_runs_without_a_guarantee():
    with pytest.raises(sk.NoGuaranteeError, match="forward-backward"):
        given(sk.ForwardBackward(alpha=1e3), np.zeros((BATCH, N)))
