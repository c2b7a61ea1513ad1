"""SAGA and loopless SVRG: parts that add up, unbiased steps, rates in expectation, the same draws
everywhere.
"""

import pickle

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.sparse import csr_array
from sklearn.linear_model import Lasso

import splitkit as sk
from splitkit.backend import Space, to_numpy
from splitkit.solvers.finite_sums import FiniteSum, NoPartsError
from tests.sampling import sampled

f = sk.functions
RNG = np.random.default_rng(3)
ROWS, N = 60, 4
A = RNG.normal(size=(ROWS, N))
B = A @ np.array([1.0, 0.0, -2.0, 0.0]) + 0.1 * RNG.normal(size=ROWS)
LABELS = np.sign(B + 2.0 * RNG.normal(size=ROWS))
FIT, PENALTY = f.LeastSquares(A, B), f.L1Norm(3.0)
METHODS = [sk.SAGA, sk.LooplessSVRG]
EACH = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)

SUMS = {
    "least squares": FIT,
    "without b": f.LeastSquares(A),
    "sparse": f.LeastSquares(csr_array(A), B),
    "logistic": f.Logistic(LABELS) @ A,
    "weights": f.Huber(0.5, weight=RNG.uniform(0.1, 2.0, ROWS)) @ A,
    "scaled and moved": 3.0 * (f.PseudoHuber().translate(B) @ A),
    "within": (2.0 * f.Huber().translate(B) + 1.0) @ A,
    "with a ridge": FIT + f.SquaredL2(0.5),
    "twice, with a ridge": 2.0 * FIT + f.SquaredL2(0.5),
    "two fits": FIT + f.Logistic(LABELS[:20]) @ A[:20],
    "terms": f.SquaredL2() + f.Huber() + f.PseudoHuber(2.0, weight=np.ones(N)),
}


@pytest.mark.parametrize("batch", [None, 1, 7])
@pytest.mark.parametrize("name", SUMS)
def test_parts_add_up_and_their_constants_hold(name, batch):
    F = sk.Subdifferential(SUMS[name])
    total = FiniteSum.of(F, batch)
    x, y = RNG.normal(size=(2, N))
    for z in (x, y):
        remembered = tuple(part.remembered(z) for part in total.parts)
        np.testing.assert_allclose(total.beside(z, total.whole(remembered)), F(z), atol=1e-12)
    for part in total.parts:
        change = part.pulled(part.remembered(x)) - part.pulled(part.remembered(y))
        assert np.linalg.norm(change) <= part.lipschitz * np.linalg.norm(x - y) * (1 + 1e-12)
    if batch == 1 and name in ("least squares", "sparse"):
        np.testing.assert_allclose([p.lipschitz for p in total.parts], np.sum(A * A, axis=1))
    assert F.lipschitz <= sum(p.lipschitz for p in total.parts) + total.steepness + 1e-9


@EACH
@pytest.mark.parametrize("name", ["least squares", "logistic", "with a ridge", "two fits", "terms"])
def test_finds_what_others_find(kind, name):
    problem = SUMS[name] + f.L1Norm(0.3)
    exact = sk.minimize(problem, np.ones(N), sk.FISTA(), tol=1e-12).x
    found = sk.minimize(problem, np.ones(N), kind(batch=3), tol=1e-7)
    np.testing.assert_allclose(found.x, exact, atol=1e-5)
    assert found.method.label == kind.label


@EACH
def test_agrees_with_scikit_learn(kind):
    model = Lasso(alpha=3.0 / ROWS, fit_intercept=False, tol=1e-13).fit(A, B)
    found = sk.minimize(FIT + PENALTY, np.zeros(N), kind(), tol=1e-10)
    np.testing.assert_allclose(found.x, model.coef_, atol=1e-8)
    m = np.linalg.eigvalsh(A.T @ A)[0]
    assert np.linalg.norm(found.x - model.coef_) <= found.residual / m + 1e-9


