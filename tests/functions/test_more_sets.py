"""Projections as Clarabel finds them, and support functions as linear programs or Clarabel do."""

import itertools
import math

import clarabel
import numpy as np
import pytest
import scipy.sparse

import splitkit as sk
from splitkit.backend import Space
from splitkit.functions import (
    BallBox,
    BoxHyperplane,
    Epigraph,
    Huber,
    L1Ball,
    L1Norm,
    L2Ball,
    L2Norm,
    L21Ball,
    LeastSquares,
    LpBall,
    PackedPositiveSemidefinite,
    Permutahedron,
    PermutationMatrices,
    PositiveSemidefinite,
    RankBall,
    SecondOrderCone,
    SolidSimplex,
    SpectralBall,
    Sphere,
    SquaredL2,
    Stiefel,
    SublevelSet,
    WeightedL1Ball,
)

N = 5
rng = np.random.default_rng(0)
NORMAL, VALUE = np.array([1.0, -2.0, 0.0, 0.5, 3.0]), 0.7
LOW, HIGH = np.array([-1.0, 0.0, -0.5, 0.2, -2.0]), np.array([0.5, 1.0, 2.0, 0.4, 0.1])
WEIGHT = np.array([1.0, 0.0, 2.0, 0.5, 3.0])
ONE = np.eye(N)


def rows(*, at_most=(), equal=(), balls=()):
    """b − Ax in cones, for pairs (A, b)."""
    parts = [*equal, *at_most, *balls]
    A = np.vstack([a for a, _ in parts])
    b = np.concatenate([np.atleast_1d(c) for _, c in parts])
    cones = [clarabel.ZeroConeT(len(np.atleast_1d(c))) for _, c in equal]
    cones += [clarabel.NonnegativeConeT(len(np.atleast_1d(c))) for _, c in at_most]
    cones += [clarabel.SecondOrderConeT(len(c)) for _, c in balls]
    return scipy.sparse.csc_matrix(A), b, cones


def solved(P, q, A, b, cones):
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    return np.array(clarabel.DefaultSolver(P, q, A, b, cones, settings).solve().x)


def signs(n):
    """All vectors of ±1."""
    return np.array(np.meshgrid(*[[-1.0, 1.0]] * n)).reshape(n, -1).T


