"""The methods against hand-written loops, their theorems, and what they refuse."""

import itertools

import numpy as np
import pytest

import splitkit as sk
from splitkit.backend import Space, solving
from splitkit.solvers.methods import METHODS
from splitkit.solvers.plan import Plan, Warrant

SKEW = sk.Affine(np.array([[0.0, 1.0], [-1.0, 0.0]]))
ORTHANT = sk.NormalCone(sk.functions.NonNegative())


def iterates(inclusion, x0, method, count):
    points = []
    sk.solve(
        inclusion,
        x0,
        method,
        tol=0,
        max_iter=count,
        callback=lambda state: points.append(state.u),
    )
    return points


def test_forward_backward_is_ista(rng):
    A, b, weight = rng.normal(size=(5, 8)), rng.normal(size=5), 0.3
    alpha = 1 / np.linalg.norm(A, 2) ** 2
    F, G = sk.Affine(A.T @ A, A.T @ b), sk.Subdifferential(sk.functions.L1Norm(weight))
    x = np.zeros(8)
    for u in iterates(F + G, x, sk.ForwardBackward(alpha=alpha), 20):
        y = x - alpha * (A.T @ (A @ x - b))
        x = np.sign(y) * np.maximum(np.abs(y) - alpha * weight, 0)
        np.testing.assert_allclose(u, x, atol=1e-13)


@pytest.mark.parametrize("relaxation", [0.5, 1.0, 1.9])
def test_douglas_rachford_is_its_textbook_form(rng, relaxation):
    M, q, alpha = np.eye(6) + rng.normal(size=(6, 6)) * 0.1, rng.normal(size=6), 0.7
    inclusion = sk.Affine(M, q) + ORTHANT
    method = sk.DouglasRachford(alpha=alpha, relaxation=relaxation)
    u = np.zeros(6)
    for seen in iterates(inclusion, u, method, 20):
        x_G = np.maximum(u, 0)
        x_F = np.linalg.solve(np.eye(6) + alpha * M, 2 * x_G - u + alpha * q)
        u = u + relaxation * (x_F - x_G)
        np.testing.assert_allclose(seen, u, atol=1e-12)


def test_peaceman_rachford_is_its_textbook_form(rng):
    M, q, alpha = np.eye(6) + rng.normal(size=(6, 6)) * 0.1, rng.normal(size=6), 0.7
    u = np.zeros(6)
    for seen in iterates(sk.Affine(M, q) + ORTHANT, u, sk.PeacemanRachford(alpha=alpha), 20):
        half = 2 * np.maximum(u, 0) - u
        u = 2 * np.linalg.solve(np.eye(6) + alpha * M, half + alpha * q) - half
        np.testing.assert_allclose(seen, u, atol=1e-12)


def test_methods_are_expressions(rng):
    """The three maps, written in the algebra, are what the methods iterate."""
    F, G, a = sk.Affine(2 * np.eye(3), rng.normal(size=3)), ORTHANT, 0.4
    u = rng.normal(size=3)
    expressions = {
        sk.ForwardBackward: G.resolvent(a) @ (sk.Identity() - a * F),
        sk.PeacemanRachford: F.cayley(a) @ G.cayley(a),
        sk.DouglasRachford: 0.5 * (sk.Identity() + F.cayley(a) @ G.cayley(a)),
    }
    for kind, expression in expressions.items():
        method = kind(alpha=a)
        first = iterates(F + G, u, method, 1)[0]
        np.testing.assert_allclose(expression(u), first, atol=1e-14)
        rate = method.guarantee(F, G).rate
        assert expression.lipschitz == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize("angle", [0.2, 0.7, 1.3])
def test_douglas_rachford_between_two_lines_contracts_by_the_cosine(angle):
    """Bauschke, Bello Cruz, Nghia, Phan, Wang (2014): the rate is cos of the Friedrichs angle."""
    line = sk.NormalCone(sk.functions.AffineSet(np.array([[0.0, 1.0]]), np.zeros(1)))
    normal = np.array([[-np.sin(angle), np.cos(angle)]])
    other = sk.NormalCone(sk.functions.AffineSet(normal, np.zeros(1)))
    points = iterates(line + other, np.array([1.0, 0.5]), sk.DouglasRachford(), 15)
    norms = np.array([np.linalg.norm(u) for u in points])
    np.testing.assert_allclose(norms[1:] / norms[:-1], np.cos(angle), rtol=1e-12)


