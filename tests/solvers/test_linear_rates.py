"""Linear rates: each inequality on random runs, and worst cases that attain it."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import Space
from splitkit.linear import ScaledIdentity
from splitkit.solvers import proof_of
from splitkit.solvers.methods.davis_yin_rates import condat_vu_rate
from splitkit.solvers.methods.primal_dual_steps import Steps

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
NEARLY_HALF = 0.5 * (1 - 1e-9)


def operator(**properties):
    def unused(*_):
        raise AssertionError("only its properties are used")

    return sk.Operator.from_callable(unused, resolvent=unused, name="A", **properties)


def random_matrix(rng, n, m, L):
    """M with ⟨x, Mx⟩ ≥ m‖x‖² and ‖M‖ = L."""
    S, P = rng.normal(size=(n, n)), rng.normal(size=(n, 1))
    N = P @ P.T + rng.uniform(0, 3) * (S - S.T)
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = (low + high) / 2
        longer = np.linalg.norm(m * np.eye(n) + middle * N, 2) > L
        low, high = (low, middle) if longer else (middle, high)
    return m * np.eye(n) + low * N


def states(method, F, G, x0, count):
    iteration = method.bind(F, G)
    state = iteration.begin(x0, Space.of(x0))
    for _ in range(count):
        yield state
        state = iteration.step(state)


def falls(values, factor):
    assert all(b <= factor * a + 1e-13 for a, b in itertools.pairwise(values))
    assert values[-1] < values[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("αL", [0.2, 0.45, NEARLY_HALF])
def test_forward_reflected_backward_brings_its_function_down(seed, αL):
    rng = np.random.default_rng(seed)
    m = (0.02, 0.3)[seed % 2]
    F = sk.Affine(random_matrix(rng, 3, m, 1.0), rng.normal(size=3))
    K = rng.normal(size=(3, 3))
    G = sk.Affine(K - K.T) if seed < 3 else sk.NormalCone(f.Box(-0.1, 0.1))
    method = sk.ForwardReflectedBackward(alpha=αL)
    solution = sk.solve(F + G, np.zeros(3), tol=1e-14, on_failure="return").x
    values, μ = [], αL * F.strong_monotonicity
    for x, before in states(method, F, G, rng.normal(size=3), 60):
        X, e = x - solution, αL * (F(x) - before)
        values.append(X @ X + (2 * e @ e - 2 * X @ e) / (1 + μ))
        assert values[-1] >= X @ X / 2 - 1e-15
    rate = method.guarantee(F, G).rate
    assert rate == pytest.approx(1 / math.sqrt(1 + 2 * μ), rel=1e-12)
    falls(values, rate**2)


@pytest.mark.parametrize("m", [0.1, 0.3, 0.5])
def test_forward_reflected_backward_has_no_better_rate_at_its_limit(m):
    """F = mI + √(1 − m²)T and G = −ωT, T a quarter turn: the iteration's spectral radius."""
    F, α = m * np.eye(2) + math.sqrt(1 - m * m) * TURN, 0.5

    def radius(ω):
        R = np.linalg.inv(np.eye(2) - ω * TURN)
        step = np.block([[R @ (np.eye(2) - 2 * α * F), R @ (α * F)], [np.eye(2), np.zeros((2, 2))]])
        return max(abs(np.linalg.eigvals(step)))

    worst = -minimize_scalar(lambda ω: -radius(ω), bounds=(0.3, 0.9), method="bounded").fun
    known = operator(strong_monotonicity=m, lipschitz=1.0)
    rate = sk.ForwardReflectedBackward(alpha=NEARLY_HALF).guarantee(known, sk.Zero()).rate
    assert rate == pytest.approx(worst, abs=1e-8)


def test_forward_reflected_backward_is_near_its_least_rate_at_the_default_step():
    known = operator(strong_monotonicity=0.1, lipschitz=1.0)
    assert sk.ForwardReflectedBackward().guarantee(known, sk.Zero()).rate < 0.9577 + 2e-4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("αL", [0.3, 0.45, NEARLY_HALF])
