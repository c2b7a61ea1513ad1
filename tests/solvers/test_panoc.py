"""PANOC: stationary to what it says, also where nothing is convex; no more gradients than FISTA."""

from collections import Counter

import numpy as np
import pytest
from sklearn.linear_model import Lasso

import splitkit as sk
from splitkit.backend import Space, solving, to_numpy
from splitkit.solvers.terms import Maps
from tests.sampling import sampled
from tests.solvers.quartic import Quartic

f = sk.functions
RNG = np.random.default_rng(7)
A = RNG.normal(size=(30, 50)) @ np.diag(np.logspace(0, -1.5, 50))
B = RNG.normal(size=30)
WEIGHT = 0.02 * np.abs(A.T @ B).max()
L = np.linalg.norm(A, 2) ** 2
FIT = f.LeastSquares(A, B)


def distance(prox, slope, x, alpha):
    """‖x − prox_{αg}(x − α∇f(x))‖/α by plain NumPy: 0 at stationary points alone."""
    return np.linalg.norm(x - prox(x - alpha * slope, alpha)) / alpha


def soft(y, alpha, weight=WEIGHT):
    return np.sign(y) * np.maximum(np.abs(y) - alpha * weight, 0.0)


def hard(y, alpha, weight):
    return np.where(y * y > 2 * alpha * weight, y, 0.0)


class Cauchy(f.Function):
    """Σ ½ log(1 + xᵢ²): smooth, and not convex."""

    convex = False
    elementwise = True
    strong_convexity = -0.125
    smoothness = 1.0

    def __call__(self, x):
        return np.sum(np.log1p(x * x), axis=tuple(range(self.batch_ndim, x.ndim))) / 2

    def gradient(self, x):
        return x / (1 + x * x)


