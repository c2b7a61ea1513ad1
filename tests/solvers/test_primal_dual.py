"""Primal-dual steps: the rate with both constants, the balance of residuals, and what they take."""

import math
import pickle

import numpy as np
import pytest
from scipy.optimize import linprog

import splitkit as sk
from splitkit import functions as f
from splitkit.backend import Space
from splitkit.linear import Gradient
from splitkit.solvers.terms import Role, Term

rng = np.random.default_rng(5)
SIDE = 12
SQUARE = np.zeros((SIDE, SIDE))
SQUARE[3:9, 4:8] = 1.0
NOISY = SQUARE + 0.1 * rng.normal(size=SQUARE.shape)


def denoising(y=NOISY, batch_ndim=0):
    fit = f.SquaredL2(center=y, batch_ndim=batch_ndim)
    lengths = sk.Subdifferential(f.GroupL2Norm(0.1, batch_ndim=batch_ndim))
    return sk.Subdifferential(fit) + lengths.pullback(Gradient(shape=(SIDE, SIDE)))


def quadratics(gain, γ, δ):
    """0 ∈ γx + LᵀB(Lx) with B⁻¹ = δI, that is B = I/δ, and L = diag(gain)."""
    L = sk.DenseMatrix(np.diag(gain))
    B = sk.Subdifferential(f.SquaredL2(1 / δ)).pullback(L)
    return sk.Subdifferential(f.SquaredL2(γ)), B


@pytest.mark.parametrize(("γ", "δ"), [(1.0, 1.0), (0.01, 2.0), (3.0, 1e-3)])
def test_no_quadratic_is_slower_than_the_rate(γ, δ):
    """The spectral radius of the iteration, for every singular value that L may have."""
    gain = np.linspace(0, 2.0, 41)
    terms = sk.ChambollePock().terms(*quadratics(gain, γ, δ))
    method = sk.ChambollePock().chosen(*terms)
    rate = method.guarantee(*terms).rate
    assert math.isclose(method.theta * method.tau * method.sigma * 2.0**2, 1.0)
    iteration = method.iteration(*terms)
    n, columns = len(gain), []
    for e in np.eye(2 * n):
        x, y = iteration.step((e[:n], e[n:]))
        columns.append(np.concatenate([x, y]))
    radius = max(abs(np.linalg.eigvals(np.stack(columns, axis=1))))
    assert radius <= rate + 1e-9
    assert rate < 1 - 0.7 * min(0.5, math.sqrt(γ * δ) / 2.0)


def test_the_rate_holds_for_a_monotone_operator_that_is_no_gradient():
    M = np.array([[0.1, 1.0], [-1.0, 0.1]])
    A = sk.Affine(M, np.array([1.0, -2.0]))
    K, L = np.array([[0.5, -2.0], [2.0, 0.5]]), np.diag([1.0, 0.5])
    B = sk.Affine(K).pullback(sk.DenseMatrix(L))
    method = sk.ChambollePock().chosen(A, B)
    rate = method.guarantee(A, B).rate
    solution = np.linalg.solve(M + L @ K @ L, np.array([1.0, -2.0]))
    states = method.iterate(A + B, np.zeros(2), tol=0, max_iter=150)
    errors = [float(np.linalg.norm(s.x - solution)) for s in states]
    first = 10 * max(errors[:3])
    assert all(e <= first * rate**k + 1e-12 for k, e in enumerate(errors))


def test_an_extrapolation_below_its_theorem_is_refused():
    operators = quadratics(np.ones(2), 1.0, 1.0)
    fits = sk.ChambollePock(tau=0.5, sigma=0.5, theta=0.5)
    assert fits.guarantee(*operators).rate == math.sqrt(0.5)
    for method in (
        sk.ChambollePock(tau=0.5, sigma=0.5, theta=0.4),
        sk.ChambollePock(tau=0.5, sigma=0.5, theta=0.5, balance=True),
    ):
        assert "needs constant steps" in method.guarantee(*operators).reason
    merely_monotone = operators[0], sk.Subdifferential(f.L1Norm()).pullback(operators[1].L)
    assert "leave theta out" in fits.guarantee(*merely_monotone).reason
    with pytest.raises(ValueError, match="theta = 1\\.5"):
        sk.ChambollePock(theta=1.5)


