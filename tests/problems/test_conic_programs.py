"""Conic programs: optimality conditions, an independent solver, certificates, and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st

import splitkit as sk
from splitkit.functions import ExponentialCone, PowerCone
from splitkit.problems import ConicProgram
from splitkit.problems.programs.cones import Threes, onto_box_cone
from tests.sampling import draws

INF = np.inf


def symmetric(rows):
    """The rows of a symmetric matrix in the program's order."""
    X = np.asarray(rows)
    columns, lines = np.triu_indices(len(X))
    return X[lines, columns] * np.where(lines == columns, 1.0, 2**0.5)


CONES = {  # of each the cones, and a point inside
    "zero": ([("zero", 2)], np.zeros(2)),
    "nonnegative": ([("nonnegative", 3)], np.array([0.5, 1.0, 2.0])),
    "second-order": ([("second-order", 4)], np.array([2.0, 0.5, -0.5, 0.3])),
    "psd": ([("psd", 3)], symmetric([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.5]])),
    "exponential": ([("exponential", 2)], np.array([0.0, 1.0, 2.0, -1.0, 1.0, 1.0])),
    "dual exponential": ([("dual exponential", 1)], np.array([-1.0, 1.0, 1.0])),
    "power": ([("power", [0.3, 0.6])], np.array([1.0, 1.0, 0.5, 2.0, 1.0, -0.4])),
    "dual power": ([("dual power", 0.4)], np.array([1.0, 1.0, 0.5])),
    "box": ([("box", [-1.0, -INF, 0.0], [1.0, 2.0, INF])], np.array([1.0, 0.5, 0.0, 1.0])),
}
CONES["all of them"] = (
    [cone for cones, _ in CONES.values() for cone in cones],
    np.concatenate([point for _, point in CONES.values()]),
)


def random_program(kind, seed, n=5, curved=True):
    """min ½⟨x, Px⟩ + ⟨c, x⟩, b − Ax in the cones; some x is inside."""
    rng = np.random.default_rng(seed)
    cones, inside = CONES[kind]
    A = rng.standard_normal((inside.size, n))
    x = rng.standard_normal(n)
    B = rng.standard_normal((n, n))
    P = B @ B.T + 0.1 * np.eye(n) if curved else None
    return P, rng.standard_normal(n), A, A @ x + inside, cones


def onto(cone, s):
    """The projection onto one cone, from its definition or the library's tested ones."""
    kind, what = cone[0], cone[1]
    match kind:
        case "zero":
            return 0 * s
        case "nonnegative":
            return np.maximum(s, 0)
        case "second-order":
            return sk.functions.SecondOrderCone().project(s)
        case "psd":
            X = np.zeros((what, what))
            columns, rows = np.triu_indices(what)
            scale = np.where(rows == columns, 1.0, 2**0.5)
            X[rows, columns] = X[columns, rows] = s / scale
            values, vectors = np.linalg.eigh(X)
            return symmetric(vectors @ np.diag(np.maximum(values, 0)) @ vectors.T)
        case "exponential":
            return ExponentialCone().project(s.reshape(-1, 3)).ravel()
        case "dual exponential":
            return s + ExponentialCone().project(-s.reshape(-1, 3)).ravel()
        case "power" | "dual power":
            shares = np.atleast_1d(what)
            threes = s.reshape(-1, 3)
            each = list(zip(shares, threes, strict=True))
            if kind == "power":
                return np.concatenate([PowerCone(float(a)).project(v) for a, v in each])
            return np.concatenate([v + PowerCone(float(a)).project(-v) for a, v in each])
        case "box":
            return onto_box_cone(s, np.asarray(cone[1]), np.asarray(cone[2]))


def length(cone):
    kind, what = cone[0], cone[1]
    match kind:
        case "psd":
            return what * (what + 1) // 2
        case "box":
            return 1 + len(what)
        case "exponential" | "dual exponential":
            return 3 * what
        case "power" | "dual power":
            return 3 * np.size(what)
    return what


