"""Several steps, measures by name, linear rates and the functions behind them, best parameters."""

import json

import numpy as np
import pytest

import splitkit as sk
from splitkit.proofs import NotExpressibleError, Outcome, checker
from tests.proofs.random_programs import never

I = sk.Identity()  # noqa: E741


def operator(**properties):
    return sk.Operator.from_callable(never, resolvent=never, name="A", **properties)


def resolved(**properties):
    return sk.Operator.from_callable(resolvent=never, monotone=True, maximal=True, **properties)


A, B = operator(monotone=True, maximal=True), operator(monotone=True, maximal=True)
SMOOTH = operator(monotone=True, lipschitz=1.0, gradient=True)


def momentum(f):
    def step(state, k):
        x, y = state
        z = y - f(y)
        return z, z + k / (k + 3) * (z - x)

    return step


CASES = {
    # Gu, Yang (2020)
    "proximal point": (lambda: sk.prove(A.resolvent(0.7), steps=4, final="step"), 0.75**3 / 4),
    # Drori, Teboulle (2014)
    "gradient steps": (lambda: sk.prove(I - SMOOTH, steps=3, final="value"), 1 / 14),
    "their gradient": (lambda: sk.prove(I - SMOOTH, steps=3, final="gradient"), 1 / 16),
    # Kim, Fessler; of the step of number k
    "changing steps": (
        lambda: sk.prove(
            lambda f: lambda u, k: u - [1.5, 1.2, 1.6][k] * f(u), SMOOTH, steps=3, final="value"
        ),
        1 / (4 * (1.5 + 1.2 + 1.6) + 2),
    ),
    # Taylor, Hendrickx, Glineur (2017): FISTA with i/(i + 3), here from one point
    "a state of two points": (
        lambda: sk.prove(momentum, SMOOTH, steps=4, start=2, final="value"),
        1 / 21,
    ),
    "the best of residuals": (
        lambda: sk.prove(0.5 * I + 0.5 * operator(lipschitz=1.0), steps=3, final="best residual"),
        (3 / 4) ** 3 / 4,
    ),
    "a contraction": (
        lambda: sk.prove(
            I - 0.5 * operator(strong_monotonicity=0.2, lipschitz=1.0, gradient=True),
            steps=3,
            final="distance",
        ),
        0.9**6,
    ),
    # Lieder (2021), by the method's own code
    "Halpern": (
        lambda: sk.prove(
            sk.Halpern(sk.DouglasRachford(alpha=1.0)), resolved(), resolved(), steps=4
        ),
        (2 / 5) ** 2,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_after_several_steps(case):
    prove, value = CASES[case]
    proof = prove()
    assert proof.outcome is Outcome.PROVED
    assert proof.value == pytest.approx(value, rel=3e-6)
    assert checker.check(json.loads(proof.to_json())) == []


def test_a_composition_is_as_good_as_its_steps():
    """T @ T is one step of the square, which takes the operator at two points."""
    T = I - 0.2 * operator(strong_monotonicity=0.2, lipschitz=1.0)
    once = sk.prove(T).value
    assert sk.prove(T @ T).value <= once**2 * (1 + 1e-6)
    assert sk.prove(T, steps=2, final="distance").value <= once**2 * (1 + 1e-6)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"steps": 0}, ValueError, "steps = 0"),
        ({"steps": 2, "final": "speed"}, ValueError, "final = 'speed'"),
        ({"steps": 2, "initial": "step"}, ValueError, "initial = 'step'"),
        ({"steps": 2, "final": "value"}, NotExpressibleError, "no subdifferential"),
        ({"steps": 2, "start": 2}, NotExpressibleError, "2 points"),
    ],
)
def test_measures_that_there_are_not(given, error, says):
    with pytest.raises(error, match=says):
        sk.prove(lambda A: lambda u: A.resolvent(1.0)(u[0] if type(u) is tuple else u), A, **given)


def test_a_method_s_start_is_measured_by_the_distance():
    with pytest.raises(ValueError, match="initial = 'residual'"):
        sk.prove(sk.Tseng(alpha=0.1), SMOOTH, A, steps=2, initial="residual")


def test_a_linear_rate_comes_with_its_function():
    """Forward-backward contracts by 1 − 2αm + α²L², and no quadratic function does better."""
    F = operator(strong_monotonicity=0.1, lipschitz=1.0)
    proof = sk.ForwardBackward(alpha=0.05).linear_rate(F, A, accuracy=1e-3)
    V = proof.lyapunov
    assert V.rate == pytest.approx(1 - 0.01 + 0.0025, abs=1.1e-3)
    assert np.linalg.eigvalsh(V.gram)[0] >= -1e-9 * np.linalg.norm(V.gram)
    assert f"{V.rate:.6g} V(s)" in str(V)
    assert checker.check(json.loads(proof.to_json())) == []
    reflected = sk.ForwardReflectedBackward(alpha=0.3).linear_rate(F, A)
    assert 0.9 < reflected.lyapunov.rate < 0.95
    assert sk.ForwardReflectedBackward(alpha=0.3).proof(F, A).lyapunov.rate == 1
    with pytest.raises(ValueError, match="no linear rate"):
        sk.ForwardReflectedBackward(alpha=0.3).linear_rate(
            operator(monotone=True, lipschitz=1.0), A
        )


def test_a_rate_of_a_function_is_none_of_what_is_no_function():
    assert sk.prove(A.resolvent(1.0)).lyapunov is None


def test_the_best_of_two_parameters():
    """Peaceman-Rachford at 1/L, unrelaxed: 1 − 4m/(2L + 2m)."""
    F = operator(strong_monotonicity=0.5, lipschitz=2.0)

    def relaxed(alpha, share):
        return (1 - share) * I + share * (F.cayley(alpha) @ A.cayley(alpha))

    (alpha, share), proof = sk.best_step(relaxed, bounds=[(0.1, 2.0), (0.5, 1.5)])
    assert (alpha, share) == pytest.approx((0.5, 1.0), abs=1e-2)
    assert proof.value == pytest.approx(0.6, abs=1e-4)
    operators, attained = proof.worst_instance()
    assert attained == pytest.approx(proof.value, rel=1e-5)
    assert all(isinstance(each, sk.Operator) for each in operators.values())
    with pytest.raises(ValueError, match="bounds"):
        sk.best_step(relaxed, bounds=[(0.1, 2.0), (1.5, 0.5)])


@pytest.mark.parametrize("m", [1e-8, 1e-7, 2.26e-6])
def test_what_is_barely_strongly_convex_is_convex(m):
    """The solver's numbers of so small an m may verify nothing; those of m = 0 do."""
    f = operator(strong_monotonicity=m, lipschitz=1.0, gradient=True)

    def inertial(f, g):
        def step(state):
            x, before = state
            return g.resolvent(0.9)(x - 0.9 * f(x + 0.5 * (x - before))), x

        return step

    proof = sk.prove(inertial, f, resolved(gradient=True), steps=2, start=2, final="step")
    assert proof.outcome is Outcome.PROVED
    assert checker.check(json.loads(proof.to_json())) == []
    given = sk.prove(inertial, SMOOTH, resolved(gradient=True), steps=2, start=2, final="step")
    assert proof.value == pytest.approx(given.value, rel=1e-4)
