"""Where the paper's printed formulas differ from what holds: each fails, beside the right one.

Winston and Kolter, *Monotone operator equilibrium networks* (2020); see ``docs/errata.md``.
"""

import numpy as np
import pytest

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.equilibrium import LinearizedActivation, adjoint_inclusion

N, ALPHA = 6, 0.7


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def W(rng):
    """I − W ⪰ ½I, with an antisymmetric part."""
    A, B = rng.normal(size=(2, N, N)) / 2
    return 0.5 * np.eye(N) - A.T @ A + B - B.T


@pytest.fixture
def linearized(rng, W):
    """(J, D, v, u*): u* = (I − JW)⁻ᵀv with 0 < J < 1."""
    J, v = rng.uniform(0.2, 0.9, N), rng.normal(size=N)
    return J, 1 / J - 1, v, np.linalg.solve((np.eye(N) - np.diag(J) @ W).T, v)


def test_1_sign_of_the_bias_in_the_resolvent_step(rng, W):
    """Eq. (7) prints V(u½ − α(Ux + b)); the fixed point is the equilibrium only with +."""
    bias = rng.normal(size=N)
    V = np.linalg.inv(np.eye(N) + ALPHA * (np.eye(N) - W))

    def fixed_point(sign):
        u = z = np.zeros(N)
        for _ in range(500):
            half = 2 * z - u
            u = 2 * V @ (half + sign * ALPHA * bias) - half
            z = np.maximum(u, 0)
        return z, np.max(np.abs(z - np.maximum(W @ z + bias, 0)))

    (right, violation), (_, printed) = fixed_point(1), fixed_point(-1)
    assert violation < 1e-12
    assert printed > 0.1
    F = sk.Affine(np.eye(N) - W, bias)
    solved = sk.solve(F + sk.NormalCone(sk.functions.NonNegative()), np.zeros(N), tol=1e-13)
    np.testing.assert_allclose(solved.x, right, atol=1e-11)


def test_2_the_forward_step_must_be_strictly_shorter():
    """At α = 2m/L² itself the step I − αF is not a contraction: F = mI + skew keeps the norm."""
    m, w = 0.5, 2.0
    M = np.array([[m, w], [-w, m]])
    L = np.hypot(m, w)
    x = np.array([1.0, 2.0])
    at_the_end = x - 2 * m / L**2 * M @ x
    assert np.linalg.norm(at_the_end) == pytest.approx(np.linalg.norm(x), rel=1e-14)
    F, G = sk.Affine(M), sk.Subdifferential(sk.functions.L1Norm(0.0))
    inside = sk.ForwardBackward(alpha=2 * m / L**2 * 0.99).guarantee(F, G)
    assert inside.holds
    assert inside.rate < 1
    assert not sk.ForwardBackward(alpha=2 * m / L**2 * (1 + 1e-9)).guarantee(F, G).holds


def test_3_denominator_of_the_adjoint_resolvent(rng, linearized):
    """(B10), (B11), Algorithms 3 and 4 print 1 + α(1 + D); G̃(ũ) = Dũ − v has 1 + αD."""
    _, D, v, _ = linearized
    x = rng.normal(size=N)
    right, printed = (x + ALPHA * v) / (1 + ALPHA * D), (x + ALPHA * v) / (1 + ALPHA * (1 + D))
    for u, holds in ((right, True), (printed, False)):
        assert np.allclose(u + ALPHA * (D * u - v), x, atol=1e-13) is holds
    J = 1 / (1 + D)
    np.testing.assert_allclose(LinearizedActivation(J, v).resolvent(ALPHA)(x), right, atol=1e-13)


def test_4_the_algorithms_return_another_vector(W, linearized):
    """Algorithms 3 and 4 return ũ where (11), (12) promise u*: u* = v + Wᵀũ, and ũ = Ju*."""
    J, _, v, u_star = linearized
    F, G = adjoint_inclusion(sk.DenseMatrix(np.eye(N) - W), J, v)
    u_tilde = sk.solve(F + G, np.zeros(N), sk.PeacemanRachford(), tol=1e-14).x
    assert np.max(np.abs(u_tilde - u_star)) > 0.1
    np.testing.assert_allclose(v + W.T @ u_tilde, u_star, atol=1e-11)
    np.testing.assert_allclose(J * u_star, u_tilde, atol=1e-11)
    assert np.max(np.abs(J * u_tilde - u_tilde)) > 0.05  # a second factor J would be one too many


def test_5_no_inverse_of_W_is_needed(rng, linearized):
    """(B7) divides by Wᵀ; with W = 0, and any singular W, ũ = J(v + Wᵀũ) still is the answer."""
    J, _, v, _ = linearized
    A = rng.normal(size=(2, N))
    singular = -A.T @ A
    for W in (np.zeros((N, N)), singular):
        assert np.linalg.matrix_rank(W) < N
        F, G = adjoint_inclusion(sk.DenseMatrix(np.eye(N) - W), J, v)
        u_tilde = sk.solve(F + G, np.zeros(N), sk.PeacemanRachford(), tol=1e-14).x
        exact = J * np.linalg.solve((np.eye(N) - np.diag(J) @ W).T, v)
        np.testing.assert_allclose(u_tilde, exact, atol=1e-11)


def test_9_linear_strong_monotonicity_is_of_the_symmetric_part():
    """G ⪰ mI is printed; for G not symmetric it is G + Gᵀ ⪰ 2mI that counts."""
    G = np.array([[1.0, 3.0], [-3.0, 1.0]])
    assert np.linalg.eigvalsh(G + G.T)[0] == pytest.approx(2.0)
    assert sk.Affine(G).strong_monotonicity == pytest.approx(1.0)
    x = np.random.default_rng(1).normal(size=(100, 2))
    np.testing.assert_allclose(np.sum(x * (x @ G.T), axis=1), np.sum(x * x, axis=1))


def test_9_strong_monotonicity_alone_does_not_make_cayley_contract():
    """N_{0} is m-strongly monotone for every m, and its Cayley operator is −I."""
    point = sk.NormalCone(sk.functions.Box(0.0, 0.0))
    x = np.array([1.0, -2.0])
    assert np.array_equal(point.cayley(0.3)(x), -x)
    strong = sk.Operator.from_callable(
        resolvent=lambda y, alpha: 0 * y, strong_monotonicity=5.0, maximal=True
    )
    assert strong.cayley(1.0).lipschitz == pytest.approx(1.0)
    guarantee = sk.PeacemanRachford(alpha=1.0).guarantee(strong, sk.Zero())
    assert guarantee.holds  # of the shadow sequence, by another theorem
    assert guarantee.rate is None


def test_12_the_dense_model_is_not_normalized():
    """84,313 parameters leave no room for the scales g and h of E.2."""
    model = sknn.DenseClassifier(784, 87, 10)
    assert sum(p.numel() for p in model.parameters()) == 84_313
    counts = {name: p.numel() for name, p in model.layer.parametrization.named_parameters()}
    assert counts == {"A": 87**2, "B": 87**2, "U.weight": 784 * 87, "U.bias": 87}