@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.CondatVu])
def test_balanced_steps_take_a_third_of_the_iterations(kind):
    count = {
        balance: sk.solve(denoising(), NOISY, kind(balance=balance), on_failure="return").iterations
        for balance in (None, False)
    }
    assert count[None] < count[False] / 3


@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.CondatVu, sk.PD3O])
def test_balanced_steps_stay_within_the_theorem(kind):
    given = denoising().terms if kind is sk.ChambollePock else (sk.Zero(), *denoising().terms[::-1])
    terms = kind().terms(*given)
    method = kind(tau=1e-6).chosen(*terms)  # a bad start
    iteration = kind(tau=1e-6, sigma=method.sigma, balance=True).iteration(*terms)
    state = iteration.init(NOISY)
    changes = set()
    for _ in range(600):
        state = iteration.step(state)
        now = state[1]
        assert kind(tau=now.steps.tau, sigma=now.steps.sigma).guarantee(*terms).holds
        changes.add((now.changes, now.steps.tau))
    assert len({k for k, _ in changes}) == len(changes) > 3  # no change goes uncounted
    assert now.steps.tau > 1e-5


def test_a_balanced_solve_goes_on_bit_for_bit():
    """The dual points' axes lie in another order in memory, in which ⟨·, ·⟩ adds up."""
    whole = sk.solve(denoising(), NOISY, sk.ChambollePock(), tol=1e-9)
    first = sk.solve(
        denoising(), NOISY, sk.ChambollePock(), tol=1e-9, max_iter=37, on_failure="return"
    )
    again = pickle.loads(pickle.dumps(first))
    (_, y), (_, kept) = (solution.checkpoint.live[0] for solution in (first, again))
    assert kept.strides == y.strides != np.ascontiguousarray(y).strides
    rest = sk.solve(denoising(), NOISY, tol=1e-9, resume=again)
    np.testing.assert_array_equal(rest.x, whole.x)
    assert rest.iterations == whole.iterations


def test_a_batch_shares_its_steps_and_each_image_is_denoised():
    images = np.stack([NOISY, 10 * NOISY, np.zeros_like(NOISY)])
    together = sk.solve(denoising(images, 1), images, sk.ChambollePock(), batch_ndim=1)
    for x, y in zip(together.x, images, strict=True):
        np.testing.assert_allclose(x, sk.solve(denoising(y), y).x, atol=1e-6)


@pytest.mark.parametrize("balance", ["yes", 1])
def test_balance_is_a_flag(balance):
    with pytest.raises(TypeError, match="give True, False or None"):
        sk.PD3O(balance=balance)


LEFT_OPEN = [(sk.ChambollePock, 2), (sk.CondatVu, 3), (sk.PD3O, 3)]


