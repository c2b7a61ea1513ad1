"""Restarts: linear convergence on games and linear programs, for any map in its metric."""

import numpy as np
import pytest
from scipy.optimize import linprog

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import Space, subtract, to_numpy
from tests.sampling import sampled

SIZE = 60


def game(seed, n=SIZE):
    return np.random.default_rng(seed).uniform(-1, 1, (n, n))


def saddle(payoff):
    simplex = sk.NormalCone(f.Simplex())
    return sk.Saddle(simplex, simplex, sk.DenseMatrix(payoff))


def regret(payoff, x, y):
    """max_y ⟨payoff x, y⟩ − min_x ⟨payoff x, y⟩."""
    return (payoff @ x).max() - (y @ payoff).min()


@pytest.mark.parametrize("seed", range(2))
def test_matrix_games_by_douglas_rachford(seed):
    """To a gap of 10⁻⁸ in some thousand iterations, and the value of the linear program."""
    payoff, even = game(seed), (np.full(SIZE, 1 / SIZE),) * 2
    method = sk.Restarted(sk.DouglasRachford())
    s = sk.solve(saddle(payoff), even, method, tol=1e-9, max_iter=5000)
    assert regret(payoff, *s.x) <= 1e-8
    value = linprog(
        np.r_[np.zeros(SIZE), 1.0],
        A_ub=np.c_[payoff, -np.ones(SIZE)],
        b_ub=np.zeros(SIZE),
        A_eq=np.r_[np.ones(SIZE), 0.0][None],
        b_eq=[1.0],
        bounds=[(0, None)] * SIZE + [(None, None)],
    ).fun
    np.testing.assert_allclose((payoff @ s.x[0]).max(), value, atol=1e-8)


def test_a_matrix_game_by_chambolle_pock_in_its_metric():
    payoff = game(1)
    best = sk.Subdifferential(f.Max()).pullback(sk.DenseMatrix(payoff))
    inclusion = sk.NormalCone(f.Simplex()) + best
    s = sk.solve(
        inclusion,
        np.full(SIZE, 1 / SIZE),
        sk.Restarted(sk.ChambollePock()),
        tol=1e-9,
        max_iter=5000,
    )
    assert regret(payoff, s.x, s.dual) <= 1e-8


def diagonal_game(unit=1.0, n=20):
    """Its only equilibrium: both choose i with a share of 1/dᵢ."""
    d = np.logspace(0, 3, n)
    return sk.MatrixGame(unit * np.diag(d)), 1 / d / (1 / d).sum(), 1 / (1 / d).sum()


def test_the_step_follows_a_game_whose_payoffs_are_far_apart():
    """b of u = x + αb is small at the solution: a longer step than the first takes less."""
    game, share, value = diagonal_game()
    even = (np.full(20, 0.05),) * 2
    s = sk.solve(game, even, sk.Restarted(sk.DouglasRachford()))
    for strategy in s.x:
        np.testing.assert_allclose(strategy, share, atol=1e-8)
    np.testing.assert_allclose(game.value(s.x), value, rtol=1e-7)
    constant = sk.Restarted(sk.DouglasRachford(), balance=False)
    assert s.iterations < sk.solve(game, even, constant).iterations / 2
    given = sk.Restarted(sk.DouglasRachford(alpha=1.0))
    assert sk.plan(game, even, given).method.balance is False
    assert sk.solve(game, s).iterations <= 2  # at the step and the point where it ended
    found = sk.solve(diagonal_game(2.0**20)[0], even, sk.Restarted(sk.DouglasRachford()))
    assert found.iterations == s.iterations


def test_a_fixed_point_stays_one_with_another_step():
    game, *_ = diagonal_game(n=3)
    F, G = game.terms
    bound = [sk.DouglasRachford(alpha=alpha).bind(F, G) for alpha in (0.01, 3.0)]
    u = sk.solve(game, (np.full(3, 1 / 3),) * 2, sk.DouglasRachford(alpha=0.01), tol=1e-13).u
    after = bound[1].taken_over(u, bound[0])
    for moved, kept in zip(bound[1].step(after), after, strict=True):
        np.testing.assert_allclose(moved, kept, atol=1e-9)


