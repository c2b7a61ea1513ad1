"""m is what the theorem proves and L what is computed: rounding of one never loses the other."""

import copy

import pytest
import torch

import splitkit as sk
import splitkit_nn as sknn

KINDS = {
    "dense": lambda n, m: sknn.MonotoneDense(2, n, m=m),
    "triangular": lambda n, m: sknn.MonotoneTriangular(2, n, m=m),
    "triangular-blocks": lambda n, m: sknn.MonotoneTriangular(2, n, n, m=m),
    "infinity": lambda n, m: sknn.MonotoneInfinity(2, n, m=m),
    "lipschitz": lambda n, m: sknn.MonotoneLipschitz(2, n, 2, gamma=1.0, m=m),
    "conv": lambda n, m: sknn.MonotoneConv2d(2, n, 2, m=m),
    "tiers": lambda n, m: sknn.MonotoneMultiTier(2, (n, 1), 2, m=m),
}
each = pytest.mark.parametrize("kind", KINDS)
every_m = pytest.mark.parametrize("m", [1e-3, 0.1, 1.0, 10.0])
both = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def make(kind, n, m, dtype, seed=0):
    torch.manual_seed(seed)
    return KINDS[kind](n, m).to(dtype)


def emptied(p):
    """I − W = mI, whose computed constants are on either side of m."""
    with torch.no_grad():
        for value in p.parameters():
            value.zero_()
    return p


def inputs(p):
    return torch.ones(1, *p.input_shape, dtype=p.U.weight.dtype)


def true_constants(p):
    """Of I − W as a matrix, in float64."""
    double = sknn.MonDEQ(p.double())
    size = double.parametrization.bias(inputs(p)).shape[1:]
    basis = torch.eye(size.numel(), dtype=torch.float64).reshape(-1, *size)
    with torch.no_grad():
        M = double.parametrization.operator(exact=True)(basis).flatten(1).T
    return float(torch.linalg.eigvalsh((M + M.T) / 2)[0]), float(torch.linalg.matrix_norm(M, 2))


@each
@every_m
@both
def test_forward_backward_has_its_constants(kind, m, dtype):
    G = sknn.ReLU().operator
    for seed, n in ((0, 1), (1, 2), (2, 5)):
        p = make(kind, n, m, dtype, seed)
        for q in (p, emptied(copy.deepcopy(p))):
            F = sk.Affine(q.operator(exact=True))
            assert sk.ForwardBackward().guarantee(F, G).holds
            assert m <= F.strong_monotonicity <= F.lipschitz


@each
@pytest.mark.parametrize("m", [1e-3, 1.0])
def test_unrolled_steps_have_their_constants(kind, m):
    for p in (make(kind, 2, m, torch.float32), emptied(make(kind, 2, m, torch.float32))):
        sknn.MonDEQ(p, gradient=sknn.Unrolled(steps=2))(inputs(p)).sum().backward()
        assert all(torch.isfinite(w.grad).all() for w in p.weights().values())


@each
def test_forward_backward_finds_the_equilibrium(kind):
    p = make(kind, 2, 1.0, torch.float32)
    layer = sknn.MonDEQ(p, method=sk.ForwardBackward(), tol=1e-2)
    with torch.no_grad():
        distance = (layer(inputs(p)) - sknn.MonDEQ(p, tol=1e-6)(inputs(p))).norm()
    assert float(distance) <= layer.last_solve.forward.error_bound + 1e-5


@each
@every_m
def test_constants_hold_of_the_matrix(kind, m):
    """Computed in float32, up to its rounding, and never below the proved m."""
    for seed in range(3):
        p = make(kind, 3, m, torch.float32, seed)
        M = p.operator(exact=True)
        m_found, L_found = p.constants(M)
        m_true, L_true = true_constants(p)
        assert m <= m_found <= m_true + 1e-6 * L_true
        assert L_found >= L_true * (1 - 1e-6)


@pytest.mark.parametrize("kind", ["dense", "lipschitz"])
def test_what_cancels_in_the_skew_part_hides_nothing(kind):
    """A symmetric B does nothing, however large."""
    p = make(kind, 5, 1.0, torch.float32)
    skew = p.Q if kind == "lipschitz" else p.B
    with torch.no_grad():
        skew.zero_()
        expected = p.weight()
        skew.fill_(1e10)
        assert torch.equal(p.weight(), expected)


def test_above_the_size_of_eigenvalue_decompositions():
    """I − W = mI + K, K of skew blocks [[0, k], [−k, 0]] among zeros: L² = m² + max k²."""
    m = 0.1
    p = sknn.MonotoneDense(4, 1030, m=m)
    with torch.no_grad():
        p.A.zero_()
        p.B.zero_()
        p.B[0, 1], p.B[2, 3] = 2 * m, m
    x = torch.ones(1, 4)
    layer = sknn.MonDEQ(p, method=sk.PeacemanRachford(alpha=1 / m), tol=1e-6)
    expected = layer(x).detach()
    for options in ({"method": sk.ForwardBackward()}, {"gradient": sknn.Unrolled(steps=200)}):
        with torch.no_grad():
            found = sknn.MonDEQ(p, tol=1e-6, **options)(x)
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    certificate = sknn.certify(layer, x)
    assert certificate.m == m
    assert 5**0.5 * m * (1 - 1e-7) <= certificate.L <= 3 * m * (1 + 1e-7)


class WithoutNorm(sk.LinearOperator):
    """A map of which nothing is known."""

    norm = None

    def __init__(self, M):
        self.M = M

    def __call__(self, z):
        return self.M(z)

    def adjoint(self, z):
        return self.M.adjoint(z)


class Unknown(sknn.MonotoneDense):
    def operator(self, W=None, *, exact):
        return WithoutNorm(super().operator(W, exact=exact))


def test_a_map_without_a_norm_is_named():
    layer = sknn.MonDEQ(Unknown(2, 3), gradient="unrolled")
    with pytest.raises(sk.NoGuaranteeError, match=r"operator\(exact=True\) of Unknown"):
        layer(torch.ones(1, 2))
