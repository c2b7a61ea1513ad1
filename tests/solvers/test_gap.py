"""``Gap``: it bounds how much is left to gain, in any units, for every method that it stops."""

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import Lasso

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import to_numpy
from tests.collection.problems import PROBLEMS, answer, asarray, guaranteed, inclusion, start

RNG = np.random.default_rng(31)
A = RNG.normal(size=(20, 8))
B = A @ np.where(np.arange(8) % 3 == 0, 1.0, 0.0) + 0.3 * RNG.normal(size=20)
WEIGHT = 2.0
SOLVED = [p for p in PROBLEMS if p.reference is not None]
# what is minimized there is the objective without its constant
WITHOUT_CONSTANT = {"trend filtering"}


def methods(problem):
    """What ``solve`` takes, and another in turn."""
    first, *others = [o.method for o in guaranteed(problem)]
    same = sk.Restarted, type(first.method if isinstance(first, sk.Restarted) else first)
    others = [method for method in others if not isinstance(method, same)]
    other = others[PROBLEMS.index(problem) % len(others)] if others else None
    slow = isinstance(other, sk.AcceleratedProximalPoint)
    return [first, *([] if other is None or slow else [other])]


@pytest.mark.parametrize("problem", SOLVED, ids=lambda p: p.name)
def test_the_value_is_as_good_as_promised(problem):
    for method, tol in zip(methods(problem), (1e-6, 1e-3), strict=False):
        solution = sk.solve(
            inclusion(problem), problem.x0, method, tol=sk.Gap(tol), max_iter=100_000
        )
        assert solution.converged
        if problem.name not in WITHOUT_CONSTANT:
            # of an operator without a function the value is a residual, of the size of an error
            slack = 3.0 if answer(problem).value else 30.0
            error = problem.errors(solution.x, answer(problem))
            assert error["value"] <= slack * tol, method.label
            assert error["violation"] <= slack * tol, method.label


@pytest.mark.parametrize("problem", SOLVED[::4], ids=lambda p: p.name)
@pytest.mark.parametrize("library", ["torch", "strict"])
def test_other_libraries_and_single_precision(problem, library):
    array = asarray(library, "float32")
    solution = sk.solve(
        problem.inclusion(array), start(problem, array), tol=sk.Gap(1e-3), max_iter=100_000
    )
    assert solution.converged
    x = solution.x
    found = tuple(map(to_numpy, x)) if isinstance(x, tuple) else to_numpy(x)
    if problem.name not in WITHOUT_CONSTANT:
        assert problem.errors(found, answer(problem))["value"] <= 3e-2


# -- a strict bound where constraints are met exactly ---------------------------------------------


def lasso(a=A, b=B, weight=WEIGHT):
    return sk.Subdifferential(f.LeastSquares(a, b) + f.L1Norm(weight))


def lasso_value(x, a=A, b=B, weight=WEIGHT):
    return 0.5 * np.sum((a @ x - b) ** 2) + weight * np.abs(x).sum()


LEAST = lasso_value(Lasso(WEIGHT / 20, fit_intercept=False, tol=1e-14).fit(A, B).coef_)


@pytest.mark.parametrize("gap", [10.0, 1.0, 1e-2, 1e-5, 1e-8])
@pytest.mark.parametrize(
    "method",
    [
        None,
        sk.FISTA(),
        sk.ForwardBackward(),
        sk.DouglasRachford(alpha=0.1),
        sk.AdaptiveProximalGradient(),
    ],
    ids=repr,
)
def test_an_absolute_gap_bounds_what_is_left(gap, method):
    solution = sk.solve(lasso(), np.full(8, 5.0), method, tol=sk.Gap(0, absolute=gap))
    assert solution.converged
    assert lasso_value(solution.x) - LEAST <= gap * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-6, 1e-9])
def test_a_relative_gap_is_one_of_the_value(tol):
    solution = sk.solve(lasso(), np.full(8, 1e4), sk.ForwardBackward(), tol=sk.Gap(tol))
    assert lasso_value(solution.x) - LEAST <= tol * lasso_value(solution.x) + 1e-12