@pytest.mark.parametrize("w", [0.1, 1.0, 5.0])
def test_proximal_point_on_a_rotation(w):
    """One term is solved by its resolvent: x⁺ = R_{αA}x contracts by 1/√(1 + α²w²) exactly."""
    A = sk.Affine(np.array([[0.0, w], [-w, 0.0]]))
    points = iterates(A, np.array([1.0, 2.0]), sk.DouglasRachford(alpha=0.8), 10)
    norms = np.array([np.linalg.norm(u) for u in points])
    np.testing.assert_allclose(norms[1:] / norms[:-1], 1 / np.hypot(1, 0.8 * w), rtol=1e-12)


def test_peaceman_rachford_reads_the_sequence_that_converges():
    """F = N_{0}, G = 0: u = 1, −1, 1, … does not converge, x_F does, and no residual shows it."""
    point = sk.NormalCone(sk.functions.Box(0.0, 0.0))
    strong = sk.Operator.from_callable(
        resolvent=lambda y, alpha: 0 * y, strong_monotonicity=1.0, maximal=True, name="N_{0}"
    )
    free = sk.NormalCone(sk.functions.Box(-np.inf, np.inf))
    assert not sk.PeacemanRachford().guarantee(point, free).holds
    method = sk.PeacemanRachford(alpha=1.0)
    seen = []
    solution = sk.solve(
        strong + free,
        np.ones(1),
        method,
        max_iter=6,
        on_failure="return",
        callback=lambda state: seen.append((float(state.u[0]), float(state.x[0]))),
    )
    assert seen == [(-1.0, 0.0), (1.0, 0.0)] * 3
    assert "R_{αF}" in solution.sequence
    assert solution.rate is None
    assert solution.status == "iteration_limit"


@pytest.mark.parametrize(
    ("inclusion", "method", "match"),
    [
        (SKEW + ORTHANT, sk.ForwardBackward(), "not known to be cocoercive"),
        (SKEW + ORTHANT, sk.PeacemanRachford(), "strongly monotone"),
        (sk.Affine(np.eye(2)) + ORTHANT, sk.ForwardBackward(alpha=2.1), "alpha must be below 2"),
        (ORTHANT + sk.NormalCone(sk.functions.Box(0.0, 1.0)), sk.ForwardBackward(), "set-valued"),
        (sk.Operator.from_callable(lambda x: x) + ORTHANT, sk.ForwardBackward(), "no known"),
        (sk.Operator.from_callable(lambda x: x) + ORTHANT, sk.DouglasRachford(), "no resolvent"),
        (sk.Affine(-np.eye(2)) + ORTHANT, sk.DouglasRachford(), "not known to be monotone"),
        (sk.Affine(-np.eye(2)) + ORTHANT, None, "no method is guaranteed"),
    ],
)
def test_refusals_name_what_is_missing(inclusion, method, match):
    with pytest.raises(sk.NoGuaranteeError, match=match):
        sk.solve(inclusion, np.ones(2), method)


def test_three_set_valued_terms_are_too_many_for_two_resolvents():
    sets = [sk.NormalCone(sk.functions.Box(-k, float(k))) for k in (1, 2, 3)]
    with pytest.raises(sk.NoGuaranteeError, match="3 of 3 terms are set-valued"):
        sk.solve(sets[0] + sets[1] + sets[2], np.ones(2), sk.DouglasRachford())


def test_check_false_runs_without_a_guarantee():
    """Forward steps on a rotation grow by √(1 + α²): refused, and rightly."""
    method = sk.ForwardBackward(alpha=0.5, check=False)
    points = iterates(SKEW + sk.NormalCone(sk.functions.Box(-1e9, 1e9)), np.ones(2), method, 5)
    norms = np.array([np.linalg.norm(u) for u in points])
    np.testing.assert_allclose(norms[1:] / norms[:-1], np.hypot(1, 0.5), rtol=1e-12)


def test_several_smooth_terms_are_gathered(rng):
    A, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    f = sk.functions.SquaredL2(center=b) @ A + sk.functions.Huber() + sk.functions.NonNegative()
    x = sk.minimize(f, np.zeros(4), tol=1e-11, max_iter=200_000).x
    gradient = A.T @ (A @ x - b) + np.clip(x, -1, 1)
    assert np.all(x >= 0)
    assert np.all(gradient >= -1e-8)
    assert abs(gradient @ x) < 1e-8


