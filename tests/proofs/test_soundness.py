"""What is called proved is true: shared operators, every scale, and steps that are no program."""

import json
from dataclasses import replace

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f
from splitkit.proofs import (
    NotExpressibleError,
    Outcome,
    Setting,
    Smooth,
    attempt,
    certify,
    checker,
    norm2,
    runs,
)
from splitkit.proofs.exact import solve_near
from splitkit.proofs.extensions import ThroughPoints
from splitkit.proofs.instances import Matrix, operator_through
from splitkit.proofs.program import Conic, least_value
from splitkit.proofs.symbols import Leaf, Pair
from splitkit.proofs.unrounded import Numbers
from tests.proofs.random_programs import TOLERANCE, RandomStep, differ, never
from tests.sampling import draws

I = sk.Identity()  # noqa: E741
DRAWS = 8  # operators in a confrontation


def operator(**properties):
    return sk.Operator.from_callable(never, resolvent=never, name="A", **properties)


MONOTONE = operator(monotone=True, maximal=True)
OTHER = operator(monotone=True, maximal=True)


def shared(A, k):
    return lambda u: 0.4 * u + 0.4 * A(u) - 0.4 * A(A(u) + k(u)) - 0.3 * k(u)


def projected(F, P):
    R = P.resolvent(1.0)

    def step(u):
        x = R(u)
        return R(x - 0.25 * F(x)) - x

    return step


# -- one operator at points that differ at the solution -------------------------------------------


def test_an_operator_at_points_whose_values_differ_at_the_solution():
    """With A = |·|, k = −1 the step has the fixed point ½, next to which it expands by 1.2."""
    T = shared(np.abs, lambda u: -1.0 + 0.0 * u)
    v = np.float64(0.5)
    assert T(v) == pytest.approx(v)
    assert abs(T(v + 1e-3) - T(v)) == pytest.approx(1.2e-3)
    proof = sk.prove(shared, operator(lipschitz=1.0), operator(lipschitz=0.0))
    assert not proof.holds
    assert proof.outcome is Outcome.REFUTED
    assert any("at the solution" in name for name in proof.vectors)


@pytest.mark.parametrize(
    "P", [operator(monotone=True, maximal=True, gradient=True), sk.NormalCone(f.NonNegative())]
)
def test_a_projection_at_two_points(P):
    """A quarter turn F, and a half space whose projection leaves u as it is and takes the other
    point to its border, multiply the squared distance by 1 + γ²L² = 1.0625; ‖s‖² is 4.0625 of it.
    """
    proof = sk.prove(projected, operator(monotone=True, lipschitz=1.0), P)
    assert proof.outcome is Outcome.REFUTED
    assert proof.attained < -0.0625 / 4.0625 + 1e-6
    assert "‖u⁺‖² = 1.062" in proof.reason

    def turn(x):
        return np.array([-8.0 - x[1], x[0] - 1.0])

    def half_space(_):
        return lambda y: np.array([min(y[0], 2.0), y[1]])

    R = sk.Operator.from_callable(resolvent=lambda y, alpha: half_space(alpha)(y))
    step, fixed, moved = projected(turn, R), np.array([1.0, 0.0]), np.array([1.0 - 1e-3, 0.0])
    assert step(fixed) == pytest.approx(fixed)
    assert np.sum((step(moved) - fixed) ** 2) == pytest.approx(1.0625e-6)


@pytest.mark.parametrize(
    "method", [sk.Extragradient(alpha=0.9), sk.PastExtragradient(alpha=0.45)], ids=type
)
def test_values_of_a_function_are_eliminated_by_cycles(method):
    """What holds for subdifferentials alone: the sums of ⟨uᵢ, xᵢ − xᵢ₊₁⟩ around cycles."""
    F = operator(monotone=True, lipschitz=1.0)

    def resolved(**properties):
        return sk.Operator.from_callable(resolvent=never, monotone=True, maximal=True, **properties)

    proof = method.proof(F, resolved(gradient=True))
    assert proof.outcome is Outcome.PROVED
    assert checker.check(json.loads(proof.to_json())) == []
    assert not method.proof(F, resolved()).holds