def program(seed, rows=20, columns=40, s=1.0, t=1.0):
    """min ⟨c, x⟩ with Ax = b, x ≥ 0, rows of sizes apart, in units x/s and objective·t."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(rows, columns)) * np.exp(rng.normal(size=(rows, 1)))
    x = np.maximum(rng.normal(size=columns), 0)
    c = A.T @ rng.normal(size=rows) + np.where(x > 0, 0, rng.exponential(size=columns))
    return t * c / s, A / s, A @ x


def inclusion_of(c, A, b):
    rows = sk.NormalCone(f.Singleton(b)).pullback(sk.DenseMatrix(A))
    return sk.NormalCone(f.NonNegative()).shift(-c) + rows


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.LinearizedADMM], ids=lambda k: k.label)
def test_linear_programs(seed, kind):
    c, A, b = program(seed)
    if kind is sk.LinearizedADMM:
        with pytest.raises(sk.NoGuaranteeError, match="not known to be a nonexpansive map"):
            sk.solve(inclusion_of(c, A, b), np.zeros(len(c)), sk.Restarted(kind()))
        return
    s = sk.solve(
        inclusion_of(c, A, b), np.zeros(len(c)), sk.Restarted(kind()), tol=1e-9, max_iter=3000
    )
    np.testing.assert_allclose(c @ s.x, linprog(c, A_eq=A, b_eq=b).fun, rtol=1e-7)
    np.testing.assert_allclose(A @ s.x, b, atol=1e-6)
    assert np.all(c + A.T @ s.dual >= -1e-6)


def test_units_change_neither_the_answer_nor_the_work():
    found = []
    for s, t in ((1.0, 1.0), (1e4, 1.0), (1.0, 1e-7), (1e-3, 1e5)):
        c, A, b = program(2, s=s, t=t)
        inclusion, method = inclusion_of(c, A, b), sk.Restarted(sk.ChambollePock())
        there = sk.solve(inclusion, np.zeros(40), method, tol=1e-9)
        found.append((c @ there.x / t, there.iterations))
    for value, iterations in found[1:]:
        np.testing.assert_allclose(value, found[0][0], rtol=1e-7)
        assert abs(iterations - found[0][1]) <= 10 + found[0][1] // 5


INNER = (sk.DouglasRachford(), sk.ForwardBackward(), sk.ChambollePock(), sk.ADMM())


@sampled(lambda given: INNER.index(given["inner"]))
@pytest.mark.parametrize("inner", INNER, ids=repr)
def test_a_batch_on_every_backend(inner, xp):
    """min ½‖x − c‖² + 0.3‖x‖₁ is soft thresholding; each element has restarts of its own."""
    c = np.random.default_rng(3).normal(size=(5, 4)) * np.array(
        [[1.0], [10.0], [0.1], [3.0], [0.0]]
    )
    at = xp.asarray(c, dtype=xp.float64)
    L = sk.linear.ScaledIdentity(2.0)
    norm = (
        f.L1Norm(0.15, batch_ndim=1) @ L
        if sk.Role.COMPOSED in inner.roles
        else f.L1Norm(0.3, batch_ndim=1)
    )
    problem = f.SquaredL2(center=at, batch_ndim=1) + norm
    s = sk.minimize(problem, 0 * at, sk.Restarted(inner), tol=1e-10, batch_ndim=1)
    np.testing.assert_allclose(to_numpy(s.x), np.sign(c) * np.maximum(abs(c) - 0.3, 0), atol=1e-8)
    assert tuple(s.iterations.shape) == (5,)


def test_no_anchor_is_farther_from_a_solution_than_the_one_before():
    """In the metric in which T is averaged, whatever the restarts."""
    c, A, b = program(1, 5, 8)
    terms = (
        sk.NormalCone(f.NonNegative()).shift(-c),
        sk.NormalCone(f.Singleton(b)).pullback(sk.DenseMatrix(A)),
    )
    method = sk.Restarted(sk.ChambollePock(balance=False)).chosen(*terms)
    iteration = method.iteration(*method.terms(*terms))
    state, path = iteration.begin(np.ones(8), Space.of(np.ones(8))), []
    for _ in range(20_000):
        path.append(state[1])
        state = iteration.step(state)
    lengths = [float(iteration.of.length(subtract(a, state[0]))) for a in path]
    assert lengths[0] > 0
    assert len({round(length, 12) for length in lengths}) > 3
    assert np.all(np.diff(lengths) <= 1e-9)


def test_it_goes_on_where_it_was():
    c, A, b = program(0)
    inclusion, method = inclusion_of(c, A, b), sk.Restarted(sk.ChambollePock())
    first = sk.solve(inclusion, np.zeros(40), method, max_iter=150, on_failure="return")
    rest = sk.solve(inclusion, np.zeros(40), resume=first)
    whole = sk.solve(inclusion, np.zeros(40), method)
    np.testing.assert_array_equal(rest.x, whole.x)
    assert rest.iterations == whole.iterations


def test_what_is_no_averaged_map_is_refused():
    F, G = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]])), sk.NormalCone(f.Box(-1.0, 1.0))
    with pytest.raises(sk.NoGuaranteeError, match="not known to be a nonexpansive map"):
        sk.solve(F + G, np.ones(2), sk.Restarted(sk.Tseng()))
    with pytest.raises(TypeError, match="give a method"):
        sk.Restarted(3)


# -- where solve takes it --------------------------------------------------------------------------


def least_deviation(loss):
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((30, 5)), rng.standard_normal(30)
    return sk.Subdifferential(loss.translate(b) @ sk.DenseMatrix(A))


def test_solve_restarts_where_all_terms_are_polyhedral_and_no_constant_gives_a_rate():
    chosen = sk.explain(least_deviation(f.L1Norm()) + sk.NormalCone(f.Box(-1.0, 1.0))).chosen
    assert isinstance(chosen.method, sk.Restarted)
    assert chosen.guarantee.rate is None
    assert "restarts of" in chosen.method.label


@pytest.mark.parametrize(
    "inclusion",
    [
        least_deviation(f.Huber()) + sk.NormalCone(f.Box(-1.0, 1.0)),
        least_deviation(f.L1Norm()) + sk.NormalCone(f.L2Ball()),
        sk.Subdifferential(f.SquaredL2() + f.L1Norm()),
    ],
    ids=["a loss that is not", "a set that is not", "a rate"],
)
def test_no_others_are_restarted(inclusion):
    assert not any(isinstance(o.method, sk.Restarted) for o in sk.explain(inclusion).options)


def test_the_history_counts_restarts():
    game, _, _ = diagonal_game()
    start = (np.full(20, 0.05),) * 2
    plan = sk.plan(game, start, sk.Restarted(sk.DouglasRachford()))
    found = plan.solve()
    counts = np.asarray(found.history.restarts)
    assert counts.shape == np.asarray(found.history.iteration).shape
    assert counts[0] == 0 < counts[-1]
    assert (np.diff(counts) >= 0).all()
    early = plan.solve(max_iter=2, on_failure="return")
    assert plan.solve(resume=early).history.restarts[-1] == counts[-1]