def test_agrees_with_scikit_learn_on_the_lasso():
    model = Lasso(alpha=WEIGHT / 30, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(A, B)
    found = sk.minimize(FIT + f.L1Norm(WEIGHT), np.zeros(50), sk.PANOC(), tol=1e-10)
    np.testing.assert_allclose(found.x, model.coef_, atol=1e-6)
    assert found.message.endswith("iterations")
    assert found.duality_gap <= 1e-8 * found.objective


@pytest.mark.parametrize(
    ("g", "prox"),
    [
        (f.L0Norm(WEIGHT), lambda y, a: hard(y, a, WEIGHT)),
        (f.L0Ball(5), lambda y, a: np.where(np.abs(y) >= np.sort(np.abs(y))[-5], y, 0.0)),
        (f.MCP(gamma=2 / L, weight=WEIGHT), lambda y, a: f.MCP(2 / L, WEIGHT).prox(y, a)),
        (f.SCAD(weight=WEIGHT), lambda y, a: f.SCAD(weight=WEIGHT).prox(y, a)),
    ],
    ids=["l0", "l0 ball", "MCP", "SCAD"],
)
def test_penalties_that_are_not_convex(g, prox):
    found = sk.minimize(FIT + g, np.zeros(50), sk.PANOC(), tol=1e-9, max_iter=20_000)
    x = found.x
    slope = A.T @ (A @ x - B)
    assert distance(prox, slope, x, 0.5 / L) < 1e-6
    assert "proves no minimum" in found.message
    assert found.objective <= FIT(np.zeros(50))
    alike = g(x) if not isinstance(g, f.L0Ball) else 0.0
    np.testing.assert_allclose(found.objective, FIT(x) + alike)


def test_without_pairs_it_is_a_spectral_proximal_gradient_method():
    """Stationary, too, and with fewer gradients than forward-backward steps of 1/L."""
    F, G = map(sk.Subdifferential, CASES["lasso"])
    x0 = np.zeros(50)
    tol = 1e-5 * np.linalg.norm(F(x0))
    spectral = gradients(sk.PANOC(memory=0), F, G, x0, tol)
    assert spectral < gradients(sk.ForwardBackward(alpha=1 / L), F, G, x0, tol) / 2
    weight = f.MCP(gamma=2 / L, weight=WEIGHT)
    found = sk.minimize(FIT + weight, x0, sk.PANOC(memory=0), tol=1e-8, max_iter=20_000)
    slope = A.T @ (A @ found.x - B)
    assert distance(weight.prox, slope, found.x, 0.5 / L) < 1e-5


@pytest.mark.parametrize("method", [sk.PANOC(), sk.PANOC(alpha=0.4 / L)])
def test_losses_that_are_not_convex(method):
    loss = Cauchy().translate(B) @ A
    found = sk.minimize(loss + f.L1Norm(0.01), np.ones(50), method, tol=1e-8, max_iter=50_000)
    r = A @ found.x - B
    assert distance(lambda y, a: soft(y, a, 0.01), A.T @ (r / (1 + r * r)), found.x, 1 / L) < 1e-5
    assert found.objective < (loss + f.L1Norm(0.01))(np.ones(50))


def test_an_indefinite_matrix_on_a_box():
    """min ½⟨x, Mx⟩ − ⟨q, x⟩ on a box: a minimum is at a bound, as M has negative eigenvalues."""
    Q, _ = np.linalg.qr(RNG.normal(size=(6, 6)))
    M = Q @ np.diag([3.0, 2.0, 1.0, 0.5, -0.5, -1.0]) @ Q.T
    inclusion = sk.Affine((M + M.T) / 2, RNG.normal(size=6)) + sk.NormalCone(f.Box(-1.0, 1.0))
    found = sk.solve(inclusion, 0.1 * np.ones(6), sk.PANOC(), tol=1e-10)
    value = inclusion.terms[0](found.x)
    np.testing.assert_allclose(found.x, np.clip(found.x - value, -1, 1), atol=1e-8)
    assert np.any(np.abs(found.x) == 1)


def test_the_envelope_falls_and_lies_between_the_values():
    method, g = sk.PANOC(), f.MCP(gamma=2 / L, weight=WEIGHT)
    terms = method.terms(sk.Subdifferential(FIT), sk.Subdifferential(g))
    method = method.chosen(*terms)
    iteration = method.bind(*terms)
    x0 = np.ones(50)
    state = iteration.advance(iteration.begin(x0, Space.of(x0)))[0]
    before = np.inf
    for _ in range(100):
        *at, alpha, _, _ = state
        x, z = at[0], at[3]
        value, square, noise = iteration.envelope(at, alpha)
        assert (FIT + g)(z) <= value + noise
        assert value <= (FIT + g)(x) + noise
        assert value <= before + noise
        before = value - (1 - alpha * L) / 4 / alpha * square
        state = iteration.step(state)


class Counting(Maps):
    def __init__(self):
        self.calls = Counter()

    def counted(self, name, f):
        def apply(x):
            self.calls[name] += 1
            return f(x)

        return apply

    def evaluation(self, A):
        return self.counted("F", super().evaluation(A))

    def valued(self, term):
        return self.counted("F", super().valued(term))


def gradients(method, F, G, x0, tol):
    """How many it takes to ‖r‖ ≤ tol, without those that are computed to tell."""
    maps = Counting()
    terms = [term.seen_by(maps) for term in method.terms(F, G)]
    method = method.chosen(*terms)
    iteration = method.iteration(*terms)
    with solving(x0):
        state, spent = iteration.begin(x0, Space.of(x0)), 0
        for _ in range(50_000):
            state, trace = iteration.advance(state)
            spent = maps.calls["F"]
            r = sum(iteration.read(trace).terms)
            maps.calls["F"] = spent
            if np.linalg.norm(r) <= tol:
                return spent
    raise AssertionError("not within 50,000 iterations")


LABELS = np.sign(RNG.normal(size=30))
CASES = {
    "lasso": (FIT, f.L1Norm(WEIGHT)),
    "lasso, weaker": (FIT, f.L1Norm(0.05 * WEIGHT)),
    "non-negative": (FIT, f.NonNegative()),
    "logistic": (f.Logistic() @ (LABELS[:, None] * A), f.L1Norm(0.01 * WEIGHT)),
    "on the simplex": (FIT, f.Simplex()),
}


@pytest.mark.parametrize("name", CASES)
def test_no_more_gradients_than_fista_where_the_condition_is_bad(name):
    F, G = map(sk.Subdifferential, CASES[name])
    x0 = np.ones(50) / 50
    tol = 1e-5 * np.linalg.norm(F(x0))
    assert gradients(sk.PANOC(), F, G, x0, tol) <= gradients(sk.FISTA(), F, G, x0, tol)


@pytest.mark.parametrize("unit", [2.0**-27, 2.0**27])
@pytest.mark.parametrize("g", [f.L1Norm(WEIGHT), f.L0Norm(WEIGHT)], ids=repr)
def test_knows_no_units(g, unit):
    """f and g times a number, and x in other units."""
    plain = sk.minimize(FIT + g, np.zeros(50), sk.PANOC(alpha=0.5 / L), tol=1e-8)
    method = sk.PANOC(alpha=0.5 / L / unit)
    larger = sk.minimize(unit * FIT + unit * g, np.zeros(50), method, tol=1e-8)
    assert larger.iterations == plain.iterations
    np.testing.assert_allclose(larger.x, plain.x, atol=1e-6)
    weight = WEIGHT * (unit if isinstance(g, f.L1Norm) else unit**2)
    wider = type(g)(weight)
    moved = sk.minimize(
        f.LeastSquares(A, unit * B) + wider, np.zeros(50), sk.PANOC(alpha=0.5 / L), tol=1e-8
    )
    assert moved.iterations == plain.iterations
    np.testing.assert_allclose(moved.x, unit * plain.x, atol=1e-6 * unit)


def test_batch_elements_are_independent():
    b = RNG.normal(size=(3, 30))
    g = f.MCP(gamma=2 / L, weight=WEIGHT)
    many = f.LeastSquares(A, b, batch_ndim=1)
    method = sk.PANOC(alpha=0.9 / L)
    penalty = f.MCP(gamma=2 / L, weight=WEIGHT, batch_ndim=1)
    options = {"tol": 0, "max_iter": 20, "on_failure": "return"}
    together = sk.minimize(many + penalty, np.zeros((3, 50)), method, batch_ndim=1, **options)
    for i in range(3):
        alone = sk.minimize(f.LeastSquares(A, b[i]) + g, np.zeros(50), method, **options)
        np.testing.assert_allclose(together.x[i], alone.x, atol=1e-10)


def test_resuming_changes_nothing():
    problem = FIT + f.L0Norm(WEIGHT)
    options = {"tol": 0, "on_failure": "return"}
    first = sk.minimize(problem, np.zeros(50), sk.PANOC(), max_iter=7, **options)
    second = sk.minimize(problem, np.zeros(50), resume=first, max_iter=14, **options)
    whole = sk.minimize(problem, np.zeros(50), sk.PANOC(), max_iter=21, **options)
    np.testing.assert_array_equal(second.x, whole.x)


@sampled(0)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library(xp, dtype):
    array = lambda a: xp.asarray(a, dtype=getattr(xp, dtype))  # noqa: E731
    M, b = A[:5, :4], B[:5]
    tol = 1e-4 if dtype == "float32" else 1e-8
    problem = f.LeastSquares(array(M), array(b)) + f.L0Norm(0.1)
    found = sk.minimize(problem, array(np.ones(4)), sk.PANOC(memory=2), tol=tol)
    assert found.x.dtype == getattr(xp, dtype)
    x = to_numpy(found.x).astype(float)
    slope, alpha = M.T @ (M @ x - b), 0.5 / np.linalg.norm(M, 2) ** 2
    assert distance(lambda y, a: hard(y, a, 0.1), slope, x, alpha) < 100 * tol


def test_inside_of_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)  # as splitkit.testing.backends does
    M, b = (jax.numpy.asarray(a) for a in (A[:5, :4], B[:5]))

    def solution(b):
        problem = f.LeastSquares(M, b) + f.L1Norm(0.1)
        return sk.minimize(problem, 0.0 * b[:4], sk.PANOC(memory=1, alpha=0.5 / L), tol=1e-7).x

    exact = sk.minimize(f.LeastSquares(A[:5, :4], B[:5]) + f.L1Norm(0.1), np.zeros(4), tol=1e-10).x
    np.testing.assert_allclose(np.asarray(jax.jit(solution)(b)), exact, atol=1e-4)


