"""Bounds of settings: known tight values, files, what breaks them, and what no bound holds for."""

import json
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest

from splitkit.proofs import Outcome, checker
from splitkit.proofs.interpolation import (
    ConvexLipschitz,
    Indicator,
    Linear,
    Quadratic,
    Smooth,
    Support,
    Symmetric,
)
from splitkit.proofs.outcome import NotExpressibleError
from splitkit.proofs.quantity import inner, norm2
from splitkit.proofs.setting import Setting
from tests.proofs.settings import EXAMPLES

# Drori, Teboulle (2014), Taylor et al. (2017), Lieder (2021), Gu, Yang (2020), and others
TIGHT = {
    "monotone_inclusions_variational_inequalities.proximal_point": 0.9**9 / 10,
    "monotone_inclusions_variational_inequalities.accelerated_proximal_point": 1 / 100,
    "fixed_point_problems.halpern_iteration": (2 / 11) ** 2,
    "fixed_point_problems.krasnoselskii_mann_constant_step_sizes": (3 / 4) ** 3 / 4 / (3 / 4),
    "composite_convex_minimization.proximal_gradient": 0.9**4,
    "unconstrained_convex_minimization.gradient_descent": 3 / (2 * 9),
    "unconstrained_convex_minimization.proximal_point": 1 / 48,
    "unconstrained_convex_minimization.gradient_exact_line_search": (0.9 / 1.1) ** 4,
    "unconstrained_convex_minimization.subgradient_method": 2 / sqrt(7),
    "unconstrained_convex_minimization.heavy_ball_momentum_qg_convex": 1 / 12,
    "continuous_time_models.gradient_flow_strongly_convex": -0.2,
    "potential_functions.gradient_descent_lyapunov_1": 0.0,
    "stochastic_and_randomized_convex_minimization.sgd_overparametrized": 1.69,
}


@pytest.mark.parametrize("name", TIGHT)
def test_known_tight_values(name):
    """Verified in rational numbers, and read by the checker; above the value by a margin alone."""
    proof = EXAMPLES[name].prove()
    assert proof.outcome is Outcome.PROVED
    assert -1e-9 <= proof.value - TIGHT[name] <= 2e-6
    assert checker.check(json.loads(proof.to_json())) == []


def gradient_steps(known, n, step, s=None):
    s = s or Setting()
    f = s.function(known)
    xs, x = f.minimizer(), s.point("x₀")
    start = norm2(x - xs)
    for _ in range(n):
        x = x - step * f.gradient(x)
    return s, f, xs, x, start


def test_the_checker_sees_a_value_of_a_function_that_does_not_cancel():
    s, f, xs, x, start = gradient_steps(Smooth(0.0, 1.0), 1, 1.0)
    proof = json.loads(s.bound(f.value(x) - f.value_at(xs), start).to_json())
    assert checker.check(proof) == []
    proof["right"][-1][0] = "2"
    assert "S is not 0 at values" in checker.check(proof)


def test_the_checker_sees_a_minimizer_that_is_none():
    """The condition of quadratic growth is one at points with u = 0."""
    proof = json.loads(
        EXAMPLES["unconstrained_convex_minimization.gradient_descent_qg_convex"].prove().to_json()
    )
    at_minimizer = next(q for q in proof["inequalities"] if "u" in q["form"]["zero"])
    at_minimizer["at"]["u"] = {"0": "1"}
    assert any("is not 0" in wrong for wrong in checker.check(proof))


def test_a_smaller_value_is_not_proved():
    s, f, xs, x, start = gradient_steps(Smooth(0.0, 1.0), 2, 1.0)
    proof = json.loads(s.bound(f.value(x) - f.value_at(xs), start).to_json())
    proof["value"] = str(Fraction(proof["value"]) * 99 / 100)
    assert checker.check(proof)