@pytest.mark.parametrize("m", [0.0, 0.2])
def test_the_past_extragradient_method_brings_its_function_down(seed, αL, m):
    rng = np.random.default_rng(seed)
    F = sk.Affine(random_matrix(rng, 3, m, 1.0), rng.normal(size=3))
    kinds = (sk.Zero(), sk.NormalCone(f.Box(-0.2, 0.2)), sk.Subdifferential(f.L1Norm(0.3)))
    G = kinds[seed % 3]
    method = sk.PastExtragradient(alpha=αL)
    solution = sk.solve(F + G, np.zeros(3), tol=1e-14, on_failure="return").x
    values, μ = [], αL * max(0.0, F.strong_monotonicity)
    R = G.resolvent(αL)
    before = None
    for x, of_before in states(method, F, G, rng.normal(size=3), 60):
        D = 0 * x if before is None else x - R(before[0] - αL * before[1])
        X, before = x - solution, (x, of_before)
        values.append(X @ X - 2 * μ / (1 + μ) * X @ D + D @ D)
        assert X @ X <= 1.125 * values[-1] + 1e-15
    falls(values, 1 / (1 + 2 * μ))
    rate = method.guarantee(F, G).rate
    assert (rate or 1.0) == pytest.approx(1 / math.sqrt(1 + 2 * μ), rel=1e-12)
    assert (rate is None) == (m == 0)


def test_the_past_extragradient_method_is_near_its_rate():
    """F = mI + wT and no G: the spectral radius, at the worst w."""
    m, α = 0.1, 0.5

    def radius(w):
        F = m * np.eye(2) + w * TURN
        step = np.block([[np.eye(2), -α * F], [np.eye(2), -2 * α * F]])
        return max(abs(np.linalg.eigvals(step)))

    # y⁺ = x⁺ − αFy with x⁺ = x − αFy
    worst = max(radius(w) for w in np.linspace(0, math.sqrt(1 - m * m), 200))
    known = operator(strong_monotonicity=m, lipschitz=1.0)
    rate = sk.PastExtragradient(alpha=NEARLY_HALF).guarantee(known, sk.Zero()).rate
    assert worst <= rate <= 1 - 0.97 * (1 - worst)


DAVIS_YIN = [  # A, B, m and L of C, α, relaxation, how near to the program's
    ({"maximal": True}, {"cocoercivity": 1.0}, 0.1, 1.0, 1.0, 1.0, 1.0),
    ({"maximal": True}, {"cocoercivity": 1.0}, 0.2, 1.0, 1.0, 1.0, 1.0),
    ({"cocoercivity": 0.5}, {"maximal": True}, 0.1, 1.0, 1.0, 1.0, 0.999),
    (
        {"cocoercivity": 0.1},
        {"maximal": True, "strong_monotonicity": 0.1},
        0.1,
        1.0,
        0.5,
        1.0,
        0.99,
    ),
    (
        {"maximal": True, "strong_monotonicity": 0.3},
        {"cocoercivity": 0.3},
        0.0,
        2.0,
        0.4,
        1.0,
        0.97,
    ),
    ({"maximal": True}, {"cocoercivity": 1.0}, 0.1, 1.0, 0.9, 1.3, 0.99),
    ({"maximal": True}, {"cocoercivity": 0.3}, 0.15, 1.0, 1.2, 1.3, 0.97),
    ({"maximal": True}, {"cocoercivity": 1.5}, 0.4, 1.0, 0.3, 1.2, 0.97),
    ({"maximal": True}, {"cocoercivity": 1.0}, 0.1, 1.0, 0.9, 0.6, 1.0),
]


