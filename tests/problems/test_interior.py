"""Scalings of symmetric cones, interior points, and Newton systems that are bordered."""

import numpy as np
import pytest
import scipy.sparse as sp

from splitkit.problems import LP, ConicProgram
from splitkit.problems.programs.cones import Semidefinite
from splitkit.problems.programs.data import Data
from splitkit.problems.programs.interior import Interior, _Dense, _Standard
from splitkit.problems.programs.newton import WORTH, NewtonSystem
from splitkit.problems.programs.rows import Intervals
from splitkit.problems.programs.scalings import Orthant, PositiveSemidefinite, SecondOrder
from splitkit.problems.programs.threefold import Exponential, Power, Threefold, _Place


def cones_inside(rng):
    """Scalings with points inside of their cones, and inner products u ∘ v = e of these."""
    orthant = rng.random((2, 5)) + 0.1
    second = rng.normal(size=(2, 3, 4))
    second[..., 0] = np.linalg.norm(second[..., 1:], axis=-1) + rng.random((2, 3))
    of_matrices = Semidefinite(np.arange(12).reshape(2, 6), 3)
    B = rng.normal(size=(2, 2, 3, 3))
    matrices = [of_matrices.vectors(each @ each.transpose(0, 2, 1)).ravel() for each in B]
    yield Orthant(slice(0, 5), 5), orthant
    yield SecondOrder(slice(0, 12), 3, 4), second.reshape(2, -1)
    yield PositiveSemidefinite(slice(0, 12), 2, of_matrices), matrices


@pytest.mark.parametrize("seed", range(3))
def test_a_scaling_takes_both_points_to_one_and_its_inverses_undo_it(seed):
    rng = np.random.default_rng(seed)
    for cone, (s, z) in cones_inside(rng):
        cone.scale(s, z)
        u, v = rng.normal(size=(2, s.size))
        assert np.allclose(cone.from_dual(z), cone.from_slack(s), rtol=1e-9)
        assert np.allclose(cone.to_dual(cone.from_dual(v)), v)
        assert np.allclose(cone.to_slack(cone.from_slack(v)), v)
        squares = cone.inverse_squares()
        found = (squares @ v.reshape(len(squares), -1, 1)).ravel()
        assert np.allclose(found, cone.to_dual(cone.from_slack(v)))
        assert u @ cone.to_slack(v) == pytest.approx(cone.from_dual(u) @ v)  # Wᵀ is W's adjoint
        columns = np.stack((u, v), axis=1)
        assert np.allclose(cone.from_slack(columns)[:, 1], cone.from_slack(v))
        # without a step, λ ∘ (λ \ (μe − λ ∘ λ)) is what takes λ to μλ⁻¹: ⟨λ, target⟩ = μν − ⟨s, z⟩
        target = cone.target(0 * s, 0 * z, 0.3)
        assert cone.from_dual(z) @ target == pytest.approx(0.3 * cone.degree - s @ z)


@pytest.mark.parametrize("seed", range(3))
def test_the_longest_step_ends_on_the_boundary(seed):
    rng = np.random.default_rng(seed)
    for cone, (s, z) in cones_inside(rng):
        cone.scale(s, z)
        ds, dz = rng.normal(size=(2, s.size))
        t = cone.longest(ds, dz)
        λ = cone.from_dual(z)
        nearest = max(cone.short(λ + t * ds), cone.short(λ + t * dz))
        assert nearest == pytest.approx(0.0, abs=1e-9 * (1 + t))


BARRIERS = [Exponential(4), Power(np.array([0.05, 0.3, 0.5, 0.9]))]
INSIDE = {"exponential": [-1.0, 1.0, 1.0], "power": [1.0, 1.0, 0.0]}


@pytest.fixture(params=BARRIERS, ids=list(INSIDE))
def barrier(request):
    return request.param


@pytest.fixture
def inside(barrier):
    """Points of the cones."""
    name = type(barrier).__name__.lower()
    return np.array(INSIDE[name]) + 0.2 * np.random.default_rng(0).random((4, 3))