def test_a_start_that_is_merely_large_meets_nothing():
    far = sk.solve(lasso(), np.full(8, 1e10), sk.FISTA(), tol=sk.Gap(1e-4))
    assert lasso_value(far.x) <= (1 + 1.1e-4) * LEAST


def test_a_dual_point_of_a_primal_dual_method():
    D = np.diff(np.eye(8), axis=0)
    objective = f.SquaredL2(center=B[:8]) + f.L1Norm(0.5) @ D

    def value(x):
        return 0.5 * np.sum((x - B[:8]) ** 2) + 0.5 * np.abs(D @ x).sum()

    least = value(sk.minimize(f.SquaredL2(center=B[:8]) + f.TotalVariation1D(0.5), B[:8]).x)
    for method in (sk.ChambollePock(), sk.LinearizedADMM(), sk.CondatVu()):
        for gap in (1e-1, 1e-3, 1e-6):
            found = sk.minimize(objective, np.zeros(8), method, tol=sk.Gap(0, absolute=gap))
            assert value(found.x) - least <= gap + 1e-9


@pytest.mark.parametrize("method", [sk.ADMM(), sk.DouglasRachford()], ids=repr)
def test_points_of_two_sets_have_no_gap(method):
    """There y = 0 proves that nothing is less, and what a method has for y is rounding."""
    A = np.random.default_rng(6).normal(size=(2, 5))
    both = sk.NormalCone(f.Simplex()) + sk.NormalCone(f.AffineSet(A, A @ np.full(5, 0.2)))
    found = sk.solve(both, np.eye(5)[0], method, tol=sk.Gap(1e-8))
    assert found.converged
    assert abs(found.duality_gap) <= 1e-12
    np.testing.assert_allclose(A @ found.x, A @ np.full(5, 0.2), atol=1e-7)
    apart = sk.NormalCone(f.L2Ball(1.0)) + sk.NormalCone(f.HalfSpace(np.ones(5), -3.0))
    none = sk.solve(apart, np.zeros(5), method, tol=sk.Gap(1e-8), on_failure="return")
    assert not none.converged


# -- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", [-30, 20])
@pytest.mark.parametrize("j", [-20, 30])
def test_powers_of_two_change_nothing(i, j):
    s, t = 2.0**i, 2.0**j  # of x, and of A
    plain = sk.solve(lasso(), np.full(8, 3.0), sk.ForwardBackward(alpha=0.01), tol=sk.Gap(1e-6))
    scaled = sk.solve(
        lasso(t * A, t * s * B, t * t * s * WEIGHT),
        np.full(8, 3.0 * s),
        sk.ForwardBackward(alpha=0.01 / t**2),
        tol=sk.Gap(1e-6),
    )
    assert scaled.iterations == plain.iterations
    np.testing.assert_allclose(scaled.x / s, plain.x, atol=1e-12)


@pytest.mark.parametrize("s", [2.0**-30, 2.0**30])
@pytest.mark.parametrize("t", [2.0**-30, 2.0**30])
def test_powers_of_two_change_nothing_in_a_linear_program(s, t):
    rng = np.random.default_rng(3)
    M, cost = rng.normal(size=(3, 6)), rng.uniform(0.5, 1.0, 6)
    b = M @ rng.uniform(0.2, 1.0, 6)
    least = linprog(cost, A_eq=M, b_eq=b).fun

    def solved(s, t):
        slope = sk.Affine(0.0 * sk.linear.ScaledIdentity(), -t * cost)
        sets = sk.Subdifferential(f.NonNegative() + f.AffineSet(M, s * b))
        method = sk.DavisYin(alpha=s / t)
        return sk.solve(slope + sets, np.zeros(6), method, tol=sk.Gap(1e-6))

    plain, scaled = solved(1.0, 1.0), solved(s, t)
    assert scaled.iterations == plain.iterations
    np.testing.assert_allclose(scaled.x / s, plain.x, rtol=1e-9, atol=1e-9)
    assert cost @ plain.x == pytest.approx(least, rel=3e-6)