@pytest.mark.parametrize("sigma", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(("kind", "terms"), LEFT_OPEN)
def test_tau_follows_a_sigma_that_is_given(kind, terms, sigma):
    operators = denoising().terms if terms == 2 else (sk.Zero(), *denoising().terms[::-1])
    method = kind(sigma=sigma).chosen(*operators)
    assert method.guarantee(*operators).holds
    assert not kind(sigma=sigma, tau=2.1 * method.tau).guarantee(*operators).holds


@pytest.mark.parametrize("method", [sk.ChambollePock(), sk.LinearizedADMM()], ids=repr)
def test_a_diagonal_metric_scales_columns_and_leaves_the_dual_variable(method):
    """min g(x) + ‖Lx − b‖₁ with columns of very different lengths: d = 1/‖Leᵢ‖²."""
    rng = np.random.default_rng(0)
    lengths = np.array([0.02, 7.0, 60.0])
    L, b = rng.normal(size=(6, 3)) * lengths, rng.normal(size=6)
    box = f.Box(-1 / lengths, 1 / lengths)
    loss = f.L1Norm().translate(b)
    inclusion = sk.NormalCone(box) + sk.Subdifferential(loss).pullback(sk.DenseMatrix(L))
    options = {"tol": 1e-8, "max_iter": 5000}
    s = sk.solve(
        inclusion, np.zeros(3), sk.Preconditioned(method, diagonal=lengths**-2.0), **options
    )
    assert f.duality_gap(box, loss, s.x, s.dual, sk.DenseMatrix(L)) <= 1e-5
    as_it_is = sk.Preconditioned(method, diagonal=np.ones(3))
    plain = sk.solve(inclusion, np.zeros(3), as_it_is, **options, on_failure="return")
    assert not plain.converged or plain.iterations > 2 * s.iterations


WEIGHTED = sk.Subdifferential(f.L1Norm(0.4))
V = np.array([0.7, -1.2, 0.1, 2.0, -0.4])
MADE_OF_ENTRIES = {
    "shift": WEIGHTED.shift(V),
    "translation": WEIGHTED.translate(V),
    "inverse": WEIGHTED.inverse,
    "I + A": sk.Identity() + WEIGHTED.shift(V),
    "2A": 2.0 * WEIGHTED,
    "Yosida": WEIGHTED.yosida(0.7).shift(V),
    "inverse of a shift": sk.NormalCone(f.Box(-1.0, 2.0)).shift(V).inverse,
}


@pytest.mark.parametrize("A", MADE_OF_ENTRIES.values(), ids=MADE_OF_ENTRIES)
@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.PD3O, sk.LinearizedADMM])
def test_a_diagonal_metric_of_what_is_made_of_entries(kind, A):
    """In a solve, where operators are watched, and bound by hand: the plain method's solution."""
    _, B, C = three_terms()
    terms = (A, B, C) if len(kind.roles) == 3 else (A + sk.Identity(), B)
    method = sk.Preconditioned(kind(), diagonal=np.array([2.0, 0.3, 1.0, 0.7, 5.0]))
    expected = sk.solve(sum(terms[1:], terms[0]), np.zeros(5), kind(), tol=1e-11, max_iter=100_000)
    found = method.iterate(sum(terms[1:], terms[0]), np.zeros(5), tol=1e-11, max_iter=2000)
    *_, last = found
    np.testing.assert_allclose(last.x, expected.x, atol=1e-8)
    measured = sk.plan(sum(terms[1:], terms[0]), np.zeros(5), method).method
    iteration = measured.bind(*terms)
    state = iteration.begin(np.zeros(5), Space.of(np.zeros(5)))
    for _ in range(last.iteration):
        state, trace = iteration.advance(state)
    np.testing.assert_allclose(iteration.read(trace).x, expected.x, atol=1e-8)


def test_terms_are_taken_to_a_diagonal_metric_once():
    method = sk.Preconditioned(sk.ChambollePock(), diagonal=np.ones(5) / 3)
    terms = method.terms(*three_terms()[:2])
    (A, B), (again, B_again) = method.within(terms), method.chosen(*terms).within(terms)
    assert A.operator is again.operator
    assert B.of is B_again.of


def test_a_diagonal_metric_of_images():
    pixels = np.random.default_rng(2).uniform(0.5, 2.0, size=NOISY.shape)
    plain = sk.solve(denoising(), NOISY, sk.ChambollePock(), tol=1e-8)
    for kind in (sk.ChambollePock, sk.PD3O):  # the second with 0 in the place of A
        method = sk.Preconditioned(kind(), diagonal=pixels)
        found = sk.solve(denoising(), NOISY, method, tol=1e-8)
        np.testing.assert_allclose(found.x, plain.x, atol=1e-5)


def test_admm_has_a_dual_solution():
    rng = np.random.default_rng(1)
    M, L = np.diag([1.0, 2.0, 3.0]), rng.normal(size=(2, 3))
    inclusion = sk.Affine(M, np.ones(3)) + sk.Subdifferential(f.L1Norm()).pullback(
        sk.DenseMatrix(L)
    )
    for method in (sk.ADMM(rho=2.0), sk.LinearizedADMM(rho=0.3)):
        s = sk.solve(inclusion, np.zeros(3), method, tol=1e-10)
        np.testing.assert_allclose(M @ s.x - 1 + L.T @ s.dual, 0.0, atol=1e-7)


