"""Frank-Wolfe with away steps: x stays a mean of vertices, the gap falls linearly on polytopes."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, to_numpy
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(12)
N = 6
A, B = RNG.normal(size=(10, N)), RNG.normal(size=10)
FIT = f.LeastSquares(A, B)
SETS = {
    "l1 ball": f.L1Ball(0.7),
    "simplex": f.Simplex(2.0),
    "box": f.Box(-0.4, 0.5),
    "moved": f.L1Ball(0.5).translate(np.full(N, 0.2)),
}
EACH = pytest.mark.parametrize("name", SETS)


def states(C, count, problem=FIT):
    method = sk.AwayFrankWolfe()
    F, G = sk.Subdifferential(problem), sk.Subdifferential(C)
    iteration = method.bind(F, G)
    state = iteration.begin(np.zeros(N), Space.of(np.zeros(N)))
    for _ in range(count):
        yield iteration, state
        state = iteration.step(state)


@EACH
def test_x_is_a_mean_of_points_of_the_set_and_values_fall(name):
    before = np.inf
    for _, (x, hull, _) in states(SETS[name], 80):
        np.testing.assert_allclose(hull.sum, x, atol=1e-12)
        assert min(hull.weights) > 0
        assert sum(hull.weights) == pytest.approx(1.0)
        assert all(SETS[name].value(v, feasibility_tol=1e-12) == 0 for v in hull.points)
        assert FIT(x) <= before * (1 + 1e-12)
        before = FIT(x)


@EACH
def test_falls_linearly_where_frank_wolfe_does_not(name):
    exact = sk.minimize(FIT + SETS[name], np.zeros(N), tol=1e-11).x
    found = sk.minimize(FIT + SETS[name], np.zeros(N), sk.AwayFrankWolfe(), tol=1e-7)
    np.testing.assert_allclose(found.x, exact, atol=1e-5)
    options = {"tol": 1e-7, "max_iter": 3 * found.iterations, "on_failure": "return"}
    plain = sk.minimize(FIT + SETS[name], np.zeros(N), sk.FrankWolfe(), **options)
    assert not plain.converged


def test_steps_away_leave_points_out():
    """The solution is a vertex: one point is left, and the others were met."""
    problem = f.SquaredL2(center=np.array([3.0, 0.4, 0.3, 0.0, 0.0, 0.0]))
    counts = [len(hull.points) for _, (_, hull, _) in states(f.Simplex(), 40, problem)]
    assert counts[-1] == 1


@sampled(0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library(xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    options = {"tol": 0, "max_iter": 3, "on_failure": "return"}
    problem = f.LeastSquares(array(A), array(B)) + f.L1Ball(0.7)
    found = sk.minimize(problem, array(np.zeros(N)), sk.AwayFrankWolfe(alpha=0.02), **options).x
    method = sk.AwayFrankWolfe(alpha=0.02)
    expected = sk.minimize(FIT + f.L1Ball(0.7), np.zeros(N), method, **options).x
    assert found.dtype == getattr(xp, dtype)
    np.testing.assert_allclose(
        to_numpy(found), expected, atol=1e-4 if dtype == "float32" else 1e-11
    )


def test_resuming_goes_on_bit_for_bit():
    options = {"tol": 0, "on_failure": "return"}
    problem = FIT + f.Simplex()
    first = sk.minimize(problem, np.zeros(N), sk.AwayFrankWolfe(), max_iter=13, **options)
    second = sk.minimize(problem, np.zeros(N), resume=first, max_iter=17, **options)
    whole = sk.minimize(problem, np.zeros(N), sk.AwayFrankWolfe(), max_iter=30, **options)
    np.testing.assert_array_equal(second.x, whole.x)


def test_what_it_does_not_take_is_refused():
    with pytest.raises(sk.NoGuaranteeError, match="not known to be one"):
        sk.minimize(FIT + f.L2Ball(), np.zeros(N), sk.AwayFrankWolfe())
    many = f.LeastSquares(A, np.stack([B, B]), batch_ndim=1) + f.Simplex(batch_ndim=1)
    with pytest.raises(ValueError, match="batch_ndim = 1: Frank-Wolfe with away steps keeps"):
        sk.minimize(many, np.zeros((2, N)), sk.AwayFrankWolfe(), batch_ndim=1)
    # a ball of complex moduli has no vertices
    ball = f.LeastSquares(A + 0j, B + 0j) + f.L1Ball(0.5)
    with pytest.raises(TypeError, match="a ball of moduli is no polytope"):
        sk.minimize(ball, np.zeros(N) + 0j, sk.AwayFrankWolfe())
