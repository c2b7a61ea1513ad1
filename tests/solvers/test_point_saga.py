"""Point-SAGA: parts that add up, one step in expectation, what is refused."""

import numpy as np
import pytest
from scipy.linalg import eigh

import splitkit as sk
from splitkit.backend import Space, to_numpy
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(5)
ROWS, N = 30, 3
A = RNG.normal(size=(ROWS, N))
B = A @ np.array([1.0, 0.0, -2.0]) + 0.1 * RNG.normal(size=ROWS)
LABELS = np.sign(B + RNG.normal(size=ROWS))
TURN = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 2.0], [0.0, -2.0, 0.0]])

SUMS = {
    "logistic and a ridge": f.Logistic(LABELS) @ A + f.SquaredL2(2.0, center=np.ones(N)),
    "least squares": f.LeastSquares(A, B),
    "two fits": f.LeastSquares(A, B) + 0.5 * (f.Huber().translate(LABELS) @ A),
    "terms": f.SquaredL2() + f.Huber() + f.PseudoHuber(2.0, weight=np.ones(N)),
}


@pytest.mark.parametrize("name", SUMS)
def test_finds_what_others_find(name):
    exact = sk.minimize(SUMS[name], np.ones(N), tol=1e-11).x
    found = sk.minimize(SUMS[name], np.ones(N), sk.PointSAGA(seed=2), tol=1e-7)
    np.testing.assert_allclose(found.x, exact, atol=1e-5)
    assert found.method.label == "Point-SAGA"


def test_the_parts_add_up():
    problem = sk.Subdifferential(SUMS["logistic and a ridge"] + f.LeastSquares(A, B))
    plan = sk.plan(problem, np.zeros(N), sk.PointSAGA(batch=1))
    parts = plan.method.parts(*plan.terms)
    assert len(parts) == 2 * ROWS
    x = RNG.normal(size=N)
    np.testing.assert_allclose(sum(part(x) for part in parts), problem(x), atol=1e-12)


def linear_parts(m, skew):
    """Of a sum with zero 0: x ↦ (mI + hᵢhᵢᵀ + skew·TURN)x."""
    h = RNG.normal(size=(4, N))
    return [m * np.eye(N) + np.outer(row, row) + skew * TURN for row in h]


@pytest.mark.parametrize("skew", [0.0, 1.0])
@pytest.mark.parametrize("step", [None, 0.1, 3.0])
def test_a_step_from_any_table_falls_by_its_rate(skew, step):
    """E V⁺ ≤ ρV, of operators that are no gradients, too: V is a quadratic form."""
    matrices = linear_parts(0.5, skew)
    operators = [sk.Affine(M) for M in matrices]
    nothing = sk.Zero().pullback(np.eye(N))
    method = sk.PointSAGA(alpha=step).chosen(nothing, *operators)
    terms = method.terms(nothing, *operators)
    n, alpha = len(matrices), method.alpha
    m = min(F.strong_monotonicity for F in operators)
    beta = min(F.cocoercivity for F in operators)
    V = (alpha**2 + alpha * beta) * np.eye(N * (n + 1))
    V[:N, :N] = (1 + alpha * m) * np.eye(N)
    after = np.zeros_like(V)
    for j, R in enumerate(method.iteration(*terms).R):
        z = np.zeros((N, N * (n + 1)))
        z[:, :N] = np.eye(N)
        for i in range(n):
            z[:, N * (i + 1) : N * (i + 2)] = ((i == j) - 1 / n) * alpha * np.eye(N)
        T = np.eye(N * (n + 1))
        T[:N] = np.column_stack([R(column) for column in z.T])
        T[N * (j + 1) : N * (j + 2)] = (z - T[:N]) / alpha
        after += T.T @ V @ T / n
    factor = method.guarantee(nothing, *operators).rate ** (2 / n)
    assert eigh(after, V, eigvals_only=True)[-1] <= factor * (1 + 1e-12)