def test_points_that_coincide_at_the_solution_need_no_second_run():
    """Tseng's step: y = x at a solution, because I − αF is injective, and so F(y) = F(x) there."""

    def tseng(F, G):
        R = G.resolvent(0.4)

        def step(x):
            y = R(x - 0.4 * F(x))
            return y - 0.4 * F(y) + 0.4 * F(x)

        return step

    proof = sk.prove(tseng, operator(strong_monotonicity=0.5, lipschitz=2.0), MONOTONE)
    assert proof.rate is not None
    assert not any("at the solution" in name for name in proof.vectors)
    # where αL > 1 it is not: the fixed point may be no solution
    proof = sk.prove(tseng, operator(strong_monotonicity=0.5, lipschitz=4.0), MONOTONE)
    assert any("at the solution" in name for name in proof.vectors)


def test_an_affine_operator_takes_differences_to_differences():
    M = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]))
    proof = sk.prove(lambda A: lambda u: u - 0.1 * A(u - 0.1 * A(u)), M)
    assert proof.rate is not None
    assert not any("at the solution" in name for name in proof.vectors)


# -- scale ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "L", "alpha"), [(1e3, 1e7, 1e-7), (10.0, 1e4, 1e-6), (1e-3, 1.0, 1)])
def test_forward_steps_in_bad_units(m, L, alpha):
    """1 − 2αm + α²L² > 1: an expansion, refuted by a turn."""
    F = operator(strong_monotonicity=m, lipschitz=L)
    exact = 1 - 2 * alpha * m + (alpha * L) ** 2
    for T in (I - alpha * F, MONOTONE.resolvent(alpha) @ (I - alpha * F)):
        proof = sk.prove(T)
        assert proof.holds == (exact < 1)
        if exact >= 1:
            assert proof.outcome is Outcome.REFUTED


@pytest.mark.parametrize("power", range(-8, 9, 2))
@pytest.mark.parametrize("case", ["DR", "FB", "gradient", "Tseng"])
def test_units_do_not_matter(case, power):
    """(m, L, 1/β, 1/α) → s(m, L, 1/β, 1/α)."""

    def value(s):
        m, L, alpha = 0.1 * s, 1.0 * s, 0.8 / s
        F = operator(strong_monotonicity=m, lipschitz=L)
        if case == "DR":
            A, B = operator(cocoercivity=1 / L), operator(strong_monotonicity=m, maximal=True)
            T = 0.5 * I + 0.5 * (A.cayley(alpha) @ B.cayley(alpha))
        elif case == "FB":
            T = MONOTONE.resolvent(alpha / 20) @ (I - alpha / 20 * F)
        elif case == "gradient":
            T = I - alpha * operator(strong_monotonicity=m, lipschitz=L, gradient=True)
        else:
            method = sk.Tseng(alpha=alpha)
            return method.proof(F, MONOTONE)
        return sk.prove(T)

    here, there = value(1.0), value(10.0**power)
    assert here.outcome == there.outcome == Outcome.PROVED
    assert there.value == pytest.approx(here.value, rel=1e-6)


RESOLVED = [
    sk.Operator.from_callable(resolvent=never, monotone=True, maximal=True) for _ in range(3)
]
IN_UNITS = {  # methods at α = 1/s, whose residual has the units of s
    "Davis-Yin": lambda s: sk.DavisYin(alpha=0.5 / s).proof(
        *RESOLVED[:2], operator(cocoercivity=0.8 / s)
    ),
    "Tseng": lambda s: sk.Tseng(alpha=0.3 / s).proof(
        operator(monotone=True, lipschitz=s), RESOLVED[0]
    ),
    "Ryu": lambda s: sk.Ryu(alpha=1 / s).proof(*RESOLVED),
}


