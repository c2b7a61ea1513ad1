"""Primal-dual steps: the rate with both constants, and the balance of residuals."""

import math
import pickle

import numpy as np
import pytest

import splitkit as sk
from splitkit import functions as f
from splitkit.linear import Gradient

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
        balance: sk.solve(denoising(), NOISY, kind(balance=balance)).iterations
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
        steps = state[1]
        assert kind(tau=steps.tau, sigma=steps.sigma).guarantee(*terms).holds
        changes.add((steps.changes, steps.tau))
    assert len({k for k, _ in changes}) == len(changes) > 3  # no change goes uncounted
    assert steps.tau > 1e-5


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
    plain = sk.solve(inclusion, np.zeros(3), method, **options, on_failure="return")
    assert not plain.converged or plain.iterations > 2 * s.iterations


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