@pytest.mark.parametrize(
    ("F", "G", "method", "says"),
    [
        (sk.Affine(np.eye(2)), sk.NormalCone(f.Box(0, 1)), sk.PANOC(alpha=1.5), "below 1/L = 1"),
        (
            sk.Affine(np.array([[1.0, 1.0], [-1.0, 1.0]])),
            sk.NormalCone(f.Box(0, 1)),
            sk.PANOC(),
            "function with a value",
        ),
        (
            sk.Operator.from_callable(lambda x: x, monotone=True, lipschitz=1.0, name="F"),
            sk.NormalCone(f.Box(0, 1)),
            sk.PANOC(),
            "F must be the .* of a function with a value",
        ),
        (
            sk.Subdifferential(Quartic()),
            sk.NormalCone(f.Box(0, 1)),
            sk.PANOC(alpha=0.1),
            "leave it open",
        ),
    ],
    ids=["too long", "no gradient", "no value", "no constant"],
)
def test_what_no_theorem_covers_is_refused(F, G, method, says):
    with pytest.raises(sk.NoGuaranteeError, match=says):
        sk.solve(F + G, np.ones(2), method)


def test_wrong_options():
    with pytest.raises(ValueError, match="memory = -1"):
        sk.PANOC(memory=-1)


def test_solve_never_chooses_it_and_explain_shows_it():
    problem = sk.Subdifferential(FIT + f.L0Norm(WEIGHT))
    with pytest.raises(sk.NoGuaranteeError, match="by name: PANOC, holds"):
        sk.solve(problem, np.zeros(50))
    explanation = sk.explain(problem)
    assert explanation.chosen is None
    assert [option.guarantee.holds for option in explanation.by_name][:1] == [True]
    assert "stationary point, maybe no more" in explanation.by_name[0].guarantee.reason