@pytest.mark.parametrize("s", [1e-8, 3e-5, 700.0, 1e5, 1e8])
@pytest.mark.parametrize("case", IN_UNITS)
def test_the_units_of_a_residual_do_not_matter(case, s):
    """‖u⁺‖² ≤ ‖u‖² − c‖r‖² with r in units of s: c s² is the same."""
    here, there = (IN_UNITS[case](scale) for scale in (1.0, s))
    assert here.outcome == there.outcome == Outcome.PROVED
    assert there.value * s**2 == pytest.approx(here.value, rel=1e-6)


@pytest.mark.parametrize("s", [1e-8, 1e5, 1.1e5, 1e8])
def test_an_inverse_step_is_known_as_one(s):
    """Halpern's residual (y − x)/α at α = 1/s is (1/α)y − (1/α)x, where 1/α is rounded again."""
    proof = sk.prove(sk.Halpern(sk.ProximalPoint(alpha=1 / s)), RESOLVED[0], steps=3)
    assert proof.outcome is Outcome.PROVED
    assert proof.value / s**2 == pytest.approx(0.25, rel=1e-6)


@pytest.mark.parametrize("steps", [3, 4, 9])
def test_the_weights_of_a_mean_have_the_sum_one(steps):
    """Halpern's λ = 1/(1 + γ + γ² + …), γ = 1.1², is one over a decimal, and 1 − λ is of it: else
    the claim depends on where the origin is, and nothing proves it.
    """
    B = operator(strong_monotonicity=0.1, maximal=True)
    proof = sk.prove(sk.Halpern(sk.ProximalPoint(alpha=1.0)), B, steps=steps)
    assert proof.outcome is Outcome.PROVED


A_WEIGHT, ANOTHER = 1 / 3.6741, 1 / 7.0312


@pytest.mark.parametrize(
    ("terms", "total"),
    [
        ([A_WEIGHT, 1 - A_WEIGHT], 1),
        ([1 - A_WEIGHT, A_WEIGHT], 1),
        ([A_WEIGHT, A_WEIGHT - 1, -2 * A_WEIGHT], -1),
        ([A_WEIGHT, 2 - A_WEIGHT], 2),
        ([A_WEIGHT, ANOTHER, 1 - A_WEIGHT - ANOTHER], 1),
        ([A_WEIGHT, ANOTHER, -(A_WEIGHT + ANOTHER)], 0),
        ([A_WEIGHT, -ANOTHER, ANOTHER - A_WEIGHT], 0),
        ([A_WEIGHT * ANOTHER, A_WEIGHT * (1 - ANOTHER), -A_WEIGHT], 0),
        ([0.1**0.5, 0.7**0.5, 1 - 0.1**0.5 - 0.7**0.5], 1),
    ],
)
def test_sums_are_what_they_are_without_rounding(terms, total):
    numbers = Numbers()
    assert sum(map(numbers.exact, terms)) == total


@pytest.mark.parametrize(
    ("a", "b"), [(A_WEIGHT, ANOTHER), (A_WEIGHT, 0.7853981634), (1e-7, 123456.5)]
)
def test_products_are_what_they_are_without_rounding(a, b):
    exact = Numbers().exact
    assert exact(a) * exact(b) == exact(a * b)
    assert exact(a) == exact(a / b) * exact(b)
    assert exact(1 / a) * exact(a) == 1


def test_no_elimination_is_done_twice(monkeypatch):
    """Two measures by which the same multipliers are negligible would spend the budget twice."""
    done = []

    def recorded(equations, near, weights, budget):
        done.append((equations, near, weights))
        return solve_near(equations, near, weights, budget)

    monkeypatch.setattr("splitkit.proofs.certify.solve_near", recorded)
    assert RandomStep.draw(np.random.default_rng(73)).prove().outcome is Outcome.PROVED
    assert len(done) > 1
    assert all(each not in done[:i] for i, each in enumerate(done))