@pytest.mark.parametrize("kind", CONES)
@pytest.mark.parametrize("seed", draws(2, 3))
def test_a_conic_program_meets_its_optimality_conditions(kind, seed):
    P, c, A, b, cones = random_program(kind, seed)
    problem = ConicProgram(P, c, A, b, cones)
    solution = problem.solve()
    x, y, s = solution.x, solution.y, solution.s
    size = 1 + np.abs(A @ x).max() + np.abs(b).max()
    assert np.abs(A @ x + s - b).max() <= 1e-6 * size
    assert np.abs(P @ x + c + A.T @ y).max() <= 1e-6 * (1 + np.abs(A.T @ y).max())
    start = 0
    for cone in cones:  # s = P(s − y): s in the cone, y in its dual, and ⟨s, y⟩ = 0
        rows = slice(start, start := start + length(cone))
        assert np.abs(s[rows] - onto(cone, s[rows] - y[rows])).max() <= 1e-5 * size
    assert solution.objective == pytest.approx(0.5 * x @ P @ x + c @ x, rel=1e-9)
    assert solution.dual_objective == pytest.approx(solution.objective, rel=1e-6, abs=1e-6 * size)
    assert bool(problem.is_solution((x, y), 1e-5))


def for_clarabel(clarabel, cone):
    kind, what = cone[0], cone[1]
    match kind:
        case "zero":
            return [clarabel.ZeroConeT(what)]
        case "nonnegative":
            return [clarabel.NonnegativeConeT(what)]
        case "second-order":
            return [clarabel.SecondOrderConeT(what)]
        case "psd":
            return [clarabel.PSDTriangleConeT(what)]
        case "exponential":
            return [clarabel.ExponentialConeT()] * what
        case "power":
            return [clarabel.PowerConeT(a) for a in what]


@pytest.mark.parametrize(
    "kind", ["zero", "nonnegative", "second-order", "psd", "exponential", "power"]
)
def test_clarabel_finds_the_same(kind):
    clarabel = pytest.importorskip("clarabel")
    P, c, A, b, cones = random_program(kind, 7)
    if kind == "psd":  # of order 3 its triangle is ours with two rows exchanged
        order = [0, 1, 3, 2, 4, 5]
        their_A, their_b = A[order], b[order]
    else:
        their_A, their_b = A, b
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    theirs = clarabel.DefaultSolver(
        sp.csc_matrix(np.triu(P)), c, sp.csc_matrix(their_A), their_b,
        [each for cone in cones for each in for_clarabel(clarabel, cone)], settings,
    ).solve()  # fmt: skip
    ours = ConicProgram(P, c, sp.csc_array(A), b, cones).solve()
    assert ours.objective == pytest.approx(theirs.obj_val, rel=1e-6, abs=1e-6)
    assert np.allclose(ours.x, theirs.x, atol=1e-5)


def test_the_least_eigenvalue_as_a_semidefinite_program():
    C = np.array([[2.0, 1.0, 0.0], [1.0, 0.0, -1.0], [0.0, -1.0, 1.0]])
    # min ⟨C, X⟩, tr X = 1, X ⪰ 0
    A = np.vstack((symmetric(np.eye(3)), -np.eye(6)))
    problem = ConicProgram(None, symmetric(C), A, np.eye(7)[0], [("zero", 1), ("psd", 3)])
    solution = problem.solve()
    assert solution.objective == pytest.approx(np.linalg.eigvalsh(C)[0], abs=1e-7)
    assert -solution.y[0] == pytest.approx(np.linalg.eigvalsh(C)[0], abs=1e-6)


def test_thousands_of_exponential_cones_are_as_many_rows():
    n = 2_000  # max Σ xᵢ log(1/xᵢ), Σxᵢ = 1: all equal
    one = sp.csr_array(np.ones((1, n)))
    eye = sp.eye_array(n, format="coo")
    rows = np.arange(n)
    t = sp.csr_array((-eye.data, (3 * rows, rows)), shape=(3 * n, n))
    x = sp.csr_array((-eye.data, (3 * rows + 1, rows)), shape=(3 * n, n))
    A = sp.block_array([[one, None], [x, t]]).tocsc()
    b = np.concatenate(([1.0], np.tile([0.0, 0.0, 1.0], n)))
    c = np.concatenate((np.zeros(n), -np.ones(n)))
    solution = ConicProgram(None, c, A, b, [("zero", 1), ("exponential", n)]).solve()
    assert -solution.objective == pytest.approx(np.log(n), rel=1e-6)
    assert np.allclose(solution.x[:n], 1 / n, rtol=1e-4)