def test_explain_lists_every_method_in_every_order():
    explanation = sk.explain(sk.Affine(np.diag([1.0, 4.0])) + ORTHANT)
    assert {o.method.label for o in explanation.options} == {kind.label for kind in METHODS}
    orders = [o.operators for o in explanation.options if o.method.label == "Douglas-Rachford"]
    assert len(orders) == 2
    assert orders[0] == orders[1][::-1]
    assert explanation.chosen.guarantee.rate == min(
        o.guarantee.rate for o in explanation.options if o.guarantee.rate is not None
    )
    text = str(explanation)
    assert "→" in text
    assert "refused" in str(sk.explain(SKEW + ORTHANT))
    assert "Peaceman-Rachford" in text


WIDE = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 1.0]])
PAIR = np.zeros(3), np.zeros(2)
BOXES = sk.functions.SeparableSum((sk.functions.Box(0.0, 1.0), sk.functions.NonNegative()))
NORMS = sk.functions.SeparableSum((sk.functions.L1Norm(), sk.functions.L2Norm()))


@pytest.mark.parametrize(
    "inclusion",
    [
        sk.KKT(sk.functions.SquaredL2(), A=WIDE, b=np.ones(2)),
        sk.KKT(sk.functions.L1Norm(), G=WIDE, h=np.ones(2)),
        sk.MatrixGame(WIDE),
        sk.Subdifferential(BOXES + NORMS) + sk.Affine(sk.linear.Coupling(sk.DenseMatrix(WIDE))),
        sk.Subdifferential(NORMS)
        + sk.NormalCone(sk.functions.Singleton(np.ones(2))).pullback(
            sk.linear.BlockRow([sk.DenseMatrix(WIDE), sk.DenseMatrix(np.eye(2))])
        ),
    ],
    ids=["equations", "inequalities", "game", "sum", "row"],
)
def test_what_explain_lists_of_tuples_can_be_run(inclusion):
    space = Space.of(PAIR)
    holding = [option for option in sk.explain(inclusion).options if option.guarantee.holds]
    assert holding
    for option in holding:
        with solving(PAIR):
            chosen = Warrant.of(option.scaled(PAIR, space))
            plan = Plan(chosen, option.terms, PAIR, space)
        solution = plan.solve(max_iter=3, on_failure="return")
        assert Space.of(solution.x).shapes == space.shapes


def test_functions_are_explained_as_inclusions():
    smooth, norm = sk.functions.SquaredL2(), sk.functions.L1Norm()
    terms = sk.Subdifferential(smooth) + sk.Subdifferential(norm)
    assert str(sk.explain(smooth + norm)) == str(sk.explain(terms))
    with pytest.raises(TypeError, match="is no operator"):
        sk.explain(abs)


def test_chosen_steps_have_the_textbook_rates():
    """Gradient of curvature in [m, L]: FB (L−m)/(L+m) at 2/(L+m), PR (√L−√m)/(√L+√m) at 1/√(Lm)."""
    m, L = 1.0, 9.0
    F = sk.Affine(np.diag([m, 2.0, L]))
    fb, pr = sk.ForwardBackward().chosen(F, ORTHANT), sk.PeacemanRachford().chosen(F, ORTHANT)
    assert fb.alpha == pytest.approx(2 / (L + m), rel=1e-2)
    assert fb.guarantee(F, ORTHANT).rate == pytest.approx((L - m) / (L + m), rel=1e-2)
    assert pr.alpha == pytest.approx(1 / np.sqrt(L * m), rel=1e-2)
    assert pr.guarantee(F, ORTHANT).rate == pytest.approx((3 - 1) / (3 + 1), rel=1e-2)


def turned(*gains):
    """A matrix with these singular values."""
    U, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(len(gains), len(gains))))
    return np.diag(gains) @ U


