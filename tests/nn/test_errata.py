"""Where the paper's printed formulas differ from what holds: each fails, beside the right one.

Winston and Kolter, *Monotone operator equilibrium networks* (2020); see ``docs/errata.md``.
"""

import numpy as np
import pytest

import splitkit as sk
import splitkit_nn as sknn
from splitkit_nn.activations import find_activation
from splitkit_nn.equilibrium.inclusions import LinearizedActivation, cotangent_inclusion
from splitkit_nn.linear.lattice import Lattice
from tests.nn.dense_matrices import convolution_matrix

N, ALPHA = 6, 0.7


def adjoint(blocks):
    """The conjugate transpose of each block."""
    return np.conj(np.swapaxes(blocks, -1, -2))


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


def test_3_denominator_of_the_cotangent_resolvent(rng, linearized):
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
    F, G = cotangent_inclusion(sk.DenseMatrix(np.eye(N) - W), J, v)
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
        F, G = cotangent_inclusion(sk.DenseMatrix(np.eye(N) - W), J, v)
        u_tilde = sk.solve(F + G, np.zeros(N), sk.PeacemanRachford(), tol=1e-14).x
        exact = J * np.linalg.solve((np.eye(N) - np.diag(J) @ W).T, v)
        np.testing.assert_allclose(u_tilde, exact, atol=1e-11)


def test_6_every_term_of_B_has_its_alpha(rng):
    """(17), (C5) print (1 + αm)I + αD_A*D_A − D_B + D_B*, by frequencies of a convolution."""
    height, width, m = 3, 4, 0.5
    kernels = rng.normal(size=(2, 2, 2, 3, 3)) / 3
    A, B = (convolution_matrix(kernel, height, width) for kernel in kernels)
    lattice = Lattice(height, width)
    D_A, D_B = (lattice.spectrum(kernel) for kernel in kernels)
    gram, identity = adjoint(D_A) @ D_A, np.eye(2)
    right = (1 + ALPHA * m) * identity + ALPHA * (gram - D_B + adjoint(D_B))
    printed = (1 + ALPHA * m) * identity + ALPHA * gram - D_B + adjoint(D_B)
    W = (1 - m) * np.eye(len(A)) - A.T @ A + B - B.T
    exact = np.eye(len(A)) + ALPHA * (np.eye(len(A)) - W)
    z = rng.normal(size=(1, 2, height, width))
    for blocks, holds in ((right, True), (printed, False)):
        product = lattice.inverse(lattice.transform(z) @ np.swapaxes(blocks, 1, 2))
        assert np.allclose(product.ravel(), exact @ z.ravel(), atol=1e-12) is holds


def test_7_signs_of_B_in_a_diagonal_block(rng):
    """(D8) prints + B − Bᵀ in I + α(I − W_11), where W_11 has + B − Bᵀ itself."""
    m = 0.5
    A, S, B = rng.normal(size=(3, N, N))
    W = (1 - m) * np.eye(N) - A.T @ A - S.T @ S + B - B.T
    exact = np.eye(N) + ALPHA * (np.eye(N) - W)
    base = (1 + ALPHA * m) * np.eye(N) + ALPHA * (A.T @ A + S.T @ S)
    np.testing.assert_allclose(base + ALPHA * (B.T - B), exact, atol=1e-12)
    assert np.max(np.abs(base + ALPHA * (B - B.T) - exact)) > 1