def lyapunov(method, total, state, x, exact):
    """V of the theorem: SAGA's of the Bregman distances of ½‖Aⱼ· − bⱼ‖², SVRG's of σ²."""
    n, alpha = len(total.parts), method.alpha
    square = float((x - exact) @ (x - exact))
    at_solution = [part.remembered(exact) for part in total.parts]
    pairs = zip(total.parts, state[1], at_solution, strict=True)
    if isinstance(method, sk.SAGA):  # ½‖Aⱼ(xⱼ − x*)‖²
        return square + 4 / 3 * n * alpha * sum(float((s - e) @ (s - e)) / 2 for _, s, e in pairs)
    L = sum(part.lipschitz for part in total.parts)
    noise = sum(np.sum(p.pulled(s - e) ** 2) * L / p.lipschitz for p, s, e in pairs)
    return square + 4 * n * alpha**2 * noise


@EACH
def test_the_rate_holds_in_expectation(kind):
    F, G = sk.Subdifferential(FIT), sk.Subdifferential(PENALTY)
    exact = sk.solve(F + G, np.ones(N), sk.FISTA(), tol=1e-13).x
    x0, passes, seeds = 3.0 * np.ones(N), 12, 40
    values = np.zeros((seeds, passes + 1))
    for seed in range(seeds):
        method = kind(batch=6, seed=seed).chosen(F, G)
        iteration = method.bind(F, G)
        state = iteration.begin(x0, Space.of(x0))
        for k in range(passes + 1):
            values[seed, k] = lyapunov(method, iteration.total, state, state[0], exact)
            state = iteration.step(state)
    guarantee = method.guarantee(F, G)
    assert guarantee.falls.startswith("in expectation")
    bound = values[0, 0] * guarantee.rate ** (2 * np.arange(passes + 1))
    assert np.all(values.mean(axis=0) <= bound * (1 + 1e-12))
    assert len(set(values[:, -1])) == seeds


@EACH
def test_the_step_is_unbiased(kind):
    """x − αv of each part, weighted by its probability, is x − αF(x); here with G = 0."""
    F = sk.Subdifferential(FIT)
    method = kind(batch=6).chosen(F, sk.Zero())
    iteration = method.iteration(*method.terms(F, sk.Zero()))
    x0, x = np.ones(N), np.array([0.3, -1.0, 2.0, 0.1])
    _, remembered, whole, _ = iteration.begin(x0, Space.of(x0))
    L = np.array([part.lipschitz for part in iteration.total.parts])
    chances = np.full(len(L), 1 / len(L)) if kind is sk.SAGA else L / L.sum()
    mean = 0.0
    for part, s, p in zip(iteration.total.parts, remembered, chances, strict=True):
        change = part.pulled(part.remembered(x) - s)
        mean = mean + p * iteration.moved_by(x, change, whole, p)[1]
    np.testing.assert_allclose(mean, x - method.alpha * F(x), atol=1e-12)


