"""Problems without a solution are told by a certificate that holds; others are never flagged.

The ordinary run of the latter takes the method that ``solve`` takes and two others in rotation; the
thorough profile takes all, and more iterations.
"""

import math
import pickle

import numpy as np
import pytest
from hypothesis import settings
from scipy.optimize import linprog

import splitkit as sk
from splitkit.backend import to_numpy
from splitkit.solvers.methods import METHODS
from tests.collection.problems import asarray
from tests.sampling import draws, every_other, pairwise

f = sk.functions
INF = math.inf
THOROUGH = settings().max_examples >= 1000
HOPELESS = ("infeasible", "unbounded")


def linear(c):
    return sk.Affine(0.0 * sk.linear.ScaledIdentity(), -c)


# -- by every method, in any units: x in s, the operators in t -------------------------------------


def two_boxes(s, t):
    return sk.NormalCone(f.Box(0.0, s)) + sk.NormalCone(f.Box(2 * s, 3 * s)), np.zeros(3), 3**0.5


def box_and_plane(s, t):
    normal = np.array([1.0, 2.0, 3.0])
    sets = sk.NormalCone(f.Box(0.0, s)) + sk.NormalCone(f.Hyperplane(normal, 7 * s))
    return sets, np.zeros(3), 1 / 14**0.5


def simplex_and_affine_set(s, t):
    A, b = np.array([[1.0, 2.0, 3.0]]), np.array([4.0])
    sets = sk.NormalCone(f.Simplex(s)) + sk.NormalCone(f.AffineSet(A, s * b))
    return sets, np.zeros(3), 1 / 14**0.5  # from the vertex (0, 0, 1)


def opposite_half_spaces(s, t):
    a = np.array([1.0, 2.0, 3.0])
    sets = sk.NormalCone(f.HalfSpace(a, -s)) + sk.NormalCone(f.HalfSpace(-a, -s))
    return sets, np.zeros(3), 2 / 14**0.5


def two_balls(s, t):
    center = np.array([2.0, 1.0, 1.0])
    sets = sk.NormalCone(f.L2Ball(s)) + sk.NormalCone(f.L2Ball(s, s * center))
    return sets, np.full(3, s), 6**0.5 - 2


def three_sets(s, t):
    sets = (f.L2Ball(s), f.Box(0.0, s), f.Hyperplane(np.ones(3), 2.5 * s))
    total = sum((sk.NormalCone(C) for C in sets[1:]), start=sk.NormalCone(sets[0]))
    return total, np.full(3, s), None


def polyhedron_and_ball(s, t):
    C = f.Polyhedron(np.array([[-1.0, -1.0, 0.0], [0.0, 1.0, 1.0]]), s * np.array([-3.0, 1.0]))
    return sk.NormalCone(C) + sk.NormalCone(f.L2Ball(s)), np.zeros(3), None


SETS = [
    two_boxes,
    box_and_plane,
    simplex_and_affine_set,
    opposite_half_spaces,
    two_balls,
    three_sets,
    polyhedron_and_ball,
]


def guaranteed(inclusion, x0):
    """The methods that a theorem lets run."""
    for kind in METHODS:
        method = kind()
        try:
            sk.plan(inclusion, x0, method)
        except sk.NoGuaranteeError:
            continue
        yield method


@pytest.mark.parametrize(
    ("problem", "s"),
    every_other(SETS, [1e-8, 1.0, 1e8]),
    ids=lambda p: getattr(p, "__name__", str(p)),
)
def test_sets_that_do_not_meet(problem, s):
    inclusion, x0, distance = problem(s, 1.0)
    for method in guaranteed(inclusion, x0):
        solution = sk.solve(inclusion, x0, method, on_failure="return")
        assert solution.status == "infeasible", f"{method!r}: {solution.message}"
        found = solution.certificate
        assert not np.any(found.direction)
        assert 0 < found.gap <= s * (distance or INF) * (1 + 1e-9)
        if distance:  # the separation of two sets is tight
            assert found.gap >= 0.9 * s * distance
        separated(found, inclusion, s)


