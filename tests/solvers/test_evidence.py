"""Accelerations are accepted, and first steps found, on evidence without units that holds wherever
x runs to.
"""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

import splitkit as sk
from tests.collection import equilibria as eq, programs as pr
from tests.collection.judge import solved
from tests.collection.problems import PROBLEMS
from tests.collection.scales import of_collection, random_cases

f = sk.functions
ADAPTIVE = [sk.AdaptiveProximalGradient(), sk.GoldenRatio(), sk.TsengLineSearch()]
ACCELERATED = [
    sk.Anderson(sk.ForwardBackward()),
    sk.Anderson(sk.ForwardBackward(), kind="I"),
    sk.SuperMann(sk.ForwardBackward()),
]


def name(method):
    return f"{method.label} {getattr(method, 'kind', '')}".strip()


# -- the value is the least one, in any units ---------------------------------------------------


def regression(rng, loss, unit):
    """Σ loss(Ax/unit − b) + λ‖x‖₁/unit: its terms, a start, and the least value by L-BFGS-B."""
    m, n = rng.integers(3, 20), rng.integers(2, 8)
    A = rng.integers(-4, 5, size=(m, n)) + 0.1 * rng.standard_normal((m, n))
    b, λ = rng.standard_normal(m) * rng.choice([1.0, 5.0]), rng.choice([0.01, 0.1, 1.0])
    F, plain = loss.translate(b) @ (A / unit), loss.translate(b) @ A

    def split(z):  # x = p − q with p, q ≥ 0
        x = z[:n] - z[n:]
        slope = plain.gradient(x)
        return float(plain(x)) + λ * z.sum(), np.concatenate([slope + λ, λ - slope])

    found = minimize(
        split, np.zeros(2 * n), jac=True, method="L-BFGS-B", bounds=[(0, None)] * (2 * n),
        options={"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-9},
    )  # fmt: skip
    x0 = unit * rng.standard_normal(n) * rng.choice([0.0, 1.0, 10.0])
    return F, f.L1Norm(λ / unit), x0, float(found.fun)


@pytest.mark.parametrize("tol", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("loss", [f.Logistic(), f.Huber(1.0)], ids=lambda loss: type(loss).__name__)
def test_converged_is_the_least_value(loss, tol):
    """f(x) − f* ≤ ⟨r, x − x*⟩, and ‖r‖ ≤ tol · what cancels in it."""
    converged = 0
    for seed, unit in enumerate([1.0, 1e-4, 1e4]):
        F, G, x0, least = regression(np.random.default_rng(seed), loss, unit)
        way = float(F(x0) + G(x0)) - least
        for method in (*ACCELERATED, *ADAPTIVE, sk.FISTA()):
            s = sk.minimize(F + G, x0, method, tol=tol, max_iter=1500, on_failure="return")
            if s.converged:
                converged += 1
                assert float(F(s.x) + G(s.x)) - least <= 100 * tol * max(way, 0.1), (seed, method)
    assert converged >= 12


def absolute_deviations(rng, unit):
    """‖Ax − b‖₁ + λ‖x‖₁ in (ux, uAx), the value of such a point, and the least value by HiGHS."""
    m, n = rng.integers(4, 12), rng.integers(2, 6)
    A, b, λ = rng.standard_normal((m, n)), 3 * rng.standard_normal(m), rng.choice([0.01, 0.3])
    graph = f.AffineSet(np.hstack([A, -np.eye(m)]), np.zeros(m))
    weights = np.concatenate([np.full(n, λ), np.ones(m)]) / unit
    deviations = f.L1Norm(weights).translate(np.concatenate([np.zeros(n), unit * b]))
    least = linprog(
        np.concatenate([np.full(2 * n, λ), np.ones(2 * m)]),
        A_eq=np.hstack([A, -A, -np.eye(m), np.eye(m)]), b_eq=b,
    ).fun  # fmt: skip
    inclusion = sk.NormalCone(graph) + sk.Subdifferential(deviations)

    def value(z):
        x = z[:n] / unit
        return np.abs(A @ x - b).sum() + λ * np.abs(x).sum()

    return inclusion, np.zeros(n + m), value, least


def margins(rng, unit):
    """Σ max(0, 1 − yᵢ(Ax)ᵢ) + λ‖x‖₁ in (ux, uAx), where max(0, 1 − yt) = (|t − y| + 1 − yt)/2."""
    m, n = rng.integers(4, 12), rng.integers(2, 6)
    A, y, λ = rng.standard_normal((m, n)), np.sign(rng.standard_normal(m)), rng.choice([0.01, 0.3])
    graph = f.AffineSet(np.hstack([A, -np.eye(m)]), np.zeros(m))
    weights = np.concatenate([np.full(n, λ), np.full(m, 0.5)]) / unit
    half = f.L1Norm(weights).translate(np.concatenate([np.zeros(n), unit * y]))
    slope = np.concatenate([np.zeros(n), y / (2 * unit)])
    least = linprog(
        np.concatenate([np.full(2 * n, λ), np.ones(m)]),
        A_ub=-np.hstack([y[:, None] * A, -y[:, None] * A, np.eye(m)]), b_ub=-np.ones(m),
    ).fun  # fmt: skip
    linear = sk.Affine(np.zeros((n + m, n + m)), slope)
    inclusion = sk.NormalCone(graph) + sk.Subdifferential(half) + linear

    def value(z):
        x = z[:n] / unit
        return np.maximum(0, 1 - y * (A @ x)).sum() + λ * np.abs(x).sum()

    return inclusion, np.zeros(n + m), value, least


def program(rng, unit):
    """min ⟨c, x⟩ over {x : Ex = e, 0 ≤ x ≤ 4}: the cost, and an exact penalty."""
    n = rng.integers(3, 8)
    E, c = rng.standard_normal((n // 2, n)), rng.standard_normal(n)
    e = E @ (3 * rng.random(n))
    found = linprog(c, A_eq=E, b_eq=e, bounds=(0, 4))
    inclusion = (
        sk.Affine(np.zeros((n, n)), -c / unit)
        + sk.NormalCone(f.AffineSet(E, unit * e))
        + sk.NormalCone(f.Box(0.0, 4.0 * unit))
    )

    def value(x):
        z = x / unit
        outside = np.linalg.norm(np.linalg.pinv(E) @ (E @ z - e)) + np.linalg.norm(
            z - np.clip(z, 0, 4)
        )
        return c @ z + 50 * np.linalg.norm(c) * outside

    return inclusion, np.zeros(n), value, found.fun


def game(rng, unit):
    """0 ∈ Kx − q + N_Box(x) for K skew: the natural residual, which is 0 at a solution."""
    n = rng.integers(2, 8)
    K, q = rng.standard_normal((n, n)), rng.standard_normal(n)
    K = K - K.T
    inclusion = sk.Affine(K / unit**2, q / unit) + sk.NormalCone(f.Box(-unit, 2.0 * unit))

    def value(x):
        z = x / unit
        return np.linalg.norm(z - np.clip(z - (K @ z - q), -1, 2))

    return inclusion, unit * rng.standard_normal(n), value, 0.0


@pytest.mark.parametrize("tol", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (absolute_deviations, sk.DouglasRachford()),
        (margins, sk.MalitskyTam()),
        (program, sk.DavisYin()),
        (game, sk.DouglasRachford()),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_converged_is_the_answer(make, plain, tol):
    """Of resolvents, accelerated: as above."""
    converged = 0
    for seed, unit in enumerate([1.0, 1e-4, 1e4]):
        inclusion, x0, value, least = make(np.random.default_rng(seed), unit)
        way = max(value(x0) - least, 0.1)
        for method in (sk.Anderson(plain), sk.Anderson(plain, kind="I"), sk.SuperMann(plain)):
            s = sk.solve(inclusion, x0, method, tol=tol, max_iter=2000, on_failure="return")
            if s.converged:
                converged += 1
                assert value(s.x) - least <= 100 * tol * way, (seed, method)
    assert converged >= 6


@pytest.mark.parametrize("method", ACCELERATED, ids=name)
def test_an_acceleration_does_not_run_away_where_the_losses_are_flat(method):
    """Where all margins are large only the norm has a slope, which is less than that at 0."""
    A = np.array([[1, -2, 3, -4, 5], [2, -1, 0, -1, 3], [-1, 0, 4, -3, 2], [-1, -1, -1, 1, 3.0]])
    F, G = f.Logistic().translate(np.arange(1, 5.0)) @ A, f.L1Norm(0.1)
    fast = sk.minimize(F + G, np.zeros(5), method, tol=1e-8)
    plain = sk.minimize(F + G, np.zeros(5), method.method, tol=1e-8)
    np.testing.assert_allclose(fast.x, plain.x, atol=1e-5)
    assert fast.iterations < plain.iterations


@pytest.mark.parametrize(("seed", "kind"), [(2, 1), (82, 2), (118, 2), (142, 1)])
def test_an_acceleration_of_a_primal_dual_method_comes_back(seed, kind):
    """Of hinge losses and absolute deviations, where blind steps led 10⁴ times too far, and y lay
    as far outside of the domain of B⁻¹.
    """
    case, method = random_cases(seed)[kind], sk.SuperMann(sk.ChambollePock())
    for pair in [(1.0, 1.0), (1.0, 1e-6)]:
        row = solved(case, method.label, method, pair, tol=1e-3, max_iter=400)
        assert row.verdict == "right", row


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("method", ACCELERATED, ids=name)
def test_what_is_read_stays_in_a_level_set(method, seed):
    """For T = I − α∇h: h(x) − h(u₀) ≤ D²Σaₙ ‖r₀‖²/α, D = 2, Σaₙ < 11, at all x, also where the
    point that was tried is refused; u₀ = Tx₀, as of backward-forward splitting.
    """
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((12, 4)) * np.array([1.0, 0.3, 3.0, 10.0])
    h = f.Logistic().translate(3 * rng.standard_normal(12)) @ A + f.Huber(1.0) @ (0.01 * np.eye(4))
    inclusion = sk.Subdifferential(h) + sk.NormalCone(f.Box(-np.inf, np.inf))
    x0, alpha = rng.standard_normal(4), 1 / h.smoothness
    states = list(method.iterate(inclusion, x0, tol=0, max_iter=300))
    first = x0 - alpha * h.gradient(x0)
    step = alpha * np.linalg.norm(h.gradient(first))
    assert max(float(h(s.x)) for s in states) <= float(h(first)) + 44 * step**2 / alpha


# -- the same iterates in any units ---------------------------------------------------------------

S, T = 2.0**12, 2.0**-9  # of x, and of what operators return: powers of two lose no bit
ROOT = np.random.default_rng(3).standard_normal((3, 6))
M = ROOT.T @ ROOT
J = np.random.default_rng(4).standard_normal((6, 6))
SKEW = J - J.T
Q, START = np.random.default_rng(5).standard_normal((2, 6))


def gradient(s, t):
    return sk.Affine(t / s * M, t * Q) + sk.Subdifferential(f.L1Norm(0.3 * t))


def rotation(s, t):
    return sk.Affine(t / s * SKEW, t * Q) + sk.NormalCone(f.Box(-0.7 * s, 0.4 * s))


def steep(s, t):
    F = sk.Operator.from_callable(lambda x: t * (np.exp(x / s) - 2), monotone=True, gradient=True)
    return F + sk.NormalCone(f.Box(0.0, s))


ALPHA = 0.75 / np.linalg.norm(M, 2)
WRAPPERS = (
    sk.Anderson,
    lambda method: sk.Anderson(method, kind="I", memory=3),
    sk.SuperMann,
    sk.Relaxed,
    sk.Halpern,
)
BY_ITSELF = [
    *((gradient, method) for method in (*ADAPTIVE, sk.FISTA(), sk.Tseng(), sk.Extragradient())),
    *((rotation, method) for method in (*ADAPTIVE[1:], sk.Tseng(), sk.ForwardReflectedBackward())),
    *((steep, method) for method in ADAPTIVE),
]
IN_UNITS = [
    *((inclusion, lambda alpha, method=method: method) for inclusion, method in BY_ITSELF),
    *((gradient, lambda alpha, w=w: w(sk.ForwardBackward(alpha=alpha))) for w in WRAPPERS),
    *((rotation, lambda alpha, w=w: w(sk.DouglasRachford(alpha=alpha))) for w in WRAPPERS),
    (rotation, lambda alpha: sk.Inertial(sk.DouglasRachford(alpha=alpha), inertia=0.2)),
    (rotation, lambda alpha: sk.ProjectiveSplitting(alpha=alpha, relaxation=1.5)),
]


@pytest.mark.parametrize("case", range(len(IN_UNITS)))
def test_the_iterates_are_the_same_in_any_units(case):
    """x in units of s, the operators' values in units of t: bit for bit, for powers of two."""
    inclusion, make = IN_UNITS[case]

    def path(s, t):
        method = make(ALPHA * s / t)
        return [
            state.x / s for state in method.iterate(inclusion(s, t), s * START, tol=0, max_iter=60)
        ]

    usual = path(1.0, 1.0)
    assert np.max(np.abs(usual[-1] - usual[0])) > 1e-3
    for units in [(S, 1.0), (1.0, T), (1 / S, T), (S**2, 1 / T)]:
        np.testing.assert_array_equal(path(*units), usual)


# -- first steps ----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [-20.0, 0.0, 0.5, 20.0, 50.0])
@pytest.mark.parametrize("q", [(0.5, 2.0, 9.0), (1.5, 2.0, 2.5), (3.0, 4.0, 5.0)])
@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
def test_a_first_step_suits_the_place_where_it_ends(method, q, start):
    """F = eˣ − q is e⁵⁰ times steeper at the start than on the set."""
    q = np.array(q)
    F = sk.Operator.from_callable(lambda x: np.exp(x) - q, monotone=True, gradient=True)
    for G, found in (
        (sk.NormalCone(f.Box(0.0, 1.0)), np.clip(np.log(q), 0.0, 1.0)),
        (sk.NormalCone(f.NonNegative()), np.maximum(np.log(q), 0.0)),
        (sk.Subdifferential(f.L1Norm(0.3)), np.log(q - 0.3 * np.sign(q - 1))),
    ):
        s = sk.solve(F + G, np.full(3, start), method, max_iter=1000, tol=1e-9)
        np.testing.assert_allclose(s.x, found, atol=1e-7)


@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
@pytest.mark.parametrize("unit", [1e-12, 1e-4, 1e4, 1e12])
def test_a_start_at_0_is_as_good_as_another_in_any_units(method, unit):
    """At 0 nothing has a length: the trials find one."""
    inclusion = sk.Affine((M + np.eye(6)) / unit**2, Q / unit) + sk.Subdifferential(
        f.L1Norm(0.1 / unit)
    )
    usual = sk.Affine(M + np.eye(6), Q) + sk.Subdifferential(f.L1Norm(0.1))
    x0 = np.zeros(6)
    counts = [sk.solve(each, x0, method).iterations for each in (inclusion, usual)]
    assert counts[0] <= 1.5 * counts[1]


@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
def test_each_sample_finds_its_own_first_step(method):
    """One at its solution, one far away, one that is steep, one that is near."""
    F = sk.Operator.from_callable(lambda x: np.exp(x) - np.exp(0.5), monotone=True, gradient=True)
    G = sk.NormalCone(f.Box(-1.0, 2.0, batch_ndim=1))
    x0 = np.array([[0.5, 0.5], [-1e6, 3.0], [30.0, -5.0], [0.3, 0.1]])
    s = sk.solve(F + G, x0, method, batch_ndim=1)
    np.testing.assert_allclose(s.x, 0.5, atol=1e-7)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
def test_a_constant_operator_takes_steps_as_long_as_the_set_lets_it(method, scale):
    """min ⟨c, x⟩ over a box of any size, from its centre."""
    rng = np.random.default_rng(8)
    for _ in range(5):
        c = rng.standard_normal(4)
        inclusion = sk.Affine(np.zeros((4, 4)), -c) + sk.NormalCone(f.Box(-scale, scale))
        s = sk.solve(inclusion, np.zeros(4), method, max_iter=200)
        reference = linprog(c, bounds=(-scale, scale))
        np.testing.assert_allclose(s.x, reference.x, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "mass"), [("float64", 1e12), ("float32", 1e4)])
@pytest.mark.parametrize("method", ADAPTIVE, ids=name)
def test_no_step_is_so_long_that_x_is_lost_beside_it(method, dtype, mass, monkeypatch):
    """Costs do not change along x, so that no slope bounds a step: where α is too long a plan is of
    what rounding left of x − αc, whatever its residual.
    """
    project, shares = f.TransportPolytope.project, []

    def watched(self, y):
        x = project(self, y)
        shares.append(np.linalg.norm(y) / np.linalg.norm(x))
        return x

    monkeypatch.setattr(f.TransportPolytope, "project", watched)
    problem = next(p for p in PROBLEMS if p.name == "optimal transport")
    posed = of_collection(problem).posed(mass, 1.0, lambda a: np.asarray(a, dtype))
    x = sk.solve(*posed, method).x.astype(float) / mass
    rounding = float(np.finfo(dtype).eps) ** (1 / 3)
    assert max(shares) <= 2 / rounding
    assert abs(problem.value(x) - pr.transport_reference().value) <= 10 * rounding**2


@pytest.mark.parametrize(
    "method",
    [sk.AdaptiveProximalGradient(), sk.PANOC(), sk.GoldenRatio(), sk.TsengLineSearch()],
    ids=lambda method: method.label,
)
def test_what_was_seen_where_x_was_small_says_nothing_of_where_it_is_large(method):
    """∇f = 1 − 1/x is −10⁹ at the start; beside that a residual of 2 is none."""

    class Barrier(sk.functions.Function):
        convex = True

        def __call__(self, x):
            return np.sum(x - np.log(x)) if (x > 0).all() else np.inf

        def gradient(self, x):
            return 1 - 1 / x

    inclusion = sk.Subdifferential(Barrier()) + sk.Subdifferential(sk.functions.L1Norm(0.1))
    solution = sk.solve(inclusion, np.full(2, 1e-9), method)
    np.testing.assert_allclose(solution.x, 1 / 1.1, rtol=1e-6)


def test_a_step_that_shrinks_to_nothing_ends_a_solve():
    """1 − 1/x is no gradient beyond 0, where it is left as it was: steps shrink without end."""
    F = sk.Operator.from_callable(lambda x: 1 - 1 / x, monotone=True)
    G = sk.Subdifferential(f.L1Norm(0.1, batch_ndim=1))
    starts = np.array([[1e-9, 1e6], [1.0, 2.0]])
    for x0, batch in ((starts[0], 0), (starts, 1)):
        found = sk.solve(F + G, x0, sk.GoldenRatio(), batch_ndim=batch, on_failure="return")
        assert not found.converged
    np.testing.assert_allclose(found.x[1], 1 / 1.1, rtol=1e-6)


# -- a value at x₀, or at 0, that nothing near a solution is as large as --------------------------


class ShiftedLog(f.Function):
    """Σ (x − log(x + e)): ∇ is 1/e at 0, and below 1 at the solution."""

    elementwise = True

    def __init__(self, e, batch_ndim=0):
        self.e, self.batch_ndim = e, batch_ndim

    def __call__(self, x):
        inside = x + self.e > 0
        terms = np.where(inside, x - np.log(np.where(inside, x + self.e, 1.0)), np.inf)
        return np.sum(terms, axis=-1)

    def gradient(self, x):
        return 1 - 1 / (x + self.e)


@pytest.mark.parametrize("method", [sk.PANOC(), *ADAPTIVE], ids=name)
@pytest.mark.parametrize(
    ("e", "x0"), [(0.0, (1e-9, 2.0)), (1e-9, (0.0, 2.0)), (1e-9, (0.0, 0.0))], ids=str
)
def test_steep_at_a_tiny_entry_is_nothing_elsewhere(method, e, x0):
    s = sk.minimize(ShiftedLog(e) + f.L1Norm(0.1), np.array(x0), method)
    np.testing.assert_allclose(s.x, 1 / 1.1 - e, rtol=1e-6)


class Quartic(f.Function):
    """¼x₁⁴ + ¼(x₂ − 1000)⁴."""

    def __call__(self, x):
        return np.sum((x - [0.0, 1e3]) ** 4) / 4

    def gradient(self, x):
        return (x - [0.0, 1e3]) ** 3


@pytest.mark.parametrize("method", [sk.PANOC(), *ADAPTIVE], ids=name)
def test_a_start_far_up_a_power_is_nothing_near_its_zero(method):
    """The gradient is 10⁹ at x₀, which is no farther from the solution than that is large."""
    s = sk.minimize(Quartic() + f.L1Norm(0.0), np.array([1e3, 999.0]), method)
    np.testing.assert_allclose(s.x, [0.0, 1e3], atol=1e-3)


# -- starts that no step leaves -------------------------------------------------------------------

FAR_METHODS = [
    sk.FISTA(), sk.Tseng(), sk.TsengLineSearch(), sk.ForwardBackwardHalfForward(),
    sk.Extragradient(), sk.PastExtragradient(), sk.ForwardReflectedBackward(),
    sk.ChambollePock(), sk.CondatVu(), sk.PD3O(), sk.SPDHG(),
]  # fmt: skip


@pytest.mark.parametrize(("start", "dtype"), [(1e9, np.float32), (1e30, float)])
@pytest.mark.parametrize("method", FAR_METHODS, ids=name)
def test_a_start_beyond_the_reach_of_all_steps_meets_nothing(method, start, dtype):
    """x − αF x is rounded to x: an element of G there is (x − R_{αG}x)/α, which is not −F x."""
    loss = f.Huber().translate(np.asarray([2.0, -3.0, 0.5], dtype))
    if sk.solvers.Role.COMPOSED in method.roles:
        loss = loss @ np.eye(3, dtype=dtype)[[1, 0, 2]]
    s = sk.minimize(
        loss + f.NonNegative(), np.full(3, start, dtype), method, max_iter=50, on_failure="return"
    )
    there = np.abs(s.x - [2.0, 0.0, 0.5]).max() <= 1e-4  # a long step may lead there
    assert there or not (s.converged or s.residual < 1e-3)


# -- payoffs that no step can be as long as ------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "unit"), [("float64", 1e-300), ("float64", 1e-310), ("float32", 1e-36)]
)
@pytest.mark.parametrize(
    "method",
    [
        sk.Tseng(),
        sk.Extragradient(),
        sk.PastExtragradient(),
        sk.ForwardBackwardHalfForward(),
        sk.TsengLineSearch(),
        sk.GoldenRatio(),
        sk.DouglasRachford(),
        sk.ADMM(),
    ],
    ids=name,
)
def test_a_game_of_vanishing_payoffs_is_solved_or_is_not_called_so(method, dtype, unit):
    """Where αF x is lost beside x, x does not move, and r = 0 says nothing."""
    K = np.array([[3.0, -1, 2], [-2, 4, 0], [1, 1, -3], [0, 2, -1]])
    A = sk.MatrixGame((unit * K).astype(dtype))
    x0 = tuple(np.full(n, 1 / n, dtype=dtype) for n in (3, 4))
    s = sk.solve(sk.VI(A.F, A.C), x0, method, on_failure="return", max_iter=500)
    x, y = (block.astype(float) for block in s.x)
    gap = eq.game_value(K)((x, y))
    loss = gap if s.converged else 0.0
    assert loss <= 10 * max(1e-8, 100 * np.finfo(dtype).eps) * np.abs(K).max()
    assert s.converged or s.status in ("precision", "iteration_limit")