def test_parts_that_are_not_smooth_share_a_multiple_of_the_identity():
    problem = f.Hinge(LABELS) @ A + f.SquaredL2(5.0)
    exact = sk.minimize(problem, np.zeros(N), tol=1e-10).x
    found = sk.minimize(problem, np.zeros(N), sk.PointSAGA(), tol=1e-3)
    np.testing.assert_allclose(found.x, exact, atol=1e-2)
    assert found.rate is None
    with pytest.raises(sk.NoGuaranteeError, match="add a multiple of I"):
        sk.minimize(f.Hinge(LABELS) @ A, np.zeros(N), sk.PointSAGA())


@sampled(0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_draws_are_the_same_on_every_library(xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    options = {"tol": 0, "max_iter": 1, "on_failure": "return"}
    method = sk.PointSAGA(alpha=0.1, seed=9)
    found, expected = (
        sk.minimize(f.LeastSquares(to(A[:4]), to(B[:4])), to(np.zeros(N)), method, **options).x
        for to in (array, np.asarray)
    )
    assert found.dtype == getattr(xp, dtype)
    atol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(to_numpy(found), expected, atol=atol)


def test_resuming_goes_on_bit_for_bit():
    problem, options = SUMS["logistic and a ridge"], {"tol": 0, "on_failure": "return"}
    first = sk.minimize(problem, np.zeros(N), sk.PointSAGA(), max_iter=13, **options)
    second = sk.minimize(problem, np.zeros(N), resume=first, max_iter=7, **options)
    whole = sk.minimize(problem, np.zeros(N), sk.PointSAGA(), max_iter=20, **options)
    np.testing.assert_array_equal(second.x, whole.x)


@pytest.mark.parametrize(
    ("problem", "options", "says"),
    [
        (f.Logistic(LABELS) @ A, {"batch": 3}, "give batch=1"),
        (f.Logistic(LABELS) @ (A * (LABELS > 0)[:, None]), {}, "rows that are 0"),
        (f.LeastSquares(A, B), {"batch": ROWS}, "no sum of parts"),
        (f.Logistic(LABELS) @ A + f.L1Norm(), {}, "not known to be cocoercive"),
    ],
    ids=["several rows", "zero rows", "one part", "not cocoercive"],
)
def test_what_no_theorem_covers_is_refused(problem, options, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.minimize(problem, np.zeros(N), sk.PointSAGA(**options))


def test_a_start_knows_elements_of_the_parts():
    F, G = sk.Affine(np.diag([1.0, 2.0, 3.0])), sk.Affine(np.eye(N) + TURN)
    nothing = sk.Zero().pullback(np.eye(N))
    method = sk.PointSAGA(alpha=0.5)
    iteration = method.iteration(*method.terms(nothing, F, G))
    x0 = np.array([1.0, -1.0, 2.0])
    _, table, total, _ = iteration.begin(x0, Space.of(x0))
    for s, part in zip(table, (F, G), strict=True):
        np.testing.assert_allclose(part(x0 - 0.5 * s), s, atol=1e-12)
    np.testing.assert_allclose(total, sum(table))


def test_rows_far_apart_are_rows_of_no_residual():
    """x alone is judged: that of least absolute deviations with an outlier."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(30, 4)), rng.normal(size=30)
    b[3] = 1e3
    problem = f.L1Norm().translate(b) @ A + f.SquaredL2(0.1)
    found = sk.minimize(problem, np.zeros(4), sk.PointSAGA(), tol=1e-6)
    np.testing.assert_allclose(found.x, sk.minimize(problem, np.zeros(4)).x, atol=1e-5)


def test_inside_of_a_transformation_it_says_where_to_solve():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def solved(b):
        problem = f.LeastSquares(jnp.asarray(A), b) + f.SquaredL2(1.0)
        return sk.minimize(problem, jnp.zeros(N), sk.PointSAGA(check=False, alpha=0.1)).x

    with pytest.raises(TypeError, match="Point-SAGA cannot run inside of jit, vmap or grad"):
        jax.vmap(solved)(jnp.ones((2, ROWS)))