def separated(found, inclusion, s):
    """Points of the sets never have Σ⟨xᵢ, vᵢ⟩ > −gap, and Σvᵢ = 0."""
    assert np.abs(sum(found.normals)).max() <= 1e-13 * max(map(np.linalg.norm, found.normals))
    if len(found.normals) < len(inclusion.terms):  # a method that joins sets has their vᵢ added up
        return
    rng, least = np.random.default_rng(0), -INF
    for size in (1.0, 10.0, 1e3):
        for y in size * s * rng.standard_normal((20, 3)):
            points = [
                A.resolvent(1.0)(y + size * s * v)
                for A, v in zip(inclusion.terms, found.normals, strict=True)
            ]
            least = max(least, sum(x @ v for x, v in zip(points, found.normals, strict=True)))
    assert least <= -found.gap * (1 - 1e-6)


@pytest.mark.parametrize("s", [1e-8, 1.0, 1e8])
def test_what_drifts_in_a_metric_is_found_too(s):
    """Elements drift by S⁻¹ of what those of SAS do; of LᵀBL the elements of B stay."""
    d = np.array([1.0, 100.0, 0.01])
    for make in (sk.DouglasRachford, sk.ChambollePock, sk.Anderson(sk.DouglasRachford())):
        inclusion, x0, distance = two_boxes(s, 1.0)
        method = sk.Preconditioned(make() if isinstance(make, type) else make, diagonal=d)
        if make is sk.ChambollePock:
            shifted = sk.NormalCone(f.Box(4 * s, 6 * s)).pullback(np.diag([2.0, 2.0, 2.0]))
            inclusion = inclusion.terms[0] + shifted
        solution = sk.solve(inclusion, x0, method, on_failure="return")
        assert solution.status == "infeasible", f"{method!r}: {solution.message}"
        found = solution.certificate
        assert 0 < found.gap <= s * distance * (1 + 1e-9)
        separated(found, sk.NormalCone(f.Box(0.0, s)) + sk.NormalCone(f.Box(2 * s, 3 * s)), s)


def semidefinite(s, t):
    """½x₁² + x₃² − ⟨c, x⟩ with a free fall along x₂."""
    M, c = np.diag([1.0, 0.0, 2.0]), np.array([1.0, 1.0, -3.0])
    box = f.Box(np.full(3, -2 * s), np.array([s, INF, s]))
    return sk.Affine(t * M, t * s * c) + sk.NormalCone(box), np.zeros(3), t * s


def norm_and_linear(s, t):
    slope = t * np.array([-0.5, -2.0, 0.0])
    return sk.Subdifferential(f.L1Norm(t)) + linear(slope), np.zeros(3), t


def hinges_and_linear(s, t):
    loss = f.Hinge(np.array([1.0, -1.0, 1.0]), t)
    return (
        sk.Subdifferential(loss) + linear(t * np.array([-2.0, 0.5, 0.5])),
        np.zeros(3),
        t * 4.5**0.5,
    )


FALLING = (semidefinite, norm_and_linear, hinges_and_linear)


@pytest.mark.parametrize(
    ("problem", "s", "t"),
    pairwise(FALLING, [1e-8, 1.0, 1e8], [1e-8, 1.0, 1e8]),
    ids=lambda p: getattr(p, "__name__", str(p)),
)
def test_objectives_that_fall_without_bound(problem, s, t):
    inclusion, x0, slope = problem(s, t)
    for method in guaranteed(inclusion, x0):
        solution = sk.solve(inclusion, x0, method, on_failure="return")
        assert solution.status == "unbounded", f"{method!r}: {solution.message}"
        found = solution.certificate
        np.testing.assert_allclose(np.linalg.norm(found.direction), 1.0, rtol=1e-12)
        assert 0 < found.gap <= slope * (1 + 1e-9)
        assert "no lower bound" in solution.message