def test_the_dual_solution_solves_the_dual_problem():
    """y ∈ ∂g(Lx): the value of g is ⟨y, Lx⟩, and Lᵀy = b − x."""
    solution = sk.solve(denoising(), NOISY, sk.ChambollePock(), tol=1e-9)
    L, y = Gradient(shape=(SIDE, SIDE)), solution.dual
    np.testing.assert_allclose(L.T(y), NOISY - solution.x, atol=1e-7)
    np.testing.assert_allclose(
        np.sum(y * L(solution.x)), f.GroupL2Norm(0.1)(L(solution.x)), rtol=1e-6
    )
    assert sk.solve(sk.NormalCone(f.NonNegative()), np.ones(2)).dual is None


def three_terms():
    """min box(x) + 0.3‖Lx‖₁ + ½⟨Qx, x⟩ − ⟨q, x⟩ in R⁵ with L: R⁵ → R³."""
    rng = np.random.default_rng(3)
    K, L = rng.normal(size=(5, 5)), sk.DenseMatrix(rng.normal(size=(3, 5)))
    C = sk.Affine(K @ K.T, rng.normal(size=5))
    return sk.NormalCone(f.Box(-1, 1)), sk.Subdifferential(f.L1Norm(0.3)).pullback(L), C


def test_pd3o_is_the_step_in_the_variables_of_its_source():
    """x = R_{τA}(z), y⁺ = R_{σB⁻¹}(y + σL(2x − z − τ(Cx + Lᵀy))), z⁺ = x − τ(Cx + Lᵀy⁺)."""
    A, B, C = three_terms()
    method = sk.PD3O(balance=False).chosen(A, B, C)
    (tau, sigma, _), L = method.steps, B.L
    assert tau > C.cocoercivity  # longer than Condat-Vũ could take
    R_A, R_B = A.make_resolvent(tau), B.A.inverse.make_resolvent(sigma)
    iteration, x0 = method.bind(A, B, C), np.linspace(-2, 2, 5)
    state = iteration.begin(x0, Space.of(x0))
    y, z = np.zeros(3), x0 - tau * C(x0)
    for _ in range(8):
        x = R_A(z)
        y = R_B(y + sigma * L(2 * x - z - tau * (C(x) + L.T(y))))
        z = x - tau * (C(x) + L.T(y))
        state, trace = iteration.advance(state)
        np.testing.assert_allclose(iteration.read(trace).x, x, atol=1e-13)
        np.testing.assert_allclose(iteration.governing(state)[1], y, atol=1e-13)


@pytest.mark.parametrize("kind", [sk.CondatVu, sk.PD3O])
def test_the_energy_is_the_square_of_a_norm_exactly_where_the_steps_converge(kind):
    """‖w‖²/τ − 2⟨Lw, y⟩ + ‖y‖²/σ for the greatest singular value of L: its least eigenvalue."""
    A, B, C = three_terms()
    u, s, v = np.linalg.svd(B.L.matrix)
    for stretch in (0.98, 1.02):
        method = kind(tau=0.1, sigma=stretch / (0.1 * s[0] ** 2), check=False)
        iteration = method.iteration(*method.terms(A, B, C))
        zero = iteration.begin(np.zeros(5), Space.of(np.zeros(5)))
        w, y, Cx = v[0], method.sigma * s[0] * u[:, 0], np.zeros(5)
        energy = iteration.energy(None, tuple(map(np.add, zero, (w, y, Cx))), zero)
        assert (energy > 0) == (stretch < 1)


@pytest.mark.parametrize("kind", [sk.CondatVu, sk.PD3O])
def test_the_evaluated_term_is_evaluated_once_an_iteration(kind):
    A, B, C = three_terms()
    calls = []

    def counted(x):
        calls.append(x)
        return C(x)

    known = {"monotone": True, "cocoercivity": C.cocoercivity}
    inclusion = A + B + sk.Operator.from_callable(counted, **known)
    plan = sk.plan(inclusion, np.zeros(5), kind())
    calls.clear()
    solution = plan.solve()
    # and once where the end asks how steep it is about the solution
    assert len(calls) == solution.iterations + 2
    np.testing.assert_allclose(solution.x, sk.solve(A + B + C, np.zeros(5)).x, atol=1e-6)