def test_tseng_of_least_squares_in_large_units():
    """Not 1.9e-6: of m = 1e3, L = 8e7 nothing is near that."""
    F = operator(strong_monotonicity=1e3, lipschitz=8e7)
    proof = sk.Tseng().proof(F, MONOTONE)
    assert proof.rate is None or 0.9 < proof.rate < 1


# -- what is no program ---------------------------------------------------------------------------


def test_programs_that_differ_in_a_sign_are_not_confused():
    skew = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    for first, second in ((skew, MONOTONE), (MONOTONE, skew)):
        assert sk.prove(first.resolvent(0.37)).holds
        assert sk.prove(second.resolvent(0.37)).holds


@pytest.mark.parametrize("s", [1e-8, 1.0, 1e8])
def test_a_constant_step_has_the_rate_zero(s):
    A = operator(lipschitz=s)
    assert sk.prove(lambda A: lambda u: A(u) - A(u), A).value == 0.0


def test_a_function_of_points_alone():
    assert sk.prove(lambda u: 0.5 * u).value == pytest.approx(0.25, rel=1e-6)


def remembers():
    kept = []

    def of(A):
        def step(u):
            kept.append(u)
            return u - 0.1 * A(kept[0])

        return step

    return of


def counts():
    calls = []

    def of(A):
        def step(u):
            calls.append(1)
            return u - 0.1 * len(calls) * A(u)

        return step

    return of


NO_PROGRAMS = {
    "a point of an earlier call": (remembers, "earlier call"),
    "another step at each call": (counts, "another one at each call"),
    "if u": (lambda: lambda A: lambda u: A(u) if u else u, "looks at the values"),
    "if u == v": (lambda: lambda A: lambda u: A(u) if u == A(u) else u, "looks at the values"),
    "u > 0": (lambda: lambda A: lambda u: A(u) if u > 0 else u, "looks at the values"),
    "float(u)": (lambda: lambda A: lambda u: float(u) * A(u), "looks at the values"),
    "NaN": (lambda: lambda A: lambda u: u - float("nan") * A(u), "by nan"),
    "infinite": (lambda: lambda A: lambda u: u - float("inf") * A(u), "by inf"),
    "by zero": (lambda: lambda A: lambda u: A(u) / 0.0, "by 0.0"),
    "a resolvent of nothing monotone": (
        lambda: lambda A: A.resolvent(0.5),
        "no resolvent",
    ),
    "the identity": (lambda: lambda A: lambda u: u, "does not move"),
}


@pytest.mark.parametrize("case", NO_PROGRAMS)
def test_what_is_no_program_is_refused_and_says_why(case):
    make, says = NO_PROGRAMS[case]
    A = sk.Operator.from_callable(never, lipschitz=1.0, name="A")
    with pytest.raises(NotExpressibleError, match="not expressible, because") as caught:
        sk.prove(make(), A)
    assert says in str(caught.value)


NO_COMBINATIONS = {
    "a constant": (lambda A: lambda u: u + 1.0 - A(u), "adds 1.0 to a point"),
    "an array": (lambda A: lambda u: u * np.ones(3), "multiplies or divides a point by array"),
    "NumPy's maximum": (lambda A: lambda u: np.maximum(u, 0.0), "NumPy's maximum"),
    "a matrix": (lambda A: lambda u: np.eye(2) @ u, "NumPy's matmul"),
    "a square": (lambda A: lambda u: u**2, "powers or products"),
    "a product": (lambda A: lambda u: u * u, "powers or products"),
    "an imaginary number": (lambda A: lambda u: 1j * u, "by 1j"),
}


