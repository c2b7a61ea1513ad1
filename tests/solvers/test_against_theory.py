"""Worst cases that are known exactly, with x₀ at distance 1 from the solution."""

import itertools

import numpy as np
import pytest

import splitkit as sk
from splitkit.solvers.methods import METHODS

f = sk.functions
# their steps adapt to norms, or change from one iteration to the next
WITHOUT_PROGRAM = (
    sk.AcceleratedProximalPoint,
    sk.AdaptiveProximalGradient,
    sk.FISTA,
    sk.GoldenRatio,
    sk.ProjectiveSplitting,
    sk.TsengLineSearch,
)
FREE = sk.NormalCone(f.Box(-np.inf, np.inf))


def states(inclusion, x0, method, count):
    return list(method.iterate(inclusion, x0, tol=0, max_iter=count))


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_proximal_point_on_the_worst_rotation(n):
    """‖xₙ − xₙ₋₁‖² = (1 − 1/n)ⁿ⁻¹/n at αw = 1/√(n − 1): Gu, Yang (2020)."""
    alpha = 0.7
    w = 1 / (alpha * np.sqrt(n - 1))
    A = sk.Affine(np.array([[0.0, w], [-w, 0.0]]))
    points = [s.u for s in states(A, np.array([0.6, 0.8]), sk.ProximalPoint(alpha=alpha), n)]
    squared = np.sum((points[-1] - points[-2]) ** 2)
    assert squared == pytest.approx((1 - 1 / n) ** (n - 1) / n, rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_halpern_on_its_worst_case(n):
    """‖xₙ − Txₙ‖ = 2/(n + 1) for T = 2 soft(·, 1/(n + 1)) − I: Lieder (2021)."""
    G = sk.Subdifferential(f.L1Norm(1 / (n + 1)))
    method = sk.Halpern(sk.PeacemanRachford(alpha=1.0))
    seen = [1.0] + [float(s.u[0]) for s in states(G + FREE, np.ones(1), method, n)]
    T = 2 * G.resolvent(1.0)(np.array(seen[n])) - seen[n]
    assert abs(seen[n] - float(T)) == pytest.approx(2 / (n + 1), rel=1e-12)


@pytest.mark.parametrize("ρ", [0.3, 0.8, 0.99])
@pytest.mark.parametrize("angle", [0.0, 0.5, 2.0, np.pi])
def test_halpern_of_a_contraction_is_within_its_bound(ρ, angle):
    """‖yₙ − Tyₙ‖ ≤ (1 + ρ)/Σ_{i ≤ n} ρ⁻ⁱ for T ρ-Lipschitz: Park, Ryu (2022)."""
    T = ρ * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    # T = C_A for A = (I − T)(I + T)⁻¹
    A = sk.Affine(np.linalg.solve(np.eye(2) + T, np.eye(2) - T))
    method = sk.Halpern(sk.PeacemanRachford(alpha=1.0))
    x0 = np.array([0.6, 0.8])
    for n, y in enumerate([x0, *(s.u for s in states(A, x0, method, 12))]):
        bound = (1 + ρ) / sum(ρ**-i for i in range(n + 1))
        assert np.linalg.norm(y - T @ y) <= bound * (1 + 1e-9)


@pytest.mark.parametrize("n", [1, 3, 10, 30])
def test_accelerated_proximal_point_on_its_worst_case(n):
    """‖yₙ₋₁ − xₙ‖ = 1/n for A = ∂(|·|/n), α = 1: Kim (2021)."""
    A = sk.Subdifferential(f.L1Norm(1 / n))
    method = sk.AcceleratedProximalPoint(alpha=1.0)
    seen = states(A, np.ones(1), method, n)
    before = 1.0 if n == 1 else float(seen[-2].u[0])
    assert abs(before - float(seen[-1].x[0])) == pytest.approx(1 / n, rel=1e-12)


@pytest.mark.parametrize("m", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("w", [0.0, 0.3, 3.0])
def test_optimal_strongly_monotone_proximal_point_is_within_its_bound(m, w):
    """‖yₙ₋₁ − xₙ‖ ≤ 2μ/((1 + 2μ)ⁿ − 1) with μ = αm: Park, Ryu (2022)."""
    alpha = 0.6
    A = sk.Affine(np.array([[m, w], [-w, m]]))
    y, anchor = np.array([0.6, 0.8]), []
    for k, state in enumerate(states(A, y, sk.AcceleratedProximalPoint(alpha=alpha), 25), 1):
        μ = alpha * m
        bound = 2 * μ / ((1 + 2 * μ) ** k - 1)
        anchor.append(np.linalg.norm(y - state.x) / bound)
        y = state.u
    assert max(anchor) <= 1 + 1e-9


@pytest.mark.parametrize("γ", [0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("n", [1, 2, 5, 15])
def test_krasnoselskii_mann_on_its_worst_rotation(n, γ):
    """¼‖xₙ − Txₙ‖² attains its bound on the rotation with cos φ = 1 − 2s: Lieder (2018)."""
    s = min(1.0, 1 / (4 * γ * (1 - γ) * (n + 1)))
    cos = 1 - 2 * s
    sin = np.sqrt(1 - cos**2)
    # T = C_{αA} is this rotation for A = (I − T)(I + T)⁻¹/α, unless cos φ = −1
    T = np.array([[cos, sin], [-sin, cos]])
    x = np.array([1.0, 0.0])
    rotation = sk.Operator.from_callable(lambda x: T @ x, lipschitz=1.0, name="T")
    step = (1 - γ) * sk.Identity() + γ * rotation
    for _ in range(n):
        x = step(x)
    quarter = np.sum((x - T @ x) ** 2) / 4
    if γ <= (1 + np.sqrt(n / (n + 1))) / 2:
        bound = (n / (n + 1)) ** n / ((n + 1) * 4 * γ * (1 - γ))
    else:
        bound = (2 * γ - 1) ** (2 * n)
    assert quarter == pytest.approx(bound, rel=1e-10)


@pytest.mark.parametrize("product", [0.3, 0.7, 1.3])
def test_one_step_of_each_kind_on_a_rotation(product):
    """Eigenvalues ±iw, a = αw: proximal point 1/√(1 + a²), Tseng and extragradient
    √(1 − a² + a⁴), the Cayley operator 1."""
    w, alpha = 1.9, product / 1.9
    A = sk.Affine(np.array([[0.0, w], [-w, 0.0]]))
    x0 = np.array([1.0, 2.0])

    def factor(method, inclusion=A):
        u = [x0, *(s.u for s in states(inclusion, x0, method, 5))]
        norms = np.array([np.linalg.norm(each) for each in u])
        np.testing.assert_allclose(norms[1:] / norms[:-1], norms[1] / norms[0], rtol=1e-10)
        return norms[1] / norms[0]

    expected = np.sqrt(1 - product**2 + product**4)
    assert factor(sk.ProximalPoint(alpha=alpha)) == pytest.approx(1 / np.hypot(1, product))
    assert factor(sk.Tseng(alpha=alpha, check=False), A + FREE) == pytest.approx(expected)
    assert factor(sk.Extragradient(alpha=alpha, check=False), A + FREE) == pytest.approx(expected)
    assert factor(sk.PeacemanRachford(alpha=alpha, check=False)) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.label)
def test_where_the_program_proves_a_rate_no_run_exceeds_it(kind):
    """Every method on a strongly monotone inclusion, against the tight rate of its own step."""
    rng = np.random.default_rng(3)
    S = rng.normal(size=(5, 5))
    F = sk.Affine(np.eye(5) + S - S.T, rng.normal(size=5))
    if not kind.roles.count(sk.Role.EVALUATED) and len(kind.roles) == 1:
        inclusion = F
    else:
        inclusion = F + sk.NormalCone(f.NonNegative())
    method = kind()
    options = [o for o in sk.explain(inclusion).options if o.method.label == kind.label]
    held = [o for o in options if o.guarantee.holds]
    if not held:
        assert all(o.guarantee.reason for o in options)
        return
    option = held[0]
    if kind in WITHOUT_PROGRAM:
        with pytest.raises(TypeError, match="no proof by the program"):
            option.proof()
        return
    proof = option.proof()
    method = option.method
    if proof.rate is None:
        return
    fixed = sk.solve(inclusion, np.zeros(5), method, tol=1e-13, max_iter=100_000).checkpoint.kept
    history = [np.zeros(5)]
    run = sk.solve(
        inclusion, np.zeros(5), method, tol=0, max_iter=12,
        callback=lambda s: history.append(s.u),
    )  # fmt: skip
    if isinstance(fixed, tuple):
        assert run.checkpoint.iteration == 12
        return
    distance = [np.linalg.norm(u - fixed) for u in history]
    for before, after in itertools.pairwise(distance):
        assert after <= proof.rate * before + 1e-9