# -- games, complementarity, KKT ------------------------------------------------------------------


@pytest.mark.parametrize("unit", [2.0**-30, 1.0, 2.0**30])
@pytest.mark.parametrize(
    "K", [np.diag([1.0, 2.0, 3.0]), np.roll(np.eye(3), 1, 0) - np.roll(np.eye(3), 2, 0)]
)
def test_of_a_matrix_game_it_is_what_players_gain(K, unit):
    game = sk.MatrixGame(unit * K)
    start = (np.array([1.0, 0, 0]), np.array([0.5, 0.5, 0]))
    for tol in (1e-2, 1e-5):
        method = sk.DouglasRachford(alpha=1 / unit)
        z = sk.solve(game, start, method, tol=sk.Gap(tol)).x
        assert float(game.gap(z)) <= 2 * tol * unit * np.abs(K).max()
        assert float(game.gap(z)) >= -1e-12 * unit


def test_of_unbounded_sets_it_says_what_is_solution_says():
    for problem in (
        sk.LCP(np.array([[2.0, 1.0], [-1.0, 1.0]]), np.array([-1.0, 0.5])),
        sk.KKT(f.Quadratic(np.eye(2)), G=-np.ones((1, 2)), h=np.array([-1.0])),
    ):
        x0 = np.full(2, 3.0) if isinstance(problem, sk.LCP) else (np.full(2, 3.0), np.zeros(1))
        for tol in (1e-2, 1e-5, 1e-9):
            solution = sk.solve(problem, x0, tol=sk.Gap(tol), max_iter=100_000)
            assert bool(problem.is_solution(solution.x, tol))


# -- composition, batches, refusals ---------------------------------------------------------------


def test_it_joins_other_rules():
    x0 = np.full(8, 3.0)
    method = sk.ForwardBackward()
    loose = sk.solve(lasso(), x0, method, tol=sk.Gap(1e-2) | sk.TimeLimit(60))
    strict = sk.solve(lasso(), x0, method, tol=sk.Gap(1e-2) & sk.Relative(1e-9))
    assert loose.converged
    assert loose.iterations < strict.iterations
    assert repr(sk.Gap(1e-2) | sk.TimeLimit(60)) == (
        "(Gap(tol=0.01, absolute=0.0) | TimeLimit(seconds=60.0))"
    )
    endless = sk.solve(lasso(), x0, method, tol=sk.Gap(0), max_iter=50)
    assert endless.status == "iteration_limit"


def test_batch_elements_stop_by_their_own_gaps():
    problem = sk.Subdifferential(
        f.LeastSquares(A, np.stack([B, 10 * B]), batch_ndim=1) + f.L1Norm(WEIGHT, batch_ndim=1)
    )
    solution = sk.solve(
        problem, np.zeros((2, 8)), sk.ForwardBackward(), tol=sk.Gap(1e-6), batch_ndim=1
    )
    for k in range(2):
        alone = sk.solve(lasso(A, (1, 10)[k] * B), np.zeros(8), tol=sk.Gap(1e-9)).x
        value, least = (lasso_value(x, A, (1, 10)[k] * B) for x in (solution.x[k], alone))
        assert value - least <= 1.1e-6 * value


class OnlyProx(f.L1Norm):
    """A norm that does not know its conjugate."""

    @property
    def conjugate(self):
        raise TypeError("no formula is known")


def test_a_term_without_a_conjugate_or_a_value_is_named():
    both = sk.Subdifferential(f.Box(-1.0, 1.0) + OnlyProx(2.0))
    with pytest.raises(TypeError, match=r"Gap\(…\) needs the conjugate of OnlyProx"):
        sk.solve(both, np.ones(3), tol=sk.Gap(1e-3))
    G = sk.Operator.from_callable(
        resolvent=lambda y, alpha: y, monotone=True, maximal=True, name="G"
    )
    with pytest.raises(TypeError, match="G is not known as the subdifferential"):
        sk.solve(sk.NormalCone(f.Box(-1.0, 1.0)) + G, np.ones(3), tol=sk.Gap(1e-3))