@pytest.mark.parametrize("kind", [sk.CondatVu, sk.PD3O])
def test_without_an_evaluated_term_they_are_chambolle_pock(kind):
    A, B, _ = three_terms()
    alike, plain = kind().chosen(A, B, sk.Zero()), sk.ChambollePock().chosen(A, B)
    assert alike.steps == plain.steps
    x0 = np.linspace(-2, 2, 5)
    first, second = alike.bind(A, B, sk.Zero()), plain.bind(A, B)
    one, other = (each.begin(x0, Space.of(x0)) for each in (first, second))
    for _ in range(25):  # past the first changes of the steps
        one, other = first.step(one), second.step(other)
    for a, b in zip(first.governing(one), second.governing(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.CondatVu, sk.PD3O])
def test_a_step_that_is_looked_at_is_the_same(kind):
    terms = three_terms()[: len(kind.roles)]
    iteration, x0 = kind().bind(*terms), np.linspace(-2, 2, 5)
    seen = unseen = iteration.begin(x0, Space.of(x0))
    for _ in range(25):
        seen, unseen = iteration.advance(seen)[0], iteration.step(unseen)
    assert seen[1]._replace(seen=None) == unseen[1]._replace(seen=None)
    for one, other in ((seen[0], unseen[0]), (seen[1].seen, unseen[1].seen)):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_balanced_steps_know_no_units():
    """x → sx, f → tf scales τ by s²/t, and σ by t/s², all along the way."""
    L = np.random.default_rng(4).normal(size=(6, 4))
    b, found = np.arange(6.0), []
    for s, t in ((1.0, 1.0), (2.0**20, 1.0), (1.0, 2.0**-30), (2.0**-15, 2.0**12)):
        g = sk.Subdifferential(t / s * f.L1Norm().translate(s * b)).pullback(sk.DenseMatrix(L))
        quadratic = sk.Subdifferential(t / s**2 * f.SquaredL2(center=s * np.ones(4)))
        iteration = sk.ChambollePock().bind(quadratic, g)
        first = iteration.steps.tau  # without data it has no units
        iteration.steps = iteration.within(first * s**2 / t)
        state = iteration.begin(np.zeros(4), Space.of(np.zeros(4)))
        for _ in range(60):
            state = iteration.step(state)
        found.append((state[0][0] / s, state[1].steps.tau * t / s**2, state[1].changes))
    for x, tau, changes in found[1:]:
        np.testing.assert_allclose(x, found[0][0], rtol=1e-9)
        assert tau == pytest.approx(found[0][1], rel=1e-9)
        assert changes == found[0][2] > 0


ROTATION = np.linalg.qr(np.random.default_rng(8).normal(size=(5, 5)))[0]
TIGHT = {  # LLᵀ = νI: LᵀBL has a resolvent of its own
    "identity": sk.DenseMatrix(np.eye(5)),
    "orthogonal": sk.DenseMatrix(ROTATION),
    "orthogonal rows": sk.DenseMatrix(3 * ROTATION[:2]),
    "mask": sk.linear.Mask(np.array([True, False, True, True, False])),
    "scaled identity": sk.linear.ScaledIdentity(2.0),
}
tight = pytest.mark.parametrize("L", TIGHT.values(), ids=TIGHT)


def two_norms(L):
    """‖x − d‖₁ and ½‖Lx − e‖₁ as functions, with d and e."""
    rng = np.random.default_rng(2)
    d = rng.normal(size=5)
    e = rng.normal(size=L(d).shape)
    return f.L1Norm().translate(d), 0.5 * f.L1Norm().translate(e), d, e