@pytest.mark.parametrize(("of_A", "of_B", "m", "L", "alpha", "relaxation", "near"), DAVIS_YIN)
def test_the_rates_of_davis_yin_are_close_above_the_program(
    of_A, of_B, m, L, alpha, relaxation, near
):
    pytest.importorskip("clarabel")
    A, B = operator(**of_A), operator(**of_B)
    C = operator(strong_monotonicity=m, lipschitz=L, gradient=True)
    method = sk.DavisYin(alpha=alpha, relaxation=relaxation)
    rate, tight = method.guarantee(A, B, C).rate, method.proof(A, B, C).rate
    assert tight - 1e-6 <= rate <= 1 - near * (1 - tight) + 1e-6


@pytest.mark.parametrize(("m", "rate"), [(0.1, 0.9), (0.2, 0.8)])
def test_the_rate_of_davis_yin_is_attained(m, rate):
    """C = mI, A = B = 0."""
    C = operator(strong_monotonicity=m, lipschitz=1.0, gradient=True)
    method = sk.DavisYin(alpha=1.0)
    known = operator(cocoercivity=1.0)
    assert method.guarantee(sk.Zero(), known, C).rate == pytest.approx(rate, rel=1e-12)
    iteration = method.bind(sk.Zero(), sk.Zero(), m * sk.Identity())
    z = iteration.begin(np.ones(2), Space.of(np.ones(2)))
    np.testing.assert_allclose(iteration.step(z), rate * z, rtol=1e-12)


def test_davis_yin_takes_steps_up_to_four_times_the_cocoercivity():
    """‖z⁺‖² ≤ ‖z‖² − λ(2 − α/(2β) − λ)‖αr‖², and no more."""
    A, B, C = sk.Zero(), sk.Zero(), operator(cocoercivity=1.0)
    for alpha, relaxation, holds in (
        (3.0, 0.49, True),
        (3.0, 0.51, False),
        (3.9, 0.04, True),
        (2.0, 1.0, False),
        (1.9, 1.0, True),
    ):
        method = sk.DavisYin(alpha=alpha, relaxation=relaxation)
        assert method.guarantee(A, B, C).holds is holds
    pytest.importorskip("clarabel")
    cone = sk.NormalCone(f.NonNegative())
    worst = cone, cone, C
    for λ in (0.2, 0.49):
        found = sk.DavisYin(alpha=3.0, relaxation=λ).proof(*worst).value
        assert found == pytest.approx(λ * (0.5 - λ) * 9, rel=1e-4)
    assert not sk.DavisYin(alpha=3.0, relaxation=0.52, check=False).proof(*worst).holds


PAIRS = [(0.1, 0.1), (0.3, 0.05), (0.05, 2.0), (1.0, 1.0)]


@pytest.mark.parametrize(("γ", "δ"), PAIRS)
@pytest.mark.parametrize("coupling", [1.0, 0.7])
@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.PD3O, sk.CondatVu, sk.LinearizedADMM])
def test_no_linear_operators_are_slower_than_the_rate(γ, δ, coupling, kind):
    """A = γI + wT, B⁻¹ = δI + vT, C = cI: the spectral radius in every plane."""
    rng = np.random.default_rng(0)
    τ, σ = 0.7, coupling / 0.7
    of_C = operator(strong_monotonicity=0.1, lipschitz=1.0, gradient=True)
    A = operator(strong_monotonicity=γ, maximal=True)
    B = operator(cocoercivity=δ).pullback(ScaledIdentity(1.0))
    options = {"rho": σ} if kind is sk.LinearizedADMM else {"sigma": σ}
    three = kind in (sk.PD3O, sk.CondatVu)
    if kind is sk.CondatVu:
        τ = 1 / (1 / τ + 0.6)
    method = kind(tau=τ, **options)
    rate = method.guarantee(A, B, *([of_C] if three else [])).rate
    assert rate < 1
    worst = 0.0
    for _ in range(40):
        w, v = 10 ** rng.uniform(-2, 2, 2) * rng.choice([-1, 1], 2)
        s, c = rng.uniform(0, 1), rng.choice([0.1, 1.0])
        M = sk.Affine(γ * np.eye(2) + w * TURN)
        N = sk.Affine(np.linalg.inv(δ * np.eye(2) + v * TURN)).pullback(ScaledIdentity(s))
        terms = method.terms(M, N, *([c * sk.Identity()] if three else []))
        iteration = method.iteration(*terms)
        start = iteration.begin(np.ones(2), Space.of(np.ones(2)))
        columns = [_flat(iteration.step(_shaped(e, start))) for e in np.eye(_flat(start).size)]
        # what a state holds besides points follows from them after one step
        worst = max(worst, *abs(np.linalg.eigvals(np.stack(columns, axis=1))))
    assert worst <= rate + 1e-9


