"""Warm starts on both sides: x and y of an earlier solution, in any units, by what takes them."""

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f

SIZE = 60
RNG = np.random.default_rng(0)
DATA = np.repeat(RNG.standard_normal(6), 10) + 0.1 * RNG.standard_normal(SIZE)
MOVED = DATA + 1e-3 * RNG.standard_normal(SIZE)
DIFFERENCES = sk.DenseMatrix(np.diff(np.eye(SIZE), axis=0))
START = np.zeros(SIZE)

METHODS = [
    sk.ADMM(),
    sk.ADMM(balance=False),
    sk.LinearizedADMM(),
    sk.ChambollePock(),
    sk.CondatVu(),
    sk.PD3O(),
    sk.Anderson(sk.ADMM()),
    sk.Restarted(sk.ADMM()),
    sk.Restarted(sk.ChambollePock()),
    sk.Relaxed(sk.ChambollePock(), relaxation=1.2),
    sk.Preconditioned(sk.ChambollePock(), diagonal=np.full(SIZE, 2.0)),
]


def denoising(b, unit=1.0):
    """½‖x − b‖² + 0.3‖Dx‖₁, of x in other units."""
    variation = sk.Subdifferential(f.L1Norm(0.3 / unit)).pullback(DIFFERENCES)
    return variation + sk.Subdifferential(f.SquaredL2(1 / unit**2).translate(unit * b))


def name(method):
    return method.label


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_what_is_solved_is_solved_at_once(method):
    plan = sk.plan(denoising(DATA), START, method)
    solution = plan.solve()
    assert plan.solve(solution).iterations <= 2
    assert plan.solve(solution.x).iterations > 10  # x alone leaves all the work on y


@pytest.mark.parametrize("method", METHODS, ids=name)
def test_a_problem_that_moved_takes_fewer_iterations_and_has_its_own_solution(method):
    earlier = sk.solve(denoising(DATA), START, method)
    cold = sk.solve(denoising(MOVED), START, method)
    warm = sk.solve(denoising(MOVED), earlier, method)
    assert warm.iterations < cold.iterations
    np.testing.assert_allclose(warm.x, cold.x, atol=1e-6)


def test_steps_that_were_balanced_go_on_from_a_solution():
    plan = sk.plan(denoising(DATA), START, sk.ChambollePock())
    cold, warm = plan.solve(), None
    for state in (cold, plan.solve(cold)):
        steps = state.checkpoint.live[-1].steps
        assert warm is None or steps == warm
        warm = steps
    assert warm != plan.method.steps


def test_a_method_takes_what_another_found():
    found = sk.solve(denoising(DATA), START, sk.ADMM())
    by_another = sk.plan(denoising(DATA), START, sk.ChambollePock())
    assert by_another.solve(found).iterations <= 0.2 * by_another.solve().iterations


def test_of_several_terms_all_multipliers_are_taken():
    inclusion = denoising(DATA) + sk.NormalCone(f.Box(-0.5, 0.5)).pullback(
        sk.DenseMatrix(np.eye(SIZE)[:3])
    )
    plan = sk.plan(inclusion, START, sk.ADMM())
    solution = plan.solve()
    assert isinstance(solution.dual, tuple)
    assert plan.solve(solution).iterations <= 2


@pytest.mark.parametrize("method", [sk.ADMM(), sk.ChambollePock()], ids=name)
def test_equilibrated_units_are_those_of_the_user_again(method):
    units = 10.0 ** RNG.uniform(-3, 3, SIZE)
    variation = sk.Subdifferential(f.L1Norm(0.3)).pullback(
        sk.DenseMatrix(DIFFERENCES.matrix / units)
    )
    nearness = f.SquaredL2(1 / units**2).translate(units * DATA)
    plan = sk.plan(variation + sk.Subdifferential(nearness), START, method)
    assert type(plan.method).__name__ == "Equilibrated"
    solution = plan.solve()
    assert plan.solve(solution).iterations <= 2


def test_a_method_without_such_a_term_starts_from_x():
    smooth = sk.Subdifferential(f.SquaredL2().translate(DATA)) + sk.NormalCone(f.NonNegative())
    solution = sk.solve(denoising(DATA), START, sk.ADMM())
    found = sk.solve(smooth, solution, sk.ForwardBackward())
    np.testing.assert_allclose(found.x, np.maximum(DATA, 0), atol=1e-7)


def test_a_batch_starts_warm():
    b = np.stack([DATA, MOVED[::-1].copy()])
    inclusion = sk.Subdifferential(f.L1Norm(0.3, batch_ndim=1)).pullback(DIFFERENCES)
    inclusion += sk.Subdifferential(f.SquaredL2(batch_ndim=1).translate(b))
    plan = sk.plan(inclusion, np.zeros((2, SIZE)), sk.ChambollePock(), batch_ndim=1)
    assert plan.solve(plan.solve()).iterations.max() <= 2


def test_a_solution_of_another_shape_is_refused():
    solution = sk.solve(denoising(DATA), START, sk.ADMM())
    plan = sk.plan(sk.NormalCone(f.Box(0.0, 1.0)), np.zeros(3))
    with pytest.raises(ValueError, match=r"x0 has shape \(60,\)"):
        plan.solve(solution)