def test_without_a_constant_steps_are_found():
    c = np.array([0.5, -1.0, 20.0, 400.0])
    problem = f.Tilted(Quartic(), -c) + f.Box(-5.0, 5.0)
    found = sk.minimize(problem, np.zeros(4), sk.PANOC(), tol=1e-10)
    np.testing.assert_allclose(found.x, np.minimum(np.cbrt(c), 5.0), atol=1e-8)


class Steep(Quartic):
    """Σ ¼xᵢ⁴ + xᵢ² − xᵢ."""

    def __call__(self, x):
        return super().__call__(x) + np.sum(x * x - x, axis=-1)

    def gradient(self, x):
        return super().gradient(x) + 2 * x - 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("far", [1e2, 1e4, 1e6])
def test_steps_grow_where_f_is_flatter_than_at_the_start(far, dtype):
    """x³ + 2x = 0.9."""
    x0 = np.array([far, 1.0], dtype)
    found = sk.minimize(Steep() + f.L1Norm(0.1), x0, sk.PANOC(), max_iter=200)
    exact = np.roots([1.0, 0.0, 2.0, -0.9])
    exact = exact[np.isreal(exact)].real
    np.testing.assert_allclose(found.x, [*exact] * 2, atol=1e-4 if dtype == "float32" else 1e-7)


def test_steps_do_not_run_away_where_f_is_concave():
    class Bounded(Cauchy):
        smoothness = None

    problem = Bounded().translate(B) @ A + f.L1Norm(0.01)
    found = sk.minimize(problem, 1e4 * np.ones(50), sk.PANOC(), tol=1e-6, max_iter=5000)
    assert found.objective < problem(np.zeros(50))


def test_unbounded_below_is_no_success():
    inclusion = sk.Affine(-np.eye(2)) + sk.NormalCone(f.NonNegative())
    found = sk.solve(inclusion, np.ones(2), sk.PANOC(), max_iter=300, on_failure="return")
    assert not found.converged
    assert found.certificate is None


class Faulty(f.Function):
    """‖x‖² with a value or a gradient that is changed."""

    convex = False

    def __init__(self, value=lambda x: 1.0, sign=1.0, smoothness=None):
        self.factor, self.sign, self.smoothness = value, sign, smoothness

    def __call__(self, x):
        return np.sum(x * x, axis=-1) * self.factor(x)

    def gradient(self, x):
        return self.sign * 2 * x