BOX = [(ONE, HIGH), (-ONE, -LOW)]
BALL = (np.vstack([np.zeros(N), -ONE]), np.concatenate([[0.9], np.zeros(N)]))
SETS = {
    "solid simplex": (
        SolidSimplex(0.8), rows(at_most=[(-ONE, np.zeros(N)), (np.ones((1, N)), 0.8)]),
    ),
    "box on a hyperplane": (
        BoxHyperplane(NORMAL, VALUE, LOW, HIGH), rows(at_most=BOX, equal=[(NORMAL[None], VALUE)]),
    ),
    "weighted l1 ball": (
        WeightedL1Ball(WEIGHT, 1.3), rows(at_most=[(signs(N) * WEIGHT, np.full(2**N, 1.3))]),
    ),
    "box in a ball": (BallBox(0.9, LOW, HIGH), rows(at_most=BOX, balls=[BALL])),
    "orthant in a ball": (BallBox(0.9), rows(at_most=[(-ONE, np.zeros(N))], balls=[BALL])),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_the_projection_is_clarabels(name):
    C, constraints = SETS[name]
    for size in (0.3, 2.0, 20.0):
        for y in size * rng.standard_normal((4, N)):
            expected = solved(scipy.sparse.eye(N, format="csc"), -y, *constraints)
            found = C.project(y)
            assert C(found) == 0
            assert np.linalg.norm(found - y) <= np.linalg.norm(expected - y) + 1e-9 * max(size, 1)
            np.testing.assert_allclose(found, expected, atol=3e-5 * max(size, 1))


@pytest.mark.parametrize("name", SETS)
def test_the_support_function_is_clarabels(name):
    C, constraints = SETS[name]
    nothing = scipy.sparse.csc_matrix((N, N))
    for u in rng.standard_normal((6, N)):
        if name == "weighted l1 ball":
            assert C.conjugate_value(u) == np.inf
            u[1] = 0.0
        best = solved(nothing, -u, *constraints)
        assert float(C.conjugate_value(u)) == pytest.approx(u @ best, rel=1e-6, abs=1e-7)


def test_batches_are_their_elements():
    y = 3 * rng.standard_normal((2, N))
    several = [
        (lambda r, k: BoxHyperplane(NORMAL, r, LOW, HIGH, batch_ndim=k), [0.7, -0.4]),
        (lambda r, k: BallBox(r, LOW, HIGH, batch_ndim=k), [0.9, 0.3]),
        (lambda r, k: WeightedL1Ball(WEIGHT, r, batch_ndim=k), [1.3, 0.2]),
        (lambda r, k: SolidSimplex(r, batch_ndim=k), [1.3, 0.2]),
        (lambda r, k: Sphere(r, batch_ndim=k), [1.3, 0.2]),
    ]
    for make, values in several:
        found = make(np.array(values), 1).project(y)
        for row, value, each in zip(found, values, y, strict=True):
            np.testing.assert_allclose(row, make(value, 0).project(each), atol=1e-14)


def test_the_ball_of_sums_of_norms():
    y = 2 * rng.standard_normal((4, 3))
    C = L21Ball(1.5)
    p = C.project(y)
    norms = np.linalg.norm(p, axis=1)
    assert norms.sum() == pytest.approx(1.5)
    # σ(y − p) = ⟨y − p, p⟩
    assert 1.5 * np.linalg.norm(y - p, axis=1).max() == pytest.approx(np.sum((y - p) * p))
    np.testing.assert_array_equal(C.project(p / 2), p / 2)
    np.testing.assert_allclose(L21Ball(1.5, axis=-2).project(y.T), p.T)
    np.testing.assert_array_equal(L21Ball(0.0).project(y), 0 * y)


def test_the_ball_of_the_greatest_singular_value():
    Y = 2 * rng.standard_normal((3, 4))
    P = SpectralBall(1.2).project(Y)
    assert np.linalg.norm(P, 2) == pytest.approx(1.2)
    nuclear = np.linalg.svd(Y - P, compute_uv=False).sum()
    assert 1.2 * nuclear == pytest.approx(np.sum((Y - P) * P))
    np.testing.assert_allclose(
        SpectralBall(1.2).conjugate.prox(Y, 0.5),
        sk.functions.NuclearNorm(1.2).prox(Y, 0.5), atol=1e-13,
    )  # fmt: skip


def test_a_sphere_is_the_edge_of_its_ball():
    y, c = 5 * rng.standard_normal(3), np.array([0.5, 0.0, -1.0])
    S, B = Sphere(2.0, c), L2Ball(2.0, c)
    np.testing.assert_allclose(S.project(y), B.project(c + 100 * (y - c)))
    assert np.linalg.norm(S.project(c) - c) == pytest.approx(2.0)
    assert S.conjugate(y) == pytest.approx(B.conjugate(y))
    assert not S.convex
    assert S(c) == np.inf


def test_the_nearest_matrix_of_a_rank():
    Y = rng.standard_normal((4, 3))
    P = RankBall(2).project(Y)
    sigma = np.linalg.svd(Y, compute_uv=False)
    assert np.linalg.matrix_rank(P) == 2
    assert np.linalg.norm(Y - P) == pytest.approx(sigma[2])
    assert RankBall(2)(P) == 0
    assert RankBall(2)(Y) == np.inf
    assert float(RankBall(1).violation(Y)) == pytest.approx(np.hypot(*sigma[1:]))


INVALID = [
    (lambda: RankBall(0), ValueError, "count = 0"),
    (lambda: BallBox(0.1, 0.2, 1.0).project(np.zeros(3)), ValueError, "the set is empty"),
    (lambda: BallBox(1.0, 1.0, 0.0), ValueError, "lower = 1"),
    (lambda: BoxHyperplane(np.ones(3), 4.0).project(np.zeros(3)), ValueError, "out of reach"),
    (lambda: BoxHyperplane(np.ones(3), 1.0, upper=np.inf), ValueError, "upper"),
    (lambda: WeightedL1Ball(-1.0), ValueError, "weight = -1"),
    (lambda: L21Ball(axis=0), ValueError, "axis = 0"),
    (lambda: L21Ball().project(np.float64(1.0) * np.ones(())), ValueError, "axis of"),
    (lambda: Sphere(0.0), ValueError, "radius = 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), INVALID)
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("size", [1e2, 1e15, 1e30])
@pytest.mark.parametrize("part", [1.0, 1e-10, 1e-20])
def test_a_ball_and_a_box_are_met_from_entries_of_all_sizes(size, part):
    """The first ends at its bound, the others, however much smaller, on the sphere or as given."""
    C = BallBox(1.0, 0.0, np.asarray([0.3, np.inf, np.inf], dtype=np.float32))
    y = size * np.asarray([1.0, part, 2 * part])
    t = min(1.0, np.sqrt(0.91) / np.hypot(y[1], y[2]))
    p = C.project(y.astype(np.float32))
    np.testing.assert_allclose(p, [0.3, t * y[1], t * y[2]], rtol=1e-5)


def test_a_box_on_a_hyperplane_of_normals_of_all_sizes():
    """clip(y + μa, l, u) with ⟨a, x⟩ = b, μ by halving its logarithm in more digits."""
    draw = np.random.default_rng(0)
    for _ in range(150):
        n = int(draw.integers(2, 12))
        a, scale = (
            draw.standard_normal(n) * 10.0 ** draw.uniform(-8, 8, n),
            10.0 ** draw.uniform(-4, 4, n),
        )
        low, high = -scale * draw.uniform(size=n), scale * draw.uniform(size=n)
        inside = low + (high - low) * draw.uniform(size=n)
        y, b = inside + draw.standard_normal(n) * 10.0 ** draw.uniform(-4, 4), a @ inside
        wide, point = a.astype(np.longdouble), y.astype(np.longdouble)

        def at(mu, point=point, wide=wide, low=low, high=high):
            return np.clip(point + mu * wide, low, high)

        side = np.longdouble(1.0 if wide @ at(0) < b else -1.0)
        ends = [np.longdouble(-60), np.longdouble(60)]
        for _ in range(100):
            middle = sum(ends) / 2
            ends[int(side * (wide @ at(side * 10**middle) - b) >= 0)] = middle
        expected = at(side * 10 ** ends[0]).astype(float)
        found = BoxHyperplane(a, b, low, high).project(y)
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.max(abs(expected)))


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_sublevel_sets_and_epigraphs_are_the_sets_of_their_functions(size):
    draw = np.random.default_rng(7)
    pairs = [
        (SublevelSet(L1Norm(), size), L1Ball(size)),
        (SublevelSet(SquaredL2(), size**2 / 2), L2Ball(size)),
        (SublevelSet(Huber(), 1e9 * size), None),
        (LpBall(2.0, size), L2Ball(size)),
    ]
    for y in 3 * size * draw.standard_normal((6, 4)):
        for C, same in pairs:
            expected = y if same is None else same.project(y)
            np.testing.assert_allclose(C.project(y), expected, rtol=1e-12, atol=1e-14 * size)
        x, t = Epigraph(L2Norm()).project((y[1:], y[:1]))
        expected = SecondOrderCone().project(y)
        np.testing.assert_allclose(np.concatenate([t, x]), expected, atol=1e-14 * size)


def test_sublevel_sets_and_epigraphs_say_where_a_sample_ends():
    center = np.array([[3.0, 0.0], [0.0, 4.0]])
    f = SquaredL2(center=center, batch_ndim=1)
    with pytest.raises(ValueError, match="couples entries"):
        sk.minimize(f + SublevelSet(L1Norm(), 1.0), np.zeros((2, 2)), batch_ndim=1)
    found = sk.minimize(f + SublevelSet(L1Norm(batch_ndim=1), 1.0), np.zeros((2, 2)), batch_ndim=1)
    np.testing.assert_allclose(found.x, np.eye(2), atol=1e-6)
    with pytest.raises(ValueError, match="couples entries"):
        Epigraph(L1Norm()).check_space(Space.of((center, np.zeros((2, 1))), 1, name="x"))


@pytest.mark.parametrize(
    ("f", "bound"),
    [
        (L1Norm(), -1.0),
        (SquaredL2(), -1e-3),
        (Huber(), -0.5),
        (
            LeastSquares(np.array([[1.0, 3.0], [2.0, 1.0], [1.0, 1.0]]), np.array([1.0, 7.0, 0.0])),
            1,
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_sublevel_set_below_the_infimum_is_empty(f, bound):
    """The least squares are 3.75, at (3.5, −1), where the far end of λ overflows."""
    C = SublevelSet(f, bound)
    for x in (np.zeros(2), np.ones(2), np.array([1e8, 1.0])):
        assert C(x) == math.inf
        with pytest.raises(ValueError, match="is empty"):
            C.project(x)
    with pytest.raises(ValueError, match="is empty"):
        sk.minimize(SquaredL2(center=np.ones(2)) + C, np.zeros(2))


def test_sublevel_sets_of_the_least_value_and_of_small_functions_are_not_empty():
    center = np.array([1.0, 2.0])
    for x in (np.zeros(2), np.array([1e8, 1.0]), center * (1 + 1e-15)):
        found = SublevelSet(SquaredL2(center=center), 0.0).project(x)
        np.testing.assert_allclose(found, center, rtol=1e-15)
        np.testing.assert_allclose(SublevelSet(L1Norm(), 0.0).project(x), 0)
    for scale in (1e-200, 1e-290):
        found = SublevelSet(scale * SquaredL2(), 0.5e-2 * scale).project(np.array([3.0, 4.0]))
        np.testing.assert_allclose(found, [0.06, 0.08])
    some = SublevelSet(L1Norm(batch_ndim=1), np.array([1.0, -1.0]))
    np.testing.assert_array_equal(some(np.array([[0.1, 0.0], [0.0, 0.0]])), [0, math.inf])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [1.1, 1.5, 3.0, 11.0])
def test_the_p_norm_ball_from_entries_of_all_sizes(p, dtype):
    """The normal cone at x: y − x is a multiple of |x|^{p−1} sign x."""
    eps = float(np.finfo(dtype).eps)
    for size in (2.0, 1e8, 1e30):
        y = (size * np.asarray([1.0, -0.7, 0.4])).astype(dtype)
        x = LpBall(p).project(y)
        assert np.sum(abs(x.astype(float)) ** p) == pytest.approx(1, abs=100 * eps)
        away = (y.astype(float) - x) / (np.sign(x) * abs(x.astype(float)) ** (p - 1))
        np.testing.assert_allclose(away, away[0], rtol=1e4 * eps)


def test_packed_matrices_are_projected_as_matrices():
    draw = np.random.default_rng(8)
    rows, columns = np.triu_indices(4)
    factor = np.where(rows == columns, 1.0, 2**0.5)
    Y = draw.standard_normal((3, 4, 4))
    Y = Y + np.swapaxes(Y, -1, -2)
    packed = PackedPositiveSemidefinite().project(Y[:, columns, rows] * factor)
    expected = PositiveSemidefinite().project(Y)[:, columns, rows] * factor
    np.testing.assert_allclose(packed, expected, atol=1e-13)
    with pytest.raises(ValueError, match=r"n\(n \+ 1\)/2"):
        PackedPositiveSemidefinite().project(np.ones(4))


def test_no_orthogonal_matrix_is_nearer():
    draw = np.random.default_rng(9)
    Y = draw.standard_normal((4, 3))
    nearest = Stiefel().project(Y)
    np.testing.assert_allclose(nearest.T @ nearest, np.eye(3), atol=1e-14)
    for _ in range(50):
        Q = np.linalg.qr(nearest + draw.uniform(0, 1) * draw.standard_normal((4, 3)))[0]
        assert np.linalg.norm(Y - nearest) <= np.linalg.norm(Y - Q) + 1e-13


def test_no_mean_of_permutations_is_nearer():
    """⟨v − p, y − p⟩ ≤ 0 for every permutation v of w; σ is attained at one of them."""
    draw = np.random.default_rng(10)
    for scale in (0.1, 3.0, 1e9):
        w, y = draw.standard_normal(4), scale * draw.standard_normal(4)
        vertices, C = np.array(list(itertools.permutations(w))), Permutahedron(w)
        p = C.project(y)
        assert C(p) == 0
        assert np.max((vertices - p) @ (y - p)) <= 1e-13 * max(1.0, scale) ** 2
        best = np.max(vertices @ y)
        np.testing.assert_allclose([C.conjugate(y), C.support_point(y) @ y], best)
        assert not np.isfinite(C(p + 0.1))


def test_a_soft_rank_becomes_the_rank():
    y = np.array([0.3, -1.0, 2.0])
    C = Permutahedron(np.array([3.0, 2.0, 1.0]))
    np.testing.assert_array_equal(C.project(1e3 * y), [2.0, 1.0, 3.0])
    np.testing.assert_allclose(C.project(1e-9 * y), 2.0, atol=1e-8)
    many = np.arange(3000.0, 0.0, -1.0)
    C_of_many, y = Permutahedron(many), np.random.default_rng(3000).normal(size=3000)
    assert C_of_many(C_of_many.project(y)) == 0  # also where sums of entries round
    with pytest.raises(TypeError, match="weights = "):
        Permutahedron(3.0)
    with pytest.raises(ValueError, match="must have length 3"):
        C.project(np.ones(4))


def test_no_permutation_matrix_is_nearer():
    draw = np.random.default_rng(11)
    Y = draw.standard_normal((4, 4))
    C, eye = PermutationMatrices(), np.eye(4)
    P = C.project(Y)
    assert C(P) == 0
    assert not np.isfinite(C((P + eye[[1, 0, 2, 3]]) / 2))
    others = [np.linalg.norm(Y - eye[list(order)]) for order in itertools.permutations(range(4))]
    assert np.linalg.norm(Y - P) == pytest.approx(min(others))


@pytest.mark.parametrize("size", [1e8, 1e17, 1e50, 1e300])
def test_a_sublevel_set_keeps_points_that_are_far_beside_it(size):
    """λ is known to its rounding, which is beyond the set's own size."""
    v = np.array([0.3, -1.0, 0.5, 0.25])
    unit = v / np.linalg.norm(v)
    one = np.array([0.0, -1.0, 0.0, 0.0])
    np.testing.assert_allclose(SublevelSet(L1Norm(), 1.0).project(size * v), one, rtol=1e-14)
    np.testing.assert_allclose(SublevelSet(L2Norm(), 1.0).project(size * v), unit, rtol=1e-14)
    # x − p = λ∇h(p), λ ≈ size: the entries below 1 in size are those of v
    p = SublevelSet(Huber(), 1.0).project(size * v)
    rest = 1.0 + 0.5 - 0.5 * (0.3**2 + 0.5**2 + 0.25**2)
    np.testing.assert_allclose(p, [0.3, -rest, 0.5, 0.25], rtol=1e-7)