class Striding:
    """The objects of App. D.2: s × s grids, stride r, n₁ channels into n₂; F is unitary."""

    s, r, n1, n2 = 4, 2, 2, 3

    def __init__(self, rng, scale=None):
        s, r = self.s, self.r
        indices = np.arange(s)
        phases = np.exp(2j * np.pi * np.outer(indices, indices) / s)
        one_dimension = phases / (np.sqrt(s) if scale is None else scale)
        self.F = np.kron(one_dimension, one_dimension)
        keep = (indices[:, None] % r == 0) & (indices % r == 0)
        self.U = np.eye(s * s)[keep.ravel()]  # reads every r-th pixel
        shuffle = np.concatenate([np.eye(s * s // r)[a::s] for a in range(s)])
        self.S = np.kron(np.eye(r), shuffle)
        self.J = np.kron(np.ones((r * r, 1)), np.eye(s * s // r**2))
        kernel = rng.normal(size=(self.n2, self.n1, 3, 3))
        self.whole = convolution_matrix(kernel, s, s)
        self.strided = convolution_matrix(kernel, s, s, r)

    def aliases(self, factor):
        """factor · 1[i ≡ j] of the frequencies of the whole grid that alias."""
        a = np.arange(self.s)
        L = factor * ((a[:, None] - a) % (self.s // self.r) == 0)
        return np.kron(L, L)


def test_8_the_scale_of_the_fourier_matrix(rng):
    """C.1 prints 1/s in one dimension and calls F unitary; it is so with 1/√s."""
    identity = np.eye(Striding.s**2)
    right, printed = Striding(rng).F, Striding(rng, scale=Striding.s).F
    np.testing.assert_allclose(right @ right.conj().T, identity, atol=1e-13)
    assert np.max(np.abs(printed @ printed.conj().T - identity)) > 0.5


def test_8_factors_of_the_aliases(rng):
    """(D19) prints 1/(sr) and (D12) 1/(s²r²) for a unitary F: they are 1/r and 1/r²."""
    grid = Striding(rng)
    exact = grid.F @ grid.U.T @ grid.U @ grid.F.conj().T
    np.testing.assert_allclose(grid.aliases(1 / grid.r), exact, atol=1e-13)
    assert np.max(np.abs(grid.aliases(1 / (grid.s * grid.r)) - exact)) > 0.1


def test_8_order_of_the_shuffles(rng):
    """(D12) has SᵀJJᵀS, the last line of (D24) SJJᵀSᵀ; only the first is 1[i ≡ j] ⊗ 1[i ≡ j]."""
    grid = Striding(rng)
    exact = grid.aliases(1.0)
    right, printed = grid.S.T @ grid.J, grid.S @ grid.J
    np.testing.assert_allclose(right @ right.T, exact, atol=1e-13)
    assert np.max(np.abs(printed @ printed.T - exact)) > 0.5


def test_8_the_strided_convolution_has_fewer_rows(rng):
    """Prop. D1 gives B n₂s² rows; it has n₂s²/r²."""
    grid = Striding(rng)
    assert grid.strided.shape == (grid.n2 * grid.s**2 // grid.r**2, grid.n1 * grid.s**2)
    np.testing.assert_allclose(np.kron(np.eye(grid.n2), grid.U) @ grid.whole, grid.strided)


def test_8_woodbury_over_aliases(rng):
    """(D9), (D10) with r² in place of s²r², and the Kronecker factor inside the inverse: K couples
    the n₂ output channels, so that I ⊗ K of one channel's K does not fit for n₂ > 1.
    """
    grid = Striding(rng)
    F1, F2 = (np.kron(np.eye(n), grid.F) for n in (grid.n1, grid.n2))
    P = convolution_matrix(rng.normal(size=(grid.n1, grid.n1, 3, 3)) / 9, grid.s, grid.s)
    P = P + 2 * np.eye(len(P))
    exact = np.linalg.inv(P + grid.strided.T @ grid.strided)
    D_A, D_B = F1 @ P @ F1.conj().T, F2 @ grid.whole @ F1.conj().T
    V = np.linalg.inv(D_A)
    fold = np.kron(np.eye(grid.n2), grid.J.T @ grid.S)  # sums over aliases, channel by channel

    def inverse(factor):
        inner = factor * np.eye(len(fold)) + fold @ D_B @ V @ D_B.conj().T @ fold.T
        K = fold.T @ np.linalg.inv(inner) @ fold
        return F1.conj().T @ (V - V @ D_B.conj().T @ K @ D_B @ V) @ F1

    np.testing.assert_allclose(inverse(grid.r**2), exact, atol=1e-11)
    assert np.max(np.abs(inverse((grid.s * grid.r) ** 2) - exact)) > 1e-2
    assert (grid.J.T @ grid.S).shape[1] != D_B.shape[0]  # (D10) multiplies these two


def test_8_what_the_tiers_do_instead(rng):
    """Between phases on the coarse grid the same inverse is one block a frequency."""
    grid = Striding(rng)
    lattice = Lattice(grid.s, grid.s, grid.r)
    kernels = rng.normal(size=(grid.n2, grid.n1, 3, 3)), rng.normal(size=(2, 2, 3, 3)) / 9
    S, P = lattice.spectrum(kernels[0], strided=True), lattice.spectrum(kernels[1])
    P = P + 2 * np.eye(P.shape[1])
    z = rng.normal(size=(1, grid.n1, grid.s, grid.s))
    blocks = np.linalg.inv(P + adjoint(S) @ S)
    found = lattice.inverse(lattice.transform(z) @ np.swapaxes(blocks, 1, 2))
    strided = convolution_matrix(kernels[0], grid.s, grid.s, grid.r)
    whole = convolution_matrix(kernels[1], grid.s, grid.s) + 2 * np.eye(z.size)
    exact = np.linalg.solve(whole + strided.T @ strided, z.ravel())
    np.testing.assert_allclose(found.ravel(), exact, atol=1e-12)


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


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus"])
def test_10_smooth_activations_are_proximal_maps_exactly(rng, W, name):
    """§4.1 calls them close to proximal maps: σ is prox_f itself, but not prox_{αf} at α ≠ 1, and
    in the place of prox_{αf} it converges to another point.
    """
    sigma = find_activation(name)
    bias = rng.normal(size=(1, N))
    F = sk.Affine(np.eye(N) - W, bias)

    def fixed_point(activation_step):
        z = np.zeros((1, N))
        for _ in range(4000):
            z = activation_step(z - 0.05 * F(z))
        return np.max(np.abs(z - sigma(z @ W.T + bias)))

    assert fixed_point(lambda y: sigma.prox(y, 0.05)) < 1e-10
    assert fixed_point(sigma) > 1e-2
    y = np.linspace(-3, 3, 25)
    assert np.array_equal(sigma.prox(y, 1.0), sigma(y))
    assert np.max(np.abs(sigma.prox(y, ALPHA) - sigma(y))) > 1e-2


def test_11_parameters_of_the_convolutional_model():
    """Table E1 lists 84,460 for 54 channels, which is the count of 56."""
    counts = {
        channels: sum(p.numel() for p in sknn.ConvClassifier(1, channels, 28, 10).parameters())
        for channels in (54, 56)
    }
    assert counts == {54: 79_500, 56: 84_460}


def test_12_the_dense_model_is_not_normalized():
    """84,313 parameters leave no room for the scales g and h of E.2."""
    model = sknn.DenseClassifier(784, 87, 10)
    assert sum(p.numel() for p in model.parameters()) == 84_313
    counts = {name: p.numel() for name, p in model.layer.parametrization.named_parameters()}
    assert counts == {"A": 87**2, "B": 87**2, "U.weight": 784 * 87, "U.bias": 87}