@tight
@pytest.mark.parametrize(
    "method", [sk.ChambollePock(), sk.CondatVu(), sk.PD3O(), sk.LinearizedADMM()], ids=repr
)
def test_a_composition_that_has_a_resolvent_is_still_taken_apart(method, L):
    """Against the linear program min Σs + ½Σt, |x − d| ≤ s, |Lx − e| ≤ t."""
    g, h, d, e = two_norms(L)
    m, matrix = len(e), np.stack([L(unit) for unit in np.eye(5)], axis=1)
    of_g, of_h = np.hstack([np.eye(5), np.zeros((5, m))]), np.hstack([np.zeros((m, 5)), np.eye(m)])
    program = linprog(
        np.concatenate([np.zeros(5), np.ones(5), np.full(m, 0.5)]),
        A_ub=np.block([[np.eye(5), -of_g], [-np.eye(5), -of_g], [matrix, -of_h], [-matrix, -of_h]]),
        b_ub=np.concatenate([d, -d, e, -e]),
        bounds=(None, None),
    )
    options = {"method": method, "tol": 1e-9}
    norms = sk.Subdifferential(f.L1Norm().translate(e)).pullback(L)
    for s in (
        sk.minimize(g + h @ L, np.zeros(5), **options),
        sk.solve(sk.Subdifferential(g) + sk.Subdifferential(h).pullback(L), np.zeros(5), **options),
        sk.solve(sk.Subdifferential(g) + 0.5 * norms, np.zeros(5), **options),
    ):
        np.testing.assert_allclose(g(s.x) + h(L(s.x)), program.fun, rtol=1e-7)
        within = (1 - 1e-7) * s.dual  # ‖Lᵀy‖_∞ ≤ 1 holds at the solution only
        assert f.duality_gap(g, h, s.x, within, L) <= 1e-6


@tight
def test_admm_takes_such_a_composition(L):
    M = ROTATION @ np.diag([1.0, 2.0, 3.0, 4.0, 5.0]) @ ROTATION.T
    M, q, h = (M + M.T) / 2, np.ones(5), two_norms(L)[1]
    inclusion = sk.Affine(M, q) + sk.Subdifferential(h).pullback(L)
    s = sk.solve(inclusion, np.zeros(5), sk.ADMM(), tol=1e-10)
    assert f.duality_gap(f.Quadratic(M, -q), h, s.x, s.dual, L) <= 1e-8


@tight
def test_what_is_chosen_for_such_a_composition_takes_its_resolvent(L):
    g, h, _, _ = two_norms(L)
    chosen = sk.explain(g + h @ L).chosen.method
    assert isinstance(chosen, sk.Restarted)  # of two ℓ₁ norms
    assert isinstance(chosen.method, sk.DouglasRachford)