# -- linear programs ------------------------------------------------------------------------------


def infeasible_program(rng, m=6, n=10):
    """Aᵀy ≤ 0 < ⟨b, y⟩ for some y, with three columns on its plane."""
    A, y = rng.standard_normal((m, n)), rng.standard_normal(m)
    A = -A * np.sign(A.T @ y)
    A[:, :3] -= np.outer(y, y @ A[:, :3]) / (y @ y)
    return A, y + 0.1 * rng.standard_normal(m), np.abs(rng.standard_normal(n))


def unbounded_program(rng, m=4, n=8):
    A, d = rng.standard_normal((m, n)), np.abs(rng.standard_normal(n))
    A -= np.outer(A @ d, d) / (d @ d)
    return A, A @ np.abs(rng.standard_normal(n)), rng.standard_normal(n) - d


@pytest.mark.parametrize("seed", range(12 if THOROUGH else 7))
@pytest.mark.parametrize(
    ("make", "status"), [(infeasible_program, "infeasible"), (unbounded_program, "unbounded")]
)
def test_linear_programs(make, status, seed):
    A, b, c = make(np.random.default_rng(seed))
    highs = linprog(c, A_eq=A, b_eq=b)
    assert highs.status == {"infeasible": 2, "unbounded": 3}[status]
    problem = sk.KKT(f.Quadratic(np.zeros((c.size, c.size)), c), A, b, C=f.NonNegative())
    start = (np.zeros(c.size), np.zeros(b.size))
    solution = sk.solve(problem, start, on_failure="return")
    assert solution.status == status, solution.message
    x, y = solution.certificate.direction
    if status == "infeasible":
        assert not np.any(x)
        assert np.max(-A.T @ y) <= 1e-12 * np.abs(A).max() * np.linalg.norm(y)
        np.testing.assert_allclose(-b @ y, solution.certificate.gap)
    else:
        assert not np.any(y)
        assert np.min(x) >= 0
        assert np.abs(A @ x).max() <= 1e-12 * np.abs(A).max()
        np.testing.assert_allclose(-c @ x, solution.certificate.gap)


FORMS = {
    "sum of three": lambda A, b: sk.NormalCone(f.NonNegative()) + sk.NormalCone(f.AffineSet(A, b)),
    "composition": lambda A, b: (
        sk.NormalCone(f.NonNegative()) + sk.NormalCone(f.Box(b, b)).pullback(A)
    ),
    "fit": lambda A, b: (
        sk.NormalCone(f.NonNegative()) + sk.Subdifferential(f.Huber().translate(b) @ A)
    ),
}


@pytest.mark.parametrize("seed", range(8 if THOROUGH else 2))
@pytest.mark.parametrize("form", FORMS)
def test_every_method_finds_a_direction_in_which_a_program_falls(form, seed):
    """d ≥ 0, Ad = 0, or losses that grow by ‖Ad‖₁, and ⟨c, d⟩ + ‖Ad‖₁ = −gap < 0, whatever drifts:
    also of ADMM, whose elements do not.
    """
    A, b, c = unbounded_program(np.random.default_rng(seed))
    inclusion = linear(c) + FORMS[form](A, b)
    for method in guaranteed(inclusion, np.zeros(c.size)):
        solution = sk.solve(inclusion, np.zeros(c.size), method, on_failure="return")
        assert solution.status == "unbounded", f"{method!r}: {solution.message}"
        d = solution.certificate.direction
        assert np.min(d) >= -1e-14
        rise = np.abs(A @ d).sum()
        assert form == "fit" or rise <= 1e-11 * np.abs(A).max()
        np.testing.assert_allclose(-c @ d - rise, solution.certificate.gap, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4) if THOROUGH else [1])
