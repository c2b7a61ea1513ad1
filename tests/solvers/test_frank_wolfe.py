"""Frank-Wolfe: feasible, made of few points, no slower than its bound; its gap is a certificate."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, to_numpy
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(11)
N = 8
A, B = RNG.normal(size=(12, N)), RNG.normal(size=12)
FIT = f.LeastSquares(A, B)
L = np.linalg.norm(A, 2) ** 2
SETS = {  # with their diameters
    "l1 ball": (f.L1Ball(1.5), 3.0),
    "simplex": (f.Simplex(2.0), 2.0 * 2**0.5),
    "solid simplex": (f.SolidSimplex(1.0), 2**0.5),
    "capped simplex": (f.CappedSimplex(1.0, 0.3), 2**0.5),
    "ball": (f.L2Ball(0.5, RNG.normal(size=N)), 1.0),
    "box": (f.Box(-0.1, RNG.uniform(0.0, 1.0, N)), N**0.5 * 1.1),
    "moved": (f.L1Ball(1.0).translate(np.ones(N)), 2.0),
}
EACH = pytest.mark.parametrize("name", SETS)


def iterates(F, G, x0, count):
    method = sk.FrankWolfe().chosen(F, G)
    iteration = method.bind(F, G)
    state = iteration.begin(x0, Space.of(x0))
    for _ in range(count):
        yield state
        state = iteration.step(state)


@EACH
def test_the_bound_and_the_gap_hold_at_every_iteration(name):
    C, diameter = SETS[name]
    G = sk.Subdifferential(C)
    best = sk.minimize(FIT + C, np.zeros(N), tol=1e-11).objective
    for k, x in enumerate(iterates(sk.Subdifferential(FIT), G, np.ones(N), 60)):
        assert C.value(x, feasibility_tol=1e-9) == 0
        slope = A.T @ (A @ x - B)
        away = x - C.v if name == "moved" else x
        support = (C.f if name == "moved" else C).conjugate(-slope)
        gap = slope @ away + support
        assert FIT(x) - best <= gap * (1 + 1e-9) + 1e-9
        if k:
            assert FIT(x) - best <= 2 * L * diameter**2 / (k + 2)


@EACH
def test_stops_by_the_gap_that_it_tells(name):
    C, _ = SETS[name]
    found = sk.minimize(FIT + C, np.zeros(N), sk.FrankWolfe(), tol=sk.Gap(0.05), max_iter=20_000)
    best = sk.minimize(FIT + C, np.zeros(N), tol=1e-11).objective
    assert found.objective - best <= found.duality_gap * (1 + 1e-9) + 1e-12
    # told of the step after the last
    assert found.duality_gap <= 0.06 * found.objective


def test_made_of_few_points():
    points = iterates(sk.Subdifferential(FIT), sk.NormalCone(f.L1Ball(1.5)), np.zeros(N), 5)
    for k, x in enumerate(points):
        assert np.count_nonzero(x) <= k


def test_low_rank_on_a_nuclear_ball():
    X = RNG.normal(size=(6, 5))
    fit = f.SquaredL2(center=X)
    G = sk.NormalCone(f.NuclearBall(2.0))
    for k, x in enumerate(iterates(sk.Subdifferential(fit), G, np.zeros((6, 5)), 4)):
        assert np.linalg.matrix_rank(x, tol=1e-9) <= k
        assert np.linalg.norm(x, "nuc") <= 2.0 * (1 + 1e-12)


def test_where_f_is_not_convex_the_gap_vanishes_at_stationary_points():
    # draws of its own, not what other tests left; a minimum at a vertex, which is reached soon
    rng = np.random.default_rng(2)
    Q, _ = np.linalg.qr(rng.normal(size=(N, N)))
    M = Q @ np.diag(np.linspace(-2.0, 2.0, N)) @ Q.T
    inclusion = sk.Affine((M + M.T) / 2, rng.normal(size=N)) + sk.NormalCone(f.Box(-1.0, 1.0))
    found = sk.solve(inclusion, np.zeros(N), sk.FrankWolfe(), tol=1e-6, max_iter=20_000)
    value = inclusion.terms[0](found.x)
    np.testing.assert_allclose(found.x, np.clip(found.x - value, -1, 1), atol=1e-4)
    assert "proves no minimum" in found.message


def test_products_of_sets():
    x0 = (np.zeros(3), np.zeros(2))
    center = (np.array([2.0, 0.0, -1.0]), np.array([0.3, 0.1]))
    fit = f.SeparableSum([f.SquaredL2(center=c) for c in center])
    C = f.SeparableSum(f.L2Ball(1.0), f.Simplex())
    found = sk.minimize(fit + C, x0, sk.FrankWolfe(), tol=1e-4, max_iter=5000)
    np.testing.assert_allclose(found.x[0], center[0] / 5**0.5, atol=1e-3)
    np.testing.assert_allclose(found.x[1], f.Simplex().project(center[1]), atol=1e-3)


@pytest.mark.parametrize("unit", [2.0**-27, 2.0**27])
def test_knows_no_units(unit):
    plain = sk.minimize(FIT + f.L2Ball(0.5), np.zeros(N), sk.FrankWolfe(), tol=1e-4)
    larger = sk.minimize(
        f.LeastSquares(A, unit * B) + f.L2Ball(0.5 * unit), np.zeros(N), sk.FrankWolfe(), tol=1e-4
    )
    assert larger.iterations == plain.iterations
    np.testing.assert_allclose(larger.x, unit * plain.x, rtol=1e-12)


@sampled(0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_and_batches(xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    b = RNG.normal(size=(2, 12))
    problem = f.LeastSquares(array(A), array(b), batch_ndim=1) + f.L2Ball(0.4, batch_ndim=1)
    options = {"tol": 1e-3, "batch_ndim": 1}
    found = sk.minimize(problem, array(np.zeros((2, N))), sk.FrankWolfe(), **options)
    assert found.x.dtype == getattr(xp, dtype)
    for i in range(2):
        alone = f.LeastSquares(A, b[i]) + f.L2Ball(0.4)
        best = sk.minimize(alone, np.zeros(N), tol=1e-11).x
        np.testing.assert_allclose(to_numpy(found.x)[i], best, atol=3e-3)


@pytest.mark.parametrize(
    ("F", "C", "options", "says"),
    [
        (FIT, f.L1Ball(), {"alpha": 1.0}, "too long"),
        (FIT, f.NonNegative(), {}, "bounded set with a support point"),
        (FIT, f.Box(0.0, np.inf), {}, "bounded set with a support point"),
        (FIT, f.L0Ball(2), {}, "bounded set with a support point"),
        (FIT, f.L1Norm(), {}, "bounded set with a support point"),
    ],
    ids=["step", "cone", "half-open box", "not convex", "no set"],
)
def test_what_no_theorem_covers_is_refused(F, C, options, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.minimize(F + C, np.ones(N), sk.FrankWolfe(**options))


def test_no_gradient_is_refused():
    turn = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]))
    with pytest.raises(sk.NoGuaranteeError, match="must be a gradient"):
        sk.solve(turn + sk.NormalCone(f.L2Ball()), np.ones(2), sk.FrankWolfe())


def test_sets_without_a_formula_say_so():
    with pytest.raises(TypeError, match="no support point in closed form"):
        f.AffineSet(np.ones((1, 2)), np.ones(1)).support_point(np.ones(2))


def test_no_proof_of_steps_that_depend_on_values():
    F, G = sk.Affine(np.eye(2)), sk.NormalCone(f.Box(0.0, 1.0))
    with pytest.raises(TypeError, match="its steps depend on values: on inner of points"):
        sk.FrankWolfe(alpha=1.0).proof(F, G)
