"""Quadratic and linear programs: optimality, certificates, updates, and refusals."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linprog

import splitkit as sk
from splitkit.problems import LP, QP, ConicProgram
from tests.sampling import draws

INF = np.inf


def random_qp(seed, n=12, m=9, rank=5):
    """A convex QP with equations, one-sided and two-sided rows, that some x meets."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((rank, n))
    A = rng.standard_normal((m, n))
    inside = A @ rng.standard_normal(n)
    low, high = inside - rng.random(m), inside + rng.random(m)
    low[:2] = high[:2] = inside[:2]
    low[2:4], high[4:6] = -INF, INF
    return B.T @ B, rng.standard_normal(n), A, low, high


def random_lp(seed, n=14, m=8):
    """A bounded LP with equations and inequalities."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n)) * (rng.random((m, n)) < 0.5)
    inside = A @ rng.random(n)
    low, high = inside - 0.1 * rng.random(m), inside + 0.1 * rng.random(m)
    low[:3] = high[:3] = inside[:3]
    high[5:] = INF
    return rng.standard_normal(n), A, low, high


def assert_optimal(problem, solution, P, q, A, low, high, bounds=None, tol=1e-6):
    """The Karush-Kuhn-Tucker conditions, from their definition, each beside what cancels in it."""
    x, y = solution.x, solution.y
    Ax = A @ x
    size = 1 + np.abs(Ax).max()
    assert np.all(Ax >= low - tol * size)
    assert np.all(Ax <= high + tol * size)
    slopes = P @ x + q + A.T @ y
    if bounds is not None:
        lower, upper = (np.broadcast_to(b, x.shape) for b in bounds)
        μ = solution.bound_multipliers
        slopes = slopes + μ
        apart = 1 + np.abs(x).max()
        assert np.all(x >= lower - tol * apart)
        assert np.all(x <= upper + tol * apart)
        assert np.all((μ <= 0) | (x >= upper - tol * apart))
        assert np.all((μ >= 0) | (x <= lower + tol * apart))
    assert np.abs(slopes).max() <= tol * (1 + np.abs(q).max() + np.abs(A.T @ y).max())
    assert np.all((y <= 0) | (Ax >= high - tol * size))
    assert np.all((y >= 0) | (Ax <= low + tol * size))
    gap = abs(solution.objective - solution.dual_objective)
    assert gap <= tol * (1 + abs(solution.objective) + np.abs(x) @ np.abs(P @ x))
    assert bool(problem.is_solution((x, y), 1e-5))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sparse", [False, True])
def test_a_quadratic_program_meets_its_optimality_conditions(seed, sparse):
    P, q, A, low, high = random_qp(seed)
    kind = sp.csc_array if sparse else np.asarray
    problem = QP(kind(P), q, kind(A), low, high, bounds=(-2.0, 2.0))
    solution = problem.solve()
    assert_optimal(problem, solution, P, q, A, low, high, (-2.0, 2.0))


@pytest.mark.parametrize("seed", range(6))
def test_a_linear_program_has_the_objective_of_highs(seed):
    c, A, low, high = random_lp(seed)
    problem = LP(c, sp.csr_array(A), low, high, bounds=(0.0, 1.0))
    solution = problem.solve()
    both = np.isfinite(high)
    reference = linprog(
        c, np.vstack((-A, A[both])), np.concatenate((-low, high[both])), bounds=(0.0, 1.0)
    )
    assert solution.objective == pytest.approx(reference.fun, rel=1e-6, abs=1e-7)
    assert_optimal(problem, solution, np.zeros((14, 14)), c, A, low, high, (0.0, 1.0))


def test_solve_of_the_library_finds_the_same_point():
    P, q, A, low, high = random_qp(0, rank=12)
    problem = QP(P, q, A, low, high)
    x, _ = sk.solve(problem, (np.zeros(12), np.zeros(9)), tol=1e-9).x
    assert np.allclose(x, problem.solve().x, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_units_of_variables_rows_and_objective_change_nothing(seed):
    P, q, A, low, high = random_qp(seed, rank=12)
    plain = QP(P, q, A, low, high).solve()
    rng = np.random.default_rng(seed)
    d, e = (10.0 ** rng.uniform(-3, 3, size) for size in (12, 9))
    k = 1e3
    problem = QP(k * d[:, None] * P * d, k * d * q, e[:, None] * A * d, e * low, e * high)
    scaled = problem.solve()
    assert scaled.objective == pytest.approx(k * plain.objective, rel=1e-6, abs=1e-6 * k)
    assert np.allclose(scaled.x * d, plain.x, atol=1e-4)
    assert np.allclose(scaled.y * e / k, plain.y, atol=1e-3)


def test_redundant_equations_empty_rows_and_columns_free_and_fixed_variables():
    P = np.diag([1.0, 2.0, 0.0, 0.0])
    q = np.array([-1.0, 0.0, 2.0, 0.0])
    row = np.array([1.0, 1.0, 1.0, 0.0])
    A = np.array([row, 2 * row, row, 0 * row])
    low = high = np.array([3.0, 6.0, 3.0, 0.0])
    bounds = (np.array([-INF, -INF, 0.5, 7.0]), np.array([INF, INF, INF, 7.0]))
    problem = QP(P, q, A, low, high, bounds=bounds)
    solution = problem.solve()
    # x₃ = ½: x₁ + x₂ = 2.5 with x₁ − 1 = 2x₂
    assert np.allclose(solution.x, [2.0, 0.5, 0.5, 7.0], atol=1e-6)
    assert_optimal(problem, solution, P, q, A, low, high, bounds)


def test_without_rows_or_bounds_it_is_a_linear_system():
    P, q = np.array([[4.0, 1.0], [1.0, 2.0]]), np.array([1.0, 1.0])
    solution = QP(P, q).solve()
    assert np.allclose(solution.x, np.linalg.solve(P, -q), atol=1e-8)
    assert solution.y.shape == (0,)
    assert solution.bound_multipliers is None


def test_an_infeasible_program_is_proved_to_be_one():
    A = np.array([[1.0, 1.0], [1.0, -1.0]])
    problem = LP(np.array([1.0, 2.0]), A, [3.0, -1.0] * np.ones(2), INF, bounds=(0.0, 1.0))
    with pytest.raises(sk.NotConvergedError, match="no x meets the constraints") as caught:
        problem.solve()
    solution = caught.value.solution
    proof = solution.certificate
    assert solution.status == "infeasible"
    # y ≤ 0 takes the lower sides of the rows: yᵀAx + μᵀx = 0, and no more than a negative number
    assert np.allclose(A.T @ proof.y + proof.bounds, 0.0, atol=1e-9)
    assert np.all(proof.y <= 0)
    highest = proof.y @ np.array([3.0, -1.0]) + np.maximum(proof.bounds, 0.0).sum()
    assert highest == pytest.approx(-proof.gap)
    assert proof.gap > 0


def test_an_unbounded_program_is_proved_to_be_one():
    P = np.diag([1.0, 0.0, 0.0])
    q, A = np.array([1.0, -1.0, 0.0]), np.array([[1.0, 1.0, -1.0]])
    solution = QP(P, q, A, -1.0, 1.0).solve(on_failure="return")
    d = solution.certificate.x
    assert solution.status == "unbounded"
    assert "without bound" in solution.message
    assert np.allclose(P @ d, 0.0, atol=1e-8)
    assert np.allclose(A @ d, 0.0, atol=1e-8)
    assert q @ d == pytest.approx(-solution.certificate.gap)
    assert solution.certificate.gap > 0


@pytest.mark.parametrize("changed", [{"q"}, {"l", "u"}, {"P"}, {"A"}, {"P", "q", "A", "u"}])
def test_an_updated_problem_has_the_solution_of_a_new_one(changed):
    P, q, A, low, high = random_qp(1, rank=12)
    now = {"P": 1.5 * P, "q": 0.9 * q, "A": 1.1 * A, "l": low - 0.1, "u": high + 0.2}
    given = {"P": P, "q": q, "A": A, "l": low, "u": high}
    problem = QP(**given)
    first = problem.solve()
    update = {name: now[name] for name in changed}
    problem.update(**update)
    expected = QP(**{**given, **update}).solve()
    for start in (None, first, (first.x, first.y), first.x):
        assert np.allclose(problem.solve(start).x, expected.x, atol=1e-6)


def test_the_values_of_a_sparse_matrix_are_enough_for_an_update():
    P, q, A, low, high = random_qp(2, rank=12)
    P, A = sp.csc_array(P), sp.csc_array(A)
    problem = QP(P, q, A, low, high)
    problem.solve()
    problem.update(A=1.1 * A.data, P=2 * P.data)
    assert np.allclose(problem.solve().x, QP(2 * P, q, 1.1 * A, low, high).solve().x, atol=1e-6)


def test_a_warm_start_with_the_same_rows_at_their_bounds_factors_nothing():
    P, q, A, low, high = random_qp(3, rank=12)
    problem = QP(P, q, A, low, high)
    cold = problem.solve()
    problem.update(q=q * (1 + 1e-6))
    warm = problem.solve(cold)
    assert warm.factorizations == 0
    assert warm.iterations < cold.iterations


def test_the_factorization_is_kept_by_a_second_solve_from_the_solution():
    c, A, low, high = random_lp(4)
    problem = LP(c, A, low, high, bounds=(0.0, 1.0))
    again = problem.solve(problem.solve())
    assert again.iterations == 0
    assert again.converged


def test_a_sparse_program_stays_sparse():
    n = 20_000  # whose dense matrix would take 3 GB
    P = sp.diags_array([np.full(n, 2.0), np.full(n - 1, -1.0), np.full(n - 1, -1.0)],
                       offsets=[0, 1, -1]).tocsc()  # fmt: skip
    problem = QP(P, -np.ones(n), sp.eye_array(n, format="csr"), -INF, 100.0)
    solution = problem.solve(tol=1e-6)
    assert solution.converged
    assert solution.x.max() <= 100.0 * (1 + 1e-6)
    assert np.abs(P @ solution.x - 1 + solution.y).max() <= 1e-4


def test_the_solution_is_of_the_library_of_the_objective(xp_backend, xp, dtype):
    P, q, A, low, high = random_qp(5, rank=12)
    given = [xp.asarray(each, dtype=dtype) for each in (P, q, A, low, high)]
    solution = QP(*given).solve(tol=1e-6)
    expected = QP(P, q, A, low, high).solve()
    for name in ("x", "y", "s"):
        found = getattr(solution, name)
        assert found.dtype == dtype
        assert np.allclose(np.asarray(found), getattr(expected, name), atol=1e-3)


def test_integers_are_numbers():
    solution = LP(np.array([1, 2]), np.array([[1, 1]]), 1, 1, bounds=(0, 1)).solve()
    assert np.allclose(solution.x, [1.0, 0.0], atol=1e-7)


def test_what_rounding_takes_from_a_positive_semidefinite_matrix_is_forgiven():
    B = np.random.default_rng(0).standard_normal((40, 60))
    P = B.T @ B  # whose eigenvalues of 0 are some ± 1e-14
    for dtype in (np.float64, np.float32):
        problem = QP(P.astype(dtype), np.ones(60, dtype), np.eye(60, dtype=dtype), -1.0, 1.0)
        assert problem.solve().converged


GOOD = {
    "P": np.eye(2),
    "q": np.ones(2),
    "A": np.ones((3, 2)),
    "l": np.zeros(3),
    "u": np.ones(3),
}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"P": np.eye(3)}, ValueError, r"P has shape \(3, 3\): give one of shape \(2, 2\)"),
        ({"P": np.diag([1.0, -2.0])}, ValueError, r"P has the eigenvalue -2"),
        ({"P": np.array([[1.0, 3.0], [3.0, 1.0]])}, ValueError, r"P has the eigenvalue -2"),
        ({"P": np.array([[1.0, 1.0], [0.0, 1.0]])}, ValueError, r"P is not symmetric.*triu"),
        ({"P": np.eye(2) * np.nan}, ValueError, r"P has entries that are NaN"),
        ({"P": np.eye(2) * 1j}, TypeError, r"P has dtype complex128"),
        ({"q": np.array([1.0, np.nan])}, ValueError, r"q has NaN at 1"),
        ({"q": np.array([1.0, INF])}, ValueError, r"q is infinite at 1"),
        ({"q": "two"}, TypeError, r"q = 'two': give an array"),
        ({"A": np.ones((3, 4))}, ValueError, r"A has shape \(3, 4\): give one of shape \(m, 2\)"),
        ({"A": [[1.0, 2.0]]}, TypeError, r"A = .*give a matrix"),
        ({"l": np.zeros(4)}, ValueError, r"l has shape \(4,\): give one of shape \(3,\)"),
        ({"l": np.array([0.0, 2.0, 0.0])}, ValueError, r"l = 2 exceeds u = 1 at 1"),
        ({"l": np.array([0.0, INF, 0.0])}, ValueError, r"l is inf at 1"),
        ({"u": np.array([1.0, 1.0, -INF])}, ValueError, r"u is -inf at 2"),
        ({"A": None}, TypeError, r"A is missing"),
        ({"l": None, "u": None}, TypeError, r"l and u are missing"),
        ({"bounds": 1.0}, TypeError, r"bounds = 1.0: give the pair"),
        ({"bounds": (1.0, 0.0)}, ValueError, r"bounds\[0\] = 1 exceeds bounds\[1\] = 0 at 0"),
    ],
)
def test_wrong_arguments_are_refused_by_name(changed, error, message):
    with pytest.raises(error, match=message):
        QP(**{**GOOD, **changed})


@pytest.mark.parametrize("n", [10, 400])
def test_a_negative_eigenvalue_of_a_sparse_matrix_is_named(n):
    # λ = 2 + 2cos(πk/(n + 1)) > 0, less 0.5
    P = sp.diags_array([np.full(n, 1.5), np.ones(n - 1), np.ones(n - 1)], offsets=[0, 1, -1])
    least = 1.5 + 2 * np.cos(np.pi * n / (n + 1))
    with pytest.raises(ValueError, match=f"P has the eigenvalue {least:.3g}"):
        QP(P.tocsr(), np.zeros(n))


def test_the_rounding_of_a_lower_precision_is_no_direction_of_descent():
    B = np.random.default_rng(0).standard_normal((30, 5))
    P = (B @ B.T).astype(np.float32)  # of rank 5, with eigenvalues of about -1e-6
    found = QP(P, P @ np.ones(30, np.float32)).solve()
    np.testing.assert_allclose(P @ (found.x + 1), 0.0, atol=1e-4)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"P": np.diag([1.0, -1.0])}, r"P has the eigenvalue -1"),
        ({"A": np.ones((2, 2))}, r"A has shape \(2, 2\)"),
        ({"l": np.full(3, 2.0)}, r"l = 2 exceeds u = 1 at 0"),
        ({"q": np.ones(3)}, r"q has shape \(3,\)"),
    ],
)
def test_a_refused_update_changes_nothing(update, message):
    problem = QP(**GOOD)
    before = problem.solve()
    with pytest.raises(ValueError, match=message):
        problem.update(**update)
    assert np.allclose(problem.solve().x, before.x)


@pytest.mark.parametrize(
    ("problem", "update", "message"),
    [
        (lambda: QP(**GOOD), {"b": 1.0}, r"b = 1.0: QP.update takes P, q, A, l, u and bounds"),
        (lambda: LP(np.ones(2)), {"q": 1.0}, r"q = 1.0: LP.update takes c, A, l, u and bounds"),
        (
            lambda: ConicProgram(None, np.ones(1), -np.eye(1), np.zeros(1), [("nonnegative", 1)]),
            {"cones": []},
            r"cones = \[\]: ConicProgram.update takes P, c, A and b",
        ),
    ],
)
def test_an_update_of_what_a_program_has_not_says_what_it_has(problem, update, message):
    with pytest.raises(TypeError, match=message):
        problem().update(**update)


def test_an_update_that_changes_the_pattern_is_refused():
    A = sp.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]]))
    problem = QP(np.eye(2), np.ones(2), A, 0.0, 1.0)
    with pytest.raises(ValueError, match="A has other places of nonzero entries"):
        problem.update(A=sp.csr_array(np.ones((2, 2))))
    with pytest.raises(ValueError, match="A has 3 values: give the 2 of its data"):
        problem.update(A=np.ones(3))
    with pytest.raises(TypeError, match="A was sparse and is now an array"):
        problem.update(A=np.eye(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x0": np.ones(3)}, r"x0 has shape \(3,\)"),
        ({"x0": (np.ones(2), np.ones(2))}, r"y of x0 has shape \(2,\)"),
        ({"x0": np.array([0.0, np.nan])}, r"x0 has entries that are NaN"),
        ({"tol": 0.0}, r"tol = 0.0"),
        ({"max_iter": 0}, r"max_iter = 0"),
        ({"on_failure": "ignore"}, r"on_failure = 'ignore'"),
        ({"time_limit": 0.0}, r"time_limit = 0.0"),
    ],
)
def test_wrong_options_of_a_solve_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        QP(**GOOD).solve(**options)


def test_a_limit_that_was_hit_is_never_success():
    P, q, A, low, high = random_qp(0)
    problem = QP(P, q, A, low, high)
    with pytest.raises(sk.NotConvergedError, match="not solved within max_iter = 1"):
        problem.solve(max_iter=1)
    solution = problem.solve(max_iter=1, on_failure="return")
    assert not solution.converged
    assert solution.status == "iteration_limit"
    assert len(solution.history.objective) == len(solution.history.iteration)


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("unit", [1.0, 1e8])
@pytest.mark.parametrize("limit", [None, 1e4, 1e20])
def test_a_far_start_is_no_scale_for_what_is_left(far, unit, limit):
    """With a row that never binds, and the objective in other units."""
    for seed in draws(1, 3):
        rng = np.random.default_rng(seed)
        B, A = rng.normal(size=(10, 10)), rng.normal(size=(5, 10))
        u, q = A @ rng.random(10), rng.normal(size=10)
        expected = QP(B @ B.T, q, A, u - 1, u, bounds=(0.0, 1.0)).solve().x
        rows, low, high = A, u - 1, u
        if limit is not None:
            rows, low, high = np.vstack((A, np.ones(10))), np.r_[low, -limit], np.r_[high, limit]
        problem = QP(unit * B @ B.T, unit * q, rows, low, high, bounds=(0.0, 1.0))
        found = problem.solve(np.full(10, far), on_failure="return")
        assert found.status in ("converged", "precision")
        if found.converged:
            np.testing.assert_allclose(found.x, expected, atol=1e-5)


@pytest.mark.parametrize("far", [1e3, 1e9])
@pytest.mark.parametrize("limit", [1e4, 1e20])
@pytest.mark.parametrize("of_x", [False, True])
def test_a_far_pair_after_a_solve_is_no_scale_for_what_is_left(far, limit, of_x):
    """Nor is what cancelled before the objective fell by a factor of a million."""
    for seed in draws(1, 3):
        rng = np.random.default_rng(seed)
        B, A = rng.normal(size=(10, 10)), rng.normal(size=(5, 10))
        u, q = A @ rng.random(10), rng.normal(size=10)
        P, rows = B @ B.T, np.vstack((A, np.ones(10)))
        low, high = np.r_[u - 1, -limit], np.r_[u, limit]
        expected = QP(P, q, A, u - 1, u, bounds=(0.0, 1.0)).solve().x
        problem = QP(P, q, rows, low, high, bounds=(0.0, 1.0))
        problem.solve(on_failure="return")
        for unit in (1.0, 1e-6):
            problem.update(P=unit * P, q=unit * q)
            start = np.full(10, far if of_x else 0.0), np.full(6, far)
            found = problem.solve(start, on_failure="return")
            assert found.status in ("converged", "precision")
            if found.converged:
                np.testing.assert_allclose(found.x, expected, atol=1e-5)


def test_a_callback_sees_every_proximal_step_and_may_stop_it():
    P, q, A, low, high = random_qp(0)
    problem, seen = QP(P, q, A, low, high), []
    whole = problem.solve(callback=seen.append)
    history = whole.history
    assert [state.iteration for state in seen] == history.iteration[1:]
    assert [state.objective for state in seen] == history.objective[1:]
    last = seen[-1]
    assert last.objective == pytest.approx(last.x @ P @ last.x / 2 + q @ last.x, rel=1e-12)
    assert last.duality_gap == history.duality_gap[-1]
    assert np.abs(P @ last.x + q + A.T @ last.y).max() <= 1e-6
    stopped = problem.solve(callback=lambda state: state.iteration >= 2)
    assert stopped.status == "stopped"
    assert stopped.history.iteration == history.iteration[: len(stopped.history.iteration)]
    assert stopped.objective in stopped.history.objective


def test_a_time_limit_ends_it_without_success():
    problem = QP(*random_qp(0))
    with pytest.raises(sk.NotConvergedError, match="not solved in the time allowed") as caught:
        problem.solve(time_limit=1e-9)
    assert caught.value.solution.status == "time_limit"
    assert problem.solve(time_limit=1e6).converged


def test_an_interruption_keeps_the_best_point():
    problem = QP(*random_qp(0))
    expected = problem.solve().x

    def interrupt(state):
        if state.iteration > 3:
            raise KeyboardInterrupt

    found = problem.solve(callback=interrupt)
    assert found.status == "interrupted"
    assert np.allclose(problem.solve(found).x, expected, atol=1e-6)


def test_a_progress_bar_shows_objective_and_gap(monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    shown = []
    monkeypatch.setattr(tqdm.tqdm, "set_postfix_str", lambda bar, text, **_: shown.append(text))
    solution = QP(*random_qp(0)).solve(progress=True)
    assert len(shown) == len(solution.history.objective) - 1
    assert f"objective {solution.objective:.3g}, gap {solution.duality_gap:.3g}" in shown[-1]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_constraints_alone_are_met_to_the_tolerance(scale):
    """Where nothing is minimized, no slope tells when a step is exact enough."""
    rng = np.random.default_rng(8)
    equations = rng.normal(size=(2, 4))
    b = scale * equations @ rng.uniform(1, 2, 4)
    for program in (
        LP(np.zeros(4), equations, b, b, bounds=(0.0, np.inf)),
        QP(np.diag([0.0, 0, 0, 0]), np.zeros(4), np.eye(4), scale, scale),
        QP(np.diag([0.0, 0, 1, 1]), np.zeros(4), np.eye(2, 4), scale, scale),
    ):
        found = program.solve()
        assert found.status == "converged"
        assert found.iterations <= 30
        assert abs(found.objective) <= 1e-7 * scale**2


def test_a_row_without_variables_that_is_not_met_is_proved_infeasible():
    A, sides = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([1.0, 1.0])
    problem = QP(np.eye(2), np.array([1.0, -1.0]), A, sides, sides)
    for start in (None, np.array([3.0, 4.0])):
        solution = problem.solve(start, on_failure="return")
        assert solution.status == "infeasible"
        assert np.allclose(solution.certificate.y, [-1.0, 0.0])
    problem.update(l=np.array([1e-17, 1.0]), u=np.array([1e-17, 1.0]))  # but for rounding
    for start in (None, np.array([3.0, 4.0])):
        assert np.allclose(problem.solve(start).x, [-0.5, 1.5])


def test_a_slope_that_no_row_limits_is_proved_unbounded():
    solution = LP(np.array([1.0, 1.0]), np.array([[1.0, 0.0]]), 0.0, 1.0).solve(on_failure="return")
    assert solution.status == "unbounded"
    assert np.allclose(solution.certificate.x, [0.0, -1.0])


@pytest.mark.parametrize("seed", [1, 56, 95])
def test_an_equation_that_contradicts_others_is_proved_to_beside_an_objective(seed):
    # no step of the multipliers settles on the proof; the x that misses the rows least has it
    rng = np.random.default_rng(seed)
    A = np.where(rng.random((8, 12)) < 0.4, rng.integers(-5, 6, (8, 12)), 0).astype(float)
    b = A @ rng.uniform(0, 5, 12)
    A = np.vstack([A, rng.normal(size=8) @ A])
    combination = np.linalg.lstsq(A[:8].T, A[8], rcond=None)[0] @ b
    off = rng.choice([1e-1, 1e-3, 1]) * abs(b).max()
    sides = np.append(b, combination + off)
    program = LP(rng.normal(size=12), A, sides, sides, bounds=(0.0, np.inf))
    found = program.solve(on_failure="return")
    assert found.status == "infeasible"
    v, bounds = found.certificate.y, found.certificate.bounds
    np.testing.assert_allclose(A.T @ v + bounds, 0, atol=1e-8 * abs(A).sum())
    assert sides @ v < 0
    assert (bounds <= 0).all()


def test_a_quadratic_program_under_equations_alone_is_one_linear_system():
    rng = np.random.default_rng(0)
    B, A, b = rng.normal(size=(30, 30)), rng.normal(size=(12, 30)), rng.normal(size=12)
    P, q = B @ B.T, rng.normal(size=30)
    problem = QP(P, q, A, b, b)
    solution = problem.solve()
    assert solution.factorizations == 1
    K = np.block([[P, A.T], [A, np.zeros((12, 12))]])
    expected = np.linalg.solve(K, np.concatenate((-q, b)))
    assert np.allclose(np.concatenate((solution.x, solution.y)), expected, rtol=1e-8, atol=1e-8)
    problem.update(q=2 * q)
    again = problem.solve(solution)
    problem.update(q=q)
    assert problem.solve(again).factorizations == 0