def _flat(state):
    return np.concatenate([np.ravel(part) for part in state])


def _shaped(e, state):
    return tuple(np.split(e, np.cumsum([part.size for part in state])[:-1]))


@pytest.mark.parametrize(("γ", "δ"), PAIRS)
def test_chambolle_pock_has_the_rate_of_douglas_rachford_for_l_the_identity(γ, δ):
    pytest.importorskip("clarabel")
    τ = 0.7
    A, B = operator(strong_monotonicity=γ, maximal=True), operator(cocoercivity=δ)
    tight = sk.DouglasRachford(alpha=τ).proof(A, B).rate
    composed = B.pullback(ScaledIdentity(1.0))
    for method in (
        sk.ChambollePock(tau=τ, sigma=1 / τ, theta=1.0),
        sk.LinearizedADMM(tau=τ, rho=1 / τ),
    ):
        assert method.guarantee(A, composed).rate == pytest.approx(tight, abs=1e-6)


def test_pd3o_brings_its_metric_down_and_condat_vu_its_function():
    rng = np.random.default_rng(2)
    γ, δ, m = 0.1, 0.2, 0.1
    for kind, seed in itertools.product((sk.PD3O, sk.CondatVu), range(8)):
        L = rng.normal(size=(3, 2))
        norm = np.linalg.norm(L, 2)
        A = sk.Affine(γ * np.eye(2) + rng.normal() * TURN)
        K = rng.normal(size=(3, 3))
        B = sk.Affine(np.linalg.inv(δ * np.eye(3) + K - K.T))
        Q, _ = np.linalg.qr(rng.normal(size=(2, 2)))
        S = Q @ np.diag([m, 1.0]) @ Q.T
        C = sk.Affine(sk.DenseMatrix((S + S.T) / 2))  # symmetric to the last bit
        τ = rng.uniform(0.2, 0.9)
        room = 1 / τ if kind is sk.PD3O else 1 / τ - 0.5
        σ = (0.98 if seed % 2 else 0.5) * room / norm**2
        method = kind(tau=τ, sigma=σ)
        terms = method.terms(A, B.pullback(sk.DenseMatrix(L)), C)
        rate = method.guarantee(*terms).rate
        assert rate < 1
        h = 0.0
        if kind is sk.CondatVu:
            least = 1 / (1 / τ - σ * norm**2)
            h = (1 - max(abs(1 - least * m), abs(1 - least)) ** 2) / least
        iteration = method.iteration(*terms)
        for _ in range(10):
            x, y = rng.normal(size=2), rng.normal(size=3)
            values = []
            for u in ((x, y, C(x)), iteration.step((x, y, C(x)))):
                w = u[0] - (τ * u[2] if kind is sk.PD3O else 0)
                size = w @ w / τ - 2 * (L @ w) @ u[1] + u[1] @ u[1] / σ - h * u[0] @ u[0]
                values.append(size)
            assert values[1] <= rate**2 * values[0] + 1e-12


