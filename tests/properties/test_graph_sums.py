"""A sum's constants are the best that its terms' imply: formulas, and matrices that attain them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize_scalar

from splitkit.properties import Properties, sum_properties

few = settings(max_examples=40, deadline=None, derandomize=True, database=None)
sizes = st.floats(0.05, 20.0)
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])


def lipschitz(M):
    return np.linalg.norm(M, 2)


def gradient(m, L):
    return Properties.of(strong_monotonicity=m, lipschitz=L, gradient=True)


def skew(ω):
    return Properties.of(skew=True, lipschitz=ω)


@pytest.mark.parametrize(
    ("m", "L", "best", "β"), [(0.5, 1.0, 1.5, 1 / 3), (1.0, 1.2, 1.58661, 0.45455)]
)
def test_a_gradient_and_a_quarter_turn(m, L, best, β):
    total = sum_properties([gradient(m, L), skew(1.0)])
    assert total.lipschitz == pytest.approx(best, abs=5e-6)
    assert total.cocoercivity == pytest.approx(β, abs=5e-6)


@few
@given(sizes, st.floats(0.0, 20.0), sizes)
def test_of_a_gradient_and_a_skew_operator_they_are_the_formulas(m, more, ω):
    total = sum_properties([gradient(m, m + more), skew(ω)])
    L = m + more
    assert total.strong_monotonicity == pytest.approx(m, rel=1e-12)
    assert total.lipschitz == pytest.approx(math.hypot((m + L) / 2, ω) + more / 2, rel=1e-12)
    assert total.cocoercivity == pytest.approx(m / (m * L + ω * ω), rel=1e-12)


@pytest.mark.parametrize(("m", "L", "ω"), [(0.5, 1.0, 1.0), (0.1, 3.0, 0.4), (1.0, 1.0, 5.0)])
def test_a_gradient_and_a_skew_operator_attain_them(m, L, ω):
    """A symmetric matrix with eigenvalues m and L and a turn: the pair x = (cos φ, sin φ)."""
    S, W = np.diag([m, L]), ω * TURN
    total = sum_properties([gradient(m, L), skew(ω)])

    def ratio(φ):
        x = np.array([math.cos(φ), math.sin(φ)])
        u = (S + W) @ x
        return (x @ u) / (u @ u)

    assert lipschitz(S + W) == pytest.approx(total.lipschitz, rel=1e-12)
    least = min(
        minimize_scalar(ratio, bounds=(a, a + math.pi / 2), method="bounded").fun
        for a in (0.0, math.pi / 2)
    )
    assert least == pytest.approx(total.cocoercivity, rel=1e-8)


@few
@given(sizes, st.floats(0.0, 20.0), sizes)
def test_a_strongly_monotone_and_a_skew_operator_attain_theirs(m, more, ω):
    """mI + √(L² − m²)T and ωT."""
    L = m + more
    total = sum_properties([Properties.of(strong_monotonicity=m, lipschitz=L), skew(ω)])
    M = m * np.eye(2) + (math.sqrt(max(0.0, L * L - m * m)) + ω) * TURN
    assert total.lipschitz == pytest.approx(lipschitz(M), rel=1e-9)
    assert total.cocoercivity == pytest.approx(m / lipschitz(M) ** 2, rel=1e-9)


@few
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_no_turns_contradict_them(seed, count):
    """uᵢ = (sᵢ + tᵢT)x, a linear operator for each point of its region."""
    rng = np.random.default_rng(seed)
    declared, points = [], []
    for _ in range(count):
        m, L = np.sort(10 ** rng.uniform(-2, 2, 2))
        β = None if rng.integers(2) else rng.uniform(0.2, 1.0) / L
        kind = rng.integers(4)
        if kind == 0:
            declared.append(skew(L))
            points.append([(0.0, L)])
            continue
        of = {"strong_monotonicity": m, "lipschitz": L, "gradient": kind == 1}
        declared.append(Properties.of(**of, cocoercivity=β if kind == 2 else None))
        forms = declared[-1].forms
        s = rng.uniform(m, L, 400)
        t = np.full(400, np.inf)
        for a, b, c in forms:
            if c < 0:
                t = np.minimum(t, np.sqrt(np.maximum(0, (a + 2 * b * s) / -c - s * s)))
        points.append(list(zip(s, t, strict=True)))
    total = sum_properties(declared)
    for _ in range(200):
        chosen = [p[rng.integers(len(p))] for p in points]
        s, t = (sum(p[k] for p in chosen) for k in (0, 1))
        assert math.hypot(s, t) <= total.lipschitz * (1 + 1e-12)
        if total.cocoercivity is not None:
            assert s >= total.cocoercivity * (s * s + t * t) * (1 - 1e-12)
    plain = sum(p.lipschitz for p in declared)
    assert total.lipschitz <= plain


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_they_do_not_depend_on_the_unit(unit):
    total = sum_properties([gradient(0.5 * unit, unit), skew(unit)])
    assert total.lipschitz == pytest.approx(1.5 * unit, rel=1e-12)
    assert total.cocoercivity == pytest.approx(1 / (3 * unit), rel=1e-12)


def test_many_terms_are_added_up_plainly():
    total = sum_properties([gradient(0.5, 1.0), *[skew(1.0)] * 20])
    assert total.lipschitz == pytest.approx(21.0)