@pytest.mark.parametrize("kind", ["second-order", "psd", "exponential", "power", "box"])
def test_an_infeasible_program_is_proved_to_be_one(kind):
    cones, _ = CONES[kind]
    m = sum(map(length, cones))
    # s must be in K, and its first entry that cannot be negative there must be −1
    first = {"exponential": 1}.get(kind, 0)
    A = np.vstack((-np.eye(m), np.eye(m)[first]))
    b = np.concatenate((np.zeros(m), [-1.0]))
    problem = ConicProgram(np.eye(m), np.zeros(m), A, b, [*cones, ("zero", 1)])
    solution = problem.solve(on_failure="return")
    assert solution.status == "infeasible"
    y = solution.certificate.y
    # y in K*, Aᵀy = 0 and ⟨b, y⟩ < 0
    assert np.abs(A.T @ y).max() <= 1e-7
    assert b @ y == pytest.approx(-solution.certificate.gap)
    assert b @ y < 0
    start = 0
    for cone in cones:
        rows = slice(start, start := start + length(cone))
        assert np.abs(onto(cone, -y[rows])).max() <= 1e-7


def test_an_unbounded_program_is_proved_to_be_one():
    problem = ConicProgram(None, np.array([-1.0, 0.0]), -np.eye(2), 0.0, [("second-order", 2)])
    solution = problem.solve(on_failure="return")
    d = solution.certificate.x
    assert solution.status == "unbounded"
    assert d[0] > 0
    assert abs(d[1]) <= d[0] * (1 + 1e-7)


