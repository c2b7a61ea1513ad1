"""Sets against independent solvers, at their limits, and what they refuse."""

import itertools

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import isotonic_regression, linear_sum_assignment, linprog

from splitkit import backend
from splitkit.backend import Space
from splitkit.functions import (
    Birkhoff,
    Box,
    CappedSimplex,
    Conjugate,
    GraphOfLinearMap,
    HalfSpace,
    Hyperplane,
    Intersection,
    Isotonic,
    L0Ball,
    L1Ball,
    L2Ball,
    NuclearBall,
    Polyhedron,
    Simplex,
    Singleton,
    Slab,
    SparseSimplex,
    SupportFunction,
    TransportPolytope,
    ZeroCone,
)
from splitkit.functions.inner.roots import increasing_root, piecewise_linear_root
from tests.functions.namespaces import every_library

clarabel = pytest.importorskip("clarabel")


def nearest(y, A, b, cones):
    """argmin ½‖x − y‖² subject to b − Ax in the cones, by an interior-point method."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    identity = sparse.eye_array(len(y), format="csc")
    problem = (identity, -y, sparse.csc_array(A), b, cones, settings)
    return np.asarray(clarabel.DefaultSolver(*problem).solve().x)


def polyhedral(y, inequalities, bounds, equalities=None, values=None):
    cones = [clarabel.NonnegativeConeT(len(bounds))]
    if equalities is None:
        return nearest(y, inequalities, bounds, cones)
    A, b = np.vstack([equalities, inequalities]), np.concatenate([values, bounds])
    return nearest(y, A, b, [clarabel.ZeroConeT(len(values)), *cones])


def draws(shape, count=6, seed=0):
    """Points of several sizes."""
    rng = np.random.default_rng(seed)
    return [10.0**e * rng.standard_normal(shape) for e in np.linspace(-2, 2, count)]


def same(found, expected, y):
    np.testing.assert_allclose(found, expected, atol=2e-6 * (1 + np.max(abs(y))))


# -- against an interior-point method --------------------------------------------------------------


def test_capped_simplex():
    caps = np.asarray([0.5, 0.0, 2.0, 0.3, 1.0])
    inequalities, bounds = np.vstack([np.eye(5), -np.eye(5)]), np.concatenate([caps, np.zeros(5)])
    for total in (0.0, 0.2, 2.5, 3.8):
        for y in draws(5):
            expected = polyhedral(y, inequalities, bounds, np.ones((1, 5)), np.asarray([total]))
            same(CappedSimplex(total, caps).project(y), expected, y)


def test_half_space_hyperplane_and_slab():
    a = np.asarray([1.0, -2.0, 0.5])
    for y in draws(3):
        same(HalfSpace(a, -0.3).project(y), polyhedral(y, a[None], np.asarray([-0.3])), y)
        both, bounds = np.stack([a, -a]), np.asarray([0.5, 0.2])
        same(Slab(a, -0.2, 0.5).project(y), polyhedral(y, both, bounds), y)
        both = np.asarray([0.7, -0.7])
        same(Hyperplane(a, 0.7).project(y), polyhedral(y, np.stack([a, -a]), both), y)


def test_l1_ball():
    corners = np.asarray(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T.astype(float)
    for y in draws(4):
        same(L1Ball(0.7).project(y), polyhedral(y, corners, np.full(len(corners), 0.7)), y)


def test_polyhedra_with_dependent_and_scaled_rows():
    rng = np.random.default_rng(0)
    for trial in range(8):
        m, n = rng.integers(1, 12), rng.integers(1, 6)
        A = np.round(2 * rng.standard_normal((m, n))) + 1e-3
        A = np.vstack([A, -A[: m // 2], 2 * A[: m // 3]])
        slack = rng.random(len(A)) * rng.integers(0, 2, len(A))
        b = A @ rng.standard_normal(n) + slack
        scales = 10.0 ** rng.uniform(-3, 3, len(A)) if trial % 2 else np.ones(len(A))
        C = Polyhedron(scales[:, None] * A, scales * b, batch_ndim=1)
        Y = np.stack(draws(n, seed=trial))
        for y, p in zip(Y, C.project(Y), strict=True):
            same(p, polyhedral(y, A, b), y)
            assert np.max(A @ p - b) <= 1e-13 * (1 + np.max(abs(b)))


def transport_reference(Y, rows, columns):
    m, n = Y.shape
    sums = np.vstack([np.kron(np.eye(m), np.ones(n)), np.kron(np.ones(m), np.eye(n))])
    values = np.concatenate([rows, columns])
    return polyhedral(Y.ravel(), -np.eye(m * n), np.zeros(m * n), sums, values).reshape(m, n)


def test_transport_polytope():
    rng = np.random.default_rng(1)
    for m, n in ((1, 4), (3, 2), (4, 5)):
        rows, columns = rng.random(m), rng.random(n) * (rng.random(n) > 0.3) + 1e-3
        columns *= np.sum(rows) / np.sum(columns)
        C = TransportPolytope(rows, columns)
        for Y in [*draws((m, n), 4, seed=m), np.zeros((m, n))]:
            same(C.project(Y), transport_reference(Y, rows, columns), Y)


def test_marginals_whose_totals_agree_only_in_single_precision():
    rows = np.asarray([0.4, 0.25, 0.2, 0.15], dtype=np.float32)
    columns = np.asarray([0.3, 0.3, 0.15, 0.15, 0.1], dtype=np.float32)
    assert rows.astype(float).sum() != columns.astype(float).sum()
    Y = np.random.default_rng(0).normal(size=(4, 5))
    X = TransportPolytope(rows, columns).project(Y.astype(np.float32))
    p, q = (np.asarray(sums / sums.sum(), dtype=float) for sums in (rows, columns))
    expected = TransportPolytope(p, q * (p.sum() / q.sum())).project(Y)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e8, 1e11])
@pytest.mark.parametrize("ties", [False, True])
def test_transport_where_parts_of_the_support_are_far_apart(scale, ties):
    """Assignments with ties, beside which the marginals are small; the multipliers prove it."""
    rng = np.random.default_rng(3)
    rows = np.asarray([0.36856672, 0.0, 0.24454375])
    columns = np.asarray([0.30404872, 0.07275719, 0.05210447, 0.10070317, 0.08349693])
    columns *= rows.sum() / columns.sum()
    fixed = np.asarray([[-1, 1, -2, 1, 1], [0, -1, 1, 0, -1], [1, 0, 0, -2, 1.0]])
    for _ in range(20):
        Y = scale * (fixed if ties else rng.normal(size=fixed.shape))
        X = TransportPolytope(rows, columns).project(Y)
        error = np.linalg.norm(X.sum(1) - rows) + np.linalg.norm(X.sum(0) - columns)
        rounding = np.finfo(float).eps * (np.linalg.norm(Y) + rows.sum())
        assert error <= 64 * rounding
        # ⟨Y − X, Z − X⟩ ≤ 0 for Z with the same marginals: the best is found by linear programming
        cost = (Y - X) / scale
        A = np.vstack([np.kron(np.eye(3), np.ones(5)), np.kron(np.ones(3), np.eye(5))])
        best = linprog(-cost.ravel(), A_eq=A, b_eq=[*X.sum(1), *X.sum(0)])
        assert -best.fun <= np.sum(cost * X) + 1e-7 + rounding


@every_library
def test_transport_between_masses_of_many_sizes(asarray, dtype):
    """Two bells on a line, and a sample whose masses are level: nothing is gained within the
    polytope, by linear programming.
    """
    n = 30
    place = np.linspace(0, 1, n)
    bells = [np.exp(-(((place - middle) / 0.06) ** 2)) for middle in (0.2, 0.7)]
    assert min(map(np.min, bells)) < 1e-60
    if dtype == "float32":
        bells = [np.where(bell > 1e-30, bell, 0.0) for bell in bells]
    p, q = (np.stack([bell / np.sum(bell), np.full(n, 1 / n)]) for bell in bells)
    Y = np.stack([-(abs(place[:, None] - place) ** 2), -(abs(place[:, None] - place) ** 2)])
    C = TransportPolytope(asarray(p), asarray(q), batch_ndim=1)
    found = backend.to_numpy(C.project(asarray(Y))).astype(float)
    eps = float(np.finfo(dtype).eps)
    assert np.min(found) >= 0
    np.testing.assert_allclose(np.sum(found, axis=2), p, rtol=0, atol=64 * eps)
    np.testing.assert_allclose(np.sum(found, axis=1), q, rtol=0, atol=64 * eps)
    A = sparse.vstack([
        sparse.kron(sparse.eye(n), np.ones((1, n))), sparse.kron(np.ones((1, n)), sparse.eye(n)),
    ])  # fmt: skip
    for y, x, rows, columns in zip(Y, found, p, q, strict=True):
        gain = (y - x).ravel()
        best = linprog(-gain, A_eq=A, b_eq=np.r_[rows, columns * np.sum(rows) / np.sum(columns)])
        assert -best.fun <= gain @ x.ravel() + 1e-9 + 1e3 * eps


def test_birkhoff_with_ties_and_large_matrices():
    for Y in [*draws((4, 4), 4), np.round(draws((4, 4))[-1] / 50)]:
        same(Birkhoff().project(Y), transport_reference(Y, np.ones(4), np.ones(4)), Y)
    # far out the nearest vertex is the best assignment
    Y = 1e6 * np.random.default_rng(2).standard_normal((30, 30))
    p = Birkhoff().project(Y)
    i, j = linear_sum_assignment(-Y)
    expected = np.zeros((30, 30))
    expected[i, j] = 1
    np.testing.assert_allclose(p, expected, atol=1e-8)


def test_nuclear_ball_by_optimality():
    rng = np.random.default_rng(3)
    for Y in draws((3, 4)):
        p = NuclearBall(0.8).project(Y)
        assert np.sum(np.linalg.svd(p, compute_uv=False)) <= 0.8 + 1e-12
        for Z in rng.standard_normal((20, 3, 4)):
            Z *= 0.8 / np.sum(np.linalg.svd(Z, compute_uv=False))
            assert np.sum((Y - p) * (Z - p)) <= 1e-10 * (1 + np.sum(Y * Y))
    small = 0.01 * np.ones((3, 4))
    np.testing.assert_array_equal(NuclearBall(0.8).project(small), small)


@every_library
def test_isotonic_regression_of_every_length(asarray, dtype):
    tolerance = 4 * np.finfo(dtype).eps
    for n in (1, 2, 3, 7, 8, 9, 33):
        rng = np.random.default_rng(n)
        Y = np.stack([
            rng.standard_normal(n), np.arange(n, 0, -1), np.arange(n), np.zeros(n),
            np.round(rng.standard_normal(n)), 1e4 + rng.standard_normal(n),
        ])  # fmt: skip
        found = backend.to_numpy(Isotonic(batch_ndim=1).project(asarray(Y)))
        for y, p in zip(Y, found, strict=True):
            expected = isotonic_regression(y).x
            np.testing.assert_allclose(p, expected, atol=n * tolerance * (1 + np.max(abs(y))))
            assert np.all(np.diff(p) >= 0)


def test_intersection_of_balls_and_of_polyhedra():
    a, b = np.asarray([1.0, 2.0, -1.0]), np.asarray([0.2, 0.1, 0.4])
    C = Intersection((Box(0.0, 1.0), HalfSpace(a, 0.3), Hyperplane(b, 0.4)))
    inequalities = np.vstack([np.eye(3), -np.eye(3), a])
    bounds = np.concatenate([np.ones(3), np.zeros(3), [0.3]])
    for y in draws(3):
        same(C.project(y), polyhedral(y, inequalities, bounds, b[None], np.asarray([0.4])), y)
    # two unit balls at distance 1: the corner of the lens, and a point beside it
    lens = Intersection((L2Ball(1.0), L2Ball(1.0, np.asarray([1.0, 0.0]))), accuracy=1e-10)
    np.testing.assert_allclose(
        lens.project(np.asarray([0.5, 9.0])), [0.5, np.sqrt(0.75)], atol=1e-7
    )
    np.testing.assert_allclose(lens.project(np.asarray([3.0, 0.0])), [1.0, 0.0], atol=1e-8)


def test_graph_of_a_linear_map_is_least_squares():
    L = np.random.default_rng(4).standard_normal((2, 3))
    a, b = np.asarray([1.0, -2.0, 0.5]), np.asarray([3.0, 1.0])
    x, y = GraphOfLinearMap(L).project((a, b))
    expected = np.linalg.lstsq(np.vstack([np.eye(3), L]), np.concatenate([a, b]), rcond=None)[0]
    np.testing.assert_allclose(x, expected, atol=1e-14)
    np.testing.assert_allclose(y, L @ expected, atol=1e-14)
    u, v = GraphOfLinearMap(L).polar.project((a, b))
    np.testing.assert_allclose(u, -L.T @ v, atol=1e-14)


# -- limits ----------------------------------------------------------------------------------------


@every_library
def test_l0_ball_keeps_the_largest(asarray, dtype):
    x = asarray([[3.0, -4.0, 0.0, 4.0], [1.0, 1.0, 1.0, 1.0]])
    p = backend.to_numpy(L0Ball(2, batch_ndim=1).project(x))
    np.testing.assert_array_equal(p, [[0, -4, 0, 4], [1, 1, 0, 0]])
    np.testing.assert_array_equal(
        backend.to_numpy(L0Ball(9).project(x)), backend.to_numpy(x)
    )  # over both axes
    assert float(L0Ball(1)(x)) == np.inf


def test_the_sparse_simplex_by_all_supports():
    """The nearest of the projections onto the simplices of two of five entries."""
    draw = np.random.default_rng(3)
    for _ in range(10):
        x = draw.standard_normal(5)
        gaps = []
        for pair in itertools.combinations(range(5), 2):
            z = np.zeros(5)
            z[list(pair)] = Simplex(0.7).project(x[list(pair)])
            gaps.append(np.linalg.norm(z - x))
        p = SparseSimplex(2, 0.7).project(x)
        assert np.count_nonzero(p) <= 2
        assert np.linalg.norm(p - x) == pytest.approx(min(gaps), rel=1e-12)


def test_l0_ball_claims_nothing_of_a_convex_set():
    C = L0Ball(2)
    assert not C.convex
    assert not C.properties.monotone
    assert not C.properties.maximal
    assert isinstance(C.conjugate, ZeroCone)
    for make in (SupportFunction, Conjugate, lambda C: Intersection((C, Box(0, 1)))):
        with pytest.raises(TypeError, match="convex"):
            make(C)


@every_library
def test_radius_total_and_caps_of_zero(asarray, dtype):
    x = asarray([3.0, -4.0, 0.0])
    for C in (L1Ball(0.0), CappedSimplex(0.0, 1.0), CappedSimplex(0.0, 0.0), Singleton(0.0)):
        assert np.all(backend.to_numpy(C.project(x)) == 0)
    full = backend.to_numpy(CappedSimplex(2.1, 0.7).project(x))
    np.testing.assert_allclose(full, [0.7] * 3, rtol=1e-6)
    # no cap is a simplex
    none = backend.to_numpy(CappedSimplex(2.5, float("inf")).project(x))
    np.testing.assert_allclose(none, [2.5, 0, 0], rtol=1e-6)
    some = backend.to_numpy(CappedSimplex(2.5, asarray([1.0, 0.5, np.inf])).project(x))
    np.testing.assert_allclose(some, [1.0, 0.0, 1.5], rtol=1e-6)  # clip(x + 1.5) within the caps
    assert np.all(backend.to_numpy(NuclearBall(0.0).project(asarray(np.ones((2, 3))))) == 0)


@every_library
def test_sets_keep_their_sums_far_out(asarray, dtype):
    eps = float(np.finfo(dtype).eps)
    rng = np.random.default_rng(5)
    for size in (1e-6, 1.0, 1e6):
        Y = size * rng.standard_normal((4, 4))
        p = backend.to_numpy(Birkhoff().project(asarray(Y))).astype(float)
        sums = [*np.sum(p, axis=0), *np.sum(p, axis=1)]
        np.testing.assert_allclose(sums, 1.0, atol=100 * eps)
        q = backend.to_numpy(CappedSimplex(1.5, 0.25).project(asarray(Y))).astype(float)
        assert np.sum(q) == pytest.approx(1.5, rel=8 * eps)
        assert np.min(q) >= 0
        assert np.max(q) <= 0.25


@every_library
def test_normals_of_any_size(asarray, dtype):
    for size in (1e-18, 1e18):
        C = Hyperplane(asarray([3.0 * size, 4.0 * size]), 5.0 * size)
        p = backend.to_numpy(C.project(asarray([0.0, 0.0])))
        np.testing.assert_allclose(p, [0.6, 0.8], rtol=1e-6)


def test_reflections_are_those_of_the_projections():
    a = np.asarray([1.0, -2.0, 0.5])
    for C in (Slab(a, -0.2, 0.5), Hyperplane(a, 1.0), ZeroCone(), Isotonic().polar):
        for y in draws(3):
            np.testing.assert_allclose(
                C.reflect(y), 2 * C.project(y) - y, atol=1e-13 * np.max(abs(y))
            )


SUPPORTED = [
    Singleton(np.asarray([1.0, -2.0, 0.5])),
    Box(np.asarray([-1.0, 0.0, -2.0]), np.asarray([0.5, 0.0, 3.0])),
    Simplex(2.0),
    CappedSimplex(1.7, np.asarray([0.5, 2.0, 1.0])),
    L1Ball(1.5),
    L2Ball(0.7, np.asarray([1.0, 0.0, 2.0])),
]


@pytest.mark.parametrize("C", SUPPORTED, ids=str)
def test_support_function_is_the_greatest_inner_product(C):
    rng = np.random.default_rng(6)
    members = np.stack([C.project(5 * z) for z in rng.standard_normal((200, 3))])
    for u in draws(3):
        value = SupportFunction(C)(u)
        assert np.max(members @ u) <= value + 1e-12 * (1 + abs(value))
        # attained: the projection of a point far out in the direction u
        assert C.project(1e7 * u / np.max(abs(u))) @ u == pytest.approx(value, rel=1e-5, abs=1e-5)


def test_support_of_a_slab_is_finite_along_its_normal():
    a = np.asarray([1.0, -2.0, 0.5])
    f = Slab(a, -0.2, np.inf).conjugate
    assert f(-3 * a) == pytest.approx(0.6)
    assert f(0 * a) == 0
    assert f(3 * a) == np.inf
    assert f(np.asarray([1.0, 0.0, 0.0])) == np.inf


# -- accuracy --------------------------------------------------------------------------------------


def test_accuracy_is_what_was_asked_for_and_can_be_changed():
    rng = np.random.default_rng(7)
    Y = 3 * rng.standard_normal((6, 6))
    exact = Birkhoff().project(Y)
    A = rng.standard_normal((12, 4))
    polyhedron = Polyhedron(A, rng.random(12), accuracy=1e-2)
    pair = Intersection((L2Ball(1.0), L2Ball(1.0, np.asarray([1.0, 0.0]))), accuracy=1e-2)
    for accuracy in (1e-2, 1e-5, 1e-9):
        p = Birkhoff(accuracy=accuracy).project(Y)
        errors = [*(np.sum(p, axis=0) - 1), *(np.sum(p, axis=1) - 1)]
        assert np.linalg.norm(errors) <= accuracy * (np.linalg.norm(Y) + 6)
        assert np.linalg.norm(p - exact) <= 10 * accuracy * np.linalg.norm(Y)
        y = 5 * rng.standard_normal(4)
        C = polyhedron.with_accuracy(accuracy)
        assert np.max(C.violation(C.project(y))) <= 12 * accuracy * np.linalg.norm(y)
        L = pair.with_accuracy(accuracy)
        x = L.project(np.asarray([0.7, 2.0]))
        assert L.violation(x) <= 2 * accuracy * np.linalg.norm([0.7, 2.0])
        assert L(x) == 0
        assert L.accuracy == accuracy
    assert polyhedron.accuracy == 1e-2  # with_accuracy made another


def test_summable_errors_keep_the_proximal_point_method_convergent():
    """x⁺ ≈ P(x − ∇f(x)) with errors 1/k²: the limit is the constrained minimum."""
    a = np.asarray([2.0, -1.0])
    C = Intersection((L2Ball(1.0), L2Ball(1.0, np.asarray([1.0, 0.0]))))
    x = np.asarray([5.0, 5.0])
    for k in range(1, 200):
        x = C.with_accuracy(0.1 / k**2).project(x - 0.5 * (x - a))
    expected = C.with_accuracy(1e-9).project(a)
    np.testing.assert_allclose(x, expected, atol=1e-4)


@every_library
def test_roots_on_the_line(asarray, dtype):
    eps = float(np.finfo(dtype).eps)
    xp = backend.namespace(asarray([1.0]))
    target = np.asarray([-8.0, -1e-3, 0.0, 1e-6, 1.0, 27.0])
    low, high = asarray([-4.0] * 6), asarray([5.0] * 6)
    cubes = asarray(target)
    found = increasing_root(lambda t, c: (t**3 - c, 3 * t * t), low, high, data=(cubes,), steps=60)
    np.testing.assert_allclose(
        backend.to_numpy(found) ** 3, target, atol=60 * eps * np.max(abs(target))
    )
    # one sign: the nearer end
    ends = increasing_root(lambda t: (xp.exp(t), xp.exp(t)), low, high, steps=40)
    np.testing.assert_allclose(backend.to_numpy(ends), -4.0, rtol=1e-4)
    # 2(t − 1)₊ − 3 + (t − 4)₊, and its mirror image with a slope on the left
    knots, bends = asarray([[4.0, 1.0]]), asarray([[1.0, 2.0]])
    t = piecewise_linear_root(knots, bends, asarray([[-3.0]]), asarray([[0.0]]))
    assert float(t[0, 0]) == 2.5
    t = piecewise_linear_root(knots, -bends, asarray([[3.0]]), asarray([[3.0]]))
    assert float(t[0, 0]) == 0.0


# -- errors ----------------------------------------------------------------------------------------

a3, nan, inf = np.asarray([1.0, -2.0, 0.5]), float("nan"), float("inf")
INVALID = [
    (lambda: Singleton(nan), ValueError, "point = nan"),
    (lambda: CappedSimplex(1.0, -1.0), ValueError, "upper = -1"),
    (lambda: CappedSimplex(inf, 1.0), ValueError, "total = inf"),
    (lambda: L0Ball(0), ValueError, "count = 0"),
    (lambda: L0Ball(1.5), TypeError, "count = 1.5"),
    (lambda: L1Ball(-1.0), ValueError, "radius = -1"),
    (lambda: NuclearBall(nan), ValueError, "radius = nan"),
    (lambda: HalfSpace(0 * a3, 1.0), ValueError, "normal = 0"),
    (lambda: HalfSpace(a3, nan), ValueError, "upper = nan"),
    (lambda: HalfSpace([1.0], 0.0), TypeError, "normal is a list"),
    (lambda: Hyperplane(a3, inf), ValueError, "value = inf"),
    (lambda: Slab(a3, 1.0, 0.0), ValueError, "lower = 1.0 exceeds upper = 0.0"),
    (lambda: Polyhedron(np.ones((2, 2)), np.ones(3)), ValueError, "b must have length 2"),
    (lambda: Polyhedron(np.ones((2, 2)), np.ones(2, np.float32)), TypeError, "b has dtype"),
    (lambda: Polyhedron(np.stack([a3, -a3]), np.asarray([-1.0, 0.5])), ValueError, "is empty"),
    (lambda: Polyhedron(np.zeros((1, 2)), np.asarray([-1.0])), ValueError, "is empty"),
    (lambda: Polyhedron(np.ones((1, 2)), np.ones(1), accuracy=2.0), ValueError, "accuracy = 2"),
    (lambda: Birkhoff(accuracy="high"), TypeError, "accuracy = 'high'"),
    (lambda: TransportPolytope(np.ones(2), np.ones(3)), ValueError, "total 2.0.* 3.0.* empty"),
    (lambda: TransportPolytope(-np.ones(2), np.ones(2)), ValueError, "rows = "),
    (lambda: TransportPolytope(np.ones(2), np.asarray([nan, 2.0])), ValueError, "columns has"),
    (lambda: GraphOfLinearMap(a3), ValueError, "2-D"),
    (lambda: Intersection((Box(0, 1),)), TypeError, "two sets"),
    (lambda: Intersection((Simplex(), Simplex(batch_ndim=1))), ValueError, "batch_ndim"),
    (lambda: SupportFunction(3.0), TypeError, "C = 3.0"),
]


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_invalid_parameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


MISFITS = [
    (lambda: CappedSimplex(1.0, 0.3), (3,), 0, ValueError, "total of CappedSimplex.* empty"),
    (lambda: CappedSimplex(1.0, np.ones(2)), (3,), 0, ValueError, "upper of CappedSimplex"),
    (lambda: HalfSpace(a3, 0.0), (4,), 0, ValueError, r"normal of HalfSpace.*\(4,\)"),
    (lambda: HalfSpace(np.ones((2, 3)) * [[0], [1]], 0.0, batch_ndim=1), (2, 3), 1, ValueError,
     "is 0 for a sample"),
    (NuclearBall, (3,), 0, ValueError, "last two axes"),
    (Birkhoff, (2, 3), 0, ValueError, "square matrices"),
    (lambda: TransportPolytope(np.ones(2), np.ones(2)), (2, 3), 0, ValueError, "columns of"),
    (lambda: Polyhedron(np.ones((2, 3)), np.ones(2)), (4,), 0, ValueError, "length 3"),
    (lambda: Isotonic(batch_ndim=1), (3,), 1, ValueError, "no batch axis"),
    (Isotonic, (2, 3), 1, ValueError, "batch_ndim=1"),
    (lambda: Intersection((Box(0, 1), Simplex())), (2, 3), 1, ValueError, "batch_ndim=1"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "shape", "batch_ndim", "error", "message"), MISFITS)
def test_spaces_that_do_not_fit_are_refused(make, shape, batch_ndim, error, message):
    with pytest.raises(error, match=message):
        make().check_space(Space.of(np.ones(shape), batch_ndim))


def test_stalls_are_taken_in_one_step():
    """A point far out makes Dykstra's method repeat itself for about ‖y‖ sweeps."""
    C = Intersection((Hyperplane(np.asarray([1.0, 1.0]), 0.5), Box(0.0, 1.0)))
    for size in (1e2, 1e4, 1e6, 1e12, 1e18):
        np.testing.assert_allclose(C.project(np.asarray([0.0, size])), [0.0, 0.5], atol=1e-9)
    # in single precision the moves, ¼ a sweep, are hardly more than the rounding of y
    single = Intersection((Hyperplane(np.ones(2, np.float32), 0.5), Box(0.0, 1.0)))
    p = single.project(np.asarray([0.0, 6.6665e4], np.float32))
    np.testing.assert_allclose(p, [0.0, 0.5], atol=1e-6)


def test_empty_intersections_are_refused_loudly():
    C = Intersection((Box(0.0, 1.0), Box(2.0, 3.0)))
    with pytest.raises(ArithmeticError, match=r"moves by 1\.4 after \d+ sweeps.*empty"):
        C.project(np.asarray([0.5, 5.0]))


def test_accuracy_out_of_reach_is_refused_loudly(monkeypatch):
    monkeypatch.setattr("splitkit.functions.sets.transport_polytope.STEPS", 2)
    with pytest.raises(ArithmeticError, match="larger accuracy"):
        Birkhoff().project(100 * np.random.default_rng(0).standard_normal((5, 5)))
