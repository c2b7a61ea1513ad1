"""Proofs by the small program: known rates, the inequality itself, worst configurations."""

import numpy as np
import pytest

import splitkit as sk
from splitkit.proofs.program import _solve
from splitkit.proofs.worst_case import low_rank_points

I = sk.Identity()  # noqa: E741


def operator(**properties):
    """An operator of which nothing but its properties is known."""

    def unused(*_):
        raise AssertionError("a proof never applies the operator")

    return sk.Operator.from_callable(unused, resolvent=unused, name="A", **properties)


MONOTONE = operator(monotone=True, maximal=True)
OTHER = operator(monotone=True, maximal=True)


def douglas_rachford(A, B, alpha, relaxation):
    half = relaxation / 2
    return (1 - half) * I + half * (A.cayley(alpha) @ B.cayley(alpha))


def davis_yin(A, B, C, alpha, relaxation):
    def step(A, B, C):
        R_A, R_B = A.resolvent(alpha), B.resolvent(alpha)

        def apply(z):
            x_B = R_B(z)
            x_A = R_A(2 * x_B - z - alpha * C(x_B))
            return z + relaxation * (x_A - x_B)

        return apply

    return sk.prove(step, A, B, C)


@pytest.mark.parametrize(
    ("A", "B", "alpha", "relaxation", "value"),
    [
        (
            operator(monotone=True, lipschitz=1.0),
            operator(strong_monotonicity=0.1, maximal=True),
            1.3,
            0.9,
            0.928771,
        ),
        (
            operator(cocoercivity=0.2),
            operator(strong_monotonicity=0.2, maximal=True),
            1.0,
            1.2,
            0.667826,
        ),
    ],
)
def test_published_tight_rates_of_douglas_rachford(A, B, alpha, relaxation, value):
    """Ryu, Taylor, Bergeling, Giselsson (2020)."""
    assert sk.prove(douglas_rachford(A, B, alpha, relaxation)).value == pytest.approx(
        value, abs=1e-6
    )


def test_published_tight_rate_of_davis_yin():
    B = operator(cocoercivity=1.0)
    C = operator(strong_monotonicity=0.1, lipschitz=1.0, gradient=True)
    assert davis_yin(MONOTONE, B, C, 0.9, 1.3).value == pytest.approx(0.779689, abs=1e-6)


@pytest.mark.parametrize(("m", "L", "alpha"), [(0.3, 2.0, 0.1), (0.5, 1.0, 0.9), (1.0, 1.5, 0.4)])
def test_the_algebra_s_closed_forms_are_the_program_s(m, L, alpha):
    general = operator(strong_monotonicity=m, lipschitz=L)
    gradient = operator(strong_monotonicity=m, lipschitz=L, gradient=True)
    for T in (
        MONOTONE.resolvent(alpha) @ (I - alpha * general),
        MONOTONE.resolvent(alpha) @ (I - alpha * gradient),
        general.cayley(alpha) @ MONOTONE.cayley(alpha),
        gradient.cayley(alpha) @ MONOTONE.cayley(alpha),
        general.resolvent(alpha),
        I - alpha * gradient,
    ):
        assert sk.prove(T).value == pytest.approx(min(T.lipschitz, 1e3) ** 2, abs=1e-6)


def test_formulas_of_the_closed_forms():
    m, L, a = 0.3, 2.0, 0.1
    F = operator(strong_monotonicity=m, lipschitz=L)
    forward = sk.prove(MONOTONE.resolvent(a) @ (I - a * F)).value
    assert forward == pytest.approx(1 - 2 * a * m + a * a * L * L, abs=1e-7)
    reflected = sk.prove(F.cayley(a) @ MONOTONE.cayley(a)).value
    assert reflected == pytest.approx(1 - 4 * a * m / (1 + 2 * a * m + a * a * L * L), abs=1e-7)


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.5, 1.9])
def test_fejer_constant_of_relaxed_douglas_rachford(relaxation):
    proof = sk.prove(douglas_rachford(MONOTONE, OTHER, 1.7, relaxation))
    assert proof.holds
    assert proof.rate is None
    assert proof.value == pytest.approx((2 - relaxation) / relaxation, abs=1e-6)