@pytest.mark.parametrize("unit", [1.0, 1e6, 1e-6])
@pytest.mark.parametrize("order", [12, 60])
def test_semidefinite_programs_without_a_solution_are_proved_to_be_ones(order, unit):
    """⟨C, X⟩ with an indefinite C and few equations falls for ever; a trace below 0 is none's.
    By interior points: a factorization of all of X for each step would take minutes.
    """
    rng = np.random.default_rng(order)
    rows = order * (order + 1) // 2
    A, b = rng.normal(size=(order // 2, rows)), unit * rng.normal(size=order // 2)
    trace = symmetric(np.eye(order))
    psd, cones = -sp.eye_array(rows), [("zero", order // 2), ("psd", order)]
    falling = ConicProgram(
        None,
        rng.normal(size=rows),
        sp.vstack((sp.csr_array(A), psd)),
        np.append(b, np.zeros(rows)),
        cones,
    )
    solution = falling.solve(max_iter=40, on_failure="return")
    assert solution.status == "unbounded"
    d = solution.certificate.x
    assert falling.c @ d < 0
    assert np.abs(A @ d).max() <= 1e-7 * (np.abs(A) @ np.abs(d)).max()
    assert np.abs(onto(("psd", order), d) - d).max() <= 1e-7 * np.abs(d).max()
    A[0], b[0] = trace, -unit
    empty = ConicProgram(
        None, falling.c, sp.vstack((sp.csr_array(A), psd)), np.append(b, np.zeros(rows)), cones
    )
    solution = empty.solve(max_iter=40, on_failure="return")
    assert solution.status == "infeasible"
    y = solution.certificate.y
    assert empty.b @ y < 0
    assert np.abs(empty.A.T @ y).max() <= 1e-7 * np.abs(y).max()
    assert np.abs(onto(("psd", order), -y[order // 2 :])).max() <= 1e-7 * np.abs(y).max()


def test_a_minimum_that_no_point_attains_is_not_taken_for_none():
    """Of a graph's partition: min Σ xᵢ, L + x₀eeᵀ + diag(x) positive semidefinite. x₀ grows for
    ever, and along e₀, which leaves the objective as it is, rounding of the others makes it fall.
    """
    n, rng = 12, np.random.default_rng(1)
    W = np.triu(rng.random((n, n)) < 0.3, 1).astype(float)
    L = np.diag((W + W.T).sum(axis=0)) - W - W.T
    each = [symmetric(np.ones((n, n))), *map(symmetric, map(np.diag, np.eye(n)))]
    c = np.append(0.0, np.ones(n))
    problem = ConicProgram(None, c, -np.stack(each, axis=1), symmetric(L), [("psd", n)])
    solution = problem.solve(max_iter=250, on_failure="return")
    assert solution.status in ("converged", "precision", "iteration_limit")
    assert solution.certificate is None


def test_a_second_order_cone_of_one_row_is_the_half_line():
    c, A, b = np.array([1.0, 2.0]), -np.eye(2), np.array([1.0, 0.5])
    small = ConicProgram(None, c, A, b, [("second-order", 1)] * 2).solve()
    assert np.allclose(small.x, -b)
    assert np.allclose(small.y, c)


def without_points(seed):
    """Kinds of three entries, and equations that some y with b·y < 0 in the dual cones refutes."""
    rng = np.random.default_rng(seed)
    cones = [("zero", 2), ("exponential", 2), ("power", [0.3, 0.7]), ("second-order", 3)]
    y = np.concatenate((rng.normal(size=2), [-1.0, 0, 2, -1, 0, 2, 0.6, 1.4, 0.1, 1.4, 0.6, 0, 2]))
    y = np.concatenate((y, rng.uniform(-1, 1, 2)))
    A = rng.normal(size=(y.size, 6))
    A -= np.outer(y, y @ A) / (y @ y)
    b = rng.normal(size=y.size)
    return A, b - (1 + b @ y) * y / (y @ y), cones


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_cones_of_three_entries_without_a_common_point_are_refuted(seed, slope):
    A, b, cones = without_points(seed)
    c = slope * np.random.default_rng(seed).normal(size=6)
    solution = ConicProgram(None, c, A, b, cones).solve(max_iter=60, on_failure="return")
    y = solution.certificate.y
    assert solution.status == "infeasible"
    assert np.abs(A.T @ y).max() <= 1e-7
    assert b @ y < 0
    start = 0
    for cone in cones:
        rows = slice(start, start := start + length(cone))
        assert np.abs(onto(cone, -y[rows])).max() <= 1e-7


@pytest.mark.parametrize("kind", CONES)
def test_a_warm_start_needs_fewer_steps_and_an_update_changes_the_answer_alike(kind):
    P, c, A, b, cones = random_program(kind, 3)
    problem = ConicProgram(P, c, A, b, cones)
    cold = problem.solve()
    problem.update(c=1.01 * c)
    warm = problem.solve(cold)
    fresh = ConicProgram(P, 1.01 * c, A, b, cones).solve()
    assert np.allclose(warm.x, fresh.x, atol=1e-5)
    # of equations alone a fresh start is one linear system
    assert warm.iterations <= max(fresh.iterations, 2)


def test_solve_of_the_library_finds_the_same_point():
    P, c, A, b, cones = random_program("second-order", 1)
    problem = ConicProgram(P, c, A, b, cones)
    x, _ = sk.solve(problem, (np.zeros(5), np.zeros(4)), tol=1e-9).x
    assert np.allclose(x, problem.solve().x, atol=1e-5)


@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4), st.integers(0, 10_000))
def test_the_projection_onto_the_cone_of_a_box_meets_moreaus_conditions(v, seed):
    rng = np.random.default_rng(seed)
    lower = np.where(rng.random(3) < 0.3, -INF, rng.uniform(-2, 0.5, 3))
    upper = np.where(rng.random(3) < 0.3, INF, np.maximum(lower, -1) + rng.random(3))
    v = np.asarray(v)
    s = onto_box_cone(v, lower, upper)
    assert s[0] >= 0
    finite_low, finite_high = np.isfinite(lower), np.isfinite(upper)
    assert np.all(s[1:][finite_low] >= s[0] * lower[finite_low] - 1e-12)
    assert np.all(s[1:][finite_high] <= s[0] * upper[finite_high] + 1e-12)
    assert abs(s @ (v - s)) <= 1e-10 * (1 + v @ v)
    for _ in range(20):  # ⟨v − s, k⟩ ≤ 0 for k in the cone
        u = np.clip(rng.standard_normal(3), lower, upper)
        assert (v - s) @ np.concatenate(([1.0], u)) <= 1e-10 * (1 + abs(v).max())


@pytest.mark.parametrize(
    ("cones", "message"),
    [
        ([("zero", 3)], r"cones have 3 rows, but A has 4"),
        ([("ball", 4)], r"cones\[0\] = \('ball', 4\): its kind is none of zero"),
        ([4], r"cones\[0\] = 4: its kind is none of"),
        ([("zero", 1, 2), ("zero", 1)], r"give \(\"zero\", …\) with the number of rows"),
        ([("zero", 4), ("second-order", 0)], r"the size of cones\[1\] = 0: give an integer ≥ 1"),
        ([("zero", 1), ("power", 1.5)], r"a of cones\[1\] = 1.5: give a number in \(0, 1\)"),
        ([("box", [1.0, 0.0, 0.0], [0.0, 1.0, 1.0])], r"lower of cones\[0\] = 1 exceeds upper"),
        ([("box", [0.0], [1.0, 1.0, 1.0])], r"bounds of shapes \(1,\) and \(3,\)"),
    ],
)
def test_wrong_cones_are_refused_by_name(cones, message):
    with pytest.raises(ValueError, match=message):
        ConicProgram(None, np.ones(2), np.ones((4, 2)), np.ones(4), cones)


@pytest.mark.parametrize(
    ("cones", "message"),
    [
        (None, r"cones = None: give a list of tuples"),
        (4, r"cones = 4: give a list of tuples"),
        ({"zero": 4}, r"cones = .*: give a list of tuples"),
        ([("zero", 1), ("power", "a")], r"a of cones\[1\] = 'a': give a number"),
        ([("box", "low", [1.0])], r"a bound of cones\[0\] = 'low': give a number"),
    ],
)
def test_what_are_no_cones_at_all_is_refused_by_name(cones, message):
    with pytest.raises(TypeError, match=message):
        ConicProgram(None, np.ones(2), np.ones((4, 2)), np.ones(4), cones)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"P": -np.eye(2)}, "P has the eigenvalue -1"),
        ({"c": np.array([1.0, np.nan])}, "c has NaN at 1"),
        ({"A": np.ones((3, 3))}, r"A has shape \(3, 3\)"),
        ({"b": np.array([1.0, INF, 0.0])}, "b is infinite at 1"),
        ({"b": np.ones(4)}, r"b has shape \(4,\)"),
    ],
)
def test_wrong_arguments_are_refused_by_name(changed, message):
    good = {"P": np.eye(2), "c": np.ones(2), "A": np.ones((3, 2)), "b": np.ones(3)}
    with pytest.raises(ValueError, match=message):
        ConicProgram(**{**good, **changed}, cones=[("nonnegative", 3)])


@pytest.mark.parametrize("kind", ["exponential", "dual exponential", "power", "dual power"])
def test_the_derivative_of_a_projection_is_that_of_differences(kind):
    rng = np.random.default_rng(0)
    v, shares = rng.normal(size=(400, 3)), rng.uniform(0.1, 0.9, 400)
    cones = Threes(np.arange(1200).reshape(400, 3), kind, shares if "power" in kind else None)
    step, ends = 1e-6, []
    for e in np.eye(3):
        ends.append((cones.project(v + step * e) - cones.project(v - step * e)) / (2 * step))
    expected = np.eye(3) - np.stack(ends, axis=2)
    found = np.zeros((400, 3, 3))
    for k, Q in cones.derivative(v):
        found[k] = Q @ Q.T
    off = np.abs(found - expected).max(axis=(1, 2))
    assert np.mean(off <= 1e-4) >= 0.99  # differences across an edge are none


@pytest.mark.parametrize(("gap", "is_near"), [(1e-5, True), (0.05, False)])
def test_rounding_ends_a_solve_with_a_warning_only_near_a_solution(gap, is_near, monkeypatch):
    program = ConicProgram(
        None, np.array([1.0]), np.array([[-1.0]]), np.array([-1.0]), [("nonnegative", 1)]
    )
    ended = replace(program.solve(), status=sk.Status.PRECISION, converged=False, duality_gap=gap)
    monkeypatch.setattr(program, "_solution", lambda *_: ended)
    assert ended.is_near == is_near
    with pytest.warns(sk.NotConvergedWarning) if is_near else pytest.raises(sk.NotConvergedError):
        program.solve()


@pytest.mark.parametrize("total", [1e-8, 1e-4, 1e-2, 1.0, 1e2, 1e4])
def test_entropies_of_any_total_take_few_steps(total):
    """max −Σ xᵢ log xᵢ with Σ xᵢ = total: all alike, whatever their size beside the cones' 1."""
    n, eye = 4, sp.eye_array(4)
    rows, tops = sp.kron(eye, [[0.0], [-1.0], [0.0]]), sp.kron(eye, [[-1.0], [0.0], [0.0]])
    A = sp.block_array([[sp.csr_array(np.ones((1, n))), None], [rows, tops]])
    b = np.concatenate(([total], np.tile([0.0, 0.0, 1.0], n)))
    cones = [("zero", 1), ("exponential", n)]
    found = ConicProgram(None, np.r_[np.zeros(n), -np.ones(n)], A, b, cones).solve()
    assert found.x[:n] == pytest.approx(total / n, rel=1e-3, abs=1e-9)
    assert found.objective == pytest.approx(total * np.log(total / n), rel=1e-6, abs=1e-7)
    assert found.iterations <= 60