@pytest.mark.parametrize("least", [1e-3, 1e-6])
def test_admm_solves_with_a_matrix_that_is_nearly_singular(least):
    """min ½⟨M(x − 1), x − 1⟩ + g(Lx), the eigenvalues of M + ρLᵀL down to some 10⁻⁶."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    M = Q @ np.diag(np.geomspace(least, 1, 30)) @ Q.T
    M, L = (M + M.T) / 2, sk.DenseMatrix(least**0.5 * rng.normal(size=(5, 30)))
    q, g = M @ np.ones(30), f.L1Norm(0.01)
    s = sk.solve(
        sk.Affine(M, q) + sk.Subdifferential(g).pullback(L), np.zeros(30), sk.ADMM(), tol=1e-9
    )
    assert f.duality_gap(f.Quadratic(M, -q), g, s.x, s.dual, L) <= 1e-7


def test_linearized_admm_applies_each_map_once_an_iteration():
    A, B, _ = three_terms()
    calls = {"L": 0, "Lᵀ": 0}

    def apply(x):
        calls["L"] += 1
        return B.L(x)

    def adjoint(y):
        calls["Lᵀ"] += 1
        return B.L.T(y)

    L = sk.linear.MatrixFree(apply, adjoint, (5,), (3,), norm=B.L.norm)
    iteration = sk.LinearizedADMM().bind(A, B.A.pullback(L))
    state = iteration.begin(np.ones(5), Space.of(np.ones(5)))
    calls.update({"L": 0, "Lᵀ": 0})
    for _ in range(10):
        state = iteration.step(state)
    assert calls == {"L": 10, "Lᵀ": 10}


def test_chambolle_pock_is_firmly_nonexpansive_in_its_metric():
    """‖Tu − Tv‖² ≤ ⟨Tu − Tv, u − v⟩, also where ‖L‖²τσ = 1."""
    A, B, _ = three_terms()
    for method in (sk.ChambollePock(balance=False), sk.ChambollePock(tau=3.0)):
        method = method.chosen(A, B)
        iteration = method.bind(A, B)
        iteration.enter(Space.of(np.zeros(5)))
        rng = np.random.default_rng(0)
        for _ in range(50):
            u, v = ((rng.normal(size=5), rng.normal(size=3)) for _ in range(2))
            du, dv = iteration.step(u), iteration.step(v)
            moved, apart = (
                tuple(a - b for a, b in zip(*p, strict=True)) for p in ((du, dv), (u, v))
            )
            assert iteration.product(moved, moved) <= iteration.product(moved, apart) + 1e-9
            assert np.isclose(iteration.length(moved) ** 2, iteration.product(moved, moved))
            assert iteration.product(moved, moved) <= 2 * iteration.rough_length(moved) ** 2 + 1e-9
        assert method.averagedness(*method.terms(A, B)) == 0.5


def test_accelerators_take_chambolle_pock_with_constant_steps():
    inclusion = denoising()
    plain = sk.solve(inclusion, NOISY, sk.ChambollePock(balance=False), max_iter=50_000)
    for kind in (sk.Anderson, sk.SuperMann):
        fast = sk.solve(inclusion, NOISY, kind(sk.ChambollePock()), max_iter=50_000)
        assert not fast.method.method.balance
        assert fast.iterations < plain.iterations
        np.testing.assert_allclose(fast.x, plain.x, atol=1e-5)
        np.testing.assert_allclose(
            Gradient(shape=(SIDE, SIDE)).T(fast.dual), NOISY - fast.x, atol=1e-5
        )
    for method in (sk.ChambollePock(balance=True), sk.PD3O()):
        with pytest.raises(sk.NoGuaranteeError, match="not known to be a nonexpansive map"):
            sk.solve(inclusion, NOISY, sk.Anderson(method))


@pytest.mark.parametrize("far", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("kind", [sk.ChambollePock, sk.CondatVu, sk.PD3O])
def test_what_is_read_are_elements_however_far_the_dual_variable_is(kind, far):
    """a ∈ A(x⁺) and b ∈ B⁻¹(y⁺) for A = ∂λ‖·‖₁ and B = ∂‖·‖₁: |aᵢ| ≤ λ, |yᵢ| ≤ 1, b = 0 where
    |yᵢ| < 1, so that what cancels in x is at most √n λ + ‖L‖√m, wherever the step began.
    """
    rng = np.random.default_rng(12)
    n, m, λ = 5, 7, 0.3
    L = rng.standard_normal((m, n))
    terms = [Term(sk.Subdifferential(f.L1Norm(λ)), Role.RESOLVED)]
    terms.append(Term.playing(sk.Subdifferential(f.L1Norm()).pullback(L), Role.COMPOSED))
    if kind is not sk.ChambollePock:
        terms.append(Term(sk.Affine(np.eye(n), np.ones(n)), Role.EVALUATED))
    method = kind(balance=False).choosing(*terms)
    iteration = method.iteration(*terms)
    x, y = far * rng.standard_normal(n), far * rng.standard_normal(m)
    state = iteration.begin(x, Space.of(x), y)
    (x, y, *Cx), trace = iteration.advance(state)
    (a, b), (coupled, Lx) = iteration.read(trace).terms
    rounding = 1e-13 * (1 + far)
    assert np.all(np.abs(a) <= λ + rounding / method.tau)
    np.testing.assert_allclose(a[x != 0], λ * np.sign(x[x != 0]), atol=rounding / method.tau)
    np.testing.assert_allclose(coupled, L.T @ y + (x - 1 if Cx else 0), atol=rounding)
    np.testing.assert_allclose(Lx, -L @ x, atol=rounding)
    assert np.all(np.abs(b[np.abs(y) < 1]) <= rounding / method.sigma)
    assert np.all(b * y >= -rounding / method.sigma)