@pytest.mark.parametrize("product", [0.2, 0.9, 1.0, 1.2])
def test_tseng_decreases_by_the_shadow_step(product):
    """c = 1 − α²L² for s = y − x: the method's own iteration, run on symbols."""
    from splitkit.proofs import Scene, decrease

    alpha, L = product / 2.0, 2.0
    scene = Scene()
    F, G = scene.leaf(operator(monotone=True, lipschitz=L)), scene.leaf(MONOTONE)
    method = sk.Tseng(alpha=alpha, check=False)
    iteration = method.iteration(*method.terms(F, G))
    x = scene.new("x")
    after, (_, y, _) = iteration.advance(x)
    proof = decrease(scene, [x], [after], [y - x], np.eye(1))
    assert proof.value == pytest.approx(1 - product**2, abs=1e-6)
    assert proof.holds == (product < 1)


def test_the_proof_is_the_inequality():
    """value‖u‖² − ‖u⁺‖² − Σ λQ ⪰ 0 with λ ≥ 0, and each Q ≥ 0 on the operators' own pairs."""
    T = douglas_rachford(
        operator(monotone=True, lipschitz=1.0), operator(strong_monotonicity=0.1), 1.3, 0.9
    )
    proof = sk.prove(T)
    assert proof.residual() > -1e-8
    assert all(each.multiplier >= 0 for each in proof.inequalities)
    assert any(each.multiplier > 0.1 for each in proof.inequalities)
    assert "0.92877" in str(proof)
    assert "‖Δx‖²" in str(proof)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_a_refusal_comes_with_points_that_break_the_inequality(alpha):
    """Forward steps on a monotone 1-Lipschitz operator expand: a rotation in the plane shows it."""
    F = operator(monotone=True, lipschitz=1.0)
    proof = sk.prove(I - alpha * F)
    assert not proof.holds
    u, Fu = proof.worst
    assert proof.worst.shape[1] in (1, 2, 3)
    tolerance = 1e-5 * (u @ u)
    assert u @ Fu >= -tolerance
    assert Fu @ Fu <= u @ u + tolerance
    after = u - alpha * Fu
    step = after - u
    assert after @ after >= u @ u - proof.value * (step @ step) - tolerance
    assert proof.value == pytest.approx(-1.0, abs=1e-6)


def test_a_worst_configuration_attains_the_rate():
    m, L, alpha = 0.4, 1.7, 0.6
    F = operator(strong_monotonicity=m, lipschitz=L)
    proof = sk.prove(F.cayley(alpha) @ MONOTONE.cayley(alpha))
    points = proof.worst
    left, right = (np.sum((M @ points) * points) for M in (proof.left, proof.right))
    assert right == pytest.approx(proof.value * left, rel=1e-5)
    for each in proof.inequalities:
        assert np.sum((each.matrix @ points) * points) >= -1e-5 * left
    assert points.shape[1] <= 3


STRONG = operator(strong_monotonicity=0.2, maximal=True)
TIGHT = {
    "Lipschitz and strongly monotone": lambda: sk.prove(
        douglas_rachford(operator(monotone=True, lipschitz=1.0), STRONG, 1.3, 0.9)
    ),
    "cocoercive and strongly monotone": lambda: sk.prove(
        douglas_rachford(operator(cocoercivity=0.2), STRONG, 1.0, 1.2)
    ),
    "strongly monotone and Lipschitz, one of them both": lambda: sk.prove(
        douglas_rachford(operator(strong_monotonicity=0.3, lipschitz=2.0), MONOTONE, 0.6, 1.0)
    ),
    "three operators": lambda: davis_yin(
        MONOTONE,
        operator(cocoercivity=1.0),
        operator(strong_monotonicity=0.1, lipschitz=1.0, gradient=True),
        0.9,
        1.3,
    ),
}


@pytest.mark.parametrize("case", TIGHT)
def test_rates_without_a_closed_form_are_attained_by_points(case):
    """The dual solution: points that keep every inequality, and that one step takes no nearer."""
    proof = TIGHT[case]()
    assert proof.rate is not None
    assert proof.residual() > -1e-7
    points = proof.worst
    left, right = (np.sum((M @ points) * points) for M in (proof.left, proof.right))
    assert right >= 0.9999 * proof.value * left
    for each in proof.inequalities:
        assert np.sum((each.matrix @ points) * points) >= -1e-4 * left


def test_best_step_is_the_textbook_s():
    m, L = 0.5, 4.0
    F = operator(strong_monotonicity=m, lipschitz=L)
    alpha, proof = sk.best_step(lambda a: F.cayley(a) @ MONOTONE.cayley(a))
    assert alpha == pytest.approx(1 / L, rel=1e-3)
    assert proof.value == pytest.approx(1 - 4 * m / (2 * L + 2 * m), abs=1e-6)
    gradient = operator(strong_monotonicity=m, lipschitz=L, gradient=True)
    alpha, _ = sk.best_step(lambda a: I - a * gradient)
    assert alpha == pytest.approx(2 / (m + L), rel=1e-3)
    with pytest.raises(ValueError, match="no alpha"):
        sk.best_step(lambda a: I - a * operator(monotone=True, lipschitz=1.0))