@pytest.mark.parametrize("m_g", [0.0, 0.7])
def test_acceleration_has_the_rate_of_its_theorem(m_g):
    """With no restart left, V = h − min h + ½m‖x + (1/√q − 1)(x − x₋) − x*‖² falls by 1 − √q."""
    A, f = turned(1.0, 3.0, 8.0, 10.0), sk.functions
    b = A @ np.array([1.0, -2.0, 0.5, 0.0])
    h = f.SquaredL2(center=b) @ A + f.ElasticNet(0.2, m_g)
    best = sk.minimize(h, np.zeros(4), sk.ForwardBackward(), tol=1e-14, on_failure="return").x
    F, G = sk.Subdifferential(f.SquaredL2(center=b) @ A), sk.Subdifferential(f.ElasticNet(0.2, m_g))
    q = (1 + m_g) / (100 + m_g)  # α = 1/100, m_f = 1
    guarantee = sk.FISTA().guarantee(F, G)
    assert guarantee.rate == pytest.approx(np.sqrt(1 - np.sqrt(q)), rel=1e-9)

    iteration = sk.FISTA().bind(F, G)
    x, y, k, _ = iteration.begin(np.full(4, 3.0), Space.of(np.zeros(4)))
    state, values = (x, y, k, 0.0 * k), []
    for k in range(200):
        before = state[0]
        state = iteration.step(state)
        if k > 2 / np.sqrt(q):  # the momentum is the greatest
            x = state[0]
            ahead = x + (1 / np.sqrt(q) - 1) * (x - before) - best
            values.append(h(x) - h(best) + (1 + m_g) / 2 * ahead @ ahead)
    values = np.array([value for value in values if value > 1e-10 * values[0]])
    assert len(values) > 20
    assert np.all(values[1:] <= (1 - np.sqrt(q)) * values[:-1] * (1 + 1e-6))


def test_what_is_chosen_has_the_least_work_not_the_least_factor_of_a_step():
    """A rate of 1 − m/L gives way to 1 − √(m/L), and a prox by Newton's method to gradients."""
    f = sk.functions
    for gains, kind in (((100.0, 1.0), sk.FISTA), ((1.2, 1.0), sk.ForwardBackward)):
        least = f.SquaredL2(center=np.ones(2)) @ turned(*gains) + f.L1Norm(0.1)
        gradients = (o.method for o in sk.explain(least).options if o.guarantee.rate is not None)
        first = next(m for m in gradients if isinstance(m, (sk.FISTA, sk.ForwardBackward)))
        assert isinstance(first, kind)
        assert sk.minimize(least, np.zeros(2), first).iterations < 2000

    X = np.random.default_rng(0).normal(size=(30, 4))
    ridge, label = f.SquaredL2(weight=1.0), np.eye(30)[0]
    costs = []
    for loss in (f.Huber(), f.LogSumExp(label)):
        explanation = sk.explain(ridge + loss @ X)
        assert isinstance(explanation.chosen.method, sk.FISTA)
        each = explanation.best_of_each()
        costs.append(next(o.effort[1] for o in each if isinstance(o.method, sk.ChambollePock)))
    assert costs[1] == costs[0] + f.LogSumExp(label).prox_effort - 1


def test_a_factorization_is_paid_by_what_it_saves():
    """Peaceman-Rachford on a matrix of many rows is not taken where forward steps are enough."""
    small, large = (sk.Affine(np.diag(np.linspace(1.0, 2.5, n))) + ORTHANT for n in (4, 400))
    assert isinstance(sk.explain(small).chosen.method, sk.PeacemanRachford)
    assert isinstance(sk.explain(large).chosen.method, sk.ForwardBackward)


def test_a_composition_without_a_prox_goes_to_the_primal_dual_methods():
    """minimize takes ∂(g∘L) as Lᵀ∂g L, with its multiples."""
    D = np.eye(6)[1:] - np.eye(6)[:-1]
    b = np.array([0.0, 3.0, 1.0, 1.5, -2.0, 2.0])
    data = sk.functions.SquaredL2(center=b)
    written = [
        sk.functions.L1Norm(0.6) @ D,
        0.6 * (sk.functions.L1Norm() @ D),
        2.0 * (0.3 * (sk.functions.L1Norm() @ D)),
    ]
    exact = sk.functions.TotalVariation1D(0.6).prox(b)
    for g in written:
        solution = sk.minimize(data + g, np.zeros(6), tol=1e-11)
        assert sk.Role.COMPOSED in solution.method.roles
        np.testing.assert_allclose(solution.x, exact, atol=1e-8)