@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_every_method_finds_it_by_the_kkt_operator_in_any_units(unit, seed):
    """In units in which the multipliers are far larger than x, or far smaller."""
    A, b, c = unbounded_program(np.random.default_rng(seed))
    zero = f.Quadratic(np.zeros((c.size, c.size)), c)
    problem = sk.KKT(zero, A, unit * b, C=f.NonNegative())
    start = np.zeros(c.size), np.zeros(b.size)
    for method in guaranteed(problem, start):
        solution = sk.solve(problem, start, method, max_iter=3000, on_failure="return")
        assert solution.status == "unbounded", f"{method!r}: {solution.message}"
        x, y = solution.certificate.direction
        assert not np.any(y)
        assert np.min(x) >= 0
        assert np.abs(A @ x).max() <= 1e-12 * np.abs(A).max()


@pytest.mark.parametrize("seed", draws(16, 400))
def test_random_degenerate_programs_with_rows_and_columns_in_units_of_their_own(seed):
    """Small integers, so that rows depend and vertices coincide; flagged only if HiGHS says so."""
    rng = np.random.default_rng(seed)
    m, n = rng.integers(1, 6), rng.integers(2, 9)
    A = rng.integers(-2, 3, (m, n)).astype(float)
    x = np.maximum(rng.integers(-2, 3, n), 0).astype(float)
    b = A @ x if seed % 3 else rng.integers(-3, 4, m).astype(float)
    c = rng.integers(-2, 4, n).astype(float)
    if seed % 2:
        c = A.T @ rng.integers(-2, 3, m) + np.maximum(c, 0.0)
    rows, columns = 10.0 ** rng.integers(-4, 5, m), 10.0 ** rng.integers(-4, 5, n)
    in_units = rows[:, None] * A * columns
    zero = f.Quadratic(np.zeros((n, n)), c * columns)
    method = (None, sk.DavisYin(), sk.Tseng(), sk.ProjectiveSplitting())[seed % 4]
    problem = sk.KKT(zero, in_units, rows * b, C=f.NonNegative())
    start = np.zeros(n), np.zeros(m)
    solution = sk.solve(problem, start, method, max_iter=1000, on_failure="return")
    feasible, solvable = (linprog(cost, A_eq=A, b_eq=b).status == 0 for cost in (0 * c, c))
    if solution.status == "infeasible":
        assert not feasible
    if solution.certificate is not None:
        assert not solvable