START = np.array([30.0, 1e-3])


@pytest.mark.parametrize("smoothness", [None, 2.0])
@pytest.mark.parametrize(
    "value",
    [
        lambda x: np.nan,
        lambda x: np.inf,
        lambda x: np.nan if np.array_equal(x, START) else 1.0,
        lambda x: 1.0 if np.array_equal(x, START) else np.nan,
    ],
    ids=["NaN", "infinite", "NaN at x0", "NaN but at x0"],
)
def test_values_that_are_not_finite_are_named(value, smoothness):
    faulty = Faulty(value, smoothness=smoothness)
    found = sk.minimize(faulty + f.L1Norm(0.1), START, sk.PANOC(), on_failure="return")
    assert found.status is sk.Status.NONFINITE
    assert "the value of F = ∂Faulty" in found.message


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x0", [START, np.ones(2)], ids=["far", "ones"])
def test_a_value_and_a_gradient_that_disagree_are_named(x0, dtype):
    problem = Faulty(sign=-1.0) + f.L1Norm(0.1)
    found = sk.minimize(problem, x0.astype(dtype), sk.PANOC(), on_failure="return")
    assert found.status is sk.Status.CONTRADICTED
    assert "the value and the gradient of F = ∂Faulty" in found.message


def test_what_overflows_is_not_as_exact_as_it_gets():
    problem = Faulty(lambda x: -1.0, sign=-1.0) + f.L1Norm(0.1)
    found = sk.minimize(problem, START, sk.PANOC(), max_iter=2000, on_failure="return")
    assert found.status is sk.Status.NONFINITE


def test_a_set_that_rounding_leaves_is_one():
    """g(z) = ∞ where the projection misses the set by an error of rounding."""

    class Ball(f.Function):
        def __call__(self, x):
            return np.where(np.linalg.norm(x) <= 0.1, 0.0, np.inf)

        def prox(self, x, alpha):
            return x * (0.1 / max(np.linalg.norm(x), 0.1)) * (1 + 1e-15)

    found = sk.minimize(FIT + Ball(), np.zeros(50), sk.PANOC(), tol=1e-6)
    exact = sk.minimize(FIT + f.L2Ball(0.1), np.zeros(50), tol=1e-9).x
    np.testing.assert_allclose(found.x, exact, atol=1e-6)


def test_values_of_elementwise_functions_are_of_each_sample():
    """Whatever batch_ndim they were made with: they are told it by x0."""
    starts = np.stack([np.ones(4), 5.0 * np.ones(4)])
    losses, penalty = (f.Huber(), 2.0 * f.PseudoHuber().translate(np.ones(4))), f.L1Norm(0.3)
    for method in (sk.PANOC(), sk.SpectralProximalGradient(), sk.FISTA()):
        for loss in losses:
            together = sk.minimize(loss + penalty, starts, method, batch_ndim=1)
            for i, x0 in enumerate(starts):
                alone = sk.minimize(loss + penalty, x0, method)
                np.testing.assert_allclose(together.x[i], alone.x, atol=1e-5)
                np.testing.assert_allclose(together.objective[i], alone.objective, atol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("dtype", "size"),
    [("float64", 1e155), ("float64", 1e300), ("float64", 1e-160), ("float32", 1e35),
     ("float32", 1e-20)],
)  # fmt: skip
def test_values_that_are_no_numbers_judge_no_step(dtype, size):
    """½‖Ax − b‖² overflows, or has no digits: with a known L proximal gradient steps go on."""
    A, b = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, -2.0, 3.0])

    def found(size, method):
        f = sk.functions.LeastSquares(A.astype(dtype), (size * b).astype(dtype))
        g = sk.functions.L1Norm(0.5 * size)
        return sk.minimize(f + g, np.zeros(2, dtype), method).x / np.asarray(size, dtype)

    right, near = found(1.0, sk.FISTA()), found(size, sk.PANOC())
    np.testing.assert_allclose(near, right, rtol=3e-7 if dtype == "float64" else 3e-4)