def test_a_factor_that_rounding_left_below_one_is_no_rate():
    """Σ log(1 + exp(−xᵢ)) is not strongly convex, so that a step is no contraction."""
    A = np.random.default_rng(0).normal(size=(9, 4))
    F = sk.Subdifferential(sk.functions.Logistic() @ A)
    G = sk.Subdifferential(sk.functions.L1Norm())
    for alpha in (1.0, 0.7, 0.3):
        guarantee = sk.ForwardBackward(alpha=alpha / F.lipschitz).guarantee(F, G)
        assert guarantee.holds
        assert guarantee.rate is None
    assert isinstance(sk.explain(F + G).chosen.method, sk.FISTA)


def test_constants_of_rounding_make_no_contraction_where_nothing_is_strongly_monotone():
    F = sk.Subdifferential(sk.functions.Huber(weight=13.235087164982044))
    G = sk.Subdifferential(sk.functions.SquaredL2(np.array([0.0008756567425569188, 0.0])))
    assert sk.ForwardBackward().guarantee(F, G).rate is None
    assert isinstance(sk.explain(F + G).chosen.method, sk.FISTA)


@pytest.mark.parametrize("kind", [sk.Tseng, sk.Extragradient])
@pytest.mark.parametrize("penalty", [0.0, 0.3])
@pytest.mark.parametrize("product", [None, 0.3, 0.95])
def test_steps_that_evaluate_twice_have_a_rate_on_strongly_monotone_inclusions(
    kind, penalty, product
):
    rng = np.random.default_rng(3)
    S = rng.normal(size=(4, 4))
    F = sk.Affine(0.2 * np.eye(4) + S - S.T, rng.normal(size=4))
    G = sk.Subdifferential(sk.functions.ElasticNet(0.1, penalty))
    method = kind() if product is None else kind(alpha=product / F.lipschitz)
    rate = method.guarantee(F, G).rate
    assert 0 < rate < 1
    fixed = sk.solve(F + G, np.zeros(4), sk.PeacemanRachford(), tol=1e-13, max_iter=100_000).x
    points = [10 * rng.normal(size=4)]
    points += iterates(F + G, points[0], method, 30)
    distances = [np.linalg.norm(x - fixed) for x in points]
    for before, after in itertools.pairwise(distances):
        assert after <= rate * before + 1e-12


@pytest.mark.parametrize("product", [0.3, 0.7, 0.95])
def test_the_rate_of_tseng_is_close_above_the_program(product):
    F = sk.Operator.from_callable(lambda x: x, strong_monotonicity=0.1, lipschitz=1.0)
    method = sk.Tseng(alpha=product)
    rate, tight = method.guarantee(F, ORTHANT).rate, method.proof(F, ORTHANT).rate
    assert tight - 1e-6 <= rate <= 1 - 0.8 * (1 - tight)


def test_without_strong_monotonicity_they_have_none():
    assert sk.Tseng().guarantee(SKEW, ORTHANT).holds
    assert sk.Tseng().guarantee(SKEW, ORTHANT).rate is None
    strong = sk.Subdifferential(sk.functions.SquaredL2(0.5))
    assert sk.Tseng().guarantee(SKEW, strong).rate < 1
    assert sk.Extragradient().guarantee(SKEW, strong).rate is None


def test_the_proximal_point_algorithm_takes_long_steps():
    solution = sk.solve(sk.Affine(np.array([[0.0, 2.0], [-2.0, 0.0]]), np.ones(2)), np.ones(2))
    assert isinstance(solution.method, sk.ProximalPoint)
    assert solution.method.alpha == pytest.approx(50.0)
    assert solution.iterations <= 10
    np.testing.assert_allclose(solution.x, [-0.5, 0.5], atol=1e-9)


@pytest.mark.parametrize("kind", ["I", "II"])
def test_anderson_does_not_extrapolate_rounding(kind):
    """Far from the bounds the map is a translation: differences of residuals are rounding."""
    cost = sk.Affine(0.0 * sk.linear.ScaledIdentity(), np.array([0.1, 0.3, 0.7]))
    far = sk.NormalCone(sk.functions.Box(-1.0, 1e3))
    method = sk.Anderson(sk.DouglasRachford(alpha=1 / 3), kind=kind)
    points = iterates(cost + far, np.array([1 / 3, 1 / 7, 1 / 9]), method, 500)
    assert max(np.max(np.abs(u)) for u in points) < 1e9