@pytest.mark.parametrize("library", ["numpy", "torch", "strict"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_elements_of_a_batch_have_certificates_of_their_own(library, dtype):
    array = asarray(library, dtype)
    lower = array([[2.0], [0.5], [1.5]])
    sets = sk.NormalCone(f.Box(0.0, 1.0)) + sk.NormalCone(f.Box(lower, INF))
    start = array(np.zeros((3, 3)))
    solution = sk.solve(sets, start, sk.DouglasRachford(), batch_ndim=1, on_failure="return")
    found = solution.certificate
    assert to_numpy(found.holds).tolist() == [True, False, True]
    np.testing.assert_allclose(to_numpy(found.gap), [3**0.5, 0.0, 0.5 * 3**0.5], rtol=1e-6)


@pytest.mark.parametrize("library", ["torch", "strict"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_programs_of_other_libraries_and_in_single_precision(library, dtype):
    array = asarray(library, dtype)
    zero, C = f.Quadratic(array(np.zeros((3, 3))), array([-1.0, -1.0, 1.0])), f.NonNegative()
    A, b = array([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [2.0, 0.0, 1.0]]), array([1.0, 0.0, 3.0])
    start = array(np.zeros(3)), array(np.zeros(3))
    assert sk.solve(sk.KKT(zero, A, b, C=C), start, on_failure="return").status == "infeasible"
    A, b, start = array([[1.0, -1.0, 0.5]]), array([1.0]), (start[0], array([0.0]))
    assert sk.solve(sk.KKT(zero, A, b, C=C), start, on_failure="return").status == "unbounded"


def test_a_certificate_is_kept_by_a_solution_that_was_pickled():
    inclusion, x0, _ = two_boxes(1.0, 1.0)
    solution = sk.solve(inclusion, x0, on_failure="return")
    again = pickle.loads(pickle.dumps(solution))
    assert again.certificate.gap == solution.certificate.gap
    assert "do not meet" in str(again.certificate)


# -- never flagged --------------------------------------------------------------------------------


def touching_boxes(s):
    return sk.NormalCone(f.Box(0.0, 0.1 * s)) + sk.NormalCone(f.Box(0.1 * s, s)), np.full(3, s)


def touching_balls(s):
    center = np.array([2.0, 0.0, 0.0])
    return sk.NormalCone(f.L2Ball(s)) + sk.NormalCone(f.L2Ball(s, s * center)), np.full(3, s)


def almost_parallel_planes(s):
    one = f.Hyperplane(np.array([1.0, 0.0, 0.0]), 0.0)
    other = f.Hyperplane(np.array([1.0, 1e-5, 0.0]), s)
    return sk.NormalCone(one) + sk.NormalCone(other), np.zeros(3)


def thin_slab(s):
    a = np.array([1.0, 2.0, 3.0])
    return sk.NormalCone(f.HalfSpace(a, s)) + sk.NormalCone(f.HalfSpace(-a, -s)), np.full(3, s)


def far_corner(s):
    return linear(np.array([-1e-6, -1.0, -0.3])) + sk.NormalCone(f.Box(-s, 1e6 * s)), np.zeros(3)


def least_squares(s):
    A = np.random.default_rng(0).standard_normal((2, 5))
    return sk.Subdifferential(f.LeastSquares(A, s * np.ones(2))) + sk.NormalCone(
        f.NonNegative()
    ), np.zeros(5)


def falling_logistic(s):
    """inf = 0 is attained nowhere: x runs to infinity, and nothing falls without bound."""
    return sk.Subdifferential(f.Logistic()) + sk.NormalCone(f.NonNegative()), np.zeros(3)


def small_program(s):
    f_lp = f.Quadratic(np.zeros((2, 2)), np.array([0.001, 0.002]))
    box = f.Box(np.zeros(2), np.array([0.4 * s, INF]))
    return sk.KKT(f_lp, np.ones((1, 2)), np.array([s]), C=box), (np.zeros(2), np.zeros(1))


def basis_pursuit(s):
    rng = np.random.default_rng(5)
    A = rng.standard_normal((8, 20))
    b = s * A[:, :3].sum(axis=1)
    return sk.Subdifferential(f.L1Norm()) + sk.NormalCone(f.AffineSet(A, b)), np.zeros(20)


def budget(s):
    c = s * np.array([1.0, 0.9, 1.1, 0.2])
    sets = sk.NormalCone(f.Simplex()) + sk.NormalCone(f.Box(0.0, 0.4))
    return linear(c) + sets, np.full(4, 0.25)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize(
    "problem",
    [
        touching_boxes,
        touching_balls,
        almost_parallel_planes,
        thin_slab,
        far_corner,
        least_squares,
        falling_logistic,
        small_program,
        basis_pursuit,
        budget,
    ],
    ids=lambda p: p.__name__,
)
def test_what_has_a_solution_or_an_infimum_is_never_flagged(problem, turn):
    inclusion, x0 = problem((1e-8, 1.0, 1e8)[turn])
    methods, most = list(guaranteed(inclusion, x0)), 10_000 if THOROUGH else 1000
    others = methods if THOROUGH else methods[turn :: max(3, len(methods) // 2)]
    for method in (None, *others):
        solution = sk.solve(inclusion, x0, method, max_iter=most, tol=1e-12, on_failure="return")
        assert solution.status not in HOPELESS, f"{method!r}: {solution.message}"
        assert solution.certificate is None