@pytest.mark.parametrize("power", [-6, 0, 6])
def test_units_do_not_matter(power):
    """(L, 1/γ) → s(L, 1/γ): f − f* ≤ sL/(4n + 2)‖x₀ − x*‖²."""
    scale = 10.0**power
    s, f, xs, x, start = gradient_steps(Smooth(0.0, scale), 2, 1 / scale)
    assert s.bound(f.value(x) - f.value_at(xs), start).value == pytest.approx(scale / 10, rel=1e-6)


def test_where_no_bound_holds_none_is_claimed():
    """Steps beyond 2/L, without strong convexity, of a function that is merely convex."""
    s = Setting()
    f = s.function(Smooth())
    xs, x = f.minimizer(), s.point("x₀")
    proof = s.bound(norm2(x - f.gradient(x) - xs), norm2(x - xs))
    assert not proof.holds
    assert proof.outcome is Outcome.INEXPRESSIBLE


@pytest.mark.parametrize("seed", range(5))
def test_no_member_of_a_class_exceeds_its_bound(seed):
    """Random quadratics, piecewise linear functions and matrices against bounds of each class."""
    rng = np.random.default_rng(seed)
    m, L, step, n = 0.2, 1.5, 0.9, 3
    Q, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    H = Q @ np.diag(rng.choice([m, L, rng.uniform(m, L)], 4)) @ Q.T
    x0 = rng.normal(size=4)
    x = x0.copy()
    for _ in range(n):
        x = x - step * H @ x
    s, f, xs, after, start = gradient_steps(Smooth(m, L), n, step)
    bound = s.bound(f.value(after) - f.value_at(xs), start).value
    assert 0.5 * x @ H @ x <= bound * (x0 @ x0) * (1 + 1e-9)
    s = Setting()
    f, u = s.function(Quadratic(m, L)), s.point("x₀")
    start = norm2(u)
    for _ in range(n):
        u = u - step * f.gradient(u)
    of_quadratics = s.bound(f.value(u), start).value
    assert 0.5 * x @ H @ x <= of_quadratics * (x0 @ x0) * (1 + 1e-9)
    assert of_quadratics <= bound * (1 + 1e-6)
    exact = max(0.5 * h * (1 - step * h) ** (2 * n) for h in np.linspace(m, L, 2001))
    assert of_quadratics == pytest.approx(exact, rel=1e-4)


def test_linear_maps_of_a_space_into_itself():
    """‖x − ½Hx‖ for H symmetric and skew with eigenvalues up to 2, and an isometry's resolvent."""
    for known, value in ((Symmetric(0.5, 2.0), 0.75**2), (Linear(2.0, skew=True), 2.0)):
        s = Setting()
        H, x = s.operator(known), s.point("x")
        assert s.bound(norm2(x - 0.5 * H(x)), norm2(x)).value == pytest.approx(value, rel=1e-5)


def test_sets_and_their_support_functions():
    """A projection onto a ball of radius R is at most R long; σ_C(x) ≤ M‖x‖."""
    s = Setting()
    C, x = s.function(Indicator(radius=2.0)), s.point("x")
    assert s.bound(norm2(C.prox(x, 1.0))).value == pytest.approx(4.0, rel=1e-5)
    s = Setting()
    f, x = s.function(Support(3.0)), s.point("x")
    s.assume(norm2(x) <= 1)
    assert s.bound(f.value(x)).value == pytest.approx(3.0, rel=1e-5)
    s = Setting()
    f, x, y = s.function(ConvexLipschitz(3.0)), s.point("x"), s.point("y")
    s.assume(norm2(x - y) <= 1)
    assert s.bound(f.value(x) - f.value(y)).value == pytest.approx(3.0, rel=1e-5)


def test_wrong_classes_and_numbers_are_refused():
    with pytest.raises(NotExpressibleError, match="m < L"):
        Smooth(2.0, 1.0)
    s = Setting()
    x = s.point("x")
    with pytest.raises(NotExpressibleError, match="inf occurs"):
        inner(x, x) * float("inf")
    with pytest.raises(TypeError):
        inner(x, x) * inner(x, x)
