"""Warm starts: x and y, or the governing point, of an earlier solution, in any units."""

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


# -- methods of resolvents, whose governing point tells what x does not --------------------------

TURN = np.random.default_rng(3).standard_normal((12, 12))
TURN = TURN - TURN.T + 0.2 * np.eye(12)
PULLS = np.random.default_rng(4).standard_normal((2, 12)) * [[1.0], [1e-3]]

BY_RESOLVENTS = [
    sk.DouglasRachford(),
    sk.PeacemanRachford(),
    sk.DavisYin(),
    sk.Ryu(),
    sk.MalitskyTam(),
    sk.ProductSpace(),
    sk.Anderson(sk.DouglasRachford()),
    sk.SuperMann(sk.DouglasRachford()),
    sk.Halpern(sk.DouglasRachford()),
    sk.Restarted(sk.DouglasRachford()),
    sk.Relaxed(sk.DouglasRachford(), relaxation=1.2),
    sk.Preconditioned(sk.DouglasRachford(), diagonal=np.full(12, 2.0)),
]


def turned(q):
    return sk.Affine(TURN, q) + sk.NormalCone(f.NonNegative())


@pytest.mark.parametrize("method", BY_RESOLVENTS, ids=name)
def test_a_governing_point_goes_on_where_it_was(method):
    start = np.zeros(12)
    plan = sk.plan(turned(PULLS[0]), start, method)
    solution = plan.solve()
    # a turning residual may leave its tolerance again for a while
    assert plan.solve(solution).iterations <= 0.05 * solution.iterations
    assert plan.solve(solution.x).iterations > 0.5 * solution.iterations
    moved = turned(PULLS[0] + PULLS[1])
    cold, warm = (sk.solve(moved, x0, method) for x0 in (start, solution))
    assert warm.iterations < 0.9 * cold.iterations
    np.testing.assert_allclose(warm.x, cold.x, atol=1e-6)


def game(more):
    K = np.random.default_rng(5).standard_normal((6, 8))
    return sk.MatrixGame(K + more * np.random.default_rng(6).standard_normal((6, 8)))


def test_steps_that_were_measured_are_taken_from_a_solution():
    even = np.full(8, 1 / 8), np.full(6, 1 / 6)
    solution = sk.solve(game(0.0), even, sk.DouglasRachford())
    again = sk.solve(game(1e-4), solution, sk.DouglasRachford())
    assert again.method.alpha == solution.method.alpha
    given = sk.solve(game(1e-4), solution, sk.DouglasRachford(alpha=1.0))
    assert given.method.alpha == 1.0
    for found in (again, given):
        assert float(game(1e-4).gap(found.x)) <= 1e-6


def test_what_leads_nowhere_gives_its_x_alone():
    apart = sk.NormalCone(f.Singleton(np.zeros(2))) + sk.NormalCone(f.Singleton(np.ones(2)))
    method = sk.DouglasRachford(alpha=1.0)
    lost = sk.solve(apart, np.zeros(2), method, on_failure="return")
    assert lost.status == "infeasible"
    box = sk.NormalCone(f.Box(0.0, 1.0)) + sk.Subdifferential(f.SquaredL2(center=np.ones(2)))
    plan = sk.plan(box, np.zeros(2), method)
    assert plan.solve(lost).iterations == plan.solve(lost.x).iterations


def test_a_step_of_another_length_leaves_the_governing_point():
    plan = sk.plan(turned(PULLS[0]), np.zeros(12), sk.DouglasRachford(alpha=0.5))
    solution = sk.solve(turned(PULLS[0]), np.zeros(12), sk.DouglasRachford(alpha=2.0))
    assert plan.solve(solution).iterations == plan.solve(solution.x).iterations


ROWS = RNG.standard_normal((30, 5))
SEEN = ROWS @ RNG.standard_normal(5) + RNG.standard_t(2, size=30)
FITS = {
    "huber": (lambda: f.Huber(1.0).translate(SEEN) @ ROWS, np.zeros(5)),
    "logistic": (lambda: f.Logistic().translate(SEEN) @ ROWS, np.zeros(5)),
    "beside a set that never binds": (
        lambda: f.Huber(1.0).translate(SEEN) @ ROWS + f.Box(-1e6, 1e6), np.zeros(5),
    ),
    "two losses": (
        lambda: f.Logistic().translate(SEEN) @ ROWS + 0.5 * (f.Huber(0.1) @ ROWS), np.zeros(5),
    ),
    "ridge": (
        lambda: f.Logistic().translate(SEEN) @ ROWS + f.SquaredL2(0.3), np.zeros(5),
    ),
    "an intercept of its own": (
        lambda: f.Huber(1.0).translate(SEEN) @ sk.linear.BlockRow(
            [sk.DenseMatrix(ROWS), sk.DenseMatrix(np.ones((30, 1)))]
        ) + f.SeparableSum((f.L1Norm(20.0), f.L1Norm(0.0))), (np.zeros(5), np.zeros(1)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("unit", [1.0, 2.0**27, 2.0**-27])
@pytest.mark.parametrize("fit", FITS)
def test_a_gradient_that_cancels_within_itself_is_met_at_its_solution(fit, unit):
    """Aᵀ∇h(Ax) = 0 has no other term to be small beside, and no earlier point to remember."""
    make, start = FITS[fit]
    loss = unit * make()
    cold = sk.minimize(loss, start, tol=1e-9)
    for again in (sk.minimize(loss, cold.x, tol=1e-9), sk.minimize(loss, cold, tol=1e-9)):
        assert again.converged
        assert again.iterations <= max(4, cold.iterations // 4)
        assert np.all(again.residual <= 2 * cold.residual)


def test_a_start_outside_of_where_a_term_is_meant_is_moved_into_it():
    """The earlier solution lies where the square root of the next problem has no value."""

    def within(low, high):
        return sk.NormalCone(f.Box(low, high))

    method = sk.ForwardBackward(alpha=0.5)
    one = sk.Operator.from_callable(lambda x: x + 1.0, monotone=True, cocoercivity=1.0)
    earlier = sk.solve(one + within(-3.0, -1.0), -2.0 * np.ones(2), method)
    root = sk.Operator.from_callable(lambda x: np.sqrt(x) - 1.5, monotone=True, cocoercivity=2.0)
    solution = sk.solve(root + within(1.0, 4.0), earlier, method)
    np.testing.assert_allclose(solution.x, 2.25, rtol=1e-6)
