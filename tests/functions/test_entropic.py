"""Entropic transport, and projections in the Kullback-Leibler divergence, against minimizers."""

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import logsumexp

import splitkit as sk
from splitkit import functions

ROWS, COLUMNS = np.array([0.2, 0.5, 0.3]), np.array([0.1, 0.4, 0.3, 0.2])
CAPS = np.array([0.3, 0.0, 2.0, 0.4])


def transport(seed, m=12, n=9):
    rng = np.random.default_rng(seed)
    p, q = rng.random(m), rng.random(n)
    cost = ((rng.random((m, 1, 2)) - rng.random((1, n, 2))) ** 2).sum(-1)
    return p / p.sum(), q / q.sum(), cost


@pytest.mark.parametrize("eps", [0.1, 1e-4])
@pytest.mark.parametrize("entropy", [functions.NegativeEntropy(), functions.RelativeEntropy()])
def test_entropic_transport_stated_as_functions(entropy, eps):
    """Few iterations; X = exp(−C/ε) with rows and columns scaled; ε times the entropy is all that
    the cost may be above that of transport without it.
    """
    p, q, cost = transport(0)
    f = functions.Linear(cost) + eps * entropy + functions.TransportPolytope(p, q)
    solution = sk.minimize(f, np.zeros(cost.shape))
    x = solution.x
    assert solution.converged
    assert solution.iterations <= 20
    assert np.allclose(x.sum(1), p, atol=1e-12)
    assert np.allclose(x.sum(0), q, atol=1e-12)
    if eps == 0.1:
        a, b = np.zeros(p.shape), np.zeros(q.shape)
        for _ in range(500):
            a = np.log(p) - logsumexp(b - cost / eps, axis=1)
            b = np.log(q) - logsumexp(a[:, None] - cost / eps, axis=0)
        assert np.allclose(x, np.exp(a[:, None] + b - cost / eps), rtol=0, atol=1e-7)
    sums = np.vstack([np.kron(np.eye(12), np.ones(9)), np.kron(np.ones(12), np.eye(9))])
    least = linprog(cost.ravel(), A_eq=sums, b_eq=np.concatenate([p, q])).fun
    assert least - 1e-12 <= np.sum(cost * x) <= least + eps * np.log(x.size)


def test_the_derivative_of_scaled_matrices():
    torch = pytest.importorskip("torch")
    C = functions.TransportPolytope(torch.asarray(ROWS), torch.asarray(COLUMNS))
    r = torch.rand((3, 4), dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1
    assert torch.autograd.gradcheck(C.kl_project, r.requires_grad_())


@pytest.mark.parametrize(
    ("C", "shape"),
    [
        (functions.Simplex(0.7), (4,)),
        (functions.SolidSimplex(0.7), (4,)),
        (functions.CappedSimplex(1.0, CAPS), (4,)),
        (functions.TransportPolytope(ROWS, COLUMNS), (3, 4)),
        (functions.Birkhoff(), (3, 3)),
        (functions.Simplex().along(-2), (3, 2)),
        (functions.Box(0.1, 0.5), (4,)),
    ],
    ids=repr,
)
def test_kullback_leibler_projections_minimize(C, shape):
    """Nothing in C is nearer, along segments to other points of C."""
    r = np.random.default_rng(1).random(shape) + 0.2
    f = functions.RelativeEntropy(r)
    found = C.kl_project(r)
    assert C(found) == 0
    rng = np.random.default_rng(2)
    for _ in range(8):
        z = C.project(found + 0.1 * rng.standard_normal(shape))
        for t in (1e-3, 0.1, 1.0):
            assert f(found) <= f(np.clip((1 - t) * found + t * z, 0.0, None)) + 1e-12


def test_zeros_stay_and_may_leave_nothing():
    r = np.array([[1.0, 0.0], [1.0, 1.0]])
    C = functions.TransportPolytope(np.array([1.0, 2.0]), np.array([1.5, 1.5]))
    assert np.allclose(C.kl_project(r), [[1.0, 0.0], [0.5, 1.5]])
    with pytest.raises(ArithmeticError, match="scaling"):
        C.kl_project(np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(functions.Simplex().kl_project(np.zeros(2))).all()
    with pytest.raises(TypeError, match="RelativeEntropy"):
        functions.L2Ball(1.0).kl_project(np.ones(2))