def test_a_barrier_falls_by_its_degree_and_its_derivatives_are_those_of_differences(
    barrier, inside
):
    X = inside
    u, v, h = *np.random.default_rng(1).normal(size=(2, 4, 3)), 1e-6

    def value(X):
        logs = barrier.weights * np.log(X[:, barrier.above])
        return -np.log(barrier.surfaces(X)).sum(axis=0) - logs.sum(axis=1)

    def slope(X):
        return -_Place(barrier, X).shadow

    def second(X):
        F = _Place(barrier, X).root()
        return F.transpose(0, 2, 1) @ F

    assert np.allclose(value(2 * X), value(X) - 3 * np.log(2))
    along = (value(X + h * u) - value(X - h * u)) / (2 * h)
    assert np.allclose((slope(X) * u).sum(axis=1), along, rtol=1e-6, atol=1e-6)
    along = (slope(X + h * u) - slope(X - h * u)) / (2 * h)
    assert np.allclose((second(X) @ u[:, :, None])[:, :, 0], along, rtol=1e-6, atol=1e-6)
    along = (second(X + h * u) - second(X - h * u)) / (2 * h)
    expected = (along @ v[:, :, None])[:, :, 0]
    assert np.allclose(_Place(barrier, X).third(u, v), expected, rtol=1e-5, atol=1e-5)


def test_the_shadow_of_a_slope_is_where_it_was_taken_even_near_the_edge(barrier, inside):
    for out in (0.0, 0.9, 0.9999):
        D = np.array([1.0, 0.0, 0.0]) if isinstance(barrier, Exponential) else np.eye(3)[2]
        ends = barrier.surfaces(inside).min(axis=0)[:, None]
        X = inside + out * ends * D
        assert np.allclose(barrier.shadow(_Place(barrier, X).shadow), X, rtol=1e-9)


@pytest.mark.parametrize("dual", [False, True])
def test_at_the_centre_slack_and_multiplier_are_one_on_the_central_path(barrier, dual):
    z = Threefold(slice(0, 12), barrier, dual=dual).unit.reshape(4, 3)
    X = z if dual else barrier.M.times(z)
    shadow = _Place(barrier, X).shadow
    assert np.allclose(shadow if dual else barrier.M.times(shadow), z)  # −∇φ(Mz) = z


@pytest.mark.parametrize("dual", [False, True])
def test_secant_equations_of_cones_that_are_not_symmetric(barrier, dual):
    rng, cones = np.random.default_rng(0), Threefold(slice(0, 12), barrier, dual=dual)
    s, z = cones.unit + 0.1 * rng.normal(size=(2, 12))
    for points in ((s, z), (cones.unit, 2 * cones.unit)):  # off and on the central path
        cones.scale(*points)
        assert np.allclose(cones.times(points[1]), points[0])
        v = rng.normal(size=12)
        assert np.allclose(cones.over(cones.times(v)), v)
        assert np.allclose((cones.squares() @ v.reshape(4, 3, 1)).ravel(), cones.times(v))
        assert np.allclose((cones.inverse_squares() @ v.reshape(4, 3, 1)).ravel(), cones.over(v))
        half = cones.half(v)
        assert half @ half == pytest.approx(v @ cones.over(v))
    # the shadow of s is taken to the shadow of z, as z is to s
    cones.scale(s, z)
    S, _ = cones._points(s, z)
    of_s, of_z = barrier.shadow(S), cones.at.shadow
    if not dual:
        of_s, of_z = barrier.M.over(of_s), barrier.M.times(of_z)
    of_s, of_z = of_s.ravel(), of_z.ravel()
    assert np.allclose(cones.times(of_s), of_z, rtol=1e-6)
    # a step that changes neither is one to μ times the shadow
    assert np.allclose(cones.target(0 * s, 0 * z, 0.5), 0.5 * of_z - s)
    for size in (0.01, 5.0, 500.0):
        ds, dz = size * rng.normal(size=(2, 12))
        t = cones.longest(ds, dz)
        ends = [cones._inside(cones._both(s + f * t * ds, z + f * t * dz)) for f in (1.0, 1.02)]
        assert ends[0]
        assert t == 1.0 or not ends[1]
        t = cones.centred(0.99 * t, ds, dz)
        s, z = s + t * ds, z + t * dz
        cones.scale(s, z)
        assert np.allclose(cones.times(z), s)