def test_equal_programs_are_solved_once():
    sk.prove(MONOTONE.resolvent(0.37))
    before = _solve.cache_info()
    sk.prove(OTHER.resolvent(0.37))
    after = _solve.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


def test_operators_are_never_applied_and_wrong_steps_are_refused():
    with pytest.raises(TypeError):
        sk.prove(lambda A: lambda u: A(u) @ u, MONOTONE)
    with pytest.raises(TypeError):
        sk.prove(lambda A: lambda u: u * u, MONOTONE)
    with pytest.raises(TypeError):
        sk.prove(lambda A: lambda u: A(u) + 1.0, MONOTONE)
    for step, operators, says in (
        ("x", (), "step = 'x'"),
        (lambda A: 3, (MONOTONE,), "step returned 3"),
        (lambda A: A, (3,), "operators hold 3"),
    ):
        with pytest.raises(TypeError, match=says):
            sk.prove(step, *operators)
    for bounds in ((-1.0, 1.0), (2.0, 1.0)):
        with pytest.raises(ValueError, match="bounds = "):
            sk.best_step(lambda a: sk.Identity() - a * MONOTONE, bounds=bounds)


def test_rank_is_reduced_without_changing_what_is_kept():
    rng = np.random.default_rng(0)
    V = rng.normal(size=(6, 6))
    kept = [(A + A.T) / 2 for A in rng.normal(size=(3, 6, 6))]
    points = low_rank_points(V @ V.T, kept)
    assert points.shape[1] <= 2
    for M in kept:
        assert np.trace(M @ points @ points.T) == pytest.approx(np.trace(M @ V @ V.T), rel=1e-8)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_skew_operators_enter_as_equalities(alpha):
    """⟨Δx, Δu⟩ = 0 counts once, with a multiplier of any sign; C is an isometry, no contraction."""
    skew = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
    proof = sk.prove(skew.cayley(alpha))
    assert not proof.holds
    signed = [each for each in proof.inequalities if each.form[0] == each.form[2] == 0]
    assert len({each.of for each in signed}) == len(signed)


RESOLVED = [
    sk.Operator.from_callable(resolvent=lambda y, a: y, monotone=True, maximal=True, name=name)
    for name in "FG"
]


@pytest.mark.parametrize("relaxation", [0.5, 1.5])
def test_a_relaxed_method_is_proved(relaxation):
    method = sk.Relaxed(sk.DouglasRachford(alpha=1.3), relaxation=relaxation)
    assert method.proof(*RESOLVED).holds
    assert not sk.Relaxed(sk.DouglasRachford(alpha=1.3), relaxation=2.1).proof(*RESOLVED).holds


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.5])
def test_a_residual_that_no_constant_bounds_is_replaced_by_the_step(relaxation):
    """Monotone operators that are evaluated: A(x) + b may be long where u⁺ − u is short."""
    proof = sk.DouglasRachford(alpha=1.3, relaxation=relaxation).proof(MONOTONE, OTHER)
    assert proof.holds
    assert proof.value == pytest.approx((2 - relaxation) / relaxation, rel=1e-6)
    beyond = sk.Relaxed(sk.DouglasRachford(alpha=1.3), relaxation=2.1)
    assert not beyond.proof(MONOTONE, OTHER).holds


def test_a_method_with_inertia_is_proved():
    method = sk.Inertial(sk.DouglasRachford(alpha=1.3), inertia=0.2)
    assert method.proof(*RESOLVED).holds


@pytest.mark.parametrize(
    ("method", "says"),
    [
        (sk.Halpern(sk.DouglasRachford(alpha=1.0)), "its state holds a float"),
        (sk.Anderson(sk.DouglasRachford(alpha=1.0)), "its steps depend on values"),
    ],
)
def test_methods_without_a_program_say_why(method, says):
    with pytest.raises(TypeError, match=says):
        method.proof(*RESOLVED)


def test_a_method_in_a_metric_is_proved_in_its_coordinates():
    F = sk.Affine(np.array([[1.0, 2.0], [-2.0, 1.0]]))
    method = sk.Preconditioned(sk.Tseng(alpha=0.1), diagonal=np.array([1.0, 2.0]))
    assert method.proof(F, sk.NormalCone(sk.functions.NonNegative())).holds