def test_a_rate_says_of_what_it_is():
    known = operator(strong_monotonicity=0.1, lipschitz=1.0)
    R_linear = sk.ForwardReflectedBackward().guarantee(known, sk.Zero()).falls
    assert R_linear.startswith("R-linear")
    assert not sk.ForwardReflectedBackward().guarantee(known, sk.Zero()).in_every_iteration
    assert sk.Tseng().guarantee(known, sk.Zero()).in_every_iteration
    assert sk.Tseng().guarantee(known, sk.Zero()).falls == "Q-linear in ‖u − u*‖"
    A, B = operator(strong_monotonicity=1.0, maximal=True), operator(cocoercivity=1.0)
    longer = sk.ChambollePock().guarantee(A, B.pullback(ScaledIdentity(1.0)))
    assert longer.falls.startswith("R-linear")
    assert "may lead away" in longer.falls
    steady = sk.ChambollePock(tau=1.0, sigma=1.0).guarantee(A, B.pullback(ScaledIdentity(1.0)))
    assert steady.falls.startswith("Q-linear in the metric")


def test_condat_vu_needs_room_for_its_rate():
    A, B = operator(strong_monotonicity=0.1, maximal=True), operator(cocoercivity=0.1)
    C = operator(strong_monotonicity=0.1, lipschitz=1.0, gradient=True)
    assert condat_vu_rate(A, B, C, 1.0, Steps(0.5, 1.4)) < 1
    assert condat_vu_rate(A, B, C, 1.0, Steps(0.5, 2.0)) is None


@pytest.mark.parametrize("θ", [0.6, 0.8, 1.0])
def test_functions_allow_longer_primal_dual_steps_and_no_longer_ones(θ):
    """A = 0, B = N_{0} and L = I: a step that turns at τσ = 4/(1 + 2θ), and leads away above."""
    longest = 4 / (1 + 2 * θ)
    A, B = sk.Zero(), sk.NormalCone(f.Box(0.0, 0.0)).pullback(ScaledIdentity(1.0))
    for part, converges in ((0.999, True), (1.001, False)):
        τ, σ = 2.0, part * longest / 2.0
        method = sk.ChambollePock(tau=τ, sigma=σ, theta=θ)
        terms = method.terms(A, B)
        assert method.guarantee(*terms).holds is converges
        assert method.guarantee(*terms).rate is None
        assert method.averagedness(*terms) is None
        iteration = method.iteration(*terms)
        start = iteration.begin(np.ones(1), Space.of(np.ones(1)))
        columns = [_flat(iteration.step(_shaped(e, start))) for e in np.eye(2)]
        radius = max(abs(np.linalg.eigvals(np.stack(columns, axis=1))))
        assert bool(radius < 1) is converges
    of_no_function = sk.Affine(TURN)
    assert not method.guarantee(of_no_function, B).holds


@pytest.mark.parametrize(("part", "converges"), [(0.999, True), (1.001, False)])
def test_linearized_admm_has_the_same_limit(part, converges):
    A, B = sk.Zero(), sk.NormalCone(f.Box(0.0, 0.0)).pullback(ScaledIdentity(1.0))
    method = sk.LinearizedADMM(tau=2.0, rho=part * 2 / 3)
    assert method.guarantee(A, B).holds is converges
    unchecked = sk.LinearizedADMM(tau=2.0, rho=part * 2 / 3, check=False)
    seen = [abs(float(u[0])) for u, *_ in states(unchecked, A, B, np.ones(1), 400)]
    assert (seen[-1] < seen[100]) is converges


@pytest.mark.parametrize("seed", range(4))
def test_longer_primal_dual_steps_converge(seed):
    rng = np.random.default_rng(seed)
    L = rng.normal(size=(4, 3))
    fit = sk.Subdifferential(f.SquaredL2(0.2, center=rng.normal(size=3)))
    inclusion = fit + sk.Subdifferential(f.L1Norm(0.01)).pullback(sk.DenseMatrix(L))
    longest = 1.32 / np.linalg.norm(L, 2) ** 2
    known = sk.solve(inclusion, np.zeros(3), sk.ChambollePock(), tol=1e-11).x
    for method in (
        sk.ChambollePock(tau=0.5, sigma=2 * longest),
        sk.LinearizedADMM(tau=0.5, rho=2 * longest),
    ):
        found = sk.solve(inclusion, np.zeros(3), method, tol=1e-11).x
        np.testing.assert_allclose(found, known, atol=1e-8)