def test_interior_points_lead_to_the_solution_of_each_kind_of_system():
    rng = np.random.default_rng(0)
    c, A = rng.normal(size=6), rng.normal(size=(3, 6))
    b = A @ rng.random(6)
    program = LP(c, A, b, b, bounds=(0.0, 2.0))
    ball = ConicProgram(
        None, np.r_[1.0, -2.0, np.zeros(10)],
        sp.csr_array(np.vstack((np.ones((1, 12)), np.zeros((1, 12)), -np.eye(12)))),
        np.r_[1.0, 1.0, np.zeros(12)], [("zero", 1), ("second-order", 13)],
    )  # fmt: skip
    for problem in (program, ball):
        data = problem._data()
        for x, y, near in Interior(data).points():
            gap, apart = data.q @ x + data.rows.support(y)[0], np.abs(data.A @ x - near).max()
        assert np.allclose(data.q + data.A.T @ y, 0, atol=1e-6)
        assert np.abs(data.rows.project(data.A @ x) - data.A @ x).max() <= 1e-6
        assert gap == pytest.approx(0.0, abs=1e-6)
        if problem is ball:
            assert apart <= 1e-6
            assert np.allclose(data.rows.project(near), near)


def test_a_bordered_system_gives_the_steps_of_one_that_is_factored_anew():
    rng = np.random.default_rng(0)
    n, m = WORTH, 40
    A = sp.csr_array(sp.vstack((sp.random_array((m, n), density=0.1, rng=rng), sp.eye_array(n))))
    P = sp.csr_array(sp.diags_array(rng.random(n)))
    rows = Intervals(-np.ones(m + n), np.ones(m + n))
    data = Data(P, np.zeros(n), A, rows)
    kept, σ, γ = NewtonSystem(data), 10.0 ** rng.uniform(-1, 3, m + n), 1e4
    w = 2 * rng.random(m + n)
    for _ in range(5):
        w[rng.integers(0, m, 2)] = 2 * rng.random(2)
        w[m + rng.integers(0, n, 2)] = 2 * rng.random(2)
        slope, g, anew = rows.slope(w), rng.normal(size=n), NewtonSystem(data)
        for system in (kept, anew):
            system.factor(slope, σ, γ)
        met = slope.single
        H = P + sp.eye_array(n) / γ + A[met].T @ sp.diags_array(σ[met]) @ A[met]
        d = kept.step(g)
        assert np.allclose(H @ d, -g, atol=1e-6)
        assert np.allclose(d, anew.step(g), rtol=1e-6, atol=1e-9)
    assert kept.factorizations == 1


