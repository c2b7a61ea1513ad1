"""Games: constants of the stacked matrix, equilibria in closed form, shared constraints, values."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from scipy.optimize import linprog

import splitkit as sk
from splitkit.linear import Stacked
from splitkit.testing import check_operator
from tests.properties.matrices import lipschitz, square, strong_monotonicity
from tests.sampling import sampled

few = settings(max_examples=15, deadline=None, derandomize=True, database=None)
f = sk.functions
INF = float("inf")


def duopoly(a=10.0, b=1.0, costs=(1.0, 2.0)):
    """Cournot: firm i chooses xᵢ at the price a − b(x₁ + x₂) and the unit cost cᵢ."""
    one = np.array([[b]])
    return sk.PseudoGradient.quadratic(
        [[2 * one, one], [one, 2 * one]], [np.array([c - a]) for c in costs]
    )


@few
@given(square(3))
def test_the_constants_of_a_quadratic_game_are_those_of_its_matrix(B):
    B = B + np.diag([3.0, 1.0, 2.0])
    B[:2, :2] = B[:2, :2] + B[:2, :2].T
    Q = [[B[:2, :2], B[:2, 2:]], [B[2:, :2], B[2:, 2:]]]
    F = sk.PseudoGradient.quadratic(Q, [np.ones(2), np.zeros(1)])
    assert F.lipschitz == pytest.approx(lipschitz(B))
    assert F.strong_monotonicity == pytest.approx(strong_monotonicity(B), abs=1e-9)
    x = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(np.concatenate(F((x[:2], x[2:]))), B @ x + [1.0, 1.0, 0.0])


def test_a_quadratic_pseudo_gradient_is_the_players_gradients():
    rng = np.random.default_rng(0)
    S = rng.normal(size=(5, 5))
    P = [S[:2, :2] + S[:2, :2].T, S[2:, 2:] + S[2:, 2:].T]
    Q, q = [[P[0], S[:2, 2:]], [S[2:, :2], P[1]]], [rng.normal(size=2), rng.normal(size=3)]
    x = [rng.normal(size=2), rng.normal(size=3)]

    def cost(i, own):
        other = x[1 - i]
        return own @ Q[i][i] @ own / 2 + own @ Q[i][1 - i] @ other + q[i] @ own

    gradients = sk.PseudoGradient.quadratic(Q, q)(tuple(x))
    for i, step in ((0, np.eye(2)), (1, np.eye(3))):
        differences = [(cost(i, x[i] + 1e-4 * e) - cost(i, x[i] - 1e-4 * e)) / 2e-4 for e in step]
        np.testing.assert_allclose(gradients[i], differences, atol=1e-7)


def test_a_duopoly_has_cournots_equilibrium():
    game = sk.NashGame(duopoly(), [f.NonNegative(), f.NonNegative()])
    x = sk.solve(game, (np.zeros(1), np.zeros(1)), tol=1e-12).x
    np.testing.assert_allclose(np.concatenate(x), [10 / 3, 7 / 3], atol=1e-9)
    assert bool(game.is_solution(x))
    assert float(game.error_bound(x)) <= 1e-8


def test_a_game_of_callables_is_that_of_its_matrices():
    gradients = [lambda x: 2 * x[0] + x[1] - 9, lambda x: x[0] + 2 * x[1] - 8]
    F = sk.PseudoGradient(gradients, strong_monotonicity=1.0, lipschitz=3.0)
    check_operator(F, ((1,), (1,)))
    game = sk.NashGame(F, [f.NonNegative(), f.NonNegative()])
    x = sk.solve(game, (np.zeros(1), np.zeros(1)), tol=1e-12).x
    np.testing.assert_allclose(np.concatenate(x), [10 / 3, 7 / 3], atol=1e-8)


def test_an_equilibrium_leaves_nobody_a_better_choice():
    rng = np.random.default_rng(1)
    S = rng.normal(size=(4, 4))
    M = S @ S.T / 4 + np.eye(4) + (S - S.T)
    M[:2, :2], M[2:, 2:] = np.eye(2), np.diag([2.0, 1.0])
    Q = [[M[:2, :2], M[:2, 2:]], [M[2:, :2], M[2:, 2:]]]
    q = [rng.normal(size=2), rng.normal(size=2)]
    F = sk.PseudoGradient.quadratic(Q, q)
    assert F.properties.monotone
    game = sk.NashGame(F, [f.Simplex(), f.Box(-1.0, 1.0)])
    x = sk.solve(game, (np.full(2, 0.5), np.zeros(2)), tol=1e-12).x
    for i, choices in (
        (0, [np.array([t, 1 - t]) for t in np.linspace(0, 1, 101)]),
        (1, [np.array(c) for c in itertools.product(np.linspace(-1, 1, 41), repeat=2)]),
    ):

        def cost(own, i=i):
            return own @ Q[i][i] @ own / 2 + own @ (Q[i][1 - i] @ x[1 - i] + q[i])

        assert cost(x[i]) <= min(map(cost, choices)) + 1e-9


def shared(F):
    one = np.ones((1, 1))
    return sk.GeneralizedNashGame(
        F, [f.NonNegative(), f.NonNegative()], [one, one], np.array([3.0])
    )


def test_shared_capacity_has_one_price():
    game = shared(duopoly())
    start = (np.zeros(1), np.zeros(1), np.zeros(1))
    x1, x2, price = map(float, map(np.squeeze, sk.solve(game, start, tol=1e-12).x))
    # both marginal costs plus the price vanish: 2x₁ + x₂ + λ = 9, x₁ + 2x₂ + λ = 8, x₁ + x₂ = 3
    assert (x1, x2, price) == pytest.approx((2.0, 1.0, 4.0), abs=1e-9)
    solution = (np.array([2.0]), np.array([1.0]), np.array([4.0]))
    assert bool(game.is_solution(solution))
    assert all(float(v) <= 1e-9 for v in game.violations(solution).values())
    wrong = (np.array([3.0]), np.array([1.0]), np.array([-1.0]))
    assert [float(v) for v in game.violations(wrong).values()] == pytest.approx([1.0, 1.0, 1.0])


def test_shared_capacity_with_gradients_of_ones_own():
    F = sk.PseudoGradient(
        [lambda x: 2 * x[0] + x[1] - 9, lambda x: x[0] + 2 * x[1] - 8],
        strong_monotonicity=1.0, lipschitz=3.0,
    )  # fmt: skip
    game = shared(F)
    whole = shared(duopoly())
    z = (np.array([0.5]), np.array([2.0]), np.array([1.5]))
    for mine, theirs in zip(game.F(z), whole.F(z), strict=True):
        np.testing.assert_allclose(mine, theirs)
    assert game.F.properties.monotone
    assert bool(game.is_solution((np.array([2.0]), np.array([1.0]), np.array([4.0]))))
    found = sk.solve(game, z, tol=1e-11, max_iter=100_000).x
    np.testing.assert_allclose(np.concatenate(found), [2.0, 1.0, 4.0], atol=1e-7)


@sampled(0)  # on JAX in double precision
def test_a_matrix_game_has_its_value(xp, dtype):
    rng = np.random.default_rng(2)
    K = rng.normal(size=(3, 4))
    program = linprog(
        np.r_[np.zeros(4), 1.0], np.c_[K, -np.ones(3)], np.zeros(3),
        [np.r_[np.ones(4), 0.0]], [1.0], [(0, None)] * 4 + [(None, None)],
    )  # fmt: skip
    game = sk.MatrixGame(xp.asarray(K.tolist(), dtype=dtype))
    start = (xp.full((4,), 0.25, dtype=dtype), xp.full((3,), 1 / 3, dtype=dtype))
    z = sk.solve(game, start, tol=1e-6, max_iter=50_000).x
    assert abs(float(game.value(z)) - program.fun) <= 1e-4
    assert -1e-4 <= float(game.gap(z)) <= 1e-4
    assert float(game.natural_residual(z)) <= 1e-4
    # the gap is what the best answers gain
    rows, columns = np.eye(3), np.eye(4)
    at = game.gap(start)
    best = max(r @ K @ np.full(4, 0.25) for r in rows)
    least = min(np.full(3, 1 / 3) @ K @ c for c in columns)
    assert float(at) == pytest.approx(best - least, abs=1e-5)


def test_games_of_one_matrix_are_solved_in_a_batch():
    K = np.array([[1.0, -1.0], [-1.0, 1.0]])
    game = sk.MatrixGame(K, batch_ndim=1)
    start = (np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.5, 0.5], [0.0, 1.0]]))
    z = sk.solve(game, start, tol=1e-10, batch_ndim=1).x
    np.testing.assert_allclose(z[0], 0.5, atol=1e-7)
    np.testing.assert_allclose(game.value(z), 0.0, atol=1e-7)


ONE, TWO = np.ones((1, 1)), np.ones((2, 1))


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        (lambda: sk.PseudoGradient([]), TypeError, "a function"),
        (lambda: sk.PseudoGradient([3]), TypeError, "a function"),
        (
            lambda: sk.PseudoGradient([abs], strong_monotonicity=2.0, lipschitz=1.0),
            ValueError,
            "PseudoGradient\\(1 players\\): no operator has strong_monotonicity=2.0",
        ),
        (lambda: sk.PseudoGradient([abs, abs]).check_space(sk.backend.Space.of(np.ones(2))),
         TypeError, "tuples of 2"),
        (lambda: sk.PseudoGradient.quadratic([[ONE, ONE]]), ValueError, "square table"),
        (lambda: sk.PseudoGradient.quadratic([[ONE, TWO], [ONE, ONE]]), ValueError, r"Q\[0\]\[1\]"),
        (lambda: sk.PseudoGradient.quadratic([[None, None], [ONE, ONE]]), ValueError, "row 0"),
        (
            lambda: sk.PseudoGradient.quadratic([[np.array([[1.0, 2.0], [0.0, 1.0]])]]),
            ValueError,
            r"not symmetric: give \(Q \+ Qᵀ\)/2",
        ),
        (
            lambda: sk.PseudoGradient.quadratic([[np.array([[1.0, 1j], [1j, 1.0]])]]),
            ValueError,
            r"not Hermitian: give \(Q \+ Qᴴ\)/2",
        ),
        (lambda: sk.NashGame(duopoly(), [f.L1Norm(), f.L1Norm()]), TypeError, "give a set"),
        (lambda: sk.NashGame(duopoly(), [f.NonNegative()] * 3), ValueError, "one set a player"),
        (
            lambda: sk.NashGame(sk.PseudoGradient([lambda x: x[0]]), [f.NonNegative()] * 2),
            ValueError,
            "one set a player",
        ),
        (
            lambda: sk.GeneralizedNashGame(duopoly(), [f.NonNegative()] * 2, [ONE], np.ones(1)),
            ValueError,
            "one matrix a player",
        ),
        (lambda: Stacked(np.eye(3), (1, 1)), ValueError, "add up to 2"),
        (lambda: Stacked(np.eye(3), (3, 0)), ValueError, "positive length"),
        (lambda: Stacked("M", (3,)), TypeError, "M = 'M'"),
        (
            lambda: Stacked(np.eye(3), (2, 1)).check_space(sk.backend.Space.of(np.ones(3))),
            ValueError,
            "last axes have lengths",
        ),
        (lambda: sk.MatrixGame(np.zeros((0, 3))), ValueError, "at least one choice"),
    ],
)  # fmt: skip
def test_errors_name_the_argument_and_the_remedy(wrong, error, says):
    with pytest.raises(error, match=says):
        wrong()


# -- what solve does with matrix games -------------------------------------------------------------


def payoffs(kind, n=60, seed=0):
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((n, n))
    if kind == "dominated":
        normal[1::3] = normal[::3] - rng.random((len(normal[::3]), n))
    return {
        "uniform": rng.random((n, n)),
        "normal": normal,
        "integer": rng.integers(-5, 6, (n, n)).astype(float),
        "skew": normal - normal.T,
        "dominated": normal,
        "sparse": normal * (rng.random((n, n)) < 0.3),
        "rectangular": normal[:, :20],
    }[kind]


def solved(K):
    rows, columns = K.shape
    even = np.full(columns, 1 / columns), np.full(rows, 1 / rows)
    return sk.solve(sk.MatrixGame(K), even)


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_payoffs_whose_squares_are_no_numbers_are_played_by_resolvents(factor):
    K, x0 = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]), (np.full(3, 1 / 3), np.full(2, 0.5))
    plain, other = (sk.solve(sk.MatrixGame(c * K), x0, sk.DouglasRachford()) for c in (1.0, factor))
    assert abs(other.iterations - plain.iterations) <= 2
    for block, same in zip(other.x, ([0.75, 0.0, 0.25], [0.75, 0.25]), strict=True):
        np.testing.assert_allclose(block, same, atol=1e-7)


@pytest.mark.parametrize(
    "kind", ["uniform", "normal", "integer", "skew", "dominated", "sparse", "rectangular"]
)
def test_solve_plays_random_games_to_a_small_gap(kind):
    """No player gains more than 10⁻⁸ times the largest payoff, in at most 2,000 iterations."""
    K = payoffs(kind, seed=1)
    solution = solved(K)
    x, y = solution.x
    assert (K @ x).max() - (y @ K).min() <= 1e-8 * abs(K).max()
    assert solution.iterations <= 2000


@pytest.mark.parametrize(("factor", "more"), [(1.0, 1000.0), (1e8, 0.0), (1e-8, 0.0), (1e-8, 1e-5)])
def test_the_units_of_payoffs_and_more_in_all_of_them_change_nothing(factor, more):
    K = payoffs("integer")
    plain, other = solved(K), solved(factor * K + more)
    assert abs(other.iterations - plain.iterations) <= 0.05 * plain.iterations
    for block, same in zip(other.x, plain.x, strict=True):
        np.testing.assert_allclose(block, same, atol=1e-6)


def test_the_value_and_the_gap_are_those_of_the_payoffs_as_given():
    K = payoffs("integer", 5) + 7.0
    game = sk.MatrixGame(K)
    x, y = np.full(5, 0.2), np.array([0.5, 0.5, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(game.value((x, y)), y @ K @ x)
    np.testing.assert_allclose(game.gap((x, y)), (K @ x).max() - (y @ K).min())


@pytest.mark.parametrize(
    "kind", ["uniform", "normal", "integer", "skew", "dominated", "sparse", "rectangular"]
)
@pytest.mark.parametrize(("factor", "more"), [(1.0, 0.0), (1.0, 1000.0), (1e8, 0.0), (1e-8, 1.0)])
def test_a_matrix_game_solves_itself_in_any_units(kind, factor, more):
    K = factor * payoffs(kind, n=42, seed=2) + more
    found = sk.MatrixGame(K).solve()
    for strategy in (found.x, found.y):
        assert strategy.min() >= 0
        assert strategy.sum() == pytest.approx(1.0, abs=1e-14)
    gap = (K @ found.x).max() - (found.y @ K).min()
    rounding = 1e-14 * abs(K).max()
    assert found.gap == pytest.approx(gap, abs=rounding)
    assert -rounding <= gap <= 1e-8 * abs(K - K.mean()).max() + rounding
    assert (found.y @ K).min() - rounding <= found.value <= (K @ found.x).max() + rounding
    assert found.program.iterations <= 60


def test_its_strategies_are_an_equilibrium_of_the_operators():
    K = payoffs("integer", 6)
    game = sk.MatrixGame(K)
    found = game.solve(tol=1e-10)
    assert bool(game.is_solution((found.x, found.y)))
    again = sk.MatrixGame(sp.csr_array(K)).solve(tol=1e-10)
    assert again.value == pytest.approx(found.value, abs=1e-8)
    assert sk.MatrixGame(K, batch_ndim=1).solve(tol=1e-10).value == found.value


@pytest.mark.parametrize(
    "K", [[[0, 1, -1], [-1, 0, 1], [1, -1, 0]], np.zeros((3, 3)), np.eye(3), np.full((3, 3), 7.0)]
)
def test_games_that_look_alike_for_all_are_played_evenly(K):
    found = sk.MatrixGame(np.array(K, dtype=float)).solve()
    np.testing.assert_allclose(np.concatenate([found.x, found.y]), 1 / 3, atol=1e-7)
    assert "GameSolution: converged" in str(found)


@sampled(0)
def test_a_game_keeps_the_library_and_the_dtype_of_its_payoffs(xp, dtype):
    K = xp.asarray([[0.0, 2.0], [1.0, -1.0]], dtype=dtype)  # x = (3/4, 1/4), y = (1/2, 1/2)
    found = sk.MatrixGame(K).solve()
    assert found.x.dtype == found.y.dtype == dtype
    assert float(found.x[0]) == pytest.approx(0.75, abs=1e-6)
    assert float(found.y[0]) == pytest.approx(0.5, abs=1e-6)
    assert found.value == pytest.approx(0.5, abs=1e-7)


def test_a_game_without_entries_or_time_says_so():
    with pytest.raises(TypeError, match=r"the game to splitkit\.solve"):
        sk.MatrixGame(sk.linear.Convolution(np.ones(3), (5,))).solve()
    with pytest.raises(sk.NotConvergedError):
        sk.MatrixGame(payoffs("normal")).solve(max_iter=2)
    with pytest.raises(ValueError, match="tol"):
        sk.MatrixGame(np.eye(2)).solve(tol=0.0)


def test_a_quadratic_cost_of_complex_choices_has_hermitian_matrices():
    Q = [[np.array([[2.0, 1j], [-1j, 2.0]]), np.eye(2) + 0j], [-np.eye(2) + 0j, None]]
    q = (np.array([1.0, 1j]), np.array([2j, 0.0]))
    x = sk.solve(sk.PseudoGradient.quadratic(Q, q), (0j * q[0], 0j * q[1])).x
    np.testing.assert_allclose(Q[0][0] @ x[0] + x[1] + q[0], 0, atol=1e-7)
    np.testing.assert_allclose(q[1] - x[0], 0, atol=1e-7)


def nearly_degenerate(kind):
    rng = np.random.default_rng(1)
    if kind == "low rank with noise":
        low = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 30))
        return low + 1e-6 * rng.normal(size=(30, 30))
    if kind == "rows twice, but for noise":
        K = rng.normal(size=(15, 30))
        return np.vstack([K, K + 1e-7 * rng.normal(size=K.shape)])
    return rng.standard_cauchy(size=(30, 30))


@pytest.mark.parametrize("kind", ["low rank with noise", "rows twice, but for noise", "far apart"])
def test_nearly_degenerate_games_are_solved_by_default(kind):
    K = nearly_degenerate(kind)
    rows, columns = K.shape
    start = np.full(columns, 1 / columns), np.full(rows, 1 / rows)
    x, y = sk.solve(sk.MatrixGame(K), start).x
    gap = np.max(K @ x) - np.min(y @ K)
    assert gap <= 1e-8 * np.max(abs(K - K.mean()))


def test_a_game_whose_start_is_its_equilibrium_is_solved_at_once():
    K = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])
    assert sk.solve(sk.MatrixGame(K), (np.full(3, 1 / 3),) * 2).iterations <= 2


def test_a_plan_of_a_game_begins_where_a_solve_does():
    K = nearly_degenerate("low rank with noise")
    game, even = sk.MatrixGame(K), (np.full(30, 1 / 30),) * 2
    once, plan = sk.solve(game, even), sk.plan(game, even)
    vertex = (np.eye(30)[0],) * 2
    assert [plan.solve(x0).iterations for x0 in (None, vertex)] == [once.iterations] * 2
    assert plan.solve(once).iterations <= once.iterations
    named = sk.plan(game, even, sk.Restarted(sk.DouglasRachford()))
    asked = named.solve(max_iter=3 * once.iterations, on_failure="return")
    assert not asked.converged  # whoever names a method gets its iterations
    with pytest.raises(ValueError, match="x0"):
        plan.solve((np.zeros(2),) * 2)


def test_an_update_takes_other_payoffs_and_goes_on_where_the_last_solve_ended():
    rng = np.random.default_rng(0)
    K = rng.standard_normal((40, 30))
    game = sk.MatrixGame(K)
    before = game.solve()
    K = K + 1e-3 * rng.standard_normal(K.shape)
    game.update(K)
    anew, warm = sk.MatrixGame(K).solve(), game.solve(start=before)
    assert warm.program.iterations < anew.program.iterations
    assert warm.value == pytest.approx(anew.value, abs=1e-7)
    assert warm.gap <= 1e-7
    x, y = sk.solve(game, (np.ones(30) / 30, np.ones(40) / 40)).x
    assert float((K @ x).max() - (y @ K).min()) <= 1e-6
    with pytest.raises(ValueError, match=r"K has shape \(3, 30\), and had \(40, 30\)"):
        game.update(K[:3])
    with pytest.raises(TypeError, match="start = 1: give what solve of such a game returned"):
        game.solve(start=1)
    assert game.solve().value == pytest.approx(anew.value, abs=1e-7)
