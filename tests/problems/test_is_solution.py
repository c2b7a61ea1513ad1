"""Solutions pass ``is_solution`` and wrong points fail, in any units, beside idle rows."""

import clarabel
import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import to_numpy
from tests.collection.problem import flat
from tests.collection.problems import PROBLEMS, answer, asarray, inclusion, start
from tests.sampling import draws

RNG = np.random.default_rng(21)
UNITS = [1e-8, 1.0, 1e8]
DISTANCES = [1e-2, 1e-3, 1e-4, 1e-5]
KNOWN = [p for p in PROBLEMS if hasattr(inclusion(p), "is_solution")]
EXACT = [p for p in KNOWN if answer(p).x is not None]


def wrong(x, distance, rng):
    """Every block moved by this part of its norm."""
    moved = []
    for block in x if isinstance(x, tuple) else (x,):
        e = rng.normal(size=block.shape)
        moved.append(block + distance * np.linalg.norm(block) * e / np.linalg.norm(e))
    return tuple(moved) if isinstance(x, tuple) else moved[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("library", ["numpy", "torch", "strict"])
@pytest.mark.parametrize("problem", KNOWN, ids=lambda p: p.name)
def test_what_solve_returns_is_a_solution_at_the_defaults_of_both(problem, library, dtype):
    array = asarray(library, dtype)
    inclusion = problem.inclusion(array)
    x = sk.solve(inclusion, start(problem, array), max_iter=100_000).x
    assert bool(inclusion.is_solution(x))


@pytest.mark.parametrize("seed", draws(3, 8))
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize(
    "C", [f.NonNegative(), f.Box(-1.0, 2.0), f.Simplex(), f.L2Ball(2.0)], ids=repr
)
def test_so_it_is_of_random_inequalities_in_any_units(C, unit, seed):
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(4, 4))
    problem = sk.VI(sk.Affine(B @ B.T / 4 + 0.2 * np.eye(4) + B - B.T, unit * B[0]), C)
    x = sk.solve(problem, np.full(4, 0.25), max_iter=100_000).x
    assert bool(problem.is_solution(x))


@pytest.mark.parametrize("problem", EXACT, ids=lambda p: p.name)
def test_the_answers_of_other_solvers_pass_and_points_beside_them_fail(problem):
    x = answer(problem).x
    assert bool(inclusion(problem).is_solution(x))
    for distance in DISTANCES:
        assert not bool(inclusion(problem).is_solution(wrong(x, distance, RNG)))


# -- units of x, of F, of single entries and rows -------------------------------------------------

S = RNG.normal(size=(5, 5))
M = S @ S.T / 5 + 0.3 * np.eye(5) + 0.5 * (S - S.T)
Q = RNG.normal(size=5)


def complementary(M, q):
    """The solution, by Newton's method on min(x, Mx + q) from every sign pattern."""
    for pattern in range(2 ** len(q)):
        on = np.array([pattern >> i & 1 for i in range(len(q))], dtype=bool)
        x = np.zeros(len(q))
        x[on] = np.linalg.solve(M[np.ix_(on, on)], -q[on])
        if x.min() >= -1e-12 and (M @ x + q)[~on].min(initial=0.0) >= -1e-12:
            return x
    raise AssertionError("a strongly monotone problem has a solution")


SOLUTION = complementary(M, Q)


@pytest.mark.parametrize("s", UNITS)
@pytest.mark.parametrize("t", UNITS)
def test_complementarity_in_units_of_x_and_of_F(s, t):
    problem = sk.LCP(t / s * M, t * Q)
    x = s * SOLUTION
    assert bool(problem.is_solution(x))
    off = [wrong(x, distance, RNG) for distance in DISTANCES]
    assert not any(bool(problem.is_solution(y)) for y in off)
    plain = [float(sk.LCP(M, Q).relative_residual(y / s)) for y in off]
    assert [float(problem.relative_residual(y)) for y in off] == pytest.approx(plain, rel=1e-6)