@pytest.mark.parametrize("curved", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_cones_of_the_variables_themselves_are_solved_for_by_the_equations_alone(seed, curved):
    """As a semidefinite program in standard form, or a least distance: both systems solve the same
    equations.
    """
    rng = np.random.default_rng(seed)
    k, e, order = 4, 3, rng.permutation(10 + 2)
    entries = rng.uniform(0.5, 2.0, 12)
    D = sp.csr_array(np.diag(-entries)[order])
    A = np.vstack((rng.normal(size=(e, 12)), D.toarray()))
    cones = [("zero", e), ("nonnegative", 2), ("psd", k)]
    P = None
    if curved:  # of one size beside D² where the cone is one of matrices
        share = np.full(12, 0.7)
        share[order[:2]] = rng.uniform(0.0, 2.0, 2)
        P = sp.diags_array(share * entries**2)
    program = ConicProgram(P, rng.normal(size=12), sp.csr_array(A), rng.normal(size=15), cones)
    data = program._data()
    interior = Interior(data)
    assert isinstance(interior.system, _Standard)
    points = [[each.unit + 0.1 * rng.random(each.unit.size) for each in interior.cones]] * 2
    for cone, s, z in zip(interior.cones, *points, strict=True):
        cone.scale(s, 2 * z)
    a, b = rng.normal(size=12), rng.normal(size=15)
    found = []
    for system in (interior.system, _Dense(interior)):
        system.factor()
        found.append(system.solve(a, b))
    for one, other in zip(*found, strict=True):
        assert np.allclose(one, other, atol=1e-8)


def entropies():
    """Four probabilities of the least ⟨c, p⟩ − entropy."""
    n, eye = 4, sp.eye_array(4)
    rows, tops = sp.kron(eye, [[0.0], [-1.0], [0.0]]), sp.kron(eye, [[-1.0], [0.0], [0.0]])
    A = sp.block_array([[sp.csr_array(np.ones((1, n))), None], [rows, tops]])
    b = np.r_[1.0, np.tile([0.0, 0.0, 1.0], n)]
    c = np.r_[0.3, -0.2, 0.1, 0.5, -np.ones(n)]
    return c, sp.csr_array(A), b, [("zero", 1), ("exponential", n)]


def with_cones_of_rows(cones):
    """A bounded program of such cones, whose duals have a point inside too."""
    rng = np.random.default_rng(0)
    inside = np.concatenate([[2.0, 1.0, 0.3]] * (2 if cones[0][0] == "power" else 1))
    A = rng.normal(size=(inside.size, 3))
    return A.T @ -inside, sp.csr_array(A), A @ rng.normal(size=3) + inside, cones


UNITS = {
    "entropies": entropies(),
    "power": with_cones_of_rows([("power", [0.3, 0.6])]),
    "second-order": with_cones_of_rows([("second-order", 3)]),
    "orthant": with_cones_of_rows([("nonnegative", 3)]),
}


@pytest.mark.parametrize("kind", UNITS)
def test_steps_know_no_units_of_sides_and_slopes(kind):
    c, A, b, cones = UNITS[kind]
    plain = ConicProgram(None, c, A, b, cones).solve()
    for of_x in (1e-8, 1e-3, 1e3, 1e8):
        for of_y in (1e-8, 1.0, 1e8):
            found = ConicProgram(None, of_y * c, A, of_x * b, cones).solve()
            assert np.allclose(found.x, of_x * plain.x, rtol=1e-4, atol=1e-4 * of_x)
            assert 2 / 3 <= found.iterations / plain.iterations <= 1.5


@pytest.mark.parametrize("kind", UNITS)
def test_a_side_that_is_never_met_spoils_nothing(kind):
    c, A, b, cones = UNITS[kind]
    plain = ConicProgram(None, c, A, b, cones).solve()
    far = sp.csr_array(np.ones((1, c.size)))
    for sides in ([1e20], [1e20, 1e30]):
        rows, first = sp.vstack([far] * len(sides) + [A]), ("nonnegative", len(sides))
        found = ConicProgram(None, c, rows, np.r_[sides, b], [first, *cones]).solve()
        assert np.allclose(found.x, plain.x, rtol=1e-4, atol=1e-4)
        assert not found.y[: len(sides)].any()
        assert found.iterations <= 1.5 * plain.iterations


@pytest.mark.parametrize("kind", ["power", "dual power"])
@pytest.mark.parametrize("unit", [1e-12, 1e4, 1e12])
def test_rows_of_a_power_cone_have_units_of_their_own(kind, unit):
    """e₁, e₂, e₃ = e₁ᵃe₂¹⁻ᵃ map the cone to itself, and its dual."""
    shares = np.array([0.3, 0.6])
    c, A, b, _ = with_cones_of_rows([("power", shares)])
    plain = ConicProgram(None, c, A, b, [(kind, shares)]).solve()
    e = np.array([unit, 1.0, unit**0.3, 1 / unit, unit, unit**-0.2])
    scaled = ConicProgram(None, c, sp.diags_array(e) @ A, e * b, [(kind, shares)]).solve()
    assert scaled.objective == pytest.approx(plain.objective, rel=1e-6)
    assert np.allclose(e * scaled.y, plain.y, rtol=1e-3, atol=1e-3)
    assert scaled.iterations <= 1.5 * plain.iterations