@pytest.mark.parametrize("case", NO_COMBINATIONS)
def test_what_is_no_linear_combination_says_so(case):
    step, says = NO_COMBINATIONS[case]
    with pytest.raises(NotExpressibleError, match="not expressible, because") as caught:
        sk.prove(step, sk.Operator.from_callable(never, lipschitz=1.0, name="A"))
    assert says in str(caught.value)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64, np.array])
def test_numbers_of_numpy_are_numbers(kind):
    two, half = kind(2), 0.5
    given = sk.prove(lambda u: (half * u + u / two - two * u) * (1 / 3.0)).value
    assert given == pytest.approx(1 / 9, rel=1e-6)
    A = operator(lipschitz=1.0)
    summed = sk.prove(lambda A: lambda u: 0.2 * sum(A(v) for v in (u, u)), A)
    assert summed.value == pytest.approx(0.16, rel=1e-6)


WRONG = {
    "a class": (lambda: sk.prove(sk.Tseng, MONOTONE), TypeError, "a method"),
    "no operators": (lambda: sk.prove(lambda A, B, C: A @ B @ C), TypeError, "give them after"),
    "one operator": (lambda: sk.prove(lambda A, B: A @ B, OTHER), TypeError, "the 1 given"),
    "measures alone": (
        lambda: sk.prove(lambda A: A, OTHER, final="value"),
        ValueError,
        "give steps",
    ),
    "a metric that solves find": (
        lambda: sk.Preconditioned(sk.ProximalPoint(alpha=1.0)).proof(MONOTONE),
        TypeError,
        "diagonal = None",
    ),
    "a method's start": (
        lambda: sk.prove(sk.ProximalPoint(), MONOTONE, steps=2, start=2),
        ValueError,
        "start = 2",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_names_the_remedy(case):
    call, kind, says = WRONG[case]
    with pytest.raises(kind, match=says):
        call()


def test_settings_are_not_mixed():
    """Their free vectors have the same numbers: ‖x‖² ≤ ‖y‖² was proved of any two."""
    s, t = Setting(), Setting()
    x, y, f = s.point("x"), t.point("y"), s.function(Smooth(0.0, 1.0))
    mixed = (
        lambda: s.bound(norm2(x), norm2(y)),
        lambda: norm2(x) - norm2(y),
        lambda: x + y,
        lambda: s.assume(norm2(y) <= 1),
        lambda: s.vanish(y),
        lambda: f.gradient(y),
        lambda: f.value_at(y),
        lambda: f.passes(x, y),
        lambda: t.minimizer(f),
        lambda: s.linear(sk.linear.DenseMatrix(np.eye(2)))(y),
    )
    for each in mixed:
        with pytest.raises(NotExpressibleError, match="another setting"):
            each()
    with pytest.raises(TypeError, match="no quantity"):
        s.bound(x, norm2(x))


def test_expressions_that_are_no_program():
    rough = sk.Operator.from_callable(never, lipschitz=1.0, name="A")
    with pytest.raises(NotExpressibleError, match="has no resolvent"):
        sk.prove(rough.resolvent(0.5))
    with pytest.raises(NotExpressibleError, match="set-valued"):
        sk.prove(I - sk.NormalCone(sk.functions.NonNegative()))
    with pytest.raises(NotExpressibleError, match="does not move"):
        sk.prove(sk.Identity())


# -- the four outcomes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("T", "value"),
    [
        (I - 0.5 * operator(monotone=True, lipschitz=1.0), -1.0),
        (I - 2.5 * operator(strong_monotonicity=0.1, lipschitz=1.0, gradient=True), -0.2),
        (MONOTONE.cayley(1.0), 0.0),
        (-0.1 * I + 1.1 * (MONOTONE.cayley(1.0) @ OTHER.cayley(1.0)), -1 / 11),
        (operator(lipschitz=1.0), 0.0),
    ],
)
def test_a_refutation_is_an_operator_that_was_run(T, value):
    proof = sk.prove(T)
    assert proof.outcome is Outcome.REFUTED
    assert proof.value == pytest.approx(value, abs=1e-6)
    assert proof.attained == pytest.approx(value, abs=1e-5)
    assert proof.instances
    assert all(isinstance(A, sk.Operator) for A in proof.instances.values())
    assert "refuted by this instance" in str(proof)


def test_what_the_inequalities_leave_open_is_no_refutation():
    """Tseng beyond 1/L: the points fit every form, an operator through them was not found."""

    def twice(F, G):
        R = G.resolvent(0.5)
        return lambda x: R(x - 0.5 * F(R(x - 0.5 * F(x))))

    proof = sk.prove(twice, operator(monotone=True, lipschitz=3.0), MONOTONE)
    assert proof.outcome in (Outcome.INEXPRESSIBLE, Outcome.REFUTED, Outcome.FAILED)
    assert not proof.holds
    assert proof.reason


def test_an_elimination_that_is_too_long_ends_and_says_so(monkeypatch):
    """The multipliers of values are moved to where S is 0 there, at a cost of some entries."""

    def bound():
        s = Setting()
        of, x = s.function(Smooth(0.1, 1.0)), s.point()
        x_star = of.minimizer()
        rise = of.value(x - of.gradient(x)) - of.value_at(x_star)
        return s.bound(rise, norm2(x - x_star))

    monkeypatch.setattr(certify, "WORK", 2)
    ended = bound()
    assert ended.outcome is Outcome.FAILED
    assert ended.reason.startswith("the budget of its elimination in rational numbers ended")
    assert "Solved" in ended.reason
    monkeypatch.undo()
    assert bound().outcome is Outcome.PROVED


UNBOUNDED = {  # by a direction, and where ratios grow without one
    "an element of ∂f beside the distance": (lambda f, x, x_star: norm2(f.gradient(x)), "exceed"),
    "a kink": (lambda f, x, x_star: f.value(x) - f.value_at(x_star), "without rounding"),
}


@pytest.mark.parametrize("case", UNBOUNDED)
def test_what_has_no_bound_is_no_failure(case):
    final, says = UNBOUNDED[case]
    s = Setting()
    of, x = s.function(Smooth(0.0, np.inf)), s.point()
    x_star = of.minimizer()
    bound = s.bound(final(of, x, x_star), norm2(x - x_star))
    assert bound.outcome is Outcome.INEXPRESSIBLE
    assert says in bound.reason
    assert bound.value > 1e3


def test_a_bound_that_the_solver_does_not_find_is_not_called_infinite(monkeypatch):
    """f(x₂) ≤ f(x₀) after two proximal steps: no points have a ratio beyond 1."""
    monkeypatch.setattr(attempt, "certified", lambda *_: None)
    rough = operator(monotone=True, maximal=True, gradient=True)
    bound = sk.prove(lambda G: G.resolvent(1.0), rough, steps=2, initial="value", final="value")
    assert bound.outcome is Outcome.FAILED


def test_an_operator_through_points_that_break_its_form_is_none():
    """(0, 0), (1, 1), (2, 0): not monotone, so no monotone operator has these values."""
    x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    u = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert operator_through(x, u, MONOTONE.properties) is None
    assert operator_through(x, np.cumsum(u, axis=0), MONOTONE.properties) is not None


def member(kind, rng):
    """Points of an operator of the plane, the properties, and the step of its resolvent."""
    z = rng.normal(size=(5, 2))
    if kind == "Lipschitz":
        return z, 2 * np.abs(z), operator(lipschitz=2.0), None
    if kind == "cocoercive":
        return z, 2 * np.maximum(z, 0), operator(cocoercivity=0.5, maximal=True), None
    if kind == "gradient":
        known = operator(strong_monotonicity=0.3, lipschitz=2.3, gradient=True, maximal=True)
        return z, 0.3 * z + 1.8 * np.maximum(z, 0), known, None
    turned = z @ np.array([[1.0, 0.4], [-0.4, 1.0]])  # of a skew operator and an orthant
    x = np.maximum(turned if kind == "monotone" else z, 0)
    if kind == "monotone":
        return x, (turned - x) / 0.7 + x @ np.array([[0.0, 1.0], [-1.0, 0.0]]), MONOTONE, 0.7
    return x, z - x + 0.3 * x, operator(strong_monotonicity=0.3, gradient=True, maximal=True), 1.0


@pytest.mark.parametrize(
    "kind", ["Lipschitz", "cocoercive", "gradient", "monotone", "subdifferential"]
)
def test_an_operator_laid_through_points_is_one_everywhere(kind):
    """It has the values that it was laid through, its forms at all other points, and the same
    resolvent at every step.
    """
    rng = np.random.default_rng(3)
    x, u, known, step = member(kind, rng)
    A = operator_through(x, u, known.properties, step)
    assert isinstance(A, ThroughPoints)
    z = 3 * rng.normal(size=(8, 2))
    if step is None:
        assert np.array([A(row) for row in x]) == pytest.approx(u, abs=1e-8)
        X, U = z, np.array([A(row) for row in z])
    else:
        R = A.resolvent(step)
        assert np.array([R(row) for row in x + step * u]) == pytest.approx(x, abs=1e-8)
        X = np.array([R(row) for row in z])
        U = (z - X) / step
    dx, du = (p[:, None] - p for p in (X, U))
    for a, b, c in known.properties.forms:
        form = a * np.sum(dx * dx, 2) + 2 * b * np.sum(dx * du, 2) + c * np.sum(du * du, 2)
        assert form.min() >= -1e-8
    if kind != "Lipschitz":
        R = A.resolvent(1.9)
        assert np.array([R(row) for row in X + 1.9 * U]) == pytest.approx(X, abs=1e-8)


# -- random programs ------------------------------------------------------------------------------


def attempts(seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        step = RandomStep.draw(rng)
        proof = step.prove()
        if proof is not None:
            yield seed, rng, step, proof


def contradicted(rng, step, proof):
    return proof.holds and step.excess(proof, rng, DRAWS) > TOLERANCE


def contradictions(seeds):
    return (seed for seed, *given in attempts(seeds) if contradicted(*given))


def pairs_of(A, rng):
    """Differences of an instance's graph, rows of x and u."""
    if isinstance(A, ThroughPoints):
        z = A.x[0] + rng.normal(size=(12, A.x.shape[1])) * np.abs(A.x - A.x[0]).max()
        if getattr(A, "step", None) is None and A.properties.lipschitz is not None:
            x, u = z, np.array([A(row) for row in z])
        else:
            step = getattr(A, "step", None) or 1.0
            x = np.array([A.resolvent(step)(row) for row in z])
            u = (z - x) / step
        x, u = np.concatenate([x, A.x]), np.concatenate([u, A.u])
    elif isinstance(A, Matrix):
        x = rng.normal(size=(12, len(A.M)))
        u = np.array([A(row) for row in x])
    else:
        x = np.concatenate([A.x, rng.normal(size=12) * 5, [-1e3, 1e3]])
        u = A(x)
        x, u = x[:, None], u[:, None]
    i, j = np.triu_indices(len(x), 1)
    return x[i] - x[j], u[i] - u[j]


@pytest.mark.parametrize("block", draws(2, 4))
def test_random_programs(block):
    """A cut of ``benchmarks/proofs.py``: what is proved no operator contradicts, and nearly all
    else is refuted by members of the classes.
    """
    ends = []
    for seed, rng, step, proof in attempts(range(30 * block, 30 * block + 30)):
        ends.append(proof.outcome)
        assert not contradicted(rng, step, proof), seed
        for A in proof.instances.values():
            dx, du = pairs_of(A, np.random.default_rng(0))
            xx, xu, uu = (np.sum(p * q, axis=1) for p, q in ((dx, dx), (dx, du), (du, du)))
            for a, b, c in A.properties.forms:
                size = abs(a) * xx + 2 * abs(b) * np.sqrt(xx * uu) + abs(c) * uu
                assert np.all(a * xx + 2 * b * xu + c * uu >= -1e-5 * size), (seed, A)
    assert ends.count(Outcome.INEXPRESSIBLE) <= 1


@pytest.mark.parametrize("s", [1e-8, 3e-4, 1e8])
@pytest.mark.parametrize("seed", [59, 73, 104, 107])
def test_random_programs_in_other_units(seed, s):
    """A cut of ``benchmarks/proofs.py --units``: of values at two points, of steps that are proved
    with a margin only, and refuted.
    """
    step = RandomStep.draw(np.random.default_rng(seed))
    assert not differ(step.prove(), step.in_units(s).prove())


@pytest.mark.parametrize("spread", [1e8, 1e14, 1e20])
def test_resolvents_at_steps_that_are_far_apart(spread):
    """Members of the size of the shorter step have resolvents at the longer one that are rounding:
    they are not looked at.
    """
    A = sk.Operator.from_callable(
        resolvent=never, monotone=True, maximal=True, gradient=True, name="A"
    )
    proof = sk.prove(lambda A: lambda u: -1.5 * A.resolvent(1.0)(u - 2 * A.resolvent(spread)(u)), A)
    assert isinstance(proof.outcome, Outcome)
    assert proof.attained is None or proof.attained <= 1.5**2 * 9 * (1 + 1e-6)


# -- faults planted in the prover -----------------------------------------------------------------


def one_point(monkeypatch):
    monkeypatch.setattr(runs.Runs, "_class_of", lambda self, pairs: [0] * len(pairs))


def solver_says_less(monkeypatch, by):
    def lower(claim, units=None):
        answer = least_value(claim, units)
        return replace(answer, value=answer.value - by)

    monkeypatch.setattr(attempt, "least_value", lower)
    right = Conic.minimum

    def minimum(self, inside):
        x = right(self, inside)
        return None if x is None else x - by * np.eye(len(x))[0]

    monkeypatch.setattr(Conic, "minimum", minimum)


def no_verification(monkeypatch):
    solver_says_less(monkeypatch, 0.5)
    monkeypatch.setattr(certify, "is_semidefinite", lambda matrix: True)


def wrong_resolvent(monkeypatch):
    def resolvent(self, alpha):
        def apply(y):
            x = self.scene.new("x")
            self.pairs.append(Pair(x, (y - x) * 2.0))
            return x

        return apply

    monkeypatch.setattr(Leaf, "_resolvent", resolvent)


def wrong_pair(monkeypatch):
    right = runs.Runs.pairs

    def pairs(self, leaf):
        found = right(self, leaf)
        return [replace(p, u={k: v / 2 for k, v in p.u.items()}) for p in found]

    monkeypatch.setattr(runs.Runs, "pairs", pairs)


FAULTS = {
    "all applications at one point": one_point,
    "what is claimed is not verified": no_verification,
    "a resolvent's pair is wrong": wrong_resolvent,
    "values are halved": wrong_pair,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_prover_is_seen(fault, monkeypatch):
    """By the random programs, or by the step of two applications."""
    FAULTS[fault](monkeypatch)
    seen = sk.prove(shared, operator(lipschitz=1.0), operator(lipschitz=0.0)).holds
    assert seen or any(True for _ in contradictions(range(60)))


@pytest.mark.parametrize("by", [1e-3, 0.5])
def test_a_solver_that_claims_too_much_proves_nothing(by, monkeypatch):
    solver_says_less(monkeypatch, by)
    proof = sk.prove(MONOTONE.resolvent(0.3) @ (I - 0.3 * operator(cocoercivity=1.0)) @ (0.8 * I))
    assert proof.outcome is Outcome.FAILED
    assert "verify nothing" in proof.reason