@sampled(0)
@EACH
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_draws_are_the_same_on_every_library(kind, xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    problem = f.LeastSquares(array(A[:12]), array(B[:12])) + PENALTY
    options = {"tol": 0, "max_iter": 5, "on_failure": "return"}
    method = kind(batch=2, alpha=0.001, seed=9, check=False)
    found = sk.minimize(problem, array(np.zeros(N)), method, **options)
    assert found.x.dtype == getattr(xp, dtype)
    plain = f.LeastSquares(A[:12], B[:12]) + PENALTY
    expected = sk.minimize(plain, np.zeros(N), method, **options).x
    atol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(to_numpy(found.x), expected, atol=atol)


@EACH
def test_single_precision_converges(kind):
    problem = f.LeastSquares(A.astype("f"), B.astype("f")) + PENALTY
    found = sk.minimize(problem, np.zeros(N, "f"), kind(), tol=1e-5)
    exact = sk.minimize(FIT + PENALTY, np.zeros(N)).x
    np.testing.assert_allclose(found.x, exact, atol=1e-4)


@EACH
def test_resuming_goes_on_bit_for_bit(kind):
    options = {"tol": 0, "on_failure": "return"}
    first = sk.minimize(FIT + PENALTY, np.zeros(N), kind(batch=3), max_iter=13, **options)
    again = pickle.loads(pickle.dumps(first))
    second = sk.minimize(FIT + PENALTY, np.zeros(N), resume=again, max_iter=26, **options)
    whole = sk.minimize(FIT + PENALTY, np.zeros(N), kind(batch=3), max_iter=39, **options)
    np.testing.assert_array_equal(second.x, whole.x)


@EACH
@pytest.mark.parametrize("unit", [2.0**-27, 2.0**27])
def test_knows_no_units(kind, unit):
    plain = sk.minimize(FIT + PENALTY, np.zeros(N), kind(batch=3), tol=1e-8)
    larger = sk.minimize(unit * FIT + unit * PENALTY, np.zeros(N), kind(batch=3), tol=1e-8)
    assert larger.iterations == plain.iterations
    np.testing.assert_allclose(larger.x, plain.x, rtol=1e-12, atol=1e-15)
    moved = sk.minimize(
        f.LeastSquares(A, unit * B) + f.L1Norm(3.0 * unit), np.zeros(N), kind(batch=3), tol=1e-8
    )
    assert moved.iterations == plain.iterations
    np.testing.assert_allclose(moved.x, unit * plain.x, rtol=1e-12, atol=1e-15 * unit)


@EACH
def test_a_batch_of_problems(kind):
    b = RNG.normal(size=(3, ROWS))
    many = f.LeastSquares(A, b, batch_ndim=1) + PENALTY
    options = {"tol": 0, "max_iter": 9, "on_failure": "return"}
    method = kind(batch=5)
    found = sk.minimize(many, np.zeros((3, N)), method, batch_ndim=1, **options)
    for i in range(3):
        alone = sk.minimize(f.LeastSquares(A, b[i]) + PENALTY, np.zeros(N), method, **options)
        np.testing.assert_allclose(found.x[i], alone.x, atol=1e-12)


def test_fewer_evaluations_than_fista_of_many_rows():
    """F of 5,000 rows, in whole evaluations: SAGA's passes are one each."""
    X = np.random.default_rng(0).normal(size=(5000, 10)) * np.logspace(0, -1, 10)
    y = np.sign(X @ np.ones(10) + 0.1)
    problem = f.Logistic(y) @ X + f.SquaredL2(5.0) + f.L1Norm(1.0)
    fast = sk.minimize(problem, np.zeros(10), sk.FISTA(), tol=1e-8)
    saga = sk.minimize(problem, np.zeros(10), sk.SAGA(batch=20), tol=1e-8)
    np.testing.assert_allclose(saga.x, fast.x, atol=1e-5)
    assert saga.iterations + len(saga.history.iteration) < 0.75 * fast.iterations


def test_explain_shows_them_by_name_and_solve_takes_neither():
    explanation = sk.explain(FIT + PENALTY)
    assert {o.method.label for o in explanation.by_name} >= {"SAGA", "loopless SVRG"}
    assert "by name: SAGA, holds" in str(explanation)
    assert "almost surely" in str(explanation)
    assert not isinstance(explanation.chosen.method, tuple(METHODS))


def test_one_steep_part_does_not_shorten_steps_that_draw_it_often():
    X = A.copy()
    X[0] *= 10.0
    problem = f.LeastSquares(X, B) + PENALTY
    saga, svrg = (sk.minimize(problem, np.zeros(N), kind(batch=1), tol=1e-4) for kind in METHODS)
    assert svrg.method.alpha > 3 * saga.method.alpha
    assert svrg.iterations < saga.iterations / 2


@EACH
@pytest.mark.parametrize(
    ("F", "G", "options", "says"),
    [
        (FIT, PENALTY, {"alpha": 1.0}, "too long"),
        (f.SquaredL2(), PENALTY, {}, "no part"),
        (FIT, PENALTY, {"batch": ROWS}, "has 1 part"),
        (FIT, f.MCP(), {}, "maximal monotone"),
    ],
    ids=["step", "one term", "one batch", "not convex"],
)
def test_what_no_theorem_covers_is_refused(kind, F, G, options, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.minimize(F + G, np.zeros(N), kind(**options))


@EACH
def test_wrong_options(kind):
    with pytest.raises(ValueError, match="batch = 0"):
        kind(batch=0)
    with pytest.raises(ValueError, match="seed = -1"):
        kind(seed=-1)
    with pytest.raises(ValueError, match=r"seed = 3.*below 2"):
        kind(seed=2**128)
    options = {"tol": 0, "max_iter": 1, "on_failure": "return"}
    assert sk.minimize(FIT + PENALTY, np.ones(N), kind(seed=2**128 - 1), **options).iterations == 1
    with pytest.raises(TypeError, match=r"batch = 2\.5"):
        kind(batch=2.5)


@pytest.mark.parametrize("step", [1.0, 0.8, 0.5, 0.1])
@pytest.mark.parametrize("ridge", [0.0, 1.0])
@pytest.mark.parametrize(
    "M",
    [np.eye(10), np.linalg.qr(RNG.normal(size=(5, 5)))[0][:, :3], RNG.normal(size=(6, 2))],
    ids=["each row its own", "orthonormal", "any"],
)
def test_a_step_of_saga_from_any_table_falls_by_its_rate(M, ridge, step):
    """E V⁺ ≤ ρV of ½‖Mx‖² + ½ridge‖x‖²: both are quadratic forms of x and the table."""
    n, d = M.shape
    F = sk.Subdifferential(f.LeastSquares(M) + f.SquaredL2(ridge) if ridge else f.LeastSquares(M))
    longest = sk.SAGA(batch=1).chosen(F, sk.Zero()).alpha
    np.testing.assert_allclose(longest, 1 / (3 * (n * np.max(np.sum(M * M, axis=1)) + ridge)))
    method = sk.SAGA(batch=1, alpha=step * longest)
    alpha = method.alpha
    factor = method.guarantee(F, sk.Zero()).rate ** (2 / n)
    V = np.eye(d + n)
    if step > 0.5:
        V[d:, d:] *= 2 / 3 * n * alpha
    else:
        V[d:, d:] = 4 * n**2 * alpha**2 * np.diag(np.sum(M * M, axis=1))
    after = np.zeros_like(V)
    for j in range(n):  # x⁺ = x − α(n(Mⱼᵀ(Mⱼx − sⱼ)) + Mᵀs + ridge x), sⱼ⁺ = Mⱼx
        T = np.eye(d + n)
        T[:d, :d] -= alpha * (n * np.outer(M[j], M[j]) + ridge * np.eye(d))
        T[:d, d:] -= alpha * M.T
        T[:d, d + j] += alpha * n * M[j]
        T[d + j] = 0.0
        T[d + j, :d] = M[j]
        after += T.T @ V @ T / n
    assert eigh(after, V, eigvals_only=True)[-1] <= factor


@EACH
def test_of_constant_parts_every_step_is_short_enough(kind):
    problem = f.LeastSquares(np.zeros((6, 3)), np.ones(6)) + f.L1Norm(0.1)
    for alpha in (None, 100.0):
        found = sk.minimize(problem, np.ones(3), kind(batch=2, alpha=alpha))
        np.testing.assert_array_equal(found.x, np.zeros(3))


def test_parts_that_are_not_convex_are_no_parts():
    turn = sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]]))
    with pytest.raises(NoPartsError, match="gradient of a convex function"):
        FiniteSum.of(turn + sk.Affine(np.eye(2)) + sk.Subdifferential(f.Huber()), None)


@EACH
def test_steps_that_the_host_draws_are_not_compiled(kind):
    jnp = pytest.importorskip("jax.numpy")
    problem = f.LeastSquares(jnp.asarray(A[:6]), jnp.asarray(B[:6])) + PENALTY
    with pytest.raises(ValueError, match="compile = True: the host"):
        sk.minimize(problem, jnp.zeros(N), kind(batch=3), tol=0, max_iter=9, compile=True)