def test_complementarity_in_units_of_every_entry_and_row():
    s, t = 10.0 ** RNG.integers(-8, 9, size=5), 10.0 ** RNG.integers(-8, 9, size=5)
    problem = sk.LCP(t[:, None] * M / s, t * Q)
    x = s * SOLUTION
    assert bool(problem.is_solution(x))
    for distance in DISTANCES:
        for i in range(5):
            y = x.copy()
            y[i] += distance * s[i] * np.linalg.norm(SOLUTION)
            assert not bool(problem.is_solution(y)), (distance, i)


@pytest.mark.parametrize("scale", UNITS)
@pytest.mark.parametrize("width", [1e-8, 1.0])
def test_no_point_of_a_small_set_passes_for_its_corner(scale, width):
    """tol ‖F(x)‖ exceeds the diameter of C; the solution is the upper corner."""
    for C in (f.Box(0.0, width), f.Box(np.zeros(3), np.full(3, width))):
        problem = sk.VI(sk.Affine(np.eye(3), scale * np.array([5.0, 6.0, 7.0])), C)
        if scale > width:
            assert bool(problem.is_solution(np.full(3, width)))
            for distance in DISTANCES:
                assert not bool(problem.is_solution(np.full(3, width * (1 - distance))))


@pytest.mark.parametrize("radius", UNITS)
def test_costs_of_any_size_on_a_simplex(radius):
    problem = sk.VI(sk.Affine(0 * np.eye(3), -1e8 * np.array([1.0, 2.0, 4.0])), f.Simplex(radius))
    assert bool(problem.is_solution(np.array([radius, 0.0, 0.0])))
    for distance in DISTANCES:
        x = radius * np.array([1 - distance, distance, 0.0])
        assert not bool(problem.is_solution(x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("c", UNITS)
def test_at_zero(c, dtype):
    zero, shift = np.zeros(3, dtype), np.asarray(c, dtype)
    above, below = (
        sk.Operator.from_callable(f, strong_monotonicity=1.0, lipschitz=1.0)
        for f in (lambda x: x + shift, lambda x: x - shift)
    )
    assert bool(sk.NCP(above).is_solution(zero))
    assert not bool(sk.NCP(below).is_solution(zero))
    assert not bool(sk.VI(below, f.Box(0.0, 1e-12)).is_solution(zero))
    assert not bool(sk.VI(below, f.Simplex(1e-3)).is_solution(zero))
    # F(0) = ±(c, 0, 0) lies in the dual cone, or not; F cannot tell 1e-12 c from 0
    q = np.array([c, 0.0, 0.0], dtype)
    within, beyond = (
        sk.VI(sk.Affine(np.eye(3, dtype=dtype), sign * q), f.SecondOrderCone()) for sign in (-1, 1)
    )
    assert bool(within.is_solution(zero))
    assert bool(within.is_solution(zero + np.asarray(1e-12 * c, dtype)))
    assert not bool(beyond.is_solution(zero))


# -- rows that never bind -------------------------------------------------------------------------

DUOPOLY = sk.PseudoGradient.quadratic(
    [[np.array([[2.0]]), np.array([[1.0]])], [np.array([[1.0]]), np.array([[2.0]])]],
    [np.array([-9.0]), np.array([-8.0])],
)
CALLABLES = sk.PseudoGradient(
    [lambda x: 2 * x[0] + x[1] - 9, lambda x: x[0] + 2 * x[1] - 8],
    strong_monotonicity=1.0,
    lipschitz=3.0,
)


def sales(*x):
    return tuple(np.array([each]) for each in x)


@pytest.mark.parametrize("F", [DUOPOLY, CALLABLES], ids=["quadratic", "callables"])
@pytest.mark.parametrize("limit", [1e1, 1e4, 1e8, 1e16])
def test_a_shared_limit_that_never_binds_hides_nothing(F, limit):
    one = np.ones((1, 1))
    game = sk.GeneralizedNashGame(F, [f.NonNegative()] * 2, [one] * 2, np.array([limit]))
    assert bool(game.is_solution(sales(10 / 3, 7 / 3, 0.0)))
    assert bool(game.is_solution(sales(10 / 3, 7 / 3, 1e-9)))  # a price that nobody notices
    if F is DUOPOLY and limit <= 1e8:
        found = sk.solve(game, sales(0.0, 0.0, 0.0), max_iter=100_000).x
        assert bool(game.is_solution(found))
        assert flat(found) == pytest.approx([10 / 3, 7 / 3, 0.0], abs=1e-5)
    for x in ((3.505, 2.505, 0.0), (10 / 3 + 1e-5, 7 / 3, 0.0), (10 / 3, 7 / 3, 1e-3)):
        assert not bool(game.is_solution(sales(*x)))


@pytest.mark.parametrize("bound", [3.0, 1e4, 1e20])
@pytest.mark.parametrize("unit", UNITS)
def test_a_program_with_a_row_that_never_binds(bound, unit):
    """Hock, Schittkowski (1981), problem 51: x = (1, 1, 1, 1, 1), all multipliers 0."""
    L = np.array([[1.0, -1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
    c = np.array([0.0, 2.0, 1.0, 1.0])
    A = np.array([[1.0, 3, 0, 0, 0], [0, 0, 1, 1, -2], [0, 1, 0, 0, -1]])
    row = np.eye(5)[:1]
    objective = f.Quadratic(2 * L.T @ L, -2 * L.T @ c * unit)
    problem = sk.KKT(
        objective, A, unit * np.array([4.0, 0.0, 0.0]), G=row, h=unit * np.array([bound])
    )
    x, y = unit * np.ones(5), np.zeros(4)
    assert bool(problem.is_solution((x, y)))
    for distance in DISTANCES:
        assert not bool(problem.is_solution((wrong(x, distance, RNG), y)))
        assert not bool(problem.is_solution((x, y + distance * unit)))


# -- programs, against interior points and the simplex method -------------------------------------


@pytest.mark.parametrize("s", UNITS)
@pytest.mark.parametrize("t", UNITS)
def test_linear_programs_in_units_of_x_and_of_cost(s, t):
    rng = np.random.default_rng(3)
    A, cost = rng.normal(size=(3, 6)), rng.uniform(0.5, 1.0, 6)
    b = A @ rng.uniform(0.2, 1.0, 6)
    found = linprog(cost, A_eq=A, b_eq=b)
    x, y = s * found.x, -t * found.eqlin.marginals
    linear = f.Quadratic(np.zeros((6, 6)), t * cost)
    problem = sk.KKT(linear, A, s * b, C=f.NonNegative())
    assert bool(problem.is_solution((x, y)))
    for distance in DISTANCES:
        assert not bool(problem.is_solution((wrong(x, distance, rng), y)))
        assert not bool(problem.is_solution((x, wrong(y, distance, rng))))


@pytest.mark.parametrize("s", UNITS)
def test_quadratic_programs_with_their_multipliers(s):
    rng = np.random.default_rng(5)
    B = rng.normal(size=(5, 5))
    P, q = B @ B.T / 5 + 0.1 * np.eye(5), rng.normal(size=5)
    G, h = rng.normal(size=(4, 5)), np.array([0.1, 0.5, -0.2, 30.0])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-12
    cones = [clarabel.NonnegativeConeT(4)]
    rows = sparse.csc_matrix(G), h, cones, settings
    found = clarabel.DefaultSolver(sparse.triu(P, format="csc"), q, *rows).solve()
    x, y = s * np.array(found.x), s * np.array(found.z)
    problem = sk.KKT(f.Quadratic(P, s * q), G=G, h=s * h)
    assert bool(problem.is_solution((x, y)))
    for distance in DISTANCES:
        assert not bool(problem.is_solution((wrong(x, distance, rng), y)))
        assert not bool(problem.is_solution((x, wrong(y, distance, rng))))


def test_one_term_that_is_not_smooth_beside_the_multipliers():
    P, q = np.diag([2.0, 1.0, 1.0]), np.array([-3.0, 0.1, -4.0])
    problem = sk.KKT(f.Quadratic(P, q) + f.L1Norm(), G=np.ones((1, 3)), h=np.array([3.0]))
    # 2x₁ − 3 + 1 + y = 0, x₂ = 0, x₃ − 4 + 1 + y = 0, x₁ + x₃ = 3
    y = 2 / 3
    x = np.array([1 - y / 2, 0.0, 3 - y])
    assert bool(problem.is_solution((x, np.array([y]))))
    for i in range(3):
        assert not bool(problem.is_solution((x + 1e-4 * np.eye(3)[i], np.array([y]))))
    both = sk.KKT(f.Simplex() + f.L1Norm(), G=np.ones((1, 3)), h=np.array([3.0]))
    with pytest.raises(TypeError, match=r"cannot be told.*L1Norm"):
        both.is_solution((x, np.array([y])))


@pytest.mark.parametrize("tol", [1.0, 2.0, -1e-3, float("nan")])
def test_a_relative_tolerance_is_below_1(tol):
    problem = sk.LCP(M, Q)
    with pytest.raises(ValueError, match=r"tol = .*in \[0, 1\)"):
        problem.is_solution(SOLUTION, tol)
    with pytest.raises(ValueError, match="tol = "):
        sk.solve(problem, SOLUTION, tol=tol)


def test_batch_elements_are_judged_by_themselves():
    problem = sk.LCP(M, Q, batch_ndim=1)
    x = np.stack([SOLUTION, wrong(SOLUTION, 1e-4, RNG), SOLUTION])
    assert to_numpy(problem.is_solution(x)).tolist() == [True, False, True]
    assert flat(problem.relative_residual(x))[1] == pytest.approx(
        float(sk.LCP(M, Q).relative_residual(x[1])), rel=1e-6
    )


# -- degenerate problems: complementary pairs vanish together, and rows with all that is in them --


def integers(rng, size):
    return rng.integers(-2, 3, size=size).astype(float)


def half_zero(rng, size, top=4):
    return np.where(rng.random(size) < 0.5, 0.0, rng.integers(1, top, size=size))


def degenerate_program(rng, *, curved=True):
    """P, q, A, b with a solution and multipliers of small integers, strictly convex or an LP."""
    n, p = int(rng.integers(2, 6)), int(rng.integers(1, 3))
    x, y = half_zero(rng, n), half_zero(rng, p) * rng.choice((-1.0, 1.0), size=p)
    A = np.vstack([np.ones(n), rng.integers(-1, 2, size=(p - 1, n))])
    R = integers(rng, (n, n))
    P = curved * (np.eye(n) + (R @ R.T if rng.random() < 0.5 else 0.0))
    slack = np.where(x == 0, half_zero(rng, n, 3), 0.0)
    return P, slack - P @ x - A.T @ y, A, A @ x


def with_orthant(rng):
    P, q, A, b = degenerate_program(rng)
    return sk.KKT(f.Quadratic(P, q), A, b, C=f.NonNegative()), (0 * q, 0 * b)


def with_rows(rng):
    P, q, A, b = degenerate_program(rng)
    problem = sk.KKT(f.Quadratic(P, q), A, b, G=-np.eye(len(q)), h=0 * q)
    return problem, (0 * q, np.zeros(len(b) + len(q)))


def linear_program(rng):
    P, q, A, b = degenerate_program(rng, curved=False)
    return sk.KKT(f.Quadratic(P, q), A, b, C=f.NonNegative()), (0 * q, 0 * b)


def complementarity(rng, curvature=None):
    n = int(rng.integers(2, 7))
    R, K = integers(rng, (n, n)), integers(rng, (n, n))
    more = rng.random() < 0.5 if curvature is None else curvature
    M = K - K.T + (R @ R.T if rng.random() < 0.5 else 0.0) + more * np.eye(n)
    x = half_zero(rng, n)
    return sk.LCP(M, np.where(x == 0, half_zero(rng, n, 3), 0.0) - M @ x), 0 * x


def on_a_set(rng):
    n = int(rng.integers(2, 7))
    R, K = integers(rng, (n, n)), integers(rng, (n, n))
    sets = [f.Box(-1.0, 1.0), f.Simplex(), f.L2Ball(1.0), f.L1Ball(1.0), f.Box(0.0, 2.0)]
    q = integers(rng, n) * (rng.random(n) < 0.7)
    return sk.VI(sk.Affine(R @ R.T + K - K.T, q), sets[int(rng.integers(0, 5))]), 0 * q


def payoffs(rng):
    m, n = rng.integers(2, 5, size=2)
    return sk.MatrixGame(integers(rng, (m, n))), (np.full(n, 1 / n), np.full(m, 1 / m))


def shared_limit(rng):
    d, a = half_zero(rng, 2) + 2, half_zero(rng, 2, 3)
    one = np.array([[1.0]])
    F = sk.PseudoGradient.quadratic(
        [[d[0] * one, one], [one, d[1] * one]], [np.array([-a[0]]), np.array([-a[1]])]
    )
    limit = np.array([float(rng.integers(1, 4))])
    game = sk.GeneralizedNashGame(F, [f.NonNegative()] * 2, [one] * 2, limit)
    return game, sales(0.0, 0.0, 0.0)


DRAWN = [
    with_orthant, with_rows, linear_program, complementarity, on_a_set, payoffs, shared_limit
]  # fmt: skip


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
def test_what_solve_finds_of_degenerate_problems_is_a_solution(draw):
    denied = []
    for seed in draws(5, 15):
        problem, x0 = draw(np.random.default_rng([seed, 11]))
        s = sk.solve(problem, x0, max_iter=20_000, on_failure="return")
        if s.converged and not bool(problem.is_solution(s.x)):
            denied.append((seed, s.x))
    assert denied == []


def test_a_multiplier_that_vanishes_alone_in_a_row():
    """P = I, q = (−1, 0, 2), Σx = 1, x ≥ 0: x = (1, 0, 0), and at x₂ = 0 the row of y is y ≥ 0."""
    problem = sk.KKT(
        f.Quadratic(np.eye(3), np.array([-1.0, 0.0, 2.0])),
        np.ones((1, 3)),
        np.ones(1),
        C=f.NonNegative(),
    )
    x = np.array([1.0, 0.0, 0.0])
    for y in (0.0, 3e-10, -3e-10):
        assert bool(problem.is_solution((x, np.array([y]))))
    for y in (1e-4, -1e-4):
        assert not bool(problem.is_solution((x, np.array([y]))))
    assert not bool(problem.is_solution((x + np.array([0.0, 1e-4, 0.0]), np.zeros(1))))


@pytest.mark.parametrize("seed", range(12))
def test_points_beside_degenerate_solutions_fail(seed):
    problem, _ = complementarity(np.random.default_rng([seed, 12]), curvature=1.0)
    x = complementary(problem.F.M.matrix, -problem.F.q)
    assert bool(problem.is_solution(x))
    if x.any():
        for step in np.linalg.norm(x) * np.eye(len(x)):
            for distance in DISTANCES:
                assert not bool(problem.is_solution(x + distance * step))
    far = np.eye(len(x)).sum(axis=0)  # where all vanishes at the solution nothing is small
    assert bool(problem.is_solution(far)) == (not np.minimum(far, problem.F(far)).any())


def test_degenerate_elements_of_a_batch_are_judged_by_themselves():
    M, q = np.eye(3), np.array([[-1.0, 0.0, 2.0], [0.0, -1.0, 0.0], [-1.0, -1.0, -1.0]])
    problem = sk.LCP(M, q, batch_ndim=1)
    x = np.array([[1.0, 3e-10, 0.0], [3e-10, 1.0, 1e-3], [1.0, 1.0, 1.0]])
    assert to_numpy(problem.is_solution(x)).tolist() == [True, False, True]