ROUGH, LIPSCHITZ = {"monotone": True, "maximal": True}, {"monotone": True, "lipschitz": 1.0}
STRONG = {"strong_monotonicity": 0.5}


@pytest.mark.parametrize("method", [sk.Ryu, sk.MalitskyTam, sk.ProductSpace])
@pytest.mark.parametrize("relaxation", [0.3, 0.9])
@pytest.mark.parametrize(
    "kinds",
    [
        (LIPSCHITZ, LIPSCHITZ, STRONG | ROUGH),
        (LIPSCHITZ | STRONG, ROUGH, LIPSCHITZ),
        (ROUGH, LIPSCHITZ, LIPSCHITZ | STRONG),
    ],
)
def test_resolvent_splittings_have_linear_rates(method, relaxation, kinds):
    """No better than the least that is proved, and 1 − ρ is no less than an eighth of that."""
    terms = [
        operator(maximal=True, **{k: v for k, v in kind.items() if k != "maximal"})
        for kind in kinds
    ]
    chosen = method(alpha=1.0, relaxation=relaxation)
    rate, least = chosen.guarantee(*terms).rate, chosen.proof(*terms).rate
    assert least <= rate + 1e-7
    assert 1 - rate >= (1 - least) / 8


@pytest.mark.parametrize("method", [sk.Ryu, sk.MalitskyTam, sk.ProductSpace])
def test_resolvent_splittings_have_none_if_two_operators_are_not_lipschitz(method):
    terms = [operator(strong_monotonicity=0.5, lipschitz=1.0), operator(**ROUGH), operator(**ROUGH)]
    chosen = method(alpha=1.0)
    assert chosen.guarantee(*terms).rate is None
    assert chosen.proof(*terms).rate is None


L = sk.linear.wrap(np.random.default_rng(3).normal(size=(2, 3)))


@pytest.mark.parametrize(
    "method",
    [
        sk.ChambollePock(tau=0.5, sigma=1.8 / L.norm**2, balance=True),
        sk.Relaxed(sk.ChambollePock(tau=0.5, sigma=1.8 / L.norm**2, balance=False), relaxation=0.9),
        sk.LinearizedADMM(tau=0.5, rho=1.8 / L.norm**2),
    ],
    ids=lambda method: method.label,
)
def test_linear_rates_of_methods_whose_steps_may_change(method):
    """They are those of the method with constant steps."""
    A, B = operator(strong_monotonicity=0.5, maximal=True), operator(cocoercivity=0.5)
    proof = method.linear_rate(A, B.pullback(L), accuracy=0.02)
    assert 0.6 < proof.lyapunov.rate < 0.95


@pytest.mark.parametrize(
    ("C", "part"),
    [
        (operator(cocoercivity=0.8), 0.9),
        (operator(cocoercivity=0.8), 0.5),
        (operator(strong_monotonicity=0.1, lipschitz=1.25, gradient=True), 0.9),
    ],
)
def test_condat_vu_s_rate_is_the_least_that_is_proved(C, part):
    """V may be any quadratic function of the state and its images; W is one of them."""
    A, B = operator(strong_monotonicity=0.5, maximal=True), operator(cocoercivity=0.5)
    terms = (A, B.pullback(L), C)
    method = sk.CondatVu(tau=0.5, sigma=part * (2 - 0.625) / L.norm**2)
    square = method.guarantee(*terms).rate ** 2
    known = method.as_proved(*method.terms(*terms))
    assert proof_of._of_a_function(*known, square + 1e-5).holds
    assert not proof_of._of_a_function(*known, square - 1e-3).holds
